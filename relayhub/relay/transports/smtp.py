"""Hand over to an SMTP or LMTP peer through a pool of connections; smarthosts and local mail stores.

Everything a peer or the network does becomes a `SendResult`. A connection that was idle and turns out to be
dead before MAIL was answered is replaced at once: no attempt, no back-off (ARCHITECTURE rule 7). Only a drop
after the dot is `unknown`. RFC 5321 §4.2, §5.1; RFC 2033; RFC 7435 (opportunistic TLS).
"""

from __future__ import annotations

import asyncio
import ipaddress
import random
import socket
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from django.conf import settings

from relayhub.core import clock, resolver
from relayhub.core.address_guard import is_private_line
from relayhub.protocol.reply import SmtpReply, make_reply
from relayhub.protocol.resolver import Records, TempFail
from relayhub.protocol.smtp_client_events import (
    ClientConfig,
    MailTransaction,
    OutcomeKind,
    OutgoingRecipient,
    RecipientOutcome,
    TlsPolicy,
)
from relayhub.protocol.smtp_wire import SmtpPhase, dot_stuff
from relayhub.relay import tls_policy
from relayhub.relay.shaping import SMARTHOST_LIMITS, ConnectionLimits
from relayhub.relay.transports.base import (
    BeforeDot,
    OutgoingMessage,
    SendResult,
    TransportKind,
    TransportSpec,
)
from relayhub.relay.transports.connection import (
    CannotOpen,
    Peer,
    PhaseLimits,
    SmtpConnection,
    open_connection,
)
from relayhub.relay.transports.dialogue import Dialogue
from relayhub.relay.transports.pool import ConnectionPool

#: Addresses tried for one connection; a domain with 50 MX hosts must not hold a slot for half an hour.
MAX_CANDIDATES = 6
#: A host whose TLS failed is spoken to in plain text for this long, where policy lets it.
PLAIN_FOR_SECONDS = 600.0
BAD_ENVELOPE = make_reply(553, "5.1.3", "The address cannot be written in an envelope")


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """How to speak to one place."""

    config: ClientConfig
    phase_limits: PhaseLimits
    has_implicit_tls: bool = False
    #: Required TLS checks certificate and name.
    checks_certificate: bool = False
    source: str | None = None


