"""Send a message once more: the same content to the same people, as a new message with an id of its own.

Only what was handed in as a message; a person gets a campaign once, and nobody gets again what is still on its way.
Suppressed addresses stay suppressed: the new message goes through the same door as every other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from django.db import transaction
from django.utils.translation import gettext as _

from relayhub.core import audit
from relayhub.core.access import Actor, require
from relayhub.core.errors import ConflictError
from relayhub.core.formats import recorded
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.core.models import Scope
from relayhub.protocol.headers import HeaderError, parse_message
from relayhub.relay import accept
from relayhub.relay.models import FINAL, ContentFormat, Message, Recipient, Source, Tracking
from relayhub.relay.outgoing import limits_of
from relayhub.relay.submission import Accepted, Submission, SubmittedRecipient

#: Recipients of one submission (CONTRACT 7).
MAX_RESENT = 1000
#: Fields that belong to the first sending.
_OWN_FIELDS = ("message-id", "date", "received", "return-path")
_MAX_ONCE = 64


@dataclass(frozen=True, kw_only=True)
class Resent:
    """The new message, and whether it was made now: else the same page asked for it before."""

    accepted: Accepted
    is_new: bool


def can_resend(message: Message) -> bool:
    """Whether a message may go out once more."""
    return message.broadcast_id is None and message.source != Source.SYSTEM


def resend(actor: Actor, message: Message, recipients: Sequence[Recipient], *, once: str = "") -> Resent:
    """Hand the message in again for those of its recipients that are finished; AcceptError as for any message.

    `once` names the page that asks: whatever it asks twice is handed in once and answered alike.
    """
    require(actor, Scope.MESSAGES_WRITE)
    if not can_resend(message) or message.content.format != ContentFormat.RAW:
        raise ConflictError(_("Mail of a campaign is sent to a person once."), code="not_resendable")
    of_message = [row for row in recipients if row.message_id == message.pk]
    if not of_message:
        raise ConflictError(_("Choose at least one recipient."), code="no_recipients")
    chosen = [row for row in of_message if row.status in FINAL]
    if not chosen:
        raise ConflictError(_("It is still on its way: wait for the outcome, or cancel it first."), code="not_finished")
    with transaction.atomic():
        submission = _submission(actor, message, chosen, once)
        accepted = accept.accept(submission)
        is_new = accepted.message_id == submission.message_id
        if is_new:
            audit.record(actor, "message.resent", "message", message.public_id,
                         summary=recorded(len(chosen), "recipient"),
                         after={"message": encode_id(Prefix.MESSAGE, accepted.message_id)})
    return Resent(accepted=accepted, is_new=is_new)


def _submission(actor: Actor, message: Message, chosen: Sequence[Recipient], once: str) -> Submission:
    whom = sha256(b"".join(sorted(row.pk.bytes for row in chosen))).hexdigest()
    return Submission(
        workspace_id=actor.workspace.pk, source=Source.RAW, mail_from=message.mail_from or message.from_address,
        recipients=tuple(SubmittedRecipient(address=row.address) for row in chosen), message_id=uuid7(),
        content=_as_new(bytes(message.content.data)), stream=message.stream.slug, tags=tuple(message.tags),
        metadata=dict(message.metadata), track=Tracking(message.track), options={"resent": message.public_id},
        idempotency_key=f"resend:{message.public_id}:{once[:_MAX_ONCE]}:{whom}" if once else None, **limits_of(actor),
    )


def _as_new(content: bytes) -> bytes:
    """The content without what names the first sending; a new Message-ID and Date are added at the door."""
    try:
        block, offset = parse_message(content)
    except HeaderError as exc:
        raise ConflictError(_("The stored message cannot be read."), code="malformed_message") from exc
    block.drop(*_OWN_FIELDS)
    return block.with_body(content[offset:])
