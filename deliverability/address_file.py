"""Read addresses as people have them: pasted text, one a line, or CSV from anywhere. Pure.

Any usual encoding (UTF-8, UTF-16 by its mark, else Windows-1252) and delimiter (comma, semicolon, tab); a column
called address or email, else the first that holds an @. Each line stands for itself, so a quote that is never
closed costs one line. A line that is no address is told with its number, never dropped.
"""

from __future__ import annotations

import csv
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, TextIO

from django.utils.translation import gettext_noop

from relayhub.core.cells import plain_cell

MAX_BYTES = 200 * 1024 * 1024  # CONTRACT 7, import
MAX_LINES = 2_000_000  # CONTRACT 7, import
#: A longer line is cut: no address is that long, and a file without line ends must not fill the memory.
_MAX_LINE = 64 * 1024
_ADDRESS_HEADINGS = frozenset(
    {"address", "email", "e-mail", "e mail", "mail", "email address", "e-mail address", "emailaddress", "recipient"}
)
_OTHER_HEADINGS = frozenset({"reason", "scope", "stream", "list", "source"})


class NotText(Exception):
    """The file holds no text; the message says what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line that says something: its number from 1, and its cells by what they are."""

    number: int
    address: str
    cells: dict[str, str]


def pasted(text: str) -> list[str]:
    """The addresses of a pasted text: parted by lines, commas, semicolons or blanks; `Name <address>` counts once."""
    found: list[str] = []
    for chunk in re.split(r"[\n\r;,]+", text):
        inside = re.search(r"<([^<>\s]+)>", chunk)
        if inside:
            found.append(inside[1])
        else:
            found += [word.removeprefix("mailto:").strip("\"'") for word in chunk.split()]
    return [word for word in found if word]


class EncodingGuess:
    """Learns a file's encoding and length while its chunks pass through."""

    def __init__(self) -> None:
        self._decoder = getincrementaldecoder("utf-8")()
        self._marked = ""
        self._is_utf8 = True
        self._begun = False
        self.size_bytes = 0
        self.lines = 0

    def watch(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks; NotText where they are no text."""
        for chunk in chunks:
            self._look(chunk)
            yield chunk
        try:
            self._decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            self._is_utf8 = False

    @property
    def encoding(self) -> str:
        """Once all chunks have passed."""
        return self._marked or ("utf-8-sig" if self._is_utf8 else "cp1252")

    def _look(self, chunk: bytes) -> None:
        if not self._begun and chunk:
            self._begun = True
            if chunk.startswith(b"PK\x03\x04"):
                raise NotText(gettext_noop("This is an Excel or ZIP file. Save the sheet as CSV and import that."))
            if chunk.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
                self._marked = "utf-16"
            elif chunk.startswith(BOM_UTF8):
                self._marked = "utf-8-sig"
        self.size_bytes += len(chunk)
        self.lines += chunk.count(b"\n")
        if self._marked != "utf-16" and b"\0" in chunk:
            raise NotText(gettext_noop("This is not a text file. Save the addresses as CSV or text and import that."))
        if self._is_utf8 and not self._marked:
            try:
                self._decoder.decode(chunk)
            except UnicodeDecodeError:
                self._is_utf8 = False


def open_text(stream: BinaryIO, encoding: str) -> TextIO:
    """The stream as text; octets that mean nothing become replacement characters and so no address."""
    import io

    return io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline=None)


def lines_of(stream: TextIO) -> Iterator[Line]:
    """Every line that holds anything, but for a heading; MAX_LINES at most are read."""
    columns: dict[str, int] | None = None
    delimiter = ","
    number = 0
    for text in _physical_lines(stream):
        number += 1
        if number > MAX_LINES:
            return
        if not text.strip():
            continue
        if columns is None:
            delimiter = max(",;\t", key=text.count)
            cells = _cells(text, delimiter)
            columns, is_heading = _columns(cells)
            if is_heading:
                continue
        yield _line(number, _cells(text, delimiter), columns)


def _physical_lines(stream: TextIO) -> Iterator[str]:
    while text := stream.readline(_MAX_LINE):
        whole = text
        while not text.endswith("\n") and len(text) == _MAX_LINE:  # the rest of a line that is too long is passed over
            text = stream.readline(_MAX_LINE)
        yield whole.replace("\0", "")


def _cells(text: str, delimiter: str) -> list[str]:
    try:
        rows = list(csv.reader([text.rstrip("\r\n")], delimiter=delimiter))
    except csv.Error:
        rows = []
    return [plain_cell(cell.strip()) for cell in rows[0]] if rows else [text.strip()]


def _columns(cells: list[str]) -> tuple[dict[str, int], bool]:
    """Where what stands, told by the first line, and whether that line is a heading."""
    names = [cell.lower() for cell in cells]
    at = next((index for index, name in enumerate(names) if name in _ADDRESS_HEADINGS), None)
    if at is not None:
        return {"address": at} | {name: index for index, name in enumerate(names) if name in _OTHER_HEADINGS}, True
    first = next((index for index, cell in enumerate(cells) if "@" in cell), None)
    if first is None:
        return {"address": 0, "reason": 1}, True
    return {"address": first, "reason": first + 1}, False


def _line(number: int, cells: list[str], columns: dict[str, int]) -> Line:
    named = {name: cells[at] for name, at in columns.items() if at < len(cells)}
    address = named.pop("address", "")
    inside = re.search(r"<([^<>\s]+)>\s*$", address)
    return Line(number=number, address=inside[1] if inside else address, cells=named)
