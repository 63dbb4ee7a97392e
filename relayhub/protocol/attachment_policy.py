"""Which attachments are not taken: by the ending of their names, and by their size.

Receivers refuse whole messages for one file of a dangerous type, so it is better said at the door. Names are read
from Content-Disposition and Content-Type wherever these stand, in plain, quoted, RFC 2047 and RFC 2231 spelling;
nothing is decoded but names. One pass over the octets, and none beyond a first look where nothing has a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from relayhub.protocol.headers import HeaderInjection, decode_text

#: Gmail blocks these, also inside archives ("File types blocked in Gmail", seen 2026-11).
DANGEROUS = (
    "ade", "adp", "apk", "appx", "appxbundle", "bat", "cab", "chm", "cmd", "com", "cpl", "diagcab", "diagcfg",
    "diagpkg", "dll", "dmg", "ex", "ex_", "exe", "hta", "img", "ins", "iso", "isp", "jar", "jnlp", "js", "jse", "lib",
    "lnk", "mde", "mjs", "msc", "msi", "msix", "msixbundle", "msp", "mst", "nsh", "pif", "ps1", "scr", "sct", "shb",
    "sys", "vb", "vbe", "vbs", "vhd", "vxd", "wsc", "wsf", "wsh", "xll",
)
MAX_ENDING = 12

_NAMED = re.compile(rb"name\*?\d*\*?[ \t]*=", re.IGNORECASE)
_FIELD = re.compile(
    rb"(?:\A|\n)content-(?:disposition|type)[ \t]*+:((?:[^\n]*+\n[ \t])*+[^\n]*+)", re.IGNORECASE
)
_NAME = re.compile(
    rb";\s*(?:file)?name(?P<part>\*\d{1,2})?(?P<encoded>\*)?\s*=\s*(?:\"(?P<quoted>(?:[^\"\\]|\\.){0,1000})\"|(?P<bare>[^\s;]{1,1000}))",
    re.IGNORECASE,
)
_BASE64_SHARE = 57 / 78  # octets of data in a line of 76 characters and its end


@dataclass(frozen=True, kw_only=True, slots=True)
class AttachmentPolicy:
    """What is not taken: endings without the dot, in lower case, and the size of one file from which on."""

    refused: frozenset[str] = frozenset()
    max_bytes: int | None = None


def problem(content: bytes, policy: AttachmentPolicy) -> str | None:
    """Why a message is not taken, in words; None where nothing speaks against it."""
    if not (policy.refused or policy.max_bytes) or _NAMED.search(content) is None:
        return None
    for field in _FIELD.finditer(content):
        name = _name_in(field[1])
        if name is None:
            continue
        ending = ending_of(name)
        if ending in policy.refused:
            return f"Attachments that end in .{ending} are not taken here"
        if policy.max_bytes is not None and _size_after(content, field.end()) > policy.max_bytes:
            return f"Attachments larger than {policy.max_bytes // 1024 // 1024} MiB are not taken here"
    return None


def ending_of(name: str) -> str:
    """The ending of a file's name as Windows understands it: trailing dots and spaces do not count."""
    _, dot, tail = name.rstrip(" .\0").rpartition(".")
    return tail.strip().lower() if dot else ""


def _name_in(value: bytes) -> str | None:
    pieces = list(_names(value))
    return "".join(pieces) if pieces else None


def _names(value: bytes) -> Iterator[str]:
    """The pieces of the name in the order they stand (RFC 2231 §3), or the whole name."""
    for found in _NAME.finditer(b";" + value.partition(b";")[2] if b";" in value else b""):
        text = found["quoted"] if found["quoted"] is not None else found["bare"]
        if found["encoded"]:
            text = unquote_to_bytes(text.rpartition(b"'")[2])
        elif found["quoted"] is not None:
            text = re.sub(rb"\\(.)", rb"\1", text)
        yield _decoded(text.decode("utf-8", "replace"))
        if not found["part"]:
            return


def _decoded(text: str) -> str:
    try:
        return decode_text(text)
    except HeaderInjection:
        return text


def _size_after(content: bytes, header_at: int) -> int:
    """About how large the part is whose header goes on here; exact enough for whole MiB."""
    end = content.find(b"\n--", header_at)
    return int(((end if end >= 0 else len(content)) - header_at) * _BASE64_SHARE)


def endings(text: str) -> tuple[str, ...]:
    """Endings written by a person, in any spelling: `.exe, *.BAT js`; ValueError names one that is none."""
    found = []
    for word in re.split(r"[\s,;]+", text.strip()):
        ending = word.removeprefix("*").lstrip(".").lower()
        if not word:
            continue
        if not re.fullmatch(rf"[a-z0-9_+-]{{1,{MAX_ENDING}}}", ending):
            raise ValueError(word)
        found.append(ending)
    return tuple(sorted(set(found)))
