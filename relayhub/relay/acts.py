"""What may be done to a message as it stands: which acts are open to whom, for how many recipients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from relayhub.core.access import Actor
from relayhub.core.clock import now
from relayhub.core.models import Scope
from relayhub.relay.events_move import CANCELLABLE, HOLDABLE, RELEASABLE
from relayhub.relay.models import FINAL, Message
from relayhub.relay.queries import SANDBOXED
from relayhub.relay.resend import can_resend


@dataclass(frozen=True, kw_only=True)
class OpenActs:
    """How many recipients each act would reach; 0 where it is not open."""

    cancel: int = 0
    hold: int = 0
    release: int = 0
    retry: int = 0
    resend: int = 0

    @property
    def any(self) -> bool:
        """Whether there is anything to be done."""
        return bool(self.cancel or self.hold or self.release or self.retry or self.resend)


def open_to(actor: Actor, message: Message, counts: Mapping[str, int]) -> OpenActs:
    """The acts for these recipients by status; none for those who may not write messages."""
    if not actor.may(Scope.MESSAGES_WRITE):
        return OpenActs()

    def among(*statuses: str) -> int:
        return sum(counts.get(status, 0) for status in statuses)

    is_ahead = message.send_at is not None and message.send_at > now()
    finished = among(*FINAL, SANDBOXED)
    is_whole_campaign = message.broadcast_id is not None and sum(counts.values()) != 1
    return OpenActs(
        cancel=0 if is_whole_campaign else among(*CANCELLABLE), hold=0 if is_whole_campaign else among(*HOLDABLE),
        release=among(*RELEASABLE), retry=among("deferred", *(("queued",) if is_ahead else ())),
        resend=finished if can_resend(message) else 0,
    )
