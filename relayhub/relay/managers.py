"""Claims: how rows of the queue are taken, kept and found again. `SKIP LOCKED` lives only here.

A claim is one statement on one lane, with a fencing token and a lease by the database's clock (ARCHITECTURE
rules 2 and 6). Pauses, stops and cancels are conditions of the statement itself, so a paused lane costs one
look at one row. Rows whose claim died before carry `claim_limit`: the next claim that meets one takes at
most that many rows, 10 and then 1, until the row that kills workers is alone.

Nothing here records history or decides what an attempt came to: that is `relay.events`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from relayhub.relay.history import Statement
from relayhub.relay.models.lane import RESOLVE_SITE

#: After the first died claim rows are claimed this many at a time, after the second one by one.
NARROWED_CLAIM = 10
#: Counted deaths after which a row is quarantined.
MAX_CRASHES = 3
#: Lanes looked at in one poll; more wait for the next second.
MAX_LANES_A_POLL = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimedRecipient:
    """A recipient in the hands of this process until its claim's deadline."""

    id: UUID
    token: UUID
    workspace_id: UUID
    stream_id: UUID
    message_id: UUID
    lane_id: int
    broadcast_id: UUID | None
    contact_id: UUID | None
    address: str
    domain: str
    merge: dict[str, Any] | None
    attempts: int
    crashes: int
    unknown_retried: bool
    accepted_at: datetime
    provider: str = ""
    is_suppressed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageRow:
    """What delivery needs of a message and its stream."""

    id: UUID
    workspace_id: UUID
    stream_id: UUID
    stream_slug: str
    stream_kind: str
    content_id: UUID
    source: str
    from_header: str
    from_address: str
    from_domain: str
    mail_from: str
    subject: str
    message_id_header: str
    track: str
    broadcast_id: UUID | None
    size_bytes: int
    created_at: datetime
    expires_at: datetime
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentRow:
    """Stored content as read for a claim."""

    id: UUID
    format: str
    data: bytes
    meta: dict[str, Any]


#: True where recipient `r` may not be written to: the scopes of CONTRACT section 4. A list's scope stops a
#: broadcast to that list from the moment the person left, not mail to other lists (`list_ids` of it).
SUPPRESSED_SQL = """EXISTS (
      SELECT 1 FROM deliverability_suppression sup
      WHERE sup.workspace_id = r.workspace_id AND sup.address_key = r.address_key AND sup.lifted_at IS NULL
        AND (sup.scope = 'workspace'
          OR (sup.scope = 'stream' AND sup.stream_id = r.stream_id)
          OR (sup.scope = 'list' AND r.broadcast_id IS NOT NULL AND sup.created_at >= r.accepted_at
            AND EXISTS (SELECT 1 FROM relay_message m
              WHERE m.id = r.message_id AND m.options->'list_ids' ? sup.list_id::text))))"""

#: Joins of a lane `l` with what can stop it, and what that comes to: go, paused or cancelled.
LANE_JOINS_SQL = """
  JOIN relay_stream s ON s.id = l.stream_id
  JOIN core_workspace w ON w.id = l.workspace_id
  LEFT JOIN relay_broadcastcontrol b ON b.broadcast_id = l.broadcast_id"""
LANE_STATE_SQL = """CASE
    WHEN b.cancelled_at IS NOT NULL THEN 'cancelled'
    WHEN l.paused_at IS NOT NULL OR s.paused_at IS NOT NULL OR w.sending_stopped_at IS NOT NULL
      OR b.paused_at IS NOT NULL
      OR EXISTS (SELECT 1 FROM core_systemstate st WHERE st.key = 'sending_paused') THEN 'paused'
    ELSE 'go' END"""

#: Status of a row that is named by its id. Written so that the planner cannot take the partial index of rows
#: in flight for it: it believes that index to be nearly empty, and joins every named row with all of it.
IN_FLIGHT_SQL = "coalesce(r.status, '') IN ('leased', 'attempting')"
LEASED_SQL = "coalesce(r.status, '') = 'leased'"

_DUE_LANES_SQL = f"""
SELECT l.id, l.workspace_id, l.stream_id, s.slug, s.kind, l.broadcast_id, l.site, l.max_per_minute,
  b.max_per_minute, l.backoff_reason <> '' AS is_probing
FROM relay_lane l {LANE_JOINS_SQL}
CROSS JOIN LATERAL (
  SELECT r.next_attempt_at FROM relay_recipient r
  WHERE r.lane_id = l.id AND r.status IN ('queued', 'deferred') AND r.next_attempt_at <= now()
  ORDER BY r.next_attempt_at LIMIT 1
) due
WHERE {LANE_STATE_SQL} = 'go' AND (l.backoff_until IS NULL OR l.backoff_until <= now())
  AND (%(lane_ids)s::bigint[] IS NULL OR l.id = ANY(%(lane_ids)s::bigint[]))
ORDER BY s.kind = 'broadcast', due.next_attempt_at
LIMIT {MAX_LANES_A_POLL}
"""

