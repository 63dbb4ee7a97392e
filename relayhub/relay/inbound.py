"""Mail that comes back: bounces, feedback reports and mailed unsubscribes become events of recipients.

Who a mail is about is said by the signed address it came to (`protocol.verp`), never by what it claims: a
stranger's report to an address of theirs changes nothing (THREATS T14). Everything one mail says is recorded
in one transaction before 250; the same mail again changes nothing. Automatic replies mean nothing here.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from django.conf import settings
from django.db import transaction

from deliverability import suppression
from deliverability.models import SendingDomain, SuppressionReason, SuppressionScope
from relayhub.core.crashpoints import crashpoint
from relayhub.core.crypto import link_keyring
from relayhub.core.errors import AcceptError
from relayhub.core.facts import EventType
from relayhub.core.ids import Prefix, decode_id
from relayhub.protocol import headers, mime_tree, verp
from relayhub.protocol.address import Address, AddressError, normalise
from relayhub.protocol.classify import BounceClass
from relayhub.protocol.reply import TOO_MANY_HOPS
from relayhub.protocol.returned import ReturnedEvent, read_returned
from relayhub.relay import events_feedback
from relayhub.relay.models import Recipient

log = logging.getLogger(__name__)

RETURN_PATH_LABEL = "rp."
#: How old the answer to "is this domain one of ours" may be.
CACHE_SECONDS = 5.0
_MAX_CACHED = 50_000
MAX_RECEIVED = 50
#: Signed addresses that are looked for in the text of a report, and how far.
_MAX_TOKENS = 20
_MAX_SEARCHED = 256 * 1024
_TOKEN = re.compile(rb"(?<![A-Za-z0-9.+_-])([BFUbfu]-[A-Za-z2-7]{40,60})@")
_MESSAGE_ID = re.compile(rb"<((?:rcp|msg)_[0-9a-zA-Z]{26})@")
_TRACE_FIELDS = re.compile(
    rb"(?im)^(?:received|return-path|delivered-to|x-[^:\r\n]*):[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*"
)
#: Local parts that are published, or that RFC 2142 wants answered.
_OFFICES = frozenset(("postmaster", "abuse", "feedback", "fbl"))
_REPORTS = frozenset(("dmarc", "tls-rpt", "tlsrpt"))


class Meaning(StrEnum):
    """What mail to one of our addresses is."""

    BOUNCE = "bounce"  # the return-path of one recipient
    UNSUBSCRIBE = "unsubscribe"  # the mailto of List-Unsubscribe of one recipient
    FEEDBACK = "feedback"  # complaints about one recipient's copy
    OFFICE = "office"  # postmaster, abuse: feedback reports that name their mail inside
    REPORT = "report"  # DMARC and TLS reports


_KINDS = {
    verp.ReturnKind.BOUNCE: Meaning.BOUNCE,
    verp.ReturnKind.UNSUBSCRIBE: Meaning.UNSUBSCRIBE,
    verp.ReturnKind.FEEDBACK: Meaning.FEEDBACK,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class OurAddress:
    """An address of ours and whom it names."""

    meaning: Meaning
    recipient_id: UUID | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReturnedMail:
    """A whole mail as the MX listener took it."""

    mail_from: str
    recipients: tuple[Address, ...]
    content: bytes = field(repr=False)
    ip: str = ""


# -- whose address -------------------------------------------------------------------------------------------

_domains: dict[str, tuple[float, bool]] = {}
_lock = threading.Lock()


def is_ours(domain: str, *, may_ask: bool = True) -> bool | None:
    """Whether mail to this domain can be ours: our host name, or `rp.` of a domain that sends or sent.

    With `may_ask` off it answers None where the database would have to be asked.
    """
    name = domain.lower().rstrip(".")
    if name in ("", settings.RELAYHUB_HOSTNAME):
        return True
    if not name.startswith(RETURN_PATH_LABEL):
        return False
    moment = time.monotonic()
    found = _domains.get(name)
    if found is not None and moment - found[0] < CACHE_SECONDS:
        return found[1]
    if not may_ask:
        return None
    # A deleted domain's mail still comes back for days.
    is_known = SendingDomain.objects.filter(name=name.removeprefix(RETURN_PATH_LABEL)).exists()
    with _lock:
        if len(_domains) >= _MAX_CACHED:
            _domains.clear()
        _domains[name] = (moment, is_known)
    return is_known


def forget() -> None:
    """Look every domain up anew."""
    with _lock:
        _domains.clear()


def meaning_of(address: Address) -> OurAddress | None:
    """What mail to an address of one of our domains is; None where there is no such mailbox."""
    signed = verp.read(address.local, link_keyring())
    if signed is not None:
        return OurAddress(meaning=_KINDS[signed.kind], recipient_id=signed.id)
    local = address.local.lower()
    if local in _OFFICES:
        return OurAddress(meaning=Meaning.OFFICE)
    if local in _REPORTS and address.domain:
        return OurAddress(meaning=Meaning.REPORT)
    return None


# -- receiving -----------------------------------------------------------------------------------------------


def receive(mail: ReturnedMail) -> int:
    """Record what a mail says; how many events were new. Durable when it returns.

    Raises AcceptError for a mail that loops, and database errors as they are.
    """
    _refuse_loops(mail)
    found = [meant for address in mail.recipients if (meant := meaning_of(address)) is not None]
    with transaction.atomic():
        changed = sum(_recorded(mail, meant) for meant in dict.fromkeys(found))
        crashpoint("inbound_before_record")
    log.info("inbound.received", extra={"meanings": [meant.meaning.value for meant in found], "new": changed})
    return changed


def _refuse_loops(mail: ReturnedMail) -> None:
    head, _ = headers.split(mail.content)
    if head.lower().count(b"\nreceived:") > MAX_RECEIVED:
        raise AcceptError(TOO_MANY_HOPS, code="mail_loop")


def _recorded(mail: ReturnedMail, meant: OurAddress) -> int:
    match meant.meaning:
        case Meaning.UNSUBSCRIBE if meant.recipient_id is not None:
            return _unsubscribe(mail, meant.recipient_id)
        case Meaning.BOUNCE if meant.recipient_id is not None:
            return _report(mail, meant.recipient_id)
        case Meaning.FEEDBACK if meant.recipient_id is not None:
            return _feedback(mail, [meant.recipient_id])
        case Meaning.OFFICE | Meaning.FEEDBACK:
            return _feedback(mail, [])
        case _:
            # Aggregate reports are taken, so that their senders do not give up on the address.
            return 0


# -- unsubscribes --------------------------------------------------------------------------------------------


def _unsubscribe(mail: ReturnedMail, recipient_id: UUID) -> int:
    """The signed address says who; what the mail says does not matter, but a machine's answer is no wish."""
    if _is_automatic(mail):
        return 0
    recipient = Recipient.objects.filter(pk=recipient_id).select_related("message").first()
    if recipient is None:
        return 0
    return int(unsubscribe(recipient, source=_UNSUBSCRIBE_SOURCE))


