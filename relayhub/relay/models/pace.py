"""Token buckets of lanes and broadcasts with a limit, shared by all relay processes."""

from __future__ import annotations

from django.db import models

from relayhub.core.clock import now


class Pace(models.Model):
    """How many recipients may be claimed at once under one limit; refilled by time, at each claim."""

    #: `lane:<id>` or `broadcast:<id>`.
    key = models.CharField(primary_key=True, max_length=80)
    tokens = models.FloatField(default=0)
    refilled_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return f"{self.key}: {self.tokens:.1f}"
