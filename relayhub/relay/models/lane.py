"""Lanes (what is claimed together) and what is known of recipient domains."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from relayhub.core.clock import now
from relayhub.core.models import Workspace
from relayhub.relay.models.routing import Stream

#: The site of a lane whose recipients' domains are not looked up yet.
RESOLVE_SITE = "resolve"


class Lane(models.Model):
    """Stream, broadcast or none, and site: recipients that share connections and limits.

    The claim index leads with the lane, so a paused or slowed lane costs nothing and a million
    waiting rows of one lane do not slow the claim on another.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="+")
    broadcast_id = models.UUIDField(null=True, blank=True)
    #: `resolve`; a transport such as `sandbox` or `smtp://host:25`; or the MX site of a domain.
    site = models.CharField(max_length=300)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_reason = models.CharField(max_length=300, blank=True, default="")
    #: A person's limit; None = none.
    max_per_minute = models.PositiveIntegerField(null=True, blank=True)
    #: After an answer such as "too fast": no claim before this time.
    backoff_until = models.DateTimeField(null=True, blank=True)
    backoff_reason = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["stream", "broadcast_id", "site"], name="lane_once", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stream_id} {self.site}"


class SiteRecord(models.Model):
    """A recipient domain's MX site and provider, as last looked up."""

    domain = models.CharField(primary_key=True, max_length=255)
    site = models.CharField(max_length=255)
    provider = models.CharField(max_length=60, blank=True, default="")
    #: `ok`, `null_mx`, `no_domain`, `no_mail_host`, `temporary`.
    outcome = models.CharField(max_length=14)
    #: [[preference, host], …] as found; the address fall-back is [[0, domain]].
    hosts = models.JSONField(default=list)
    looked_up_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.domain} at {self.site}"
