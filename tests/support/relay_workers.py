"""Relay workers as processes of their own: the whole loop with its sweeps, to kill, freeze, and stop in order.

`python -m tests.support.relay_workers` is what `relayhub.relay.worker` hangs into Celery, without Celery:
the loop on its thread, the sweeps on theirs, and an orderly end at SIGTERM.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.relay_process import ROOT, test_database_url


def worker_environment(**more: str) -> dict[str, str]:
    """The environment of a process of the product that works on the test's own rows."""
    from django.conf import settings

    return {
        **os.environ,
        "DATABASE_URL": test_database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "DJANGO_SETTINGS_MODULE": "relayhub.settings",
        "RELAYHUB_SECRET_KEY": settings.SECRET_KEY,
        "RELAYHUB_DEFAULT_ROUTE": settings.RELAYHUB_DEFAULT_ROUTE,
        "RELAYHUB_DNS_SERVERS": ",".join(settings.RELAYHUB_DNS_SERVERS),
        "RELAYHUB_MX_DELIVERY_PORT": str(settings.RELAYHUB_MX_DELIVERY_PORT),
        "RELAYHUB_ALLOW_PRIVATE_NETWORKS": str(int(settings.RELAYHUB_ALLOW_PRIVATE_NETWORKS)),
        "PYTHONPATH": str(ROOT),
        **more,
    }


@dataclass(frozen=True)
class Span:
    """From just before workers were killed to when the system had taken them away."""

    first: float
    last: float


@dataclass
class Workers:
    """The workers of one test, and when they were killed."""

    environment: dict[str, str]
    command: tuple[str, ...] = ("-m", "tests.support.relay_workers")
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    kills: list[Span] = field(default_factory=list)

    def start(self, count: int = 2, **more: str) -> None:
        """Start more of them."""
        for _ in range(count):
            self.running.append(
                subprocess.Popen([sys.executable, *self.command], env={**self.environment, **more}, cwd=ROOT)
            )

    def kill(self) -> None:
        """`kill -9` all of them at once."""
        first = time.time()
        for worker in self.running:
            worker.kill()
        for worker in self.running:
            assert worker.wait(20) == -signal.SIGKILL
        self.running.clear()
        self.kills.append(Span(first, time.time()))

    def died(self, *, seconds: float = 60.0) -> None:
        """Wait for the one worker that a crash point kills, and note when."""
        first = time.time()
        (worker,) = self.running
        assert worker.wait(seconds) == -signal.SIGKILL
        self.running.clear()
        self.kills.append(Span(first, time.time()))

    def stop(self, worker: subprocess.Popen[bytes] | None = None, *, seconds: float = 32.0) -> None:
        """SIGTERM, and an orderly end in time: of one, or of all."""
        leaving = [worker] if worker is not None else list(self.running)
        for one in leaving:
            one.send_signal(signal.SIGTERM)
        for one in leaving:
            assert one.wait(seconds) == 0
            self.running.remove(one)

    def signal(self, number: signal.Signals) -> None:
        """Send all of them a signal."""
        for worker in self.running:
            worker.send_signal(number)


@contextmanager
def relay_workers(**more: str) -> Iterator[Workers]:
    """Workers that are gone when the block ends."""
    workers = Workers(worker_environment(**more))
    try:
        yield workers
    finally:
        for worker in workers.running:
            worker.kill()
            worker.wait(20)


def main() -> None:
    """Run the loop until SIGTERM; exit 0 if it ended in time."""
    import django

    django.setup()
    from relayhub.relay.loop import RelayLoop

    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    loop = RelayLoop()
    loop.start()
    while not asked.wait(0.5):
        pass
    sys.exit(0 if loop.stop() else 1)


if __name__ == "__main__":
    main()
