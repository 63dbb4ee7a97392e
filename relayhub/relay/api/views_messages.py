"""`/messages`: hand in, list, look at, cancel."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from django.utils.dateparse import parse_datetime
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from relayhub.core.access import Actor, get_or_absent
from relayhub.core.api import noting
from relayhub.core.api.base import ApiView, parsed
from relayhub.core.api.exceptions import response_for
from relayhub.core.api.pagination import answer, key_of_cursor, page_by_id, page_cursor, page_limit
from relayhub.core.api.parsers import StrictJSONParser
from relayhub.core.clock import now
from relayhub.core.errors import AccessError, InputError
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.models import Scope
from relayhub.protocol.compose import Attachment
from relayhub.relay import display, evidence, queries, search, search_words, subjects
from relayhub.relay.api.serializers import (
    MessageSerializer,
    accepted_body,
    message_body,
    moment,
    recipient_body,
)
from relayhub.relay.models import Message, Recipient, Source, Tracking
from relayhub.relay.outgoing import OutgoingFields, accept_all, limits_of, submission_of
from relayhub.relay.submission import Submission, SubmittedRecipient
from relayhub.relay.templates_port import fill_template

MAX_BATCH = 1000


class RawParser(BaseParser):
    """`message/rfc822`: the bytes as they are."""

    media_type = "message/rfc822"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Everything."""
        return bytes(stream.read())


def fields_of(view: ApiView, data: dict[str, Any]) -> OutgoingFields:
    """Validated input as the composer wants it, its template filled in."""
    data = fill_template(view.actor.workspace, data)
    if not any(data.get(part) is not None for part in ("text", "html")):
        raise InputError("Give text, html or a template.", field="text", code="no_content")
    return OutgoingFields(
        sender=data["from"], to=data["to"], cc=data["cc"], bcc=data["bcc"], reply_to=data["reply_to"],
        subject=data["subject"], text=data["text"], html=data["html"], headers=data["headers"],
        attachments=[_attachment(item, index) for index, item in enumerate(data["attachments"])],
        variables=data["variables"], stream=data["stream"], tags=data["tags"], metadata=data["metadata"],
        track=Tracking(data["track"]) if data["track"] else None, send_at=data["send_at"],
        options={"template": data["template"]} if data["template"] else {},
    )


def _attachment(item: dict[str, Any], index: int) -> Attachment:
    try:
        content = base64.b64decode(item["content"], validate=True)
    except (binascii.Error, ValueError) as exc:
        raise InputError("The content is not base64.", field=f"attachments.{index}.content") from exc
    return Attachment(
        content=content, filename=item["filename"], content_type=item["content_type"],
        content_id=item["content_id"],
    )


class MessagesView(ApiView):
    """POST hands a message in; GET lists."""

    permissions: ClassVar = {"GET": Scope.MESSAGES_READ, "POST": Scope.MESSAGES_WRITE}

    def post(self, request: Request) -> Response:
        """202 once the message is durable."""
        data = parsed(MessageSerializer, request)
        result = accept_all([submission_of(self.actor, fields_of(self, data))])[0]
        if isinstance(result, Exception):
            raise result
        return Response(accepted_body(result), status=202)

    def get(self, request: Request) -> Response:
        """Messages, newest first."""
        narrowed = _filter(request)
        found = queries.messages(self.actor.workspace, narrowed)
        reading = search_words.read(request.query_params.get("q", ""), now=now(), zone=UTC)
        reading = search.resolved(self.actor.workspace, reading)
        wanted = search.Wanted(
            reading=reading, below=below_cursor(request), since=narrowed.since, until=narrowed.until,
            is_read=narrowed.is_read,
        )
        look = search.messages(self.actor.workspace, wanted, within=found)
        return Response(
            {**page_by_id(request, look.rows, _bodies, back_to=look.back_to), **read_as(reading, look)}
        )


def read_as(reading: search_words.Reading, look: search.Look[Any]) -> dict[str, Any]:
    """How `q` was read, and how far back the rows were looked through: null where nothing is left."""
    return {
        "read_as": [{"kind": part.kind, "text": part.text, "words": part.words} for part in reading.parts],
        "searched_back_to": moment(look.back_to_time),
    }


def below_cursor(request: Request) -> UUID | None:
    """Where a further look begins; None on the first page."""
    cursor = page_cursor(request)
    try:
        return UUID(cursor) if cursor else None
    except ValueError:
        return None  # the page itself says that the cursor is none of ours


