"""Celery's doors to the relay: the bell, and the sweeps for the beat.

A bell names lanes and nothing else; losing it costs at most the second until the loop polls by itself.
Importing this module also hangs the relay loop into workers that listen on the relay queue.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from celery import shared_task

from relayhub.relay import reactions, sweeps, worker

log = logging.getLogger(__name__)

#: More lanes than this in one bell are found by polling.
MAX_LANES_A_BELL = 200

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


@shared_task(name="relay.react", queue="housekeeping")
def react_task() -> None:
    """Tell facts to other packages."""
    reactions.react()


@shared_task(name="relay.housekeeping", queue="housekeeping")
def housekeeping_task() -> None:
    """Partitions, old idempotency records, idle lanes."""
    sweeps.housekeep()


def ring_lanes(lane_ids: Iterable[int]) -> None:
    """Ring for lanes; call it on commit. A broker that is away costs a second, never an error."""
    wanted = sorted(set(lane_ids))[:MAX_LANES_A_BELL]
    if not wanted:
        return
    try:
        drain_task.apply_async(args=[wanted], retry=False, expires=10)
    except Exception:  # the broker's client raises its own kinds; the rows are safe either way
        log.warning("relay.bell_failed", extra={"lanes": len(wanted)})
