"""Read CSV as people really send it: any usual encoding and delimiter, broken quotes, no header.

Pure but for the stream it is given. A row that cannot be read is yielded with a reason and never swallows
the rows after it: when a quote is not closed, its first line is refused and reading goes on at the next.
RFC 4180 with the deviations that spreadsheets make.
"""

from __future__ import annotations

import csv
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from django.utils.translation import gettext as _

MAX_BYTES = 200 * 1024 * 1024  # CONTRACT 7
MAX_ROWS = 2_000_000  # CONTRACT 7
MAX_COLUMNS = 200  # CONTRACT 7
MAX_CELL = 32 * 1024  # CONTRACT 7
#: A row over more lines than this has a quote that was never closed.
MAX_LINES_A_ROW = 200
_MAX_ROW_BYTES = MAX_COLUMNS * MAX_CELL
_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_BYTES = 256 * 1024
_READ_BYTES = 1024 * 1024
#: Bytes that are signs in Windows-1252 (£ ¥ ¯ ³ ¹ ¿, and Ÿ) and letters in Windows-1250 (Ł Ą Ż ł ą ż ź), within a word.
#: Where a word ends or a sum begins they may be signs after all: m³, £5, ¿Qué?
_CENTRAL_EUROPEAN = re.compile(
    rb"[A-Za-z\xc0-\xff][\xa3\xa5\xaf\xb3\xb9\xbf\x9f][A-Za-z\xc0-\xff]"
    rb"|(?<![A-Za-z0-9\x80-\xff])[\xa3\xaf][A-Za-z\xf3][a-z\xc0-\xff]"
)


class UnreadableFile(Exception):
    """The whole file cannot be read as CSV; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a file is to be read."""

    encoding: str
    delimiter: str
    has_header: bool
    columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One record: its number as a spreadsheet shows it, its cells, and where the next one begins."""

    number: int
    cells: list[str]
    end_bytes: int
    #: Why it cannot be read, or "".
    fault: str = ""


def detect_encoding(chunks: Iterable[bytes]) -> str:
    """`utf-8`, `utf-16`, `cp1250` or `cp1252`, by BOM and by trying; reads everything. UnreadableFile for binary.

    Spreadsheets in Polish write Windows-1250: it is told by letters where Windows-1252 has signs within words.
    """
    decoder = getincrementaldecoder("utf-8")()
    is_utf8, is_central, first, size = True, False, True, 0
    for chunk in chunks:
        if first:
            first = False
            if chunk.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
                return "utf-16"
        size += len(chunk)
        if b"\0" in chunk:
            raise UnreadableFile(
                _("This is not a CSV file: it holds binary data. Export the sheet as CSV and try again.")
            )
        if is_utf8:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                is_utf8 = False
        is_central = is_central or (not chunk.isascii() and _CENTRAL_EUROPEAN.search(chunk) is not None)
    if size == 0:
        raise UnreadableFile(_("The file is empty."))
    if is_utf8:
        return "utf-8"
    return "cp1250" if is_central else "cp1252"


def as_utf8(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The file in UTF-8 without a BOM, with line feeds as line ends."""
    decoder = getincrementaldecoder(encoding)(errors="replace")
    held, first = "", True
    for chunk in chunks:
        text = held + decoder.decode(chunk)
        if first and text:
            text, first = text.removeprefix("\ufeff"), False
        # A CR at the end may be half of a CRLF: it waits for the next chunk.
        held = "\r" if text.endswith("\r") else ""
        text = text[: len(text) - len(held)]
        yield text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    yield (held.replace("\r", "\n") + decoder.decode(b"", True)).encode("utf-8", "replace")


def needs_rewriting(first_chunk: bytes, encoding: str) -> bool:
    """Whether the stored bytes differ from what `as_utf8` would give in a way that matters to `rows`."""
    return encoding != "utf-8" or first_chunk.startswith(BOM_UTF8) or b"\r" in first_chunk


def detect_dialect(stream: BinaryIO) -> Dialect:
    """Delimiter, header and column names of a UTF-8 stream; UnreadableFile with a reason."""
    sample = stream.read(_SAMPLE_BYTES).decode("utf-8", "replace")
    lines = [line for line in sample.split("\n")[:50] if line.strip()]
    if not lines:
        raise UnreadableFile(_("The file holds no rows."))
    delimiter = max(_DELIMITERS, key=lambda mark: _score(lines, mark))
    stream.seek(0)
    first = next(rows(stream, delimiter=delimiter, offset=0, number=0), None)
    if first is None:
        raise UnreadableFile(_("The file holds no rows."))
    cells = first.cells[0].split(delimiter) if first.fault and first.cells else first.cells
    if len(cells) > MAX_COLUMNS:
        raise UnreadableFile(
            _("The file has %(count)s columns; at most %(most)s are taken.")
            % {"count": len(cells), "most": MAX_COLUMNS}
        )
    has_header = not any("@" in cell for cell in cells)
    columns = _names(cells) if has_header else tuple(f"column {i + 1}" for i in range(len(cells)))
    return Dialect(encoding="utf-8", delimiter=delimiter, has_header=has_header, columns=columns)


