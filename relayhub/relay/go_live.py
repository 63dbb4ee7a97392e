"""Going live: look whether mail would get out by a transport, then make it the rule for everything.

Looks before it leaps: a verified domain, a way out that answers (port 25, or a smarthost that takes the login),
and an egress address that SPF can name. Nothing is sent. Checks that cannot be passed over stop the rule from
being stored; the others are told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils.translation import gettext as _

from deliverability import managers
from deliverability.models import DomainStatus
from relayhub.core import languages, resolver, spoken
from relayhub.core.access import Actor, require
from relayhub.core.address_guard import is_public
from relayhub.core.errors import ConflictError, InputError
from relayhub.core.models import Scope
from relayhub.protocol.resolver import Records
from relayhub.relay import routes
from relayhub.relay.models import Route
from relayhub.relay.transports.base import TransportKind, TransportSpec, TransportTextError
from relayhub.relay.transports.connection import CannotOpen, PhaseLimits
from relayhub.relay.transports.dialogue import Dialogue
from relayhub.relay.transports.direct import probe_port_25
from relayhub.relay.transports.smtp import SmarthostTransport

#: Receivers whose port 25 is always open: if none of them answers, the network lets none of ours out.
PROBE_HOSTS = ("gmail-smtp-in.l.google.com", "mx01.mail.icloud.com", "mx00.gmx.net")
_PROBE_SECONDS = 8.0
_PROBE_LIMITS = PhaseLimits(
    connect=_PROBE_SECONDS, banner=_PROBE_SECONDS, ehlo=_PROBE_SECONDS, starttls=_PROBE_SECONDS,
    auth=_PROBE_SECONDS,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class GoLiveCheck:
    """One look. Where it failed and blocks, the rule is not stored."""

    name: str
    is_ok: bool
    blocks: bool
    message: str


class NotReadyError(ConflictError):
    """Going live was refused; `checks` holds every look, good and bad."""

    default_code = "not_ready_to_go_live"

    def __init__(self, checks: list[GoLiveCheck]) -> None:
        super().__init__(" ".join(check.message for check in checks if check.blocks and not check.is_ok))
        self.checks = checks


def go_live_checks(
    actor: Actor, transport: str, *, tls: str = "opportunistic", provider_settings: dict[str, str] | None = None
) -> list[GoLiveCheck]:
    """What stands between this workspace and the world by a transport; takes up to half a minute."""
    require(actor, Scope.ROUTES_READ)
    spec = _spec(transport)
    if provider_settings:
        spec = replace(spec, settings=tuple(sorted(provider_settings.items())))
    return [domain_check(actor), *_way_checks(spec, tls)]


def check_route(actor: Actor, route: Route) -> list[GoLiveCheck]:
    """Whether a stored rule's way out answers now, with its own login; nothing is sent."""
    require(actor, Scope.ROUTES_WRITE)
    rule = routes.rule_of(route)
    return _way_checks(rule.transport, rule.tls) if rule.transport.leaves else []


def _way_checks(spec: TransportSpec, tls: str) -> list[GoLiveCheck]:
    if spec.kind is TransportKind.DIRECT:
        return [_port_check(), _egress_check()]
    return [_provider_check(spec) if spec.kind is TransportKind.ANYMAIL else _smarthost_check(spec, tls)]


def go_live(actor: Actor, given: routes.RouteInput) -> Route:
    """Check, and store the transport as the rule for all mail; NotReadyError names what blocks.

    A rule for all mail that stood before is switched off: beside the new one it would keep a share.
    """
    require(actor, Scope.ROUTES_WRITE)
    if actor.workspace.is_pinned_to_sandbox:
        raise ConflictError(
            _("This workspace is pinned to the sandbox: its mail never leaves. Go live in a workspace of your own."),
            code="pinned_to_sandbox",
        )
    checks = go_live_checks(actor, given.transport, tls=given.tls, provider_settings=given.provider_settings)
    if any(check.blocks and not check.is_ok for check in checks):
        raise NotReadyError(checks)
    with transaction.atomic():
        route = routes.create_route(actor, replace(given, streams=(), domains=()))
        routes.switch_off_catch_alls(actor, but=route)
    return route


def _spec(transport: str) -> TransportSpec:
    try:
        spec = TransportSpec.parse(transport)
    except TransportTextError as exc:
        raise InputError(str(exc), field="transport") from exc
    if not spec.leaves:
        raise InputError(_("Mail in the sandbox never leaves: choose another transport."), field="transport")
    return spec


