"""The audit log: who changed what, when, from where. Append-only, by a trigger of the database."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.core.models.people import User
from relayhub.core.models.workspace import Workspace


class AuditEntry(models.Model):
    """One change. `before` and `after` hold the changed fields with secrets masked."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # Plain references: an append-only row outlives what it speaks of, so nothing may cascade into it.
    workspace = models.ForeignKey(
        Workspace, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    at = models.DateTimeField(default=now)
    user = models.ForeignKey(
        User, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    #: Who it was, in words that outlive the row: an address, "API key shop", "system".
    actor = models.CharField(max_length=300)
    ip = models.GenericIPAddressField(null=True)
    #: Dotted, past tense: `domain.added`, `campaign.launched`, `suppression.lifted`.
    action = models.CharField(max_length=80)
    object_type = models.CharField(max_length=40)
    object_id = models.CharField(max_length=64)
    summary = models.CharField(max_length=500, blank=True, default="")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    #: SHA-256 over the entry before in the same workspace and this one's content: a removed row shows.
    previous_hash = models.CharField(max_length=64, blank=True, default="")
    entry_hash = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-id"], name="audit_workspace_newest"),
            # Of a million entries about contacts and three about domains, the three are found.
            models.Index(fields=["workspace", "object_type", "-id"], name="audit_workspace_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor} {self.action}"

    @property
    def public_id(self) -> str:
        """The id outside: `aud_…`."""
        return encode_id(Prefix.AUDIT, self.id)
