"""The SQL that writes history: events, the counts they add to, and the facts others are to hear of.

Every statement that changes a recipient's status ends in these fragments, so that status, event, counter
delta and outbox row are one statement and become true together. Callers provide a common table expression
named `happened`; nothing here decides what happened. The module never reads a clock: times are the
database's, or come in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings

#: Events that nobody outside the relay reacts to: they tell of effort, not of an outcome.
UNTOLD_TYPES = ("accepted", "attempted")
#: Counts by the minute are for a campaign's first days; the hours of the same counts stay.
MINUTES_KEPT = timedelta(days=8)

EVENT_COLUMNS = (
    "id",
    "workspace_id",
    "stream_id",
    "message_id",
    "recipient_id",
    "broadcast_id",
    "contact_id",
    "attempt_id",
    "type",
    "at",
    "reply",
    "detail",
)
DELTA_COLUMNS = ("workspace_id", "subject", "subject_id", "metric", "bucket", "delta")
OUTBOX_COLUMNS = ("event_id", "fact", "created_at")


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One SQL statement and its parameters, for any psycopg or Django cursor."""

    sql: str
    params: Sequence[Any] | Mapping[str, Any] = ()


def to_json(value: object) -> str:
    """Compact JSON that PostgreSQL's jsonb takes: NUL, which it cannot hold, becomes U+FFFD."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
    return text.replace("\\u0000", "\ufffd")


def has_reactors() -> bool:
    """Whether anybody wants to hear of events."""
    return bool(getattr(settings, "OUTCOME_REACTORS", ()))


def counts_of(event: str) -> str:
    """SQL of the counts that one event row named `event` adds to: (subject, subject_id, metric, bucket).

    Hours for streams, broadcasts and links; minutes of a broadcast for what its chart over time shows, kept for
    `MINUTES_KEPT`. `:people` is the first time that a person did it, so these add up to recipient rows.
    """
    machine = f"({event}.detail->>'machine')::boolean"
    acts = f"{event}.type IN ('opened', 'clicked')"
    hour = f"date_trunc('hour', {event}.at, 'UTC')"
    by_machine = f"(CASE WHEN {acts} AND {machine} THEN {event}.type || ':machine' END)"
    by_people = (f"(CASE WHEN {acts} AND NOT {machine} AND ({event}.detail->>'first')::boolean"
                 f" THEN {event}.type || ':people' END)")
    return f"""
    SELECT s.subject, s.subject_id, m.metric, {hour} AS bucket
    FROM (VALUES ('stream', {event}.stream_id), ('broadcast', {event}.broadcast_id)) AS s(subject, subject_id)
    CROSS JOIN (VALUES ({event}.type::text),
      (CASE WHEN {event}.type = 'delivered' AND {event}.detail->>'transport' = 'sandbox' THEN 'delivered:sandbox' END),
      (CASE WHEN {acts} AND ({event}.detail->>'first')::boolean THEN {event}.type || ':first' END),
      {by_machine}, {by_people}) AS m(metric)
    WHERE s.subject_id IS NOT NULL AND m.metric IS NOT NULL
    UNION ALL
    SELECT 'link', {event}.broadcast_id, m.metric, {hour}
    FROM (VALUES ('clicked:' || ({event}.detail->>'link')),
      (CASE WHEN {machine} THEN 'clicked:' || ({event}.detail->>'link') || ':machine' END)) AS m(metric)
    WHERE {event}.type = 'clicked' AND {event}.broadcast_id IS NOT NULL AND m.metric IS NOT NULL
    UNION ALL
    SELECT 'minute', {event}.broadcast_id, m.metric, date_trunc('minute', {event}.at, 'UTC')
    FROM (VALUES (CASE WHEN {event}.type IN ('delivered', 'bounced') THEN {event}.type::text END),
      {by_machine}, {by_people}) AS m(metric)
    WHERE {event}.broadcast_id IS NOT NULL AND m.metric IS NOT NULL"""


#: Writes the rows of `happened` (event_id, workspace_id, stream_id, message_id, recipient_id, broadcast_id,
#: contact_id, attempt_id, type, at, reply, detail) as events; a fact stored before is left out, and only
#: what was stored now counts. `written` holds those rows for the caller.
_EVENTS = f"""
written AS (
  INSERT INTO relay_event (id, workspace_id, stream_id, message_id, recipient_id, broadcast_id, contact_id,
    attempt_id, type, at, reply, detail)
  SELECT event_id, workspace_id, stream_id, message_id, recipient_id, broadcast_id, contact_id,
    attempt_id, type, at, reply, detail FROM happened
  ON CONFLICT DO NOTHING
  RETURNING id, workspace_id, stream_id, recipient_id, broadcast_id, type, at, detail
), counted AS (
  INSERT INTO relay_counterdelta (workspace_id, subject, subject_id, metric, bucket, delta)
  SELECT w.workspace_id, c.subject, c.subject_id, c.metric, c.bucket, count(*)
  FROM written w CROSS JOIN LATERAL ({counts_of('w')}) AS c
  GROUP BY 1, 2, 3, 4, 5
)"""
_OUTBOX = """, told AS (
  INSERT INTO relay_reactionoutbox (event_id, fact, created_at)
  SELECT w.id, '{}'::jsonb, w.at FROM written w WHERE w.type NOT IN ('accepted', 'attempted')
)"""


def history_ctes() -> str:
    """The common table expressions that write `happened` down: events, counter deltas, outbox."""
    return _EVENTS + (_OUTBOX if has_reactors() else "")


def insert_statement(
    table: str,
    columns: Sequence[str],
    types: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    ignore_conflicts: bool = False,
) -> Statement:
    """A multi-row insert by one array a column: one plan and one round trip for any number of rows."""
    values: list[list[Any]] = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in columns]
    arrays = ", ".join(f"%s::{kind}[]" for kind in types)
    picked = ", ".join(
        f"{name}::jsonb" if kind == "text" and name in ("reply", "detail", "fact") else name
        for name, kind in zip(columns, types, strict=True)
    )
    sql = (
        f"INSERT INTO {table} ({', '.join(columns)}) "
        f"SELECT {picked} FROM unnest({arrays}) AS t({', '.join(columns)})"
    )
    return Statement(sql=sql + (" ON CONFLICT DO NOTHING" if ignore_conflicts else ""), params=values)
