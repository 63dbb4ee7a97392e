"""The invariants of the relay as exact SQL over one snapshot (FAULTS, I1 to I8), for `verify_ledger`.

Each check is a query that answers the rows breaking it, at most LIMIT of them; no rows means it holds. All
run in one REPEATABLE READ transaction, so the result is exact under load. The part of the ledger that lies
outside the database (what clients were told, what sinks received) is compared by the test runners.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from relayhub.relay.history import counts_of

LIMIT = 20
#: I6: a lease may be over by this much before somebody has taken the row back.
MAX_OVERDUE_SECONDS = 90


@dataclass(frozen=True, kw_only=True)
class Invariant:
    """One thing that must never be false."""

    id: str
    promise: str
    sql: str
    #: A finding that a person should see, but that breaks nothing.
    is_notice: bool = False


@dataclass(frozen=True, kw_only=True)
class Finding:
    """How one invariant stands."""

    invariant: Invariant
    breaches: Sequence[tuple[Any, ...]]

    @property
    def holds(self) -> bool:
        """Whether nothing broke it."""
        return not self.breaches


#: Minutes are kept for some days (`history.MINUTES_KEPT`); those of the last week are all there.
_HELD_MINUTE = "(c.subject <> 'minute' OR c.bucket >= date_trunc('minute', now()) - interval '7 days')"
#: A claim moves rows among these and writes no event.
_STANDS = "CASE WHEN {0} IN ('queued', 'leased', 'attempting', 'deferred') THEN 'waiting' ELSE {0} END"
_KNOWN = (
    "'queued','leased','attempting','deferred','held','delivered','bounced','suppressed','expired',"
    "'cancelled','unknown','quarantined'"
)

INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        id="I1",
        promise="Every accepted recipient stands in exactly one known status.",
        sql=f"""
SELECT r.id::text, r.status FROM relay_recipient r WHERE r.status NOT IN ({_KNOWN})""",
    ),
    Invariant(
        id="I1.messages",
        promise="Every message has as many recipients as were accepted for it, and every recipient a message.",
        sql="""
SELECT coalesce(m.id, c.message_id)::text, m.recipient_count, coalesce(c.count, 0) FROM relay_message m
FULL JOIN (SELECT message_id, count(*) AS count FROM relay_recipient GROUP BY 1) c ON c.message_id = m.id
WHERE m.recipient_count IS DISTINCT FROM coalesce(c.count, 0)""",
    ),
    Invariant(
        id="I2",
        promise="Every recipient has exactly one accepted event, and every such event a recipient.",
        sql="""
SELECT coalesce(r.id, e.recipient_id)::text, coalesce(e.count, 0) FROM relay_recipient r
FULL JOIN (SELECT recipient_id, count(*) AS count FROM relay_event WHERE type = 'accepted' GROUP BY 1) e
  ON e.recipient_id = r.id
WHERE r.id IS NULL OR coalesce(e.count, 0) <> 1""",
    ),
    Invariant(
        id="I3",
        promise="A recipient is delivered only with an attempt or a report that says so.",
        sql="""
SELECT r.id::text FROM relay_recipient r WHERE r.status = 'delivered' AND NOT EXISTS (
  SELECT 1 FROM relay_event e WHERE e.recipient_id = r.id AND e.type = 'delivered')""",
    ),
    Invariant(
        id="I4",
        promise="A recipient is delivered more than once only where an outcome was unknown.",
        sql="""
SELECT e.recipient_id::text, count(*) FROM relay_event e WHERE e.type = 'delivered'
GROUP BY e.recipient_id HAVING count(*) > 1 + (
  SELECT count(*) FROM relay_event u
  WHERE u.recipient_id = e.recipient_id AND u.type IN ('unknown', 'quarantined'))""",
    ),
    Invariant(
        id="I4.final",
        promise="A recipient ends once.",
        sql="""
SELECT e.recipient_id::text, e.type, count(*) FROM relay_event e
WHERE e.type IN ('bounced', 'suppressed', 'expired', 'cancelled')
GROUP BY 1, 2 HAVING count(*) > 1""",
    ),
    Invariant(
        id="I5",
        promise="Nothing was tried 5 s after its address was suppressed.",
        sql="""
