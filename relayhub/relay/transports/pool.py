"""Connections to one place, kept open and lent to one delivery at a time, in one event loop.

The newest idle connection is lent first, so that the others can time out. Whoever finds none waits in line
for one, or for the room to open one. A ticker looks at the time limits of connections in use and closes those
that were idle for too long; it runs only while there are connections.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from relayhub.relay.shaping import ConnectionLimits
from relayhub.relay.transports.connection import PhaseLimits, SmtpConnection
from relayhub.relay.transports.dialogue import Dialogue


class Opener(Protocol):
    """Makes a connection that is ready for a transaction; raises CannotOpen."""

    def __call__(
        self, dialogue: Dialogue, *, watch: Callable[[SmtpConnection], None],
        on_closed: Callable[[SmtpConnection], None],
    ) -> Awaitable[SmtpConnection]:
        """Open one."""
        ...


class ConnectionPool:
    """At most `max_connections` at a time."""

    def __init__(
        self, opener: Opener, *, limits: ConnectionLimits, phase_limits: PhaseLimits,
        max_connections: int | None = None,
    ) -> None:
        self._opener = opener
        self._limits = limits
        self._tick_seconds = phase_limits.tick
        self._max_connections = max_connections or limits.max_connections
        self._loop = asyncio.get_running_loop()
        #: Connections that are open, being opened, or promised to who waits.
        self._count = 0
        self._idle: list[SmtpConnection] = []
        self._live: set[SmtpConnection] = set()
        self._waiters: deque[asyncio.Future[SmtpConnection | None]] = deque()
        self._ticker: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing is open and nobody waits."""
        return self._count == 0 and not self._waiters

    @property
    def open_count(self) -> int:
        """Connections open or being opened."""
        return self._count

    async def lend(self, dialogue: Dialogue, *, is_fresh: bool = False) -> SmtpConnection:
        """A connection ready for a transaction; with is_fresh one that nobody used before.

        Raises CannotOpen. Give it back with `take_back`, whatever happened to it.
        """
        while True:
            connection = None if is_fresh else self._pop_idle()
            if connection is not None:
                return connection
            if is_fresh:
                self._make_room()
            if self._count < self._max_connections:
                self._count += 1
                return await self._open(dialogue)
            connection = await self._wait_in_line()
            if connection is None:  # a place became free and is ours
                return await self._open(dialogue)
            if connection.is_usable and not is_fresh:
                return connection
            self.take_back(connection)

    def take_back(self, connection: SmtpConnection) -> None:
        """The delivery is over: keep the connection, hand it on, or let it go."""
        most = self._limits.max_messages
        if not connection.is_usable or self._is_closed or (most is not None and connection.messages >= most):
            self._let_go(connection)
            return
        waiter = self._next_waiter()
        if waiter is not None:
            waiter.set_result(connection)
            return
        connection.idle_since = self._loop.time()
        self._idle.append(connection)

    async def close(self) -> None:
        """Say QUIT on idle connections and drop the others; whoever waits is told by the failure to open."""
        self._is_closed = True
        for connection in self._idle:
            connection.quit()
        self._idle.clear()
        if self._ticker is not None:
            self._ticker.cancel()
        await asyncio.sleep(0)  # let the QUITs be written

    # -- inside ----------------------------------------------------------------------------------------

    async def _open(self, dialogue: Dialogue) -> SmtpConnection:
        """Open in a place that is already counted."""
        try:
            connection = await self._opener(dialogue, watch=self._watch, on_closed=self._forget)
        except BaseException:
            self._free_place()
            raise
        return connection

    def _pop_idle(self) -> SmtpConnection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                return connection
            self._let_go(connection)
        return None

    def _make_room(self) -> None:
        if self._count >= self._max_connections and self._idle:
            self._let_go(self._idle.pop(0))

    async def _wait_in_line(self) -> SmtpConnection | None:
        waiter: asyncio.Future[SmtpConnection | None] = self._loop.create_future()
        self._waiters.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            self._hand_on(waiter)
            raise

    def _hand_on(self, waiter: asyncio.Future[SmtpConnection | None]) -> None:
        """Who waited was cancelled: what it had been given already goes to the next."""
        if not waiter.done() or waiter.cancelled():
            return
        connection = waiter.result()
        if connection is None:
            self._free_place()
        else:
            self.take_back(connection)

    def _next_waiter(self) -> asyncio.Future[SmtpConnection | None] | None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                return waiter
        return None

    def _free_place(self) -> None:
        waiter = self._next_waiter()
        if waiter is not None:
            waiter.set_result(None)
        else:
            self._count -= 1

    def _let_go(self, connection: SmtpConnection) -> None:
        if connection.is_usable:
            connection.quit()
        else:
            connection.abort()
        self._live.discard(connection)
        self._free_place()

    def _watch(self, connection: SmtpConnection) -> None:
        self._live.add(connection)
        if self._ticker is None and not self._is_closed:
            self._ticker = self._loop.call_later(self._tick_seconds, self._tick)

    def _forget(self, connection: SmtpConnection) -> None:
        """A connection ended by itself; one that is lent out is noticed by who has it."""
        self._live.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
            self._free_place()

    def _tick(self) -> None:
        moment = self._loop.time()
        idle = set(self._idle)
        for connection in list(self._live - idle):
            connection.check_deadline(moment)
        for connection in idle:
            if moment - connection.idle_since >= self._limits.idle_seconds:
                self._idle.remove(connection)
                self._let_go(connection)
        self._ticker = None
        if self._live:
            self._ticker = self._loop.call_later(self._tick_seconds, self._tick)
