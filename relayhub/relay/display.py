"""Show again what was sent, or would be: the same preparation as delivery, so the same bytes."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.utils.translation import gettext, gettext_lazy

from deliverability import signing
from relayhub.core.access import MESSAGE_BODY, OWNER_ONLY, Actor, require
from relayhub.core.crypto import link_keyring
from relayhub.core.errors import ForbiddenError
from relayhub.relay import prepare
from relayhub.relay.managers import ClaimedRecipient, ContentRow, MessageRow
from relayhub.relay.models import Message, Recipient, Source

OWNERS_ONLY = gettext_lazy(
    "RelayHub’s own letters hold links that open accounts; an owner may read them in the dashboard."
)

#: Kinds of pictures that browsers show and that hold no script, as SVG may.
_PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_MAX_PICTURE = 5 * 1024 * 1024
_CID = re.compile(r"""(?<=["'(=])\s*cid:([^"')\s<>]{1,300})""", re.IGNORECASE)
_MAX_FIELD = 2048
_MAX_DEPTH = 20  # CONTRACT 7


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A part that is downloaded, never shown."""

    number: int
    name: str
    content_type: str
    size_bytes: int

    @property
    def is_picture(self) -> bool:
        """Whether a page may show it small: a picture of a kind that runs nothing, and no giant."""
        return self.content_type in _PICTURES and self.size_bytes <= _MAX_PICTURE


@dataclass(frozen=True, kw_only=True)
class Readable:
    """A message as a person reads it."""

    headers: list[tuple[str, str]]
    html: str | None
    text: str | None
    attachments: list[Attachment] = field(default_factory=list)


def may_read(actor: Actor, message: Message) -> bool:
    """Whether the actor may see the content. RelayHub's own letters carry links that open accounts: owners only."""
    return actor.may(MESSAGE_BODY) and (message.source != Source.SYSTEM or actor.may(OWNER_ONLY))


def require_body(actor: Actor, message: Message) -> None:
    """ForbiddenError unless the actor may see the content."""
    require(actor, MESSAGE_BODY)
    if not may_read(actor, message):
        raise ForbiddenError(str(OWNERS_ONLY), code="owners_only")


def recipient_bytes(recipient: Recipient) -> bytes:
    """The exact message of one recipient, signed as it is (or was) sent."""
    message = recipient.message
    row = _message_row(message)
    content = prepare.load_content(
        ContentRow(
            id=message.content_id, format=message.content.format, data=bytes(message.content.data),
            meta=message.content.meta,
        )
    )
    mail = prepare.prepare(
        claimed(recipient), row, content,
        origin=prepare.Origin(base_url=settings.RELAYHUB_BASE_URL, keyring=link_keyring()),
        keys=signing.signing_keys(message.workspace_id, message.from_domain),
    )
    return mail.content


def return_path(recipient: Recipient) -> str:
    """Where bounces of this recipient come back to; on the wire it is MAIL FROM."""
    origin = prepare.Origin(base_url=settings.RELAYHUB_BASE_URL, keyring=link_keyring())
    return prepare.return_path(claimed(recipient), _message_row(recipient.message), origin)


def message_id(recipient: Recipient) -> str:
    """The Message-ID of this recipient's copy: of a broadcast each has its own."""
    message = recipient.message
    if message.broadcast_id is None:
        return message.message_id_header
    return prepare.message_id(claimed(recipient), _message_row(message))


def readable(raw: bytes) -> Readable:
    """Headers, HTML, text and attachments of a message."""
    parsed = _parsed(raw)
    return Readable(
        headers=[(name, _text(value)) for name, value in parsed.raw_items()], html=_body(parsed, "html"),
        text=_body(parsed, "plain"),
        attachments=[
            Attachment(
                number=number, name=part.get_filename() or gettext("part %(number)s") % {"number": number},
                content_type=part.get_content_type(), size_bytes=len(part.get_payload(decode=True) or b""),
            )
            for number, part in enumerate(_attached(parsed), start=1)
        ],
    )


def attachment(raw: bytes, number: int) -> tuple[Attachment, bytes] | None:
    """One attachment's facts and content, by the number `readable` gave it."""
    parsed = _parsed(raw)
    parts = list(_attached(parsed))
    if not 1 <= number <= len(parts):
        return None
    data = parts[number - 1].get_payload(decode=True) or b""
    return readable(raw).attachments[number - 1], bytes(data)


def with_own_pictures(html: str, raw: bytes) -> str:
    """The HTML with pictures of the message itself (`cid:…`, RFC 2392) in their places."""
    if "cid:" not in html.lower():
        return html
    pictures = _pictures_of(raw)
    return _CID.sub(lambda found: pictures.get(unquote(found[1]), found[0]), html)


def _pictures_of(raw: bytes) -> dict[str, str]:
    """Content-ID -> `data:` address, as many as are no giants together."""
    found: dict[str, str] = {}
    left = _MAX_PICTURE
    for part in _attached(_parsed(raw)):
        name = str(part.get("Content-ID") or "").strip().strip("<>")
        data = part.get_payload(decode=True) or b""
        if name and part.get_content_type() in _PICTURES and isinstance(data, bytes) and len(data) <= left:
            left -= len(data)
            found[name] = f"data:{part.get_content_type()};base64,{b64encode(data).decode()}"
    return found


class _ShortFields(policy.EmailPolicy):
    """Reads no more of a field than one of an honest mail has: the parser's work grows with the square of it."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        """The parsed field."""
        return value if hasattr(value, "name") else super().header_fetch_parse(name, value[:_MAX_FIELD])


_POLICY = _ShortFields()


def _parsed(raw: bytes) -> EmailMessage:
    """The message as a tree; its header alone where it is nested so deep that nothing could walk through it."""
    try:
        parsed = message_from_bytes(raw, policy=_POLICY)
        is_deep = any(depth > _MAX_DEPTH for depth in _depths(parsed))
    except RecursionError:
        is_deep = True
    if is_deep:
        parsed = BytesParser(policy=_POLICY).parsebytes(raw, headersonly=True)
    assert isinstance(parsed, EmailMessage)
    return parsed


def _depths(parsed: Any) -> Iterator[int]:
    waiting = [(parsed, 1)]
    while waiting:
        part, depth = waiting.pop()
        yield depth
        children = part.get_payload()
        if isinstance(children, list):
            waiting += [(child, depth + 1) for child in children]


def _attached(parsed: EmailMessage) -> list[EmailMessage]:
    try:
        return [part for part in parsed.walk() if isinstance(part, EmailMessage) and _is_attached(part)]
    except (AttributeError, LookupError):
        return []


def _is_attached(part: EmailMessage) -> bool:
    if part.is_multipart():
        return False
    return part.get_content_disposition() == "attachment" or part.get_content_maintype() != "text"


def _body(parsed: EmailMessage, kind: str) -> str | None:
    try:
        part = parsed.get_body((kind,))
        return str(part.get_content()) if part is not None else None
    except (LookupError, AttributeError, KeyError, ValueError):
        return None


def _text(value: object) -> str:
    return " ".join(str(value).split())


def _message_row(message: Message) -> MessageRow:
    stream = message.stream
    return MessageRow(
        id=message.pk, workspace_id=message.workspace_id, stream_id=stream.pk, stream_slug=stream.slug,
        stream_kind=stream.kind, content_id=message.content_id, source=message.source,
        from_header=message.from_header, from_address=message.from_address, from_domain=message.from_domain,
        mail_from=message.mail_from, subject=message.subject, message_id_header=message.message_id_header,
        track=message.track, broadcast_id=message.broadcast_id, size_bytes=message.size_bytes,
        created_at=message.created_at, expires_at=message.expires_at, tags=tuple(message.tags),
        metadata=message.metadata, options=message.options,
    )


def claimed(recipient: Recipient) -> ClaimedRecipient:
    """The recipient as delivery holds it; for looking only: its token is nobody's claim."""
    return ClaimedRecipient(
        id=recipient.pk, token=recipient.pk, workspace_id=recipient.workspace_id, stream_id=recipient.stream_id,
        message_id=recipient.message_id, lane_id=recipient.lane_id, broadcast_id=recipient.broadcast_id,
        contact_id=recipient.contact_id, address=recipient.address, domain=recipient.domain,
        merge=recipient.merge, attempts=recipient.attempts, crashes=recipient.crashes,
        unknown_retried=recipient.unknown_retried, accepted_at=recipient.accepted_at,
    )
