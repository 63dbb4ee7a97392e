"""What a listener's role decides, between the connection that asks and the services that know.

Values and one interface; submission and MX implement it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from relayhub.protocol.reply import SmtpReply
from relayhub.protocol.smtp_server_events import RcptTo, Refused, ServerRole, SmtpEnvelope
from relayhub.relay.smtpd.auth import Principal


@dataclass(frozen=True, kw_only=True, slots=True)
class Incoming:
    """One whole message as a connection received it, and who gave it."""

    envelope: SmtpEnvelope
    content: bytes = field(repr=False)
    ip: str
    helo: str
    #: As a Received field says it (RFC 3848, RFC 6531 §3.7.3): ESMTPSA, UTF8SMTPS …
    protocol: str
    #: Version and cipher, "" without TLS.
    tls: str
    #: Who signed in; None on the MX and from trusted networks.
    principal: Principal | None
    is_trusted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Peer:
    """Whose connection it is."""

    ip: str
    helo: str
    principal: Principal | None
    is_trusted: bool


#: An answer at once, or the work that finds it and has to be done in a thread.
RcptAnswer: TypeAlias = SmtpReply | Callable[[], SmtpReply]


class Door(Protocol):
    """One role."""

    role: ServerRole

    def recipient(self, asked: RcptTo) -> RcptAnswer:
        """The answer to RCPT."""
        ...

    def sign_in(self, username: str, password: str, ip: str) -> Principal | SmtpReply:
        """Check a login; in a thread. Never raises."""
        ...

    def take(self, batch: Sequence[Incoming]) -> Sequence[SmtpReply]:
        """Make messages durable and answer each, in order; in a commit thread."""
        ...

    def note(self, peer: Peer, refused: Sequence[Refused]) -> None:
        """Keep what the session refused by itself, of a peer that is known; in a thread. Never raises."""
        ...
