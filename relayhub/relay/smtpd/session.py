"""One connection: an asyncio Protocol around the pure session of `protocol.smtp_server`.

It moves bytes, obeys events in order, and gives the answers the session asks for: at once, from a thread, or
after the shared commit. It reads no further while an answer is due and enough is read ahead, while contents
take too much memory, or while the peer does not take our replies. What fails here is 421 or 451, never 5yz.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, assert_never, cast

from relayhub.protocol import reply as replies
from relayhub.protocol.reply import SmtpReply
from relayhub.protocol.smtp_server import ServerSession
from relayhub.protocol.smtp_server_events import (
    AuthAttempt,
    MailFrom,
    MessageReceived,
    RcptTo,
    ServerEvent,
    ServerState,
)
from relayhub.protocol.smtp_wire import Close, Send, StartTls
from relayhub.relay.smtpd.auth import Principal
from relayhub.relay.smtpd.door import Incoming, Peer

if TYPE_CHECKING:
    from relayhub.relay.smtpd.server import SmtpService

log = logging.getLogger(__name__)
_ResultT = TypeVar("_ResultT")
#: Size of a message beside its content, in the memory account.
_OVERHEAD_BYTES = 1024


class Connection(asyncio.Protocol):
    """The edge of one session."""

    def __init__(self, service: SmtpService, *, is_tls: bool = False, is_counted: bool = False) -> None:
        self._service = service
        self._is_tls = is_tls
        self._loop = service.loop
        self._transport: asyncio.Transport | None = None
        self._session: ServerSession | None = None
        self._is_counted = is_counted
        self._is_draining = False
        self._is_noting = False
        self._reasons_to_wait: set[str] = set()
        self._upgrading: asyncio.Task[None] | None = None
        self._changed_at = self._loop.time()
        self._content_since: float | None = None
        self._content_bytes = 0
        self._stuck_since: float | None = None
        self.was_made = False
        self.ip = ""
        self.is_trusted = False
        self.principal: Principal | None = None
        self._tls = ""

    # -- what asyncio tells --------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A peer has come, on the TLS port after its handshake: count it and greet."""
        # uvloop's transports have the methods, but not the base class.
        self.was_made = True
        self._transport = cast(asyncio.Transport, transport)
        self.ip = peer_address(transport.get_extra_info("peername"))
        self.is_trusted = self._service.is_trusted(self.ip)
        self._session = ServerSession(
            self._service.config, tls_active=self._is_tls, is_trusted=self.is_trusted
        )
        self._note_tls()
        self._is_counted = self._service.admit(self, is_counted=self._is_counted)
        is_welcome = self._is_counted
        self._obey(self._session.start() if is_welcome else self._session.close(replies.TOO_MANY_CONNECTIONS))

    def data_received(self, data: bytes) -> None:
        """The peer has sent something."""
        session = self._session
        if session is None:
            return
        self._changed_at = self._loop.time()
        if self._content_since is not None:
            self._content_bytes += len(data)
        try:
            self._obey(session.feed(data))
        except Exception:
            self._fail("smtpd.session_failed")
            return
        self._account()

    def eof_received(self) -> bool:
        """The peer will send no more: nothing it began is finished."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer is gone; what it had handed over whole is still stored."""
        self._session = None
        self._transport = None
        self._service.released(self, was_counted=self._is_counted)
        self._is_counted = False

    def pause_writing(self) -> None:
        """The peer does not take our replies."""
        self._stuck_since = self._loop.time()
        self._wait_for("writing")

    def resume_writing(self) -> None:
        """It takes them again."""
        self._stuck_since = None
        self._go_on("writing")

    # -- obeying -------------------------------------------------------------------------------------------

    def _obey(self, events: list[ServerEvent]) -> None:
        """Do what the session says; answers given at once lead to more, without recursion."""
        while events:
            follows: list[ServerEvent] = []
            for event in events:
                match event:
                    case Send(data=data):
                        if self._transport is not None:
                            self._transport.write(data)
                    case Close():
                        self._close()
                    case MailFrom():
                        follows += self._answer_mail()
                    case RcptTo():
                        follows += self._answer_recipient(event)
                    case MessageReceived():
                        self._take(event)
                    case AuthAttempt(username=username, password=password):
                        self._sign_in(username, password)
                    case StartTls():
                        self._wait_for("handshake")
                        self._upgrading = self._loop.create_task(self._shake_hands())
                    case _:
                        assert_never(event)
            events = follows
        self._note_state()
        self._note_refused()

    def _answer_mail(self) -> list[ServerEvent]:
        session = self._session
        if session is None:
            return []
        is_within = self._service.may_send(self)
        return session.reply(replies.SENDER_OK if is_within else replies.RATE_LIMITED)

    def _answer_recipient(self, asked: RcptTo) -> list[ServerEvent]:
        session = self._session
        if session is None:
            return []
        answer = self._service.door.recipient(asked)
        if isinstance(answer, SmtpReply):
            return session.reply(answer)
        self._in_thread(answer, self._reply, fault=replies.FAULT_OURS)
        return []

    def _note_refused(self) -> None:
        """Have it written down what the session refused somebody who is known: one lot at a time, so that a program
        that goes wrong in a loop takes one thread."""
        session = self._session
        if session is None or self._is_noting or self._is_draining:
            return
        refused = session.take_refused()
        if not refused or not (self.principal is not None or self.is_trusted):
            return
        door = self._service.door
        peer = Peer(ip=self.ip, helo=session.helo, principal=self.principal, is_trusted=self.is_trusted)

        def done(_: None) -> None:
            self._is_noting = False
            self._note_refused()

        self._is_noting = True
        self._in_thread(lambda: door.note(peer, refused), done, fault=None)

    def _sign_in(self, username: str, password: str) -> None:
        def done(result: Principal | SmtpReply) -> None:
            session = self._session
            if session is None:
                return
            if isinstance(result, SmtpReply):
                self._obey(session.reject_auth(result))
            else:
                self.principal = result
                self._obey(session.accept_auth())

        door, ip = self._service.door, self.ip

        def work() -> Principal | SmtpReply:
            return door.sign_in(username, password, ip)

        fault: Principal | SmtpReply = replies.AUTH_UNAVAILABLE
        self._in_thread(work, done, fault=fault)

    def _take(self, event: MessageReceived) -> None:
        """Hand a whole message to the shared commit."""
        session = self._session
        if session is None:
            return
        is_utf8 = event.envelope.params.is_smtputf8
        protocol = "UTF8SMTP" if is_utf8 else "ESMTP" if session.is_esmtp else "SMTP"
        if protocol != "SMTP":
            protocol += "S" * session.tls_active + "A" * (self.principal is not None)
        incoming = Incoming(
            envelope=event.envelope, content=event.content, ip=self.ip, helo=session.helo, protocol=protocol,
            tls=self._tls, principal=self.principal, is_trusted=self.principal is None and self.is_trusted,
        )
        size = len(event.content) + _OVERHEAD_BYTES
        self._service.memory.hold(incoming, size)

        def done(reply: SmtpReply) -> None:
            self._service.memory.forget(incoming)
            self._reply(reply)

        self._service.commit.submit(incoming, size, done)

    def _reply(self, reply: SmtpReply) -> None:
        """Give an answer that was waited for, and read on."""
        session = self._session
        if session is None:
            return
        self._changed_at = self._loop.time()
        try:
            self._obey(session.reply(reply))
            if self._is_draining:
                self.drain()
        except Exception:
            self._fail("smtpd.reply_failed")
            return
        self._account()

    def _in_thread(
        self, work: Callable[[], _ResultT], done: Callable[[_ResultT], None], *, fault: _ResultT
    ) -> None:
        def finished(result: _ResultT) -> None:
            self._changed_at = self._loop.time()
            try:
                done(result)
            except Exception:
                self._fail("smtpd.answer_failed")
                return
            self._account()

        self._service.in_thread(work, finished, fault)

    def _fail(self, what: str) -> None:
        """A fault of ours: the peer is told to come again."""
        log.exception(what)
        session, self._session = self._session, None
        if self._transport is not None:
            if session is not None and session.state is not ServerState.CLOSED:
                self._transport.write(replies.NOT_ACCEPTING.render())
            self._transport.close()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    # -- TLS -----------------------------------------------------------------------------------------------

    async def _shake_hands(self) -> None:
        transport, session = self._transport, self._session
        if transport is None or session is None:
            return
        try:
            upgraded = await self._loop.start_tls(
                transport, self, self._service.tls_context(), server_side=True,
                ssl_handshake_timeout=self._service.limits.handshake_seconds,
                ssl_shutdown_timeout=self._service.limits.goodbye_seconds,
            )
        except (OSError, ssl.SSLError, TimeoutError) as exc:
            log.debug("smtpd.handshake_failed", extra={"ip": self.ip, "why": str(exc)[:200]})
            upgraded = None
        if upgraded is None or self._session is None:
            transport.abort()
            if self._session is not None:
                self.connection_lost(None)
            return
        self._transport = upgraded
        self._reasons_to_wait.discard("handshake")
        self._changed_at = self._loop.time()
        self._note_tls()
        # Whoever was known before the handshake is not any more (RFC 3207 §4.2).
        self.principal = None
        self._obey(session.tls_started())

    def _note_tls(self) -> None:
        details = self._transport.get_extra_info("ssl_object") if self._transport is not None else None
        if details is not None:
            self._tls = f"{details.version()} {(details.cipher() or ('',))[0]}"

    # -- holding back --------------------------------------------------------------------------------------

    def _account(self) -> None:
        """Note what this connection holds, and stop reading where it or all of them hold too much."""
        session = self._session
        if session is None:
            return
        held = session.held_bytes
        self._service.memory.hold(self, held)
        if session.is_waiting and held > self._service.limits.read_ahead_bytes:
            self._wait_for("answer")
        elif "answer" in self._reasons_to_wait and not session.is_waiting:
            self._go_on("answer")
        is_content = session.state is ServerState.CONTENT
        if is_content and self._service.memory.must_wait(self, self._memory_is_free):
            self._wait_for("memory")

    def _memory_is_free(self) -> None:
        self._changed_at = self._loop.time()
        self._go_on("memory")

    def _wait_for(self, reason: str) -> None:
        if not self._reasons_to_wait and self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()
        self._reasons_to_wait.add(reason)

    def _go_on(self, reason: str) -> None:
        self._reasons_to_wait.discard(reason)
        if not self._reasons_to_wait and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    # -- time ----------------------------------------------------------------------------------------------

    def _note_state(self) -> None:
        is_content = self._session is not None and self._session.state is ServerState.CONTENT
        if is_content and self._content_since is None:
            self._content_since, self._content_bytes = self._loop.time(), 0
        elif not is_content:
            self._content_since = None

    @property
    def is_busy(self) -> bool:
        """A message is on its way in, or waits for its commit."""
        session = self._session
        return session is not None and (session.is_waiting or session.state is ServerState.CONTENT)

    def check_time(self, now: float) -> None:
        """End the connection where the peer is silent, too slow, or does not take replies."""
        session, limits = self._session, self._service.limits
        if session is None:
            return
        if self._stuck_since is not None and now - self._stuck_since > limits.write_seconds:
            self._abort()
        elif "memory" in self._reasons_to_wait or session.is_waiting or "handshake" in self._reasons_to_wait:
            return
        elif self._is_overdue(session.state, now):
            self._obey(session.close(replies.TIMED_OUT))

    def _is_overdue(self, state: ServerState, now: float) -> bool:
        limits = self._service.limits
        if now - self._changed_at > limits.idle_seconds(state, is_known=self._is_known):
            return True
        since = self._content_since
        return since is not None and limits.is_too_slow(self._content_bytes, now - since)

    @property
    def _is_known(self) -> bool:
        is_mx = not self._service.config.offers_auth
        return is_mx or self.is_trusted or self.principal is not None

    def drain(self) -> None:
        """The process is about to end: finish the message on its way, then say 421."""
        self._is_draining = True
        session = self._session
        if session is not None and not self.is_busy:
            self._obey(session.close(replies.SHUTTING_DOWN))

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def abort(self) -> None:
        """End at once, at the end of a stop."""
        self._abort()


def peer_address(name: Any) -> str:
    """The address in a socket name, IPv4 in IPv6's clothes as IPv4; "" where there is none."""
    text = str(name[0]).partition("%")[0] if name else ""
    return text[7:] if text.startswith("::ffff:") and "." in text else text
