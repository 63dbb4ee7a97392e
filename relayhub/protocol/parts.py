"""A compiled byte template of a message body: per recipient only a join and a hash remain.

Literal text is transfer-encoded (quoted-printable) and canonicalised once. Every piece,
literal or slot, begins at the start of a line and ends with one: a soft line break stands
before and after each slot. So pieces can be encoded and canonicalised one by one, no line
passes 76 octets whatever a slot holds, and the SHA-256 of the literal prefix is resumed.
This module must never evaluate logic: only slots. RFC 2045 §6.7, RFC 6376 §3.4.4.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, assert_never
from urllib.parse import quote

from relayhub.protocol.compose import QP_LINE_OCTETS, boundary_for, broken_line, quoted_printable
from relayhub.protocol.dkim_canonical import body_hash_of, relaxed_lines
from relayhub.protocol.headers import text_field

_SAFE = re.compile(r"[A-Za-z0-9!-,./:;?@_+-]{1,75}")  # stands as itself in quoted-printable, no = in it
_BREAKS = re.compile(r"[\r\n\0]+")
_URL_SAFE = "!#$%&'()*+,/:;=?@[]~-._"


class SlotKind(StrEnum):
    """How a slot's value is made safe for its place."""

    PLAIN = "plain"  #: Text as it is, in a text part.
    HTML = "html"  #: Text, escaped for HTML content and attributes.
    RAW_HTML = "raw_html"  #: HTML from ourselves, not escaped.
    URL = "url"  #: A URL in an HTML attribute: percent-encoded, then escaped.
    PLAIN_URL = "plain_url"  #: A URL in a text part: percent-encoded.
    HEADER = "header"  #: Text in a header field; line breaks become a space.


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """A place for a value."""

    name: str
    kind: SlotKind


Item: TypeAlias = str | Slot


@dataclass(frozen=True, kw_only=True, slots=True)
class TextSection:
    """Text with slots, to be written as quoted-printable; always ends with a line end."""

    items: tuple[Item, ...]


#: Bytes are framing, attachments and part headers: used as they are, ending in CRLF.
Section: TypeAlias = bytes | TextSection


@dataclass(frozen=True, kw_only=True, slots=True)
class RenderedBody:
    """A body for one recipient and the hash DKIM wants (`bh=`)."""

    content: bytes
    relaxed_body_hash: bytes


def cut(text: str, markers: Mapping[str, Slot]) -> tuple[Item, ...]:
    """Cut text at unique marker texts into literals and slots."""
    if not markers:
        return (text,)
    pattern = re.compile("(" + "|".join(re.escape(m) for m in sorted(markers, key=len, reverse=True)) + ")")
    return tuple(markers.get(piece, piece) for piece in pattern.split(text) if piece)


class CompiledMessage:
    """Literals and slots in turn; made by `compile_parts`, shared by all recipients."""

    __slots__ = ("_canonical", "_has_fixed_end", "_literals", "_prefix_hash", "_slots", "content_header")

    def __init__(self, literals: Sequence[bytes], slots: Sequence[Slot], content_header: bytes = b"") -> None:
        #: MIME-Version and Content-* fields that belong to this body.
        self.content_header = content_header
        self._literals = tuple(literals)
        self._slots = tuple(slots)
        self._canonical = tuple(relaxed_lines(literal) for literal in literals)
        self._prefix_hash = hashlib.sha256(self._canonical[0])
        # Only then do no empty lines at the end have to be taken away from the hash.
        last = self._canonical[-1]
        self._has_fixed_end = last.endswith(b"\r\n") and last != b"\r\n" and not last.endswith(b"\r\n\r\n")

    @property
    def slot_names(self) -> frozenset[str]:
        """Every name `render` needs."""
        return frozenset(slot.name for slot in self._slots)

    def render(self, values: Mapping[str, str]) -> RenderedBody:
        """The body with every slot filled. KeyError for a missing value; about 1 us a slot and the hash."""
        pieces = [self._literals[0]]
        canonical: list[bytes] = []
        for slot, literal, relaxed in zip(
            self._slots, self._literals[1:], self._canonical[1:], strict=True
        ):
            encoded = encode_slot(values[slot.name], slot.kind)
            pieces += (encoded, literal)
            canonical += (relaxed_lines(encoded), relaxed)
        content = b"".join(pieces)
        if not self._has_fixed_end:
            return RenderedBody(content=content, relaxed_body_hash=body_hash_of(content))
        digest = self._prefix_hash.copy()
        digest.update(b"".join(canonical))
        return RenderedBody(content=content, relaxed_body_hash=digest.digest())


