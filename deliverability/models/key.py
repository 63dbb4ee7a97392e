"""DKIM keys; the private part is encrypted at rest and never leaves through any API."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from deliverability.models.domain import SendingDomain
from relayhub.core.clock import now


class KeyAlgorithm(models.TextChoices):
    """How a key signs."""

    RSA = "rsa-sha256", "RSA-2048"
    ED25519 = "ed25519-sha256", "Ed25519"


class KeyState(models.TextChoices):
    """Where a key stands in its rotation."""

    PUBLISHING = "publishing", "Publishing"  # waits to be seen in DNS; signs nothing yet
    ACTIVE = "active", "Active"  # signs
    RETIRING = "retiring", "Retiring"  # signs no more; must stay in DNS until mail in flight is gone
    RETIRED = "retired", "Retired"  # may be removed from DNS


class DkimKey(models.Model):
    """One selector of one domain."""

    id = models.BigAutoField(primary_key=True)
    domain = models.ForeignKey(SendingDomain, on_delete=models.CASCADE, related_name="keys")
    selector = models.CharField(max_length=63)
    algorithm = models.CharField(max_length=15, choices=KeyAlgorithm.choices)
    state = models.CharField(max_length=10, choices=KeyState.choices, default=KeyState.PUBLISHING)
    private_encrypted = models.BinaryField()
    #: The value of the TXT record.
    public_record = models.TextField()
    #: An Ed25519 key signs only while its record is seen in DNS.
    seen_in_dns_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now)
    activated_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["domain", "selector"], name="dkim_selector_once"),
        ]

    def __str__(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"
