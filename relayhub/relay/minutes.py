"""Recipients in, out and deferred by the minute, for the chart of the last half hour.

A minute that has passed does not change any more, so it is counted once and kept in the cache; each look counts
only the last few minutes. A cold cache is filled newest first within a time budget: what is not counted yet is
None, and the next look goes on.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import connection

from relayhub.core.clock import now
from relayhub.core.ids import uuid7_floor
from relayhub.core.models import Workspace

SHOWN = 30
#: Answers of slow receivers come late; a minute older than this is taken as it is.
SETTLED_MINUTES = 3
_STEP_MINUTES = 5
_BUDGET_SECONDS = 0.15
_KEPT_SECONDS = 3600
_MINUTE = timedelta(minutes=1)

_COUNT_SQL = """
SELECT date_trunc('minute', at), type, count(*) FROM relay_event
WHERE workspace_id = %s AND id >= %s AND id < %s AND type IN ('accepted', 'delivered', 'deferred')
GROUP BY 1, 2
"""


@dataclass(frozen=True, kw_only=True)
class Minute:
    """One minute; None = not counted yet."""

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
