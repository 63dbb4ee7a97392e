"""One try on one recipient, with the conversation. Append-only, partitioned by month on its id."""

from __future__ import annotations

from django.db import models

from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id, uuid7


class Attempt(models.Model):
    """What was said and answered. Nothing has a foreign key to it; it has none either.

    The table is made by SQL in the migration (range partitions on the UUIDv7 id), hence unmanaged.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace_id = models.UUIDField()
    recipient_id = models.UUIDField()
    message_id = models.UUIDField()
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True)
    #: delivered, deferred, bounced, unknown, abandoned.
    disposition = models.CharField(max_length=12)
    transport = models.CharField(max_length=300)
    site = models.CharField(max_length=255, blank=True, default="")
    peer_host = models.CharField(max_length=255, blank=True, default="")
    peer_address = models.CharField(max_length=64, blank=True, default="")
    source_address = models.CharField(max_length=64, blank=True, default="")
    #: {"version", "cipher", "verified"} or None for plain text.
    tls = models.JSONField(null=True)
    phase = models.CharField(max_length=12, blank=True, default="")
    reply = models.JSONField(null=True)
    bounce_class = models.CharField(max_length=20, blank=True, default="")
    bounce_category = models.CharField(max_length=20, blank=True, default="")
    #: Why this way and not another, and what the answer means.
    detail = models.JSONField(default=dict)
    #: [[milliseconds, "C" or "S", line], …], bodies left out, secrets masked.
    transcript = models.JSONField(default=list)

    class Meta:
        managed = False
        db_table = "relay_attempt"

    def __str__(self) -> str:
        return f"attempt {self.number}: {self.disposition}"

    @property
    def public_id(self) -> str:
        """The id outside: `att_…`."""
        return encode_id(Prefix.ATTEMPT, self.id)
