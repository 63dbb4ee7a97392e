"""Routes as pages and programs show them: rules in order, in words, and how each way out is doing.

What is known of a way's health comes from what happened lately: lanes that are backed off, and the newest
outcomes of the last day. Nothing here opens a secret.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from relayhub.core import formats
from relayhub.core.clock import now
from relayhub.core.ids import uuid7_floor
from relayhub.core.models import Workspace
from relayhub.relay import routes
from relayhub.relay.models import Route, SiteRecord
from relayhub.relay.models.lane import RESOLVE_SITE
from relayhub.relay.routing import Rule, either
from relayhub.relay.transports.base import TransportKind, TransportSpec

#: Outcomes looked at; more would not change the verdict.
NEWEST_OUTCOMES = 1000
_WINDOW = timedelta(hours=24)
#: Below this many outcomes a share of deferrals says nothing.
_ENOUGH = 20
_MANY_DEFERRED = 0.2

_OUTCOMES_SQL = """
SELECT r.transport, e.type, count(*), max(e.at) FROM (
  SELECT recipient_id, type, at FROM relay_event
  WHERE workspace_id = %s AND id >= %s AND type IN ('delivered', 'deferred', 'bounced')
  ORDER BY id DESC LIMIT %s
) e JOIN relay_recipient r ON r.id = e.recipient_id GROUP BY 1, 2
"""
_LANES_SQL = """
SELECT l.site, coalesce(q.waiting, 0), l.backoff_reason FROM relay_lane l
LEFT JOIN LATERAL (
  SELECT count(*) AS waiting FROM relay_recipient r
  WHERE r.lane_id = l.id AND r.status IN ('queued', 'deferred')
) q ON true
WHERE l.workspace_id = %s AND (q.waiting > 0 OR l.backoff_reason <> '')
"""


@dataclass(kw_only=True)
class _Seen:
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    last_at: datetime | None = None
    waiting: int = 0
    lanes: int = 0
    backed_off: int = 0
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Health:
    """How a way out is doing; `status` is one of the vocabulary."""

    status: str
    word: str
    text: str
    last_at: datetime | None = None
    waiting: int = 0


@dataclass(frozen=True, kw_only=True)
class RuleLine:
    """One rule as people read it."""

    #: None for the default rule, which is not stored.
    route: Route | None
    label: str
    match: str
    transport: str
    way: str
    notes: tuple[str, ...]
    is_on: bool
    health: Health
    leaves: bool


def rule_lines(workspace: Workspace) -> list[RuleLine]:
    """Every rule in order, the default one last."""
    seen = _seen(workspace)
    stored = list(Route.objects.filter(workspace=workspace).order_by("position"))
    lines = [_line(route, TransportSpec.parse(route.transport), seen) for route in stored]
    return [*lines, _default_line(routes.default_rule(), seen)]


def way_words(spec: TransportSpec) -> str:
    """The way out in words."""
    if spec.kind is TransportKind.SANDBOX:
        return _("Kept in the sandbox inbox, never leaves")
    if spec.kind is TransportKind.DIRECT:
        return _("Straight to the mail hosts of each recipient’s domain")
    if spec.kind is TransportKind.ANYMAIL:
        return _("By the API of %(provider)s") % {"provider": spec.name.replace("_", " ").title()}
    if spec.kind is TransportKind.LMTP:
        return _("Into the mail store %(host)s by LMTP") % {"host": spec.host}
    return _("Through the smarthost %(host)s") % {"host": spec.host}


def match_words(streams: list[str], domains: list[str]) -> str:
    """When a rule applies: “All mail”, or “Stream broadcast, to gmail.com or *.example.com”."""
    names = {"streams": either(streams), "domains": either(domains[:3])}
    more = len(domains) - 3
    if more > 0:
        names["domains"] = ngettext(
            "%(domains)s and %(count)s more domain", "%(domains)s and %(count)s more domains", more
        ) % {"domains": names["domains"], "count": formats.number(more)}
    if streams and domains:
        return _("Stream %(streams)s, to %(domains)s") % names
    if streams:
        return _("Stream %(streams)s") % names
    return _("To %(domains)s") % names if domains else _("All mail")


def waiting_for(workspace: Workspace, route: Route) -> int:
    """Recipients that wait for this rule's way out, as far as lanes tell."""
    return _of(TransportSpec.parse(route.transport), _seen(workspace)).waiting


def known_hosts(domain: str) -> SiteRecord | None:
    """What was last looked up of a recipient domain's mail hosts; asks no DNS."""
    return SiteRecord.objects.filter(domain=domain).first()


def sandbox_follows(workspace: Workspace, removed: Route) -> bool:
    """Whether mail is kept in the sandbox again once that rule is gone."""
    if not TransportSpec.parse(removed.transport).leaves or removed.match_streams or removed.match_domains:
        return False
    others = Route.objects.filter(workspace=workspace, weight__gt=0, match_streams=[], match_domains=[])
    following = others.exclude(pk=removed.pk).order_by("position").first()
    if following is not None:
        return not TransportSpec.parse(following.transport).leaves
    return not routes.default_rule().transport.leaves


# -- inside --------------------------------------------------------------------------------------------------


