"""Lanes as a person looks at them: by stream and site, worst first, with the replies behind deferrals.

All figures are of now: what waits and is deferred comes from the queue's own index, rates from the events of the
last minute, connections from what the workers report. Lanes of one stream to one site (one for each broadcast)
are shown and steered together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from relayhub.core import formats
from relayhub.core.clock import now
from relayhub.core.ids import uuid7_floor
from relayhub.core.models import Workspace
from relayhub.relay.models import Lane, Recipient, SiteRecord
from relayhub.relay.models.lane import RESOLVE_SITE
from relayhub.relay.models.routing import title_of_stream
from relayhub.relay.sites import NO_MAIL_SITE

RATE_WINDOW = timedelta(seconds=60)
#: Deferred recipients that are read for their replies, of all lanes together and of each one: the next in turn.
MAX_REPLIES = 20_000
MIN_REPLIES_A_LANE = 200
REPLIES_A_GROUP = 4

_BY_STREAM_SQL = """
SELECT l.stream_id, sum(q.waiting)::bigint FROM relay_lane l CROSS JOIN LATERAL (
  SELECT count(*) AS waiting FROM relay_recipient r
  WHERE r.lane_id = l.id AND r.status IN ('queued', 'deferred')
) q WHERE l.workspace_id = %s GROUP BY 1
"""
_RATES_SQL = """
SELECT r.lane_id, count(*) FROM relay_event e JOIN relay_recipient r ON r.id = e.recipient_id
WHERE e.workspace_id = %s AND e.id >= %s AND e.type = 'delivered' GROUP BY 1
"""
_IN_FLIGHT_SQL = """
SELECT lane_id, count(*) FROM relay_recipient
WHERE status IN ('leased', 'attempting') AND workspace_id = %s GROUP BY 1
"""
_LANES_SQL = """
SELECT l.id, l.stream_id, s.name, s.slug, s.kind, l.site, l.broadcast_id, l.paused_at, l.paused_reason,
  l.max_per_minute, l.backoff_until, l.backoff_reason, q.waiting, q.first_due, s.paused_at IS NOT NULL,
  b.paused_at IS NOT NULL, b.max_per_minute, q.later
FROM relay_lane l JOIN relay_stream s ON s.id = l.stream_id
LEFT JOIN relay_broadcastcontrol b ON b.broadcast_id = l.broadcast_id
CROSS JOIN LATERAL (
  SELECT count(*) AS waiting, count(*) FILTER (WHERE r.next_attempt_at > now()) AS later,
    min(r.next_attempt_at) AS first_due
  FROM relay_recipient r
  WHERE r.lane_id = l.id AND r.status IN ('queued', 'deferred')
) q
WHERE l.workspace_id = %s AND (q.waiting > 0 OR l.id = ANY(%s) OR l.paused_at IS NOT NULL
  OR l.max_per_minute IS NOT NULL)
ORDER BY l.id
"""
_NEXT_SQL = """
SELECT r.id FROM relay_lane l CROSS JOIN LATERAL (
  SELECT id, next_attempt_at FROM relay_recipient
  WHERE lane_id = l.id AND status IN ('queued', 'deferred') ORDER BY next_attempt_at LIMIT %s
) r WHERE l.stream_id = %s AND l.site = %s ORDER BY r.next_attempt_at LIMIT %s
"""
# Numbers, ids and addresses in a reply differ from recipient to recipient; what is left is the same sentence.
_REPLIES_SQL = r"""
SELECT l.first_lane, d.code, d.enhanced, min(d.text), count(*), min(d.next_attempt_at)
FROM unnest(%s::bigint[], %s::bigint[]) AS l(id, first_lane) CROSS JOIN LATERAL (
  SELECT r.reply->>'code' AS code, r.reply->>'enhanced' AS enhanced,
    left(coalesce(r.reply->>'text', ''), 300) AS text, r.next_attempt_at
  FROM relay_recipient r
  WHERE r.lane_id = l.id AND r.status IN ('queued', 'deferred') AND r.next_attempt_at > now()
    AND r.status = 'deferred'
  ORDER BY r.next_attempt_at LIMIT %s
) d
GROUP BY l.first_lane, d.code, d.enhanced,
  regexp_replace(d.text, '<[^>]*>|\S+@\S+|[0-9a-fA-F-]{8,}|\d+', '#', 'g')
