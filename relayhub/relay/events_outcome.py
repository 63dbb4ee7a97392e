"""Intents, outcomes, closings and releases of claimed recipients, each as one set-based statement.

Every statement is fenced: it touches only rows whose `lease_token` is the caller's, so a worker that was
thought dead and comes back changes nothing. An intent checks suppression, cancel, pause and stop once more,
in the same statement that records it (ARCHITECTURE rule 5). An outcome moves the status, stores the attempt,
its two events, their counts, the facts for others and the suppression of a hard bounce in one statement.
Times are the database's clock; delays come in as seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from relayhub.core.facts import EventType
from relayhub.core.ids import derived_uuid7
from relayhub.relay.history import Statement, history_ctes, to_json
from relayhub.relay.managers import (
    IN_FLIGHT_SQL,
    LANE_JOINS_SQL,
    LANE_STATE_SQL,
    LEASED_SQL,
    MAX_CRASHES,
    SUPPRESSED_SQL,
)


class Verdict(StrEnum):
    """What an intent was answered."""

    GO = "go"  # recorded: the final dot may be sent
    LOST = "lost"  # the lease ran out or somebody else moved the row
    SUPPRESSED = "suppressed"  # the address is on a suppression list now
    CANCELLED = "cancelled"  # the broadcast was cancelled
    PAUSED = "paused"  # lane, stream, broadcast, workspace or the whole installation is paused


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """A claimed recipient as its holder names it."""

    recipient_id: UUID
    token: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How one attempt on a claimed recipient went."""

    recipient_id: UUID
    token: UUID
    attempt_id: UUID
    #: delivered, deferred, bounced or unknown.
    status: str
    started_at: datetime
    ended_at: datetime
    #: For deferred and unknown: when it is due again.
    retry_in_seconds: float = 0.0
    reply: dict[str, Any] | None = None
    bounce_class: str = ""
    bounce_category: str = ""
    transport: str = ""
    site: str = ""
    provider: str = ""
    peer_host: str = ""
    peer_address: str = ""
    source_address: str = ""
    tls: dict[str, Any] | None = None
    phase: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
    transcript: list[Any] = field(default_factory=list)
    #: Whether the answer means that this address must not be written to again.
    suppresses: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Closing:
    """A claimed recipient that is not attempted: suppressed, expired, cancelled or held."""

    recipient_id: UUID
    token: UUID
    status: str
    detail: dict[str, Any] = field(default_factory=dict)
    hold_reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A claimed recipient given back untried; a recorded intent without a dot is taken back."""

    recipient_id: UUID
    token: UUID
    delay_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """A delivery that ended in a fault of ours: counted, and the third one is for a person to look at."""

    recipient_id: UUID
    token: UUID
    why: str
    had_intent: bool
    retry_in_seconds: float


_INTENT_SQL = f"""
WITH wanted AS MATERIALIZED (
  SELECT * FROM unnest(%b::uuid[], %b::uuid[]) AS t(id, token)
), mine AS MATERIALIZED (
  SELECT r.id, r.lease_token, r.lane_id, r.workspace_id, r.stream_id, r.message_id, r.broadcast_id,
    r.address_key, r.accepted_at
  FROM wanted w JOIN relay_recipient r ON r.id = w.id AND r.lease_token = w.token
    AND {LEASED_SQL} AND r.lease_until > now()
), lanes AS MATERIALIZED (
  SELECT l.id, {LANE_STATE_SQL} AS state
  FROM (SELECT DISTINCT lane_id FROM mine) AS used JOIN relay_lane l ON l.id = used.lane_id {LANE_JOINS_SQL}
), judged AS MATERIALIZED (
  SELECT r.id, r.lease_token AS token,
    CASE WHEN {SUPPRESSED_SQL} THEN 'suppressed' ELSE lanes.state END AS verdict
  FROM mine r JOIN lanes ON lanes.id = r.lane_id
), marked AS (
  UPDATE relay_recipient r SET status = 'attempting', attempts = r.attempts + 1
  FROM judged j
  WHERE j.verdict = 'go' AND r.id = j.id AND r.lease_token = j.token AND {LEASED_SQL}
  RETURNING r.id
)
SELECT id, 'go' AS verdict FROM marked
UNION ALL
SELECT id, verdict FROM judged WHERE verdict <> 'go'
"""

#: column, SQL type of its array, expression that reads it.
_OUTCOME_COLUMNS = (
    ("id", "uuid"),
    ("token", "uuid"),
    ("attempt_id", "uuid"),
    ("attempted_id", "uuid"),
    ("outcome_id", "uuid"),
    ("status", "text"),
    ("started_at", "timestamptz"),
    ("ended_at", "timestamptz"),
    ("delay", "float8"),
    ("reply", "text"),
    ("bounce_class", "text"),
    ("bounce_category", "text"),
    ("transport", "text"),
    ("site", "text"),
    ("provider", "text"),
    ("peer_host", "text"),
    ("peer_address", "text"),
    ("source_address", "text"),
    ("tls", "text"),
    ("phase", "text"),
    ("detail", "text"),
    ("transcript", "text"),
    ("suppresses", "bool"),
)
#: Arrays go binary: their text form is escaped element by element, which costs more than all the rest.
_OUTCOME_ARRAYS = ", ".join(f"%b::{kind}[]" for _, kind in _OUTCOME_COLUMNS)
_OUTCOME_NAMES = ", ".join(name for name, _ in _OUTCOME_COLUMNS)

_OUTCOME_SQL = f"""
WITH o AS MATERIALIZED (
  SELECT * FROM unnest({_OUTCOME_ARRAYS}) AS t({_OUTCOME_NAMES})
), moved AS (
  UPDATE relay_recipient r SET
    -- A second unknown outcome is for a person to look at.
    status = CASE WHEN o.status = 'unknown' AND r.unknown_retried THEN 'quarantined' ELSE o.status END,
    attempts = r.attempts + CASE WHEN r.status = 'leased' THEN 1 ELSE 0 END,
    next_attempt_at = CASE WHEN o.status IN ('deferred', 'unknown')
      THEN now() + o.delay * interval '1 second' ELSE r.next_attempt_at END,
    finished_at = CASE WHEN o.status IN ('delivered', 'bounced') THEN now() END,
    lease_token = NULL, lease_until = NULL, claim_limit = NULL,
    reply = o.reply::jsonb, bounce_class = o.bounce_class, bounce_category = o.bounce_category,
    transport = o.transport, provider = CASE WHEN o.provider <> '' THEN o.provider ELSE r.provider END
  FROM o
  WHERE r.id = o.id AND r.lease_token = o.token AND {IN_FLIGHT_SQL}
  -- What came in goes along: a join of two lists that the planner knows nothing of would be quadratic.
  RETURNING r.id, r.workspace_id, r.stream_id, r.message_id, r.broadcast_id, r.contact_id, r.attempts,
    r.address, r.address_key, r.status, o.status AS disposition, o.attempt_id, o.attempted_id, o.outcome_id,
    o.started_at, o.ended_at, o.reply::jsonb AS reply, o.bounce_class, o.bounce_category, o.transport, o.site,
    o.peer_host, o.peer_address, o.source_address, o.tls, o.phase, o.detail::jsonb AS detail, o.transcript,
    o.suppresses
), tried AS (
  INSERT INTO relay_attempt (id, workspace_id, recipient_id, message_id, number, started_at, ended_at,
    disposition, transport, site, peer_host, peer_address, source_address, tls, phase, reply,
    bounce_class, bounce_category, detail, transcript)
  SELECT attempt_id, workspace_id, id, message_id, attempts, started_at, ended_at,
    disposition, transport, site, peer_host, peer_address, source_address, tls::jsonb, phase, reply,
    bounce_class, bounce_category, detail, transcript::jsonb
  FROM moved
), blocked AS (
  INSERT INTO deliverability_suppression (id, workspace_id, address, address_key, reason, scope, source,
    recipient_id, created_at, lifted_by, lift_reason)
  SELECT DISTINCT ON (workspace_id, address_key) rh_uuid7(), workspace_id, address, address_key,
    'hard_bounce', 'workspace',
    left(concat_ws(' ', reply->>'code', reply->>'enhanced', nullif('from ' || peer_host, 'from ')), 500),
    id, now(), '', ''
  FROM moved WHERE suppresses
  ON CONFLICT DO NOTHING
), happened AS (
  SELECT attempted_id AS event_id, workspace_id, stream_id, message_id, id AS recipient_id,
    broadcast_id, contact_id, attempt_id, 'attempted' AS type,
    now() - greatest(ended_at - started_at, interval '1 microsecond') AS at, NULL::jsonb AS reply,
    jsonb_build_object('number', attempts, 'transport', transport) AS detail
  FROM moved
  UNION ALL
  SELECT outcome_id, workspace_id, stream_id, message_id, id, broadcast_id, contact_id,
    attempt_id, status, now(), reply, detail
  FROM moved
), {{history}}
SELECT id FROM moved
"""

_CLOSING_SQL = f"""
WITH o AS MATERIALIZED (
  SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::text[], %b::text[])
    AS t(id, token, status, detail, hold_reason)
), moved AS (
  UPDATE relay_recipient r SET status = o.status, lease_token = NULL, lease_until = NULL, claim_limit = NULL,
    attempts = r.attempts - CASE WHEN r.status = 'attempting' THEN 1 ELSE 0 END,
    hold_reason = o.hold_reason, finished_at = CASE WHEN o.status = 'held' THEN NULL ELSE now() END
  FROM o
  WHERE r.id = o.id AND r.lease_token = o.token AND {IN_FLIGHT_SQL}
  RETURNING r.id, r.workspace_id, r.stream_id, r.message_id, r.broadcast_id, r.contact_id, r.status,
    o.detail::jsonb AS detail
), happened AS (
  SELECT rh_uuid7() AS event_id, m.workspace_id, m.stream_id, m.message_id, m.id AS recipient_id,
    m.broadcast_id, m.contact_id, NULL::uuid AS attempt_id, m.status AS type, now() AS at,
    NULL::jsonb AS reply, m.detail
  FROM moved m
), {{history}}
SELECT id FROM moved
"""

#: An intent whose dot may be out is unknown; anything else waits a little. Three faults end in quarantine.
_FAULT_SQL = f"""
WITH o AS MATERIALIZED (
  SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::bool[], %b::float8[])
    AS t(id, token, why, had_intent, delay)
), moved AS (
  UPDATE relay_recipient r SET
    crashes = r.crashes + CASE WHEN o.had_intent THEN 0 ELSE 1 END,
    status = CASE
      WHEN o.had_intent AND r.unknown_retried THEN 'quarantined'
      WHEN o.had_intent THEN 'unknown'
      WHEN r.crashes + 1 >= {MAX_CRASHES} THEN 'quarantined'
      WHEN r.attempts > 0 THEN 'deferred' ELSE 'queued' END,
    next_attempt_at = now() + o.delay * interval '1 second',
    lease_token = NULL, lease_until = NULL
  FROM o
  WHERE r.id = o.id AND r.lease_token = o.token AND {IN_FLIGHT_SQL}
  RETURNING r.id, r.workspace_id, r.stream_id, r.message_id, r.broadcast_id, r.contact_id, r.status,
    r.crashes, o.why
), happened AS (
  SELECT rh_uuid7() AS event_id, m.workspace_id, m.stream_id, m.message_id, m.id AS recipient_id,
    m.broadcast_id, m.contact_id, NULL::uuid AS attempt_id, m.status AS type, now() AS at,
    NULL::jsonb AS reply, jsonb_build_object('why', m.why, 'crashes', m.crashes) AS detail
  FROM moved m WHERE m.status IN ('unknown', 'quarantined')
), {{history}}
SELECT id FROM moved
"""

_RELEASE_SQL = f"""
WITH o AS MATERIALIZED (
  SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::float8[]) AS t(id, token, delay)
)
UPDATE relay_recipient r SET
  attempts = r.attempts - CASE WHEN r.status = 'attempting' THEN 1 ELSE 0 END,
  status = CASE WHEN r.attempts > CASE WHEN r.status = 'attempting' THEN 1 ELSE 0 END
    THEN 'deferred' ELSE 'queued' END,
  next_attempt_at = CASE WHEN o.delay > 0 THEN now() + o.delay * interval '1 second'
    ELSE r.next_attempt_at END,
  lease_token = NULL, lease_until = NULL,
  claim_limit = CASE WHEN r.crashes > 0 THEN r.claim_limit END