SELECT r.id::text, s.created_at::text, a.ended_at::text FROM deliverability_suppression s
JOIN relay_recipient r ON r.workspace_id = s.workspace_id AND r.address_key = s.address_key
JOIN relay_attempt a ON a.recipient_id = r.id AND a.disposition = 'delivered'
WHERE s.lifted_at IS NULL AND a.started_at > s.created_at + interval '5 seconds'
  AND (s.scope = 'workspace' OR (s.scope = 'stream' AND s.stream_id = r.stream_id)
    OR (s.scope = 'list' AND r.broadcast_id IS NOT NULL AND s.created_at >= r.accepted_at
      AND EXISTS (SELECT 1 FROM relay_message m
        WHERE m.id = r.message_id AND m.options->'list_ids' ? s.list_id::text)))""",
    ),
    Invariant(
        id="I5.cancelled",
        promise="Nothing of a cancelled broadcast was tried 5 s after it was cancelled.",
        sql="""
SELECT r.id::text FROM relay_broadcastcontrol b JOIN relay_recipient r ON r.broadcast_id = b.broadcast_id
JOIN relay_attempt a ON a.recipient_id = r.id
WHERE b.cancelled_at IS NOT NULL AND a.started_at > b.cancelled_at + interval '5 seconds'""",
    ),
    Invariant(
        id="I6",
        promise="No lease is over by more than 90 s, and only claimed rows have one.",
        sql=f"""
SELECT r.id::text, r.status, r.lease_until::text FROM relay_recipient r
WHERE (r.status IN ('leased', 'attempting')
    AND (r.lease_token IS NULL OR r.lease_until < now() - interval '{MAX_OVERDUE_SECONDS} seconds'))
  OR (r.status NOT IN ('leased', 'attempting') AND r.lease_token IS NOT NULL)""",
    ),
    Invariant(
        id="I6.lanes",
        promise="Everything that waits, waits in a lane that exists.",
        sql="""
SELECT r.id::text, r.lane_id FROM relay_recipient r LEFT JOIN relay_lane l ON l.id = r.lane_id
WHERE r.status IN ('queued', 'deferred', 'held', 'leased', 'attempting', 'unknown', 'quarantined')
  AND l.id IS NULL""",
    ),
    Invariant(
        id="I7",
        promise="Every attempt has its attempted event, and every finished recipient an event of its status.",
        sql="""
SELECT a.id::text, 'attempt' FROM relay_attempt a LEFT JOIN relay_event e
  ON e.attempt_id = a.id AND e.type = 'attempted' WHERE e.id IS NULL
UNION ALL
SELECT r.id::text, r.status FROM relay_recipient r
WHERE r.status IN ('delivered', 'bounced', 'suppressed', 'expired', 'cancelled', 'held', 'unknown',
    'quarantined')
  AND NOT EXISTS (SELECT 1 FROM relay_event e WHERE e.recipient_id = r.id AND e.type = r.status)""",
    ),
    Invariant(
        id="I7.attempts",
        promise="A recipient's count of tries covers its recorded attempts.",
        sql="""
SELECT r.id::text, r.attempts, c.highest FROM relay_recipient r
JOIN (SELECT recipient_id, max(number) AS highest FROM relay_attempt GROUP BY 1) c ON c.recipient_id = r.id
WHERE r.attempts < c.highest""",
    ),
    Invariant(
        id="I7.suppression",
        promise="Every hard bounce that suppresses left its address suppressed or lifted.",
        sql="""
SELECT r.id::text, r.address_key FROM relay_recipient r JOIN relay_event e
  ON e.recipient_id = r.id AND e.type = 'bounced' AND (e.detail->>'suppresses')::boolean
WHERE NOT EXISTS (SELECT 1 FROM deliverability_suppression s
  WHERE s.workspace_id = r.workspace_id AND s.address_key = r.address_key)""",
    ),
    Invariant(
        id="I8",
        promise="Counters are the counts of events, by workspace, stream, broadcast, link, hour and minute.",
        sql=f"""
