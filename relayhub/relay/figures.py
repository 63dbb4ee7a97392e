"""Figures of the whole installation, over all workspaces: for metrics, never for a tenant's page."""

from __future__ import annotations

from django.db import connection

from relayhub.relay.models import RecipientStatus

#: Every status that is not final, in the order of a recipient's way.
OPEN_STATUSES = (
    RecipientStatus.QUEUED, RecipientStatus.LEASED, RecipientStatus.ATTEMPTING, RecipientStatus.DEFERRED,
    RecipientStatus.HELD, RecipientStatus.UNKNOWN, RecipientStatus.QUARANTINED,
)
_EVENTS_SQL = """
SELECT s.kind, c.metric, sum(c.value)::bigint FROM (
  SELECT subject_id, metric, value FROM relay_counter WHERE subject = 'stream'
  UNION ALL SELECT subject_id, metric, delta FROM relay_counterdelta WHERE subject = 'stream') c
JOIN relay_stream s ON s.id = c.subject_id GROUP BY 1, 2 ORDER BY 1, 2
"""
#: One part for each partial index that holds open rows: of a status list that spans several none would be used, and
#: all the mail that ever went out would be read.
_OPEN_SQL = """
SELECT status, count(*) FROM relay_recipient WHERE status IN ('queued', 'deferred') GROUP BY 1
UNION ALL SELECT status, count(*) FROM relay_recipient WHERE status IN ('leased', 'attempting') GROUP BY 1
UNION ALL SELECT status, count(*) FROM relay_recipient WHERE status IN ('held', 'unknown', 'quarantined') GROUP BY 1
"""


def event_totals() -> dict[tuple[str, str], int]:
    """(kind of stream, metric) -> events since the beginning, from the exact counters."""
    with connection.cursor() as cursor:
        cursor.execute(_EVENTS_SQL)
        return {(kind, metric): count for kind, metric, count in cursor.fetchall()}


def open_recipients() -> dict[str, int]:
    """Status -> recipients that are not finished; each open status is there, answered by partial indexes."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN_SQL)
        found = dict(cursor.fetchall())
    return {str(status): found.get(str(status), 0) for status in OPEN_STATUSES}
