"""What time brings about: expired leases, retries of unknown outcomes, expiry, releases, counters, cleaning.

Every sweep finds its work in the tables, is safe to run in many processes at once, and does nothing twice.
The relay loop's process runs them on its own clock, so they go on without Celery and Redis; the beat's
tasks run them as well. Nothing here deletes a recipient.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection

from relayhub.core.clock import now
from relayhub.core.models import IdempotencyRecord
from relayhub.relay import events_move, reactions
from relayhub.relay.events import HOLDS_FOR_DOMAIN
from relayhub.relay.events_move import Pick
from relayhub.relay.history import MINUTES_KEPT

log = logging.getLogger(__name__)

MONTHS_AHEAD = 4
#: A lane without recipients is removed after this long; it is made again when it is needed.
LANE_KEPT = timedelta(days=2)
MAX_FOLD = 50_000

_FOLD_SQL = """
WITH folder AS MATERIALIZED (
  SELECT pg_try_advisory_xact_lock(hashtext('relay.fold_counters')) AS mine
), taken AS (
  DELETE FROM relay_counterdelta WHERE id IN (
    SELECT id FROM relay_counterdelta WHERE (SELECT mine FROM folder) ORDER BY id LIMIT %(limit)s)
  RETURNING workspace_id, subject, subject_id, metric, bucket, delta
), sums AS (
  SELECT workspace_id, subject, subject_id, metric, bucket, sum(delta) AS delta
  FROM taken GROUP BY 1, 2, 3, 4, 5 ORDER BY subject_id, metric, bucket, subject
), folded AS (
  INSERT INTO relay_counter (workspace_id, subject, subject_id, metric, bucket, value)
  SELECT workspace_id, subject, subject_id, metric, bucket, delta FROM sums
  ON CONFLICT (subject_id, metric, bucket, subject) DO UPDATE SET value = relay_counter.value + excluded.value
)
SELECT count(*) FROM taken
"""

_HELD_DOMAINS_SQL = """
SELECT DISTINCT r.workspace_id, m.from_domain FROM relay_recipient r
JOIN relay_message m ON m.id = r.message_id
WHERE r.status = 'held' AND r.hold_reason = ANY(%s)
"""
#: Rows that no claim will look at: of lanes that nothing claims from, and held ones.
_EXPIRED_HELD = "r.status = 'held' AND m.expires_at <= now()"
_EXPIRED_STOPPED = (
    """r.next_attempt_at <= now() AND m.expires_at <= now() AND r.lane_id = ANY(%(lane_ids)s)"""
)
_STOPPED_LANES_SQL = """
SELECT l.id FROM relay_lane l
JOIN relay_stream s ON s.id = l.stream_id JOIN core_workspace w ON w.id = l.workspace_id
LEFT JOIN relay_broadcastcontrol b ON b.broadcast_id = l.broadcast_id
WHERE l.paused_at IS NOT NULL OR s.paused_at IS NOT NULL OR w.sending_stopped_at IS NOT NULL
  OR b.paused_at IS NOT NULL OR b.cancelled_at IS NOT NULL OR l.backoff_until > now() OR l.site = 'resolve'
"""
_IDLE_LANES_SQL = """
DELETE FROM relay_lane l WHERE l.created_at < %s AND l.paused_at IS NULL AND l.max_per_minute IS NULL
  AND NOT EXISTS (SELECT 1 FROM relay_recipient r
    WHERE r.lane_id = l.id AND r.status IN ('queued', 'deferred'))
  AND NOT EXISTS (SELECT 1 FROM relay_recipient r
    WHERE r.lane_id = l.id AND r.status IN ('leased', 'attempting'))
  AND NOT EXISTS (SELECT 1 FROM relay_recipient r
    WHERE r.lane_id = l.id AND r.status IN ('held', 'unknown', 'quarantined'))
"""


class Schedule:
    """When each sweep is due in this process."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}

    def run_due(self) -> None:
        """Run what is due; one sweep's fault does not stop the others."""
        fault: Exception | None = None
        for name, every_seconds, sweep in SWEEPS:
            if time.monotonic() < self._due.get(name, 0.0):
                continue
            self._due[name] = time.monotonic() + every_seconds
            try:
                sweep()
            except Exception as error:  # the others still have their turn; the caller logs this one
                fault = error
        if fault is not None:
            raise fault