_UNSUBSCRIBE_SOURCE = "unsubscribe mail"


def unsubscribe(recipient: Recipient, *, source: str) -> bool:
    """Record that the person left, and stop what CONTRACT 4 says: a campaign's lists, else the stream."""
    list_ids = recipient.message.options.get("list_ids", ()) if recipient.broadcast_id is not None else ()
    with transaction.atomic():
        is_new = events_feedback.record_unsubscribe(
            recipient.pk, suppresses_stream=not list_ids, source=source, detail={"by": "mail"}
        )
        for list_id in list_ids:
            suppression.suppress(
                recipient.workspace_id, recipient.address, reason=SuppressionReason.UNSUBSCRIBE,
                scope=SuppressionScope.LIST, list_id=UUID(list_id), source=source, recipient_id=recipient.pk,
            )
        if not list_ids:
            # Said again by the same mail, after somebody had lifted the first no: no event tells of it.
            suppression.suppress(
                recipient.workspace_id, recipient.address, reason=SuppressionReason.UNSUBSCRIBE,
                scope=SuppressionScope.STREAM, stream_id=recipient.stream_id, source=source, recipient_id=recipient.pk,
            )
    return is_new


def _is_automatic(mail: ReturnedMail) -> bool:
    """Holiday notes and bounces of a mail to the address are no wish of a person (RFC 3834)."""
    if not mail.mail_from:
        return True
    try:
        block, _ = headers.parse_message(mail.content)
    except headers.HeaderError:
        return False
    stated = (block.first("auto-submitted") or "no").partition(";")[0].strip().lower()
    return stated != "no"


# -- bounces -------------------------------------------------------------------------------------------------


def _report(mail: ReturnedMail, recipient_id: UUID) -> int:
    """A mail to a return-path is about the one recipient that the path names, whomever it names itself."""
    found = read_returned(mail.content)
    if not found:
        return 0
    recipient = Recipient.objects.filter(pk=recipient_id).only("id", "address_key").first()
    if recipient is None:
        return 0
    event = _about(found, recipient.address_key)
    if event.is_complaint:
        return int(_complaint(recipient_id, mail))
    return int(_bounce(event, recipient_id, mail))


