"""The DATA phase of the server: find the one true end, undo dot-stuffing, refuse what is unsafe.

Only CRLF.CRLF ends a message. Whatever else looks like an end to a lenient server is
content here, and content with a bare CR or LF is refused whole, so nobody can smuggle
a second message through us. Each octet is looked at a fixed number of times, by
`bytes.find`; memory stays within the size limit and one chunk. RFC 5321 §4.1.1.4, §4.5.2.
"""

from enum import StrEnum

from relayhub.protocol import reply as replies
from relayhub.protocol.smtp_wire import has_bare_line_end, has_dotted_line

_END = b"\r\n.\r\n"
_VIRTUAL_LINE_END = b"\r\n"  # DATA begins at the start of a line


class ContentFault(StrEnum):
    """Why a content is refused although its end was found."""

    TOO_BIG = "too_big"
    BARE_LINE_END = "bare_line_end"
    NUL = "nul"
    LINE_TOO_LONG = "line_too_long"


CONTENT_REFUSALS = {
    ContentFault.TOO_BIG: replies.MESSAGE_TOO_BIG,
    ContentFault.BARE_LINE_END: replies.BARE_LINE_END_IN_CONTENT,
    ContentFault.NUL: replies.NUL_IN_CONTENT,
    ContentFault.LINE_TOO_LONG: replies.CONTENT_LINE_TOO_LONG,
}


class ContentReader:
    """Collects one message's content. Feed until it gives the number of octets it used."""

    def __init__(self, *, max_size_bytes: int, max_line_octets: int) -> None:
        self._max_size_bytes = max_size_bytes
        self._max_line_octets = max_line_octets
        self._held = bytearray(_VIRTUAL_LINE_END)
        self._is_too_big = False
        self._ended = False

    @property
    def held_bytes(self) -> int:
        """How much memory the content takes now."""
        return len(self._held)

    def feed(self, data: bytes) -> int | None:
        """Take octets. None: all used, more is wanted. A number: the end was at that offset."""
        held = self._held
        before = len(held)
        held += data
        end = held.find(_END, max(0, before - len(_END) + 1))
        if end >= 0:
            used = end + len(_END) - before
            del held[end + 2 :]
            self._ended = True
            self._check_size()
            return used
        self._check_size()
        return None

    def _check_size(self) -> None:
        """Past the limit keep only what may be the beginning of the end."""
        # Dot-stuffing may add one octet a line; the exact size is checked at the end.
        if len(self._held) - len(_VIRTUAL_LINE_END) > self._max_size_bytes * 4 // 3 + 1024:
            self._is_too_big = True
        if self._is_too_big:
            del self._held[: -len(_END) + 1]

    def finish(self) -> bytes | ContentFault:
        """The content as the client meant it, or why it is refused. Once, after the end."""
        if not self._ended:
            raise ValueError("the end of the content has not been seen")
        if self._is_too_big:
            return ContentFault.TOO_BIG
        raw = bytes(self._held)
        self._held = bytearray()
        if has_bare_line_end(raw):
            return ContentFault.BARE_LINE_END
        if b"\0" in raw:
            return ContentFault.NUL
        if has_dotted_line(raw):
            raw = raw.replace(b"\r\n.", b"\r\n")
        if has_long_line(raw, self._max_line_octets):
            return ContentFault.LINE_TOO_LONG
        if len(raw) - len(_VIRTUAL_LINE_END) > self._max_size_bytes:
            return ContentFault.TOO_BIG
        return raw[len(_VIRTUAL_LINE_END) :]


def has_long_line(content: bytes, max_line_octets: int) -> bool:
    """Some line is longer, CRLF not counted. The content ends with CRLF.

    Hops from line end to line end, as far as one line may reach: few steps, O(n).
    """
    reach = max_line_octets + 2
    position, last = -1, len(content) - 1
    while position < last:
        reached = content.rfind(b"\n", position + 1, position + reach + 1)
        if reached < 0:
            return True
        position = reached
    return False
