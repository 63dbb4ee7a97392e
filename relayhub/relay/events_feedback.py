"""What comes back about a recipient: opens, clicks, complaints, unsubscribes, and reports by mail.

Each is one statement that locks the recipient, notes the first time, stores the event with its count and
fact, and suppresses where CONTRACT section 4 says so, all together. Repeating one changes nothing:
complaints, unsubscribes and bounces count once a recipient, opens and clicks at most once a minute,
reports once by key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from relayhub.core.clock import now
from relayhub.core.facts import EventType
from relayhub.core.ids import derived_uuid7, uuid7, uuid7_floor
from relayhub.relay.events_move import run
from relayhub.relay.history import Statement, history_ctes, to_json

_FEEDBACK_SQL = """
WITH target AS MATERIALIZED (
  SELECT r.* FROM relay_recipient r WHERE r.id = %(recipient_id)s FOR UPDATE
), picked AS MATERIALIZED (
  SELECT t.*, {first} AS is_first FROM target t WHERE {when}
), moved AS (
  UPDATE relay_recipient r SET {sets} FROM picked p WHERE r.id = p.id
  RETURNING r.id
), blocked AS (
  INSERT INTO deliverability_suppression (id, workspace_id, address, address_key, reason, scope, stream_id,
    source, recipient_id, created_at, lifted_by, lift_reason)
  SELECT rh_uuid7(), p.workspace_id, p.address, p.address_key, %(suppress_reason)s,
    %(suppress_scope)s, CASE WHEN %(suppress_scope)s = 'stream' THEN p.stream_id END, %(source)s, p.id,
    now(), '', ''
  FROM picked p WHERE %(suppress_scope)s <> ''
  ON CONFLICT DO NOTHING
), happened AS (
  SELECT %(event_id)s::uuid AS event_id, p.workspace_id, p.stream_id, p.message_id, p.id AS recipient_id,
    p.broadcast_id, p.contact_id, NULL::uuid AS attempt_id, %(event)s::text AS type, now() AS at,
    %(reply)s::jsonb AS reply, %(detail)s::jsonb || {extra} AS detail
  FROM picked p
), {history}
SELECT count(*) FROM written
"""
_FIRST = "jsonb_build_object('first', p.is_first)"
_NOTHING = "'{}'::jsonb"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a delivery status notification said of one recipient."""

    recipient_id: UUID
    #: bounced, deferred or delivered.
    status: EventType
    #: The report's own hash: the same report twice counts once.
    key: str
    reply: Mapping[str, Any] | None = None
    bounce_class: str = ""
    bounce_category: str = ""
    suppresses: bool = False
    source: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


def _record(
    recipient_id: UUID,
    event: EventType,
    *,
    event_id: UUID,
    sets: str,
    when: str = "true",
    first: str = "true",
    extra: str = _NOTHING,
    detail: Mapping[str, Any] | None = None,
    reply: Mapping[str, Any] | None = None,
    suppress: tuple[str, str] = ("", ""),
    source: str = "",
    more: Mapping[str, Any] | None = None,
) -> bool:
    sql = _FEEDBACK_SQL.format(first=first, when=when, sets=sets, extra=extra, history=history_ctes())
    reason, scope = suppress
    params = {
        "recipient_id": recipient_id,
        "event_id": event_id,
        "event": event.value,
        "detail": to_json(dict(detail or {})),
        "reply": None if reply is None else to_json(dict(reply)),
        "suppress_reason": reason,
        "suppress_scope": scope,
        "source": source[:500],
        **(more or {}),
    }
    return bool(run(Statement(sql=sql, params=params))[0])


def _once_a_minute(recipient_id: UUID, *parts: object) -> UUID:
    minute = now().replace(second=0, microsecond=0)
    return derived_uuid7(uuid7_floor(minute), recipient_id, *parts)


def record_open(recipient_id: UUID, *, is_machine: bool, detail: Mapping[str, Any] | None = None) -> bool:
    """Somebody or something fetched the pixel; whether it was stored (once a minute and kind)."""
    column = "machine_opened_at" if is_machine else "opened_at"
    return _record(
        recipient_id,
        EventType.OPENED,
        event_id=_once_a_minute(recipient_id, "opened", is_machine),
        sets=f"{column} = coalesce(r.{column}, now())",
        first=f"t.{column} IS NULL",
        extra=_FIRST,
        detail={**(detail or {}), "machine": is_machine},
    )


def record_click(
    recipient_id: UUID, *, link: int, url: str, is_machine: bool, detail: Mapping[str, Any] | None = None
) -> bool:
    """Somebody or something followed link number `link`; whether it was stored (once a minute and link)."""
    column = "machine_clicked_at" if is_machine else "clicked_at"
    return _record(
        recipient_id,
        EventType.CLICKED,
        event_id=_once_a_minute(recipient_id, "clicked", is_machine, link),
        sets=f"{column} = coalesce(r.{column}, now())",
        first=f"t.{column} IS NULL",
        extra=_FIRST,
        detail={**(detail or {}), "machine": is_machine, "link": link, "url": url},
    )


def record_unsubscribe(
    recipient_id: UUID, *, suppresses_stream: bool, source: str = "", detail: Mapping[str, Any] | None = None
) -> bool:
    """The person left; whether this was the first time. Mail outside campaigns suppresses the stream.

    For a broadcast the caller adds the rows of scope `list`, in the same transaction.
    """
    return _record(
        recipient_id,
        EventType.UNSUBSCRIBED,
        event_id=uuid7(),
        sets="unsubscribed_at = now()",
        when="t.unsubscribed_at IS NULL",
        detail=detail,
        source=source,
        suppress=("unsubscribe", "stream") if suppresses_stream else ("", ""),
    )


def record_complaint(
    recipient_id: UUID, *, source: str = "", detail: Mapping[str, Any] | None = None
) -> bool:
    """The person said spam: the stream is closed to the address; whether this was the first time."""
    return _record(
        recipient_id,
        EventType.COMPLAINED,
        event_id=uuid7(),
        sets="complained_at = now()",
        when="t.complained_at IS NULL",
        detail=detail,
        source=source,
        suppress=("complaint", "stream"),
    )


def record_report(report: Report) -> bool:
    """A report by mail about a recipient that left; whether it told anything new.

    "Failed" makes it bounced wherever it stood after leaving, "delivered" settles an unknown outcome, and
    "delayed" is noted without a change: the next host goes on trying.
    """
    event_id = derived_uuid7(report.recipient_id, report.status.value, report.key)
    if report.status is EventType.BOUNCED:
        return _record(
            report.recipient_id,
            EventType.BOUNCED,
            event_id=event_id,
            when="t.status IN ('delivered', 'unknown', 'deferred', 'quarantined')",
            sets="status = 'bounced', reply = %(reply)s::jsonb, bounce_class = %(bounce_class)s, "
            "bounce_category = %(bounce_category)s, finished_at = now()",
            reply=report.reply,
            source=report.source,
            detail={**report.detail, "by": "report", "suppresses": report.suppresses},
            suppress=("hard_bounce", "workspace") if report.suppresses else ("", ""),
            more={"bounce_class": report.bounce_class[:20], "bounce_category": report.bounce_category[:20]},
        )
    settles = report.status is EventType.DELIVERED
    return _record(
        report.recipient_id,
        report.status,
        event_id=event_id,
        reply=report.reply,
        when="t.status = 'unknown'" if settles else "true",
        sets="status = 'delivered', finished_at = now()" if settles else "attempts = r.attempts",
        detail={**report.detail, "by": "report"},
    )
