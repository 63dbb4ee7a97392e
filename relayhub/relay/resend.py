"""Send a message once more: the same content to the same people, as a new message with an id of its own.

Only what was handed in as a message; a person gets a campaign once. Suppressed addresses stay suppressed: the
new message goes through the same door as every other.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from relayhub.core import audit
from relayhub.core.access import Actor, require
from relayhub.core.errors import ConflictError
from relayhub.core.formats import counted
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.models import Scope
from relayhub.protocol.headers import HeaderError, parse_message
from relayhub.relay import accept
from relayhub.relay.models import ContentFormat, Message, Recipient, Source, Tracking
from relayhub.relay.outgoing import limits_of
from relayhub.relay.submission import Accepted, Submission, SubmittedRecipient

#: Recipients of one submission (CONTRACT 7).
MAX_RESENT = 1000
#: Fields that belong to the first sending.
_OWN_FIELDS = ("message-id", "date", "received", "return-path")


def can_resend(message: Message) -> bool:
    """Whether a message may go out once more."""
    return message.broadcast_id is None and message.source != Source.SYSTEM


def resend(actor: Actor, message: Message, recipients: Sequence[Recipient]) -> Accepted:
    """Hand the message in again for these of its recipients; AcceptError as for any message."""
    require(actor, Scope.MESSAGES_WRITE)
    if not can_resend(message) or message.content.format != ContentFormat.RAW:
        raise ConflictError("Mail of a campaign is sent to a person once.", code="not_resendable")
    chosen = [row for row in recipients if row.message_id == message.pk]
    if not chosen:
        raise ConflictError("Choose at least one recipient.", code="no_recipients")
    limits = limits_of(actor)
    submission = Submission(
        workspace_id=actor.workspace.pk, source=Source.RAW, mail_from=message.mail_from or message.from_address,
        recipients=tuple(SubmittedRecipient(address=row.address) for row in chosen),
        content=_as_new(bytes(message.content.data)), stream=message.stream.slug, tags=tuple(message.tags),
        metadata=dict(message.metadata), track=Tracking(message.track),
        options={"resent": message.public_id}, **limits,
    )
    with transaction.atomic():
        accepted = accept.accept(submission)
        audit.record(actor, "message.resent", "message", message.public_id,
                     summary=counted(len(chosen), "recipient"),
                     after={"message": encode_id(Prefix.MESSAGE, accepted.message_id)})
    return accepted


def _as_new(content: bytes) -> bytes:
    """The content without what names the first sending; a new Message-ID and Date are added at the door."""
    try:
        block, offset = parse_message(content)
    except HeaderError as exc:
        raise ConflictError("The stored message cannot be read.", code="malformed_message") from exc
    block.drop(*_OWN_FIELDS)
    return block.with_body(content[offset:])
