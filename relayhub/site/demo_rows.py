"""Rows of mail that describe the past: gathered in memory, written by COPY, counted by the ledger's own rule.

The demo's rows have the shapes that the relay writes. Ids are drawn from the workspace's own, so the same story
has the same ids in the same workspace.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg.types.json import Jsonb

from relayhub.core.clock import now
from relayhub.core.ids import uuid7_at
from relayhub.core.models import Workspace
from relayhub.relay import lanes
from relayhub.relay.history import MINUTES_KEPT, counts_of
from relayhub.relay.models import ContentFormat

_CONTENT = ("id", "workspace_id", "format", "data", "meta", "size_bytes", "created_at")
_CONTENT_TYPES = ("uuid", "uuid", "varchar", "bytea", "jsonb", "int4", "timestamptz")
_MESSAGE = (
    "id", "workspace_id", "stream_id", "content_id", "source", "from_header", "from_address", "from_domain",
    "mail_from", "subject", "message_id_header", "tags", "metadata", "options", "track", "broadcast_id",
    "api_key_id", "credential_id", "client_ip", "is_trusted_network", "size_bytes", "recipient_count", "expires_at",
    "created_at",
)
_RECIPIENT = (
    "id", "message_id", "workspace_id", "stream_id", "lane_id", "broadcast_id", "contact_id", "address",
    "address_key", "domain", "merge", "status", "next_attempt_at", "attempts", "crashes", "unknown_retried",
    "hold_reason", "reply", "bounce_class", "bounce_category", "transport", "provider", "accepted_at", "finished_at",
    "opened_at", "machine_opened_at", "clicked_at", "machine_clicked_at", "complained_at", "unsubscribed_at",
)
_ATTEMPT = (
    "id", "workspace_id", "recipient_id", "message_id", "number", "started_at", "ended_at", "disposition",
    "transport", "site", "peer_host", "peer_address", "source_address", "tls", "phase", "reply", "bounce_class",
    "bounce_category", "detail", "transcript",
)
_EVENT = (
    "id", "workspace_id", "stream_id", "message_id", "recipient_id", "broadcast_id", "contact_id", "attempt_id",
    "type", "at", "reply", "detail",
)


@dataclass(kw_only=True)
class MessageRow:
    """A message as it is stored; the recipients are counted as they come."""

    id: UUID
    stream_id: UUID
    content_id: UUID
    source: str
    from_header: str
    from_address: str
    subject: str
    created_at: datetime
    expires_at: datetime
    message_id_header: str = ""
    tags: Sequence[str] = ()
    options: dict[str, Any] = field(default_factory=dict)
    track: str = "none"
    broadcast_id: UUID | None = None
    api_key_id: UUID | None = None
    credential_id: UUID | None = None
    client_ip: str | None = None
    size_bytes: int = 0
    recipient_count: int = 0

    @property
    def from_domain(self) -> str:
        """What follows the @ of From."""
        return self.from_address.rpartition("@")[2]


@dataclass(kw_only=True)
class RecipientRow:
    """A recipient while the story is told; written as it stands at the end."""

    id: UUID
    message: MessageRow
    address: str
    accepted_at: datetime
    provider: str
    status: str = "queued"
    contact_id: UUID | None = None
    merge: dict[str, Any] | None = None
    attempts: int = 0
    hold_reason: str = ""
    reply: dict[str, Any] | None = None
    bounce_class: str = ""
    bounce_category: str = ""
    transport: str = ""
    finished_at: datetime | None = None
    #: `opened_at` and the others of that kind.
    marks: dict[str, datetime] = field(default_factory=dict)

    @property
    def domain(self) -> str:
        """The recipient's domain, which in the demo is the site as well."""
        return self.address.rpartition("@")[2]

    @property
    def lane(self) -> tuple[UUID, UUID | None, str]:
        """Stream, broadcast and site: what names its lane."""
        site = "sandbox" if self.transport == "sandbox" else self.domain
        return self.message.stream_id, self.message.broadcast_id, site


@dataclass(frozen=True, kw_only=True)
class Try:
    """One attempt: what was said, and what it came to."""

    at: datetime
    took: timedelta
    disposition: str
    reply: dict[str, Any] | None
    #: The conversation as JSON.
    transcript: str
    detail: dict[str, Any]


