"""The door: every message that is not a broadcast comes in here, from SMTP, REST and RelayHub itself.

`check` applies all policy and writes nothing; `store.store_many` makes it durable. A refusal is an
`AcceptError` whose reply answers SMTP and HTTP alike. 250 or 202 is said only after the commit
(RFC 5321 §4.2.5, §6.1). Suppressed recipients are accepted and marked, never refused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings

from deliverability import domains
from relayhub.core import clock
from relayhub.core.errors import AcceptError
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.protocol import attachment_policy, headers, mime_limits
from relayhub.protocol import reply as replies
from relayhub.protocol.address import Address, AddressError, parse_addr_spec
from relayhub.protocol.reply import SmtpReply, make_reply
from relayhub.protocol.retry import LIFETIME
from relayhub.protocol.smtp_server_content import has_long_line
from relayhub.protocol.smtp_wire import has_bare_line_end
from relayhub.relay import routes, store
from relayhub.relay.events import HOLD_DOMAIN
from relayhub.relay.models import Source, StreamKind, Tracking
from relayhub.relay.streams_cache import StreamInfo, streams_of
from relayhub.relay.submission import Accepted, Submission, SubmittedRecipient, TraceInfo

MAX_SIZE = 25 * 1024 * 1024  # CONTRACT 7
MAX_RECIPIENTS = 1000  # CONTRACT 7
MAX_RECEIVED = 50  # RFC 5321 §6.3 wants at least 100 hops; mail is handed in, not relayed, so half is plenty
MAX_TAGS = 20
MAX_TAG = 100
MAX_METADATA = 50
MAX_METADATA_VALUE = 1000
MAX_IDEMPOTENCY_KEY = 255
#: X-RelayHub-* fields of a submission, by their name in lower case.
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
_STREAM, _TAG, _TRACK, _IDEMPOTENCY, _METADATA = (
    "x-relayhub-stream", "x-relayhub-tag", "x-relayhub-track", "x-relayhub-idempotency-key",
    "x-relayhub-metadata-",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """What the submission's own fields and X-RelayHub-* fields ask for together."""

    stream: str | None
    tags: tuple[str, ...]
    metadata: dict[str, Any]
    track: Tracking | None
    idempotency_key: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Acceptable:
    """A submission that passed every rule, ready to be stored."""

    submission: Submission
    message_id: UUID
    stream: StreamInfo
    content: bytes
    author: Address
    from_header: str
    subject: str
    message_id_header: str
    recipients: tuple[tuple[SubmittedRecipient, Address], ...]
    wishes: Wishes
    track: str
    #: Why the recipients are held from the beginning, or "".
    hold_reason: str
    now: datetime
    due_at: datetime
    expires_at: datetime


def accept(submission: Submission) -> Accepted:
    """Check and store one submission; durable when it returns. Raises AcceptError."""
    result = store.store_many([check(submission, now=clock.now())])[0]
    if isinstance(result, AcceptError):
        raise result
    return result


def check(submission: Submission, *, now: datetime) -> Acceptable:
    """Apply every rule; raises AcceptError and writes nothing."""
    _check_octets(submission)
    _check_structure(submission.content)
    _check_attachments(submission)
    block, offset = _parsed(submission.content)
    wishes = _wishes(submission, headers.strip_private(block))
    stream = _stream(submission, wishes.stream)
    author, from_header = _author(block)
    message_id = submission.message_id or uuid7()
    header_id = _complete(block, submission, message_id, author, now)
    content = block.with_body(submission.content[offset:])
    recipients = _recipients(submission)
    hold = _hold_or_refuse(submission, stream, author, recipients)
    due_at = _due_at(submission, now)
    return Acceptable(
        submission=submission, message_id=message_id, stream=stream, content=content, author=author,
        from_header=from_header, subject=headers.decode_text(block.first("subject") or "")[:1000],
        message_id_header=header_id, recipients=recipients, wishes=wishes,
        track=str(wishes.track or stream.track), hold_reason=hold, now=now, due_at=due_at,
        expires_at=due_at + LIFETIME,
    )


def _refused(
    code: int, enhanced: str, text: str, public_code: str, *, field: str = "", http_status: int | None = None
) -> AcceptError:
    return AcceptError(make_reply(code, enhanced, text), code=public_code, field=field, http_status=http_status)


