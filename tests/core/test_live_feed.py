"""Live numbers: one rendering for all who look, told by Valkey or found by looking, at no connection a stream."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from relayhub.core import audit, live_response
from relayhub.core.access import system_actor
from relayhub.core.ids import uuid7
from relayhub.core.live_feed import Feed, Feeder, announce, give_back_connections
from relayhub.core.models import Member
from tests.pages.marketer_rows import Desk, desk
from tests.support.relay_rows import make_lane, make_message, make_recipients
from tests.support.waiting import until
from tests.support.web_server import web_server

STREAMS = 200
POOL = 10


# -- the feeder ----------------------------------------------------------------------------------------------


class Numbers:
    """A feed that counts how often it was read."""

    def __init__(self, **fields: Any) -> None:
        self.value = 1
        self.reads = 0
        self.feed = Feed(
            key="numbers", workspace_id=uuid7(), render=self.read,
            **{"every_seconds": 0.01, "floor_seconds": 60.0, **fields},
        )

    def read(self) -> dict[str, Any]:
        self.reads += 1
        return {"values": {"n": str(self.value)}}


async def next_number(texts: AsyncIterator[str | None]) -> str:
    async with asyncio.timeout(10):
        text = await anext(texts)
    return str(json.loads(text or "{}")["values"]["n"])


def in_loop(work: Callable[[Feeder], Any]) -> None:
    async def main() -> None:
        await work(Feeder())

    asyncio.run(main())


def tell_of(feed: Feed) -> None:
    announce(feed.workspace_id)
    give_back_connections()


async def heard(feeder: Feeder) -> None:
    async with asyncio.timeout(10):
        while feeder.is_valkey_away:
            await asyncio.sleep(0.01)


def test_all_who_look_share_one_rendering() -> None:
    numbers = Numbers()

    async def work(feeder: Feeder) -> None:
        followers = [feeder.follow(numbers.feed) for _ in range(20)]
        assert await asyncio.gather(*map(next_number, followers)) == ["1"] * 20
        assert (feeder.watched, numbers.reads <= 3) == (1, True)
        for follower in followers:
            await follower.aclose()  # type: ignore[attr-defined]
        assert feeder.watched == 0

    in_loop(work)


@pytest.mark.django_db(transaction=True)
def test_an_announcement_wakes_what_is_looked_at_and_nothing_else() -> None:
    mine, other = Numbers(), Numbers()
    other.feed = Feed(key="other", workspace_id=uuid7(), render=other.read, every_seconds=0.01, floor_seconds=60.0)

    async def work(feeder: Feeder) -> None:
        texts, others = feeder.follow(mine.feed), feeder.follow(other.feed)
        await next_number(texts)
        await next_number(others)
        await heard(feeder)
        async with asyncio.timeout(10):
            while other.reads < 2:  # finding Valkey wakes all, once
                await asyncio.sleep(0.01)
        reads, mine.value = other.reads, 2
        await asyncio.to_thread(tell_of, mine.feed)
        assert await next_number(texts) == "2"
        assert other.reads == reads

    in_loop(work)


def test_without_valkey_changes_are_found_by_looking(settings: Any, tmp_path: Path) -> None:
    settings.REDIS_URL = f"unix://{tmp_path}/nobody.sock"
    numbers = Numbers()

    async def work(feeder: Feeder) -> None:
        texts = feeder.follow(numbers.feed)
        await next_number(texts)
        numbers.value = 2
        assert await next_number(texts) == "2"
        assert feeder.is_valkey_away

    in_loop(work)


def test_a_feed_that_ends_lets_its_followers_go() -> None:
    feed = Feed(key="over", workspace_id=uuid7(), render=lambda: {"values": {}, "end": True})

    async def work(feeder: Feeder) -> None:
        texts = [text async for text in feeder.follow(feed)]
        assert [json.loads(text or "")["end"] for text in texts] == [True]

    in_loop(work)


def test_a_rendering_that_fails_is_tried_again() -> None:
    numbers = Numbers(floor_seconds=0.02)
    failures = iter([True, False])

    def read() -> dict[str, Any]:
        if next(failures, False):
            raise OSError("the database is away")
        return numbers.read()

    feed = Feed(key="shaky", workspace_id=uuid7(), render=read, every_seconds=0.01, floor_seconds=0.02)

    async def work(feeder: Feeder) -> None:
        assert await next_number(feeder.follow(feed)) == "1"

    in_loop(work)


@pytest.mark.django_db(transaction=True)
def test_every_act_of_a_person_is_told() -> None:
    at = desk()
    numbers = Numbers()
    numbers.feed = Feed(
        key="acts", workspace_id=at.workspace.pk, render=numbers.read, every_seconds=0.01, floor_seconds=60.0
    )

    def act() -> None:
        audit.record(system_actor(at.workspace), "stream.paused", "stream", "")
        connection.close()

    async def work(feeder: Feeder) -> None:
        texts = feeder.follow(numbers.feed)
        await next_number(texts)
        await heard(feeder)
        numbers.value = 2
        thread = threading.Thread(target=act)
        thread.start()
        assert await next_number(texts) == "2"
        await asyncio.to_thread(thread.join)

    in_loop(work)


# -- over HTTP -----------------------------------------------------------------------------------------------


class Reader:
    """A browser's end of a stream."""

    def __init__(self, port: int, session: str) -> None:
        self.port, self.session = port, session

    async def open(self, path: str = "/home/live") -> bytes:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n"
            f"Cookie: sessionid={self.session}\r\n\r\n".encode()
        )
        async with asyncio.timeout(60):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def update(self) -> dict[str, Any]:
        async with asyncio.timeout(60):
            while True:
                line = await self.reader.readuntil(b"\n")
                if line.startswith(b"data: "):
                    return dict(json.loads(line[6:]))

    def close(self) -> None:
        self.writer.close()


