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


@dataclass(kw_only=True)
class Timing:
    """What one page took."""

    name: str
    path: str
    queries: int = 0
    slowest: str = ""
    ms: list[float] = field(default_factory=list)
    #: CPU of this process for the same looks: what is left of the times on a busy machine.
    cpu_ms: list[float] = field(default_factory=list)

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
    from django.db import connection

    from relayhub.site import large, setup

    workspace = setup.new_workspace(large.NAME, is_demo=True, is_pinned_to_sandbox=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = int(cursor.fetchone()[0])
    began = time.perf_counter()
    events = large.seed(workspace, part=scale, say=lambda text: say(f"  {text}"))
    seconds, cpu = time.perf_counter() - began, machine.cpu_seconds([backend])
    return workspace, seconds, f"{events:,} events, {cpu:.0f} s of CPU in PostgreSQL"


def _timings(workspace: Any) -> Iterator[Timing]:
    from django.conf import settings

    from campaigns.models import Broadcast
    from tests.pages.marketer_rows import desk
    from tests.support.dashboard_pages import pages_of

    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]
    largest = Broadcast.objects.filter(workspace=workspace).order_by("-audience_count").first()
    at = desk(workspace)
    for name, path in pages_of(workspace, run=largest).items():
        yield _ask(at.client, Timing(name=name, path=path))


def _ask(client: Any, timing: Timing) -> Timing:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as seen:  # the first look fills caches, and is not timed
        answer = client.get(timing.path)
    if answer.status_code != 200:
        raise RuntimeError(f"{timing.path} answered {answer.status_code}")
    timing.queries = len(seen)
    slowest = max(seen, key=lambda query: float(query["time"]), default=None)
    if slowest is not None:
        timing.slowest = f"{float(slowest['time']) * 1000:.0f} ms: {' '.join(slowest['sql'].split())[:240]}"
    for _ in range(_ASKED):
        began, used = time.perf_counter(), time.process_time()
        client.get(timing.path)
        timing.ms.append((time.perf_counter() - began) * 1000)
        timing.cpu_ms.append((time.process_time() - used) * 1000)
    say(
        f"  {timing.name:18}{timing.p50:8.0f} ms median {timing.p95:8.0f} ms p95 {timing.queries:4} queries"
        f" {statistics.median(timing.cpu_ms):6.0f} ms CPU"
    )
    return timing


def _result(timing: Timing) -> Result:
    from tests.support.dashboard_pages import LISTS

    limit = _LIST_MS if timing.name in LISTS else _PAGE_MS
    cpu = statistics.median(timing.cpu_ms)
    notes = [f"{timing.path}: median {timing.p50:.0f} ms, of it {cpu:.0f} ms CPU here; {timing.queries} queries"]
    if timing.p95 >= limit:
        notes.append(f"slowest query of the first look, {timing.slowest}")
    return Result(name=f"page {timing.name}", value=timing.p95, unit="ms", target=f"p95 under {limit:.0f} ms",
                  is_met=timing.p95 < limit, notes=notes)
