"""The queue as an operator looks at it: totals by status, lanes with what stops them, the oldest due row."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from relayhub.relay.retold import retold

_TOTALS_SQL = "SELECT status, count(*) FROM relay_recipient GROUP BY 1 ORDER BY 1"
_LANES_SQL = """
WITH waiting AS (
  SELECT r.lane_id, count(*) AS waiting, count(*) FILTER (WHERE r.next_attempt_at <= now()) AS due,
    min(r.next_attempt_at) AS first_due
  FROM relay_recipient r WHERE r.status IN ('queued', 'deferred')
  GROUP BY r.lane_id ORDER BY count(*) DESC LIMIT %s
)
SELECT l.id, w.slug, s.slug, l.site, q.waiting, q.due,
  greatest(0, extract(epoch FROM now() - q.first_due))::float8,
  concat_ws(', ',
    CASE WHEN EXISTS (SELECT 1 FROM core_systemstate st WHERE st.key = 'sending_paused')
      THEN 'sending is paused' END,
    CASE WHEN w.sending_stopped_at IS NOT NULL THEN 'workspace stopped' END,
    CASE WHEN s.paused_at IS NOT NULL THEN 'stream paused' END,
    CASE WHEN l.paused_at IS NOT NULL THEN 'lane paused' END,
    CASE WHEN b.cancelled_at IS NOT NULL THEN 'broadcast cancelled'
         WHEN b.paused_at IS NOT NULL THEN 'broadcast paused' END,
    CASE WHEN l.backoff_until > now() THEN 'backing off: ' || l.backoff_reason END)
FROM waiting q JOIN relay_lane l ON l.id = q.lane_id JOIN relay_stream s ON s.id = l.stream_id
JOIN core_workspace w ON w.id = l.workspace_id
LEFT JOIN relay_broadcastcontrol b ON b.broadcast_id = l.broadcast_id
ORDER BY q.waiting DESC
"""


@dataclass(frozen=True, kw_only=True)
class LaneView:
    """One lane with mail in it."""

    id: int
    workspace: str
    stream: str
    site: str
    waiting: int
    due: int
    oldest_due_seconds: float
    #: What keeps it from being claimed, in words; empty = nothing.
    stopped_by: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def queue_totals() -> dict[str, int]:
    """How many recipients stand in each status, over all workspaces."""
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS_SQL)
        return dict(cursor.fetchall())


def queue_lanes(*, limit: int = 20) -> list[LaneView]:
    """The fullest lanes."""
    with connection.cursor() as cursor:
        cursor.execute(_LANES_SQL, [limit])
        rows = cursor.fetchall()
    return [
        LaneView(
            id=row[0],
            workspace=row[1],
            stream=row[2],
            site=row[3],
            waiting=row[4],
            due=row[5],
            oldest_due_seconds=row[6],
            stopped_by=row[7],
        )
        for row in rows
    ]


def oldest_due_seconds() -> float:
    """How long the oldest row has been due that nothing stops: the measure of whether the relay lives."""
    return max(
        (lane.oldest_due_seconds for lane in queue_lanes(limit=200) if not lane.stopped_by), default=0.0
    )


_STOPS_SQL = """
SELECT EXISTS (SELECT 1 FROM core_systemstate st WHERE st.key = 'sending_paused'),
  w.sending_stopped_at IS NOT NULL, s.paused_at IS NOT NULL, l.paused_at IS NOT NULL, l.paused_reason,
  b.cancelled_at IS NOT NULL, b.paused_at IS NOT NULL, l.backoff_until > now(), l.backoff_reason,
  l.max_per_minute, b.max_per_minute
FROM relay_lane l JOIN relay_stream s ON s.id = l.stream_id JOIN core_workspace w ON w.id = l.workspace_id
LEFT JOIN relay_broadcastcontrol b ON b.broadcast_id = l.broadcast_id
WHERE l.id = %s
"""


def what_keeps_back(lane_id: int) -> str:
    """What stops or slows a lane at present, in words of the present language; empty = nothing."""
    with connection.cursor() as cursor:
        cursor.execute(_STOPS_SQL, [lane_id])
        row = cursor.fetchone()
    if row is None:
        return ""
    all_paused, workspace, stream, lane, lane_why, cancelled, paused, slowed, slow_why, lane_limit, limit = row
    found = (
        _("sending is paused for the whole installation") if all_paused else "",
        _("this workspace is stopped") if workspace else "",
        _("the stream is paused") if stream else "",
        _lane_paused(lane_why) if lane else "",
        _("the campaign was cancelled") if cancelled else _("the campaign is paused") if paused else "",
        _("the receiver asked us to slow down: %(reason)s") % {"reason": retold(slow_why)} if slowed else "",
        _("the lane is limited to %(count)s a minute") % {"count": lane_limit} if lane_limit is not None else "",
        _("the campaign is limited to %(count)s a minute") % {"count": limit} if limit is not None else "",
    )
    return ", ".join(filter(None, found))


def _lane_paused(reason: str) -> str:
    return _("the lane is paused (%(reason)s)") % {"reason": reason} if reason else _("the lane is paused")
