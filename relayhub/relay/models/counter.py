"""Counts as append-only deltas, folded into roll-ups by one sweeper.

A read is the roll-up plus the deltas not folded yet: exact at any time, and no hot row for the relay
to queue at. `history.counts_of` says which counts an event adds to; `bucket` is the hour, of minutes the minute.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class _Count(models.Model):
    workspace_id = models.UUIDField()
    #: `stream`, `broadcast`, `link` (a broadcast's link: metric `clicked:<number>`), `minute` (of a broadcast).
    subject = models.CharField(max_length=10)
    subject_id = models.UUIDField()
    #: An event type, or that with a qualifier: `opened:machine`, `opened:people`, `delivered:sandbox`.
    metric = models.CharField(max_length=60)
    #: Start of the hour or minute, UTC.
    bucket = models.DateTimeField()

    class Meta:
        abstract = True


class CounterDelta(_Count):
    """One batch's addition to one count."""

    id = models.BigAutoField(primary_key=True)
    delta = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["subject_id", "metric"], name="delta_by_subject")]

    def __str__(self) -> str:
        return f"{self.metric} {self.delta:+d}"


class Counter(_Count):
    """The folded count of one subject, metric and hour."""

    id = models.BigAutoField(primary_key=True)
    value = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subject_id", "metric", "bucket", "subject"], name="counter_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace_id", "bucket"], name="counter_by_workspace"),
            # Finds the broadcasts of which something happened lately.
            models.Index(fields=["bucket"], condition=models.Q(subject="broadcast"), name="counter_lately"),
        ]

    def __str__(self) -> str:
        return f"{self.metric} {self.value}"
