"""One SMTP or LMTP connection: an asyncio Protocol that obeys `protocol.smtp_client`.

The session decides what is said; this module moves the bytes, does the TLS handshake, and keeps one time
limit a phase (RFC 5321 §4.5.3.2), looked at by the pool's ticker so that a message costs no timer. One
transaction is one buffer for MAIL, RCPT and DATA, one for the content, one for the dot. The dot is sent only
by `transact`, after `before_dot` said yes.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from relayhub.core.crashpoints import crashpoint
from relayhub.protocol.reply import SmtpReply
from relayhub.protocol.smtp_client import ClientSession
from relayhub.protocol.smtp_client_events import (
    ClientConfig,
    ClientEvent,
    ClientState,
    MailTransaction,
    OutcomeKind,
    Ready,
    ReadyForDot,
    RecipientOutcome,
    SendBody,
    SessionFailed,
    TransactionDone,
)
from relayhub.protocol.smtp_wire import Close, Send, SmtpPhase, StartTls
from relayhub.relay import tls_policy
from relayhub.relay.transports.base import BeforeDot
from relayhub.relay.transports.dialogue import Dialogue

#: Content up to this goes out without waiting for the socket; longer content is flushed before the intent.
_WRITE_BUFFER_OCTETS = 64 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class PhaseLimits:
    """How long a peer may take, in seconds. RFC 5321 §4.5.3.2 gives the least; tests give less."""

    connect: float = 30.0  # one address; the kernel's own limit is over two minutes
    banner: float = 300.0  # §4.5.3.2.1
    ehlo: float = 300.0
    starttls: float = 120.0
    auth: float = 120.0
    mail: float = 300.0  # §4.5.3.2.2
    rcpt: float = 300.0  # §4.5.3.2.3
    data: float = 120.0  # §4.5.3.2.4
    body: float = 180.0  # §4.5.3.2.5, for a piece of the content without any progress
    dot: float = 600.0  # §4.5.3.2.6
    quit: float = 3.0  # nobody waits for it

    def of(self, phase: SmtpPhase) -> float:
        """The limit of a phase."""
        return float(getattr(self, phase.value))

    @property
    def tick(self) -> float:
        """How often to look at the clock."""
        shortest = min(float(getattr(self, name)) for name in self.__slots__)
        return min(1.0, max(0.01, shortest / 4))


@dataclass(frozen=True, kw_only=True, slots=True)
class Peer:
    """Where a connection goes: a name for certificates and people, an address for the socket."""

    host: str
    address: str
    port: int


class CannotOpen(Exception):
    """No transaction can be had at a peer: nothing was handed over to it."""

    def __init__(
        self, why: str, *, phase: SmtpPhase, peer: Peer | None = None, reply: SmtpReply | None = None,
        is_tls_fault: bool = False, verdict: SmtpReply | None = None,
    ) -> None:
        super().__init__(why)
        self.why = why
        self.phase = phase
        self.peer = peer
        self.reply = reply
        #: The handshake failed: the peer may be reached in plain text, where policy lets it.
        self.is_tls_fault = is_tls_fault
        #: Our own final answer, where trying again would not help.
        self.verdict = verdict


class SmtpConnection(asyncio.Protocol):
    """One connection of a pool; used by one delivery at a time."""

    def __init__(
        self, config: ClientConfig, peer: Peer, limits: PhaseLimits, *, context: ssl.SSLContext,
        has_implicit_tls: bool = False, dialogue: Dialogue | None = None,
        on_closed: Callable[[SmtpConnection], None] | None = None,
    ) -> None:
        self.peer = peer
        self.session = ClientSession(config, tls_active=has_implicit_tls)
        self.source_address = ""
        self.tls: dict[str, Any] | None = None
        self.messages = 0
        self.is_closed = False
        self.is_reusable = True
        self.idle_since = 0.0
        self.dialogue = dialogue or Dialogue()
        self.on_closed = on_closed
        self._limits = limits
        self._context = context
        self._has_implicit_tls = has_implicit_tls
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._failure: SessionFailed | None = None
        self._done: TransactionDone | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._handshake: asyncio.Task[None] | None = None
        self._content = b""
        self._is_paused = False
        #: When the conversation last went on; the ticker adds the phase's limit.
        self._went_on_at = self._loop.time()
        self._last_unwritten = 0

    # -- what asyncio calls ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket stands; with implicit TLS the handshake is done as well."""
        stream = cast("asyncio.Transport", transport)  # uvloop's are no subclass of it
        self._transport = stream
        stream.set_write_buffer_limits(high=_WRITE_BUFFER_OCTETS, low=0)
        name = transport.get_extra_info("sockname")
        self.source_address = str(name[0]) if name else ""
        ssl_object = transport.get_extra_info("ssl_object")
        if ssl_object is not None:
            self._note_tls(ssl_object)

    def data_received(self, data: bytes) -> None:
        """Bytes of the peer."""
        self._obey(self.session.feed(data))

    def pause_writing(self) -> None:
        """The socket's buffer is full."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """Everything was written."""
        self._is_paused = False
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self.is_closed = True
        self._obey(self.session.connection_lost(_in_words(exc)))
        self._wake()
        if self.on_closed is not None:
            self.on_closed(self)

    # -- what the pool calls ---------------------------------------------------------------------------

    async def ready(self) -> None:
        """Wait until a transaction can start; raises CannotOpen."""
        while self._failure is None and self.session.state is not ClientState.IDLE and not self.is_closed:
            await self._wait()
        if self._failure is not None or self.is_closed:
            failure = self._failure
            self.abort()
            raise CannotOpen(
                (failure.why if failure else "") or "the peer refused the conversation",
                phase=failure.phase if failure else SmtpPhase.CONNECT, peer=self.peer,
                reply=failure.reply if failure else None,
                is_tls_fault=failure is not None and failure.phase is SmtpPhase.STARTTLS
                and failure.reply is None and self.session.offers.starttls,
            )

    def check_deadline(self, moment: float) -> None:
        """Give the peer up if its time is over; called by the pool's ticker on connections in use."""
        phase = self.session.phase
        limit = self._limits.of(phase)
        if self.is_closed or moment < self._went_on_at + limit or self._transport is None:
            return
        unwritten = self._transport.get_write_buffer_size()
        if phase is SmtpPhase.BODY and 0 < unwritten < self._last_unwritten:
            self._last_unwritten = unwritten
            self._went_on_at = moment
            return
        why = f"no answer within {limit:g} s ({phase.value})"
        self._obey(self.session.connection_lost(why))
        self.abort()

    def abort(self) -> None:
        """Drop the connection: what is unwritten stays unwritten."""
        self.is_reusable = False
        if self._handshake is not None:
            self._handshake.cancel()
        if self._transport is not None and not self.is_closed:
            self._transport.abort()
        self._wake()

    def quit(self) -> None:
        """Say QUIT and let the connection go; the answer decides nothing."""
        self.is_reusable = False
        if self.is_closed:
            return
        self._obey(self.session.quit())
        self._loop.call_later(self._limits.quit, self.abort)

    @property
    def is_usable(self) -> bool:
        """Whether another transaction may start here."""
        return self.is_reusable and not self.is_closed and self.session.state is ClientState.IDLE

    # -- one transaction -------------------------------------------------------------------------------

    async def transact(
        self, transaction: MailTransaction, content: bytes, before_dot: BeforeDot, dialogue: Dialogue
    ) -> RecipientOutcome | None:
        """Hand over one recipient; None where `before_dot` said no and nothing was handed over.

        `content` is dot-stuffed. Whatever ends this early drops the connection: an open transaction must
        not be continued by the next message.
        """
        self.dialogue, self._content, self._done = dialogue, content, None
        self.messages += 1
        is_settled = False
        try:
            self._obey(self.session.start(transaction))
            await self._until_dot_or_done()
            if self._done is None and not await self._say_dot(before_dot):
                return None
            done = self._done
            if done is None:  # the connection went while nothing was open: cannot be told apart from lost
                return RecipientOutcome(
                    address=transaction.recipients[0].address, phase=self.session.phase, kind=OutcomeKind.LOST
                )
            is_settled = True
            self.is_reusable = self.is_reusable and done.is_reusable
            return done.outcomes[0]
        finally:
            self._content = b""
            if not is_settled:
                self.abort()

    async def _until_dot_or_done(self) -> None:
        while self._done is None and self.session.state is not ClientState.DOT_READY:
            await self._wait()
        # Long content: the intent is about the dot, so everything before it has to be on its way.
        while self._done is None and self._is_paused:
            await self._wait()

    async def _say_dot(self, before_dot: BeforeDot) -> bool:
        may_send = await before_dot()
        if self._done is not None:
            return True  # the peer went or spoke meanwhile; no dot was sent, and the outcome says so
        if not may_send:
            self._obey(self.session.abandon())
            return False
        self._obey(self.session.send_dot())
        crashpoint("after_final_dot")
        while self._done is None:
            await self._wait()
        return True

    # -- obeying the session ---------------------------------------------------------------------------

    def _obey(self, events: list[ClientEvent]) -> None:
        """Do what the session wants, in order; bytes go out in as few writes as there are pauses."""
        out: list[bytes] = []
        position = 0
        while position < len(events):
            event = events[position]
            position += 1
            if isinstance(event, Send):
                out.append(event.data)
            elif isinstance(event, SendBody):
                events[position:position] = self.session.send_body(self._content)
            elif isinstance(event, TransactionDone):
                self._done = event
            elif isinstance(event, SessionFailed):
                self._failure = event
                self.is_reusable = False
            elif isinstance(event, StartTls):
                self._flush(out)
                self._handshake = self._loop.create_task(self._start_tls())
            elif isinstance(event, Close):
                self._flush(out)
                self._close()
            elif not isinstance(event, Ready | ReadyForDot):
                raise TypeError(event)
        self._flush(out)
        self.dialogue.add(self.session.take_transcript())
        self._went_on_at = self._loop.time()
        self._wake()

    def _flush(self, out: list[bytes]) -> None:
        if out and self._transport is not None and not self.is_closed:
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))
            self._last_unwritten = self._transport.get_write_buffer_size()
        out.clear()

    def _close(self) -> None:
        self.is_reusable = False
        if self._transport is not None and not self.is_closed:
            self._transport.close()

    async def _start_tls(self) -> None:
        transport = self._transport
        assert transport is not None
        try:
            upgraded = await self._loop.start_tls(
                transport, self, self._context, server_hostname=self.peer.host,
                ssl_handshake_timeout=self._limits.starttls,
            )
        except (OSError, ssl.SSLError, TimeoutError, ConnectionError) as error:
            self._handshake_failed(_in_words(error))
            return
        if upgraded is None:  # the connection went during the handshake
            self._handshake_failed("connection lost")
            return
        self._transport = upgraded
        upgraded.set_write_buffer_limits(high=_WRITE_BUFFER_OCTETS, low=0)
        self._note_tls(upgraded.get_extra_info("ssl_object"))
        self._obey(self.session.tls_established())

    def _handshake_failed(self, why: str) -> None:
        """asyncio does not always say connection_lost to a protocol whose handshake failed."""
        self._handshake = None
        self._obey(self.session.tls_failed(f"TLS handshake failed: {why}"))
        self.abort()
        self.is_closed = True
        self._wake()

    def _note_tls(self, ssl_object: Any) -> None:
        is_checked = self._context.verify_mode is ssl.CERT_REQUIRED
        self.tls = tls_policy.tls_facts(ssl_object, self.peer.host, was_checked=is_checked)

    # -- waiting ---------------------------------------------------------------------------------------

    async def _wait(self) -> None:
        """Until something happened; who waits looks itself whether it is what it waits for."""
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