def sessions_of(at: Desk, count: int) -> list[str]:
    found = []
    for _ in range(count):
        client = Client()
        client.force_login(at.user, backend="allauth.account.auth_backends.AuthenticationBackend")
        found.append(client.cookies["sessionid"].value)
    return found


def connections_now() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
                       "pg_backend_pid() AND backend_type = 'client backend'")
        return int(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_two_hundred_streams_fit_on_a_pool_of_ten() -> None:
    at = desk()
    stream = at.workspace.streams.get(slug="transactional")
    lane, message = make_lane(stream), make_message(stream)
    sessions = sessions_of(at, STREAMS // live_response.STREAMS_A_SESSION)

    async def work(port: int) -> None:
        readers = [Reader(port, sessions[n % len(sessions)]) for n in range(STREAMS)]
        heads = await asyncio.gather(*(reader.open() for reader in readers))
        assert all(head.startswith(b"HTTP/1.1 200") and b"text/event-stream" in head for head in heads)
        first = await asyncio.gather(*(reader.update() for reader in readers))
        assert {update["values"]["waiting"] for update in first} == {"0"}
        assert live_response.open_streams() == STREAMS
        assert await asyncio.to_thread(connections_now) <= POOL
        await asyncio.to_thread(hand_in)
        second = await asyncio.gather(*(reader.update() for reader in readers))
        assert {update["values"]["waiting"] for update in second} == {"3"}
        for reader in readers:
            reader.close()

    def hand_in() -> None:
        make_recipients(message, lane, ["a@b.example", "c@d.example", "e@f.example"])
        announce(at.workspace.pk)
        connection.close()

    with web_server() as port:
        asyncio.run(work(port))
        until(lambda: live_response.open_streams() == 0, "every place is given back")


@pytest.mark.django_db(transaction=True)
def test_a_session_has_four_streams_and_then_asks() -> None:
    at = desk()
    session = at.client.cookies["sessionid"].value

    async def work(port: int) -> None:
        readers = [Reader(port, session) for _ in range(live_response.STREAMS_A_SESSION + 1)]
        heads = [await reader.open() for reader in readers]
        assert [head.split()[1] for head in heads] == [b"200"] * 4 + [b"204"]
        readers[0].close()
        async with asyncio.timeout(30):
            while live_response.open_streams() > 3:
                await asyncio.sleep(0.01)
        again = Reader(port, session)
        assert (await again.open()).split()[1] == b"200"
        for reader in [*readers[1:], again]:
            reader.close()

    with web_server() as port:
        asyncio.run(work(port))
        until(lambda: live_response.open_streams() == 0, "every place is given back")


@pytest.mark.django_db(transaction=True)
def test_a_stream_is_authorised_like_its_page() -> None:
    at = desk()
    session = at.client.cookies["sessionid"].value
    Member.objects.filter(user=at.user).delete()

    async def work(port: int) -> None:
        stranger, former = Reader(port, "nobody"), Reader(port, session)
        assert (await stranger.open()).split()[1] == b"401"
        assert (await former.open()).split()[1] == b"302"

    with web_server() as port:
        asyncio.run(work(port))


@pytest.mark.django_db
def test_a_server_of_threads_is_asked_and_holds_none() -> None:
    at = desk()

    stream = at.client.get("/home/live", headers={"Accept": "text/event-stream"})
    asked = at.client.get("/home/live", headers={"Accept": "application/json"})

    assert stream.status_code == 204
    assert set(asked.json()["values"]) == {"pace", "delivered", "waiting"}
