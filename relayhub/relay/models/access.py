"""SMTP credentials: what a program signs in with on the submission ports."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.core.models import User, Workspace
from relayhub.relay.models.routing import Stream


class SmtpCredential(models.Model):
    """A user name (`username`) and the SHA-256 of a 160-bit random password, shown once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="smtp_credentials")
    name = models.CharField(max_length=120)
    username = models.CharField(max_length=64, unique=True)
    secret_hash = models.CharField(max_length=64)
    #: Where mail goes that names no stream; None = the workspace's transactional default.
    stream = models.ForeignKey(Stream, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    #: The one that trusted networks act as.
    is_default = models.BooleanField(default=False)
    domains = ArrayField(models.CharField(max_length=255), default=list, blank=True)
    networks = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=now)
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.username})"

    @property
    def public_id(self) -> str:
        """The id outside: `smtp_…`."""
        return encode_id(Prefix.CREDENTIAL, self.id)
