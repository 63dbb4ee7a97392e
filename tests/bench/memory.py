"""What everything needs of memory while nothing happens."""

from __future__ import annotations

import time
from collections.abc import Iterable

from tests.bench import machine, results
from tests.bench.results import Result
from tests.bench.world import World

_SETTLE_SECONDS = 20.0
_LIMIT_MIB = 900.0
_APART_SECONDS = 2.0


def run(world: World) -> Iterable[Result]:
    """Proportional memory of every process, PostgreSQL and Valkey included, after a quiet while."""
    product = world.product()
    time.sleep(_SETTLE_SECONDS * min(1.0, world.scale * 4))
    found = []
    for _ in range(max(3, world.rounds)):
        found.append(machine.pss_mib([product.pid]))
        time.sleep(_APART_SECONDS)
    yield results.alone(
        "memory-at-rest", "MiB PSS", found, target="under 900 MiB", holds=lambda value: value < _LIMIT_MIB,
        notes=[", ".join(f"{name} {size:.0f}" for name, size in _by_part(product.pid))],
    )


def _by_part(pid: int) -> list[tuple[str, float]]:
    """Memory by what the processes are, largest first."""
    parts: dict[str, float] = {}
    for member in machine.family([pid]):
        part = _part(machine.command_line(member))
        parts[part] = parts.get(part, 0.0) + machine.pss_kib(member) / 1024
    return sorted(parts.items(), key=lambda item: -item[1])


def _part(line: str) -> str:
    known = {
        "relay1@": "relay 1", "relay2@": "relay 2", "jobs@": "jobs", "housekeeping@": "housekeeping",
        "submission": "submission", "--role mx": "mx", "uvicorn": "web", " beat": "beat", "postgres": "PostgreSQL",
        "valkey": "Valkey", "manage.py up": "supervisor",
    }
    return next((part for word, part in known.items() if word in line), "other")