_CLAIM_COLUMNS = """r.id, r.workspace_id, r.stream_id, r.message_id, r.lane_id, r.broadcast_id, r.contact_id,
  r.address, r.domain, r.merge, r.attempts, r.crashes, r.unknown_retried, r.accepted_at"""

_CLAIM_SQL = f"""
WITH lane AS MATERIALIZED (
  SELECT l.id FROM relay_lane l {LANE_JOINS_SQL}
  WHERE l.id = %(lane_id)s AND {LANE_STATE_SQL} = 'go'
    AND (l.backoff_until IS NULL OR l.backoff_until <= now() OR %(is_probe)s)
), locked AS MATERIALIZED (
  SELECT r.id, r.next_attempt_at, r.claim_limit FROM relay_recipient r
  WHERE r.lane_id = (SELECT id FROM lane) AND r.status IN ('queued', 'deferred')
    AND r.next_attempt_at <= now()
  ORDER BY r.next_attempt_at LIMIT %(limit)s
  FOR UPDATE SKIP LOCKED
), numbered AS (
  SELECT id, row_number() OVER line AS place, min(claim_limit) OVER line AS narrowest
  FROM locked WINDOW line AS (ORDER BY next_attempt_at, id ROWS UNBOUNDED PRECEDING)
), picked AS MATERIALIZED (
  SELECT id FROM numbered WHERE narrowest IS NULL OR place <= narrowest
)
UPDATE relay_recipient r SET status = 'leased', lease_token = %(token)s,
  lease_until = now() + %(lease_seconds)s * interval '1 second',
  -- Alone in its claim: should this worker die of it, that counts.
  claim_limit = CASE WHEN (SELECT count(*) FROM picked) = 1 THEN 1 ELSE r.claim_limit END
FROM picked p
WHERE r.id = p.id
RETURNING {_CLAIM_COLUMNS},
  coalesce((SELECT site.provider FROM relay_siterecord site WHERE site.domain = r.domain), ''),
  {SUPPRESSED_SQL} AS is_suppressed,
  (SELECT count(*) FROM locked) > (SELECT count(*) FROM picked) AS is_narrow, now()
"""

_PROBE_SQL = """
UPDATE relay_lane SET backoff_until = now() + %(seconds)s * interval '1 second'
WHERE id = %(lane_id)s AND backoff_until <= now() RETURNING id
"""

_RENEW_SQL = f"""
UPDATE relay_recipient r SET lease_until = now() + %(lease_seconds)s * interval '1 second'
FROM unnest(%(ids)s::uuid[], %(tokens)s::uuid[]) AS t(id, token)
WHERE r.id = t.id AND r.lease_token = t.token AND {IN_FLIGHT_SQL}
RETURNING r.id
"""

_UNCLAIM_SQL = """
UPDATE relay_recipient r SET status = CASE WHEN r.attempts > 0 THEN 'deferred' ELSE 'queued' END,
  lease_token = NULL, lease_until = NULL, claim_limit = CASE WHEN r.crashes > 0 THEN r.claim_limit END
WHERE r.status = 'leased' AND r.lease_token = %(token)s
RETURNING r.id
"""

_MESSAGES_SQL = """
SELECT m.id, m.workspace_id, m.stream_id, s.slug, s.kind, m.content_id, m.source, m.from_header,
  m.from_address, m.from_domain, m.mail_from, m.subject, m.message_id_header, m.track, m.broadcast_id,
  c.size_bytes, m.created_at, m.expires_at, m.tags, m.metadata, m.options
FROM relay_message m JOIN relay_stream s ON s.id = m.stream_id JOIN relay_content c ON c.id = m.content_id
WHERE m.id = ANY(%s::uuid[])
"""
_CONTENTS_SQL = "SELECT id, format, data, meta FROM relay_content WHERE id = ANY(%s::uuid[])"

_RESOLVE_SQL = """
SELECT r.id, r.domain FROM relay_recipient r
WHERE r.lane_id = %(lane_id)s AND r.status IN ('queued', 'deferred') AND r.next_attempt_at <= now()
ORDER BY r.next_attempt_at LIMIT %(limit)s
"""
_MOVE_LANE_SQL = """
UPDATE relay_recipient r SET lane_id = t.lane_id
FROM unnest(%s::uuid[], %s::bigint[]) AS t(id, lane_id)
WHERE r.id = t.id AND coalesce(r.status, '') IN ('queued', 'deferred') AND r.lane_id = %s
"""

#: Rows whose holder let the lease run out. A server that only just came up gives holders time to come back.
STALE_PICK_SQL = """
SELECT r.id, r.status AS was, r.lease_token, r.claim_limit FROM relay_recipient r
WHERE r.status IN ('leased', 'attempting') AND r.lease_until < now() - interval '5 seconds'
  AND pg_postmaster_start_time() < now() - %(grace_seconds)s * interval '1 second'
ORDER BY r.lease_until LIMIT %(limit)s FOR UPDATE SKIP LOCKED"""

#: Rows with an unknown outcome that are due for their one retry.
UNKNOWN_PICK_SQL = """
SELECT r.id FROM relay_recipient r
WHERE r.status = 'unknown' AND r.next_attempt_at <= now()
ORDER BY r.next_attempt_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED"""

