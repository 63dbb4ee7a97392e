"""Set-based moves of recipients that no attempt made: cancel, hold, release, expire, suppress, reap, retry.

Each is one statement: it picks rows (locking them), moves their status where the old one still stands, and
writes event, count and fact with it. The number of rows moved comes back; zero is an answer, not an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

from relayhub.relay.history import Statement, history_ctes, to_json
from relayhub.relay.managers import (
    MAX_CRASHES,
    NARROWED_CLAIM,
    STALE_PICK_SQL,
    UNKNOWN_PICK_SQL,
)
from relayhub.relay.models.message import RecipientStatus

#: What may be cancelled: everything whose final dot cannot be out. A claimed row loses its lease, so its
#: holder finds no row at the intent and sends no dot.
CANCELLABLE = ("queued", "deferred", "held", "leased")
HOLDABLE = ("queued", "deferred", "leased")
EXPIRABLE = ("queued", "deferred", "held")
#: What a person may let go again.
RELEASABLE = ("held", "quarantined", "unknown")
#: The largest number of rows that one statement moves; callers loop.
MAX_MOVE = 10_000
#: How long after its start the database's clock tells nothing about holders.
RESTART_GRACE_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Pick:
    """Which recipients: SQL conditions on `r` (and `m`, its message, where joined), with parameters."""

    where: str
    params: Mapping[str, Any]
    joins_message: bool = False


_MOVE_SQL = """
WITH picked AS MATERIALIZED (
  SELECT r.id FROM relay_recipient r {joins}
  WHERE r.status = ANY(%(from_statuses)s) AND ({where})
  ORDER BY r.id LIMIT %(limit)s FOR UPDATE OF r
), moved AS (
  UPDATE relay_recipient r SET {sets}, lease_token = NULL, lease_until = NULL
  FROM picked p WHERE r.id = p.id AND r.status = ANY(%(from_statuses)s)
  RETURNING r.id, r.workspace_id, r.stream_id, r.message_id, r.broadcast_id, r.contact_id
), happened AS (
  SELECT rh_uuid7() AS event_id, m.workspace_id, m.stream_id, m.message_id, m.id AS recipient_id,
    m.broadcast_id, m.contact_id, NULL::uuid AS attempt_id, %(event)s::text AS type, now() AS at,
    NULL::jsonb AS reply, %(detail)s::jsonb AS detail
  FROM moved m
), {history}
SELECT count(*) FROM moved
"""

_REAP_SQL = f"""
WITH stale AS MATERIALIZED ({STALE_PICK_SQL}),
moved AS (
  UPDATE relay_recipient r SET
    -- A crash counts for a row that was attempting, or alone in its claim.
    crashes = r.crashes + CASE WHEN s.was = 'attempting' OR s.claim_limit = 1 THEN 1 ELSE 0 END,
    status = CASE
      WHEN s.was = 'attempting' AND (r.unknown_retried OR r.crashes + 1 >= {MAX_CRASHES}) THEN 'quarantined'
      WHEN s.was = 'attempting' THEN 'unknown'
      WHEN s.claim_limit = 1 AND r.crashes + 1 >= {MAX_CRASHES} THEN 'quarantined'
      WHEN r.attempts > 0 THEN 'deferred' ELSE 'queued' END,
    claim_limit = CASE WHEN s.claim_limit IS NULL THEN {NARROWED_CLAIM} ELSE 1 END,
    next_attempt_at = CASE WHEN s.was = 'attempting' AND r.broadcast_id IS NOT NULL
      THEN now() + %(unknown_hold_seconds)s * interval '1 second' ELSE now() END,
    lease_token = NULL, lease_until = NULL
  FROM stale s WHERE r.id = s.id
  RETURNING r.id, r.workspace_id, r.stream_id, r.message_id, r.broadcast_id, r.contact_id, r.status,
    r.crashes, s.was
), happened AS (
  SELECT rh_uuid7() AS event_id, m.workspace_id, m.stream_id, m.message_id, m.id AS recipient_id,
    m.broadcast_id, m.contact_id, NULL::uuid AS attempt_id, m.status AS type, now() AS at,
    NULL::jsonb AS reply, jsonb_build_object('why', CASE WHEN m.was = 'attempting'
      THEN 'A worker died when the message may have been out.' ELSE 'Workers died on it.' END,
      'crashes', m.crashes, 'reached_dot', m.was = 'attempting') AS detail
  FROM moved m WHERE m.status IN ('unknown', 'quarantined')
), {{history}}
SELECT count(*), count(*) FILTER (WHERE status = 'quarantined') FROM moved
"""

_RETRY_UNKNOWN_SQL = f"""
WITH picked AS MATERIALIZED ({UNKNOWN_PICK_SQL}),
moved AS (
  UPDATE relay_recipient r SET status = 'deferred', unknown_retried = true, next_attempt_at = now()
  FROM picked p WHERE r.id = p.id AND r.status = 'unknown'
  RETURNING r.id, r.workspace_id, r.stream_id, r.message_id, r.broadcast_id, r.contact_id
), happened AS (
  SELECT rh_uuid7() AS event_id, m.workspace_id, m.stream_id, m.message_id, m.id AS recipient_id,
    m.broadcast_id, m.contact_id, NULL::uuid AS attempt_id, 'released' AS type, now() AS at,
    NULL::jsonb AS reply,
    '{{{{"why": "Its outcome is unknown; tried once more with the same Message-ID."}}}}'::jsonb
      AS detail
  FROM moved m
), {{history}}
SELECT count(*) FROM moved
"""


def run(statement: Statement) -> tuple[Any, ...]:
    """Run one statement on Django's connection and return its one row."""
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, statement.params)
        row = cursor.fetchone()
    return tuple(row) if row else ()


