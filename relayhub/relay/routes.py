"""Routes of workspaces: load and cache the rules, change them, explain them, and what going live needs.

Stored rules come first, in order; `RELAYHUB_DEFAULT_ROUTE` is always the last and is not stored. Secrets are
split off the transport's text and kept sealed. A change re-lanes what waits.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from deliverability import domains
from relayhub.core import audit, crypto
from relayhub.core.access import Actor, require
from relayhub.core.address_faults import fault_told
from relayhub.core.errors import AccessError, ConfigurationError, InputError
from relayhub.core.models import Scope, Workspace
from relayhub.protocol.address import AddressError, normalise_domain, parse_addr_spec
from relayhub.relay.models import Route, Stream
from relayhub.relay.routing import RouteChoice, Rule, choose_route, first_match
from relayhub.relay.transports.base import TransportKind, TransportSpec, TransportTextError

#: How old the rules that a process works with may be.
CACHE_SECONDS = 2.0
MAX_ROUTES = 200
_TLS = ("none", "opportunistic", "required")


@dataclass(frozen=True, kw_only=True)
class WorkspaceRules:
    """The rules of a workspace, the default one last."""

    rules: tuple[Rule, ...]
    is_pinned_to_sandbox: bool
    stream_slugs: dict[UUID, str]


_cache: dict[UUID, tuple[float, WorkspaceRules]] = {}
_lock = threading.Lock()


def default_rule() -> Rule:
    """The last rule of every workspace."""
    text = settings.RELAYHUB_DEFAULT_ROUTE
    try:
        return Rule(transport=TransportSpec.parse(text))
    except TransportTextError as exc:
        got = "" if "@" in text else f" “{text}”, which is"  # before an @ may stand a password
        raise ConfigurationError(f"RELAYHUB_DEFAULT_ROUTE is{got} not understood. {exc}") from exc


def rules_for(workspace_id: UUID) -> WorkspaceRules:
    """The rules as of at most CACHE_SECONDS ago."""
    moment = time.monotonic()
    found = _cache.get(workspace_id)
    if found is not None and moment - found[0] < CACHE_SECONDS:
        return found[1]
    loaded = _load(workspace_id)
    with _lock:
        _cache[workspace_id] = (moment, loaded)
    return loaded


def forget(workspace_id: UUID | None = None) -> None:
    """Read the rules anew next time."""
    with _lock:
        if workspace_id is None:
            _cache.clear()
        else:
            _cache.pop(workspace_id, None)


def _load(workspace_id: UUID) -> WorkspaceRules:
    workspace = Workspace.objects.only("is_pinned_to_sandbox").get(pk=workspace_id)
    stored = Route.objects.filter(workspace_id=workspace_id).order_by("position")
    return WorkspaceRules(
        rules=(*map(rule_of, stored), default_rule()),
        is_pinned_to_sandbox=workspace.is_pinned_to_sandbox,
        stream_slugs=dict(Stream.objects.filter(workspace_id=workspace_id).values_list("id", "slug")),
    )


def rule_of(route: Route) -> Rule:
    """A stored rule with its secret opened: for the relay, never for a page."""
    spec = TransportSpec.parse(route.transport)
    if route.secret is not None:
        secret = json.loads(crypto.decrypt(route.secret, purpose="route"))
        spec = replace(
            spec, username=secret.get("username", ""), password=secret.get("password", ""),
            settings=tuple(sorted(secret.get("settings", {}).items())),
        )
    return Rule(
        transport=spec, streams=frozenset(route.match_streams), domains=frozenset(route.match_domains),
        route_id=route.pk, name=route.name, position=route.position, weight=route.weight, dkim=route.dkim,
        tls=route.tls, max_connections=route.max_connections,
    )


def fixed_sites(workspace_id: UUID, stream_id: UUID, recipient_domains: Iterable[str]) -> dict[str, str]:
    """Domains whose first matching rule is not `direct` -> that transport's text: the site of their lane."""
    found = rules_for(workspace_id)
    if found.is_pinned_to_sandbox:
        return dict.fromkeys(recipient_domains, TransportKind.SANDBOX.value)
    slug = found.stream_slugs.get(stream_id, "")
    sites: dict[str, str] = {}
    for domain in recipient_domains:
        rule = first_match(found.rules, slug, domain)
        if rule is not None and rule.transport.kind is not TransportKind.DIRECT:
            sites[domain] = rule.transport.text
    return sites


