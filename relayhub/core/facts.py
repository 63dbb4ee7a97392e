"""The vocabulary that crosses packages: event types and the frozen facts told after they are stored.

Facts flow against the direction of imports: the relay stores an event and then calls the functions named
in `settings.OUTCOME_REACTORS` with `OutcomeFact` values, at least once each, so reactors are idempotent by
`event_id`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models


class EventType(models.TextChoices):
    """Everything that can happen to a recipient; django-anymail's names where it has them."""

    ACCEPTED = "accepted", "Accepted"  # stored durably; the client was told so
    ATTEMPTED = "attempted", "Attempted"  # one try was made
    DEFERRED = "deferred", "Deferred"  # refused for now, or a DSN said "delayed"
    DELIVERED = "delivered", "Delivered"  # the next host took it, or the sandbox kept it
    BOUNCED = "bounced", "Bounced"  # refused for good, in the session or later by DSN
    COMPLAINED = "complained", "Complained"  # the person said spam
    SUPPRESSED = "suppressed", "Suppressed"  # not sent: the address is on a suppression list
    EXPIRED = "expired", "Expired"  # the queue lifetime passed
    HELD = "held", "Held"  # kept back by our own policy
    RELEASED = "released", "Released"  # let go again by a person or by itself
    UNKNOWN = "unknown", "Unknown"  # a worker died when the dot may have been out
    QUARANTINED = "quarantined", "Quarantined"  # workers died on it too often
    CANCELLED = "cancelled", "Cancelled"  # a person stopped it in time
    OPENED = "opened", "Opened"  # the pixel was fetched, by a person or a machine
    CLICKED = "clicked", "Clicked"  # a link was followed, by a person or a machine
    UNSUBSCRIBED = "unsubscribed", "Unsubscribed"  # the person left


@dataclass(frozen=True, kw_only=True)
class OutcomeFact:
    """One stored event, as told to other packages."""

    event_id: UUID
    workspace_id: UUID
    stream_id: UUID
    message_id: UUID
    recipient_id: UUID
    broadcast_id: UUID | None
    contact_id: UUID | None
    address: str
    type: EventType
    at: datetime
    #: {"code", "enhanced", "text"} or None.
    reply: dict[str, Any] | None = None
    detail: dict[str, Any] = field(default_factory=dict)
