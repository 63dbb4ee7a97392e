"""Rows of the installation itself: its switches, claimed beat slots, failed sign-ins."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from relayhub.core.clock import now


class SystemState(models.Model):
    """A switch of the whole installation, such as `sending_paused` after a restore."""

    key = models.CharField(primary_key=True, max_length=60)
    value = models.JSONField(default=dict)
    changed_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return self.key


class PeriodicRun(models.Model):
    """A slot of the static schedule that somebody took: two beats cannot run one job twice."""

    id = models.BigAutoField(primary_key=True)
    job = models.CharField(max_length=80)
    slot = models.DateTimeField()
    taken_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["job", "slot"], name="periodic_slot_once")]

    def __str__(self) -> str:
        return f"{self.job} at {self.slot:%Y-%m-%d %H:%M}"


class LoginThrottle(models.Model):
    """Failed sign-ins of one address or network: kept here so that a flushed cache opens no door."""

    #: `smtp:<credential>`, `smtp-ip:<network>`, `web:<address>`, `web-ip:<network>`.
    key = models.CharField(primary_key=True, max_length=200)
    failures = models.PositiveIntegerField(default=0)
    last_failure_at = models.DateTimeField(default=now)
    blocked_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.key
