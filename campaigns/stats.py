"""Counts of campaigns, from recipient rows and exact counters; people and machines are never mixed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Count, Q

from campaigns.models import Broadcast, Campaign
from relayhub.relay import queries
from relayhub.relay.models import Message, Recipient, RecipientStatus, TrackedLink


def counts(campaign: Campaign) -> dict[str, int]:
    """CONTRACT 4: `audience` and recipients by status."""
    broadcast = Broadcast.objects.filter(campaign=campaign).first()
    base = dict.fromkeys(("audience", *RecipientStatus.values), 0)
    if broadcast is None:
        return base
    return {**base, **queries.broadcast_counts(broadcast.pk), "audience": broadcast.audience_count}


def report(campaign: Campaign) -> dict[str, Any]:
    """Everything the report page shows; empty figures where the campaign is not launched."""
    broadcast = Broadcast.objects.filter(campaign=campaign).first()
    found = counts(campaign)
    body: dict[str, Any] = {"counts": found, "left_out": broadcast.left_out if broadcast else {}}
    if broadcast is None:
        return body | {"engagement": {}, "links": [], "providers": []}
    return body | {
        "expanded": broadcast.expanded_count,
        "engagement": engagement(broadcast.pk),
        "links": links(broadcast),
        "providers": providers(broadcast.pk),
    }


def engagement(broadcast_id: UUID) -> dict[str, int]:
    """How many recipients opened, clicked, left or complained; machines apart."""
    rows = Recipient.objects.filter(broadcast_id=broadcast_id)
    return dict(
        rows.aggregate(
            opened=Count("pk", filter=Q(opened_at__isnull=False)),
            opened_by_machines_only=Count(
                "pk", filter=Q(machine_opened_at__isnull=False, opened_at__isnull=True)
            ),
            clicked=Count("pk", filter=Q(clicked_at__isnull=False)),
            clicked_by_machines_only=Count(
                "pk", filter=Q(machine_clicked_at__isnull=False, clicked_at__isnull=True)
            ),
            unsubscribed=Count("pk", filter=Q(unsubscribed_at__isnull=False)),
            complained=Count("pk", filter=Q(complained_at__isnull=False)),
        )
    )


def links(broadcast: Broadcast) -> list[dict[str, Any]]:
    """Each link with its clicks, in the order of their numbers."""
    message = Message.objects.filter(broadcast_id=broadcast.pk, workspace=broadcast.workspace).first()
    if message is None:
        return []
    clicks = queries.link_clicks(broadcast.pk)
    rows = TrackedLink.objects.filter(content_id=message.content_id, url__istartswith="http").order_by("number")
    return [{"number": row.number, "url": row.url, "clicks": clicks.get(row.number, 0)} for row in rows]


def providers(broadcast_id: UUID) -> list[dict[str, Any]]:
    """Recipients by provider and status, the largest first."""
    rows = Recipient.objects.filter(broadcast_id=broadcast_id).values_list("provider", "status")
    table: dict[str, dict[str, int]] = {}
    for provider, status, count in rows.annotate(count=Count("pk")):
        table.setdefault(provider or "other", {})[status] = count
    listed = [{"provider": name, "total": sum(by.values()), **by} for name, by in table.items()]
    return sorted(listed, key=lambda row: -int(row["total"]))