def _move(
    pick: Pick,
    *,
    from_statuses: tuple[str, ...],
    sets: str,
    event: str,
    detail: Mapping[str, Any],
    extra: Mapping[str, Any] | None = None,
    limit: int = MAX_MOVE,
    most: int | None = None,
) -> int:
    """How many were moved: all that are picked, or as many whole statements as reach `most`."""
    joins = "JOIN relay_message m ON m.id = r.message_id" if pick.joins_message else ""
    sql = _MOVE_SQL.format(joins=joins, where=pick.where, sets=sets, history=history_ctes())
    params = {
        **pick.params,
        **(extra or {}),
        "from_statuses": list(from_statuses),
        "event": event,
        "detail": to_json(dict(detail)),
        "limit": limit,
    }
    total = 0
    while True:
        moved = int(run(Statement(sql=sql, params=params))[0])
        total += moved
        if moved < limit or (most is not None and total >= most):
            return total


def cancel(pick: Pick, *, why: str, by: str = "", most: int | None = None) -> int:
    """Cancel what is picked and may still be cancelled; with `most`, not many more than that at once."""
    return _move(
        pick,
        from_statuses=CANCELLABLE,
        sets="status = 'cancelled', finished_at = now()",
        event=RecipientStatus.CANCELLED.value,
        detail={"why": why, "by": by},
        most=most,
    )


def hold(pick: Pick, *, reason: str, by: str = "") -> int:
    """Keep back what is picked until it is released."""
    return _move(
        pick,
        from_statuses=HOLDABLE,
        sets="status = 'held', hold_reason = %(hold_reason)s",
        event=RecipientStatus.HELD.value,
        detail={"reason": reason, "by": by},
        extra={"hold_reason": reason[:300]},
    )


def release(
    pick: Pick, *, why: str, by: str = "", from_statuses: tuple[str, ...] = RELEASABLE, most: int | None = None
) -> int:
    """Let go again what is picked, or about `most` of it: due now, with a clean count of crashes."""
    return _move(
        pick,
        from_statuses=from_statuses,
        sets="status = CASE WHEN r.attempts > 0 THEN 'deferred' ELSE 'queued' END, hold_reason = '', "
        "next_attempt_at = greatest(r.next_attempt_at, now()), crashes = 0, "
        "claim_limit = CASE WHEN r.status = 'quarantined' THEN 1 END, "
        "unknown_retried = r.unknown_retried OR r.status = 'unknown'",
        event="released",
        detail={"why": why, "by": by},
        limit=min(most or MAX_MOVE, MAX_MOVE),
        most=most,
    )


def retry_now(pick: Pick, *, most: int | None = None) -> int:
    """Make deferred mail due at once, all of it or `most`; no status changes, so no event is written."""
    sql = (
        "UPDATE relay_recipient SET next_attempt_at = now() WHERE id IN (SELECT r.id FROM relay_recipient r"
        f" WHERE r.status IN ('queued', 'deferred') AND r.next_attempt_at > now() AND ({pick.where})"
        " ORDER BY r.id LIMIT %(most)s FOR UPDATE)"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, {**pick.params, "most": most})
        return int(cursor.rowcount)


def expire(pick: Pick) -> int:
    """End what is picked because its queue lifetime passed."""
    return _move(
        pick,
        from_statuses=EXPIRABLE,
        sets="status = 'expired', finished_at = now()",
        event=RecipientStatus.EXPIRED.value,
        detail={"why": "The queue lifetime passed."},
    )


def suppress_waiting(pick: Pick, *, detail: Mapping[str, Any]) -> int:
    """End what is picked because its address was put on a suppression list."""
    return _move(
        pick,
        from_statuses=CANCELLABLE,
        sets="status = 'suppressed', finished_at = now()",
        event=RecipientStatus.SUPPRESSED.value,
        detail=detail,
    )


def settle_dead(pick: Pick, *, detail: Mapping[str, Any]) -> int:
    """Bounce what is picked without an attempt: its domain takes no mail."""
    return _move(
        pick,
        from_statuses=("queued", "deferred"),
        sets="status = 'bounced', finished_at = now()",
        event=RecipientStatus.BOUNCED.value,
        detail=detail,
    )


@dataclass(frozen=True, kw_only=True)
class Reaped:
    """What a look at expired leases came to."""

    rows: int
    quarantined: int


def reap(
    *, unknown_hold_seconds: float, grace_seconds: float = RESTART_GRACE_SECONDS, limit: int = MAX_MOVE
) -> Reaped:
    """Take rows from holders whose lease ran out: leased ones are queued, attempting ones unknown.

    For the first `grace_seconds` after the database came up nothing is taken: holders that kept outcomes in
    memory through its absence write them first.
    """
    sql = _REAP_SQL.format(history=history_ctes())
    rows, quarantined = run(
        Statement(
            sql=sql,
            params={
                "limit": limit,
                "unknown_hold_seconds": unknown_hold_seconds,
                "grace_seconds": grace_seconds,
            },
        )
    )
    return Reaped(rows=rows, quarantined=quarantined)


def retry_unknown(*, limit: int = MAX_MOVE) -> int:
    """Queue unknown outcomes that are due for their one retry."""
    return int(
        run(Statement(sql=_RETRY_UNKNOWN_SQL.format(history=history_ctes()), params={"limit": limit}))[0]
    )
