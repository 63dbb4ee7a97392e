"""Named places where a test may make the process die as if by `kill -9`.

A crash point is a call without effect unless the environment names it, read once at import:
`RELAYHUB_CRASHPOINT=after_final_dot` dies at the first pass, `after_final_dot:3` at the third. The process
gets SIGKILL from itself: no handler runs, no buffer is flushed, no connection is closed in order.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "RELAYHUB_CRASHPOINT"

#: Every crash point there is, for the runner that goes through all of them.
CRASHPOINTS = (
    "store_before_commit",
    "store_after_commit",
    "after_claim",
    "before_intent",
    "after_intent",
    "after_final_dot",
    "after_reply",
    "after_outcome_commit",
    "freeze_before_commit",
    "expand_mid_batch",
    "after_expand_batch",
    "import_mid_batch",
    "undo_mid_batch",
    "inbound_before_record",
    "reaction_before_done",
    "restore_before_pause",
)


class _Armed:
    """The crash point that the environment names, and how many passes are left before it acts."""

    def __init__(self, value: str) -> None:
        name, _, count = value.partition(":")
        self.name = name
        self.passes_left = int(count) if count.isdecimal() else 1


_armed = _Armed(os.environ.get(VARIABLE, ""))


def crashpoint(name: str) -> None:
    """Die here if the environment says so; otherwise nothing happens."""
    if not _armed.name or name != _armed.name:
        return
    _armed.passes_left -= 1
    if _armed.passes_left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
