"""Make accepted messages durable: many submissions, one transaction, a handful of bulk statements.

Content, message, recipients, events, counters and outbox are written together or not at all. The bell is rung
after the commit and may fail without harm. A database that does not answer is `451 4.3.0` and leaves nothing.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import DataError, IntegrityError, connection, transaction
from django.db import Error as DatabaseError
from psycopg.types.json import Jsonb

from deliverability import suppression
from relayhub.core.crashpoints import crashpoint
from relayhub.core.errors import AcceptError
from relayhub.core.ids import uuid7
from relayhub.core.models import IdempotencyRecord
from relayhub.protocol.reply import FAULT_OURS, make_reply
from relayhub.relay import bell, events, lanes
from relayhub.relay.models import ContentFormat, RecipientStatus, TrackedLink
from relayhub.relay.raw_tracking import tracked_links
from relayhub.relay.submission import Accepted, AcceptedRecipient

if TYPE_CHECKING:
    from relayhub.relay.accept import Acceptable

log = logging.getLogger(__name__)

#: What a batch is taken apart for: something in it, not the database's state.
DataProblem = (DataError, IntegrityError, ValueError)
_IDEMPOTENCY_KEPT = timedelta(hours=72)
_CONTENT_COPY = (
    "COPY relay_content (id, workspace_id, format, data, meta, size_bytes, created_at) FROM STDIN (FORMAT BINARY)"
)
_CONTENT_TYPES = ("uuid", "uuid", "varchar", "bytea", "jsonb", "int4", "timestamptz")
_MESSAGE_COPY = (
    "COPY relay_message (id, workspace_id, stream_id, content_id, source, from_header, from_address, from_domain,"
    " mail_from, subject, message_id_header, tags, metadata, options, track, api_key_id, credential_id, client_ip,"
    " is_trusted_network, size_bytes, recipient_count, send_at, expires_at, created_at) FROM STDIN"
)
_RECIPIENT_COPY = (
    "COPY relay_recipient (id, message_id, workspace_id, stream_id, lane_id, address, address_key, domain, status,"
    " next_attempt_at, attempts, crashes, unknown_retried, hold_reason, bounce_class, bounce_category, transport,"
    " provider, accepted_at, finished_at) FROM STDIN"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    """One recipient about to be stored."""

    id: UUID
    item: Acceptable
    address: str
    key: str
    domain: str
    lane_id: int
    status: str
    status_detail: dict[str, Any]


def store_many(items: Sequence[Acceptable]) -> list[Accepted | AcceptError]:
    """Store all of them in one transaction, joining an outer one; answers in the same order.

    Where the database refuses the batch for what is in it, each is stored alone, so that one strange message
    does not take its neighbours with it.
    """
    try:
        return _store_together(items)
    except DataProblem as exc:
        if len(items) > 1 and not connection.in_atomic_block:
            return [answer for item in items for answer in store_many([item])]
        return [_our_fault(exc) for _ in items]
    except DatabaseError as exc:
        log.warning("store.failed", extra={"messages": len(items)}, exc_info=True)
        return [_our_fault(exc) for _ in items]


def _store_together(items: Sequence[Acceptable]) -> list[Accepted | AcceptError]:
    with transaction.atomic():
        known: dict[UUID, Accepted | AcceptError] = {}
        twins: dict[UUID, UUID] = {}
        first_of: dict[tuple[Any, ...], UUID] = {}
        for item in items:
            if item.wishes.idempotency_key is None:
                continue
            mark = (item.submission.workspace_id, _record_key(item), _fingerprint(item))
            first = first_of.setdefault(mark, item.message_id)
            if first != item.message_id:
                twins[item.message_id] = first
            elif (found := _seen_before(item)) is not None:
                known[item.message_id] = found
        fresh = [item for item in items if item.message_id not in known and item.message_id not in twins]
        known |= {answer.message_id: answer for answer in _store(fresh)}
        crashpoint("store_before_commit")
    crashpoint("store_after_commit")
    return [known[twins.get(item.message_id, item.message_id)] for item in items]


def _our_fault(exc: Exception) -> AcceptError:
    return AcceptError(
        FAULT_OURS, message="The message could not be stored; nothing was kept. Hand it in again.",
        code="not_available", detail=str(exc)[:300], http_status=503,
    )


def _store(items: Sequence[Acceptable]) -> list[Accepted]:
    if not items:
        return []
    rows = _rows(items)
    contents = {item.message_id: uuid7() for item in items}
    # Django translates what execute() raises, but not what COPY does.
    with connection.cursor() as cursor, connection.wrap_database_errors:
        _copy_contents(cursor, items, contents)
        _copy_messages(cursor, items, contents)
        _copy_recipients(cursor, rows)
        _copy_history(cursor, events.rows_for_accept(map(_history, rows)))
    _store_links(items, contents)
    answers = _answers(items, rows)
    _note_idempotency(items, answers)
    _ring(rows)
    return answers


def _rows(items: Sequence[Acceptable]) -> list[_Row]:
    lane_of, hits = _lanes(items), _suppressed(items)
    rows = []
    for item in items:
        workspace, stream = item.submission.workspace_id, item.stream.id
        for _, address in item.recipients:
            domain = address.ascii_domain
            hit = hits.get((workspace, stream), {}).get(address.key)
            status, detail = RecipientStatus.QUEUED.value, {}
            if hit is not None:
                status = RecipientStatus.SUPPRESSED.value
                detail = {"reason": hit.reason, "scope": hit.scope}
            elif item.hold_reason:
                status, detail = RecipientStatus.HELD.value, {"reason": item.hold_reason}
            rows.append(
                _Row(
                    id=uuid7(), item=item, address=address.spec, key=address.key, domain=domain,
                    lane_id=lane_of[workspace, stream, domain], status=status, status_detail=detail,
                )
            )
    return rows


def _groups(items: Sequence[Acceptable]) -> dict[tuple[UUID, UUID], list[Acceptable]]:
    groups: dict[tuple[UUID, UUID], list[Acceptable]] = {}
    for item in items:
        groups.setdefault((item.submission.workspace_id, item.stream.id), []).append(item)
    return groups


def _lanes(items: Sequence[Acceptable]) -> dict[tuple[UUID, UUID, str], int]:
    """(workspace, stream, domain) -> lane; internal letters wait in the sandbox's lane whatever the routes."""
    found: dict[tuple[UUID, UUID, str], int] = {}
    for (workspace, stream), members in _groups(items).items():
        domains = {address.ascii_domain for item in members for _, address in item.recipients}
        for domain, lane_id in lanes.lane_ids_for(workspace, stream, None, domains).items():
            found[workspace, stream, domain] = lane_id
    return found