def choose(
    workspace_id: UUID, *, stream: str, domain: str, from_domain: str, recipient_id: UUID | None = None
) -> RouteChoice:
    """The way of one recipient, with the From domain's present state."""
    found = rules_for(workspace_id)
    return choose_route(
        stream=stream, domain=domain, rules=found.rules, recipient_id=recipient_id,
        is_pinned_to_sandbox=found.is_pinned_to_sandbox,
        domain_state=domains.sending_state(workspace_id, from_domain),
    )


def all_stay_inside(workspace_id: UUID, stream: str, recipient_domains: Iterable[str]) -> bool:
    """Whether every one of these domains is routed to the sandbox."""
    found = rules_for(workspace_id)
    if found.is_pinned_to_sandbox:
        return True
    return all(
        (rule := first_match(found.rules, stream, domain)) is not None and not rule.transport.leaves
        for domain in recipient_domains
    )


def workspace_in_sandbox(workspace_id: UUID) -> bool:
    """Whether the workspace's last resort is the sandbox: pages say so."""
    found = rules_for(workspace_id)
    catch_all = next((rule for rule in found.rules if not rule.streams and not rule.domains and rule.weight), None)
    return found.is_pinned_to_sandbox or (catch_all is not None and not catch_all.transport.leaves)


def explain(actor: Actor, *, address: str, stream: str, from_domain: str = "") -> RouteChoice:
    """Which way mail to this address would go, and why not another."""
    require(actor, Scope.ROUTES_READ)
    try:
        domain = parse_addr_spec(address.strip()).ascii_domain
    except AddressError as exc:
        raise InputError(fault_told(exc.message), field="address") from exc
    found = rules_for(actor.workspace.pk)
    if stream not in found.stream_slugs.values():
        raise InputError(_("There is no stream “%(name)s”.") % {"name": stream}, field="stream")
    state = domains.sending_state(actor.workspace.pk, from_domain) if from_domain else "verified"
    return choose_route(
        stream=stream, domain=domain, rules=found.rules, is_pinned_to_sandbox=found.is_pinned_to_sandbox,
        domain_state=state,
    )


# -- changing ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class RouteInput:
    """What a person or program says of a rule."""

    transport: str
    streams: Sequence[str] = ()
    domains: Sequence[str] = ()
    name: str = ""
    weight: int = 100
    dkim: bool = True
    tls: str = "opportunistic"
    max_connections: int | None = None
    #: Settings of a provider's API, such as {"api_key": …}.
    provider_settings: dict[str, str] | None = None
    #: Drop a stored login or key that the transport names no more.
    forget_secret: bool = False


def create_route(actor: Actor, given: RouteInput, *, position: int | None = None) -> Route:
    """Add a rule at a place, the last before the default one if none is given."""
    require(actor, Scope.ROUTES_WRITE)
    values = _checked(actor, given)
    with transaction.atomic():
        _hold_rules(actor.workspace.pk)
        count = Route.objects.filter(workspace=actor.workspace).count()
        if count >= MAX_ROUTES:
            raise InputError(_("A workspace has at most %(count)s rules.") % {"count": MAX_ROUTES})
        route = Route.objects.create(workspace=actor.workspace, position=count + 1, **values)
        if position is not None:
            _move(route, position)
        audit.record(actor, "route.created", "route", route.public_id, summary=route.transport,
                     after={"streams": route.match_streams, "domains": route.match_domains})
        _changed(actor.workspace.pk)
    return route


def change_route(actor: Actor, route: Route, given: RouteInput, *, position: int | None = None) -> Route:
    """Replace what a rule says; its secret is kept where the new transport names none and is the same."""
    require(actor, Scope.ROUTES_WRITE)
    values = _checked(actor, given)
    if values["secret"] is None and values["transport"] == route.transport and not given.forget_secret:
        del values["secret"]
    before = {"transport": route.transport, "streams": route.match_streams, "domains": route.match_domains}
    with transaction.atomic():
        _hold_rules(actor.workspace.pk, route)
        for field, value in values.items():
            setattr(route, field, value)
        route.save(update_fields=[*values])
        if position is not None:
            _move(route, position)
        audit.record(actor, "route.changed", "route", route.public_id, before=before,
                     after={"transport": route.transport, "streams": route.match_streams,
                            "domains": route.match_domains})
        _changed(actor.workspace.pk)
    return route


def move_route(actor: Actor, route: Route, position: int) -> None:
    """Put a rule at another place, counted from 1; the others close up."""
    require(actor, Scope.ROUTES_WRITE)
    with transaction.atomic():
        _hold_rules(actor.workspace.pk, route)
        before = route.position
        _move(route, position)
        if route.position != before:
            audit.record(actor, "route.moved", "route", route.public_id, summary=route.transport,
                         before={"position": before}, after={"position": route.position})
            _changed(actor.workspace.pk)


