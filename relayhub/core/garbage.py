"""How the garbage collector works in processes that handle thousands of messages a second."""

from __future__ import annotations

import gc

#: New objects before the youngest are looked through; Python's own value is made for short programs.
_YOUNG_OBJECTS = 10_000


def spare_what_stays() -> None:
    """Leave out of every later collection what is loaded now: modules and classes live until the process ends."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 10, 10)
