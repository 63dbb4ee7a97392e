"""A listener process: sockets, limits, threads, and an orderly stop around many connections.

One event loop; several processes may share a port (SO_REUSEPORT). A stop closes the sockets first, lets
contents on their way arrive and commit, tells everybody else 421, and is over within ten seconds.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from django.conf import settings
from django.db import connection as database

from relayhub.core.errors import ConfigurationError
from relayhub.protocol.reply import FAULT_OURS, SmtpReply
from relayhub.protocol.smtp_server_events import ServerConfig
from relayhub.relay.smtpd.door import Door, Incoming
from relayhub.relay.smtpd.group_commit import GroupCommit
from relayhub.relay.smtpd.limits import Limits, MemoryBudget, Meter, TrustedNetworks
from relayhub.relay.smtpd.session import Connection, peer_address
from relayhub.relay.smtpd.tls import Certificate

log = logging.getLogger(__name__)
_ResultT = TypeVar("_ResultT")

_BACKLOG = 1024
_TICK_SECONDS = 1.0
_SIDE_THREADS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """Where to listen."""

    host: str
    #: 0 = any free one.
    port: int
    is_implicit_tls: bool = False


class SmtpService:
    """Everything the connections of one listener process share. Make it inside the running loop."""

    def __init__(
        self, door: Door, *, certificate: Certificate | None, limits: Limits | None = None,
        trusted: TrustedNetworks | None = None, config: ServerConfig | None = None,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.door = door
        self.limits = limits or Limits()
        self.config = config or ServerConfig(
            hostname=settings.RELAYHUB_HOSTNAME, role=door.role, offers_starttls=certificate is not None
        )
        self._certificate = certificate
        self._trusted = trusted or TrustedNetworks()
        self.meter = Meter(self.limits)
        self.memory = MemoryBudget(self.limits.memory_bytes)
        self.commit: GroupCommit[Incoming, SmtpReply] = GroupCommit(door.take, fault=FAULT_OURS)
        self._side = ThreadPoolExecutor(_SIDE_THREADS, thread_name_prefix="side")
        self._servers: list[asyncio.Server] = []
        #: Accepted by hand, so that connections count before their handshake; and those handshakes.
        self._tls_sockets: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._shaking: set[asyncio.Task[None]] = set()
        self._connections: set[Connection] = set()
        self._all_gone = asyncio.Event()
        self._all_gone.set()
        self._ticker: asyncio.Task[None] | None = None

    # -- running -------------------------------------------------------------------------------------------

    async def start(self, endpoints: Sequence[Endpoint]) -> list[int]:
        """Open the sockets; returns their ports. ConfigurationError where one cannot be opened."""
        ports: list[int] = []
        for endpoint in endpoints:
            try:
                ports.append(await self._listen(endpoint))
            except OSError as exc:
                await self.stop()
                raise ConfigurationError(
                    f"{endpoint.host} port {endpoint.port} cannot be listened on: {exc.strerror or exc}."
                ) from exc
        self._ticker = self.loop.create_task(self._tick())
        return ports

    async def _listen(self, endpoint: Endpoint) -> int:
        sock = _listening_socket(endpoint)
        port = int(sock.getsockname()[1])
        if endpoint.is_implicit_tls:
            self._tls_sockets.append(sock)
            self._accepting.append(self.loop.create_task(self._accept(sock)))
        else:
            server = await self.loop.create_server(lambda: Connection(self), sock=sock, backlog=_BACKLOG)
            self._servers.append(server)
        return port

    async def _accept(self, listening: socket.socket) -> None:
        """Take connections of the TLS port; each counts from its first packet."""
        while True:
            try:
                peer, name = await self.loop.sock_accept(listening)
            except OSError as exc:
                if listening.fileno() < 0:
                    return
                log.warning("smtpd.accept_failed", extra={"why": str(exc)[:200]})
                await asyncio.sleep(0.2)  # out of descriptors: some will be given back
                continue
            address = peer_address(name)
            if not self.meter.open(address, is_trusted=self.is_trusted(address)):
                log.info("smtpd.too_many_connections", extra={"ip": address})
                peer.close()
                continue
            task = self.loop.create_task(self._shake_hands(peer, address))
            self._shaking.add(task)
            task.add_done_callback(self._shaking.discard)

    async def _shake_hands(self, peer: socket.socket, address: str) -> None:
        made: list[Connection] = []

        def factory() -> Connection:
            made.append(Connection(self, is_tls=True, is_counted=True))
            return made[0]

        try:
            peer.setblocking(False)
            await self.loop.connect_accepted_socket(
                factory, peer, ssl=self.tls_context(),
                ssl_handshake_timeout=self.limits.handshake_seconds,
                ssl_shutdown_timeout=self.limits.goodbye_seconds,
            )
        except (OSError, ssl.SSLError, TimeoutError) as exc:
            log.debug("smtpd.handshake_failed", extra={"ip": address, "why": str(exc)[:200]})
        finally:
            if not made or not made[0].was_made:
                self.meter.close(address)
                peer.close()

    async def stop(self) -> None:
        """Stop in order; whoever is not done by then is cut off."""
        for server in self._servers:
            server.close()
        for task in (*self._accepting, *self._shaking):
            task.cancel()
        await asyncio.gather(*self._accepting, *self._shaking, return_exceptions=True)
        for sock in self._tls_sockets:
            sock.close()
        for connection in list(self._connections):
            connection.drain()
        try:
            await asyncio.wait_for(self._drained(), self.limits.drain_seconds)
        except TimeoutError:
            log.warning("smtpd.cut_off", extra={"connections": len(self._connections)})
        if self._ticker is not None:
            self._ticker.cancel()
        for connection in list(self._connections):
            connection.abort()
        self.commit.stop()
        self._side.shutdown(wait=True, cancel_futures=True)
        await asyncio.sleep(0)  # lets the transports say that they are closed

    async def _drained(self) -> None:
        await self._all_gone.wait()
        await self.commit.drain()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            try:
                self.check_times(self.loop.time())
                if self._certificate is not None:
                    self._certificate.refresh()
            except Exception:
                log.exception("smtpd.tick_failed")

    def check_times(self, now: float) -> None:
        """End every connection whose time is up at `now`, the loop's time."""
        for connection in list(self._connections):
            connection.check_time(now)
        self.meter.tidy(now)

    # -- for connections -----------------------------------------------------------------------------------

    def is_trusted(self, ip: str) -> bool:
        """Whether a peer may submit without TLS and AUTH."""
        return self._trusted.holds(ip)

    def admit(self, connection: Connection, *, is_counted: bool) -> bool:
        """Count a connection that is not counted yet; False where there are too many."""
        self._connections.add(connection)
        self._all_gone.clear()
        if is_counted or self.meter.open(connection.ip, is_trusted=connection.is_trusted):
            return True
        log.info("smtpd.too_many_connections", extra={"ip": connection.ip})
        return False

    def released(self, connection: Connection, *, was_counted: bool) -> None:
        """A connection is over."""
        self._connections.discard(connection)
        if was_counted:
            self.meter.close(connection.ip)
        self.memory.forget(connection)
        if not self._connections:
            self._all_gone.set()

    def may_send(self, connection: Connection) -> bool:
        """Whether the peer's address may send one more message now."""
        is_plain_trust = connection.is_trusted and connection.principal is None
        return self.meter.may_send(connection.ip, self.loop.time(), is_trusted=is_plain_trust)

    def tls_context(self) -> ssl.SSLContext:
        """The context for a handshake."""
        if self._certificate is None:
            raise ConfigurationError("There is no certificate.")
        return self._certificate.context

    def in_thread(
        self, work: Callable[[], _ResultT], done: Callable[[_ResultT], None], fault: _ResultT
    ) -> None:
        """Do blocking work beside the loop; `done` gets its result, or `fault` where it raised."""

        def finished(future: Future[_ResultT]) -> None:
            result = fault if future.cancelled() or future.exception() is not None else future.result()
            try:
                self.loop.call_soon_threadsafe(done, result)
            except RuntimeError:  # the loop is closed: nobody is left to tell
                log.debug("smtpd.answer_too_late")

        def guarded() -> _ResultT:
            try:
                return work()
            except Exception:
                log.exception("smtpd.thread_failed")
                return fault
            finally:
                database.close()

        self._side.submit(guarded).add_done_callback(finished)


def _listening_socket(endpoint: Endpoint) -> socket.socket:
    """A bound socket that other processes may share."""
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6 and endpoint.host == "::":
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind((endpoint.host, endpoint.port))
        sock.listen(_BACKLOG)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock
