"""Live numbers: who tells that something changed, and the one feeder of a process that passes it on.

A page that shows live numbers has a `Feed`: a function that reads its present figures. Streams with the same key
share one rendering, however many people look. Whoever changes something announces its workspace over Valkey
(`announce`); the feeder hears that and renders what is looked at anew. Where Valkey is away it renders every
second instead, so nothing here depends on it. An announcement carries no data and losing one is harmless: each
feed is rendered every few seconds anyway. A rendering runs on a small pool of threads and gives its database
connection back at once, so open streams cost none.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import redis
import redis.asyncio
from django.conf import settings
from django.db import connections, transaction

from relayhub.core import languages, spoken
from relayhub.core.facts import OutcomeFact

log = logging.getLogger(__name__)

CHANNEL = "relayhub:live"
#: A process announces no more often than this, whatever happens in it.
ANNOUNCE_SECONDS = 0.5
#: Without Valkey everything that is looked at is rendered this often.
AWAY_SECONDS = 1.0
#: How often a listener looks up to see whether anybody still looks.
LOOK_UP_SECONDS = 1.0
#: A rendering that took long is repeated later: at most a fifth of the time goes into one feed.
REST_FACTOR = 4.0
HEARTBEAT_SECONDS = 15.0
_RENDER_THREADS = 2
_CONNECT_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Feed:
    """What a live page shows: `render` reads it as `live.js` takes it, in a thread, without a request."""

    #: Streams with the same key and language see the same.
    key: str
    workspace_id: UUID
    render: Callable[[], dict[str, Any]]
    #: Not more often than this.
    every_seconds: float = 1.0
    #: At least this often, for what only time changes.
    floor_seconds: float = 10.0
    #: What numbers and words are said in: that of the request which made the feed.
    language: str = field(default_factory=spoken.language)

    @property
    def shared_key(self) -> str:
        """Streams with the same share one rendering."""
        return f"{self.language} {self.key}"


# -- announcing: any process, any thread ---------------------------------------------------------------------


class Announcer:
    """Gathers workspaces and publishes them from a thread of its own, made anew after a fork."""

    def __init__(self) -> None:
        self._changed: set[str] = set()
        self._condition = threading.Condition()
        self._owner = 0

    def tell(self, workspace_ids: Iterable[UUID]) -> None:
        """Have feeders look at these workspaces soon; returns at once."""
        changed = {str(workspace_id) for workspace_id in workspace_ids}
        if not changed:
            return
        if self._owner != os.getpid():
            self._condition, self._owner = threading.Condition(), os.getpid()
            threading.Thread(target=self._pass_on, name="live-announcer", daemon=True).start()
        with self._condition:
            self._changed |= changed
            self._condition.notify()

    def _pass_on(self) -> None:
        client = redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=_CONNECT_SECONDS, socket_connect_timeout=_CONNECT_SECONDS
        )
        while True:
            with self._condition:
                while not self._changed:
                    self._condition.wait()
                changed, self._changed = sorted(self._changed), set()
            try:
                client.publish(CHANNEL, "\n".join(changed))
            except (redis.RedisError, OSError):
                log.debug("live.announcement_lost")
            time.sleep(ANNOUNCE_SECONDS)


_announcer = Announcer()


def announce(*workspace_ids: UUID) -> None:
    """Once the caller's transaction is durable, tell those who look that something of these changed."""
    transaction.on_commit(lambda: _announcer.tell(workspace_ids))


def tell(facts: Sequence[OutcomeFact]) -> None:
    """A reactor (`settings.OUTCOME_REACTORS`): every stored outcome is a change to whoever looks."""
    _announcer.tell({fact.workspace_id for fact in facts})


# -- feeding: one a process and event loop -------------------------------------------------------------------


@dataclass(kw_only=True, eq=False)
class _Watch:
    """One feed that somebody looks at."""

    feed: Feed
    followers: int = 0
    latest: str | None = None
    is_over: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    dirty: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def show(self, text: str) -> None:
        """Give followers a new text."""
        self.latest = text
        woken, self.changed = self.changed, asyncio.Event()
        woken.set()


