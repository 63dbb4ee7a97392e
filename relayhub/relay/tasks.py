"""Celery's doors to the relay: the bell, and the sweeps for the beat.

A bell names lanes and nothing else; losing it costs at most the second until the loop polls by itself.
Importing this module also hangs the relay loop into workers that listen on the relay queue.
"""

from __future__ import annotations

from celery import shared_task

from relayhub.relay import (  # noqa: F401  (registers the runners of jobs)
    broadcast_figures,
    reactions,
    relaning,
    rest_of_act,
    sweeps,
    worker,
)
from relayhub.relay.bell import ring_lanes

__all__ = ["ring_lanes"]

worker.install()


@shared_task(name="relay.drain", queue="relay")
def drain_task(lane_ids: list[int]) -> None:
    """Hand lanes to this process's loop."""
    worker.ring(lane_ids)


@shared_task(name="relay.sweep", queue="housekeeping")
def sweep_task() -> None:
    """Expired leases, unknown retries, releases, expiry."""
    sweeps.sweep()
    sweeps.expire_unclaimed()


@shared_task(name="relay.fold_counters", queue="housekeeping")
def fold_counters_task() -> None:
    """Fold counter deltas."""
    sweeps.fold_counters()


@shared_task(name="relay.count_broadcasts", queue="housekeeping")
def count_broadcasts_task() -> None:
    """Count the recipients of broadcasts that changed."""
    broadcast_figures.count_changed()


@shared_task(name="relay.react", queue="housekeeping")
def react_task() -> None:
    """Tell facts to other packages."""
    reactions.react()


@shared_task(name="relay.housekeeping", queue="housekeeping")
def housekeeping_task() -> None:
    """Partitions, old idempotency records, idle lanes."""
    sweeps.housekeep()