FROM o
WHERE r.id = o.id AND r.lease_token = o.token AND {IN_FLIGHT_SQL}
RETURNING r.id
"""


def fault_statement(faults: Sequence[Fault]) -> Statement:
    """Record faults of ours; answers the ids that were still the caller's."""
    return Statement(
        sql=_FAULT_SQL.format(history=history_ctes()),
        params=[
            [f.recipient_id for f in faults],
            [f.token for f in faults],
            [f.why[:200] for f in faults],
            [f.had_intent for f in faults],
            [f.retry_in_seconds for f in faults],
        ],
    )


def intent_statement(held: Sequence[Held]) -> Statement:
    """Record that the final dots may go out; answers rows (id, verdict), none for a lost row."""
    return Statement(sql=_INTENT_SQL, params=[[h.recipient_id for h in held], [h.token for h in held]])


def outcome_statement(outcomes: Sequence[Outcome]) -> Statement:
    """Record attempts and their outcomes; answers the ids that were still the caller's."""
    rows = [_outcome_row(outcome) for outcome in outcomes]
    columns = [list(column) for column in zip(*rows, strict=True)]
    return Statement(sql=_OUTCOME_SQL.format(history=history_ctes()), params=columns)


def _outcome_row(outcome: Outcome) -> tuple[Any, ...]:
    detail = {**outcome.detail, "suppresses": True} if outcome.suppresses else outcome.detail
    attempted, outcome_id = attempt_event_ids(outcome.attempt_id, outcome.recipient_id, outcome.status)
    return (
        outcome.recipient_id,
        outcome.token,
        outcome.attempt_id,
        attempted,
        outcome_id,
        outcome.status,
        outcome.started_at,
        outcome.ended_at,
        outcome.retry_in_seconds,
        None if outcome.reply is None else to_json(outcome.reply),
        outcome.bounce_class[:20],
        outcome.bounce_category[:20],
        outcome.transport[:300],
        _text(outcome.site, 255),
        outcome.provider[:60],
        _text(outcome.peer_host, 255),
        _text(outcome.peer_address, 64),
        outcome.source_address[:64],
        None if outcome.tls is None else to_json(outcome.tls),
        outcome.phase[:12],
        to_json(detail),
        to_json(outcome.transcript),
        outcome.suppresses,
    )


