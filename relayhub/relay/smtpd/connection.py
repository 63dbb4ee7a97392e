"""One connection: bytes between the socket and a pure session, and the answers its questions need.

Nothing is read while the session waits for an answer of ours, while too much waits to be committed, or while
the peer does not read what we write. Time limits depend on what the session waits for (RFC 5321 §4.5.3.2,
shortened where a slow peer could hold us, THREATS T27).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from relayhub.protocol.reply import FAULT_OURS, TIMED_OUT, TOO_MANY_CONNECTIONS, SmtpReply
from relayhub.protocol.smtp_server import ServerSession
from relayhub.protocol.smtp_server_events import (
    AuthAttempt,
    MailFrom,
    MessageReceived,
    RcptTo,
    ServerConfig,
    ServerEvent,
    ServerState,
)
from relayhub.protocol.smtp_wire import Close, Send, StartTls

log = logging.getLogger(__name__)

#: How long a silent peer is waited for, by state, in seconds.
SILENCE_SECONDS = {
    ServerState.HELLO: 30.0,
    ServerState.READY: 120.0,
    ServerState.TRANSACTION: 120.0,
    ServerState.AUTH: 60.0,
    ServerState.CONTENT: 60.0,
    ServerState.TLS: 30.0,
    ServerState.CLOSED: 5.0,
}
#: A message must be through after this, plus a second for each KiB it has brought.
CONTENT_SECONDS = 300.0
_TLS_SECONDS = 20.0


@dataclass(kw_only=True)
class Peer:
    """Who is on the other side, as far as the connection knows."""

    ip: str
    is_trusted: bool
    #: What a role keeps of a signed-in peer.
    identity: object = None
    tls: str = ""


class Role(Protocol):
    """What a listener does with a session's questions."""

    config: ServerConfig
    waiting_bytes: int

    def enter(self, ip: str) -> Peer | None:
        """The peer, or None where no more connections of it are taken."""
        ...

    def leave(self, peer: Peer) -> None:
        """The peer is gone."""
        ...

    def may_read(self) -> bool:
        """Whether there is room for more input."""
        ...

    async def sign_in(self, peer: Peer, attempt: AuthAttempt) -> SmtpReply | None:
        """None where the peer is signed in now, else the refusal."""
        ...

    def sender(self, peer: Peer, event: MailFrom) -> SmtpReply:
        """The answer to MAIL."""
        ...

    def recipient(self, peer: Peer, event: RcptTo) -> SmtpReply | Awaitable[SmtpReply]:
        """The answer to RCPT."""
        ...

    async def message(self, peer: Peer, session: ServerSession, event: MessageReceived) -> SmtpReply:
        """The answer to the final dot, given once the message is durable."""
        ...