def _suppressed(items: Sequence[Acceptable]) -> dict[tuple[UUID, UUID], dict[str, suppression.SuppressionHit]]:
    return {
        (workspace, stream): suppression.suppressed_among(
            workspace, {address.key for item in members for _, address in item.recipients}, stream_id=stream
        )
        for (workspace, stream), members in _groups(items).items()
    }


def _copy_contents(cursor: Any, items: Sequence[Acceptable], contents: dict[UUID, UUID]) -> None:
    with cursor.copy(_CONTENT_COPY) as copy:
        copy.set_types(_CONTENT_TYPES)
        for item in items:
            copy.write_row(
                (contents[item.message_id], item.submission.workspace_id, ContentFormat.RAW.value, item.content,
                 Jsonb({}), len(item.content), item.now)
            )


def _copy_messages(cursor: Any, items: Sequence[Acceptable], contents: dict[UUID, UUID]) -> None:
    with cursor.copy(_MESSAGE_COPY) as copy:
        for item in items:
            given, wishes = item.submission, item.wishes
            copy.write_row(
                (item.message_id, given.workspace_id, item.stream.id, contents[item.message_id],
                 given.source.value, item.from_header, item.author.spec[:320], item.author.ascii_domain,
                 given.mail_from[:320], _plain(item.subject), item.message_id_header, list(wishes.tags),
                 json.dumps(wishes.metadata), json.dumps(given.options), item.track, given.api_key_id,
                 given.credential_id, given.client_ip, given.is_trusted_network, len(item.content),
                 len(item.recipients), given.send_at, item.expires_at, item.now)
            )


def _plain(text: str) -> str:
    """Text that PostgreSQL can hold: a NUL it cannot."""
    return text.replace("\0", "")


def _copy_recipients(cursor: Any, rows: Sequence[_Row]) -> None:
    with cursor.copy(_RECIPIENT_COPY) as copy:
        for row in rows:
            item = row.item
            finished = item.now if row.status == RecipientStatus.SUPPRESSED else None
            copy.write_row(
                (row.id, item.message_id, item.submission.workspace_id, item.stream.id, row.lane_id, row.address,
                 row.key, row.domain, row.status, item.due_at, 0, 0, False,
                 item.hold_reason if row.status == RecipientStatus.HELD else "", "", "", "", "", item.now,
                 finished)
            )


