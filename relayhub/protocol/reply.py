"""SMTP replies: the value, its bytes, an incremental reader, and every reply we give.

A reply is what an SMTP peer said, never an exception. The reader takes whatever a peer
sends: garbage, 8-bit text, a megabyte; it never raises, keeps a bounded part, and marks
what it could not read. Rendering never lets a line break or control character through.
RFC 5321 §4.2, RFC 2034, RFC 3463, RFC 6531 §3.7.4.2.
"""

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache

MAX_REPLY_LINE_OCTETS = 512  # RFC 5321 §4.5.3.1.5, with the code and CRLF
MAX_KEPT_TEXT_OCTETS = 16 * 1024  # more than any receiver says; what is kept of one reply
_MAX_REMEMBERED_OCTETS = 128  # of a reply line that is read once and then known
MAX_REPLY_OCTETS = 2 * 1024 * 1024  # a peer that talks longer in one reply is not speaking SMTP

_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?:[ \t]+|$)")
_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), "\N{REPLACEMENT CHARACTER}")
_CONTROLS[ord("\t")] = " "
_BREAKS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029), " ")


@dataclass(frozen=True, kw_only=True, slots=True)
class EnhancedCode:
    """A status code of RFC 3463, such as 5.1.1."""

    klass: int
    subject: int
    detail: int

    def __str__(self) -> str:
        return f"{self.klass}.{self.subject}.{self.detail}"

    @classmethod
    def parse(cls, text: str) -> "EnhancedCode | None":
        """Read `5.1.1`; None if the text is not exactly such a code."""
        match = _ENHANCED.fullmatch(text)
        if match is None:
            return None
        return cls(klass=int(match[1]), subject=int(match[2]), detail=int(match[3]))


@dataclass(frozen=True, kw_only=True, slots=True)
class SmtpReply:
    """One whole reply. `lines` hold the text without codes; there is at least one."""

    code: int
    enhanced: EnhancedCode | None = None
    lines: tuple[str, ...] = ("",)
    #: The bytes, where they were made ahead: the replies we give most are all constants.
    rendered: bytes = field(default=b"", repr=False, compare=False)

    @property
    def text(self) -> str:
        """The text as one line."""
        return " ".join(line for line in self.lines if line)

    @property
    def is_positive(self) -> bool:
        """2yz: done as asked."""
        return 200 <= self.code < 300

    @property
    def is_intermediate(self) -> bool:
        """3yz: go on."""
        return 300 <= self.code < 400

    @property
    def is_temporary(self) -> bool:
        """4yz: refused for now."""
        return 400 <= self.code < 500

    @property
    def is_permanent(self) -> bool:
        """5yz: refused for good."""
        return 500 <= self.code < 600

    def __str__(self) -> str:
        parts = (str(self.code), str(self.enhanced) if self.enhanced else "", self.text)
        return " ".join(part for part in parts if part)

    def with_text(self, text: str) -> "SmtpReply":
        """The same codes with another text."""
        return SmtpReply(code=self.code, enhanced=self.enhanced, lines=(text,))

    def render(self, *, allow_utf8: bool = False) -> bytes:
        """The bytes on the wire, each line within 512 octets.

        Text outside ASCII is escaped unless the client asked for SMTPUTF8.
        """
        if self.rendered:
            return self.rendered
        prefix = f"{self.enhanced} " if self.enhanced else ""
        if len(self.lines) == 1:
            line = f"{self.code} {prefix}{self.lines[0]}"
            if line.isascii() and line.isprintable() and len(line) <= MAX_REPLY_LINE_OCTETS - 2:
                return line.encode("ascii") + b"\r\n"
        rendered = [_line_octets(prefix + line, allow_utf8) for line in self.lines or ("",)]
        last = len(rendered) - 1
        return b"".join(
            b"%d%s%s\r\n" % (self.code, b"-" if index < last else b" ", line)
            for index, line in enumerate(rendered)
        )


