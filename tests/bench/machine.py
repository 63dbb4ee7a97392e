"""What process trees use of this machine, and free ports; read from /proc."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(kw_only=True)
class Usage:
    """What a tree used while it was watched."""

    cpu_seconds: float = 0.0
    peak_mib: float = 0.0
    #: Of the whole machine, everything included.
    busy_seconds: float = 0.0


def family(roots: Iterable[int]) -> set[int]:
    """The processes and all their descendants."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            found = _stat(int(entry))
            if found:
                children.setdefault(int(found[1]), []).append(int(entry))
    todo, seen = list(roots), set()
    while todo:
        pid = todo.pop()
        if pid not in seen:
            seen.add(pid)
            todo += children.get(pid, [])
    return seen


def cpu_seconds(roots: Iterable[int]) -> float:
    """CPU of the trees so far, children that ended included."""
    total = 0
    for pid in family(roots):
        found = _stat(pid)
        if found:
            total += sum(int(value) for value in found[11:15])
    return total / _TICKS


def pss_mib(roots: Iterable[int]) -> float:
    """Proportional memory of the trees: shared pages are counted once."""
    return sum(pss_kib(pid) for pid in family(roots)) / 1024


def pss_kib(pid: int) -> int:
    """Proportional memory of one process."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as handle:
            return next((int(line.split()[1]) for line in handle if line.startswith("Pss:")), 0)
    except OSError:
        return 0


def command_line(pid: int) -> str:
    """How a process was started."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return ""


@contextmanager
def watched(roots: Sequence[int], *, every_seconds: float = 1.0) -> Iterator[Usage]:
    """Measure the trees for as long as the block runs."""
    usage, is_over = Usage(), threading.Event()
    before, busy_before = cpu_seconds(roots), machine_busy_seconds()

    def look() -> None:
        while not is_over.wait(every_seconds):
            usage.peak_mib = max(usage.peak_mib, pss_mib(roots))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield usage
    finally:
        usage.cpu_seconds = cpu_seconds(roots) - before
        usage.busy_seconds = machine_busy_seconds() - busy_before
        is_over.set()
        thread.join()
        usage.peak_mib = max(usage.peak_mib, pss_mib(roots))


def machine_busy_seconds() -> float:
    """CPU seconds that the machine spent on anything since it started."""
    with open("/proc/stat", encoding="ascii") as handle:
        fields = [int(value) for value in handle.readline().split()[1:]]
    user, nice, system, _idle, _wait, irq, softirq, steal = fields[:8]
    return (user + nice + system + irq + softirq + steal) / _TICKS


def fdatasync_micros(folder: Path, *, times: int = 200) -> float:
    """How long 8 KiB take to be on the disk: every durable rate depends on it."""
    with tempfile.NamedTemporaryFile(dir=folder) as handle:
        began = time.perf_counter()
        for _ in range(times):
            os.pwrite(handle.fileno(), b"\0" * 8192, 0)
            os.fdatasync(handle.fileno())
        return (time.perf_counter() - began) / times * 1e6


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody uses."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in held]
    for sock in held:
        sock.close()
    return ports


def wait_for_port(port: int, *, seconds: float = 15.0) -> bool:
    """Whether something listens on a port of the loopback before the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
            continue
        return True
    return False


def _stat(pid: int) -> list[str]:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as handle:
            return handle.read().rsplit(")", 1)[1].split()
    except OSError:
        return []
