"""One act on many picked rows of the message list: whole messages (`msg_…`) and single recipients (`rcp_…`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from relayhub.core.access import Actor
from relayhub.core.errors import ConflictError
from relayhub.core.ids import Prefix, decode_id
from relayhub.relay import controls
from relayhub.relay.controls import Chosen
from relayhub.relay.models import Message, Recipient

MAX_PICKED = 200
ACTS: dict[str, Callable[[Actor, Message, Chosen], int]] = {
    "cancel": controls.cancel_message, "hold": controls.hold_message, "release": controls.release_message,
    "retry": controls.retry_message_now,
}


def carry_out(actor: Actor, act: str, public_ids: Sequence[str]) -> int:
    """Do the act to what of these is the workspace's and in a state for it; how many recipients it moved."""
    work = ACTS[act]
    moved = 0
    for message, chosen in _picked(actor, public_ids[:MAX_PICKED]):
        try:
            moved += work(actor, message, chosen)
        except ConflictError:
            # Finished meanwhile, or a campaign's whole mail: the others go on.
            continue
    return moved


def _picked(actor: Actor, public_ids: Sequence[str]) -> list[tuple[Message, Chosen]]:
    messages = Message.objects.filter(workspace=actor.workspace, pk__in=_ids(Prefix.MESSAGE, public_ids))
    recipients = Recipient.objects.filter(
        workspace=actor.workspace, pk__in=_ids(Prefix.RECIPIENT, public_ids)
    ).select_related("message")
    return [*((row, None) for row in messages), *((row.message, [row]) for row in recipients)]


def _ids(prefix: Prefix, public_ids: Sequence[str]) -> list[UUID]:
    return [found for text in public_ids if (found := decode_id(prefix, text)) is not None]
