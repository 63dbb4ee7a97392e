"""The vocabulary between a server session and its edge: configuration in, events out.

Values only. `Send`, `StartTls` and `Close` come from `smtp_wire`.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from relayhub.protocol.address import DEFAULT_POLICY, LENIENT_POLICY, Address, DomainPolicy
from relayhub.protocol.reply import SmtpReply
from relayhub.protocol.smtp_server_params import MailParams
from relayhub.protocol.smtp_wire import AuthMechanism, Close, RcptParams, Send, StartTls

MIB = 1024 * 1024


class ServerRole(StrEnum):
    """What a listener is for."""

    SUBMISSION = "submission"  # RFC 6409: AUTH before MAIL, unless the peer is trusted
    MX = "mx"  # mail from anywhere to recipients of ours; no AUTH


class ServerState(StrEnum):
    """What the session waits for from the peer: the edge picks its time limit by it."""

    HELLO = "hello"  # connected, EHLO or HELO is due
    READY = "ready"  # between transactions
    TRANSACTION = "transaction"  # MAIL was accepted
    AUTH = "auth"  # in the middle of an AUTH exchange
    CONTENT = "content"  # 354 was given
    TLS = "tls"  # 220 was given, the handshake is the edge's
    CLOSED = "closed"  # nothing is read any more


class Question(StrEnum):
    """What the edge has been asked and has not answered yet."""

    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    MESSAGE = "message"


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerConfig:
    """What a listener offers and every limit it keeps."""

    hostname: str
    role: ServerRole = ServerRole.SUBMISSION
    #: Text behind the host name in the greeting.
    greeting: str = "ESMTP ready"
    #: A certificate is at hand, so STARTTLS is offered on plain connections.
    offers_starttls: bool = True
    #: Refuse MAIL on plain connections whatever the role.
    requires_tls: bool = False
    #: Offer and take AUTH only under TLS (RFC 4954 §4).
    auth_needs_tls: bool = True
    auth_mechanisms: tuple[AuthMechanism, ...] = (AuthMechanism.PLAIN, AuthMechanism.LOGIN)
    sender_policy: DomainPolicy = LENIENT_POLICY
    recipient_policy: DomainPolicy = DEFAULT_POLICY
    max_size_bytes: int = 25 * MIB
    max_recipients: int = 1000
    #: Content lines, CRLF not counted (RFC 5322 §2.1.1).
    max_line_octets: int = 998
    #: Command lines, CRLF counted: RFC 5321's 512 plus what the extensions add, with room.
    max_command_line_octets: int = 2048
    #: AUTH lines, CRLF counted (RFC 4954 §4).
    max_auth_line_octets: int = 12288
    #: Commands of the peer that we refuse for their form or order, then 421.
    max_errors: int = 20
    max_auth_failures: int = 3
    #: Messages in one connection, then 421 to the next MAIL.
    max_messages: int = 100_000
    #: Input held while the edge has not answered: above any single read of an event loop.
    max_pipelined_bytes: int = 1 * MIB

    @property
    def offers_auth(self) -> bool:
        """AUTH exists on this listener."""
        return self.role is ServerRole.SUBMISSION and bool(self.auth_mechanisms)

    def allows_auth(self, *, tls_active: bool) -> bool:
        """AUTH is taken on a connection as it stands now."""
        return self.offers_auth and (tls_active or not self.auth_needs_tls)

    def offers(self, *, tls_active: bool) -> tuple[str, ...]:
        """EHLO keywords for a connection as it stands now."""
        offers = ["PIPELINING", f"SIZE {self.max_size_bytes}"]
        if self.offers_starttls and not tls_active:
            offers.append("STARTTLS")
        if self.allows_auth(tls_active=tls_active):
            offers.append("AUTH " + " ".join(self.auth_mechanisms))
        return (*offers, "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8", "DSN")


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthAttempt:
    """Check these; answer `accept_auth` or `reject_auth`."""

    mechanism: AuthMechanism
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class MailFrom:
    """MAIL is well-formed; answer `reply`. `address` is as spelled, "" for the null reverse-path."""

    address: str
    parsed: Address | None
    params: MailParams


@dataclass(frozen=True, kw_only=True, slots=True)
class RcptTo:
    """RCPT is well-formed; answer `reply`. `parsed.domain` is "" for a bare Postmaster."""

    address: str
    parsed: Address
    params: RcptParams


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvelopeRecipient:
    """One accepted RCPT."""

    address: str
    parsed: Address
    params: RcptParams


@dataclass(frozen=True, kw_only=True, slots=True)
class SmtpEnvelope:
    """One accepted MAIL and its accepted RCPTs, in order. The null reverse-path is ""."""

    mail_from: str
    params: MailParams
    recipients: tuple[EnvelopeRecipient, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageReceived:
    """A whole message with clean line ends; answer `reply`, 250 only once it is durable."""

    envelope: SmtpEnvelope
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """What the session refused by itself, for whoever keeps a log; the envelope as it stood by then."""

    reply: SmtpReply
    #: The command, DATA for a content, "" where it was none of ours: then it may be anything, also a password.
    verb: str
    #: None outside of a transaction.
    mail_from: str | None
    recipients: int


ServerEvent: TypeAlias = Send | StartTls | AuthAttempt | MailFrom | RcptTo | MessageReceived | Close
