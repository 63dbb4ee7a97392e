"""How long each page of the dashboard takes in a very large workspace, and how many queries it makes.

PostgreSQL and Valkey run alone on the product's data; pages are asked for in this process, as a signed-in owner,
so the time is the server's own. Only reads, one at a time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.bench import machine
from tests.bench.product import Product
from tests.bench.results import Result, say
from tests.bench.world import World

_LIST_MS, _PAGE_MS = 150.0, 300.0
_SEED_SECONDS = 15 * 60.0
_ASKED = 12
#: 16 MiB read for one query are worth a look, whatever the time.
_NOTED_BLOCKS = 2048


@dataclass(kw_only=True)
class Timing:
    """What one page took."""

    name: str
    path: str
    queries: int = 0
    #: The query that reads the most, with how many blocks of 8 KiB and how.
    heaviest: str = ""
    blocks: int = 0
    ms: list[float] = field(default_factory=list)
    #: CPU of this process and of PostgreSQL's for the same looks, of each on average: what others on the machine do
    #: lengthens the times, and not these.
    cpu_ms: float = 0.0
    database_cpu_ms: float = 0.0

    @property
    def p50(self) -> float:
        """The median."""
        return statistics.median(self.ms)

    @property
    def p95(self) -> float:
        """What 19 of 20 stay under."""
        return statistics.quantiles(self.ms, n=20, method="inclusive")[-1]


def run(world: World) -> Iterable[Result]:
    """Make the workspace, then ask for every page."""
    product = world.new_product(sink_port=9)
    product.stop()
    if not (product.folder / "embedded.json").exists():
        product.migrate()
    product.collect_static()
    with _servers(product):
        workspace, seconds, told = _workspace(world.scale)
        is_whole = world.scale >= 1
        yield Result(
            name="seed-large", value=seconds, unit="s", target="under 900 s" if is_whole else "",
            is_met=seconds < _SEED_SECONDS if is_whole else None, notes=[told],
        )
        for timing in _timings(workspace):
            yield _result(timing)


@contextmanager
def _servers(product: Product) -> Iterator[None]:
    from relayhub.embedded import servers

    started = servers.start_servers(product.folder, with_postgres=True, with_valkey=True, say=lambda _: None)
    try:
        product.enter()
        yield
    finally:
        started.stop()


def _workspace(scale: float) -> tuple[Any, float, str]:
    from relayhub.site import large, setup

    workspace = setup.new_workspace(large.NAME, is_demo=True, is_pinned_to_sandbox=True)
    backend = _backend()
    began = time.perf_counter()
    events = large.seed(workspace, part=scale, say=lambda text: say(f"  {text}"))
    seconds, cpu = time.perf_counter() - began, machine.cpu_seconds([backend])
    return workspace, seconds, f"{events:,} events, {cpu:.0f} s of CPU in PostgreSQL"


def _backend() -> int:
    """The process of PostgreSQL that serves this one."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def _timings(workspace: Any) -> Iterator[Timing]:
    from django.conf import settings

    from campaigns.models import Broadcast
    from tests.pages.marketer_rows import desk
    from tests.support.dashboard_pages import narrowed_pages_of, pages_of

    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]
    largest = Broadcast.objects.filter(workspace=workspace).order_by("-audience_count").first()
    at = desk(workspace)
    narrowed = narrowed_pages_of(workspace, largest) if largest is not None else {}
    for name, path in (pages_of(workspace, run=largest) | narrowed).items():
        yield _ask(at.client, Timing(name=name, path=path))


def _ask(client: Any, timing: Timing) -> Timing:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as seen:  # the first look fills caches, and is not timed
        answer = client.get(timing.path)
    if answer.status_code != 200:
        raise RuntimeError(f"{timing.path} answered {answer.status_code}")
    timing.queries = len(seen)
    _explain(timing, [query["sql"] for query in seen])
    backend = _backend()
    used, used_there = time.process_time(), machine.cpu_seconds([backend])
    for _ in range(_ASKED):
        began = time.perf_counter()
        client.get(timing.path)
        timing.ms.append((time.perf_counter() - began) * 1000)
    timing.cpu_ms = (time.process_time() - used) * 1000 / _ASKED
    timing.database_cpu_ms = (machine.cpu_seconds([backend]) - used_there) * 1000 / _ASKED
    say(
        f"  {timing.name:36}{timing.p50:8.0f} ms median {timing.p95:8.0f} ms p95 {timing.queries:4} queries"
        f" {timing.cpu_ms:6.0f} + {timing.database_cpu_ms:.0f} ms CPU"
    )
    return timing


def _explain(timing: Timing, statements: list[str]) -> None:
    """Find the query that reads the most blocks, whatever the machine does at present."""
    from django.db import connection

    for sql in statements:
        if not sql.lstrip().upper().startswith(("SELECT", "WITH")):
            continue
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}".replace("%", "%%"), ())
            plan = cursor.fetchone()[0][0]
        top = plan["Plan"]
        blocks = top["Shared Hit Blocks"] + top["Shared Read Blocks"]
        if blocks > timing.blocks:
            timing.blocks = blocks
            timing.heaviest = (
                f"{blocks:,} blocks in {plan['Execution Time']:.0f} ms by {', '.join(sorted(_ways(top)))}:"
                f" {' '.join(sql.split())[:300]}"
            )


def _ways(node: dict[str, Any]) -> set[str]:
    """How a plan reads its tables: the scans with their tables and indexes."""
    found = set().union(*(_ways(child) for child in node.get("Plans", ())))
    if "Relation Name" in node:
        index = f" by {node['Index Name']}" if "Index Name" in node else ""
        found.add(f"{node['Node Type']} on {node['Relation Name']}{index}")
    return found


def _result(timing: Timing) -> Result:
    from tests.support.dashboard_pages import LISTS

    limit = _LIST_MS if timing.name in LISTS else _PAGE_MS
    notes = [
        f"{timing.path}: median {timing.p50:.0f} ms, {timing.queries} queries; CPU {timing.cpu_ms:.0f} ms here and"
        f" {timing.database_cpu_ms:.0f} ms in PostgreSQL"
    ]
    if timing.p95 >= limit or timing.blocks > _NOTED_BLOCKS:
        notes.append(f"{timing.name}: the query that reads the most, {timing.heaviest}")
    return Result(name=f"page {timing.name}", value=timing.p95, unit="ms", target=f"p95 under {limit:.0f} ms",
                  is_met=timing.p95 < limit, notes=notes)
