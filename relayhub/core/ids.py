"""Identifiers: UUIDv7 inside, prefixed base32 text outside.

A UUIDv7 (RFC 9562 §5.7) sorts by the millisecond it was made, so new rows land at the end of every
index and partitions can be bounded by time. Outside, an id is `<prefix>_<26 characters>` in
Crockford's base32, lower case, which sorts like the UUID itself. PostgreSQL 15 has no uuidv7();
the SQL twin of `uuid7` is `rh_uuid7()`, made by core's first migration.
"""

from __future__ import annotations

import base64
import hashlib
import os
import time
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_TO_CROCKFORD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _ALPHABET.encode("ascii"))
_VALUES = {char: value for value, char in enumerate(_ALPHABET)}
_TEXT_LENGTH = 26  # 130 bits hold the UUID's 128
_VERSION_7 = 0x7 << 76
_VARIANT_RFC = 0b10 << 62
_RAND_A_MASK = 0xFFF
_RAND_B_MASK = (1 << 62) - 1


class Prefix(StrEnum):
    """What an outside id names."""

    WORKSPACE = "wsp"
    USER = "usr"
    MEMBER = "mem"
    INVITATION = "inv"
    API_KEY = "key"
    AUDIT = "aud"
    JOB = "job"
    REFUSAL = "ref"
    IMPORT = "imp"
    EXPORT = "exp"
    STREAM = "str"
    ROUTE = "rte"
    CREDENTIAL = "smtp"
    MESSAGE = "msg"
    RECIPIENT = "rcp"
    ATTEMPT = "att"
    EVENT = "evt"
    DOMAIN = "dom"
    SUPPRESSION = "sup"
    CONTACT = "con"
    FIELD = "fld"
    LIST = "lst"
    SUBSCRIPTION = "sub"
    TEMPLATE = "tpl"
    CAMPAIGN = "cmp"
    BROADCAST = "brd"
    FORM = "frm"
    PICTURE = "pic"
    DOMAIN_SHARE = "dsh"
    VIEW = "viw"
    BULK_ACT = "act"


def _compose(unix_ms: int, entropy: int) -> UUID:
    rand_a = (entropy >> 62) & _RAND_A_MASK
    rand_b = entropy & _RAND_B_MASK
    return UUID(int=(unix_ms << 80) | _VERSION_7 | (rand_a << 64) | _VARIANT_RFC | rand_b)


def uuid7() -> UUID:
    """A new UUIDv7; those of one process sort in the order they were made.

    The twelve bits after the millisecond hold its fraction, a quarter of a microsecond fine (RFC 9562 §6.2,
    method 3): recipients keep the order in which they were given.
    """
    unix_ms, rest_ns = divmod(time.time_ns(), 1_000_000)
    fraction = (rest_ns << 12) // 1_000_000
    return _compose(unix_ms, (fraction << 62) | (int.from_bytes(os.urandom(8), "big") & _RAND_B_MASK))


def uuid7_at(when: datetime, entropy: int | None = None) -> UUID:
    """A new UUIDv7 that sorts at `when`: for rows that describe the past, such as the demo's.

    `entropy` are 74 bits of the caller's own drawing, where the same story is to have the same ids.
    """
    return _compose(int(when.timestamp() * 1000), int.from_bytes(os.urandom(10)) if entropy is None else entropy)


def uuid7_floor(when: datetime) -> UUID:
    """The smallest UUIDv7 of the millisecond of `when`, before 1970 of all: a bound for ranges and partitions."""
    return _compose(max(0, int(when.timestamp() * 1000)), 0)


def uuid7_time(value: UUID) -> datetime:
    """When a UUIDv7 was made, to the millisecond."""
    return datetime.fromtimestamp((value.int >> 80) / 1000, UTC)


def derived_uuid7(base: UUID, *parts: object) -> UUID:
    """A UUIDv7 of the same millisecond as `base`, wholly determined by `base` and `parts`.

    Event ids are derived from attempt, recipient and kind, so recording the same fact twice
    makes the same id and the second insert is recognised.
    """
    digest = hashlib.sha256("\x1f".join([str(base), *map(str, parts)]).encode()).digest()
    return _compose(base.int >> 80, int.from_bytes(digest[:10], "big"))


def encode_id(prefix: Prefix, value: UUID) -> str:
    """The outside text of an id, such as `msg_06bq…`."""
    # Four leading zero octets make 160 bits, which base32 writes without padding; ours are the last 130.
    text = base64.b32encode(b"\0\0\0\0" + value.bytes)[-_TEXT_LENGTH:].translate(_TO_CROCKFORD)
    return f"{prefix.value}_{text.decode('ascii')}"


def decode_id(prefix: Prefix, text: str) -> UUID | None:
    """The UUID of an outside id, or None where the text is not one of this prefix."""
    head, _, tail = text.partition("_")
    if head != prefix.value or len(tail) != _TEXT_LENGTH:
        return None
    number = 0
    for char in tail:
        value = _VALUES.get(char)
        if value is None:
            return None
        number = (number << 5) | value
    return UUID(int=number) if number < 1 << 128 else None