class Rows:
    """Everything of the relay that one story makes."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.recipients: list[RecipientRow] = []
        self._contents: list[tuple[Any, ...]] = []
        self._messages: list[MessageRow] = []
        self._attempts: list[tuple[Any, ...]] = []
        self._events: list[tuple[Any, ...]] = []
        self._random = random.Random(workspace.pk.int)

    def new_id(self, at: datetime) -> UUID:
        """An id that sorts at that time."""
        return uuid7_at(at, self._random.getrandbits(74))

    def content(self, data: bytes, at: datetime, *, form: str = ContentFormat.RAW.value) -> UUID:
        """Store bytes; returns their id."""
        content_id = self.new_id(at)
        self._contents.append((content_id, self.workspace.pk, form, data, Jsonb({}), len(data), at))
        return content_id

    def message(self, row: MessageRow) -> MessageRow:
        """Store a message."""
        self._messages.append(row)
        return row

    def recipient(self, row: RecipientRow) -> RecipientRow:
        """Store a recipient and that it was accepted."""
        self.recipients.append(row)
        row.message.recipient_count += 1
        self.event(row, "accepted", row.accepted_at, {"source": row.message.source})
        return row

    def attempt(self, recipient: RecipientRow, tried: Try) -> None:
        """Store a try with its two events."""
        recipient.attempts += 1
        attempt_id, is_kept = self.new_id(tried.at), recipient.transport == "sandbox"
        ended = tried.at + tried.took
        site = recipient.domain
        host, address, source = ("", "", "") if is_kept else (f"mx.{site}", "192.0.2.25", "198.51.100.10")
        tls = None if is_kept else {"version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "verified": True}
        phase = "" if is_kept else "dot" if tried.disposition == "delivered" else "rcpt"
        self._attempts.append(
            (attempt_id, self.workspace.pk, recipient.id, recipient.message.id, recipient.attempts, tried.at, ended,
             tried.disposition, recipient.transport, recipient.lane[2], host, address, source, _json(tls), phase,
             _json(tried.reply), recipient.bounce_class, recipient.bounce_category, _json(tried.detail),
             tried.transcript)
        )
        self.event(recipient, "attempted", tried.at, {"number": recipient.attempts}, attempt_id=attempt_id)
        self.event(recipient, tried.disposition, ended, {"transport": recipient.transport, **tried.detail},
                   attempt_id=attempt_id, reply=tried.reply)

    def event(
        self, recipient: RecipientRow, kind: str, at: datetime, detail: dict[str, Any], *,
        attempt_id: UUID | None = None, reply: dict[str, Any] | None = None,
    ) -> None:
        """Store something that happened to a recipient."""
        message = recipient.message
        self._events.append(
            (self.new_id(at), self.workspace.pk, message.stream_id, message.id, recipient.id, message.broadcast_id,
             recipient.contact_id, attempt_id, kind, at, _json(reply), _json(detail))
        )

    def write(self) -> None:
        """Store everything, and count it."""
        found = self._lane_ids()
        with connection.cursor() as cursor:
            with cursor.copy(f"COPY relay_content ({', '.join(_CONTENT)}) FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(_CONTENT_TYPES)
                for row in self._contents:
                    copy.write_row(row)
            _copy(cursor, "relay_message", _MESSAGE, [_message(self.workspace, row) for row in self._messages])
            _copy(cursor, "relay_recipient", _RECIPIENT,
                  [_recipient(self.workspace, row, found[row.lane]) for row in self.recipients])
            _copy(cursor, "relay_attempt", _ATTEMPT, self._attempts)
            _copy(cursor, "relay_event", _EVENT, self._events)
        count_events(self.workspace)

    def _lane_ids(self) -> dict[tuple[UUID, UUID | None, str], int]:
        """Lanes as they would be: one a stream, broadcast and site."""
        sites: dict[tuple[UUID, UUID | None], set[str]] = {}
        for row in self.recipients:
            stream, broadcast, site = row.lane
            sites.setdefault((stream, broadcast), set()).add(site)
        return {
            (stream, broadcast, site): lane_id
            for (stream, broadcast), wanted in sites.items()
            for site, lane_id in lanes.lane_ids_by_site(self.workspace.pk, stream, broadcast, wanted).items()
        }


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)


def _message(workspace: Workspace, row: MessageRow) -> tuple[Any, ...]:
    return (
        row.id, workspace.pk, row.stream_id, row.content_id, row.source, row.from_header, row.from_address,
        row.from_domain, "", row.subject, row.message_id_header, list(row.tags), "{}", _json(row.options), row.track,
        row.broadcast_id, row.api_key_id, row.credential_id, row.client_ip, False, row.size_bytes,
        row.recipient_count, row.expires_at, row.created_at,
    )


def _recipient(workspace: Workspace, row: RecipientRow, lane_id: int) -> tuple[Any, ...]:
    marks = row.marks
    return (
        row.id, row.message.id, workspace.pk, row.message.stream_id, lane_id, row.message.broadcast_id,
        row.contact_id, row.address, row.address, row.domain, _json(row.merge), row.status, row.accepted_at,
        row.attempts, 0, False, row.hold_reason, _json(row.reply), row.bounce_class, row.bounce_category,
        row.transport, row.provider, row.accepted_at, row.finished_at, marks.get("opened_at"),
        marks.get("machine_opened_at"), marks.get("clicked_at"), marks.get("machine_clicked_at"),
        marks.get("complained_at"), marks.get("unsubscribed_at"),
    )


def _copy(cursor: Any, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


_COUNT_SQL = f"""
INSERT INTO relay_counter (workspace_id, subject, subject_id, metric, bucket, value)
SELECT e.workspace_id, c.subject, c.subject_id, c.metric, c.bucket, count(*)
FROM relay_event e CROSS JOIN LATERAL ({counts_of('e')}) AS c
WHERE {{which}} AND (c.subject <> 'minute' OR c.bucket >= %(minutes_since)s)
GROUP BY 1, 2, 3, 4, 5
ON CONFLICT (subject_id, metric, bucket, subject) DO UPDATE SET value = relay_counter.value + excluded.value
"""


def count_events(workspace: Workspace, *, broadcast_id: UUID | None = None) -> None:
    """Add the events of a workspace, or of one broadcast, that were stored without their counts to the counters."""
    which = "e.broadcast_id = %(broadcast)s" if broadcast_id is not None else "e.workspace_id = %(workspace)s"
    _count(which, {"workspace": workspace.pk, "broadcast": broadcast_id})


def count_without_broadcast(workspace: Workspace) -> None:
    """The same for the mail that belongs to no broadcast."""
    _count("e.workspace_id = %(workspace)s AND e.broadcast_id IS NULL", {"workspace": workspace.pk})


def _count(which: str, values: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_SQL.format(which=which), {**values, "minutes_since": now() - MINUTES_KEPT})
