"""What the relay's facts mean for campaigns: somebody who left a broadcast leaves its lists.

Called at least once for each fact, so everything here may be repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from campaigns import subscriptions
from campaigns.contacts import Evidence
from campaigns.models import Broadcast, Contact, Subscription, SubscriptionStatus
from relayhub.core.facts import EventType, OutcomeFact


def apply(facts: Sequence[OutcomeFact]) -> None:
    """React to facts in order."""
    for fact in facts:
        if fact.type == EventType.UNSUBSCRIBED and fact.broadcast_id and fact.contact_id:
            _leave(fact, fact.broadcast_id, fact.contact_id)


def _leave(fact: OutcomeFact, broadcast_id: UUID, contact_id: UUID) -> None:
    broadcast = Broadcast.objects.filter(pk=broadcast_id).first()
    contact = Contact.objects.filter(pk=contact_id, workspace_id=fact.workspace_id).first()
    if broadcast is None or contact is None:
        return
    # A fact may come late or twice: whoever joined again since then stays, and no list is added to those left.
    current = Subscription.objects.filter(contact=contact, mailing_list_id__in=broadcast.list_ids)
    left = current.exclude(status=SubscriptionStatus.CONFIRMED, confirmed_at__gt=fact.at)
    subscriptions.unsubscribe(
        contact, list(left.values_list("mailing_list_id", flat=True)),
        evidence=Evidence(channel=str(fact.detail.get("channel", "link")), source=f"event {fact.event_id}",
                          ip=fact.detail.get("ip")),
        recipient_id=fact.recipient_id,
    )
