"""Start children so that none outlives its parent, and tell living processes from dead ones.

Children run in sessions of their own (Ctrl-C reaches the supervisor alone) and ask the kernel to be ended
when the parent dies (Linux `PR_SET_PDEATHSIG`), so `kill -9` of the supervisor leaves no orphan. Start them
from the main thread: the signal comes when the thread that forked ends.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _dies_with_parent(death_signal: signal.Signals, parent: int) -> Callable[[], None]:
    def set_up() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal))
            if os.getppid() != parent:  # it died before we asked
                os._exit(1)

    return set_up


def start(
    command: Sequence[str],
    *,
    death_signal: signal.Signals = signal.SIGTERM,
    uid: int | None = None,
    gid: int | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    output: IO[bytes] | int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own."""
    account: dict[str, Any] = {} if uid is None else {"user": uid, "group": gid, "extra_groups": []}
    child: subprocess.Popen[bytes] = subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=True,
        preexec_fn=_dies_with_parent(death_signal, os.getpid()),
        env=dict(environment) if environment is not None else None,
        cwd=folder,
        **account,
    )
    return child


def is_alive(pid: int) -> bool:
    """Whether a process runs: a zombie does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _state(pid) not in {"Z", "X"}


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return "?"


def command_line(pid: int) -> str:
    """The process's arguments, or "" where they cannot be read."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def wait_until(condition: Callable[[], bool], *, seconds: float, every_seconds: float = 0.02) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(every_seconds)
    return condition()


def end(child: subprocess.Popen[bytes], *, by: signal.Signals, seconds: float) -> int:
    """Ask a child to end, wait, and kill it when it does not; returns its exit code."""
    if child.poll() is None:
        child.send_signal(by)
    try:
        return child.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()
