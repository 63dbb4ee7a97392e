"""Let held, unknown or quarantined recipients go again, or deferred ones at once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from relayhub.core.access import system_actor
from relayhub.core.ids import Prefix, decode_id
from relayhub.relay import controls
from relayhub.relay.models import Message, Recipient


class Command(BaseCommand):
    """Requeues one message or single recipients."""

    help = "Release a message's (msg_…) or recipients' (rcp_…) held, unknown and quarantined mail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Ids, --now."""
        parser.add_argument("ids", nargs="+", help="ids of messages or recipients")
        parser.add_argument(
            "--now", action="store_true", help="also make deferred recipients of messages due now"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Release what the ids name."""
        total = sum(_requeue(text, is_now=bool(options["now"])) for text in options["ids"])
        self.stdout.write(f"{total} recipients requeued")


def _requeue(text: str, *, is_now: bool) -> int:
    message_id, recipient_id = decode_id(Prefix.MESSAGE, text), decode_id(Prefix.RECIPIENT, text)
    if message_id is not None:
        message = Message.objects.select_related("workspace").filter(pk=message_id).first()
        if message is not None:
            actor = system_actor(message.workspace, "requeue")
            released = controls.release_message(actor, message)
            return released + (controls.retry_message_now(actor, message) if is_now else 0)
    if recipient_id is not None:
        recipient = Recipient.objects.select_related("workspace").filter(pk=recipient_id).first()
        if recipient is not None:
            return controls.release_recipients(system_actor(recipient.workspace, "requeue"), [recipient])
    raise CommandError(f"{text} names no message (msg_…) and no recipient (rcp_…).")