def switch_off_catch_alls(actor: Actor, *, but: Route) -> list[Route]:
    """Give weight 0 to the other rules for all mail, so that none of them takes mail from `but`."""
    require(actor, Scope.ROUTES_WRITE)
    with transaction.atomic():
        rivals = list(
            Route.objects.select_for_update()
            .filter(workspace=actor.workspace, match_streams=[], match_domains=[], weight__gt=0).exclude(pk=but.pk)
        )
        for rival in rivals:
            audit.record(actor, "route.changed", "route", rival.public_id, summary=rival.transport,
                         before={"weight": rival.weight}, after={"weight": 0})
            rival.weight = 0
            rival.save(update_fields=["weight"])
        if rivals:
            _changed(actor.workspace.pk)
    return rivals


def delete_route(actor: Actor, route: Route) -> None:
    """Remove a rule; what waits is led by the rules that stay."""
    require(actor, Scope.ROUTES_WRITE)
    with transaction.atomic():
        _hold_rules(actor.workspace.pk, route)
        audit.record(actor, "route.deleted", "route", route.public_id, summary=route.transport)
        route.delete()
        _number(list(Route.objects.filter(workspace=actor.workspace).order_by("position")))
        _changed(actor.workspace.pk)


def _hold_rules(workspace_id: UUID, route: Route | None = None) -> None:
    """Let one change at a time number the rules of a workspace; mail is accepted meanwhile.

    A rule is read anew, for another tab may have moved it; AccessError where one deleted it.
    """
    Workspace.objects.select_for_update(no_key=True).only("pk").get(pk=workspace_id)
    if route is not None:
        present = Route.objects.filter(pk=route.pk).values_list("position", flat=True).first()
        if present is None:
            raise AccessError(_("This rule was deleted meanwhile."))
        route.position = present


def _move(route: Route, position: int) -> None:
    others = list(Route.objects.filter(workspace_id=route.workspace_id).exclude(pk=route.pk).order_by("position"))
    others.insert(max(0, min(position - 1, len(others))), route)
    _number(others)


def _number(routes: list[Route]) -> None:
    for number, route in enumerate(routes, start=1):
        if route.position != number:
            route.position = number
            route.save(update_fields=["position"])


def _changed(workspace_id: UUID) -> None:
    """Let this process see the change at once, and move what waits to the lanes it now belongs to."""
    from relayhub.relay import relaning

    def after() -> None:
        forget(workspace_id)
        relaning.after_change(workspace_id)

    transaction.on_commit(after)


def _checked(actor: Actor, given: RouteInput) -> dict[str, Any]:
    try:
        spec = TransportSpec.parse(given.transport)
    except TransportTextError as exc:
        raise InputError(str(exc), field="transport") from exc
    known = set(Stream.objects.filter(workspace=actor.workspace).values_list("slug", flat=True))
    unknown = sorted(set(given.streams) - known)
    if unknown:
        raise InputError(_("There is no stream “%(name)s”.") % {"name": unknown[0]}, field="match.streams")
    if given.tls not in _TLS:
        raise InputError(_("TLS is one of: %(kinds)s.") % {"kinds": ", ".join(_TLS)}, field="tls")
    if not 0 <= given.weight <= 10_000:
        raise InputError(_("A weight is from 0 to 10,000."), field="weight")
    if given.max_connections is not None and not 1 <= given.max_connections <= 1000:
        raise InputError(_("Connections are from 1 to 1,000."), field="max_connections")
    secret = _secret(spec, given.provider_settings)
    return {
        "transport": spec.text, "match_streams": sorted(set(given.streams)),
        "match_domains": sorted({_checked_domain(domain) for domain in given.domains}),
        "name": given.name.strip()[:120], "weight": given.weight, "dkim": given.dkim, "tls": given.tls,
        "max_connections": given.max_connections, "secret": secret,
    }


def _secret(spec: TransportSpec, provider_settings: dict[str, str] | None) -> bytes | None:
    values: dict[str, Any] = {}
    if spec.username:
        values |= {"username": spec.username, "password": spec.password}
    if provider_settings:
        values["settings"] = provider_settings
    return crypto.encrypt(json.dumps(values).encode(), purpose="route") if values else None


def _checked_domain(domain: str) -> str:
    text = domain.strip().lower()
    prefix, bare = ("*.", text[2:]) if text.startswith("*.") else ("", text)
    try:
        return prefix + normalise_domain(bare)
    except AddressError as exc:
        words = _("“%(domain)s” is not a domain.") % {"domain": domain}
        raise InputError(f"{words} {fault_told(exc.message)}", field="match.domains") from exc
