"""Signed local parts for addresses that mail comes back to: bounces, unsubscribe, feedback.

`b-` + base32 of (key id, recipient id, truncated HMAC): 47 characters, lower case, letters
and digits only, read back whatever a mail system did to the case. A stranger cannot invent
one, so nobody can make us suppress an address by forged bounces. This module must never
put an address in the clear into a local part. RFC 5321 §4.5.3.1.1 (64 octets), RFC 4648 §6.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from relayhub.protocol.tokens import Keyring, tag_of

TAG_BYTES = 11  # 88 bits: with 16 + 1 it fills base32 without padding waste; guessing needs mail to us
_ID_BYTES = 16
_RAW_BYTES = 1 + _ID_BYTES + TAG_BYTES
_ENCODED = (_RAW_BYTES * 8 + 4) // 5


class ReturnKind(StrEnum):
    """What mail to a signed local part means; the value is its first letter."""

    BOUNCE = "b"  #: The return-path: bounces and other reports of delivery.
    UNSUBSCRIBE = "u"  #: The mailto of List-Unsubscribe.
    FEEDBACK = "f"  #: Complaints about one message.


@dataclass(frozen=True, kw_only=True, slots=True)
class ReturnAddress:
    """Whom a signed local part is about."""

    kind: ReturnKind
    id: UUID


def local_part(kind: ReturnKind, recipient_id: UUID, keyring: Keyring) -> str:
    """The local part for a recipient under the current key; about 4 us."""
    body = bytes((keyring.current,)) + recipient_id.bytes
    tag = tag_of(keyring.keys[keyring.current], f"verp:{kind.value}", body, TAG_BYTES)
    return f"{kind.value}-{_encode(body + tag)}"


def _encode(raw: bytes) -> str:
    return base64.b32encode(raw).rstrip(b"=").decode("ascii").lower()


def read(local: str, keyring: Keyring) -> ReturnAddress | None:
    """Whom a local part is about; None unless it is one of ours and unchanged but for case.

    The last character carries a bit that decoding drops, so a text is taken only if it is the
    one that encoding gives: each recipient has exactly one address, and any changed one is refused.
    """
    if len(local) != 2 + _ENCODED or local[1] != "-" or not local.isascii():
        return None
    try:
        kind = ReturnKind(local[0].lower())
        raw = base64.b32decode(local[2:].upper() + "=" * (-_ENCODED % 8))
    except (ValueError, binascii.Error):
        return None
    if _encode(raw) != local[2:].lower():
        return None
    master = keyring.keys.get(raw[0])
    if master is None:
        return None
    body, tag = raw[: 1 + _ID_BYTES], raw[1 + _ID_BYTES :]
    if not hmac.compare_digest(tag_of(master, f"verp:{kind.value}", body, TAG_BYTES), tag):
        return None
    return ReturnAddress(kind=kind, id=UUID(bytes=body[1:]))