def _about(found: Sequence[ReturnedEvent], address_key: str) -> ReturnedEvent:
    """Of several in one report the one about our address; a forwarder may name another."""
    return next((event for event in found if _key(event.recipient or "") == address_key), found[0])


def _key(address: str) -> str:
    try:
        return normalise(address)
    except AddressError:
        return ""


def _bounce(event: ReturnedEvent, recipient_id: UUID, mail: ReturnedMail) -> bool:
    status = _event_type(event)
    if status is None:
        return False
    suppresses = event.suppress and status is EventType.BOUNCED
    return events_feedback.record_report(
        events_feedback.Report(
            recipient_id=recipient_id, status=status, key=_fingerprint(mail), reply=_reply(event),
            bounce_class=event.bounce_class.value, bounce_category=event.category.value,
            suppresses=suppresses,
            source=" ".join(filter(None, (str(event.code or ""), event.status, "by a bounce report"))),
            detail={"class": event.bounce_class.value, "category": event.category.value, "why": event.why},
        )
    )


def _event_type(event: ReturnedEvent) -> EventType | None:
    """What a report makes of a recipient; None where it says nothing for certain."""
    match event.bounce_class:
        case BounceClass.DELIVERED:
            return EventType.DELIVERED
        case BounceClass.HARD | BounceClass.SOFT:
            return EventType.BOUNCED if event.is_final else EventType.DEFERRED
        case _:
            return None


def _reply(event: ReturnedEvent) -> dict[str, object] | None:
    """The other server's words in the shape of a reply; a status alone implies the basic code."""
    if event.code is None and not event.status:
        return None
    code = event.code or int((event.status or "5")[0]) * 100 + 50
    return {"code": code, "enhanced": event.status, "text": event.reply}


def _fingerprint(mail: ReturnedMail) -> str:
    """The same for the same mail, whichever way it came the second time: trace fields are left out."""
    head, offset = headers.split(mail.content)
    return hashlib.sha256(_TRACE_FIELDS.sub(b"", head) + b"\r\n" + mail.content[offset:]).hexdigest()


# -- complaints ----------------------------------------------------------------------------------------------


def _feedback(mail: ReturnedMail, named: Sequence[UUID]) -> int:
    """A feedback report; where its address names nobody, the mail that came back with it does."""
    if not any(event.is_complaint for event in read_returned(mail.content)):
        return 0
    recipients = list(named) or _named_inside(mail)
    return sum(_complaint(recipient_id, mail) for recipient_id in recipients)


def _complaint(recipient_id: UUID, mail: ReturnedMail) -> bool:
    return events_feedback.record_complaint(
        recipient_id, source=f"feedback report from {mail.ip}" if mail.ip else "feedback report",
        detail={"by": "report"},
    )


def _named_inside(mail: ReturnedMail) -> list[UUID]:
    """Recipients whom the returned mail names in a way that nobody but its receiver can know.

    First a signed address of ours (return-path or unsubscribe); else the Message-ID, where it is one
    recipient's own. What a report merely claims, such as an address, is not believed.
    """
    texts = list(_readable(mail.content))
    keyring = link_keyring()
    for text in texts:
        for match in _TOKEN.findall(text)[:_MAX_TOKENS]:
            signed = verp.read(match.decode("ascii"), keyring)
            if signed is not None:
                return [signed.id]
    for text in texts:
        for match in _MESSAGE_ID.findall(text)[:_MAX_TOKENS]:
            found = _recipient_of(match.decode("ascii").lower())
            if found is not None:
                return [found]
    return []


def _readable(content: bytes) -> Iterator[bytes]:
    """The mail and its parts, decoded, up to a limit."""
    yield content[:_MAX_SEARCHED].replace(b"=\r\n", b"")
    left = _MAX_SEARCHED
    for part in mime_tree.read(content).walk():
        body = part.body[:left]
        left -= len(body)
        yield body
        if left <= 0:
            return


def _recipient_of(stem: str) -> UUID | None:
    """Whose copy a Message-ID of ours is on: a broadcast's names the recipient, another's the message."""
    recipient_id = decode_id(Prefix.RECIPIENT, stem)
    if recipient_id is not None:
        return recipient_id if Recipient.objects.filter(pk=recipient_id).exists() else None
    message_id = decode_id(Prefix.MESSAGE, stem)
    if message_id is None:
        return None
    found = list(Recipient.objects.filter(message_id=message_id).values_list("pk", flat=True)[:2])
    return found[0] if len(found) == 1 else None
