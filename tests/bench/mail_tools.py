"""Postfix's load generators: `smtp-source` hands mail in, `smtp-sink` takes it and counts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import machine

PACKAGE = "postfix"
_COUNTER = re.compile(rb"mesg=(\d+)\r")


def are_there() -> bool:
    """Whether the load generators are installed."""
    return all(shutil.which(name) for name in ("smtp-source", "smtp-sink"))


class Sink:
    """Takes everything on a port of the loopback, and counts messages in a file."""

    def __init__(self, port: int, counter: Path) -> None:
        self.port = port
        self._counter = counter
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> Sink:
        """Listen; smtp-sink wants to be told whom to become where root starts it."""
        user = ("-u", "nobody") if os.geteuid() == 0 else ()
        with self._counter.open("wb") as file:
            self._child = subprocess.Popen(
                ["smtp-sink", *user, "-c", "-m", "512", f"127.0.0.1:{self.port}", "1024"],
                stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            )
        if not machine.wait_for_port(self.port):
            raise RuntimeError("smtp-sink does not listen")
        return self

    def stop(self) -> None:
        """End it."""
        if self._child is not None:
            self._child.terminate()
            self._child.wait(10)

    @property
    def count(self) -> int:
        """Messages taken so far."""
        with self._counter.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 200))
            found = _COUNTER.findall(file.read())
        return int(found[-1]) if found else 0

    def wait_for(self, count: int, *, seconds: float) -> bool:
        """Whether so many messages were taken in all before the time is over."""
        deadline = time.monotonic() + seconds
        while self.count < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.count >= count


@dataclass(frozen=True, kw_only=True)
class Load:
    """What smtp-source sends."""

    messages: int
    sessions: int = 50
    octets: int = 10240
    sender: str = "sender@bench.example"
    recipient: str = "someone@sink.example"


@dataclass(frozen=True, kw_only=True)
class Passage:
    """How a load went through a relay."""

    accepted_per_second: float
    delivered_per_second: float
    cpu_ms: float
    peak_mib: float
    #: The part of the machine that neither the relay nor source and sink used: high = a noisy round.
    others_share: float


def send_through(port: int, load: Load, sink: Sink, *, roots: Sequence[int], seconds: float = 180.0) -> Passage:
    """Hand a load to the relay on this port and wait until the sink has all of it."""
    target = sink.count + load.messages
    command = [
        "smtp-source", "-d", "-s", str(load.sessions), "-m", str(load.messages), "-l", str(load.octets),
        "-f", load.sender, "-t", load.recipient, "-M", "bench.example", f"127.0.0.1:{port}",
    ]
    tools_before = machine.cpu_seconds([os.getpid()])
    with machine.watched(roots) as usage:
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, timeout=seconds, check=False)
        accepted = time.perf_counter() - began
        if done.returncode != 0:
            raise RuntimeError(f"smtp-source: {done.stdout.decode()[-300:]} {done.stderr.decode()[-300:]}")
        if not sink.wait_for(target, seconds=seconds):
            raise RuntimeError(f"{target - sink.count} of {load.messages} messages did not arrive")
        delivered = time.perf_counter() - began
    tools = machine.cpu_seconds([os.getpid()]) - tools_before
    if set(roots) & machine.family([os.getpid()]):
        tools -= usage.cpu_seconds
    idle_free = max(0.0, usage.busy_seconds - usage.cpu_seconds - max(0.0, tools))
    return Passage(
        accepted_per_second=load.messages / accepted, delivered_per_second=load.messages / delivered,
        cpu_ms=usage.cpu_seconds * 1000 / load.messages, peak_mib=usage.peak_mib,
        others_share=idle_free / (delivered * (os.cpu_count() or 1)),
    )