def domain_check(actor: Actor) -> GoLiveCheck:
    """Whether the workspace has a domain that may send."""
    verified = list(
        managers.live_domains(actor.workspace.pk).filter(status=DomainStatus.VERIFIED).values_list("name", flat=True)
    )
    message = _("No domain is verified, so all mail would be held. Add one and publish its records.")
    if verified:
        many = _("Verified: %(domains)s and others.") if len(verified) > 3 else _("Verified: %(domains)s.")
        message = many % {"domains": ", ".join(verified[:3])}
    return GoLiveCheck(name="domain", is_ok=bool(verified), blocks=True, message=message)


def _port_check() -> GoLiveCheck:
    why = run_apart(lambda: probe_port_25(PROBE_HOSTS, timeout_seconds=_PROBE_SECONDS))
    return GoLiveCheck(
        name="port_25", is_ok=not why, blocks=True,
        message=_("Port 25 is not open to the world (%(why)s). Ask your provider to open it, or use a smarthost.")
        % {"why": why} if why else _("Port 25 is open to the world."),
    )


def _egress_check() -> GoLiveCheck:
    if settings.RELAYHUB_EGRESS_ADDRESSES:
        named = ", ".join(map(str, settings.RELAYHUB_EGRESS_ADDRESSES))
        message = _("Mail leaves from %(addresses)s.") % {"addresses": named}
        return GoLiveCheck(name="egress", is_ok=True, blocks=False, message=message)
    found = resolver.uncached().a(settings.RELAYHUB_HOSTNAME)
    addresses = [text for text in found.values if is_public(text)] if isinstance(found, Records) else []
    return GoLiveCheck(
        name="egress", is_ok=bool(addresses), blocks=False,
        message=(
            _("SPF names %(host)s, which has the address %(address)s.") if addresses else
            _("RELAYHUB_EGRESS_ADDRESSES is empty and %(host)s has no public address, so SPF would fail. "
              "Set one of both.")
        ) % {"host": settings.RELAYHUB_HOSTNAME, "address": next(iter(addresses), "")},
    )


def _smarthost_check(spec: TransportSpec, tls: str) -> GoLiveCheck:
    why = run_apart(lambda: probe_smarthost(spec, tls=tls))
    well = _("%(way)s takes our login.") if spec.username else _("%(way)s answers.")
    return GoLiveCheck(
        name="smarthost", is_ok=not why, blocks=True,
        message=(_("%(way)s does not let us in: %(why)s.") if why else well) % {"way": spec.text, "why": why},
    )


def _provider_check(spec: TransportSpec) -> GoLiveCheck:
    """Without settings only the name can be looked at: they may still come from the environment."""
    from relayhub.relay.transports.anymail import NotUsable, make_backend  # 6 MB, for those who need it

    try:
        make_backend(spec)
    except (ImproperlyConfigured, ImportError) as error:
        is_ok = not spec.settings and not isinstance(error, NotUsable)
        why = str(error).splitlines()[0].rstrip(".")
        message = _("%(way)s is not set up: %(why)s.") % {"way": spec.text, "why": why}
        return GoLiveCheck(name="provider", is_ok=is_ok, blocks=True, message=message)
    return GoLiveCheck(name="provider", is_ok=True, blocks=True, message=_("%(way)s is set up.") % {"way": spec.text})


async def probe_smarthost(spec: TransportSpec, *, tls: str = "opportunistic") -> str:
    """Connect, TLS and login without sending: an empty text, or what stood in the way."""
    transport = SmarthostTransport(spec, tls=tls, max_connections=1, phase_limits=_PROBE_LIMITS)
    try:
        connection = await transport.pool.lend(Dialogue())
    except CannotOpen as error:
        return f"{error.phase.value}: {error.reply or error.why}"
    finally:
        await transport.close()
    connection.quit()
    return ""


def run_apart(work: Callable[[], Coroutine[Any, Any, str]]) -> str:
    """Run a short coroutine to its end on a thread of its own, whatever runs on this one."""
    language = spoken.language()

    def run() -> str:
        with languages.speaking(language):
            return asyncio.run(work())

    with ThreadPoolExecutor(1, thread_name_prefix="probe") as pool:
        return pool.submit(run).result()