def _bodies(rows: list[Message]) -> list[dict[str, Any]]:
    ids = [row.pk for row in rows]
    counts, recipients = queries.counts_of(ids), queries.recipients_of(ids, limit_each=10)
    named = subjects.of_copies((row, one) for row in rows for one in recipients[row.pk])
    return [message_body(row, counts[row.pk], recipients[row.pk], named) for row in rows]


def _filter(request: Request) -> queries.MessageFilter:
    given = request.query_params
    return queries.MessageFilter(
        status=given.get("status", ""), stream=given.get("stream", ""), domain=given.get("domain", ""),
        recipient=given.get("recipient", ""), tag=given.get("tag", ""),
        campaign=_campaign(given.get("campaign", "")), since=_time(given.get("since", ""), "since"),
        until=_time(given.get("until", ""), "until"),
    )


def _campaign(text: str) -> UUID | None:
    if not text:
        return None
    value = decode_id(Prefix.CAMPAIGN, text)
    if value is None:
        raise InputError("This is not a campaign’s id.", field="campaign")
    return value


def _time(text: str, field: str) -> datetime | None:
    if not text:
        return None
    try:
        value = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        value = None
    if value is None or value.tzinfo is None:
        raise InputError("Write a time as 2026-11-24T10:00:00Z.", field=field)
    return value


class BatchView(ApiView):
    """POST up to 1,000 messages; each answers for itself."""

    permissions: ClassVar = {"POST": Scope.MESSAGES_WRITE}

    def post(self, request: Request) -> Response:
        """202 with one answer an item, in order."""
        items = request.data.get("messages") if isinstance(request.data, dict) else request.data
        if not isinstance(items, list) or not 1 <= len(items) <= MAX_BATCH:
            raise InputError(f"Give a list of 1 to {MAX_BATCH:,} messages.", field="messages")
        answers = [_batch_answer(result) for result in accept_all([self._submission(item) for item in items])]
        noting.note_items(request, self.actor, [one.get("error") for one in answers])
        return Response({"data": answers}, status=202)

    def _submission(self, item: Any) -> Submission | Exception:
        filled = MessageSerializer(data=item)
        try:
            filled.is_valid(raise_exception=True)
            return submission_of(self.actor, fields_of(self, dict(filled.validated_data)))
        except Exception as exc:
            if response_for(exc) is None:
                raise
            return exc


def _batch_answer(result: Any) -> dict[str, Any]:
    if not isinstance(result, Exception):
        return accepted_body(result)
    response = response_for(result)
    return {"status": "refused", "error": response.data if response is not None else None}


class RawView(ApiView):
    """POST an RFC 5322 message with an explicit envelope."""

    permissions: ClassVar = {"POST": Scope.MESSAGES_WRITE}
    parser_classes = (RawParser, StrictJSONParser)

    def post(self, request: Request) -> Response:
        """202 once the message is durable; Bcc fields are removed."""
        if not isinstance(request.data, bytes):
            raise InputError("Send the message as Content-Type: message/rfc822.", code="wrong_content_type")
        given = request.query_params
        recipients = given.getlist("to")
        if not recipients:
            raise InputError("Name the recipients: ?from=…&to=…&to=….", field="to")
        submission = Submission(
            workspace_id=self.actor.workspace.pk, source=Source.RAW, mail_from=given.get("from", ""),
            recipients=tuple(SubmittedRecipient(address=address) for address in recipients),
            content=_crlf(request.data), stream=given.get("stream") or None, **limits_of(self.actor),
        )
        result = accept_all([submission])[0]
        if isinstance(result, Exception):
            raise result
        return Response(accepted_body(result), status=202)


def _crlf(raw: bytes) -> bytes:
    """Line ends as on the wire: clients send files with bare line feeds."""
    if b"\0" in raw:
        raise InputError("The message holds a NUL octet.", code="malformed_message")
    text = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    return text if text.endswith(b"\r\n") else text + b"\r\n"


class _OneMessage(ApiView):
    def message(self, message_id: str) -> Message:
        """The message of the caller's workspace, or AccessError."""
        rows = Message.objects.filter(workspace=self.actor.workspace).select_related("stream", "content")
        return get_or_absent(rows, Prefix.MESSAGE, message_id)


