"""What the relay keeps of a broadcast: its switches and its links."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from relayhub.core.clock import now
from relayhub.core.models import Workspace
from relayhub.relay.models.routing import Stream


class BroadcastControl(models.Model):
    """Pause, cancel and throttle of one broadcast. The id is the campaign side's broadcast id."""

    broadcast_id = models.UUIDField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    stream = models.ForeignKey(Stream, on_delete=models.PROTECT, related_name="+")
    message_id = models.UUIDField()
    #: For reports and filters: the campaign this is a run of.
    campaign_id = models.UUIDField(db_index=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    max_per_minute = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return str(self.broadcast_id)


class TrackedLink(models.Model):
    """A link of one content, by number. Click tokens carry the number; the target is only ever read here."""

    id = models.BigAutoField(primary_key=True)
    content_id = models.UUIDField()
    number = models.PositiveIntegerField()
    url = models.TextField()
    text = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["content_id", "number"], name="link_once")]

    def __str__(self) -> str:
        return self.url


class BroadcastFigures(models.Model):
    """How a broadcast's recipients stood when they were counted last: one look in place of a million rows.

    `version` is the number of the broadcast's events then. Every change of a row writes an event, so while the
    number is the same the cells are exactly the rows (claims apart, which write none).
    """

    broadcast_id = models.UUIDField(primary_key=True)
    version = models.BigIntegerField()
    #: Rows of `broadcast_figures.CELL`, in that order.
    cells = models.JSONField(default=list)
    counted_at = models.DateTimeField()
    took_ms = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.broadcast_id)
