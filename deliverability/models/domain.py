"""Sending domains, the outcome of each of their DNS checks, and the history of changes."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.core.models import Workspace


class DomainStatus(models.TextChoices):
    """Whether mail may leave in the domain's name."""

    PENDING = "pending", "Pending"  # never verified yet
    VERIFIED = "verified", "Verified"  # all required records were found
    BROKEN = "broken", "Broken"  # was verified; 3 definite failures over 72 h: mail is held


class CheckOutcome(models.TextChoices):
    """What a look at one record came to."""

    PASS = "pass", "Pass"
    FAIL = "fail", "Fail"  # definitely absent or wrong
    UNKNOWN = "unknown", "Unknown"  # DNS gave no definite answer; changes nothing


class SendingDomain(models.Model):
    """A domain that a workspace sends as."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="domains")
    #: A-label form, lower case.
    name = models.CharField(max_length=253)
    status = models.CharField(max_length=8, choices=DomainStatus.choices, default=DomainStatus.PENDING)
    verified_at = models.DateTimeField(null=True, blank=True)
    #: Definite failures of a required record in a row, and when the first of them was seen.
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    next_check_at = models.DateTimeField(default=now, db_index=True)
    #: Who answers for the zone, as seen at the last look: host names in lower case; [] where never seen.
    name_servers = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=now)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "name"],
                condition=models.Q(deleted_at__isnull=True),
                name="domain_once_a_workspace",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=DomainStatus.values), name="domain_status_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def public_id(self) -> str:
        """The id outside: `dom_…`."""
        return encode_id(Prefix.DOMAIN, self.id)


class DomainShare(models.Model):
    """A link that shows a domain's records to whoever runs its DNS; only its token's hash is kept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    domain = models.ForeignKey(SendingDomain, on_delete=models.CASCADE, related_name="shares")
    token_hash = models.CharField(max_length=64, unique=True)
    #: Who made it, as the audit log names them.
    made_by = models.CharField(max_length=254)
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.domain} until {self.expires_at:%Y-%m-%d}"

    @property
    def public_id(self) -> str:
        """The id outside: `dsh_…`."""
        return encode_id(Prefix.DOMAIN_SHARE, self.id)


class DomainCheck(models.Model):
    """The latest look at one record or finding of a domain."""

    id = models.BigAutoField(primary_key=True)
    domain = models.ForeignKey(SendingDomain, on_delete=models.CASCADE, related_name="checks")
    #: dkim, dkim_ed25519, return_path (MX of rp.), spf (of rp.), dmarc, spf_organisation, ptr, host_name.
    kind = models.CharField(max_length=30)
    is_required = models.BooleanField()
    record_type = models.CharField(max_length=8, blank=True, default="")
    record_name = models.CharField(max_length=255, blank=True, default="")
    outcome = models.CharField(max_length=8, choices=CheckOutcome.choices, default=CheckOutcome.UNKNOWN)
    found = models.JSONField(null=True)
    wanted = models.TextField(blank=True, default="")
    explanation = models.CharField(max_length=1000, blank=True, default="")
    #: None = not looked at yet.
    checked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["domain", "kind", "record_name"], name="domain_check_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.outcome}"


class DomainCheckChange(models.Model):
    """Drift: an outcome or a found value that changed between two looks."""

    id = models.BigAutoField(primary_key=True)
    domain = models.ForeignKey(SendingDomain, on_delete=models.CASCADE, related_name="changes")
    kind = models.CharField(max_length=30)
    record_name = models.CharField(max_length=255, blank=True, default="")
    old_outcome = models.CharField(max_length=8, blank=True, default="")
    new_outcome = models.CharField(max_length=8)
    old_found = models.JSONField(null=True)
    new_found = models.JSONField(null=True)
    explanation = models.CharField(max_length=1000, blank=True, default="")
    at = models.DateTimeField(default=now)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.kind}: {self.old_outcome} to {self.new_outcome}"
