"""Prints each step of a start with the time it took since the beginning."""

from __future__ import annotations

import os
import sys
import time


class Steps:
    """One line a step: `[  1.2 s] PostgreSQL is up`."""

    def __init__(self, *, is_quiet: bool = False) -> None:
        self.is_quiet = is_quiet
        self.began = float(os.environ.get("RELAYHUB_STEPS_BEGAN", time.monotonic()))

    def say(self, text: str) -> None:
        """Print a step."""
        if not self.is_quiet:
            print(f"[{time.monotonic() - self.began:6.1f} s] {text}", flush=True)

    def warn(self, text: str) -> None:
        """Print something that went wrong, quiet or not."""
        print(f"[{time.monotonic() - self.began:6.1f} s] {text}", file=sys.stderr, flush=True)
