"""Set-based accept of a broadcast's recipients: one message, any number of rows, no Python object a row.

Everything runs in the caller's transaction, so the caller's checkpoint moves with the rows. A recipient is
unique on broadcast and contact: expanding a part again adds nothing. Suppressed ones are stored as such.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F

from relayhub.core.clock import now
from relayhub.core.crashpoints import crashpoint
from relayhub.core.models import Workspace
from relayhub.relay import lanes
from relayhub.relay.bell import ring_on_commit
from relayhub.relay.history import history_ctes
from relayhub.relay.managers import SUPPRESSED_SQL
from relayhub.relay.models import (
    BroadcastControl,
    Content,
    ContentFormat,
    Message,
    Source,
    Stream,
    TrackedLink,
    Tracking,
)

#: How long a broadcast's recipients are tried.
LIFETIME = timedelta(days=5)

_TAKE_SQL = """
CREATE TEMPORARY TABLE rh_bulk ON COMMIT DROP AS
SELECT contact_id, address, address_key, domain, merge FROM ({select}) AS audience
"""
_INSERT_SQL = f"""
WITH fresh AS MATERIALIZED (
  SELECT rh_uuid7() AS id, %(workspace_id)s::uuid AS workspace_id, %(stream_id)s::uuid AS stream_id,
    %(message_id)s::uuid AS message_id, %(broadcast_id)s::uuid AS broadcast_id, now() AS accepted_at,
    a.contact_id, a.address, a.address_key, a.domain, a.merge, t.lane_id
  FROM rh_bulk a JOIN unnest(%(domains)s::text[], %(lane_ids)s::bigint[]) AS t(domain, lane_id) USING (domain)
), stored AS (
  INSERT INTO relay_recipient (id, message_id, workspace_id, stream_id, lane_id, broadcast_id, contact_id,
    address, address_key, domain, merge, status, next_attempt_at, attempts, crashes, unknown_retried,
    hold_reason, bounce_class, bounce_category, transport, provider, accepted_at, finished_at)
  SELECT r.id, r.message_id, r.workspace_id, r.stream_id, r.lane_id, r.broadcast_id, r.contact_id,
    r.address, r.address_key, r.domain, r.merge,
    CASE WHEN judged.is_suppressed THEN 'suppressed' ELSE 'queued' END,
    %(due_at)s, 0, 0, false, '', '', '', '', '', r.accepted_at, CASE WHEN judged.is_suppressed THEN now() END
  FROM fresh r CROSS JOIN LATERAL (SELECT {SUPPRESSED_SQL} AS is_suppressed) AS judged
  ON CONFLICT DO NOTHING
  RETURNING id, workspace_id, stream_id, message_id, broadcast_id, contact_id, status, accepted_at
), happened AS (
  SELECT rh_uuid7() AS event_id, workspace_id, stream_id, message_id, id AS recipient_id, broadcast_id,
    contact_id, NULL::uuid AS attempt_id, 'accepted' AS type, accepted_at AS at, NULL::jsonb AS reply,
    jsonb_build_object('source', 'campaign') AS detail
  FROM stored
  UNION ALL
  SELECT rh_uuid7(), workspace_id, stream_id, message_id, id, broadcast_id, contact_id, NULL,
    'suppressed', accepted_at + interval '1 microsecond', NULL, jsonb_build_object('found', 'accept')
  FROM stored WHERE status = 'suppressed'
), {{history}}
SELECT count(*), count(*) FILTER (WHERE status = 'queued') FROM stored
"""


@dataclass(frozen=True, kw_only=True)
class BroadcastMessage:
    """What a broadcast sends: compiled content with its envelope."""

    workspace: Workspace
    stream: Stream
    broadcast_id: UUID
    campaign_id: UUID
    #: `CompiledSource.dump()` and what goes with it.
    content: bytes = field(repr=False)
    content_meta: Mapping[str, Any] = field(default_factory=dict)
    #: Targets of tracked links in the order of their numbers, from 1.
    links: Sequence[str] = ()
    from_header: str
    from_address: str
    from_domain: str
    subject: str
    track: str = Tracking.ALL
    #: The mailing lists it goes to: leaving one of them stops it for that person.
    list_ids: Sequence[UUID] = ()
    tags: Sequence[str] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    max_per_minute: int | None = None


def create_broadcast_message(wanted: BroadcastMessage) -> Message:
    """Store a broadcast's content, message, links and switches; doing it twice returns the first."""
    with transaction.atomic():
        existing = BroadcastControl.objects.filter(pk=wanted.broadcast_id).first()
        if existing is not None:
            return Message.objects.get(pk=existing.message_id)
        message = _store(wanted)
        BroadcastControl.objects.create(
            broadcast_id=wanted.broadcast_id,
            workspace=wanted.workspace,
            stream=wanted.stream,
            message_id=message.pk,
            campaign_id=wanted.campaign_id,
            max_per_minute=wanted.max_per_minute,
        )
    return message