def _line_octets(text: str, allow_utf8: bool) -> bytes:
    if text.isascii() and text.isprintable():
        octets = text.encode("ascii")
    elif allow_utf8:
        octets = text.translate(_BREAKS).encode("utf-8", "replace")
    else:
        octets = text.translate(_BREAKS).encode("ascii", "backslashreplace")
    room = MAX_REPLY_LINE_OCTETS - 6
    if len(octets) <= room:
        return octets
    return octets[:room].decode("utf-8", "ignore").encode("utf-8")


def make_reply(code: int, enhanced: str | None, *lines: str) -> SmtpReply:
    """Write a reply of ours; ValueError if the codes are malformed or contradict each other."""
    parsed = None
    if enhanced is not None:
        parsed = EnhancedCode.parse(enhanced)
        if parsed is None or parsed.klass != code // 100:
            raise ValueError(f"enhanced code {enhanced} does not fit reply code {code}")
    if not 200 <= code < 600:
        raise ValueError(f"{code} is no reply code")
    reply = SmtpReply(code=code, enhanced=parsed, lines=lines or ("",))
    return replace(reply, rendered=reply.render()) if all(map(str.isascii, lines)) else reply


@dataclass(frozen=True, kw_only=True, slots=True)
class Malformed:
    """What a peer sent where a reply was due, as far as it is worth keeping."""

    text: str
    why: str


class ReplyReader:
    """Collects bytes into replies. Never raises; its memory is bounded.

    After a `Malformed` the stream cannot be trusted: close the connection.
    """

    def __init__(
        self, *, max_kept_octets: int = MAX_KEPT_TEXT_OCTETS, max_octets: int = MAX_REPLY_OCTETS
    ) -> None:
        self._max_kept = max_kept_octets
        self._max_octets = max_octets
        self._pending = b""
        self._is_broken = False
        self._forget()

    def _forget(self) -> None:
        self._code = 0
        self._lines: list[bytes] = []
        self._kept_octets = 0
        self._octets = 0

    @property
    def has_partial(self) -> bool:
        """Bytes of an unfinished reply are held, or of another one behind it."""
        return bool(self._pending or self._lines or self._octets)

    def feed(self, data: bytes) -> list[SmtpReply | Malformed]:
        """Take bytes; give the replies they complete."""
        found: list[SmtpReply | Malformed] = []
        if self._is_broken:
            return found
        lines = (self._pending + data).split(b"\n")
        self._pending = self._cut_pending(lines.pop())
        for line in lines:
            result = self._take_line(line)
            if result is not None:
                found.append(result)
            if self._is_broken:
                return found
        if self._octets + len(self._pending) > self._max_octets:
            found.append(self._break(self._pending, "reply too long"))
        return found

    def _cut_pending(self, rest: bytes) -> bytes:
        """Drop the end of an endless line, but count it."""
        if len(rest) <= self._max_kept:
            return rest
        self._octets += len(rest) - self._max_kept
        return rest[: self._max_kept]

    def _take_line(self, line: bytes) -> SmtpReply | Malformed | None:
        if line.endswith(b"\r"):
            line = line[:-1]
        if not self._code and len(line) <= _MAX_REMEMBERED_OCTETS:
            whole = _whole_reply(line)
            if whole is not None:
                return whole
        match = _LINE.fullmatch(line)
        if match is None:
            return self._break(line, "not a reply line")
        code = int(match[1])
        if self._code and code != self._code:
            return self._break(line, f"reply code changed from {self._code}")
        self._code = code
        self._keep(match[3] or b"", len(line))
        if self._octets > self._max_octets:
            return self._break(line, "reply too long")
        if match[2] == b"-":
            return None
        reply = _reply_of(self._code, self._lines)
        self._forget()
        return reply

    def _keep(self, text: bytes, line_octets: int) -> None:
        self._octets += line_octets + 2
        if self._kept_octets >= self._max_kept:
            return
        text = text[: self._max_kept - self._kept_octets]
        self._kept_octets += len(text) + 2
        self._lines.append(text)

    def _break(self, line: bytes, why: str) -> Malformed:
        self._is_broken = True
        self._pending = b""
        self._forget()
        return Malformed(text=_readable(line[:200]), why=why)


@lru_cache(maxsize=1024)
def _whole_reply(line: bytes) -> SmtpReply | None:
    """The reply that one short line is, or None. Peers say the same few lines to every message."""
    match = _LINE.fullmatch(line)
    return None if match is None or match[2] == b"-" else _reply_of(int(match[1]), [match[3] or b""])


