"""Messages as the relay leaves them, for tests of the message pages: handed in at the door, tried, answered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from relayhub.core.clock import now
from relayhub.core.ids import uuid7, uuid7_at
from relayhub.protocol.compose import Attachment
from relayhub.relay import routes
from relayhub.relay.models import Attempt, Event, Message, Recipient
from relayhub.relay.outgoing import OutgoingFields, accept_all, submission_of
from relayhub.relay.submission import Accepted
from tests.pages.marketer_rows import Desk

GREYLISTED = {"code": 451, "enhanced": "4.7.1", "text": "Greylisted, try again in 300 seconds"}
NO_SUCH_USER = {"code": 550, "enhanced": "5.1.1", "text": "No such user here"}
HTML = (
    '<h1>Hello</h1><p>See <a href="https://shop.example/rye">the rye</a></p><script>alert(1)</script>'
    '<img src="https://pixel.example/x.png" alt="">'
)


def handed_in(at: Desk, *to: str, **fields: Any) -> Message:
    """A message through the door of the REST API."""
    routes.forget()
    values: dict[str, Any] = {"subject": "Your receipt", "text": "Hello\n\nhttps://shop.example/rye\n", "html": HTML}
    values |= {"sender": "Shop <orders@shop.example>", "to": list(to or ("ines@mail.example",)), **fields}
    (accepted,) = accept_all([submission_of(at.actor, OutgoingFields(**values))])
    assert isinstance(accepted, Accepted), accepted
    return Message.objects.get(pk=accepted.message_id)


def with_file() -> Attachment:
    """A small attachment."""
    return Attachment(content=b"%PDF-1.4", filename="receipt.pdf", content_type="application/pdf", content_id="")


def recipient_of(message: Message) -> Recipient:
    """Its only recipient."""
    return Recipient.objects.get(message=message)


def kept(message: Message) -> list[Recipient]:
    """As the sandbox leaves its recipients."""
    rows = list(Recipient.objects.filter(message=message))
    for row in rows:
        tried(row, "delivered", None, transport="sandbox")
    return rows


def tried(
    row: Recipient, status: str, reply: dict[str, Any] | None, *, transport: str = "direct", wait: int = 0,
    detail: dict[str, Any] | None = None, **changes: Any,
) -> Attempt:
    """One try `wait` seconds after the acceptance, its conversation, and what became of the recipient."""
    started = row.accepted_at + timedelta(seconds=wait)
    row.attempts += 1
    said = f"{reply['code']} {reply['enhanced']} {reply['text']}" if reply else "250 2.0.0 Ok"
    attempt = Attempt.objects.create(
        id=uuid7_at(started), workspace_id=row.workspace_id, recipient_id=row.pk, message_id=row.message_id,
        number=row.attempts, started_at=started, ended_at=started + timedelta(milliseconds=420), disposition=status,
        transport=transport, peer_host="" if transport == "sandbox" else "mx1.mail.example", site="mail.example",
        peer_address="192.0.2.25", phase="rcpt", reply=reply,
        detail={"route": "the default", "route_why": "no other rule applies", "considered": [
            {"rule": "Own office", "transport": "lmtp://mail.office.example", "why": "it is for office.example only"},
        ], **(detail or {})},
        transcript=[] if transport == "sandbox" else [
            [0, "S", "220 mx1.mail.example ESMTP"], [12, "C", "EHLO relay.shop.example"],
            [30, "C", f"RCPT TO:<{row.address}>"], [41, "S", said], [44, "C", "QUIT"],
        ],
    )
    Event.objects.create(
        id=uuid7(), workspace_id=row.workspace_id, stream_id=row.stream_id, message_id=row.message_id,
        recipient_id=row.pk, broadcast_id=row.broadcast_id, attempt_id=attempt.pk, type=status, at=attempt.ended_at,
        reply=reply, detail={"transport": transport, **(detail or {})},
    )
    waits = status in ("deferred", "queued", "held", "unknown")
    Recipient.objects.filter(pk=row.pk).update(
        status=status, reply=reply, transport=transport, attempts=row.attempts,
        next_attempt_at=now() + timedelta(minutes=5), finished_at=None if waits else attempt.ended_at, **changes,
    )
    return attempt
