"""Exact bytes for one recipient: merge, compose, list fields, links, return-path, signature.

The same inputs make the same bytes, so a retry carries the same Message-ID and the pages can show again what
was sent. Nothing here reads a clock, a setting or the database: everything comes in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, assert_never

from relayhub.core.errors import PrepareError
from relayhub.core.ids import Prefix, encode_id
from relayhub.protocol import dkim, verp
from relayhub.protocol.address import Address, AddressError, parse_addr_spec, parse_mailbox, parse_mailbox_list
from relayhub.protocol.dkim_canonical import body_hash_of
from relayhub.protocol.headers import (
    HeaderBlock,
    address_field,
    date_value,
    parse,
    parse_message,
    structured_field,
)
from relayhub.protocol.list_headers import ListIdentity, feedback_id_field, list_id_field, unsubscribe_fields
from relayhub.protocol.tokens import Keyring, Purpose, Reference, sign_reference
from relayhub.relay.broadcast_content import BroadcastContent
from relayhub.relay.compiled import LINK_FIELD, OPEN_FIELD, CompiledSource
from relayhub.relay.managers import ClaimedRecipient, ContentRow, MessageRow
from relayhub.relay.models import ContentFormat, StreamKind
from relayhub.relay.raw_tracking import rewrite_raw


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What of this installation goes into mail."""

    base_url: str
    keyring: Keyring = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class RawContent:
    """A stored RFC 5322 message, parsed once for all its recipients."""

    block: HeaderBlock
    body: bytes
    body_hash: bytes
    has_8bit: bool


LoadedContent = RawContent | BroadcastContent


@dataclass(frozen=True, kw_only=True)
class PreparedMail:
    """What goes onto the wire, but for dot-stuffing."""

    mail_from: str
    rcpt_to: str
    content: bytes
    needs_8bit: bool
    needs_smtputf8: bool


def load_content(row: ContentRow) -> LoadedContent:
    """Parse or compile stored content; keep the result as long as the content is in use."""
    match ContentFormat(row.format):
        case ContentFormat.RAW:
            block, offset = parse_message(row.data)
            body = row.data[offset:]
            return RawContent(
                block=block, body=body, body_hash=body_hash_of(body), has_8bit=not row.data.isascii()
            )
        case ContentFormat.COMPILED:
            return BroadcastContent(CompiledSource.load(row.data), seed=row.id.bytes)
        case unknown:
            assert_never(unknown)


def prepare(
    recipient: ClaimedRecipient,
    message: MessageRow,
    content: LoadedContent,
    *,
    origin: Origin,
    keys: Sequence[dkim.SigningKey],
) -> PreparedMail:
    """The recipient's bytes and envelope; PrepareError where they cannot be made."""
    address = _parsed(recipient.address)
    if isinstance(content, BroadcastContent):
        block, body, body_hash = _broadcast(recipient, message, content, address, origin)
    else:
        block, body, body_hash = _single(recipient, message, content, origin)
    if keys:
        signatures = dkim.sign(block, body, keys, signed_at=recipient.accepted_at, body_hash=body_hash)
        block.fields[:0] = parse(signatures).fields
    data = block.with_body(body)
    head = data[: len(data) - len(body)]
    return PreparedMail(
        mail_from=return_path(recipient, message, origin),
        rcpt_to=address.wire_spec,
        content=data,
        needs_8bit=not data.isascii(),
        needs_smtputf8=address.needs_smtputf8 or not head.isascii(),
    )


def return_path(recipient: ClaimedRecipient, message: MessageRow, origin: Origin) -> str:
    """The VERP address that bounces of this recipient come back to."""
    local = verp.local_part(verp.ReturnKind.BOUNCE, recipient.id, origin.keyring)
    return f"{local}@rp.{message.from_domain}"


def _parsed(text: str) -> Address:
    try:
        return parse_addr_spec(text)
    except AddressError as exc:
        raise PrepareError(f"The recipient’s address cannot be written to: {exc.message}", temporary=False,
                           code="invalid_address") from exc


def _single(
    recipient: ClaimedRecipient, message: MessageRow, content: RawContent, origin: Origin
) -> tuple[HeaderBlock, bytes, bytes]:
    """A message as handed in, with the fields we add."""
    block = HeaderBlock(fields=list(content.block.fields))
    body, body_hash = content.body, content.body_hash
    if message.track != "none":
        changed = rewrite_raw(block, body, _tracker(recipient, message, origin))
        if changed is not None:
            block, body = changed
            body_hash = body_hash_of(body)
    if message.stream_kind == StreamKind.BROADCAST and not block.count("list-unsubscribe"):
        block.fields += parse(_unsubscribe_fields(recipient, message, origin)).fields
    if not block.count("feedback-id"):
        block.append(_feedback(recipient, message, campaign=message.stream_slug))
    return block, body, body_hash