def _reply_of(code: int, raw_lines: list[bytes]) -> SmtpReply:
    lines = [_readable(raw) for raw in raw_lines]
    match = _ENHANCED.match(lines[0])
    if match is None:
        return SmtpReply(code=code, lines=tuple(lines))
    # Kept even where its class differs from the code's: it is what the peer said.
    enhanced = EnhancedCode(klass=int(match[1]), subject=int(match[2]), detail=int(match[3]))
    stated = str(match[0]).rstrip()
    texts = (line[len(stated) :].lstrip() if line.startswith(stated) else line for line in lines)
    return SmtpReply(code=code, enhanced=enhanced, lines=tuple(texts))


def _readable(octets: bytes) -> str:
    """Text of a peer without controls: NUL would not fit a database, ESC would reach a terminal."""
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        text = octets.decode("latin-1")
    return text if text.isascii() and text.isprintable() else text.translate(_CONTROLS)


def parse_reply(data: bytes) -> SmtpReply | Malformed | None:
    """The first whole reply in some bytes, or None if there is none."""
    found = ReplyReader().feed(data)
    return found[0] if found else None


# The replies we give. One name a meaning; the text is for strangers and says what to do.
# 2yz and 3yz
OK = make_reply(250, "2.0.0", "Ok")
SENDER_OK = make_reply(250, "2.1.0", "Sender ok")
RECIPIENT_OK = make_reply(250, "2.1.5", "Recipient ok")
BYE = make_reply(221, "2.0.0", "Bye")
HELP_TEXT = make_reply(214, "2.0.0", "See RFC 5321")
CANNOT_VERIFY = make_reply(252, "2.5.0", "Cannot verify; send some mail and see")
READY_FOR_TLS = make_reply(220, "2.0.0", "Ready to start TLS")
AUTHENTICATED = make_reply(235, "2.7.0", "Authentication successful")
GO_AHEAD = make_reply(354, None, "End data with <CR><LF>.<CR><LF>")
# 4yz: faults of ours, and limits that pass
FAULT_OURS = make_reply(451, "4.3.0", "Temporary fault here; please try again later")
STORAGE_FULL = make_reply(452, "4.3.1", "Storage is short; please try again later")
NOT_ACCEPTING = make_reply(421, "4.3.2", "Not accepting mail now; please try again later")
SHUTTING_DOWN = make_reply(421, "4.3.2", "Service is shutting down; please try again later")
TIMED_OUT = make_reply(421, "4.4.2", "Timeout; closing the connection")
TOO_MANY_ERRORS = make_reply(421, "4.7.0", "Too many errors; closing the connection")
TOO_MUCH_PIPELINED = make_reply(421, "4.5.0", "Too much input before an answer; closing the connection")
TOO_MANY_MESSAGES = make_reply(421, "4.5.0", "Too many messages in one connection; please reconnect")
TOO_MANY_CONNECTIONS = make_reply(421, "4.7.0", "Too many connections from your address")
RATE_LIMITED = make_reply(451, "4.7.1", "Rate limit reached; please try again later")
TOO_MANY_RECIPIENTS = make_reply(452, "4.5.3", "Too many recipients; send the rest in another transaction")
AUTH_UNAVAILABLE = make_reply(454, "4.7.0", "Temporary authentication failure; please try again later")
AUTH_THROTTLED = make_reply(454, "4.7.0", "Too many failed attempts; please try again later")
TLS_UNAVAILABLE = make_reply(454, "4.7.0", "TLS is not available now")
# 5yz: syntax and order
UNKNOWN_COMMAND = make_reply(500, "5.5.2", "Command not recognised")
LINE_TOO_LONG = make_reply(500, "5.5.2", "Line too long")
AUTH_LINE_TOO_LONG = make_reply(500, "5.5.6", "Authentication line too long")
BARE_LINE_END = make_reply(500, "5.5.2", "Lines end with CR LF; bare CR or LF is not accepted")
NUL_IN_COMMAND = make_reply(500, "5.5.2", "NUL is not accepted")
NOT_SMTP = make_reply(500, "5.5.2", "This is an SMTP service; closing the connection")
SYNTAX_ERROR = make_reply(501, "5.5.4", "Syntax error in arguments")
BAD_ENCODING = make_reply(501, "5.5.2", "Text is not valid UTF-8")
HELO_NEEDS_NAME = make_reply(501, "5.5.4", "EHLO and HELO need your host name")
NOT_IMPLEMENTED = make_reply(502, "5.5.1", "Command not implemented")
BAD_SEQUENCE = make_reply(503, "5.5.1", "Bad sequence of commands")
HELLO_FIRST = make_reply(503, "5.5.1", "Send EHLO or HELO first")
MAIL_FIRST = make_reply(503, "5.5.1", "Send MAIL first")
ALREADY_IN_TRANSACTION = make_reply(503, "5.5.1", "A transaction is already open; RSET ends it")
NO_VALID_RECIPIENTS = make_reply(554, "5.5.1", "No valid recipients")
UNKNOWN_PARAMETER = make_reply(555, "5.5.4", "Parameter not recognised or not offered")
# 5yz: addresses
BAD_SENDER_SYNTAX = make_reply(501, "5.1.7", "Sender address is malformed; write MAIL FROM:<user@domain>")
BAD_RECIPIENT_SYNTAX = make_reply(501, "5.1.3", "Recipient address is malformed; write RCPT TO:<user@domain>")
BAD_RECIPIENT_DOMAIN = make_reply(550, "5.1.2", "Recipient domain cannot receive mail")
NO_SUCH_MAILBOX = make_reply(550, "5.1.1", "No such mailbox here")
RELAY_DENIED = make_reply(550, "5.7.1", "Relaying denied")
SMTPUTF8_NEEDED = make_reply(553, "5.6.7", "Address outside ASCII; announce SMTPUTF8 with MAIL")
SMTPUTF8_NOT_OFFERED = make_reply(553, "5.6.7", "The receiver does not take addresses outside ASCII")
# 5yz: security
TLS_REQUIRED = make_reply(530, "5.7.0", "Send STARTTLS first")
AUTH_REQUIRED = make_reply(530, "5.7.0", "Authentication required")
AUTH_NEEDS_TLS = make_reply(538, "5.7.11", "Encryption required for authentication; send STARTTLS first")
AUTH_FAILED = make_reply(535, "5.7.8", "Authentication failed")
AUTH_CANCELLED = make_reply(501, "5.7.0", "Authentication cancelled")
AUTH_BAD_BASE64 = make_reply(501, "5.5.2", "Authentication data is malformed")
AUTH_UNKNOWN_MECHANISM = make_reply(504, "5.5.4", "Authentication mechanism not offered")
ALREADY_AUTHENTICATED = make_reply(503, "5.5.1", "Already authenticated")
SENDER_DOMAIN_NOT_VERIFIED = make_reply(550, "5.7.1", "The From domain is not verified for this account")
SENDER_NOT_ALLOWED = make_reply(550, "5.7.1", "This account may not send from that address")
POLICY_REFUSED = make_reply(550, "5.7.1", "Refused by policy")
WORKSPACE_STOPPED = make_reply(550, "5.7.1", "Sending is stopped for this account")
# 5yz: content
MESSAGE_TOO_BIG = make_reply(552, "5.3.4", "Message is too big")
BARE_LINE_END_IN_CONTENT = make_reply(550, "5.6.0", "Content has a bare CR or LF; lines end with CR LF")
NUL_IN_CONTENT = make_reply(550, "5.6.0", "Content has a NUL octet")
CONTENT_LINE_TOO_LONG = make_reply(550, "5.6.0", "Content has an over-long line; encode it or fold it")
CONTENT_MALFORMED = make_reply(550, "5.6.0", "Content is malformed")
TOO_MANY_HOPS = make_reply(554, "5.4.6", "Too many hops; this message loops")


def queued_as(message_id: str) -> SmtpReply:
    """The one reply that takes responsibility: give it after the commit, never before."""
    return SmtpReply(code=250, enhanced=OK.enhanced, lines=(f"Ok: queued as {message_id}",))
