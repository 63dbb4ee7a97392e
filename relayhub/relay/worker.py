"""Hangs the relay loop into Celery workers that listen on the relay queue: one loop a worker process.

The loop starts with the worker and ends with it, within 30 s. Workers of other queues start none.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, ClassVar

from celery import bootsteps, current_app

from relayhub.relay.bell import RELAY_QUEUE
from relayhub.relay.loop import RelayLoop

log = logging.getLogger(__name__)


_loops: list[RelayLoop] = []


class RelayLoopStep(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Starts and stops the loop with the worker."""

    requires: ClassVar[set[str]] = {"celery.worker.components:Pool"}

    def include_if(self, parent: Any) -> bool:
        """Only in workers of the relay queue."""
        return RELAY_QUEUE in parent.app.amqp.queues.consume_from

    def start(self, parent: Any) -> None:
        """Begin with the worker."""
        loop = RelayLoop()
        loop.start()
        _loops.append(loop)

    def stop(self, parent: Any) -> None:
        """Finish what is in flight, give back the rest."""
        while _loops:
            if not _loops.pop().stop():
                log.error("relay.loop_did_not_stop_in_time")

    def terminate(self, parent: Any) -> None:
        """A cold shutdown ends the same way: rows are given back, not left to the reaper."""
        self.stop(parent)


def install() -> None:
    """Add the step to the application's workers; doing it twice adds it once."""
    current_app.steps["worker"].add(RelayLoopStep)


def ring(lane_ids: Iterable[int]) -> None:
    """Pass a bell on to this process's loop, if it has one."""
    wanted = list(lane_ids)
    for loop in _loops:
        loop.ring(wanted)