def _text(value: str, length: int) -> str:
    """What a peer or DNS said, as a column can hold it: no NUL, not too long."""
    return value.replace("\x00", "\ufffd")[:length]


def attempt_event_ids(attempt_id: UUID, recipient_id: UUID, status: str) -> tuple[UUID, UUID]:
    """The ids of an attempt's two events: always the same for the same attempt."""
    return (
        derived_uuid7(attempt_id, recipient_id, EventType.ATTEMPTED.value),
        derived_uuid7(attempt_id, recipient_id, status),
    )


def closing_statement(closings: Sequence[Closing]) -> Statement:
    """End or hold claimed recipients without an attempt; answers the ids that were still the caller's."""
    return Statement(
        sql=_CLOSING_SQL.format(history=history_ctes()),
        params=[
            [c.recipient_id for c in closings],
            [c.token for c in closings],
            [c.status for c in closings],
            [to_json(c.detail) for c in closings],
            [c.hold_reason[:300] for c in closings],
        ],
    )


def release_statement(releases: Sequence[Release]) -> Statement:
    """Give claimed recipients back to the queue; answers the ids that were still the caller's."""
    return Statement(
        sql=_RELEASE_SQL,
        params=[
            [r.recipient_id for r in releases],
            [r.token for r in releases],
            [r.delay_seconds for r in releases],
        ],
    )
