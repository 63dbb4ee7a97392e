"""A stored broadcast with merged subject and its recipients, as a launch leaves them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from relayhub.core.ids import uuid7
from relayhub.relay import bulk, compiled, rendering
from relayhub.relay.models import BroadcastControl, Message, Recipient, Stream
from tests.support.relay_rows import make_lane, make_recipients


def make_broadcast_to(
    stream: Stream, people: Mapping[str, str], *, subject: str, shared: Mapping[str, Any] | None = None
) -> tuple[Message, list[Recipient]]:
    """The message and its recipients; `people` is address -> name, frozen into each one's values."""
    made = compiled.compile_source(
        compiled.Source(kind="html", subject=subject, source="<p>Hello {{ contact.name }}</p>"),
        compiled.Footer(company="Shop"), opens=False, clicks=False,
    )
    made = dataclasses.replace(
        made, from_header="Shop <orders@shop.example>", shared=dict(shared or {"workspace": {"name": "Shop"}})
    )
    message = bulk.create_broadcast_message(bulk.BroadcastMessage(
        workspace=stream.workspace, stream=stream, broadcast_id=uuid7(), campaign_id=uuid7(), content=made.dump(),
        from_header=made.from_header, from_address="orders@shop.example", from_domain="shop.example",
        subject=subject, track="none",
    ))
    control = BroadcastControl.objects.get(pk=message.broadcast_id)
    lane = make_lane(stream, broadcast_id=control.pk)
    rows = []
    for address, name in people.items():
        merge = {"contact": rendering.contact_context(email=address, name=name, fields={})}
        rows += make_recipients(message, lane, [address], merge=merge)
    Message.objects.filter(pk=message.pk).update(recipient_count=len(rows))
    message.refresh_from_db()
    return message, rows
