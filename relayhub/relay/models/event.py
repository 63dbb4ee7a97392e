"""What happened to recipients: append-only history, and the outbox of facts for other packages."""

from __future__ import annotations

from django.db import models

from relayhub.core.clock import now
from relayhub.core.facts import EventType
from relayhub.core.ids import Prefix, encode_id, uuid7


class Event(models.Model):
    """One thing that happened to one recipient. Partitioned by month on its UUIDv7 id, unmanaged.

    The id is derived from attempt, recipient and kind, so the same fact cannot be stored twice.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace_id = models.UUIDField()
    stream_id = models.UUIDField()
    message_id = models.UUIDField()
    recipient_id = models.UUIDField()
    broadcast_id = models.UUIDField(null=True)
    contact_id = models.UUIDField(null=True)
    attempt_id = models.UUIDField(null=True)
    type = models.CharField(max_length=12, choices=EventType.choices)
    at = models.DateTimeField(default=now)
    #: {"code", "enhanced", "text"} or None.
    reply = models.JSONField(null=True)
    detail = models.JSONField(default=dict)

    class Meta:
        managed = False
        db_table = "relay_event"

    def __str__(self) -> str:
        return f"{self.type} at {self.at:%Y-%m-%d %H:%M:%S}"

    @property
    def public_id(self) -> str:
        """The id outside: `evt_…`."""
        return encode_id(Prefix.EVENT, self.id)


class ReactionOutbox(models.Model):
    """A fact that other packages are still to hear of; written with its event, removed once they did."""

    id = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField()
    fact = models.JSONField()
    created_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return str(self.event_id)


__all__ = ["Event", "EventType", "ReactionOutbox"]
