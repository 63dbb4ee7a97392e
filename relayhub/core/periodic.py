"""Claims slots of the static schedule, so that two beats never run one job twice."""

from __future__ import annotations

from datetime import datetime, timedelta

from relayhub.core.clock import now
from relayhub.core.models import PeriodicRun

_KEPT = timedelta(days=7)


def claim_slot(job: str, *, every: timedelta, at: datetime | None = None) -> bool:
    """Whether this caller is the first for the slot of length `every` (UTC) that `at` falls in."""
    moment = at or now()
    seconds = int(every.total_seconds())
    start = int(moment.timestamp()) // seconds * seconds
    slot = datetime.fromtimestamp(start, tz=moment.tzinfo)
    # ON CONFLICT DO NOTHING: a lost race is an answer, not an error that spoils the transaction.
    before = PeriodicRun(job=job, slot=slot)
    PeriodicRun.objects.bulk_create([before], ignore_conflicts=True)
    return PeriodicRun.objects.filter(job=job, slot=slot, taken_at=before.taken_at).exists()


def forget_old_slots() -> int:
    """Remove claims older than a week; returns how many."""
    return PeriodicRun.objects.filter(slot__lt=now() - _KEPT).delete()[0]
