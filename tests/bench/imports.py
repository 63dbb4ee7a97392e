"""An import of 1,000,000 rows of 10 fields through the API: how long it takes and whether memory stays flat."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.bench import machine, results
from tests.bench.product import FORM_BOUNDARY, Form, Product
from tests.bench.results import Result, say
from tests.bench.world import World

_ROWS = 1_000_000
_COLUMNS = ("email", "name", "city", "country", "plan", "company", "birthday", "language", "points", "last_order")
_PATIENCE_SECONDS = 900.0
#: Memory counts as flat while the end needs no more than this part above the first tenth.
_FLAT = 1.25


def run(world: World) -> Iterable[Result]:
    """Rounds that each begin with no contacts."""
    product, count = world.product(), world.sized(_ROWS)
    from tests.bench import rows

    path = world.folder / "contacts.csv"
    _write(path, count)
    seconds: list[float] = []
    early: list[float] = []
    peaks: list[float] = []
    for number in range(world.rounds):
        rows.forget_contacts()
        took, first, most = _import(product, path, count)
        seconds.append(took)
        early.append(first)
        peaks.append(most)
        say(f"  round {number + 1}: {count:,} rows in {took:.1f} s, worker at {first:.0f} then {most:.0f} MiB PSS")
    rows.forget_contacts()
    size = path.stat().st_size / 1024 / 1024
    yield results.alone(
        "import", "s", seconds, target="under 120 s", holds=lambda value: value < 120,
        notes=[f"{count:,} rows of {len(_COLUMNS)} fields, {size:.0f} MiB, upload included;"
               f" {count / statistics.median(seconds):,.0f} rows/s"],
    )
    yield results.beside(
        "import-memory", "MiB", peaks, peer="the same worker after a tenth of the rows", others=early,
        target=f"at most {_FLAT:g}x", holds=lambda ratio: ratio <= _FLAT,
    )


def _write(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(_COLUMNS) + "\n")
        for n in range(count):
            file.write(
                f"person{n}@example{n % 5000}.example,Ada Number {n},Town {n % 1000},Country {n % 190},"
                f"plan-{n % 7},Company {n % 20000} Ltd,19{n % 100:02}-0{n % 9 + 1}-1{n % 9},en,{n % 10000},"
                f"2026-0{n % 9 + 1}-2{n % 9}\n"
            )


def _import(product: Product, path: Path, count: int) -> tuple[float, float, float]:
    """Seconds, and the worker's memory after a tenth of the rows and at its peak."""
    workers = product.workers("jobs@")
    began = time.perf_counter()
    run_id = product.ask("POST", "/api/v1/contacts/import", form=_form(path))["id"]
    early = most = 0.0
    while time.perf_counter() - began < _PATIENCE_SECONDS:
        found = product.ask("GET", f"/api/v1/contacts/imports/{run_id}")
        memory = machine.pss_mib(workers)
        most = max(most, memory)
        if found["rows"] <= count // 10 or not early:
            early = max(early, memory)
        if found["status"] != "running":
            break
        time.sleep(0.2)
    if found["status"] != "done" or found["created"] != count:
        raise RuntimeError(f"the import ended with {found}")
    return time.perf_counter() - began, early, most


def _form(path: Path) -> Form:
    """A multipart form with the file, as its length and its pieces."""
    head = (
        f'--{FORM_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="contacts.csv"\r\n'
        "Content-Type: text/csv\r\n\r\n"
    ).encode()
    tail = f"\r\n--{FORM_BOUNDARY}--\r\n".encode()

    def pieces() -> Iterator[bytes]:
        yield head
        with path.open("rb") as file:
            while piece := file.read(1024 * 1024):
                yield piece
        yield tail

    return len(head) + os.path.getsize(path) + len(tail), pieces()
