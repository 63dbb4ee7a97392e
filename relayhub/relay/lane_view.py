"""Lanes as a person looks at them: by stream and site, worst first, with the replies behind deferrals."""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from relayhub.core.models import Workspace

_BY_STREAM_SQL = """
SELECT l.stream_id, sum(q.waiting)::bigint FROM relay_lane l CROSS JOIN LATERAL (
  SELECT count(*) AS waiting FROM relay_recipient r
  WHERE r.lane_id = l.id AND r.status IN ('queued', 'deferred')
) q WHERE l.workspace_id = %s GROUP BY 1
"""


def waiting_by_stream(workspace: Workspace) -> dict[UUID, int]:
    """Recipients in the queue of each stream."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_STREAM_SQL, [workspace.pk])
        return dict(cursor.fetchall())