def _store(wanted: BroadcastMessage) -> Message:
    content = Content.objects.create(
        workspace=wanted.workspace,
        format=ContentFormat.COMPILED,
        data=wanted.content,
        meta=dict(wanted.content_meta),
        size_bytes=len(wanted.content),
    )
    TrackedLink.objects.bulk_create(
        TrackedLink(content_id=content.pk, number=number, url=url)
        for number, url in enumerate(wanted.links, start=1)
    )
    return Message.objects.create(
        workspace=wanted.workspace,
        stream=wanted.stream,
        content=content,
        source=Source.CAMPAIGN,
        from_header=wanted.from_header,
        from_address=wanted.from_address,
        from_domain=wanted.from_domain,
        subject=wanted.subject[:1000],
        track=wanted.track,
        broadcast_id=wanted.broadcast_id,
        tags=list(wanted.tags),
        metadata=dict(wanted.metadata),
        size_bytes=len(wanted.content),
        options={"list_ids": [str(list_id) for list_id in wanted.list_ids]},
        expires_at=now() + LIFETIME,
    )


def insert_recipients_from(
    select_sql: str,
    params: Mapping[str, Any] | Sequence[Any] = (),
    *,
    control: BroadcastControl,
    due_at: datetime | None = None,
) -> int:
    """Store as recipients what a SELECT of (contact_id, address, address_key, domain, merge) gives.

    Returns how many were new. A cancelled broadcast takes none: the control's row is held against a cancel
    until the caller's transaction ends, so that a cancel sees every row that was stored before it.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT cancelled_at FROM relay_broadcastcontrol WHERE broadcast_id = %s FOR SHARE",
            [control.broadcast_id],
        )
        if cursor.fetchone()[0] is not None:
            return 0
        cursor.execute("DROP TABLE IF EXISTS rh_bulk")
        cursor.execute(_TAKE_SQL.format(select=select_sql), params)
        cursor.execute("SELECT DISTINCT domain FROM rh_bulk")
        domains = [row[0] for row in cursor.fetchall()]
        if not domains:
            return 0
        wanted = lanes.lane_ids_for(control.workspace_id, control.stream_id, control.broadcast_id, domains)
        crashpoint("expand_mid_batch")
        cursor.execute(
            _INSERT_SQL.format(history=history_ctes()),
            {
                "workspace_id": control.workspace_id,
                "stream_id": control.stream_id,
                "message_id": control.message_id,
                "broadcast_id": control.broadcast_id,
                "domains": list(wanted),
                "lane_ids": list(wanted.values()),
                "due_at": due_at or now(),
            },
        )
        stored, _queued = cursor.fetchone()
        cursor.execute("DROP TABLE rh_bulk")
        Message.objects.filter(pk=control.message_id).update(recipient_count=F("recipient_count") + stored)
        ring_on_commit(wanted.values())
    return int(stored)
