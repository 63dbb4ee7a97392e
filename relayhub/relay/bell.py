"""The bell: tells relay loops that lanes have mail, through Celery, and never keeps its caller waiting.

Callers ring on commit. A thread of this process passes on what gathered while it passed on the last, so a
thousand accepted messages a second cost a few publishes, and a broker that is away costs callers nothing:
the loops look at the table every second anyway. Losing a bell is harmless.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable

from django.db import transaction

log = logging.getLogger(__name__)

DRAIN_TASK = "relay.drain"
RELAY_QUEUE = "relay"
#: More lanes than this in one bell are found by polling.
MAX_LANES_A_BELL = 200
#: A bell that nobody took within this time is of no use any more.
BELL_EXPIRES_SECONDS = 10
#: The first bell goes out at once; what rings in this time after it goes out together. Under load that makes
#: claims of a hundred rows out of claims of five, and nobody waits for longer than this.
GATHER_SECONDS = 0.1


class Bell:
    """Gathers lanes and passes them on from a thread of its own, made anew after a fork."""

    def __init__(self) -> None:
        self._lanes: set[int] = set()
        self._condition = threading.Condition()
        self._owner = 0

    def ring(self, lane_ids: Iterable[int]) -> None:
        """Have loops look at these lanes soon; returns at once."""
        wanted = set(lane_ids)
        if not wanted:
            return
        if self._owner != os.getpid():
            self._start()
        with self._condition:
            self._lanes |= wanted
            self._condition.notify()

    def _start(self) -> None:
        self._condition = threading.Condition()
        self._owner = os.getpid()
        threading.Thread(target=self._pass_on, name="relay-bell", daemon=True).start()

    def _pass_on(self) -> None:
        while True:
            with self._condition:
                while not self._lanes:
                    self._condition.wait()
                lanes, self._lanes = sorted(self._lanes)[:MAX_LANES_A_BELL], set()
            publish(lanes)
            time.sleep(GATHER_SECONDS)


def publish(lane_ids: list[int]) -> None:
    """Send one bell; a broker that cannot take it is logged and forgotten."""
    from relayhub.celery import app

    try:
        app.send_task(
            DRAIN_TASK, args=[lane_ids], queue=RELAY_QUEUE, expires=BELL_EXPIRES_SECONDS, retry=False
        )
    except Exception:  # the broker's client raises its own kinds; the rows are safe either way
        log.warning("relay.bell_failed", extra={"lanes": len(lane_ids)})


_bell = Bell()


def ring_lanes(lane_ids: Iterable[int]) -> None:
    """Ring now."""
    _bell.ring(lane_ids)


def ring_on_commit(lane_ids: Iterable[int]) -> None:
    """Ring once the caller's transaction is durable."""
    wanted = list(lane_ids)
    transaction.on_commit(lambda: ring_lanes(wanted))
