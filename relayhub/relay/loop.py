"""The relay's one event loop of a worker process: its thread, its bell, its housekeeping, its end.

Started when the worker starts and ended within 30 s when it stops. The loop runs on a thread of its own for
the whole life of the process; a second thread does what must happen even while Celery and Redis are away:
the sweeps, each safe to run in many processes at once.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterable

from django.conf import settings
from django.db import close_old_connections

from relayhub.core.garbage import spare_what_stays
from relayhub.relay.deliver import monotonic_seconds
from relayhub.relay.loop_db import LoopConnection
from relayhub.relay.loop_engine import BatchServices, Engine

log = logging.getLogger(__name__)

STOP_TIMEOUT_SECONDS = 30.0
#: A loop that did not look at the table for this long is stuck; its process must not pretend to live.
STUCK_SECONDS = 60.0


class RelayLoop:
    """One engine on its own thread."""

    def __init__(self, services_factory: Callable[[LoopConnection], BatchServices] | None = None) -> None:
        self._services_factory = services_factory
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._engine: Engine | None = None
        self._is_ready = threading.Event()
        self._is_stopped = threading.Event()

    def start(self) -> None:
        """Begin; returns once the loop takes bells."""
        self._thread = threading.Thread(target=self._run, name="relay-loop", daemon=True)
        self._thread.start()
        threading.Thread(target=self._housekeep, name="relay-sweeps", daemon=True).start()
        self._is_ready.wait(10)

    def ring(self, lane_ids: Iterable[int]) -> None:
        """Have these lanes looked at now; from any thread."""
        engine, loop = self._engine, self._loop
        if engine is not None and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(engine.ring, list(lane_ids))

    def stop(self) -> bool:
        """Finish what is in flight and give back the rest; whether it ended in time."""
        self._is_stopped.set()
        engine, loop, thread = self._engine, self._loop, self._thread
        if engine is None or loop is None or thread is None:
            return True
        if not loop.is_closed():
            loop.call_soon_threadsafe(engine.stop)
        thread.join(STOP_TIMEOUT_SECONDS)
        return not thread.is_alive()

    def is_dead(self) -> bool:
        """Whether the loop ended by itself or stopped looking at the table."""
        engine, thread = self._engine, self._thread
        if self._is_stopped.is_set() or engine is None or thread is None:
            return False
        return not thread.is_alive() or monotonic_seconds() - engine.last_poll > STUCK_SECONDS

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(self._main())
        except Exception:  # the thread's edge: without this line a dead loop would be silent
            log.exception("relay.loop_died")
        finally:
            self._is_ready.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._engine = Engine(
            self._services_factory or default_services,
            lease_seconds=settings.RELAYHUB_LEASE.total_seconds(),
        )
        spare_what_stays()
        self._is_ready.set()
        log.info("relay.loop_started")
        await self._engine.run()
        log.info("relay.loop_stopped")

    def _housekeep(self) -> None:
        from relayhub.relay import sweeps, worker_report

        clock = sweeps.Schedule()
        while not self._is_stopped.wait(1.0):
            try:
                close_old_connections()
                clock.run_due()
                if self._engine is not None and worker_report.is_due():
                    worker_report.tell(self._engine)
            except Exception:  # a database that is away, a reactor at fault: the next round tries again
                log.warning("relay.sweep_failed", exc_info=True)
            if self.is_dead():
                # Alive but deaf helps nobody: end in order, and the supervisor starts a new process.
                log.critical("relay.loop_dead")
                os.kill(os.getpid(), signal.SIGTERM)
                return


def default_services(connection: LoopConnection) -> BatchServices:
    """The relay's own services."""
    from relayhub.relay.loop_services import RelayServices

    return RelayServices(connection)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
