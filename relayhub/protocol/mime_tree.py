"""Read any mail as a tree of parts: for reports and returned mail, where senders break every rule.

Never raises and never takes long: sizes, depth and counts are bounded, what is beyond them is left out, and
what cannot be decoded is kept as it is. It judges nothing. RFC 2045, RFC 2046, RFC 2047.
"""

from __future__ import annotations

import binascii
import codecs
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from relayhub.protocol.headers import HeaderInjection, decode_text

MAX_READ_OCTETS = 2 * 1024 * 1024  # a report is small; what follows in a longer mail is the returned content
MAX_PARTS = 64
MAX_DEPTH = 6
MAX_HEADER_OCTETS = 64 * 1024

_FIELD = re.compile(r"([!-9;-~]{1,100})[ \t]*:[ \t]*(.*)", re.DOTALL)
_PARAMETER = re.compile(r";\s*([A-Za-z0-9_*-]{1,40})\s*=\s*(?:\"((?:[^\"\\]|\\.){0,400})\"|([^\s;]{1,400}))")
_END_OF_HEADER = re.compile(rb"\r?\n[ \t]*\r?\n|\r[ \t]*\r(?!\n)")


@dataclass(slots=True)
class Part:
    """One entity. `fields` hold (lower-case name, unfolded value) in order."""

    fields: list[tuple[str, str]]
    raw_body: bytes
    kind: str = "text/plain"
    parameters: dict[str, str] = field(default_factory=dict)
    children: list[Part] = field(default_factory=list)

    def first(self, name: str) -> str:
        """The first field of this name, decoded, or ""."""
        return next((_decoded(value) for key, value in self.fields if key == name), "")

    def all(self, name: str) -> list[str]:
        """Every field of this name, as it stands."""
        return [value for key, value in self.fields if key == name]

    def walk(self) -> Iterator[Part]:
        """This part and all within it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()

    @property
    def body(self) -> bytes:
        """The body without its transfer encoding."""
        encoding = self.first("content-transfer-encoding").strip().lower()
        if encoding == "base64":
            return _from_base64(self.raw_body)
        if encoding == "quoted-printable":
            return quopri.decodestring(self.raw_body)
        return self.raw_body

    @property
    def text(self) -> str:
        """The body as text, whatever its charset claims, with plain line ends."""
        return _plain_line_ends(_decode(self.body, self.parameters.get("charset", "")))


def read(raw: bytes) -> Part:
    """The tree of a whole message."""
    budget = [MAX_PARTS]
    return _entity(_without_mailbox_line(raw[:MAX_READ_OCTETS]), 0, budget)


def read_fields(text: str) -> list[tuple[str, str]]:
    """Header-like lines of a text: (lower-case name, unfolded value)."""
    fields: list[tuple[str, str]] = []
    for line in text.split("\n"):
        if line[:1] in (" ", "\t") and fields:
            name, value = fields[-1]
            if len(value) < MAX_HEADER_OCTETS:
                fields[-1] = (name, f"{value} {line.strip()}".strip())
            continue
        match = _FIELD.fullmatch(line)
        if match is not None:
            fields.append((match[1].lower(), match[2].strip()))
    return fields


def _decoded(value: str) -> str:
    """Encoded words decoded; as it stands, less its NULs, where that would bring a line break in."""
    try:
        return decode_text(value)
    except HeaderInjection:
        return value.replace("\0", " ").replace("\r", " ").replace("\n", " ")


def _without_mailbox_line(raw: bytes) -> bytes:
    """Without the `From ` line of mailbox files and leading blank lines."""
    raw = raw.lstrip(b"\r\n")
    return raw.partition(b"\n")[2] if raw.startswith(b"From ") else raw


def _entity(raw: bytes, depth: int, budget: list[int]) -> Part:
    budget[0] -= 1
    fields, body = _split(raw)
    part = Part(fields=fields, raw_body=body)
    _read_type(part)
    if depth >= MAX_DEPTH:
        return part
    if part.kind.startswith("multipart/"):
        _add_children(part, depth, budget)
    elif part.kind in {"message/rfc822", "message/global"} and budget[0] > 0:
        part.children.append(_entity(part.body, depth + 1, budget))
    return part


def _split(raw: bytes) -> tuple[list[tuple[str, str]], bytes]:
    if raw.startswith((b"\r\n", b"\n")):
        return [], raw.lstrip(b"\r\n")
    match = _END_OF_HEADER.search(raw)
    header, body = (raw[: match.start()], raw[match.end() :]) if match else (raw, b"")
    return read_fields(_plain_line_ends(_decode(header[:MAX_HEADER_OCTETS], ""))), body


def _plain_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _read_type(part: Part) -> None:
    value = next((value for key, value in part.fields if key == "content-type"), "")
    kind = value.partition(";")[0].strip().lower()
    if "/" in kind:
        part.kind = kind
    for match in _PARAMETER.finditer(value[:4000]):
        text = match[2] if match[2] is not None else match[3]
        part.parameters.setdefault(match[1].lower(), text.replace("\\", ""))


def _add_children(part: Part, depth: int, budget: list[int]) -> None:
    boundary = part.parameters.get("boundary", "").encode("utf-8", "replace")
    if not boundary:
        return
    limit = re.compile(rb"(?:^|\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    marks = list(limit.finditer(part.raw_body))[: MAX_PARTS + 1]
    for index, mark in enumerate(marks):
        if mark[1] or budget[0] <= 0:
            break
        end = marks[index + 1].start() if index + 1 < len(marks) else len(part.raw_body)
        content = part.raw_body[mark.end() : end]
        content = content[2:] if content.startswith(b"\r\n") else content[1:]
        part.children.append(_entity(content, depth + 1, budget))


def _from_base64(data: bytes) -> bytes:
    packed = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
    try:
        return binascii.a2b_base64(packed[: len(packed) // 4 * 4] + _padded(packed[len(packed) // 4 * 4 :]))
    except (binascii.Error, ValueError):
        return data


def _padded(rest: bytes) -> bytes:
    return rest + b"=" * (4 - len(rest)) if len(rest) > 1 else b""


def _decode(data: bytes, charset: str) -> str:
    for name in (charset, "utf-8"):
        try:
            if name and codecs.lookup(name)._is_text_encoding:
                return data.decode(name)
        except (LookupError, UnicodeError, ValueError):
            continue
    return data.decode("latin-1")
