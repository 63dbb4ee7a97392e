"""The first answers to requests with an `Idempotency-Key`, kept for 72 hours."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from relayhub.core.clock import now
from relayhub.core.models.workspace import Workspace


class IdempotencyRecord(models.Model):
    """A key that was used: its request's fingerprint and, once known, its answer."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    #: SHA-256 over method, path and body.
    fingerprint = models.CharField(max_length=64)
    #: None while the first request still runs.
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "key"], name="idempotency_once"),
        ]

    def __str__(self) -> str:
        return self.key
