"""The SMTP conversation as lines for people: bounded, content left out, secrets never in.

The machine knows no clock: the edge takes the lines after each step and stamps them.
"""

from enum import StrEnum
from typing import NamedTuple

from relayhub.protocol.reply import Malformed, SmtpReply

MAX_LINES = 400
MAX_LINE_CHARACTERS = 512


class Direction(StrEnum):
    """Who said it."""

    SENT = ">"
    RECEIVED = "<"
    NOTE = "*"  # what happened without words: TLS, a lost connection


class TranscriptLine(NamedTuple):
    """One line of the conversation."""

    direction: Direction
    text: str


class Transcript:
    """Collects lines until they are taken."""

    def __init__(self, *, is_kept: bool = True, max_lines: int = MAX_LINES) -> None:
        self._is_kept = is_kept
        self._max_lines = max_lines
        self._lines: list[TranscriptLine] = []
        self._left_out = 0

    def add(self, direction: Direction, text: str) -> None:
        """Keep a line, cut to length; past the limit only count it."""
        if not self._is_kept:
            return
        if len(self._lines) >= self._max_lines:
            self._left_out += 1
            return
        if len(text) > MAX_LINE_CHARACTERS:
            text = text[:MAX_LINE_CHARACTERS] + "…"
        self._lines.append(TranscriptLine(direction, text))

    def add_reply(self, reply: SmtpReply | Malformed) -> None:
        """Keep a reply of the peer, line by line."""
        if not self._is_kept:
            return
        if isinstance(reply, Malformed):
            self.add(Direction.RECEIVED, reply.text)
            return
        for line in _reply_lines(reply):
            self.add(Direction.RECEIVED, line)

    def take(self) -> tuple[TranscriptLine, ...]:
        """The lines since the last call."""
        if not self._lines:
            return ()
        lines, self._lines = self._lines, []
        if self._left_out:
            lines.append(TranscriptLine(Direction.NOTE, f"[{self._left_out} lines left out]"))
            self._left_out = 0
        return tuple(lines)


def _reply_lines(reply: SmtpReply) -> list[str]:
    enhanced = f"{reply.enhanced} " if reply.enhanced else ""
    last = len(reply.lines) - 1
    return [
        f"{reply.code}{'-' if index < last else ' '}{enhanced}{line}" for index, line in enumerate(reply.lines)
    ]
