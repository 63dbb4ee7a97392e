"""The exact counters of streams for comparisons: two periods side by side, and what is usual at this hour."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from relayhub.core.models import Workspace

WEEKS = 4
_BY_STREAM_SQL = """
SELECT subject_id, metric, bucket >= %(middle)s, sum(value)::bigint FROM (
  SELECT subject_id, metric, bucket, value FROM relay_counter
  WHERE workspace_id = %(workspace)s AND subject = 'stream' AND bucket >= %(since)s
  UNION ALL
  SELECT subject_id, metric, bucket, delta FROM relay_counterdelta
  WHERE workspace_id = %(workspace)s AND subject = 'stream' AND bucket >= %(since)s
) c GROUP BY 1, 2, 3
"""
_USUAL_SQL = """
SELECT bucket, sum(value)::bigint FROM (
  SELECT bucket, value FROM relay_counter
  WHERE workspace_id = %(workspace)s AND subject = 'stream' AND metric = %(metric)s AND bucket = ANY(%(hours)s)
  UNION ALL
  SELECT bucket, delta FROM relay_counterdelta
  WHERE workspace_id = %(workspace)s AND subject = 'stream' AND metric = %(metric)s AND bucket = ANY(%(hours)s)
) c GROUP BY 1
"""


Totals = dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Span:
    """Metric -> count of a period, and of the one of the same length before it."""

    present: Totals
    before: Totals

    def __add__(self, other: Span) -> Span:
        """Two streams together."""
        return Span(present=_sum(self.present, other.present), before=_sum(self.before, other.before))


def _sum(one: Totals, other: Totals) -> Totals:
    return {metric: one.get(metric, 0) + other.get(metric, 0) for metric in one.keys() | other.keys()}


def spans_by_stream(workspace: Workspace, *, start: datetime, length: timedelta) -> dict[UUID, Span]:
    """Of each stream that was used: the period from `start` on, and the one before it; one query for all."""
    found: dict[UUID, Span] = defaultdict(lambda: Span(present={}, before={}))
    with connection.cursor() as cursor:
        cursor.execute(_BY_STREAM_SQL, {"workspace": workspace.pk, "middle": start, "since": start - length})
        for stream_id, metric, is_present, count in cursor.fetchall():
            days = found[stream_id]
            (days.present if is_present else days.before)[metric] = int(count)
    return dict(found)


@dataclass(frozen=True, kw_only=True)
class Usual:
    """The least and the most of the same hour in the weeks before."""

    low: int
    high: int
    weeks: int


def usual_in_hour(workspace: Workspace, metric: str, at: datetime) -> Usual | None:
    """How often it happened within the same hour of the last WEEKS weeks; None where fewer than two had any."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    hours = [hour - timedelta(weeks=back) for back in range(1, WEEKS + 1)]
    with connection.cursor() as cursor:
        cursor.execute(_USUAL_SQL, {"workspace": workspace.pk, "metric": metric, "hours": hours})
        counts = [int(count) for _, count in cursor.fetchall()]
    if len(counts) < 2:
        return None
    return Usual(low=min(counts), high=max(counts), weeks=len(counts))