class Dialler:
    """Opens connections to candidates in order; remembers whose TLS is broken. One a loop and transport."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._plain_until: dict[str, float] = {}

    async def open_first(
        self, candidates: Iterable[Peer], dialogue: Dialogue, *, watch: Callable[[SmtpConnection], None],
        on_closed: Callable[[SmtpConnection], None],
    ) -> SmtpConnection:
        """The first candidate that will talk; raises the last one's CannotOpen.

        A refusal in banner or EHLO speaks of that host, so the next one is asked (RFC 5321 §5.1).
        """
        failure = CannotOpen("no host to connect to", phase=SmtpPhase.CONNECT)
        for peer in candidates:
            try:
                return await self._open(peer, dialogue, watch, on_closed)
            except CannotOpen as error:
                failure = error
        raise failure

    async def _open(
        self, peer: Peer, dialogue: Dialogue, watch: Callable[[SmtpConnection], None],
        on_closed: Callable[[SmtpConnection], None],
    ) -> SmtpConnection:
        config = self._session.config
        loop = asyncio.get_running_loop()
        is_optional = config.tls is TlsPolicy.OPPORTUNISTIC and not self._session.has_implicit_tls
        if is_optional and self._plain_until.get(peer.address, 0.0) > loop.time():
            dialogue.note("without TLS: its handshake failed lately")
            config = replace(config, tls=TlsPolicy.NONE)
        try:
            return await self._connect(config, peer, dialogue, watch, on_closed)
        except CannotOpen as error:
            if not (error.is_tls_fault and is_optional and config.tls is TlsPolicy.OPPORTUNISTIC):
                raise
        # RFC 7435 §3: what was only opportunistic must not stop the mail.
        self._plain_until[peer.address] = loop.time() + PLAIN_FOR_SECONDS
        return await self._connect(replace(config, tls=TlsPolicy.NONE), peer, dialogue, watch, on_closed)

    async def _connect(
        self, config: ClientConfig, peer: Peer, dialogue: Dialogue,
        watch: Callable[[SmtpConnection], None], on_closed: Callable[[SmtpConnection], None],
    ) -> SmtpConnection:
        return await open_connection(
            config, peer, self._session.phase_limits, context=self._context(),
            has_implicit_tls=self._session.has_implicit_tls, dialogue=dialogue, source=self._session.source,
            watch=watch, on_closed=on_closed,
        )

    def _context(self) -> ssl.SSLContext:
        if self._session.checks_certificate:
            return tls_policy.strict_context()
        if self._session.has_implicit_tls or self._session.config.tls is TlsPolicy.REQUIRED:
            return tls_policy.unverified_context()
        return tls_policy.lenient_context()


async def hand_over(
    pool: ConnectionPool, message: OutgoingMessage, before_dot: BeforeDot, *, dialogue: Dialogue,
    started_at: datetime,
) -> SendResult:
    """One recipient through one pool."""
    try:
        transaction = MailTransaction(
            mail_from=message.mail_from, recipients=(OutgoingRecipient(address=message.rcpt_to),),
            size_bytes=len(message.content), needs_8bit=message.needs_8bit,
            needs_smtputf8=message.needs_smtputf8,
        )
    except ValueError:
        return own_result(BAD_ENVELOPE, dialogue, started_at, phase=SmtpPhase.RCPT.value)
    content = dot_stuff(message.content)
    is_fresh = False
    while True:
        try:
            connection = await pool.lend(dialogue, is_fresh=is_fresh)
        except CannotOpen as error:
            return _not_opened(error, dialogue, started_at)
        was_used = connection.messages > 0
        if was_used:
            dialogue.note(f"message {connection.messages + 1} of this connection to {connection.peer.host}")
        try:
            outcome = await connection.transact(transaction, content, before_dot, dialogue)
        finally:
            pool.take_back(connection)
        if outcome is not None and was_used and _was_dead(outcome):
            dialogue.note("the idle connection was gone; another one is opened")
            is_fresh = True
            continue
        return _result(outcome, connection, dialogue, started_at)


def _was_dead(outcome: RecipientOutcome) -> bool:
    """An idle connection that the peer had given up: nothing of this message was answered."""
    if outcome.phase is not SmtpPhase.MAIL:
        return False
    is_goodbye = outcome.reply is not None and outcome.reply.code == 421
    return outcome.kind is OutcomeKind.LOST or is_goodbye


def _result(
    outcome: RecipientOutcome | None, connection: SmtpConnection, dialogue: Dialogue, started_at: datetime
) -> SendResult:
    return SendResult(
        disposition="abandoned" if outcome is None else _disposition(outcome),
        phase=SmtpPhase.BODY.value if outcome is None else outcome.phase.value,
        reply=outcome.reply if outcome else None, why=outcome.why if outcome else "",
        peer_host=connection.peer.host, peer_address=connection.peer.address,
        source_address=connection.source_address, tls=connection.tls, transcript=dialogue.as_rows(),
        started_at=started_at, ended_at=clock.now(),
        detail={"refused_by": "us"} if outcome is not None and outcome.kind is OutcomeKind.LOCAL else {},
    )


def _disposition(outcome: RecipientOutcome) -> str:
    if outcome.kind is OutcomeKind.UNKNOWN:
        return "unknown"
    if outcome.kind is OutcomeKind.LOST or outcome.reply is None:
        return "deferred"
    if outcome.is_accepted:
        return "delivered"
    return "bounced" if outcome.reply.is_permanent else "deferred"


def _not_opened(error: CannotOpen, dialogue: Dialogue, started_at: datetime) -> SendResult:
    """No conversation: whatever the host said speaks of us or of the host, never of the recipient."""
    if error.verdict is not None:
        return own_result(error.verdict, dialogue, started_at)
    return SendResult(
        disposition="deferred", phase=error.phase.value, reply=error.reply, why=error.why,
        peer_host=error.peer.host if error.peer else "",
        peer_address=error.peer.address if error.peer else "", transcript=dialogue.as_rows(), started_at=started_at,
        ended_at=clock.now(),
    )


def own_result(
    reply: SmtpReply, dialogue: Dialogue, started_at: datetime, *, phase: str = "", source: str = "us"
) -> SendResult:
    """A refusal that no peer spoke: ours, or what DNS says. An empty phase means no conversation at all."""
    dialogue.note(str(reply))
    return SendResult(
        disposition="bounced" if reply.is_permanent else "deferred", phase=phase, reply=reply,
        why=reply.text, transcript=dialogue.as_rows(), started_at=started_at, ended_at=clock.now(),
        detail={"refused_by": source},
    )


class SmarthostTransport:
    """`smtp://`, `smtps://`, `lmtp://`: one host that the operator named, so private addresses are fine."""

    def __init__(
        self, spec: TransportSpec, *, tls: str = "opportunistic", max_connections: int | None = None,
        phase_limits: PhaseLimits | None = None, limits: ConnectionLimits = SMARTHOST_LIMITS,
    ) -> None:
        self._spec = spec
        self._tls = tls
        self._phase_limits = phase_limits or PhaseLimits()
        self._pool = ConnectionPool(
            self._open, limits=limits, phase_limits=self._phase_limits, max_connections=max_connections
        )
        self._diallers: dict[bool, Dialler] = {}

    @property
    def pool(self) -> ConnectionPool:
        """The connections, for `/metrics` and tests."""
        return self._pool

    async def send(self, message: OutgoingMessage, *, before_dot: BeforeDot) -> SendResult:
        """Hand over one recipient."""
        return await hand_over(
            self._pool, message, before_dot, dialogue=Dialogue(), started_at=clock.now()
        )

    async def close(self) -> None:
        """Say QUIT and let all connections go."""
        await self._pool.close()

    async def _open(
        self, dialogue: Dialogue, *, watch: Callable[[SmtpConnection], None],
        on_closed: Callable[[SmtpConnection], None],
    ) -> SmtpConnection:
        addresses = await host_addresses(self._spec.host)
        if not addresses:
            raise CannotOpen(f"{self._spec.host} has no address", phase=SmtpPhase.CONNECT)
        peers = [Peer(host=self._spec.host, address=address, port=self._spec.port) for address in addresses]
        is_private = all(is_private_line(address) for address in addresses)
        dialler = self._diallers.get(is_private)
        if dialler is None:
            dialler = self._diallers[is_private] = Dialler(self._session(is_private))
        return await dialler.open_first(peers[:MAX_CANDIDATES], dialogue, watch=watch, on_closed=on_closed)

    def _session(self, is_private: bool) -> Session:
        """Credentials cross a public line only under TLS whose certificate is checked, unless the rule says
        `none`."""
        spec = self._spec
        policy = TlsPolicy(self._tls)
        if spec.username and policy is TlsPolicy.OPPORTUNISTIC and not is_private:
            policy = TlsPolicy.REQUIRED
        has_implicit_tls = spec.kind is TransportKind.SMTPS
        return Session(
            config=ClientConfig(
                ehlo_name=settings.RELAYHUB_HOSTNAME, tls=policy, username=spec.username,
                password=spec.password, is_lmtp=spec.kind is TransportKind.LMTP,
                auth_allows_plaintext=is_private or policy is TlsPolicy.NONE,
            ),
            phase_limits=self._phase_limits, has_implicit_tls=has_implicit_tls,
            checks_certificate=not is_private
            and (policy is TlsPolicy.REQUIRED or (has_implicit_tls and policy is not TlsPolicy.NONE)),
        )


async def host_addresses(host: str) -> list[str]:
    """Addresses of a host that the operator named: itself, the configured name servers, else the system.

    In random order within a family, IPv6 first where this machine has it.
    """
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    if settings.RELAYHUB_DNS_SERVERS:
        found = await dns_addresses(host)
        if isinstance(found, list) and found:
            return found
    try:
        infos = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return in_order({str(info[4][0]) for info in infos})


async def dns_addresses(host: str) -> list[str] | TempFail:
    """A and AAAA of a host in the order to try; TempFail where DNS could not say and nothing was found."""
    asked = resolver.async_resolver()
    answers = await asyncio.gather(asked.a(host), asked.aaaa(host))
    found = {value for answer in answers if isinstance(answer, Records) for value in answer.values}
    failure = next((answer for answer in answers if isinstance(answer, TempFail)), None)
    return failure if failure is not None and not found else in_order(found)


def in_order(addresses: Iterable[str]) -> list[str]:
    """Shuffled within a family; families alternate, IPv6 first where this machine has a way to it."""
    shuffled = sorted(addresses, key=lambda _: random.random())
    six = [address for address in shuffled if ":" in address]
    four = [address for address in shuffled if ":" not in address]
    first, second = (six, four) if has_ipv6() else (four, six)
    mixed = [address for pair in zip(first, second, strict=False) for address in pair]
    return mixed + first[len(second) :] + second[len(first) :]


_ipv6: list[bool] = []


def has_ipv6() -> bool:
    """Whether this machine has a route to public IPv6; nothing is sent to find out."""
    if not _ipv6:
        try:
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
                probe.connect(("2001:4860:4860::8888", 53))
                _ipv6.append(True)
        except OSError:
            _ipv6.append(False)
    return _ipv6[0]
