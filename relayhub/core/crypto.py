"""Encryption at rest, signing keys by purpose, and hashes of secrets.

Every key derives (HKDF, RFC 5869) from a master: `RELAYHUB_ENCRYPTION_KEYS` (`id:base64,…`, the first one
encrypts, all decrypt) or else the secret key. A sealed value begins with a version octet and the key's id,
so keys rotate without touching old rows.
"""

from __future__ import annotations

import base64
import hashlib
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from relayhub.core.errors import ConfigurationError
from relayhub.protocol.tokens import Keyring

_FORMAT_VERSION = 1
_NONCE_BYTES = 12  # NIST SP 800-38D §5.2.1.1
_KEY_BYTES = 32


@lru_cache(maxsize=8)
def _masters(configured: str, secret_key: str) -> dict[int, bytes]:
    if not configured:
        return {0: hashlib.sha256(b"relayhub master\x00" + secret_key.encode()).digest()}
    masters: dict[int, bytes] = {}
    for part in configured.split(","):
        number, _, encoded = part.strip().partition(":")
        try:
            if not 0 <= int(number) <= 255:
                raise ValueError(number)
            masters[int(number)] = base64.b64decode(encoded, validate=True)
        except ValueError:  # binascii.Error is one
            raise ConfigurationError(
                "RELAYHUB_ENCRYPTION_KEYS is not understood; it takes `id:base64,…` with ids from 0 to 255."
            ) from None
    return masters


def _all_masters() -> dict[int, bytes]:
    return _masters(getattr(settings, "RELAYHUB_ENCRYPTION_KEYS", "") or "", settings.SECRET_KEY)


def current_key_id() -> int:
    """The id of the key that encrypts and signs now: the first configured."""
    return next(iter(_all_masters()))


@lru_cache(maxsize=256)
def _derived(master: bytes, purpose: str) -> bytes:
    kdf = HKDF(algorithm=hashes.SHA256(), length=_KEY_BYTES, salt=None, info=f"relayhub:{purpose}".encode())
    return kdf.derive(master)


def keyring(purpose: str) -> dict[int, bytes]:
    """One 32-byte key a known key id, for this purpose only."""
    return {key_id: _derived(master, purpose) for key_id, master in _all_masters().items()}


def encrypt(data: bytes, *, purpose: str) -> bytes:
    """Seal bytes for storage: AES-256-GCM, the purpose bound in."""
    key_id = current_key_id()
    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(keyring(f"at-rest:{purpose}")[key_id]).encrypt(nonce, data, purpose.encode())
    return bytes([_FORMAT_VERSION, key_id]) + nonce + sealed


def decrypt(sealed: bytes | memoryview, *, purpose: str) -> bytes:
    """Open what `encrypt` sealed; ConfigurationError where the key is gone or the bytes were changed."""
    raw = bytes(sealed)
    key = keyring(f"at-rest:{purpose}").get(raw[1]) if len(raw) > 2 + _NONCE_BYTES else None
    if key is None or raw[0] != _FORMAT_VERSION:
        raise ConfigurationError("A stored secret was sealed with a key that is not configured any more.")
    nonce, body = raw[2 : 2 + _NONCE_BYTES], raw[2 + _NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, body, purpose.encode())
    except InvalidTag as exc:
        raise ConfigurationError("A stored secret does not open with the configured key.") from exc


def hash_secret(text: str) -> str:
    """SHA-256 in hex: enough for secrets of 160 random bits, and quick to look up."""
    return hashlib.sha256(text.encode()).hexdigest()


def random_secret() -> str:
    """160 random bits in lower-case base32, 32 characters without padding."""
    return base64.b32encode(os.urandom(20)).decode().lower()


def link_keyring() -> Keyring:
    """The keyring of `protocol.tokens` and `protocol.verp`: links and return-paths outlive a rotation."""
    return Keyring(keys=keyring("links"), current=current_key_id())
