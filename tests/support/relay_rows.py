"""Valid rows of the relay for tests, written straight into the tables with their accepted events."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from relayhub.core.clock import now
from relayhub.core.ids import uuid7
from relayhub.core.models import Workspace
from relayhub.relay import events
from relayhub.relay.models import BroadcastControl, Content, Lane, Message, Recipient, Stream


def make_workspace(slug: str = "acme", **fields: Any) -> Workspace:
    """A workspace."""
    return Workspace.objects.create(name=slug.title(), slug=slug, **fields)


def make_stream(workspace: Workspace, kind: str = "transactional", slug: str = "") -> Stream:
    """A stream of this kind."""
    return Stream.objects.create(workspace=workspace, slug=slug or kind, name=kind, kind=kind)


def make_lane(stream: Stream, site: str = "mx.example.net", **fields: Any) -> Lane:
    """A lane of this stream."""
    return Lane.objects.create(workspace=stream.workspace, stream=stream, site=site, **fields)


def make_control(stream: Stream, **fields: Any) -> BroadcastControl:
    """A broadcast's switches."""
    return BroadcastControl.objects.create(
        broadcast_id=uuid7(),
        workspace=stream.workspace,
        stream=stream,
        message_id=uuid7(),
        campaign_id=uuid7(),
        **fields,
    )


def make_message(stream: Stream, **fields: Any) -> Message:
    """A stored message without recipients."""
    content = Content.objects.create(
        workspace=stream.workspace, data=b"From: a@acme.example\r\n\r\nHello\r\n", size_bytes=34
    )
    values: dict[str, Any] = {
        "workspace": stream.workspace,
        "stream": stream,
        "content": content,
        "source": "http",
        "from_header": "a@acme.example",
        "from_address": "a@acme.example",
        "from_domain": "acme.example",
        "subject": "Hello",
        "size_bytes": 34,
        "expires_at": now() + timedelta(days=5),
    }
    return Message.objects.create(**(values | fields))


def make_recipients(message: Message, lane: Lane, addresses: list[str], **fields: Any) -> list[Recipient]:
    """Accepted recipients waiting in a lane, with their history."""
    accepted_at = now() - timedelta(seconds=1)
    rows = [
        Recipient(
            message=message,
            workspace=message.workspace,
            stream=message.stream,
            lane_id=lane.pk,
            broadcast_id=lane.broadcast_id,
            contact_id=uuid7() if lane.broadcast_id else None,
            address=address,
            address_key=address.lower(),
            domain=address.rpartition("@")[2],
            next_attempt_at=accepted_at,
            accepted_at=accepted_at,
            **fields,
        )
        for address in addresses
    ]
    Recipient.objects.bulk_create(rows)
    history = events.rows_for_accept(
        events.NewRecipient(
            id=row.id,
            workspace_id=row.workspace_id,
            stream_id=row.stream_id,
            message_id=message.id,
            broadcast_id=row.broadcast_id,
            contact_id=row.contact_id,
            address=row.address,
            status="queued",
            at=accepted_at,
        )
        for row in rows
    )
    with connection.cursor() as cursor:
        for statement in history.statements():
            cursor.execute(statement.sql, statement.params)
    return rows


def make_waiting(
    addresses: list[str], *, kind: str = "transactional", site: str = "mx.example.net", slug: str = "acme"
) -> list[Recipient]:
    """A workspace with one message whose recipients wait in one lane."""
    stream = make_stream(make_workspace(slug), kind)
    return make_recipients(make_message(stream), make_lane(stream, site), addresses)


def statuses(rows: list[Recipient]) -> dict[str, str]:
    """Address to present status."""
    found = Recipient.objects.filter(pk__in=[row.pk for row in rows])
    return {row.address: row.status for row in found}


def event_types(recipient_id: UUID) -> list[str]:
    """What happened to a recipient, in order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT type FROM relay_event WHERE recipient_id = %s ORDER BY at, id", [recipient_id])
        return [row[0] for row in cursor.fetchall()]


def clear_history() -> None:
    """Empty the partitioned tables, which Django's own clearing between tests leaves out."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE relay_event, relay_attempt")