#: Facts not told yet, oldest first, in the hands of one teller.
OUTBOX_PICK_SQL = """
SELECT id, event_id FROM relay_reactionoutbox ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED"""


def due_lanes_statement(lane_ids: Sequence[int] | None = None) -> Statement:
    """Lanes with something due that nothing stops, transactional first; of these ids only, if given."""
    return Statement(sql=_DUE_LANES_SQL, params={"lane_ids": None if lane_ids is None else list(lane_ids)})


def claim_statement(
    *, lane_id: int, token: UUID, limit: int, lease_seconds: float, is_probe: bool = False
) -> Statement:
    """Take up to `limit` due rows of a lane; `claimed_from_row` reads the answer."""
    return Statement(
        sql=_CLAIM_SQL,
        params={
            "lane_id": lane_id,
            "token": token,
            "limit": limit,
            "lease_seconds": lease_seconds,
            "is_probe": is_probe,
        },
    )


def probe_statement(*, lane_id: int, seconds: float) -> Statement:
    """Win the right to try a lane that backed off, for one process at a time."""
    return Statement(sql=_PROBE_SQL, params={"lane_id": lane_id, "seconds": seconds})


def claimed_from_row(row: Sequence[Any], token: UUID) -> ClaimedRecipient:
    """Read one row of a claim's answer; the last columns are whether it was cut short by rows whose claim
    died before, and the database's now()."""
    return ClaimedRecipient(
        id=row[0],
        token=token,
        workspace_id=row[1],
        stream_id=row[2],
        message_id=row[3],
        lane_id=row[4],
        broadcast_id=row[5],
        contact_id=row[6],
        address=row[7],
        domain=row[8],
        merge=row[9],
        attempts=row[10],
        crashes=row[11],
        unknown_retried=row[12],
        accepted_at=row[13],
        provider=row[14],
        is_suppressed=row[15],
    )


def renew_statement(*, ids: Sequence[UUID], tokens: Sequence[UUID], lease_seconds: float) -> Statement:
    """Prolong leases of whole batches; ids that do not come back were lost."""
    return Statement(sql=_RENEW_SQL, params={"ids": list(ids), "tokens": list(tokens), "lease_seconds": lease_seconds})


def unclaim_statement(token: UUID) -> Statement:
    """Give back a claim whose answer was lost on its way: nobody knows its rows, and nobody died."""
    return Statement(sql=_UNCLAIM_SQL, params={"token": token})


def messages_statement(message_ids: Sequence[UUID]) -> Statement:
    """Read the messages of a claim; `message_from_row` reads the answer."""
    return Statement(sql=_MESSAGES_SQL, params=[list(message_ids)])


def message_from_row(row: Sequence[Any]) -> MessageRow:
    """Read one row of `messages_statement`'s answer."""
    return MessageRow(
        id=row[0],
        workspace_id=row[1],
        stream_id=row[2],
        stream_slug=row[3],
        stream_kind=row[4],
        content_id=row[5],
        source=row[6],
        from_header=row[7],
        from_address=row[8],
        from_domain=row[9],
        mail_from=row[10],
        subject=row[11],
        message_id_header=row[12],
        track=row[13],
        broadcast_id=row[14],
        size_bytes=row[15],
        created_at=row[16],
        expires_at=row[17],
        tags=tuple(row[18] or ()),
        metadata=row[19] or {},
        options=row[20] or {},
    )


def contents_statement(content_ids: Sequence[UUID]) -> Statement:
    """Read contents whole; `ContentRow(*row)` in order id, format, data, meta."""
    return Statement(sql=_CONTENTS_SQL, params=[list(content_ids)])


def unresolved_statement(*, lane_id: int, limit: int) -> Statement:
    """Due rows (id, domain) of a resolve lane."""
    return Statement(sql=_RESOLVE_SQL, params={"lane_id": lane_id, "limit": limit})


def move_lane_statement(*, from_lane_id: int, ids: Sequence[UUID], lane_ids: Sequence[int]) -> Statement:
    """Move waiting rows to the lanes of their sites."""
    return Statement(sql=_MOVE_LANE_SQL, params=[list(ids), list(lane_ids), from_lane_id])


__all__ = [
    "IN_FLIGHT_SQL",
    "LANE_JOINS_SQL",
    "LANE_STATE_SQL",
    "LEASED_SQL",
    "MAX_CRASHES",
    "NARROWED_CLAIM",
    "OUTBOX_PICK_SQL",
    "RESOLVE_SITE",
    "STALE_PICK_SQL",
    "SUPPRESSED_SQL",
    "UNKNOWN_PICK_SQL",
    "ClaimedRecipient",
    "ContentRow",
    "MessageRow",
    "claim_statement",
    "claimed_from_row",
    "contents_statement",
    "due_lanes_statement",
    "message_from_row",
    "messages_statement",
    "move_lane_statement",
    "probe_statement",
    "renew_statement",
    "unclaim_statement",
    "unresolved_statement",
]