"""


@dataclass(frozen=True, kw_only=True)
class ReplyGroup:
    """One sentence that a receiver defers with, and how many wait because of it."""

    code: str
    enhanced: str
    text: str
    count: int
    next_try_at: datetime


@dataclass(kw_only=True)
class LaneGroup:
    """The lanes of one stream to one site."""

    #: One of them; acts on it are acts on all.
    lane_id: int
    stream_id: UUID
    stream: str
    stream_slug: str
    is_broadcast: bool
    site: str
    title: str
    lanes: int = 0
    waiting: int = 0
    #: Those that were read; with `has_more_deferred` there are more.
    deferred: int = 0
    has_more_deferred: bool = False
    #: Deferred, or handed in for a later time.
    later: int = 0
    per_minute: int = 0
    in_flight: int = 0
    connections: int | None = None
    slots: int | None = None
    limit: int | None = None
    first_due: datetime | None = None
    paused: int = 0
    paused_at: datetime | None = None
    paused_reason: str = ""
    is_stream_paused: bool = False
    broadcasts_paused: int = 0
    backed_off: int = 0
    backoff_until: datetime | None = None
    backoff_reason: str = ""
    replies: list[ReplyGroup] = field(default_factory=list)

    @property
    def is_paused(self) -> bool:
        """Whether all its lanes are paused by a person."""
        return self.lanes > 0 and self.paused == self.lanes

    @property
    def state(self) -> str:
        """paused, stopped, warn, sending, waiting or healthy."""
        if self.is_paused or self.is_stream_paused:
            return "paused"
        deferred = self.later if self.has_more_deferred else self.deferred
        if self.backed_off or (deferred and deferred * 5 > self.waiting + self.per_minute):
            return "warn"
        if self.waiting and self.broadcasts_paused and self.broadcasts_paused == self.lanes:
            return "paused"
        if self.per_minute or self.in_flight:
            return "healthy"
        return "waiting" if self.waiting else "healthy"

    @property
    def word(self) -> str:
        """What the pill says."""
        if self.is_paused:
            return pgettext("status", "Paused")
        if self.state == "paused":
            return _("Stream paused") if self.is_stream_paused else _("Campaign paused")
        if self.state == "warn":
            return _("Backing off") if self.backed_off else _("Deferring")
        return pgettext("status", "Waiting") if self.state == "waiting" else pgettext("status", "Healthy")

    @property
    def deferred_words(self) -> str:
        """See `deferred_words`."""
        return deferred_words([self])

    @property
    def oldest_seconds(self) -> float | None:
        """How long the first in turn has been due; None where nothing is."""
        if self.first_due is None:
            return None
        seconds = (now() - self.first_due).total_seconds()
        return seconds if seconds > 0 else None

    @property
    def rank(self) -> tuple[int, int, int]:
        """Worst first: in trouble, then paused, then by what waits."""
        order = {"warn": 0, "paused": 1, "waiting": 2, "healthy": 2}[self.state]
        return order, -self.deferred, -self.waiting - self.per_minute


def deferred_words(groups: Iterable[LaneGroup]) -> str:
    """How many of all these are deferred: “1,204”, or “20,000+” where not all were read."""
    shown = list(groups)
    more = "+" if any(group.has_more_deferred for group in shown) else ""
    return formats.number(sum(group.deferred for group in shown)) + more


def waiting_by_stream(workspace: Workspace) -> dict[UUID, int]:
    """Recipients in the queue of each stream."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_STREAM_SQL, [workspace.pk])
        return dict(cursor.fetchall())


def lane_groups(workspace: Workspace, *, sending: Mapping[int, Sequence[int]] | None = None) -> list[LaneGroup]:
    """Every lane with mail, traffic, a pause or a limit, grouped, worst first.

    `sending` is what workers report: lane -> (connections in use, connections allowed); None where unknown.
    """
    with connection.cursor() as cursor:
        cursor.execute(_RATES_SQL, [workspace.pk, uuid7_floor(now() - RATE_WINDOW)])
        rates = dict(cursor.fetchall())
        cursor.execute(_IN_FLIGHT_SQL, [workspace.pk])
        in_flight = dict(cursor.fetchall())
        cursor.execute(_LANES_SQL, [workspace.pk, sorted({*rates, *in_flight})])
        rows = cursor.fetchall()
    groups: dict[tuple[UUID, str], LaneGroup] = {}
    of_lane: dict[int, LaneGroup] = {}
    titles = _titles({row[5] for row in rows})
    for row in rows:
        group = groups.get((row[1], row[5])) or groups.setdefault((row[1], row[5]), _new(row, titles))
        of_lane[row[0]] = group
        _add(group, row, rates.get(row[0], 0), in_flight.get(row[0], 0))
        if sending is not None:
            used, allowed = sending.get(row[0], (0, 0))
            group.connections = (group.connections or 0) + used
            group.slots = (group.slots or 0) + allowed
    _add_replies(of_lane, {row[0]: row[17] for row in rows if row[17]})
    return sorted(groups.values(), key=lambda group: group.rank)


def next_in_turn(lane: Lane, *, limit: int) -> list[Recipient]:
    """The first that wait in the lanes of this stream and site, with their messages, in the order they are tried."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_SQL, [limit, lane.stream_id, lane.site, limit])
        ids = [row[0] for row in cursor.fetchall()]
    rows = Recipient.objects.filter(pk__in=ids).select_related("message")
    return sorted(rows, key=lambda row: (row.next_attempt_at, row.pk))


def idle_group(lane: Lane) -> LaneGroup:
    """The lanes of a site that has nothing to show."""
    return LaneGroup(
        lane_id=lane.pk, stream_id=lane.stream_id, stream=lane.stream.title, stream_slug=lane.stream.slug,
        is_broadcast=lane.stream.kind == "broadcast", site=lane.site, title=_titles({lane.site})[lane.site], lanes=1,
    )


def _new(row: Sequence[Any], titles: Mapping[str, str]) -> LaneGroup:
    return LaneGroup(
        lane_id=row[0], stream_id=row[1], stream=title_of_stream(row[2]), stream_slug=row[3],
        is_broadcast=row[4] == "broadcast", site=row[5], title=titles.get(row[5], row[5]), is_stream_paused=row[14],
    )


def _add(group: LaneGroup, row: Sequence[Any], rate: int, in_flight: int) -> None:
    paused_at, reason, limit, until, why, waiting, first_due = *row[7:12], row[12], row[13]
    group.lanes += 1
    group.waiting += waiting
    group.later += row[17]
    group.per_minute += rate
    group.in_flight += in_flight
    group.broadcasts_paused += row[15]
    limits = [value for value in (group.limit, limit, row[16]) if value is not None]
    group.limit = min(limits, default=None)
    group.first_due = min(filter(None, (group.first_due, first_due)), default=None)
    if paused_at is not None:
        group.paused += 1
        group.paused_at, group.paused_reason = paused_at, reason
    if why and waiting:
        group.backed_off += 1
        group.backoff_reason = _(why)
        group.backoff_until = max(filter(None, (group.backoff_until, until)), default=None)


def _add_replies(of_lane: Mapping[int, LaneGroup], later: Mapping[int, int]) -> None:
    """Read the deferred of the lanes in `later`, which says how many of each wait for a later time."""
    if not later:
        return
    most = max(MIN_REPLIES_A_LANE, MAX_REPLIES // len(later))
    with connection.cursor() as cursor:
        cursor.execute(_REPLIES_SQL, [list(later), [of_lane[lane_id].lane_id for lane_id in later], most])
        rows = cursor.fetchall()
    groups = {group.lane_id: group for group in of_lane.values()}
    found: dict[int, list[ReplyGroup]] = defaultdict(list)
    for first_lane, code, enhanced, text, count, next_try in rows:
        groups[first_lane].deferred += count
        found[first_lane].append(
            ReplyGroup(code=code or "", enhanced=enhanced or "", text=text or _("No conversation came about"),
                       count=count, next_try_at=next_try)
        )
    for first_lane, replies in found.items():
        groups[first_lane].replies = sorted(replies, key=lambda reply: -reply.count)[:REPLIES_A_GROUP]
    for lane_id, count in later.items():
        group = of_lane[lane_id]
        group.has_more_deferred |= count > most <= group.deferred


def _titles(sites: Iterable[str]) -> dict[str, str]:
    """What people call a site: its provider where one is known."""
    wanted = set(sites)
    rows = SiteRecord.objects.filter(site__in=wanted).exclude(provider="").values_list("site", "provider").distinct()
    return {
        **{site: site.replace("lmtp://", "").replace("smtps://", "").replace("smtp://", "") for site in wanted},
        **dict(rows), RESOLVE_SITE: _("Being looked up in DNS"), "sandbox": _("Sandbox inbox"),
        NO_MAIL_SITE: _("Domains that take no mail"),
    }