class MessageView(_OneMessage):
    """GET one message."""

    permissions: ClassVar = {"GET": Scope.MESSAGES_READ}

    def get(self, request: Request, message_id: str) -> Response:
        """The message, its counts and its first recipients."""
        message = self.message(message_id)
        counts = queries.counts_of([message.pk])[message.pk]
        recipients = queries.recipients_of([message.pk], limit_each=200)[message.pk]
        named = subjects.of_copies((message, row) for row in recipients)
        return Response(message_body(message, counts, recipients, named))


class TimelineView(_OneMessage):
    """GET what happened."""

    permissions: ClassVar = {"GET": Scope.MESSAGES_READ}

    def get(self, request: Request, message_id: str) -> Response:
        """Events, oldest first."""
        message = self.message(message_id)
        limit, cursor = page_limit(request), page_cursor(request)
        after = key_of_cursor(cursor) if cursor else None
        found = queries.timeline(message, after=after if isinstance(after, UUID) else None, limit=limit + 1)
        rows, more = found[:limit], len(found) > limit
        addresses = queries.addresses_of(event.recipient_id for event in rows)
        data = [
            {**queries.timeline_entry(event, addresses.get(event.recipient_id, "")), "at": moment(event.at)}
            for event in rows
        ]
        return Response(answer(request, data, rows[-1].pk if more else None))


class EvidenceView(_OneMessage):
    """GET all that is known of one recipient: `?recipient=rcp_…` chooses one, else it is the first."""

    permissions: ClassVar = {"GET": Scope.MESSAGES_READ}

    def get(self, request: Request, message_id: str) -> Response:
        """Envelope, events, tries with their conversations and the routes weighed, DNS records of the time."""
        rows = Recipient.objects.filter(message=self.message(message_id)).select_related("message", "message__stream")
        name = request.query_params.get("recipient", "")
        found = get_or_absent(rows, Prefix.RECIPIENT, name) if name else rows.order_by("id").first()
        if found is None:
            raise AccessError
        return Response(evidence.of_recipient(found))


class ContentView(_OneMessage):
    """GET what the recipient gets: `?recipient=rcp_…` chooses one, `?format=raw` gives the bytes."""

    permissions: ClassVar = {"GET": Scope.MESSAGES_READ}

    def get(self, request: Request, message_id: str) -> Response | HttpResponse:
        """Headers, text, HTML and attachments; or message/rfc822 as a download."""
        raw = _content_of(self.actor, self.message(message_id), request.query_params.get("recipient", ""))
        if request.query_params.get("format") == "raw":
            return _download(raw, f"{message_id}.eml")
        shown = display.readable(raw)
        return Response(
            {
                "headers": [{"name": name, "value": value} for name, value in shown.headers],
                "text": shown.text, "html": shown.html,
                "attachments": [
                    {"filename": item.name, "content_type": item.content_type, "size_bytes": item.size_bytes}
                    for item in shown.attachments
                ],
                "raw": base64.b64encode(raw).decode(),
            }
        )


def _content_of(actor: Actor, message: Message, recipient_id: str) -> bytes:
    display.require_body(actor, message)
    rows = Recipient.objects.filter(message=message).select_related(
        "message", "message__stream", "message__content"
    )
    if recipient_id:
        return display.recipient_bytes(get_or_absent(rows, Prefix.RECIPIENT, recipient_id))
    first = rows.order_by("id").first()
    return display.recipient_bytes(first) if first is not None else bytes(message.content.data)


def _download(raw: bytes, name: str) -> HttpResponse:
    response = HttpResponse(raw, content_type="message/rfc822")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


class RawContentView(_OneMessage):
    """GET the bytes: `/messages/{id}/raw`."""

    permissions: ClassVar = {"GET": Scope.MESSAGES_READ}

    def get(self, request: Request, message_id: str) -> HttpResponse:
        """message/rfc822 as a download."""
        raw = _content_of(self.actor, self.message(message_id), request.query_params.get("recipient", ""))
        return _download(raw, f"{message_id}.eml")


class RecipientsView(_OneMessage):
    """GET every recipient of a message."""

    permissions: ClassVar = {"GET": Scope.MESSAGES_READ}

    def get(self, request: Request, message_id: str) -> Response:
        """Recipients in the order they were given."""
        message = self.message(message_id)
        found = Recipient.objects.filter(message=message)
        status = request.query_params.get("status", "")
        if status:
            found = found.filter(status=status)

        def bodies(rows: list[Recipient]) -> list[dict[str, Any]]:
            named = subjects.of_copies((message, row) for row in rows)
            return [recipient_body(row, named[row.pk]) for row in rows]

        return Response(page_by_id(request, found, bodies, ascending=True))