class SmtpConnection(asyncio.Protocol):
    """The asyncio side of one session."""

    def __init__(self, role: Role, connections: set[SmtpConnection], *, context: ssl.SSLContext | None,
                 tls_from_start: bool) -> None:
        self._role = role
        self._connections = connections
        self._context = context
        self._tls_active = tls_from_start
        self._transport: asyncio.Transport | None = None
        self._session: ServerSession | None = None
        self._peer: Peer | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_upgrading = False
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._content_since: float | None = None

    # -- what asyncio calls --------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A peer came, or the same one comes back after its TLS handshake."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._session is not None:
            return
        ip = str((transport.get_extra_info("peername") or ("0.0.0.0", 0))[0])  # noqa: S104
        self._peer = self._role.enter(ip)
        if self._peer is None:
            transport.write(TOO_MANY_CONNECTIONS.render())
            transport.close()
            return
        self._connections.add(self)
        self._session = ServerSession(
            self._role.config, tls_active=self._tls_active, is_trusted=self._peer.is_trusted
        )
        self._note_tls()
        self._carry_out(self._session.start())

    def data_received(self, data: bytes) -> None:
        """Octets came."""
        if self._session is None:
            return
        self._heard_at = self._loop.time()
        self._carry_out(self._session.feed(data))

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer is gone; what it had not finished is forgotten, what is being stored is stored."""
        self._connections.discard(self)
        if self._peer is not None and self._session is not None and not self._is_upgrading:
            self._role.leave(self._peer)
            self._session = None

    def pause_writing(self) -> None:
        """The peer does not read our answers: nothing more is read of it."""
        self._pause()

    def resume_writing(self) -> None:
        """It reads again."""
        self._resume_if_free()

    # -- what the listener calls ---------------------------------------------------------------------------

    def check_time(self, moment: float) -> None:
        """Close the connection where the peer was silent or slow for too long."""
        session = self._session
        if session is None or self._task is not None:
            return
        state = session.state
        if state is ServerState.CONTENT:
            self._content_since = self._content_since or moment
            is_slow = moment - self._content_since > CONTENT_SECONDS + session.held_bytes / 1024
        else:
            self._content_since, is_slow = None, False
        if is_slow or moment - self._heard_at > SILENCE_SECONDS[state]:
            self._carry_out(session.close(TIMED_OUT))
            if self._transport is not None:
                self._transport.close()

    def shut_down(self) -> None:
        """The process is about to end: say so, unless a message is on its way in."""
        session = self._session
        if session is not None and self._task is None and session.state is not ServerState.CONTENT:
            self._carry_out(session.close())

    @property
    def is_busy(self) -> bool:
        """Whether a message is coming in or being stored."""
        session = self._session
        return self._task is not None or (session is not None and session.state is ServerState.CONTENT)

    # -- events --------------------------------------------------------------------------------------------

    def _carry_out(self, events: list[ServerEvent]) -> None:
        """Do what the session asks, in order; questions that need time go on in a task."""
        queue: deque[ServerEvent] = deque(events)
        session, peer = self._session, self._peer
        while queue and session is not None and peer is not None:
            event = queue.popleft()
            if isinstance(event, Send):
                self._write(event.data)
            elif isinstance(event, MailFrom):
                queue.extend(session.reply(self._role.sender(peer, event)))
            elif isinstance(event, RcptTo):
                answer = self._role.recipient(peer, event)
                if isinstance(answer, SmtpReply):
                    queue.extend(session.reply(answer))
                else:
                    self._in_task(self._answer(session, answer))
            elif isinstance(event, MessageReceived):
                self._in_task(self._answer(session, self._role.message(peer, session, event)))
            elif isinstance(event, AuthAttempt):
                self._in_task(self._sign_in(session, peer, event))
            elif isinstance(event, StartTls):
                self._in_task(self._start_tls(session))
            elif isinstance(event, Close) and self._transport is not None:
                self._transport.close()
        if session is not None and not self._role.may_read():
            self._pause()
            self._loop.call_later(0.05, self._resume_if_free)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _in_task(self, work: Awaitable[None]) -> None:
        self._pause()
        self._task = asyncio.ensure_future(self._guarded(work))

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception:
            log.exception("smtpd.session_failed")
            if self._transport is not None:
                self._write(FAULT_OURS.render())
                self._transport.close()

    def _resume_if_free(self) -> None:
        """Read on, unless an answer is still due or there is no room."""
        if self._task is not None or self._transport is None or self._transport.is_closing():
            return
        if self._role.may_read():
            self._transport.resume_reading()
        else:
            self._loop.call_later(0.05, self._resume_if_free)

    def _pause(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def _go_on(self, events: list[ServerEvent]) -> None:
        """An answer was given: do what follows from it and read again."""
        self._task = None
        self._heard_at = self._loop.time()
        self._content_since = None
        if self._session is not None:
            self._carry_out(events)
        self._resume_if_free()

    async def _answer(self, session: ServerSession, answer: Awaitable[SmtpReply]) -> None:
        try:
            reply = await answer
        except Exception:
            log.exception("smtpd.answer_failed")
            reply = FAULT_OURS
        self._go_on(session.reply(reply))

    async def _sign_in(self, session: ServerSession, peer: Peer, attempt: AuthAttempt) -> None:
        refusal = await self._role.sign_in(peer, attempt)
        self._go_on(session.accept_auth() if refusal is None else session.reject_auth(refusal))

    async def _start_tls(self, session: ServerSession) -> None:
        transport, context = self._transport, self._context
        assert transport is not None and context is not None
        self._is_upgrading = True
        try:
            upgraded = await self._loop.start_tls(
                transport, self, context, server_side=True, ssl_handshake_timeout=_TLS_SECONDS
            )
        except (OSError, ssl.SSLError, asyncio.TimeoutError):
            upgraded = None
        self._is_upgrading = False
        if upgraded is None:
            transport.abort()
            self.connection_lost(None)
            return
        self._transport = upgraded
        self._note_tls()
        self._go_on(session.tls_started())

    def _note_tls(self) -> None:
        if self._transport is None or self._peer is None:
            return
        tls = self._transport.get_extra_info("ssl_object")
        if tls is not None:
            self._peer.tls = f"{tls.version()} {(tls.cipher() or ('',))[0]}"
