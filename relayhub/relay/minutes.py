"""Recipients in, out and deferred, by the minute of the last half hour and by five seconds of the last five minutes.

What has passed does not change any more, so it is counted once and kept in the cache; each look counts
only the last few minutes. A cold cache is filled newest first within a time budget: what is not counted yet is
None, and the next look goes on.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.core.cache import cache
from django.db import connection

from relayhub.core.clock import now
from relayhub.core.ids import uuid7_floor
from relayhub.core.models import Workspace
from relayhub.relay.models import Event

SHOWN = 30
#: Answers of slow receivers come late; a minute older than this is taken as it is.
SETTLED_MINUTES = 3
_STEP_MINUTES = 5
_BUDGET_SECONDS = 0.15
#: Events that are looked at for when mail last moved.
_NEWEST = 1_000
_KEPT_SECONDS = 3600
_MINUTE = timedelta(minutes=1)
#: The near chart: so many stretches of so many seconds; older than SETTLED of them they are taken as they are.
MOMENTS = 60
MOMENT_SECONDS = 5
_SETTLED_MOMENTS = 12
_MOMENT = timedelta(seconds=MOMENT_SECONDS)

_COUNT_SQL = """
SELECT date_trunc('minute', at), type, count(*) FROM relay_event
WHERE workspace_id = %s AND id >= %s AND id < %s AND type IN ('accepted', 'delivered', 'deferred')
GROUP BY 1, 2
"""

#: An answer may come a minute after its attempt began, which is when the event's id was made.
_MOMENTS_SQL = """
SELECT date_bin(%s::interval, at, TIMESTAMPTZ 'epoch'), type, count(*) FROM relay_event
WHERE workspace_id = %s AND id >= %s AND at >= %s AND at < %s AND type IN ('accepted', 'delivered', 'deferred')
GROUP BY 1, 2
"""


@dataclass(frozen=True, kw_only=True)
class Minute:
    """One minute, or a stretch of some seconds; None = not counted yet."""

    at: datetime
    taken: int | None
    out: int | None
    deferred: int | None


_Counts = dict[str, int]


def last_minutes(workspace: Workspace) -> list[Minute]:
    """The last SHOWN minutes that are over, oldest first."""
    newest = now().replace(second=0, microsecond=0) - _MINUTE
    wanted = [newest - _MINUTE * back for back in range(SHOWN)]
    key = f"live-minutes:{workspace.pk}"
    known: dict[float, _Counts] = {at: counts for at, counts in (cache.get(key) or {}).items()
                                   if at >= wanted[-1].timestamp()}
    settled = {at for at in wanted[SETTLED_MINUTES:] if at.timestamp() in known}
    found = {at: known[at.timestamp()] for at in settled}
    ends_at = time.monotonic() + _BUDGET_SECONDS
    for start in range(0, SHOWN, _STEP_MINUTES):
        step = [at for at in wanted[start : start + _STEP_MINUTES] if at not in settled]
        if step and (start == 0 or time.monotonic() < ends_at):
            found |= _count(workspace, step)
    keep = {at.timestamp(): found[at] for at in wanted[SETTLED_MINUTES:] if at in found}
    cache.set(key, keep, _KEPT_SECONDS)
    return [_minute(at, found.get(at)) for at in reversed(wanted)]


def last_moments(workspace: Workspace) -> list[Minute]:
    """The last MOMENTS stretches of MOMENT_SECONDS that are over, oldest first."""
    end = datetime.fromtimestamp(now().timestamp() // MOMENT_SECONDS * MOMENT_SECONDS, UTC)
    wanted = [end - _MOMENT * back for back in range(MOMENTS, 0, -1)]
    key = f"live-moments:{workspace.pk}"
    known: dict[float, _Counts] = cache.get(key) or {}
    settled = wanted[:-_SETTLED_MOMENTS]
    missing = [at for at in settled if at.timestamp() not in known]
    first = missing[0] if missing else wanted[-_SETTLED_MOMENTS]
    found = {at: known.get(at.timestamp(), {}) for at in wanted if at < first}
    found |= _count_moments(workspace, [at for at in wanted if at >= first], end)
    cache.set(key, {at.timestamp(): found[at] for at in settled}, _KEPT_SECONDS)
    return [_minute(at, found[at]) for at in wanted]


def _count_moments(workspace: Workspace, moments: list[datetime], end: datetime) -> dict[datetime, _Counts]:
    found: dict[datetime, _Counts] = {at: {} for at in moments}
    with connection.cursor() as cursor:
        floor = uuid7_floor(moments[0] - _MINUTE)
        cursor.execute(_MOMENTS_SQL, [f"{MOMENT_SECONDS} seconds", workspace.pk, floor, moments[0], end])
        for at, kind, count in cursor.fetchall():
            if at in found:
                found[at][kind] = count
    return found


def _count(workspace: Workspace, minutes: list[datetime]) -> dict[datetime, _Counts]:
    found: dict[datetime, _Counts] = {at: {} for at in minutes}
    with connection.cursor() as cursor:
        # An event's id is made when its attempt begins, so a late answer lies somewhat before its time.
        first, last = uuid7_floor(min(minutes) - SETTLED_MINUTES * _MINUTE), uuid7_floor(max(minutes) + _MINUTE)
        cursor.execute(_COUNT_SQL, [workspace.pk, first, last])
        for at, kind, count in cursor.fetchall():
            if at in found:
                found[at][kind] = count
    return found


def _minute(at: datetime, counts: _Counts | None) -> Minute:
    if counts is None:
        return Minute(at=at, taken=None, out=None, deferred=None)
    return Minute(
        at=at, taken=counts.get("accepted", 0), out=counts.get("delivered", 0), deferred=counts.get("deferred", 0)
    )


def last_moved(workspace: Workspace) -> datetime | None:
    """When mail was last accepted or delivered; None where none of the newest events tells."""
    # No more are looked at: of a newsletter there may be a hundred thousand openings since.
    newest = Event.objects.filter(workspace_id=workspace.pk).order_by("-id")[:_NEWEST]
    rows = Event.objects.filter(pk__in=newest.values("pk"), type__in=("accepted", "delivered")).order_by("-id")
    return rows.values_list("at", flat=True).first()


def last_sixty_seconds(workspace: Workspace) -> Minute:
    """The last 60 seconds, up to now."""
    at = now()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT type, count(*) FROM relay_event WHERE workspace_id = %s AND id >= %s"
            " AND type IN ('accepted', 'delivered', 'deferred') GROUP BY 1",
            [workspace.pk, uuid7_floor(at - _MINUTE)],
        )
        return _minute(at, dict(cursor.fetchall()))