class Feeder:
    """Renders what is looked at in this process, when it changes, and hands it to all who look."""

    def __init__(self) -> None:
        self.is_valkey_away = True
        self._watches: dict[str, _Watch] = {}
        self._listener: asyncio.Task[None] | None = None
        self._threads = ThreadPoolExecutor(_RENDER_THREADS, thread_name_prefix="live")

    @property
    def watched(self) -> int:
        """How many feeds are looked at."""
        return len(self._watches)

    async def follow(self, feed: Feed) -> AsyncIterator[str | None]:
        """The feed's texts as they change; None where nothing changed for a heart-beat's time."""
        watch = self._join(feed)
        sent: str | None = None
        try:
            while True:
                changed, text = watch.changed, watch.latest
                if text is not None and text != sent:
                    sent = text
                    yield text
                    continue
                if watch.is_over:
                    return
                try:
                    await asyncio.wait_for(changed.wait(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield None
        finally:
            self._leave(watch)

    def _join(self, feed: Feed) -> _Watch:
        watch = self._watches.get(feed.shared_key)
        if watch is None or watch.is_over:
            watch = self._watches[feed.shared_key] = _Watch(feed=feed)
            watch.task = asyncio.create_task(self._serve(watch))
        watch.followers += 1
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())
        return watch

    def _leave(self, watch: _Watch) -> None:
        watch.followers -= 1
        if watch.followers:
            return
        if watch.task is not None:
            watch.task.cancel()
        if self._watches.get(watch.feed.shared_key) is watch:
            del self._watches[watch.feed.shared_key]

    async def _serve(self, watch: _Watch) -> None:
        loop, feed = asyncio.get_running_loop(), watch.feed
        while not watch.is_over:
            watch.dirty.clear()
            began = loop.time()
            try:
                payload = await loop.run_in_executor(self._threads, rendered, feed)
            except Exception:  # a database that is away, a fault of one page: the next turn tries again
                log.warning("live.render_failed", extra={"feed": feed.key}, exc_info=True)
            else:
                watch.is_over = bool(payload.get("end"))
                text = json.dumps(payload, separators=(",", ":"))
                if text != watch.latest:
                    watch.show(text)
            rest = max(feed.every_seconds, REST_FACTOR * (loop.time() - began))
            await asyncio.sleep(rest)
            await self._until_due(watch, slept=rest)

    async def _until_due(self, watch: _Watch, *, slept: float) -> None:
        longest = AWAY_SECONDS if self.is_valkey_away else watch.feed.floor_seconds
        try:
            await asyncio.wait_for(watch.dirty.wait(), max(0.0, longest - slept))
        except TimeoutError:
            return

    async def _listen(self) -> None:
        """Hear announcements while anybody looks, and end by itself; come back whenever Valkey does."""
        while self._watches:
            try:
                await self._hear()
            except (redis.RedisError, OSError):
                if not self.is_valkey_away:
                    log.warning("live.valkey_away")
                self.is_valkey_away = True
                await asyncio.sleep(AWAY_SECONDS)
        self.is_valkey_away = True
        self._listener = None

    async def _hear(self) -> None:
        async with (
            redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=_CONNECT_SECONDS) as client,
            client.pubsub(ignore_subscribe_messages=True) as channel,
        ):
            await channel.subscribe(CHANNEL)
            self.is_valkey_away = False
            self._wake(None)  # what was announced until now is not known
            while self._watches:
                message = await channel.get_message(timeout=LOOK_UP_SECONDS)
                if message is not None:
                    self._wake(set(message["data"].decode().split("\n")))

    def _wake(self, workspace_ids: set[str] | None) -> None:
        for watch in self._watches.values():
            if workspace_ids is None or str(watch.feed.workspace_id) in workspace_ids:
                watch.dirty.set()


def rendered(feed: Feed) -> dict[str, Any]:
    """The feed's present figures; the thread's database connections go back to the pool."""
    try:
        with languages.speaking(feed.language):
            return feed.render()
    finally:
        give_back_connections()


def give_back_connections() -> None:
    """Return this thread's database connections, unless a transaction (of a test) still needs them."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


_feeders: WeakKeyDictionary[asyncio.AbstractEventLoop, Feeder] = WeakKeyDictionary()


def feeder() -> Feeder:
    """The feeder of the running loop."""
    return _feeders.setdefault(asyncio.get_running_loop(), Feeder())
