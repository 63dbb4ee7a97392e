"""Addresses we will not send to, with reason, source and scope."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.core.models import User, Workspace


class SuppressionReason(models.TextChoices):
    """Why."""

    HARD_BOUNCE = "hard_bounce", _("Hard bounce")
    COMPLAINT = "complaint", _("Complaint")
    UNSUBSCRIBE = "unsubscribe", pgettext_lazy("reason of a suppression", "Unsubscribe")
    MANUAL = "manual", _("Added by hand")


class SuppressionScope(models.TextChoices):
    """How far it reaches."""

    WORKSPACE = "workspace", _("Everything")
    STREAM = "stream", _("One stream")
    LIST = "list", _("One mailing list")


class Suppression(models.Model):
    """One address in one scope. Lifting keeps the row, with who and why."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="suppressions")
    address = models.CharField(max_length=320)
    #: `protocol.address.normalise(address)`.
    address_key = models.CharField(max_length=320)
    reason = models.CharField(max_length=12, choices=SuppressionReason.choices)
    scope = models.CharField(max_length=9, choices=SuppressionScope.choices)
    #: The stream or mailing list where the scope is one; plain ids, for both live left of this package.
    stream_id = models.UUIDField(null=True, blank=True)
    list_id = models.UUIDField(null=True, blank=True)
    #: In words: "550 5.1.1 from mx.example", "feedback report of yahoo", "import 3", a person.
    source = models.CharField(max_length=500, blank=True, default="")
    recipient_id = models.UUIDField(null=True, blank=True)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=now)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.CharField(max_length=300, blank=True, default="")
    lift_reason = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "address_key", "scope", "stream_id", "list_id"],
                condition=models.Q(lifted_at__isnull=True),
                name="suppression_once_a_scope",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=models.Q(scope="workspace", stream_id__isnull=True, list_id__isnull=True)
                | models.Q(scope="stream", stream_id__isnull=False, list_id__isnull=True)
                | models.Q(scope="list", stream_id__isnull=True, list_id__isnull=False),
                name="suppression_scope_target",
            ),
            models.CheckConstraint(
                condition=models.Q(reason__in=SuppressionReason.values), name="suppression_reason_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-id"], name="suppression_newest"),
            # A rare reason is found, and all are counted, without going through the rows.
            models.Index(
                fields=["workspace", "reason", "-id"], condition=models.Q(lifted_at__isnull=True),
                name="suppression_by_reason",
            ),
            models.Index(
                fields=["workspace", "-id"], condition=models.Q(lifted_at__isnull=False), name="suppression_lifted"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.address} ({self.reason})"

    @property
    def public_id(self) -> str:
        """The id outside: `sup_…`."""
        return encode_id(Prefix.SUPPRESSION, self.id)
