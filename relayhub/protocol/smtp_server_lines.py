"""Command lines of the server: cut at CRLF, strictly, with bounded memory.

A line that ends in a bare LF is never handed out: what stands behind it may be a
smuggled command. An over-long line is named once, as soon as it is too long, and the
rest of it dropped as it comes. RFC 5321 §2.3.8, §4.5.3.1.4.
"""

from enum import StrEnum


class LineFault(StrEnum):
    """What came instead of a line."""

    TOO_LONG = "too_long"
    BARE_LINE_FEED = "bare_line_feed"


class LineReader:
    """Holds input; gives whole lines, or all that is left where content follows."""

    def __init__(self, *, max_line_octets: int) -> None:
        self._max_line_octets = max_line_octets
        self._buffer = bytearray()
        self._position = 0
        self._is_skipping = False

    @property
    def held_bytes(self) -> int:
        """Input that is not handed out yet."""
        return len(self._buffer) - self._position

    def feed(self, data: bytes) -> None:
        """Add input."""
        self._buffer += data

    def next_line(self) -> bytes | LineFault | None:
        """The next line without CRLF; None if more input is needed."""
        while True:
            start = self._position
            end = self._buffer.find(b"\n", start)
            if end < 0:
                return self._guard_endless_line()
            self._position = end + 1
            if self._is_skipping:
                self._is_skipping = False
                continue
            if end == start or self._buffer[end - 1] != 0x0D:
                return LineFault.BARE_LINE_FEED
            return bytes(self._buffer[start : end - 1])

    def take_rest(self) -> bytes:
        """All input held; give back what is not used with `feed`, before anything else."""
        rest = bytes(self._buffer[self._position :] if self._position else self._buffer)
        self.clear()
        return rest

    def compact(self) -> None:
        """Let go of the memory of lines already handed out."""
        if self._position:
            del self._buffer[: self._position]
            self._position = 0

    def clear(self) -> None:
        """Forget all input."""
        self._buffer.clear()
        self._position = 0
        self._is_skipping = False

    def _guard_endless_line(self) -> LineFault | None:
        if self._is_skipping:
            self._position = len(self._buffer)
        elif self.held_bytes > self._max_line_octets:
            self._is_skipping = True
            self._position = len(self._buffer)
            return LineFault.TOO_LONG
        return None
