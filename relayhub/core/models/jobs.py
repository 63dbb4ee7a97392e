"""Long work as a row: progress, rate, cancel, result, found again after the browser was closed."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.core.models.people import User
from relayhub.core.models.workspace import Workspace


class JobStatus(models.TextChoices):
    """Where a job stands."""

    WAITING = "waiting", "Waiting"  # stored, no worker has it yet
    RUNNING = "running", "Running"  # a worker moves it; its heartbeat is fresh
    DONE = "done", "Done"  # finished, `result` says with what
    FAILED = "failed", "Failed"  # stopped by a fault, `error` says which and what to do
    CANCELLED = "cancelled", "Cancelled"  # stopped by a person


class Job(models.Model):
    """One piece of long work. A worker that died leaves a stale heartbeat; the sweep hands the job on."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="jobs")
    #: `import`, `export`, `launch`, `verification`, … : names the function that runs it.
    kind = models.CharField(max_length=40)
    title = models.CharField(max_length=300)
    status = models.CharField(max_length=10, choices=JobStatus.choices, default=JobStatus.WAITING)
    done = models.BigIntegerField(default=0)
    #: None = not yet known.
    total = models.BigIntegerField(null=True, blank=True)
    unit = models.CharField(max_length=30, default="rows")
    #: What the work needs to begin or go on: ids and checkpoints, never content.
    state = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    error = models.CharField(max_length=500, blank=True, default="")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    #: When whoever started it first looked at it after its end; None = they were not told yet.
    seen_at = models.DateTimeField(null=True, blank=True)
    mail_when_done = models.BooleanField(default=False)
    #: Fencing: only the worker that holds this token may move the row.
    token = models.UUIDField(null=True, blank=True)
    runs = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-id"], name="job_workspace_newest"),
            models.Index(
                fields=["heartbeat_at"],
                condition=models.Q(status__in=["waiting", "running"]),
                name="job_unfinished",
            ),
            models.Index(
                fields=["created_by"],
                condition=models.Q(seen_at__isnull=True, finished_at__isnull=False),
                name="job_unseen",
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(status__in=JobStatus.values), name="job_status_known"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def public_id(self) -> str:
        """The id outside: `job_…` (imports and exports have ids of their own with the same UUID)."""
        return encode_id(Prefix.JOB, self.id)

    @property
    def is_finished(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in {JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED}

    @property
    def per_second(self) -> float | None:
        """The mean speed since the start, in `unit` a second; None while it would be a guess."""
        if self.started_at is None or self.done <= 0:
            return None
        seconds = ((self.finished_at or now()) - self.started_at).total_seconds()
        return self.done / seconds if seconds >= 1 else None

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at that speed; None where nobody can tell."""
        speed = self.per_second
        if not speed or self.total is None or self.is_finished:
            return None
        return max(0.0, (self.total - self.done) / speed)
