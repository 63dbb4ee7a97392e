"""Runs the product's processes: starts them, restarts what dies, stops them in order.

It adopts nothing and knows no Django: it is given commands. A child that dies is started again after a pause
that doubles while it keeps dying. Stopping goes stage by stage: listeners first, so that nothing new comes in,
then workers, which finish what is in flight.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from relayhub.embedded import processes
from relayhub.embedded.steps import Steps

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
#: A child that ran this long starts its pauses anew.
_STEADY_SECONDS = 60.0
_LOG_LIMIT_BYTES = 50 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Service:
    """A process to keep running. Lower stages are stopped earlier."""

    name: str
    command: tuple[str, ...]
    stage: int
    stop_seconds: float


@dataclass
class _Running:
    service: Service
    child: subprocess.Popen[bytes]
    started: float
    pause: float = _FIRST_PAUSE_SECONDS
    restart_at: float | None = field(default=None)


class Supervisor:
    """Keeps services running until asked to stop."""

    def __init__(
        self, services: Sequence[Service], *, logs: Path, steps: Steps, first: Callable[[], None] | None = None
    ) -> None:
        """`first` is called before each look at the children: what they lean on is looked after there."""
        self._services = services
        self._first = first
        self._logs = logs
        self._steps = steps
        self._running: list[_Running] = []
        self._should_stop = False

    def start(self) -> None:
        """Start everything."""
        self._logs.mkdir(parents=True, exist_ok=True)
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, self._asked_to_stop)
        self._running = [
            _Running(service=service, child=self._spawn(service), started=time.monotonic())
            for service in self._services
        ]

    @property
    def is_stopping(self) -> bool:
        """Whether somebody asked it to stop."""
        return self._should_stop

    def watch(self) -> None:
        """Look after the children until asked to stop."""
        while not self._should_stop:
            self.look()
            time.sleep(0.2)

    def look(self) -> None:
        """Notice the dead and start those whose pause is over."""
        if self._first is not None:
            self._first()
        moment = time.monotonic()
        for entry in self._running:
            if entry.restart_at is not None:
                if moment >= entry.restart_at:
                    entry.child, entry.started, entry.restart_at = self._spawn(entry.service), moment, None
            elif entry.child.poll() is not None:
                self._note_death(entry, moment)

    def stop(self) -> None:
        """Stop every child, stage by stage; within a stage all at once."""
        for stage in sorted({service.stage for service in self._services}):
            members = [entry for entry in self._running if entry.service.stage == stage]
            for entry in members:
                if entry.child.poll() is None:
                    entry.child.terminate()
            deadline = time.monotonic() + max((m.service.stop_seconds for m in members), default=0)
            for entry in members:
                left = max(0.0, deadline - time.monotonic())
                processes.end(entry.child, by=signal.SIGTERM, seconds=left)
                _end_group(entry.child.pid)
            self._steps.say(f"stopped {', '.join(entry.service.name for entry in members)}")

    def _asked_to_stop(self, *_: object) -> None:
        self._should_stop = True

    def _note_death(self, entry: _Running, moment: float) -> None:
        if moment - entry.started > _STEADY_SECONDS:
            entry.pause = _FIRST_PAUSE_SECONDS
        _end_group(entry.child.pid)
        entry.restart_at = moment + entry.pause
        self._steps.warn(
            f"{entry.service.name} ended ({_cause(entry.child.returncode)}); starting it again in "
            f"{entry.pause:g} s. Its log: {self._log(entry.service)}"
        )
        entry.pause = min(entry.pause * 2, _LONGEST_PAUSE_SECONDS)

    def _spawn(self, service: Service) -> subprocess.Popen[bytes]:
        path = self._log(service)
        if path.exists() and path.stat().st_size > _LOG_LIMIT_BYTES:
            path.replace(path.with_suffix(".log.1"))
        with path.open("ab") as log:
            return processes.start(service.command, environment=os.environ, output=log)

    def _log(self, service: Service) -> Path:
        return self._logs / f"{service.name}.log"


def _end_group(pid: int) -> None:
    """Kill what a child left of its session: the children of a killed worker."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _cause(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