def _score(lines: list[str], mark: str) -> tuple[int, int]:
    """How evenly, then how often, a delimiter divides the lines (quoted parts left out)."""
    counts = [_outside_quotes(line).count(mark) for line in lines]
    most = max(set(counts), key=counts.count)
    return (counts.count(most) if most else 0, most)


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])


def _names(cells: list[str]) -> tuple[str, ...]:
    names: list[str] = []
    for index, cell in enumerate(cells):
        name = " ".join(cell.split())[:200] or f"column {index + 1}"
        count = 2
        unique = name
        while unique in names:
            unique, count = f"{name} ({count})", count + 1
        names.append(unique)
    return tuple(names)


class _Lines:
    """Physical lines of a stream with their sizes; lines may be put back."""

    def __init__(self, stream: BinaryIO, offset: int) -> None:
        self._stream = stream
        stream.seek(offset)
        self._waiting: deque[bytes] = deque()

    def take(self) -> bytes:
        """The next line with its line feed, b"" at the end."""
        if self._waiting:
            return self._waiting.popleft()
        # A line without end must not fill memory: it is cut at what one row may hold.
        return self._stream.readline(_MAX_ROW_BYTES)

    def put_back(self, lines: list[bytes]) -> None:
        """Give back lines that the next `take` calls return in order."""
        self._waiting.extendleft(reversed(lines))


def rows(stream: BinaryIO, *, delimiter: str, offset: int, number: int) -> Iterator[Row]:
    """Records from a byte offset on; `number` is that of the row before. Blank lines count as rows but
    are left out.
    """
    csv.field_size_limit(MAX_CELL)
    lines = _Lines(stream, offset)
    position = offset
    while True:
        taken = [lines.take()]
        if not taken[0]:
            return
        number += 1
        cells, fault = _parse(taken, lines, delimiter)
        position += sum(map(len, taken))
        if cells or fault:
            yield Row(number=number, cells=cells, end_bytes=position, fault=fault)


def _parse(taken: list[bytes], lines: _Lines, delimiter: str) -> tuple[list[str], str]:
    """One record beginning with `taken[0]`; further lines it needs are appended to `taken`."""
    if b'"' not in taken[0]:
        text = taken[0].decode("utf-8", "replace").rstrip("\n")
        if not text.strip():
            return [], ""
        cells = text.split(delimiter)
        return (cells, "") if max(map(len, cells)) <= MAX_CELL else ([], _TOO_LONG)
    mark = delimiter.encode()
    is_open, size = _ends_open(taken[0], mark, is_open=False), len(taken[0])
    while is_open:
        more = lines.take() if len(taken) < MAX_LINES_A_ROW and size < _MAX_ROW_BYTES else b""
        size += len(more)
        if not more:
            return _first_line_alone(taken, lines)
        taken.append(more)
        is_open = _ends_open(more, mark, is_open=True)
    text = b"".join(taken).decode("utf-8", "replace")
    is_long = len(taken) > 1
    try:
        # Over several lines only a cell that ends as RFC 4180 says is believed: otherwise a quote that was
        # never closed would take the rows up to the next quote with it.
        return next(csv.reader([text], delimiter=delimiter, strict=is_long), []), ""
    except csv.Error as exc:
        if "limit" in str(exc):
            return [], _TOO_LONG
        return _first_line_alone(taken, lines) if is_long else ([], "it is not well-formed CSV")


def _first_line_alone(taken: list[bytes], lines: _Lines) -> tuple[list[str], str]:
    """Refuse the first line and give back those after it: they are rows of their own."""
    lines.put_back(taken[1:])
    del taken[1:]
    return [taken[0].decode("utf-8", "replace").strip()], "a quote is opened and never closed"


def _ends_open(line: bytes, mark: bytes, *, is_open: bool) -> bool:
    """Whether a line ends within a quoted cell. A quote opens one only where a cell begins: 5" is five inches."""
    has_closed = False
    for index, part in enumerate(line.split(b'"')[:-1]):
        if is_open:
            is_open, has_closed = False, True
        elif part == b"" and has_closed:
            is_open, has_closed = True, False  # a doubled quote within the cell
        else:
            has_closed = False
            is_open = part.endswith(mark) or (index == 0 and part == b"")
    return is_open


_TOO_LONG = f"a cell is longer than {MAX_CELL // 1024} KiB"