WITH facts AS (
  SELECT e.workspace_id, c.subject, c.subject_id, c.metric, c.bucket, count(*) AS count
  FROM relay_event e CROSS JOIN LATERAL ({counts_of('e')}) AS c
  WHERE {_HELD_MINUTE} GROUP BY 1, 2, 3, 4, 5
), told AS (
  SELECT workspace_id, subject, subject_id, metric, bucket, sum(value) AS count FROM (
    SELECT workspace_id, subject, subject_id, metric, bucket, value FROM relay_counter
    UNION ALL SELECT workspace_id, subject, subject_id, metric, bucket, delta FROM relay_counterdelta
  ) AS c
  WHERE subject IN ('stream', 'broadcast', 'link', 'minute') AND {_HELD_MINUTE} GROUP BY 1, 2, 3, 4, 5
)
SELECT subject, subject_id::text, metric, bucket::text, coalesce(f.count, 0), coalesce(t.count, 0)
FROM facts f FULL JOIN told t USING (workspace_id, subject, subject_id, metric, bucket)
WHERE coalesce(f.count, 0) <> coalesce(t.count, 0)""",
    ),
    Invariant(
        id="I8.figures",
        promise="Figures of a broadcast that nothing happened to since they were counted are its rows.",
        sql=f"""
WITH kept AS (
  SELECT f.broadcast_id, f.cells FROM relay_broadcastfigures f WHERE f.version = (
    SELECT coalesce(sum(c.value), 0) FROM (
      SELECT subject_id, subject, metric, value FROM relay_counter
      UNION ALL SELECT subject_id, subject, metric, delta FROM relay_counterdelta) c
    WHERE c.subject = 'broadcast' AND c.subject_id = f.broadcast_id AND c.metric NOT LIKE '%:%')
), told AS (
  SELECT k.broadcast_id, {_STANDS.format("cell->>1")} AS stands, sum((cell->>3)::bigint) AS count,
    sum((cell->>4)::bigint) AS opened, sum((cell->>6)::bigint) AS clicked
  FROM kept k CROSS JOIN LATERAL jsonb_array_elements(k.cells) AS cell GROUP BY 1, 2
), facts AS (
  SELECT r.broadcast_id, {_STANDS.format("r.status")} AS stands, count(*) AS count, count(r.opened_at) AS opened,
    count(r.clicked_at) AS clicked
  FROM relay_recipient r WHERE r.broadcast_id IN (SELECT broadcast_id FROM kept) GROUP BY 1, 2
)
SELECT broadcast_id::text, stands, f.count, t.count FROM facts f FULL JOIN told t USING (broadcast_id, stands)
WHERE (f.count, f.opened, f.clicked) IS DISTINCT FROM (t.count, t.opened, t.clicked)""",
    ),
    Invariant(
        id="I8.tenants",
        promise="A recipient, its message, its stream and its events are of one workspace.",
        sql="""
SELECT r.id::text FROM relay_recipient r JOIN relay_message m ON m.id = r.message_id
JOIN relay_stream s ON s.id = r.stream_id
WHERE m.workspace_id <> r.workspace_id OR s.workspace_id <> r.workspace_id
UNION ALL
SELECT e.id::text FROM relay_event e JOIN relay_recipient r ON r.id = e.recipient_id
WHERE e.workspace_id <> r.workspace_id""",
    ),
    Invariant(
        id="N1",
        promise="Quarantined recipients that never reached a final dot: a person should look.",
        is_notice=True,
        sql="""
SELECT r.id::text, r.address FROM relay_recipient r
WHERE r.status = 'quarantined' AND r.attempts = 0""",
    ),
    Invariant(
        id="N2",
        promise="Events and attempts outside the months made for them.",
        is_notice=True,
        sql="""
SELECT 'relay_event_default', count(*) FROM relay_event_default HAVING count(*) > 0
UNION ALL
SELECT 'relay_attempt_default', count(*) FROM relay_attempt_default HAVING count(*) > 0""",
    ),
)

_TOTALS_SQL = "SELECT status, count(*) FROM relay_recipient GROUP BY 1 ORDER BY 1"


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The whole answer of one look."""

    findings: Sequence[Finding]
    totals: dict[str, int]

    @property
    def is_clean(self) -> bool:
        """Whether every invariant holds; notices do not count."""
        return all(finding.holds for finding in self.findings if not finding.invariant.is_notice)


def verify(invariants: Sequence[Invariant] = INVARIANTS) -> Ledger:
    """Check every invariant over one snapshot."""
    with transaction.atomic(), connection.cursor() as cursor:
        if not connection.savepoint_ids:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        findings = []
        for invariant in invariants:
            cursor.execute(f"SELECT * FROM ({invariant.sql}) AS breaches LIMIT {LIMIT}")
            findings.append(Finding(invariant=invariant, breaches=cursor.fetchall()))
        cursor.execute(_TOTALS_SQL)
        totals = dict(cursor.fetchall())
    return Ledger(findings=findings, totals=totals)
