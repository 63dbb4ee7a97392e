"""Move waiting recipients to the lanes that the present rules lead to: a few at once, very many as a job.

A lane's way out is looked up by the rules when its mail is sent, so the queue follows a change either way; moving
gives what waits the pace, the health and the place on Live of the way it takes now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext_noop

from relayhub.core import jobs
from relayhub.core.models import Workspace
from relayhub.relay import lanes
from relayhub.relay.bell import ring_lanes

JOB_KIND = "relane"
#: So many waiting rows are moved while somebody waits for the answer: about a second.
MOVED_AT_ONCE = 20_000
_BATCH = 10_000

_WAITING_SQL = """
SELECT DISTINCT l.stream_id, l.broadcast_id, r.domain
FROM relay_lane l JOIN relay_recipient r ON r.lane_id = l.id AND r.status IN ('queued', 'deferred')
WHERE l.workspace_id = %s
"""
_COUNT_SQL = """
SELECT count(*) FROM (SELECT 1 FROM relay_lane l
  JOIN relay_recipient r ON r.lane_id = l.id AND r.status IN ('queued', 'deferred')
  WHERE l.workspace_id = %(workspace)s LIMIT %(most)s) waiting
"""
_MOVE_SQL = """
UPDATE relay_recipient r SET lane_id = m.wanted
FROM (SELECT w.id, t.lane_id AS wanted
  FROM relay_lane l JOIN relay_recipient w ON w.lane_id = l.id AND w.status IN ('queued', 'deferred')
  JOIN unnest(%(domains)s::text[], %(lanes)s::bigint[]) AS t(domain, lane_id) ON t.domain = w.domain
  WHERE l.workspace_id = %(workspace)s AND l.stream_id = %(stream)s
    AND l.broadcast_id IS NOT DISTINCT FROM %(broadcast)s AND w.lane_id <> t.lane_id
  LIMIT %(most)s FOR UPDATE OF w SKIP LOCKED) m
WHERE r.id = m.id
"""


@dataclass(frozen=True, kw_only=True)
class _Group:
    """What waits of one stream and broadcast, and the lane that each domain's mail belongs to now."""

    stream_id: UUID
    broadcast_id: UUID | None
    lane_of: dict[str, int]


def after_change(workspace_id: UUID) -> None:
    """Re-lane what waits after the rules changed: now, or as a job where it is very much."""
    if _waiting(workspace_id, MOVED_AT_ONCE + 1) > MOVED_AT_ONCE:
        jobs.start_job(
            Workspace.objects.get(pk=workspace_id), kind=JOB_KIND, title="Lead what waits by the changed rules",
            unit="recipients",
        )
        return
    for group in _groups(workspace_id):
        _move(workspace_id, group, most=None)


@jobs.job_runner(
    JOB_KIND, label=gettext_noop("Change of routes"), icon="route", cancel_scope="",
    on_cancel=gettext_noop("The rules are changed; what waits follows them."),
    titles=[gettext_noop("Lead what waits by the changed rules")],
)
def run_relaning(run: jobs.JobRun) -> None:
    """Move all that waits, batch by batch; a run that died before left the rest where it was."""
    workspace_id = run.job.workspace_id
    moved = int(run.job.done)
    for group in _groups(workspace_id):
        while True:
            with transaction.atomic():
                count = _move(workspace_id, group, most=_BATCH)
                moved += count
                run.advance(done=moved)
            if count < _BATCH:
                break
        ring_lanes(sorted(set(group.lane_of.values())))
    run.finish(recipients=moved)


def _groups(workspace_id: UUID) -> Iterator[_Group]:
    from relayhub.relay import routes

    routes.forget(workspace_id)  # the change was made by another process
    found: dict[tuple[UUID, UUID | None], list[str]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_WAITING_SQL, [workspace_id])
        for stream_id, broadcast_id, domain in cursor.fetchall():
            found[stream_id, broadcast_id].append(domain)
    for (stream_id, broadcast_id), domains in found.items():
        wanted = lanes.lane_ids_for(workspace_id, stream_id, broadcast_id, domains)
        yield _Group(stream_id=stream_id, broadcast_id=broadcast_id, lane_of=wanted)


def _move(workspace_id: UUID, group: _Group, *, most: int | None) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            _MOVE_SQL,
            {
                "workspace": workspace_id, "stream": group.stream_id, "broadcast": group.broadcast_id,
                "domains": list(group.lane_of), "lanes": list(group.lane_of.values()), "most": most,
            },
        )
        return int(cursor.rowcount)


def _waiting(workspace_id: UUID, most: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_SQL, {"workspace": workspace_id, "most": most})
        return int(cursor.fetchone()[0])
