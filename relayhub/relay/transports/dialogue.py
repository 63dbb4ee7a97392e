"""The conversation of one attempt as the message page shows it: `[[milliseconds, who, line], …]`.

`who` is C for us, the client, S for the server, and * for what happened without words. Bodies and secrets
were left out by the session before they get here.
"""

from __future__ import annotations

import time
from typing import Any

from relayhub.protocol.smtp_client_transcript import Direction, TranscriptLine

_WHO = {Direction.SENT: "C", Direction.RECEIVED: "S", Direction.NOTE: "*"}


class Dialogue:
    """Collects lines with the time since the attempt began."""

    __slots__ = ("_began", "_lines")

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._lines: list[tuple[float, tuple[TranscriptLine, ...]]] = []

    def add(self, lines: tuple[TranscriptLine, ...]) -> None:
        """Stamp lines with the present moment."""
        if lines:
            self._lines.append((time.monotonic() - self._began, lines))

    def note(self, text: str) -> None:
        """Remark something that nobody said."""
        self.add((TranscriptLine(Direction.NOTE, text),))

    def as_rows(self) -> list[list[Any]]:
        """What is stored."""
        return [
            [round(seconds * 1000), _WHO[line.direction], line.text]
            for seconds, lines in self._lines
            for line in lines
        ]