def sweep() -> None:
    """Everything that must happen within seconds."""
    reap_stale()
    events_move.retry_unknown()
    release_verified_domains()


def reap_stale() -> events_move.Reaped:
    """Take rows from holders whose lease ran out."""
    reaped = events_move.reap(unknown_hold_seconds=settings.RELAYHUB_UNKNOWN_HOLD.total_seconds())
    if reaped.rows:
        log.warning("relay.leases_reaped", extra={"rows": reaped.rows, "quarantined": reaped.quarantined})
    return reaped


def release_verified_domains() -> int:
    """Let held mail go whose From domain is verified (again)."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD_DOMAINS_SQL, [list(HOLDS_FOR_DOMAIN)])
        held = cursor.fetchall()
    return sum(
        release_domain(workspace_id, domain)
        for workspace_id, domain in held
        if _is_verified(workspace_id, domain)
    )


def release_domain(workspace_id: UUID, domain: str) -> int:
    """Release what is held for this domain."""
    pick = Pick(
        where="r.workspace_id = %(workspace_id)s AND m.from_domain = %(domain)s"
        " AND r.hold_reason = ANY(%(holds)s)",
        params={"workspace_id": workspace_id, "domain": domain, "holds": list(HOLDS_FOR_DOMAIN)},
        joins_message=True,
    )
    return events_move.release(pick, why=f"{domain} is verified.", from_statuses=("held",))


def _is_verified(workspace_id: UUID, domain: str) -> bool:
    from deliverability import domains

    return bool(domains.sending_state(workspace_id, domain) == "verified")


def expire_unclaimed() -> int:
    """End rows past their lifetime that no claim looks at: held, paused, stopped, backed off."""
    expired = events_move.expire(Pick(where=_EXPIRED_HELD, params={}, joins_message=True))
    with connection.cursor() as cursor:
        cursor.execute(_STOPPED_LANES_SQL)
        lane_ids = [row[0] for row in cursor.fetchall()]
    if lane_ids:
        pick = Pick(where=_EXPIRED_STOPPED, params={"lane_ids": lane_ids}, joins_message=True)
        expired += events_move.expire(pick)
    return expired


def fold_counters() -> int:
    """Fold deltas into roll-ups, by one process at a time; returns how many deltas."""
    total = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_FOLD_SQL, {"limit": MAX_FOLD})
            count = int(cursor.fetchone()[0])
        total += count
        if count < MAX_FOLD:
            return total


def ensure_partitions() -> int:
    """Make the coming months' partitions of events and attempts."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rh_ensure_month_partitions('relay_attempt', now()::date, %(months)s)"
            " + rh_ensure_month_partitions('relay_event', now()::date, %(months)s)",
            {"months": MONTHS_AHEAD},
        )
        return int(cursor.fetchone()[0])


def forget_idempotency_records() -> int:
    """Remove first answers older than their 72 hours."""
    return int(IdempotencyRecord.objects.filter(expires_at__lt=now()).delete()[0])


def remove_idle_lanes() -> int:
    """Remove lanes that nothing waits in, and buckets of lanes that are gone."""
    with connection.cursor() as cursor:
        cursor.execute(_IDLE_LANES_SQL, [now() - LANE_KEPT])
        removed = int(cursor.rowcount)
        cursor.execute("DELETE FROM relay_pace WHERE refilled_at < now() - interval '1 day'")
    return removed


def forget_minutes() -> int:
    """Remove counts by the minute that are old; the hours of the same counts stay."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM relay_counter WHERE subject = 'minute' AND bucket < %s", [now() - MINUTES_KEPT]
        )
        return int(cursor.rowcount)


def housekeep() -> None:
    """Everything that must happen within hours."""
    ensure_partitions()
    forget_idempotency_records()
    forget_minutes()
    remove_idle_lanes()


#: name, every how many seconds, what.
SWEEPS: tuple[tuple[str, float, Callable[[], object]], ...] = (
    ("sweep", 5.0, sweep),
    ("react", 1.0, reactions.react),
    ("fold", 10.0, fold_counters),
    ("expire", 60.0, expire_unclaimed),
    ("housekeep", 3600.0, housekeep),
)
