"""Compose a MIME message from text, HTML, inline parts and attachments, by joining bytes.

Equal input gives equal bytes: boundaries come from a seed, date and message id from the
caller. Lines end in CRLF and stay within 998 octets. This module must never let a value
begin a header field of its own. RFC 5322, RFC 2045-2047, RFC 2231, RFC 2387, RFC 2392.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from relayhub.protocol.address import Address
from relayhub.protocol.headers import (
    HARD_LINE_OCTETS,
    HeaderError,
    address_field,
    check_name,
    check_value,
    date_value,
    structured_field,
    text_field,
)

MAX_MESSAGE_BYTES = 25 * 1024 * 1024
QP_LINE_OCTETS = 76  # RFC 2045 §6.7, rule 5: the soft break's = included
MAX_FILENAME_OCTETS = 255
_PARAMETER_CHUNK = 60  # keeps a folded RFC 2231 section within 78 octets
_MIME_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,63}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,63}")
_CONTENT_ID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.@-]{1,200}")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{3,990}>")
_TOKEN_VALUE = re.compile(r"[A-Za-z0-9 !#$&+.^_`{|}~()@,:=\[\]-]{1,60}")
#: Fields nobody but RelayHub writes.
_REFUSED = frozenset(
    (
        "from", "sender", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id", "received",
        "return-path", "mime-version", "dkim-signature", "domainkey-signature", "authentication-results",
        "received-spf", "delivered-to", "x-original-to", "errors-to", "feedback-id",
    )
)  # fmt: skip
_REFUSED_PREFIXES = ("content-", "resent-", "arc-", "x-relayhub-")


class ComposeError(ValueError):
    """A message cannot be composed from what was given; the text may be shown."""


class MessageTooLarge(ComposeError):
    """The message as composed is over the limit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A file, or with a content_id (no angle brackets) a part the HTML shows by `cid:`."""

    content: bytes = field(repr=False)
    filename: str = ""
    content_type: str = "application/octet-stream"
    content_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Composition:
    """All that a message is made of."""

    author: Address
    subject: str | None
    date: datetime
    message_id: str  #: with its angle brackets
    seed: bytes  #: boundaries derive from it
    to: Sequence[Address] = ()
    cc: Sequence[Address] = ()
    reply_to: Sequence[Address] = ()
    text: str | None = None
    html: str | None = None
    attachments: Sequence[Attachment] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    max_bytes: int = MAX_MESSAGE_BYTES


def check_custom_header(name: str, value: str) -> None:
    """Raise HeaderError (or its child HeaderInjection) unless a sender may set this field."""
    check_name(name)
    check_value(value)
    lowered = name.lower()
    if lowered in _REFUSED or lowered.startswith(_REFUSED_PREFIXES):
        raise HeaderError(f"The field {name} is not yours to set.")


def compose(wanted: Composition) -> bytes:
    """The whole message. Raises HeaderError, HeaderInjection, ComposeError or MessageTooLarge."""
    if sum(len(item.content) for item in wanted.attachments) > wanted.max_bytes:
        raise MessageTooLarge("The attachments are over the size limit.")
    content = b"".join([_header(wanted), b"MIME-Version: 1.0\r\n", _body(wanted)])
    if len(content) > wanted.max_bytes:
        raise MessageTooLarge("The message is over the size limit.")
    return content


def _header(wanted: Composition) -> bytes:
    if not _MESSAGE_ID.fullmatch(wanted.message_id):
        raise ComposeError("The message id is malformed.")
    fields = [structured_field("Date", date_value(wanted.date)), address_field("From", [wanted.author])]
    for name, addresses in (("To", wanted.to), ("Cc", wanted.cc), ("Reply-To", wanted.reply_to)):
        if addresses:
            fields.append(address_field(name, addresses))
    if wanted.subject is not None:
        fields.append(text_field("Subject", wanted.subject))
    fields.append(structured_field("Message-ID", wanted.message_id))
    seen: set[str] = set()
    for name, value in wanted.headers.items():
        check_custom_header(name, value)
        if name.lower() in seen:
            raise HeaderError(f"The field {name} is given twice.")
        seen.add(name.lower())
        fields.append(text_field(name, value))
    return b"".join(fields)


# A part here is its own header, an empty line and its content, ending in CRLF.


def _body(wanted: Composition) -> bytes:
    inline = [item for item in wanted.attachments if item.content_id and wanted.html is not None]
    files = [item for item in wanted.attachments if item not in inline]
    part = _readable(wanted, inline)
    if not files:
        return part
    return multipart("mixed", [part, *map(_attachment, files)], wanted.seed)


def _readable(wanted: Composition, inline: Sequence[Attachment]) -> bytes:
    if wanted.html is None:
        return text_part("plain", wanted.text or "")
    html = text_part("html", wanted.html)
    if inline:
        html = multipart("related", [html, *map(_attachment, inline)], wanted.seed, 'type="text/html"')
    if wanted.text is None:
        return html
    return multipart("alternative", [text_part("plain", wanted.text), html], wanted.seed)


def multipart(kind: str, parts: Sequence[bytes], seed: bytes, parameter: str = "") -> bytes:
    """Join parts under a boundary that derives from the seed and stands in none of them."""
    boundary = boundary_for(kind, parts, seed)
    line = b"--" + boundary
    extra = f"\r\n {parameter};" if parameter else ""
    head = f'Content-Type: multipart/{kind};{extra}\r\n boundary="{boundary.decode()}"\r\n\r\n'.encode()
    pieces = [head]
    for part in parts:
        pieces += (line, b"\r\n", part, b"\r\n" if not part.endswith(b"\r\n") else b"")
    return b"".join([*pieces, line, b"--\r\n"])


def boundary_for(kind: str, parts: Sequence[bytes], seed: bytes) -> bytes:
    """A boundary for these parts; `=_` can stand in neither quoted-printable nor base64."""
    counter = 0
    while True:
        digest = hashlib.sha256(b"%s|%s|%d" % (seed, kind.encode(), counter)).hexdigest()[:28]
        boundary = b"=_" + digest.encode()
        if not any(boundary in part for part in parts):
            return boundary
        counter += 1


def text_part(kind: str, text: str) -> bytes:
    """A text part in the encoding that suits it: 7bit, quoted-printable or base64."""
    data = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    if not data.endswith(b"\n"):
        data += b"\n"
    charset = "us-ascii" if data.isascii() else "utf-8"
    if charset == "us-ascii" and is_plain_7bit(data):
        encoding, content = "7bit", data.replace(b"\n", b"\r\n")
    elif _foreign_octets(data) * 3 > len(data):
        encoding, content = "base64", base64_lines(data.replace(b"\n", b"\r\n"))
    else:
        encoding, content = "quoted-printable", quoted_printable(data)
    head = f'Content-Type: text/{kind}; charset="{charset}"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n'
    return head.encode() + content


_FOREIGN = bytes(range(128, 256))


def _foreign_octets(data: bytes) -> int:
    return 0 if data.isascii() else len(data) - len(data.translate(None, _FOREIGN))


def is_plain_7bit(data: bytes) -> bool:
    """ASCII lines with LF ends, none over 998 octets, no control that mail systems change."""
    if not data.isascii() or b"\0" in data or b"\r" in data:
        return False
    return max(map(len, data.split(b"\n"))) <= HARD_LINE_OCTETS


def quoted_printable(data: bytes) -> bytes:
    """Text bytes with LF line ends as quoted-printable with CRLF, no line over 76 octets (RFC 2045 §6.7)."""
    encoded = binascii.b2a_qp(data, istext=True).replace(b"\n", b"\r\n")
    lines = encoded.split(b"\r\n")
    if max(map(len, lines)) <= QP_LINE_OCTETS:
        return encoded
    # A space at a line's end becomes =20 after the line was measured, so it may be two octets too long.
    return b"\r\n".join([broken_line(line) for line in lines])


def broken_line(line: bytes) -> bytes:
    """An encoded line that is too long, broken once more; an escape (=XX) stays whole."""
    if len(line) <= QP_LINE_OCTETS:
        return line
    at = QP_LINE_OCTETS - 1
    at -= 1 if line[at - 1 : at] == b"=" else 2 if line[at - 2 : at - 1] == b"=" else 0
    return line[:at] + b"=\r\n" + line[at:]


def base64_lines(data: bytes) -> bytes:
    """Base64 in lines of 76, the last CRLF included (RFC 2045 §6.8)."""
    encoded = base64.b64encode(data)
    lines = [encoded[start : start + 76] for start in range(0, len(encoded), 76)]
    return b"\r\n".join([*lines, b""]) if lines else b"\r\n"


def _attachment(item: Attachment) -> bytes:
    content_type = item.content_type.strip().lower()
    if not _MIME_TYPE.fullmatch(content_type):
        raise ComposeError("A content type is written like application/pdf.")
    if content_type.startswith("multipart/"):
        raise ComposeError("An attachment cannot be multipart.")
    if content_type.startswith("message/"):
        content_type = "application/octet-stream"  # RFC 2046 §5.2.1 forbids base64 on message/*
    is_inline = bool(item.content_id)
    disposition = "inline" if is_inline else "attachment"
    head = [
        f"Content-Type: {content_type}{parameter('name', item.filename)}\r\n",
        "Content-Transfer-Encoding: base64\r\n",
        f"Content-Disposition: {disposition}{parameter('filename', item.filename)}\r\n",
    ]
    if is_inline:
        if not _CONTENT_ID.fullmatch(item.content_id):
            raise ComposeError("A content id holds letters, digits and @ . _ - only.")
        head.append(f"Content-ID: <{item.content_id}>\r\n")
    return "".join([*head, "\r\n"]).encode("ascii") + base64_lines(item.content)


def parameter(name: str, value: str) -> str:
    """`;` and a folded parameter, in RFC 2231 form where the value needs it; "" for an empty value."""
    check_value(value)
    if not value:
        return ""
    value = value.replace("/", "_").replace("\\", "_")
    if len(value.encode("utf-8", "replace")) > MAX_FILENAME_OCTETS:
        raise ComposeError("A file name has at most 255 octets.")
    if _TOKEN_VALUE.fullmatch(value):
        return f';\r\n {name}="{value}"'
    encoded = quote(value.encode("utf-8", "replace"), safe="")
    if len(encoded) <= _PARAMETER_CHUNK:
        return f";\r\n {name}*=utf-8''{encoded}"
    chunks = re.findall(rf"(?:%..|[^%]){{1,{_PARAMETER_CHUNK // 3}}}", encoded)
    sections = [f";\r\n {name}*{n}*={'' if n else _CHARSET}{chunk}" for n, chunk in enumerate(chunks)]
    return "".join(sections)


_CHARSET = "utf-8''"