def _copy_history(cursor: Any, history: events.HistoryRows) -> None:
    for table, columns, rows in history.tables():
        with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
            for values in rows:
                copy.write_row(values)


def _history(row: _Row) -> events.NewRecipient:
    item = row.item
    return events.NewRecipient(
        id=row.id, workspace_id=item.submission.workspace_id, stream_id=item.stream.id,
        message_id=item.message_id, address=row.address, status=row.status, at=item.now,
        detail={"source": item.submission.source.value}, status_detail=row.status_detail,
    )


def _store_links(items: Sequence[Acceptable], contents: dict[UUID, UUID]) -> None:
    """The targets of tracked links; click tokens carry only their numbers."""
    links = [
        TrackedLink(content_id=contents[item.message_id], number=number, url=url)
        for item in items
        if item.track != "none"
        for number, url in enumerate(tracked_links(item.content, item.track), start=1)
    ]
    if links:
        TrackedLink.objects.bulk_create(links)


def _answers(items: Sequence[Acceptable], rows: Sequence[_Row]) -> list[Accepted]:
    by_message: dict[UUID, list[AcceptedRecipient]] = {item.message_id: [] for item in items}
    for row in rows:
        by_message[row.item.message_id].append(
            AcceptedRecipient(id=row.id, address=row.address, status=row.status)
        )
    return [Accepted(message_id=item.message_id, recipients=tuple(by_message[item.message_id])) for item in items]


def _ring(rows: Sequence[_Row]) -> None:
    lane_ids = sorted({row.lane_id for row in rows if row.status == RecipientStatus.QUEUED})
    if lane_ids:
        transaction.on_commit(lambda: bell.ring_lanes(lane_ids))


# -- X-RelayHub-Idempotency-Key ------------------------------------------------------------------------------


def _record_key(item: Acceptable) -> str:
    return "smtp:" + hashlib.sha256(str(item.wishes.idempotency_key).encode()).hexdigest()


def _fingerprint(item: Acceptable) -> str:
    """Over what the client sent: envelope and content, not what we added."""
    digest = hashlib.sha256(item.submission.mail_from.encode())
    for recipient in item.submission.recipients:
        digest.update(b"\n" + recipient.address.encode())
    digest.update(b"\n\n" + item.submission.content)
    return digest.hexdigest()


def _seen_before(item: Acceptable) -> Accepted | AcceptError | None:
    """The first answer to the same key; an AcceptError where the key was used for something else."""
    if item.wishes.idempotency_key is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM core_idempotencyrecord WHERE workspace_id = %s AND key = %s AND expires_at < %s",
            [item.submission.workspace_id, _record_key(item), item.now],
        )
        cursor.execute(
            "INSERT INTO core_idempotencyrecord (workspace_id, key, fingerprint, created_at, expires_at)"
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [item.submission.workspace_id, _record_key(item), _fingerprint(item), item.now,
             item.now + _IDEMPOTENCY_KEPT],
        )
        if cursor.rowcount == 1:
            return None
    record = IdempotencyRecord.objects.get(workspace_id=item.submission.workspace_id, key=_record_key(item))
    if record.fingerprint != _fingerprint(item):
        return AcceptError(
            make_reply(550, "5.7.1", "This idempotency key was used for another message"),
            code="idempotency_mismatch",
        )
    if record.body is None:  # twins in one batch: the first is being stored right now
        return AcceptError(make_reply(451, "4.3.0", "The same message is being stored; try again"),
                           code="idempotency_in_flight", http_status=409)
    return Accepted(
        message_id=UUID(record.body["message_id"]),
        recipients=tuple(
            AcceptedRecipient(id=UUID(row["id"]), address=row["address"], status=row["status"])
            for row in record.body["recipients"]
        ),
    )


def _note_idempotency(items: Sequence[Acceptable], answers: Sequence[Accepted]) -> None:
    for item, answer in zip(items, answers, strict=True):
        if item.wishes.idempotency_key is None:
            continue
        body = {
            "message_id": str(answer.message_id),
            "recipients": [
                {"id": str(r.id), "address": r.address, "status": r.status} for r in answer.recipients
            ],
        }
        IdempotencyRecord.objects.filter(
            workspace_id=item.submission.workspace_id, key=_record_key(item)
        ).update(status=202, body=body)
