"""What is usual at this hour of the week, from the exact counters of the weeks before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from relayhub.core.models import Workspace

WEEKS = 4
_SQL = """
SELECT bucket, sum(value)::bigint FROM (
  SELECT bucket, value FROM relay_counter
  WHERE workspace_id = %(workspace)s AND subject = 'stream' AND metric = %(metric)s AND bucket = ANY(%(hours)s)
  UNION ALL
  SELECT bucket, delta FROM relay_counterdelta
  WHERE workspace_id = %(workspace)s AND subject = 'stream' AND metric = %(metric)s AND bucket = ANY(%(hours)s)
) c GROUP BY 1
"""


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
        cursor.execute(_SQL, {"workspace": workspace.pk, "metric": metric, "hours": hours})
        counts = [int(count) for _, count in cursor.fetchall()]
    if len(counts) < 2:
        return None
    return Usual(low=min(counts), high=max(counts), weeks=len(counts))
