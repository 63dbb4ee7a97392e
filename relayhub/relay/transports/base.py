"""What a way out is, and what it must do for one recipient.

A transport sends everything up to the final dot, then asks `before_dot`, which makes the intent durable. Only
where that says yes it sends the dot and waits for the answer; where it says no it closes the connection
without the dot, and nothing was handed over. Peers' answers are values, never exceptions.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit
from uuid import UUID

from django.utils.translation import gettext as _

from relayhub.protocol.reply import SmtpReply

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]", re.ASCII)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,59}", re.ASCII)
DEFAULT_PORTS = {"smtp": 25, "smtps": 465, "lmtp": 24}


class TransportKind(StrEnum):
    """The ways out."""

    SANDBOX = "sandbox"  # kept inside, to be looked at
    DIRECT = "direct"  # to the recipient domain's MX hosts
    SMTP = "smtp"  # through a smarthost, STARTTLS where offered
    SMTPS = "smtps"  # through a smarthost, TLS from the first octet
    LMTP = "lmtp"  # to a local mail store
    ANYMAIL = "anymail"  # through a provider's API


class TransportTextError(ValueError):
    """A text names no transport; the message says what is taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TransportSpec:
    """A way out as rules name it. User and password are never part of `text`."""

    kind: TransportKind
    host: str = ""
    port: int = 0
    #: The provider of `anymail:NAME`.
    name: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    #: A provider's settings, such as (("api_key", "…"),), sorted by name.
    settings: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @classmethod
    def parse(cls, text: str) -> TransportSpec:
        """Read `sandbox`, `direct`, `smtp://user:pw@host:port`, `smtps://…`, `lmtp://…`, `anymail:NAME`."""
        plain = text.strip()
        if plain in ("sandbox", "direct"):
            return cls(kind=TransportKind(plain))
        if plain.startswith("anymail:"):
            name = plain.removeprefix("anymail:")
            if not _NAME.fullmatch(name):
                raise TransportTextError(_("Write a provider as anymail:NAME, such as anymail:mailgun."))
            return cls(kind=TransportKind.ANYMAIL, name=name.lower())
        return cls._from_url(plain)

    @classmethod
    def _from_url(cls, text: str) -> TransportSpec:
        problem = TransportTextError(
            _("A transport is one of: sandbox, direct, smtp://host:port, smtps://host:port, lmtp://host:port, "
              "anymail:NAME.")
        )
        if not text.isprintable():  # urlsplit would drop line breaks without a word
            raise problem
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as exc:
            raise problem from exc
        host = parts.hostname or ""
        if parts.scheme not in DEFAULT_PORTS or parts.path.strip("/") or parts.query or parts.fragment:
            raise problem
        if not _HOST.fullmatch(f"[{host}]" if ":" in host else host):
            raise problem
        return cls(
            kind=TransportKind(parts.scheme), host=host, port=port or DEFAULT_PORTS[parts.scheme],
            username=unquote(parts.username or ""), password=unquote(parts.password or ""),
        )

    @property
    def text(self) -> str:
        """The public text, without user and password."""
        if self.kind in (TransportKind.SANDBOX, TransportKind.DIRECT):
            return self.kind.value
        if self.kind is TransportKind.ANYMAIL:
            return f"anymail:{self.name}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind.value}://{host}:{self.port}"

    @property
    def leaves(self) -> bool:
        """Whether mail leaves this installation by it."""
        return self.kind is not TransportKind.SANDBOX


@dataclass(frozen=True, kw_only=True, slots=True)
class OutgoingMessage:
    """One recipient's exact bytes and envelope."""

    recipient_id: UUID
    mail_from: str
    rcpt_to: str
    #: Where it goes, for transports that look the host up.
    domain: str
    content: bytes = field(repr=False)
    needs_8bit: bool = False
    needs_smtputf8: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class SendResult:
    """What one attempt came to, as far as the transport can tell."""

    #: delivered, deferred, bounced, unknown, abandoned: by the reply's class alone; rules refine it.
    disposition: str
    phase: str
    reply: SmtpReply | None = None
    #: What happened where no peer said it: "connection refused", "no answer within 30 s".
    why: str = ""
    peer_host: str = ""
    peer_address: str = ""
    source_address: str = ""
    #: {"version", "cipher", "verified"} or None for plain text.
    tls: dict[str, Any] | None = None
    #: [[milliseconds, "C" or "S", line], …]
    transcript: list[list[Any]] = field(default_factory=list)
    started_at: datetime | None = None
    ended_at: datetime | None = None
    detail: dict[str, Any] = field(default_factory=dict)


#: Makes the intent durable; False = do not send the dot.
BeforeDot = Callable[[], Awaitable[bool]]


class Transport(Protocol):
    """A way out, pooled in one event loop."""

    async def send(self, message: OutgoingMessage, *, before_dot: BeforeDot) -> SendResult:
        """Try to hand over one recipient; never raises for what a peer or network does."""
        ...

    async def close(self) -> None:
        """Say QUIT where that is quick, and let all connections go."""
        ...
