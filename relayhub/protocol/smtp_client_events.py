"""The vocabulary between a client session and its edge: configuration and orders in, events out.

Values only. `Send`, `StartTls` and `Close` come from `smtp_wire`.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from relayhub.protocol.reply import SmtpReply
from relayhub.protocol.smtp_wire import Close, DsnReturn, RcptParams, Send, SmtpPhase, StartTls, xtext_encode

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f]")
_UNSAFE_UNQUOTED = re.compile("[\x00-\x20\x7f-\x9f<>]")


class Expected(StrEnum):
    """Which command the next reply answers."""

    BANNER = "banner"
    EHLO = "ehlo"
    HELO = "helo"
    STARTTLS = "starttls"
    AUTH_PLAIN = "auth_plain"
    AUTH_LOGIN = "auth_login"
    AUTH_USERNAME = "auth_username"
    AUTH_PASSWORD = "auth_password"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"
    EMPTY_DOT = "empty_dot"  # a dot to end a DATA that nobody is to get
    RSET = "rset"
    QUIT = "quit"


class ClientState(StrEnum):
    """What the session is doing."""

    SETUP = "setup"  # from the banner to AUTH
    TLS = "tls"  # the handshake is the edge's
    IDLE = "idle"  # `start` may be called
    TRANSACTION = "transaction"  # replies to MAIL, RCPT, DATA or RSET are due
    BODY = "body"  # `send_body` is due
    DOT_READY = "dot_ready"  # `send_dot` is due
    DOT_SENT = "dot_sent"  # the last reply is due
    QUITTING = "quitting"
    CLOSED = "closed"


PHASE_OF = {
    Expected.BANNER: SmtpPhase.BANNER,
    Expected.EHLO: SmtpPhase.EHLO,
    Expected.HELO: SmtpPhase.EHLO,
    Expected.STARTTLS: SmtpPhase.STARTTLS,
    Expected.AUTH_PLAIN: SmtpPhase.AUTH,
    Expected.AUTH_LOGIN: SmtpPhase.AUTH,
    Expected.AUTH_USERNAME: SmtpPhase.AUTH,
    Expected.AUTH_PASSWORD: SmtpPhase.AUTH,
    Expected.MAIL: SmtpPhase.MAIL,
    Expected.RCPT: SmtpPhase.RCPT,
    Expected.DATA: SmtpPhase.DATA,
    Expected.DOT: SmtpPhase.DOT,
    Expected.EMPTY_DOT: SmtpPhase.DATA,
    Expected.RSET: SmtpPhase.DATA,
    Expected.QUIT: SmtpPhase.QUIT,
}


class TlsPolicy(StrEnum):
    """What the session does about STARTTLS. Certificates are the edge's business."""

    NONE = "none"  # never ask
    OPPORTUNISTIC = "opportunistic"  # when offered; a refusal goes on in plain text
    REQUIRED = "required"  # no transaction without it


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientConfig:
    """How to speak to one peer. Raises ValueError for a name that would inject a command."""

    ehlo_name: str
    tls: TlsPolicy = TlsPolicy.OPPORTUNISTIC
    #: Both or neither; given, the session authenticates or fails.
    username: str = ""
    password: str = field(default="", repr=False)
    #: Only for peers on a private line: credentials never cross in plain text otherwise.
    auth_allows_plaintext: bool = False
    is_lmtp: bool = False
    uses_pipelining: bool = True
    #: Keep lines for the conversation page.
    keeps_transcript: bool = True

    def __post_init__(self) -> None:
        if not self.ehlo_name or not self.ehlo_name.isascii() or _UNSAFE_UNQUOTED.search(self.ehlo_name):
            raise ValueError("the EHLO name must be visible ASCII")
        if "\0" in self.username + self.password:
            raise ValueError("NUL in credentials")


