"""Whether a message is nested deeper, or has more parts, than anything honest: RFC 2046 sets no bound, we do.

Most mail is decided by three counts over its octets. Only what those leave open is read line by line, and
never further than the bound.
"""

from __future__ import annotations

import re

MAX_DEPTH = 20
MAX_PARTS = 1000

_BOUNDARY = re.compile(rb";\s*boundary\s*=\s*(?:\"([^\"]{1,200})\"|([^\s;]{1,200}))", re.IGNORECASE)
_CONTENT_TYPE = re.compile(rb"content-type[ \t]*:[ \t\r\n]*", re.IGNORECASE)
_CONTAINERS = (b"multipart/", b"message/rfc822", b"message/global")


def problem(content: bytes) -> str | None:
    """What is beyond the bounds, in words; None where nothing is."""
    lines = content.count(b"\n--")
    if lines <= MAX_DEPTH and content.count(b"/") <= MAX_DEPTH:
        return None  # the quickest count: every kind of part is written with a slash
    lower = content.lower()
    if lines <= MAX_PARTS and sum(map(lower.count, _CONTAINERS)) <= MAX_DEPTH:
        return None
    return _Reading().read(content)


class _Reading:
    """Walks through the lines with the boundaries that are open; None stands for an enclosed message."""

    def __init__(self) -> None:
        self._open: list[bytes | None] = []
        self._header: list[bytes] | None = []
        self._parts = 0

    def read(self, content: bytes) -> str | None:
        """The first bound that is passed."""
        for line in content.splitlines():
            if line.startswith(b"--") and self._at_boundary(line.rstrip()):
                if self._parts > MAX_PARTS:
                    return f"The message has more than {MAX_PARTS:,} parts."
            elif self._header is not None and line:
                self._header.append(line)
            elif self._header is not None:
                self._enter(self._header)
                if len(self._open) > MAX_DEPTH:
                    return f"The message is nested deeper than {MAX_DEPTH} levels."
        return None

    def _at_boundary(self, line: bytes) -> bool:
        for level in range(len(self._open) - 1, -1, -1):
            boundary = self._open[level]
            if boundary is None or not line.startswith(b"--" + boundary):
                continue
            rest = line[2 + len(boundary) :]
            if rest == b"--":
                del self._open[level:]
                self._header = None
                return True
            if not rest:
                del self._open[level + 1 :]
                self._header = []
                self._parts += 1
                return True
        return False

    def _enter(self, header: list[bytes]) -> None:
        self._header = None
        block = b"\n".join(header)
        for start in _CONTENT_TYPE.finditer(block):
            if start.start() and block[start.start() - 1 : start.start()] != b"\n":
                continue
            value = re.split(rb"\n(?![ \t])", block[start.end() :], maxsplit=1)[0]
            kind = value.lower()
            if kind.startswith(_CONTAINERS[0]):
                found = _BOUNDARY.search(value)
                if found:
                    self._open.append(found[1] or found[2])
            elif kind.startswith(_CONTAINERS[1:]):
                self._open.append(None)
                self._header = []
            return