def _due_at(submission: Submission, now: datetime) -> datetime:
    if submission.send_at is None:
        return now
    if not clock.is_within_reach(submission.send_at):
        raise _refused(550, "5.5.4", "The time to send at is more than a hundred years away. Write one that is nearer.",
                       "invalid_send_at", field="send_at")
    return max(submission.send_at, now)


def _check_octets(submission: Submission) -> None:
    """What the SMTP session has checked already, for the other doors; and the size, before what we add."""
    content = submission.content
    if len(content) > MAX_SIZE:
        raise _refused(552, "5.3.4", f"Message larger than {MAX_SIZE // 1024 // 1024} MiB", "message_too_large",
                       http_status=413)
    if submission.source == Source.SMTP:
        return
    if has_bare_line_end(content):
        raise AcceptError(replies.BARE_LINE_END_IN_CONTENT, code="malformed_message")
    if b"\0" in content:
        raise AcceptError(replies.NUL_IN_CONTENT, code="malformed_message")
    if has_long_line(content if content.endswith(b"\r\n") else content + b"\r\n", headers.HARD_LINE_OCTETS):
        raise AcceptError(replies.CONTENT_LINE_TOO_LONG, code="malformed_message")


def _check_structure(content: bytes) -> None:
    problem = mime_limits.problem(content)
    if problem is not None:
        raise _refused(550, "5.6.0", problem, "message_too_complex")


def _check_attachments(submission: Submission) -> None:
    problem = attachment_policy.problem(submission.content, streams_of(submission.workspace_id).attachments)
    if problem is not None:
        raise _refused(550, "5.7.0", problem, "attachment_refused", field="attachments")


def _parsed(content: bytes) -> tuple[headers.HeaderBlock, int]:
    try:
        block, offset = headers.parse_message(content)
    except headers.HeaderError as exc:
        raise _refused(550, "5.6.0", f"Message header not understood: {exc}", "malformed_message") from exc
    problem = headers.check_injection(block) or headers.check_singletons(block)
    if problem is not None:
        raise _refused(550, "5.6.0", problem.message, "malformed_message")
    if headers.received_count(block) > MAX_RECEIVED:
        raise _refused(554, "5.4.6", "Mail loop: too many Received fields", "mail_loop")
    return block, offset


def _author(block: headers.HeaderBlock) -> tuple[Address, str]:
    author = headers.author_of(block)
    if isinstance(author, headers.HeaderProblem):
        raise _refused(550, "5.6.0", author.message, "invalid_from", field="from")
    return author.first, str(author.first)[:1000]


def _complete(
    block: headers.HeaderBlock, submission: Submission, message_id: UUID, author: Address, now: datetime
) -> str:
    """Add what is missing; returns the Message-ID."""
    public_id = encode_id(Prefix.MESSAGE, message_id)
    own = f"<{public_id}@{author.ascii_domain}>"
    headers.complete(block, date=now, message_id=own)
    if submission.trace is not None:
        start = _trace_start(submission.trace, settings.RELAYHUB_HOSTNAME)
        field = b"%s\r\n\tid %s; %s\r\n" % (start, public_id.encode(), _date(now.replace(microsecond=0)))
        block.fields.insert(0, ("received", field))
    return (block.first("message-id") or own)[:1000]


@lru_cache(maxsize=4096)
def _trace_start(trace: TraceInfo, by: str) -> bytes:
    """The part of a Received field that all messages of one connection share."""
    info = headers.ReceivedInfo(
        by=by, protocol=trace.protocol, at=_ANY_TIME, helo=trace.helo, ip=trace.ip, tls=trace.tls
    )
    return headers.received_field(info).rpartition(b";")[0]


@lru_cache(maxsize=16)
def _date(at: datetime) -> bytes:
    return headers.date_value(at).encode("ascii")


def _recipients(submission: Submission) -> tuple[tuple[SubmittedRecipient, Address], ...]:
    """Parsed recipients, each address once."""
    if not submission.recipients:
        raise _refused(554, "5.5.1", "No recipients", "no_recipients", field="to")
    if len(submission.recipients) > MAX_RECIPIENTS:
        raise _refused(452, "4.5.3", f"More than {MAX_RECIPIENTS} recipients", "too_many_recipients", field="to",
                       http_status=422)
    found: dict[str, tuple[SubmittedRecipient, Address]] = {}
    for recipient in submission.recipients:
        try:
            address = parse_addr_spec(recipient.address)
        except AddressError as exc:
            raise _refused(553, "5.1.3", f"“{recipient.address[:80]}”: {exc.message}", "invalid_address",
                           field=recipient.kind) from exc
        found.setdefault(address.key, (recipient, address))
    return tuple(found.values())


