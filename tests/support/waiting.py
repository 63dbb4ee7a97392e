"""Wait for what another process or thread brings about: conditions with deadlines, never a fixed time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LOOK_SECONDS = 0.02
_never = threading.Event()


def until(is_so: Callable[[], object], what: str, *, seconds: float = 60.0, look: float = LOOK_SECONDS) -> None:
    """Return as soon as it is so; AssertionError with `what` after the deadline."""
    ends = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > ends:
            raise AssertionError(f"after {seconds:.0f} s still not so: {what}")
        _never.wait(look)
