"""A listener process: sockets, signals, the clock that ends silent sessions, and an orderly stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from relayhub.relay.smtpd.connection import Role, SmtpConnection

log = logging.getLogger(__name__)

_BACKLOG = 1024
_LOOK_SECONDS = 2.0
#: How long messages on their way in are waited for at a stop.
STOP_SECONDS = 8.0


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An address to listen on."""

    host: str
    port: int
    tls_from_start: bool = False


class Listener:
    """All sockets of one role."""

    def __init__(self, role: Role, endpoints: Sequence[Endpoint], context: ssl.SSLContext | None) -> None:
        self._role = role
        self._endpoints = endpoints
        self._context = context
        self._servers: list[asyncio.Server] = []
        self._connections: set[SmtpConnection] = set()
        self._stop = asyncio.Event()

    @property
    def ports(self) -> list[int]:
        """The ports really listened on, in the order of the endpoints."""
        return [server.sockets[0].getsockname()[1] for server in self._servers]

    async def start(self) -> None:
        """Open every socket."""
        loop = asyncio.get_running_loop()
        for endpoint in self._endpoints:
            server = await loop.create_server(
                self._factory(endpoint), endpoint.host, endpoint.port, backlog=_BACKLOG, reuse_port=True,
                ssl=self._context if endpoint.tls_from_start else None,
            )
            self._servers.append(server)

    def _factory(self, endpoint: Endpoint) -> type[SmtpConnection]:
        def make() -> SmtpConnection:
            return SmtpConnection(
                self._role, self._connections, context=self._context, tls_from_start=endpoint.tls_from_start
            )

        return make  # type: ignore[return-value]

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then stop in order."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stop.set)
        await self.start()
        log.info("smtpd.listening", extra={"ports": self.ports})
        while not self._stop.is_set():
            moment = loop.time()
            for connection in list(self._connections):
                connection.check_time(moment)
            try:
                await asyncio.wait_for(self._stop.wait(), _LOOK_SECONDS)
            except asyncio.TimeoutError:
                continue
        await self.close()

    async def close(self) -> None:
        """Take no more connections, let messages on their way in finish, tell the others."""
        for server in self._servers:
            server.close()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + STOP_SECONDS
        while self._connections and loop.time() < deadline:
            for connection in list(self._connections):
                connection.shut_down()
            if not any(connection.is_busy for connection in self._connections):
                break
            await asyncio.sleep(0.05)
        log.info("smtpd.stopped")
