"""Tracked links and the open pixel in mail that came as RFC 5322 bytes, where tracking was asked for.

Only the text parts of the body that a person reads are altered; attachments, and mail that is signed or
encrypted (S/MIME, PGP), are left byte for byte. Numbers are given in the order links stand, so that what is
counted at accept (`links_in`) names the same links as what is rewritten for each recipient.
"""

from __future__ import annotations

import binascii
import quopri
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from relayhub.protocol.compose import quoted_printable
from relayhub.protocol.headers import HeaderBlock, HeaderError, parse, parse_message, split
from relayhub.protocol.links import Link, LinkNumbers, add_open_pixel, rewrite_html, rewrite_text

MAX_DEPTH = 20  # CONTRACT 7: MIME depth 20
_UNTOUCHED = re.compile(
    r"multipart/(signed|encrypted)|application/(x-)?pkcs7|application/pgp", re.IGNORECASE
)
_BOUNDARY = re.compile(r"boundary\s*=\s*(?:\"([^\"]+)\"|([^\s;]+))", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s*=\s*\"?([\w.:-]+)", re.IGNORECASE)
_INLINE_PGP = b"-----BEGIN PGP "


class Tracks(Protocol):
    """Makes the tracked addresses of one recipient."""

    @property
    def opens(self) -> bool:
        """Whether the pixel goes in."""
        ...

    @property
    def clicks(self) -> bool:
        """Whether links are replaced."""
        ...

    def link(self, number: int) -> str:
        """The click address of a link."""
        ...

    def pixel(self) -> str:
        """The pixel's address."""
        ...


@dataclass
class _Walk:
    """One pass over a body."""

    html: Callable[[str], str]
    text: Callable[[str], str]
    is_changed: bool = False


def rewrite_raw(block: HeaderBlock, body: bytes, tracks: Tracks) -> tuple[HeaderBlock, bytes] | None:
    """The header and body with tracking, or None where nothing may be or needs to be changed."""
    numbers = LinkNumbers()

    def replace(link: Link) -> str | None:
        return tracks.link(link.number) if tracks.clicks else None

    def html(source: str) -> str:
        rewritten = rewrite_html(source, replace, numbers=numbers).content
        return add_open_pixel(rewritten, tracks.pixel()) if tracks.opens else rewritten

    walk = _Walk(html=html, text=lambda source: rewrite_text(source, replace, numbers=numbers).content)
    changed = _entity(HeaderBlock(fields=list(block.fields)), body, walk, 0)
    return changed if walk.is_changed else None


def links_in(raw: bytes) -> tuple[str, ...]:
    """The links of a message in the order of their numbers: what accept stores for a tracked message."""
    numbers = LinkNumbers()

    def note(link: Link) -> str | None:
        return None

    walk = _Walk(
        html=lambda source: rewrite_html(source, note, numbers=numbers).content,
        text=lambda source: rewrite_text(source, note, numbers=numbers).content,
    )
    try:
        block, offset = parse_message(raw)
    except HeaderError:
        return ()
    _entity(block, raw[offset:], walk, 0)
    return numbers.urls()


def _entity(block: HeaderBlock, body: bytes, walk: _Walk, depth: int) -> tuple[HeaderBlock, bytes]:
    kind = (block.first("content-type") or "text/plain").strip()
    if depth > MAX_DEPTH or _UNTOUCHED.match(kind):
        return block, body
    lowered = kind.lower()
    if lowered.startswith("multipart/"):
        return block, _parts(kind, body, walk, depth)
    is_attached = (block.first("content-disposition") or "").lower().lstrip().startswith("attachment")
    if is_attached or not lowered.startswith(("text/html", "text/plain")):
        return block, body
    return _leaf(block, body, kind, walk, is_html=lowered.startswith("text/html"))


def _parts(kind: str, body: bytes, walk: _Walk, depth: int) -> bytes:
    found = _BOUNDARY.search(kind)
    if found is None:
        return body
    mark = b"--" + (found[1] or found[2]).encode("latin-1", "replace")
    pieces = re.split(rb"(?:\A|(?<=\r\n))" + re.escape(mark) + rb"(--)?[ \t]*(?:\r\n|\Z)", body)
    # re.split with one group gives text, group, text, group, …, text.
    texts, closings = pieces[0::2], pieces[1::2]
    out = [texts[0]]
    ended = False
    for closing, text in zip(closings, texts[1:], strict=True):
        out.append(mark + (closing or b"") + b"\r\n")
        ended = ended or closing is not None
        out.append(text if ended else _part(text, walk, depth))
    return b"".join(out)


def _part(raw: bytes, walk: _Walk, depth: int) -> bytes:
    """One body part; the CRLF before the next boundary belongs to the boundary (RFC 2046 §5.1.1)."""
    head, offset = split(raw)
    try:
        block = parse(head)
    except HeaderError:
        return raw
    body = raw[offset:]
    tail = b"\r\n" if body.endswith(b"\r\n") else b""
    before = walk.is_changed
    walk.is_changed = False
    changed_block, changed = _entity(block, body[: len(body) - len(tail)], walk, depth + 1)
    touched, walk.is_changed = walk.is_changed, walk.is_changed or before
    return changed_block.with_body(changed) + tail if touched else raw


def _leaf(
    block: HeaderBlock, body: bytes, kind: str, walk: _Walk, *, is_html: bool
) -> tuple[HeaderBlock, bytes]:
    text = _decoded(block, body, kind)
    if text is None or _INLINE_PGP in body:
        return block, body
    changed = walk.html(text) if is_html else walk.text(text)
    if changed == text:
        return block, body
    walk.is_changed = True
    block.replace(b'Content-Type: text/%s; charset="utf-8"\r\n' % (b"html" if is_html else b"plain"))
    block.replace(b"Content-Transfer-Encoding: quoted-printable\r\n")
    encoded = quoted_printable(changed.replace("\r\n", "\n").encode())
    return block, encoded


def _decoded(block: HeaderBlock, body: bytes, kind: str) -> str | None:
    """The part's text, or None where its encoding or character set cannot be read."""
    encoding = (block.first("content-transfer-encoding") or "7bit").strip().lower()
    charset = _CHARSET.search(kind)
    try:
        if encoding == "quoted-printable":
            body = quopri.decodestring(body)
        elif encoding == "base64":
            body = binascii.a2b_base64(body)
        elif encoding not in {"7bit", "8bit", "binary"}:
            return None
        return body.decode(charset[1] if charset else "utf-8")
    except (binascii.Error, LookupError, UnicodeDecodeError, ValueError):
        return None


def tracked_links(raw: bytes, track: str) -> Sequence[str]:
    """The links to store for a message with this tracking; none where clicks are not measured."""
    return links_in(raw) if track in {"clicks", "all"} else ()
