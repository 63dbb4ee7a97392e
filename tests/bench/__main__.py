"""`python -m tests.bench [--only NAME]`: figures as JSON lines on standard output, a table on standard error."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterable

from tests.bench import campaign, claims, imports, memory, open_pages, pages, relay
from tests.bench.results import Result, emit, say, table
from tests.bench.world import World

#: Names of the figures a benchmark gives, what runs it. Those that need the product stopped come last.
_BENCHES: tuple[tuple[tuple[str, ...], Callable[[World], Iterable[Result]]], ...] = (
    (("memory-at-rest", "memory"), memory.run),
    (("relay-signed", "relay"), relay.run),
    (("campaign",), campaign.run),
    (("expansion", "transactional"), campaign.run_beside),
    (("import", "import-memory"), imports.run),
    (("live-pages",), open_pages.run_live),
    (("largest-paint",), open_pages.run_paint),
    (("claim",), claims.run),
    (("pages",), pages.run),
)


def main() -> int:
    """Run what was asked for; 1 where one of them failed or missed its target."""
    names = [name for group, _ in _BENCHES for name in group]
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", choices=names, help="run one")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (3)")
    parser.add_argument("--scale", type=float, default=1.0, help="part of the full sizes, for a quick look (1)")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    world = World(rounds=given.rounds, scale=given.scale)
    found: list[Result] = []
    has_failed = False
    try:
        for group, bench in _BENCHES:
            if given.only is not None and given.only not in group:
                continue
            say(f"{' and '.join(group)} …")
            began = time.monotonic()
            try:
                for result in bench(world):
                    emit(result)
                    found.append(result)
            except Exception as error:
                has_failed = True
                say(f"  {group[0]} FAILED: {error}")
            say(f"  took {time.monotonic() - began:.0f} s")
    finally:
        world.close()
    table(found)
    return 1 if has_failed or any(result.is_met is False for result in found) else 0


if __name__ == "__main__":
    sys.exit(main())