def _stream(submission: Submission, slug: str | None) -> StreamInfo:
    streams = streams_of(submission.workspace_id)
    if slug is not None:
        stream = streams.by_slug.get(slug)
        if stream is None or (stream.kind == StreamKind.SYSTEM and submission.source != Source.SYSTEM):
            raise _refused(550, "5.7.1", f"There is no stream “{slug[:80]}”", "unknown_stream", field="stream")
    else:
        stream = streams.by_id.get(submission.default_stream_id) if submission.default_stream_id else None
        stream = stream or streams.default_transactional
    if submission.allowed_streams and stream.slug not in submission.allowed_streams:
        raise _refused(550, "5.7.1", f"This key may not send in the stream “{stream.slug}”", "stream_not_allowed",
                       field="stream", http_status=403)
    return stream


def _hold_or_refuse(
    submission: Submission,
    stream: StreamInfo,
    author: Address,
    recipients: tuple[tuple[SubmittedRecipient, Address], ...],
) -> str:
    """Why to hold, "" to go on; AcceptError where the From domain may not be used."""
    name = author.ascii_domain
    if submission.allowed_domains and name not in submission.allowed_domains:
        raise _refused(550, "5.7.1", f"This key may not send as {name}", "domain_not_allowed", field="from",
                       http_status=403)
    state = domains.sending_state(submission.workspace_id, name)
    if state == "verified" or submission.options.get("sandbox_only"):
        return ""
    if routes.all_stay_inside(submission.workspace_id, stream.slug, {a.ascii_domain for _, a in recipients}):
        return ""
    if state == "broken":
        return HOLD_DOMAIN
    raise _refused(550, "5.7.1", f"The sending domain {name} is not verified in this workspace",
                   "domain_not_verified", field="from")


def _wishes(submission: Submission, pairs: list[tuple[str, str]]) -> Wishes:
    """Read the X-RelayHub-* fields; what the API says itself comes first."""
    tags, metadata = list(submission.tags), dict(submission.metadata)
    stream, track, key = submission.stream, submission.track, submission.idempotency_key
    for name, value in pairs:
        text = headers.decode_text(value).strip()
        if name == _STREAM:
            stream = stream or text.lower()
        elif name == _TAG:
            tags.append(text)
        elif name == _TRACK:
            track = track or _track(text)
        elif name == _IDEMPOTENCY:
            key = key or _idempotency_key(text)
        elif name.startswith(_METADATA):
            metadata[name[len(_METADATA) :]] = text
    _check_wishes(tags, metadata)
    return Wishes(
        stream=stream, tags=tuple(dict.fromkeys(tags)), metadata=metadata, track=track, idempotency_key=key
    )


def _idempotency_key(text: str) -> str:
    if not 1 <= len(text) <= MAX_IDEMPOTENCY_KEY or not text.isprintable():
        raise _refused(550, "5.6.0", f"An idempotency key has 1 to {MAX_IDEMPOTENCY_KEY} printable characters",
                       "invalid_idempotency_key")
    return text


def _track(text: str) -> Tracking:
    try:
        return Tracking(text.lower())
    except ValueError as exc:
        raise _refused(550, "5.6.0", "X-RelayHub-Track is one of: none, opens, clicks, all", "invalid_track") from exc


def _check_wishes(tags: list[str], metadata: dict[str, Any]) -> None:
    if len(tags) > MAX_TAGS or any(not 1 <= len(tag) <= MAX_TAG or not tag.isprintable() for tag in tags):
        raise _refused(550, "5.6.0", f"At most {MAX_TAGS} tags of 1 to {MAX_TAG} characters", "invalid_tags",
                       field="tags")
    too_long = any(len(json.dumps(value)) > MAX_METADATA_VALUE or len(key) > 100 for key, value in metadata.items())
    if any("\0" in key or "\\u0000" in json.dumps(value) for key, value in metadata.items()):
        raise _refused(550, "5.6.0", "Metadata holds a null character", "invalid_metadata", field="metadata")
    if len(metadata) > MAX_METADATA or too_long:
        raise _refused(550, "5.6.0", f"At most {MAX_METADATA} metadata entries of {MAX_METADATA_VALUE} characters",
                       "invalid_metadata", field="metadata")


def refusal(exc: AcceptError) -> SmtpReply:
    """The reply of a refusal, for the SMTP edge."""
    return exc.reply