def _seen(workspace: Workspace) -> dict[str, _Seen]:
    """By transport: newest outcomes, and lanes with mail or trouble. Lanes of MX sites are `direct`."""
    found: dict[str, _Seen] = defaultdict(_Seen)
    with connection.cursor() as cursor:
        cursor.execute(_OUTCOMES_SQL, [workspace.pk, uuid7_floor(now() - _WINDOW), NEWEST_OUTCOMES])
        for transport, kind, count, at in cursor.fetchall():
            entry = found[transport]
            entry.counts[kind] += count
            entry.last_at = max(filter(None, (entry.last_at, at)))
        cursor.execute(_LANES_SQL, [workspace.pk])
        for site, waiting, reason in cursor.fetchall():
            entry = found[_transport_of_site(site)]
            entry.waiting += waiting
            entry.lanes += 1
            entry.backed_off += bool(reason and waiting)
            entry.reason = reason or entry.reason
    return found


def _transport_of_site(site: str) -> str:
    named = site == TransportKind.SANDBOX or site.startswith(("smtp://", "smtps://", "lmtp://", "anymail:"))
    return site if named or site == RESOLVE_SITE else TransportKind.DIRECT.value


def _of(spec: TransportSpec, seen: dict[str, _Seen]) -> _Seen:
    return seen.get(spec.text, _Seen())


def _health(spec: TransportSpec, seen: dict[str, _Seen]) -> Health:
    entry = _of(spec, seen)
    delivered, deferred = entry.counts.get("delivered", 0), entry.counts.get("deferred", 0)
    total = delivered + deferred + entry.counts.get("bounced", 0)
    common: dict[str, Any] = {"last_at": entry.last_at, "waiting": entry.waiting}
    tries = {"delivered": formats.number(delivered), "all": formats.number(total), "deferred": formats.number(deferred)}
    failing = pgettext("status", "Failing")
    if entry.backed_off:
        status, word = ("warn", _("Slowed")) if delivered else ("failing", failing)
        return Health(status=status, word=word, text=_backed_off(spec, entry), **common)
    if not total:
        return Health(status="none", word=_("Not used"), text=_("No mail went this way in the last 24 h."), **common)
    if deferred and not delivered:
        text = _("Nothing got out: %(deferred)s tries deferred.") % tries
        return Health(status="failing", word=failing, text=text, **common)
    if total >= _ENOUGH and deferred > total * _MANY_DEFERRED:
        text = _("%(delivered)s of the newest %(all)s tries delivered, %(deferred)s deferred.") % tries
        return Health(status="warn", word=_("Many deferrals"), text=text, **common)
    word = _("Kept") if spec.kind is TransportKind.SANDBOX else pgettext("status", "Healthy")
    text = _("%(delivered)s of the newest %(all)s tries delivered.") % tries
    return Health(status="healthy", word=word, text=text, **common)


def _backed_off(spec: TransportSpec, entry: _Seen) -> str:
    words = {"reason": _(entry.reason), "count": formats.number(entry.backed_off), "all": formats.number(entry.lanes)}
    if spec.kind is TransportKind.DIRECT:
        return _("%(count)s of %(all)s lanes are backed off: %(reason)s") % words
    return _("It is backed off: %(reason)s") % words


def _line(route: Route, spec: TransportSpec, seen: dict[str, _Seen]) -> RuleLine:
    return RuleLine(
        route=route, label=route.name or _("Rule %(place)s") % {"place": route.position}, transport=spec.text,
        way=way_words(spec), match=match_words(route.match_streams, route.match_domains),
        notes=tuple(_notes(route, spec)), is_on=route.weight > 0, health=_health(spec, seen), leaves=spec.leaves,
    )


def _notes(route: Route, spec: TransportSpec) -> list[str]:
    notes = []
    if spec.kind is TransportKind.ANYMAIL:
        notes.append(_("key stored") if route.secret else _("no key stored"))
    elif spec.kind in (TransportKind.SMTP, TransportKind.SMTPS, TransportKind.LMTP):
        notes.append(_("signs in") if route.secret else _("no login"))
    if spec.kind is TransportKind.SMTPS:
        notes.append(_("TLS from the start"))
    elif spec.kind in (TransportKind.SMTP, TransportKind.DIRECT):
        notes.append({"none": _("no TLS"), "required": _("TLS required")}.get(route.tls, _("TLS where offered")))
    if spec.leaves and not route.dkim:
        notes.append(_("not signed here"))
    if route.max_connections:
        most = formats.counted(route.max_connections, "connection")
        notes.append(_("at most %(connections)s") % {"connections": most})
    if route.weight not in (0, 100):
        notes.append(_("weight %(weight)s") % {"weight": formats.number(route.weight)})
    return notes


def _default_line(rule: Rule, seen: dict[str, _Seen]) -> RuleLine:
    spec = rule.transport
    return RuleLine(
        route=None, label=_("Last rule"), match=_("All mail that no rule above takes"), transport=spec.text,
        way=way_words(spec), notes=(_("signs in"),) if spec.username else (), is_on=True, health=_health(spec, seen),
        leaves=spec.leaves,
    )

