"""What both ends of SMTP share: events every edge obeys, parameter values, xtext, dot-stuffing.

Pure values and bytes. RFC 5321 §4.5.2, RFC 3461 §4, RFC 6152, RFC 6533.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum

_PLAIN_XTEXT = re.compile(r"[!-*,-<>-~]*")  # RFC 3461 §4: printable, but not + and =
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_HEX_PAIR = re.compile(r"\+([0-9A-F]{2})")
_NOT_LINE_ENDS = bytes(octet for octet in range(256) if octet not in b"\r\n")
_BARE_CR = re.compile(rb"\r(?!\n)")
_DOTTED_LINE = re.compile(rb"\n\.")
_LINE_END = re.compile(rb"\r\n|\r|\n")


class BodyKind(StrEnum):
    """The BODY parameter of RFC 6152."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT = "8BITMIME"


class DsnReturn(StrEnum):
    """The RET parameter of RFC 3461: what a failure notice gives back."""

    FULL = "FULL"
    HEADERS = "HDRS"


class DsnNotify(StrEnum):
    """The NOTIFY parameter of RFC 3461: when a notice is wanted."""

    NEVER = "NEVER"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    DELAY = "DELAY"


class AuthMechanism(StrEnum):
    """The SASL mechanisms both ends speak."""

    PLAIN = "PLAIN"
    LOGIN = "LOGIN"


class SmtpPhase(StrEnum):
    """How far a conversation had come when a reply, or its absence, decided something."""

    CONNECT = "connect"  # no connection stands yet; the edge's business
    BANNER = "banner"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"  # content is on its way, the final dot is not
    DOT = "dot"  # the final dot was sent: only here may the peer have taken the message
    QUIT = "quit"


@dataclass(frozen=True, kw_only=True, slots=True)
class RcptParams:
    """What RCPT said beside the path; `original_recipient` is `type;address`, decoded."""

    notify: frozenset[DsnNotify] = field(default_factory=frozenset)
    original_recipient: str | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes to the peer."""

    data: bytes


@dataclass(frozen=True, slots=True)
class StartTls:
    """All bytes so far are written: now do the TLS handshake, then tell the session."""


@dataclass(frozen=True, slots=True)
class Close:
    """Write what is still to be written, then close the connection. The session is over."""


class SmtpStateError(RuntimeError):
    """An edge called a session method that its state does not allow: a fault in our code."""


def xtext_encode(text: str) -> str:
    """Write a value as xtext; octets are those of UTF-8."""
    if _PLAIN_XTEXT.fullmatch(text):
        return text
    return "".join(
        chr(octet) if 33 <= octet <= 126 and octet not in (0x2B, 0x3D) else f"+{octet:02X}"
        for octet in text.encode("utf-8")
    )


def xtext_decode(text: str) -> str | None:
    """Read xtext; None if malformed, or if it hides a control character."""
    if not _XTEXT.fullmatch(text):
        return None
    octets = _HEX_PAIR.sub(lambda pair: chr(int(pair[1], 16)), text).encode("latin-1")
    try:
        decoded = octets.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return decoded if decoded.isprintable() else None


def has_bare_line_end(content: bytes) -> bool:
    """Some CR or LF is not part of a CRLF.

    No CR without its LF, and CR and LF strictly in turn: so no LF without its CR.
    Half the cost of counting pairs with `bytes.count`.
    """
    if _BARE_CR.search(content):
        return True
    ends = content.translate(None, _NOT_LINE_ENDS)
    return ends != b"\r\n" * (len(ends) // 2)


def has_dotted_line(content: bytes) -> bool:
    """Some line but the first begins with a dot. A regular expression beats `in` here by half."""
    return _DOTTED_LINE.search(content) is not None


def dot_stuff(content: bytes) -> bytes:
    """Content ready for DATA: dots doubled, CRLF at its end, without the final dot.

    Bare CR and LF become CRLF first: let through, they would let a lenient receiver see
    an end of message that we did not write (SMTP smuggling).
    """
    if has_bare_line_end(content):
        content = _LINE_END.sub(b"\r\n", content)
    if has_dotted_line(content):
        content = content.replace(b"\r\n.", b"\r\n..")
    if content.startswith(b"."):
        content = b"." + content
    return content if content.endswith(b"\r\n") or not content else content + b"\r\n"