@dataclass(frozen=True, kw_only=True, slots=True)
class PeerOffers:
    """What the peer's EHLO reply offers; after HELO, nothing."""

    pipelining: bool = False
    #: None: SIZE not offered; 0: offered without a limit (RFC 1870 §4).
    max_size_bytes: int | None = None
    eight_bit_mime: bool = False
    smtputf8: bool = False
    dsn: bool = False
    starttls: bool = False
    enhanced_codes: bool = False
    auth_mechanisms: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, reply: SmtpReply) -> "PeerOffers":
        """Read the EHLO reply; unknown keywords are ignored."""
        found: dict[str, list[str]] = {}
        for line in reply.lines[1:]:
            words = line.upper().replace("AUTH=", "AUTH ", 1).split()
            if words:
                found.setdefault(words[0], []).extend(words[1:])
        size = (found.get("SIZE") or ["0"])[0]
        limit = int(size) if re.fullmatch("[0-9]{1,20}", size) else 0
        return cls(
            pipelining="PIPELINING" in found,
            max_size_bytes=limit if "SIZE" in found else None,
            eight_bit_mime="8BITMIME" in found,
            smtputf8="SMTPUTF8" in found,
            dsn="DSN" in found,
            starttls="STARTTLS" in found,
            enhanced_codes="ENHANCEDSTATUSCODES" in found,
            auth_mechanisms=frozenset(found.get("AUTH", ())),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class OutgoingRecipient:
    """One RCPT to send, as the envelope spells it (domain in A-labels: `Address.wire_spec`)."""

    address: str
    params: RcptParams = field(default_factory=RcptParams)

    def __post_init__(self) -> None:
        check_path(self.address)
        if not self.address:
            raise ValueError("a recipient is never the null path")

    def command(self, offers: PeerOffers) -> str:
        """The RCPT line, with DSN parameters where the peer takes them."""
        line = f"RCPT TO:<{self.address}>"
        if not offers.dsn:
            return line
        if self.params.notify:
            line += " NOTIFY=" + ",".join(sorted(self.params.notify))
        if self.params.original_recipient:
            kind, _, address = self.params.original_recipient.partition(";")
            line += f" ORCPT={xtext_encode(kind)};{xtext_encode(address)}"
        return line


@dataclass(frozen=True, kw_only=True, slots=True)
class MailTransaction:
    """One MAIL with its RCPTs. Raises ValueError for a path that would inject a command."""

    mail_from: str
    recipients: tuple[OutgoingRecipient, ...]
    #: Octets of the content before dot-stuffing, 0 if not known.
    size_bytes: int = 0
    needs_8bit: bool = False
    #: Header fields need it; addresses outside ASCII need it anyway.
    needs_smtputf8: bool = False
    dsn_return: DsnReturn | None = None
    envelope_id: str | None = None

    def __post_init__(self) -> None:
        check_path(self.mail_from)
        if not self.recipients:
            raise ValueError("a transaction needs a recipient")

    @property
    def uses_smtputf8(self) -> bool:
        """The transaction cannot be said without SMTPUTF8."""
        paths = (self.mail_from, *(recipient.address for recipient in self.recipients))
        return self.needs_smtputf8 or not all(path.isascii() for path in paths)

    def command(self, offers: PeerOffers) -> str:
        """The MAIL line, with what the peer takes.

        8-bit content goes out even where 8BITMIME is not offered: it cannot be converted
        without breaking its signature, and receivers that do not offer it pass it on.
        """
        line = f"MAIL FROM:<{self.mail_from}>"
        if offers.max_size_bytes is not None and self.size_bytes:
            line += f" SIZE={self.size_bytes}"
        if self.needs_8bit and offers.eight_bit_mime:
            line += " BODY=8BITMIME"
        if self.uses_smtputf8:
            line += " SMTPUTF8"
        if offers.dsn and self.dsn_return:
            line += f" RET={self.dsn_return}"
        if offers.dsn and self.envelope_id:
            line += f" ENVID={xtext_encode(self.envelope_id)}"
        return line


def check_path(path: str) -> None:
    """ValueError for what could end the path or the line: a second wall behind address parsing."""
    pattern = _UNSAFE if path.startswith('"') else _UNSAFE_UNQUOTED
    if pattern.search(path):
        raise ValueError("an envelope path has a control character, blank or bracket")


class OutcomeKind(StrEnum):
    """What is known about one recipient at the end of a transaction."""

    ANSWERED = "answered"  # the peer's reply decided
    LOCAL = "local"  # we refused for the peer, which does not offer what is needed; the reply is ours
    LOST = "lost"  # no answer, and the dot was not sent: the peer cannot have taken it
    UNKNOWN = "unknown"  # no answer, and the dot was sent: the peer may have taken it


@dataclass(frozen=True, kw_only=True, slots=True)
class RecipientOutcome:
    """One recipient's end. `reply` is None for LOST and UNKNOWN; `why` is for operators."""

    address: str
    phase: SmtpPhase
    kind: OutcomeKind
    reply: SmtpReply | None = None
    why: str = ""

    @property
    def is_accepted(self) -> bool:
        """The peer took responsibility."""
        return self.phase is SmtpPhase.DOT and self.reply is not None and self.reply.is_positive


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """Set-up is done: `start` may be called."""

    offers: PeerOffers


@dataclass(frozen=True, kw_only=True, slots=True)
class SendBody:
    """The peer wants the content for these recipients: call `send_body`, or `abandon`."""

    recipients: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadyForDot:
    """The content is handed out. Make the intent durable, then `send_dot`; or `abandon`."""

    recipients: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class TransactionDone:
    """Every recipient's outcome, in the order given. If reusable, `start` may be called again."""

    outcomes: tuple[RecipientOutcome, ...]
    is_reusable: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionFailed:
    """No transaction can be had here (any more). None was open, so nothing was sent."""

    phase: SmtpPhase
    reply: SmtpReply | None = None
    why: str = ""


ClientEvent: TypeAlias = (
    Send | StartTls | Ready | SendBody | ReadyForDot | TransactionDone | SessionFailed | Close
)
