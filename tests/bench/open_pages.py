"""Pages as people have them open: many that follow what happens beside others that are asked for, and how soon the
largest part of a page stands there in a browser on a slow computer."""

from __future__ import annotations

import asyncio
import http.client
import shutil
import statistics
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tests.bench.product import Product
from tests.bench.results import Result, alone, beside, say
from tests.bench.world import World

_OPEN, _LOOKS, _PAGE_MS = 200, 40, 300.0
_HANDED_A_SECOND = 10
_ASKED = ("/", "/contacts", "/messages", "/campaigns")
_SLOWER, _LCP_MS = 4, 1000.0
_LCP_OF_PAGE = """() => new Promise(done => {
  const seen = new PerformanceObserver(list => done(list.getEntries().at(-1).startTime));
  seen.observe({type: "largest-contentful-paint", buffered: true});
  setTimeout(() => done(null), 3000);
})"""


def run_live(world: World) -> Iterable[Result]:
    """Ask for pages while 200 others follow the workspace's mail, and without them, in turn."""
    product = world.product()
    person = _person(_workspace(is_demo=False))
    count = world.sized(_OPEN)
    sessions = [_session(person) for _ in range(-(-count // 4))]  # a session follows four pages at most
    alone_ms, beside_ms, told = [], [], []
    for number in range(world.rounds):
        with _mail(product):
            alone_ms.append(_p95(product, sessions[0], world.sized(_LOOKS)))
            with _followers(product.http_port, sessions, count) as updates:
                beside_ms.append(_p95(product, sessions[0], world.sized(_LOOKS)))
            told.append(f"{sum(updates):,} updates to {sum(1 for each in updates if each)} pages")
        say(f"  round {number + 1}: p95 {alone_ms[-1]:.0f} ms alone, {beside_ms[-1]:.0f} ms beside {count} pages")
    yield beside(
        "live-pages", "ms", beside_ms, peer=f"no page open, the same {_HANDED_A_SECOND} messages a second",
        others=alone_ms, notes=told,
    )
    yield alone(
        "page-beside-live", "ms p95", beside_ms, target=f"under {_PAGE_MS:.0f} ms", holds=lambda ms: ms < _PAGE_MS,
    )


def run_paint(world: World) -> Iterable[Result]:
    """Largest contentful paint of every page of the Demo, first visit, on a processor four times slower."""
    path = shutil.which("chromium")
    if path is None:
        yield Result(name="largest-paint", value=None, unit="ms", install="chromium")
        return
    product = world.product()
    from tests.support.dashboard_pages import pages_of

    workspace = _workspace(is_demo=True)
    session = _session(_person(workspace))
    pages = pages_of(workspace)
    base = f"http://127.0.0.1:{product.http_port}"
    painted: dict[str, float] = {}
    thread = threading.Thread(target=lambda: painted.update(_paint(path, base, session, pages, world.rounds)))
    thread.start()  # Playwright keeps a loop in its thread, in which Django would not work
    thread.join()
    if len(painted) < len(pages):
        raise RuntimeError(f"no paint told of {', '.join(sorted(pages.keys() - painted.keys()))}")
    slowest = sorted(painted.items(), key=lambda item: -item[1])
    yield alone(
        "largest-paint", "ms of the slowest page", [slowest[0][1]], target=f"under {_LCP_MS:.0f} ms",
        holds=lambda ms: ms < _LCP_MS,
        notes=[f"{len(painted)} pages, median {statistics.median(painted.values()):.0f} ms; slowest: "
               + ", ".join(f"{name} {ms:.0f}" for name, ms in slowest[:6])],
    )


def _workspace(*, is_demo: bool) -> Any:
    """The Demo, or the one that programs hand in to."""
    from relayhub.core.models import Workspace

    return Workspace.objects.filter(is_demo=is_demo).order_by("id").first()


def _person(workspace: Any) -> Any:
    from relayhub.core.ids import uuid7
    from tests.pages.marketer_rows import desk

    return desk(workspace, email=f"bench-{uuid7().hex}@example.com")


def _session(at: Any) -> str:
    from django.test import Client

    client = Client()
    client.force_login(at.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return str(client.cookies["sessionid"].value)


def _p95(product: Product, session: str, looks: int) -> float:
    """The 95th percentile of pages asked for one after the other, in milliseconds."""
    took = []
    connection = http.client.HTTPConnection("127.0.0.1", product.http_port, timeout=60)
    for number in range(looks * len(_ASKED)):
        began = time.perf_counter()
        connection.request("GET", _ASKED[number % len(_ASKED)], headers={"Cookie": f"sessionid={session}"})
        answer = connection.getresponse()
        answer.read()
        took.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"a page answered {answer.status}")
    connection.close()
    return statistics.quantiles(took, n=20, method="inclusive")[-1]


@contextmanager
def _mail(product: Product) -> Iterator[None]:
    """A program hands in mail all the while, so that live pages have something to tell."""
    stop = threading.Event()

    def hand_in() -> None:
        while not stop.wait(1 / _HANDED_A_SECOND):
            product.ask("POST", "/api/v1/messages", body={
                "from": "shop@bench.example", "to": ["reader@example.net"], "subject": "Hello", "text": "Hello.",
            })

    thread = threading.Thread(target=hand_in)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def _followers(port: int, sessions: Sequence[str], count: int) -> Iterator[list[int]]:
    """So many live pages, each holding its stream; yields how many updates each has had."""
    updates, is_open, stop = [0] * count, threading.Event(), threading.Event()
    failed: list[BaseException] = []

    async def follow(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write((
            "GET /home/live HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n"
            f"Cookie: sessionid={sessions[number // 4]}\r\n\r\n"
        ).encode())
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if b"text/event-stream" not in head:
                raise RuntimeError(f"a live page answered {head[:80]!r}")
            opened.append(number)
            while line := await reader.readline():
                updates[number] += line.startswith(b"data: ")
        finally:
            writer.close()

    async def all_of_them() -> None:
        tasks = [asyncio.create_task(follow(number)) for number in range(count)]
        while not stop.is_set():
            broken = [task.exception() for task in tasks if task.done() and task.exception() is not None]
            failed.extend(error for error in broken if error is not None)
            if failed or len(opened) == count:
                is_open.set()
            await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    opened: list[int] = []
    thread = threading.Thread(target=lambda: asyncio.run(all_of_them()))
    thread.start()
    try:
        if not is_open.wait(60) or failed:
            raise RuntimeError(f"{len(opened)} of {count} live pages opened; {failed[:1]}")
        yield updates
    finally:
        stop.set()
        thread.join()


def _paint(path: str, base: str, session: str, pages: dict[str, str], rounds: int) -> dict[str, float]:
    from playwright.sync_api import sync_playwright

    found: dict[str, list[float]] = {}
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(rounds):
            for name, address in pages.items():
                context = browser.new_context(base_url=base, viewport={"width": 1440, "height": 1000})
                context.add_cookies([{"name": "sessionid", "value": session, "url": base}])
                page = context.new_page()
                slow = context.new_cdp_session(page)
                slow.send("Emulation.setCPUThrottlingRate", {"rate": _SLOWER})
                page.goto(address, wait_until="load")
                painted = page.evaluate(_LCP_OF_PAGE)
                if painted is not None:
                    found.setdefault(name, []).append(painted)
                context.close()
        browser.close()
    return {name: statistics.median(each) for name, each in found.items()}
