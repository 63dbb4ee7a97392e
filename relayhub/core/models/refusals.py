"""What programs asked for and were refused, for as long as their developers may look for it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.core.models.workspace import Workspace


class Door(models.TextChoices):
    """Where a program came in."""

    HTTP = "http"  # the REST API
    SMTP = "smtp"  # a submission port, after signing in


class RefusedRequest(models.Model):
    """One refused request of a key or SMTP credential: what was asked for and what was said. Never its body."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(default=now)
    door = models.CharField(max_length=4, choices=Door.choices)
    #: The outside id of the key or credential and its name then: both outlive the row, and core knows no credential.
    caller_id = models.CharField(max_length=40)
    caller_name = models.CharField(max_length=120)
    #: Of SMTP: `DATA`.
    method = models.CharField(max_length=10)
    #: Of SMTP: the sender of the envelope and how many recipients it had.
    path = models.CharField(max_length=500)
    query = models.CharField(max_length=500, blank=True, default="")
    #: HTTP's, or the code of the SMTP reply: `door` tells them apart.
    status = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=80)
    detail = models.CharField(max_length=1000)
    #: The first ten of {"pointer", "code", "detail"}.
    errors = models.JSONField(default=list)
    #: What a stranger is not told: why a key was not taken. "" = `code` says all.
    reason = models.CharField(max_length=40, blank=True, default="")
    #: As in `X-Request-ID` of the answer and in the log.
    request_id = models.CharField(max_length=100, blank=True, default="")
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-id"], name="refused_newest"),
            models.Index(fields=["workspace", "caller_id", "-id"], name="refused_of_caller"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.method} {self.path} {self.status}"

    @property
    def public_id(self) -> str:
        """The id outside: `ref_…`."""
        return encode_id(Prefix.REFUSAL, self.id)