@dataclass(frozen=True, kw_only=True)
class Tracker:
    """Makes the tracked addresses of one recipient."""

    opens: bool
    clicks: bool
    recipient: ClaimedRecipient
    origin: Origin

    def link(self, number: int) -> str:
        """The click address of a link."""
        return _link(self.origin, "t/c", Purpose.CLICK, self.recipient, number)

    def pixel(self) -> str:
        """The open pixel's address."""
        return _link(self.origin, "t/o", Purpose.OPEN, self.recipient)


def _tracker(recipient: ClaimedRecipient, message: MessageRow, origin: Origin) -> Tracker:
    return Tracker(
        opens=message.track in {"opens", "all"}, clicks=message.track in {"clicks", "all"},
        recipient=recipient, origin=origin,
    )


def _broadcast(
    recipient: ClaimedRecipient,
    message: MessageRow,
    content: BroadcastContent,
    address: Address,
    origin: Origin,
) -> tuple[HeaderBlock, bytes, bytes]:
    """One recipient's copy of a broadcast."""
    source = content.source
    rendered = content.render(broadcast_context(recipient, content, origin))
    fields = [
        address_field("From", [parse_mailbox(source.from_header)]),
        address_field("To", [_with_name(address, recipient.merge)]),
        rendered.subject_field,
        structured_field("Date", date_value(recipient.accepted_at)),
        structured_field("Message-ID", message_id(recipient, message)),
    ]
    if source.reply_to:
        fields.append(address_field("Reply-To", parse_mailbox_list(source.reply_to)))
    fields.append(_unsubscribe_fields(recipient, message, origin))
    if source.list_identity is not None:
        fields.append(list_id_field(ListIdentity(**source.list_identity)))
    campaign = (source.feedback or {}).get("campaign", message.stream_slug)
    fields += [_feedback(recipient, message, campaign=campaign), rendered.content_header]
    return parse(b"".join(fields)), rendered.body.content, rendered.body.relaxed_body_hash


def broadcast_context(
    recipient: ClaimedRecipient, content: BroadcastContent, origin: Origin
) -> dict[str, Any]:
    """What the templates of a broadcast may read for one recipient."""
    context: dict[str, Any] = {**content.source.shared, **(recipient.merge or {})}
    wanted = content.needed_paths()
    names = PERSONAL_LINKS if wanted is None else PERSONAL_LINKS.intersection(wanted)
    context |= personal_links(recipient, origin, names)
    if content.source.is_tracking_clicks:
        for number in range(1, len(content.source.links) + 1):
            name = f"{LINK_FIELD}{number}"
            if wanted is None or name in wanted:
                context[name] = _link(origin, "t/c", Purpose.CLICK, recipient, number)
    return context


_PERSONAL_LINKS = (
    ("unsubscribe_url", "u", Purpose.UNSUBSCRIBE),
    ("preferences_url", "p", Purpose.PREFERENCES),
    ("view_url", "v", Purpose.VIEW),
    (OPEN_FIELD, "t/o", Purpose.OPEN),
)
#: Names of the addresses of ours that every recipient has.
PERSONAL_LINKS = frozenset(name for name, _, _ in _PERSONAL_LINKS)


def personal_links(recipient: ClaimedRecipient, origin: Origin, names: AbstractSet[str]) -> dict[str, str]:
    """The addresses of these names, of PERSONAL_LINKS, for one recipient."""
    return {name: _link(origin, path, purpose, recipient) for name, path, purpose in _PERSONAL_LINKS if name in names}


def _link(
    origin: Origin, path: str, purpose: Purpose, recipient: ClaimedRecipient, number: int = 0
) -> str:
    """A signed address; every such token names the recipient, from which all else is found."""
    reference = Reference(id=recipient.id, issued_on=recipient.accepted_at.date(), link_number=number)
    return f"{origin.base_url}/{path}/{sign_reference(purpose, reference, origin.keyring)}"


def _unsubscribe_fields(recipient: ClaimedRecipient, message: MessageRow, origin: Origin) -> bytes:
    local = verp.local_part(verp.ReturnKind.UNSUBSCRIBE, recipient.id, origin.keyring)
    return unsubscribe_fields(
        url=_link(origin, "u", Purpose.UNSUBSCRIBE, recipient), mailto=f"{local}@rp.{message.from_domain}"
    )


def _feedback(recipient: ClaimedRecipient, message: MessageRow, *, campaign: str) -> bytes:
    return feedback_id_field(
        campaign=campaign, customer=message.workspace_id.hex[-12:], mail_type=message.stream_slug,
        sender="relayhub",
    )


def message_id(recipient: ClaimedRecipient, message: MessageRow) -> str:
    """The Message-ID of one recipient's copy: the same at every try."""
    return f"<{encode_id(Prefix.RECIPIENT, recipient.id)}@{message.from_domain}>"


def _with_name(address: Address, merge: Mapping[str, Any] | None) -> Address:
    name = str(((merge or {}).get("contact") or {}).get("name") or "")
    clean = " ".join("".join(char if char.isprintable() else " " for char in name).split())[:200]
    return Address(local=address.local, domain=address.domain, display=clean)


__all__ = [
    "LoadedContent", "Origin", "PreparedMail", "Tracker", "load_content", "prepare",
    "return_path",
]
