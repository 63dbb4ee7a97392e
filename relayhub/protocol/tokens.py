"""Signed tokens for links that strangers follow: tracking, unsubscribe, preferences, forms.

A token is `key id | payload | tag` in URL-safe base64. The tag is HMAC-SHA-256 cut to 128
bits, under a key derived (HKDF, RFC 5869) for one purpose from the master that the key id
names; so a token of one purpose never serves another, and masters may rotate. This module
must never encrypt: a payload is readable by whoever holds the link. RFC 2104, RFC 4648 §5.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import lru_cache
from uuid import UUID

TAG_BYTES = 16  # 128 bits: NIST SP 800-107 §5.3.3 wants at least 32, we leave no room
MAX_PAYLOAD_BYTES = 1024
_EPOCH = date(2020, 1, 1).toordinal()
_REFERENCE = struct.Struct("!16sHH")


class Purpose(StrEnum):
    """What a token lets its holder do."""

    OPEN = "open"  #: Fetch the open pixel.
    CLICK = "click"  #: Follow a counted link.
    UNSUBSCRIBE = "unsubscribe"  #: Leave the lists of one message.
    PREFERENCES = "preferences"  #: See and change one contact's subscriptions.
    VIEW = "view"  #: Read one message in the browser.
    CONFIRM = "confirm"  #: Confirm a subscription.
    FORM = "form"  #: Send in a sign-up form.


class TokenProblem(StrEnum):
    """Why a token was not accepted."""

    MALFORMED = "malformed"  #: It is no token.
    UNKNOWN_KEY = "unknown_key"  #: It was signed with a key that is gone.
    BAD_SIGNATURE = "bad_signature"  #: It was changed, or made for another purpose.


@dataclass(frozen=True, kw_only=True, slots=True)
class Keyring:
    """Masters by id (0 to 255, at least 16 bytes each); `current` signs, all read."""

    keys: Mapping[int, bytes] = field(repr=False)
    current: int

    def __post_init__(self) -> None:
        if self.current not in self.keys:
            raise ValueError("the current key is not in the keyring")
        if any(not 0 <= key_id <= 255 or len(secret) < 16 for key_id, secret in self.keys.items()):
            raise ValueError("key ids are 0 to 255, keys at least 16 bytes")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """What most tokens carry: whom it is about, which link, and the day it was issued."""

    id: UUID
    issued_on: date
    link_number: int = 0

    def pack(self) -> bytes:
        """20 bytes."""
        return _REFERENCE.pack(self.id.bytes, self.link_number, self.issued_on.toordinal() - _EPOCH)

    @classmethod
    def unpack(cls, payload: bytes) -> Reference | TokenProblem:
        """Read what `pack` wrote; any other length is malformed."""
        if len(payload) != _REFERENCE.size:
            return TokenProblem.MALFORMED
        raw_id, link_number, day = _REFERENCE.unpack(payload)
        return cls(id=UUID(bytes=raw_id), link_number=link_number, issued_on=date.fromordinal(day + _EPOCH))


@lru_cache(maxsize=512)
def derived_key(master: bytes, purpose: str) -> bytes:
    """32 bytes for one purpose: HKDF-SHA-256 without salt, one block (RFC 5869)."""
    extracted = hmac.digest(b"\0" * 32, master, "sha256")
    return hmac.digest(extracted, b"relayhub:" + purpose.encode() + b"\x01", "sha256")


def tag_of(master: bytes, purpose: str, data: bytes, size: int = TAG_BYTES) -> bytes:
    """The first `size` bytes of the HMAC of data under the purpose's key; about 2 us."""
    return hmac.digest(derived_key(master, purpose), data, "sha256")[:size]


def sign(purpose: Purpose, payload: bytes, keyring: Keyring) -> str:
    """A URL-safe token, `4/3 * (len(payload) + 17)` characters. ValueError for a payload over 1 KiB."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError("payload too long for a token")
    body = bytes((keyring.current,)) + payload
    tag = tag_of(keyring.keys[keyring.current], purpose.value, body)
    return base64.urlsafe_b64encode(body + tag).rstrip(b"=").decode("ascii")


def read(purpose: Purpose, token: str, keyring: Keyring) -> bytes | TokenProblem:
    """The payload, or why not; takes the same time for any wrong tag."""
    raw = _decoded(token)
    if raw is None:
        return TokenProblem.MALFORMED
    master = keyring.keys.get(raw[0])
    if master is None:
        return TokenProblem.UNKNOWN_KEY
    body, tag = raw[:-TAG_BYTES], raw[-TAG_BYTES:]
    if not hmac.compare_digest(tag_of(master, purpose.value, body), tag):
        return TokenProblem.BAD_SIGNATURE
    return body[1:]


def _decoded(token: str) -> bytes | None:
    """The bytes of a token written in its one spelling; None for anything else."""
    if not token.isascii() or len(token) > (MAX_PAYLOAD_BYTES + TAG_BYTES + 1) * 4 // 3 + 2:
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    is_canonical = base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") == token
    return raw if is_canonical and len(raw) > TAG_BYTES else None


def sign_reference(purpose: Purpose, reference: Reference, keyring: Keyring) -> str:
    """A token of 50 characters for a Reference."""
    return sign(purpose, reference.pack(), keyring)


def read_reference(purpose: Purpose, token: str, keyring: Keyring) -> Reference | TokenProblem:
    """The Reference in a token, or why not."""
    payload = read(purpose, token, keyring)
    return payload if isinstance(payload, TokenProblem) else Reference.unpack(payload)