async def open_connection(
    config: ClientConfig, peer: Peer, limits: PhaseLimits, *, context: ssl.SSLContext,
    has_implicit_tls: bool, dialogue: Dialogue, source: str | None = None,
    watch: Callable[[SmtpConnection], None], on_closed: Callable[[SmtpConnection], None],
) -> SmtpConnection:
    """Connect and speak until a transaction can start; raises CannotOpen.

    `watch` is told of the connection as soon as it stands, so that its time limits hold from the banner on.
    """
    loop = asyncio.get_running_loop()
    connection = SmtpConnection(
        config, peer, limits, context=context, has_implicit_tls=has_implicit_tls, dialogue=dialogue,
        on_closed=on_closed,
    )
    dialogue.note(f"connecting to {peer.host} [{peer.address}]:{peer.port}")
    began = time.monotonic()
    try:
        async with asyncio.timeout(limits.connect):
            await loop.create_connection(
                lambda: connection, peer.address, peer.port, ssl=context if has_implicit_tls else None,
                server_hostname=peer.host if has_implicit_tls else None,
                ssl_handshake_timeout=limits.starttls if has_implicit_tls else None,
                local_addr=(source, 0) if source else None,
            )
    except TimeoutError:
        why = f"no connection within {time.monotonic() - began:.0f} s"
        dialogue.note(why)
        raise CannotOpen(why, phase=SmtpPhase.CONNECT, peer=peer) from None
    except ssl.SSLError as error:
        why = f"TLS handshake failed: {_in_words(error)}"
        dialogue.note(why)
        raise CannotOpen(why, phase=SmtpPhase.STARTTLS, peer=peer, is_tls_fault=True) from None
    except (OSError, ValueError, UnicodeError) as error:
        why = _in_words(error)
        dialogue.note(why)
        raise CannotOpen(why, phase=SmtpPhase.CONNECT, peer=peer) from None
    watch(connection)
    try:
        await connection.ready()
    except BaseException:
        connection.abort()
        raise
    return connection


def _in_words(error: BaseException | None) -> str:
    """What happened, for operators; never a stack, never our own addresses."""
    if error is None:
        return "the peer closed the connection"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "the peer reset the connection"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return str(error.reason or "TLS fault").replace("_", " ").lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return type(error).__name__
