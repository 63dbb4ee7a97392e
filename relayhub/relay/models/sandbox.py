"""What people did in the sandbox inbox: cleared it, read mails in it. The mails themselves are recipients."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from relayhub.core.models import User, Workspace


class SandboxInbox(models.Model):
    """Since when a workspace's inbox shows mails: clearing it hides what it kept until then, and deletes nothing."""

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, primary_key=True, related_name="+")
    cleared_at = models.DateTimeField(null=True, blank=True)
    #: What `cleared_at` was before the last time, to go back to.
    cleared_before = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"cleared {self.cleared_at}" if self.cleared_at else "never cleared"


class SandboxReader(models.Model):
    """Up to when somebody has read all that was kept."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    read_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "user"], name="sandbox_reader_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} read all until {self.read_at}"


class SandboxMark(models.Model):
    """A mail that somebody read since then, or marked as unread again."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    recipient_id = models.UUIDField()
    is_read = models.BooleanField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "user", "recipient_id"], name="sandbox_mark_once"),
        ]

    def __str__(self) -> str:
        return f"{self.recipient_id} {'read' if self.is_read else 'unread'}"