def encode_slot(value: str, kind: SlotKind) -> bytes:
    """A value as whole quoted-printable lines: it ends in a soft line break, or is empty."""
    text = escape(value, kind)
    if _SAFE.fullmatch(text) and text != ".":
        return text.encode("ascii") + b"=\r\n"
    return _whole_lines(text)


def escape(value: str, kind: SlotKind) -> str:
    """A value made safe for its place, not yet transfer-encoded."""
    match kind:
        case SlotKind.PLAIN | SlotKind.RAW_HTML:
            return value
        case SlotKind.HTML:
            return html.escape(value, quote=True)
        case SlotKind.URL:
            return html.escape(quote(value, safe=_URL_SAFE, errors="replace"), quote=True)
        case SlotKind.PLAIN_URL:
            return quote(value, safe=_URL_SAFE, errors="replace")
        case SlotKind.HEADER:
            return _BREAKS.sub(" ", value)
        case _:
            assert_never(kind)


def _whole_lines(text: str) -> bytes:
    """Quoted-printable that begins at a line's start and ends at a line's end."""
    data = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    encoded = quoted_printable(data)
    return encoded if not encoded or data.endswith(b"\n") else _with_soft_end(encoded)


def _with_soft_end(encoded: bytes) -> bytes:
    """Encoded text with a soft line break behind it; a last line without room for it is broken once more."""
    start = encoded.rfind(b"\n") + 1
    last = encoded[start:]
    if len(last) < QP_LINE_OCTETS:
        return encoded + b"=\r\n"
    return encoded[:start] + broken_line(last + b"=") + b"\r\n"


def compile_parts(sections: Sequence[Section], *, content_header: bytes = b"") -> CompiledMessage:
    """Compile sections into literals and slots. ValueError for bytes that do not end in CRLF."""
    literals: list[bytes] = [b""]
    slots: list[Slot] = []
    for section in sections:
        if isinstance(section, bytes):
            if section and not section.endswith(b"\r\n"):
                raise ValueError("a section of bytes ends in CRLF")
            literals[-1] += section
            continue
        for item in _ended(section.items):
            if isinstance(item, Slot):
                slots.append(item)
                literals.append(b"")
            else:
                literals[-1] += _whole_lines(item)
    return CompiledMessage(literals, slots, content_header)


def _ended(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Items with a line end behind the last, so that no soft break stands before a boundary."""
    if items and isinstance(items[-1], str) and items[-1].endswith(("\n", "\r")):
        return items
    return (*items, "\n")


def compile_alternative(
    *, seed: bytes, text: tuple[Item, ...] | None = None, html: tuple[Item, ...] | None = None
) -> CompiledMessage:
    """Compile the usual message: text, HTML, or both as multipart/alternative."""
    given = [(kind, items) for kind, items in (("plain", text), ("html", html)) if items is not None]
    if not given:
        raise ValueError("text or HTML is wanted")
    if len(given) == 1:
        kind, items = given[0]
        return compile_parts(
            [TextSection(items=items)], content_header=b"MIME-Version: 1.0\r\n" + part_header(kind)
        )
    boundary = boundary_for("alternative", [], seed)  # cannot stand in quoted-printable
    sections: list[Section] = []
    for kind, items in given:
        sections.append(b"--" + boundary + b"\r\n" + part_header(kind) + b"\r\n")
        sections.append(TextSection(items=items))
    sections.append(b"--" + boundary + b"--\r\n")
    header = b'MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary="%s"\r\n' % boundary
    return compile_parts(sections, content_header=header)


def part_header(kind: str) -> bytes:
    """Content-Type and encoding of a compiled text part, without the empty line."""
    return (
        f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n'
    ).encode()


@dataclass(frozen=True, kw_only=True, slots=True)
class CompiledField:
    """An unstructured header field with slots, for example Subject."""

    name: str
    items: tuple[Item, ...]

    def render(self, values: Mapping[str, str]) -> bytes:
        """The whole field, encoded and folded; line breaks in values become a space."""
        text = "".join([item if isinstance(item, str) else values[item.name] for item in self.items])
        return text_field(self.name, _BREAKS.sub(" ", text))
