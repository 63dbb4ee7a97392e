"""Move waiting recipients to the lanes that the present rules lead to, in set-based statements."""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

from django.db import connection, transaction

from relayhub.relay import lanes

_WAITING_SQL = """
SELECT DISTINCT l.stream_id, l.broadcast_id, r.domain
FROM relay_lane l JOIN relay_recipient r ON r.lane_id = l.id AND r.status IN ('queued', 'deferred')
WHERE l.workspace_id = %s
"""
_MOVE_SQL = """
UPDATE relay_recipient r SET lane_id = t.lane_id
FROM relay_lane l, unnest(%s::text[], %s::bigint[]) AS t(domain, lane_id)
WHERE l.workspace_id = %s AND l.stream_id = %s AND l.broadcast_id IS NOT DISTINCT FROM %s
  AND r.lane_id = l.id AND r.status IN ('queued', 'deferred') AND r.domain = t.domain AND r.lane_id <> t.lane_id
"""


def relane_waiting(workspace_id: UUID) -> int:
    """Re-lane everything of a workspace that waits; returns how many rows moved."""
    moved = 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_WAITING_SQL, [workspace_id])
        groups: dict[tuple[UUID, UUID | None], list[str]] = defaultdict(list)
        for stream_id, broadcast_id, domain in cursor.fetchall():
            groups[stream_id, broadcast_id].append(domain)
        for (stream_id, broadcast_id), domains in groups.items():
            wanted = lanes.lane_ids_for(workspace_id, stream_id, broadcast_id, domains)
            cursor.execute(
                _MOVE_SQL, [list(wanted), list(wanted.values()), workspace_id, stream_id, broadcast_id]
            )
            moved += cursor.rowcount
    return moved
