"""DKIM signing: canonicalise, sign and publish keys; verification is in `dkim_verify`, named here as well.

Signing is relaxed/relaxed with SHA-256 under RSA-2048 or Ed25519, on a key parsed once.
This module must never ask DNS itself (a resolver comes in), read a clock, or keep a private
key in a text it prints. RFC 6376, RFC 8301 (key sizes, no SHA-1), RFC 8463 (Ed25519).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from relayhub.protocol.dkim_canonical import body_hash_of, relaxed_field
from relayhub.protocol.dkim_verify import SignatureOutcome, SignatureResult, verify
from relayhub.protocol.headers import HeaderBlock

__all__ = [
    "Algorithm", "DkimError", "SignatureOutcome", "SignatureResult", "SigningKey", "algorithm_of",
    "body_hash_of", "generate_ed25519", "generate_rsa_2048", "load_private", "private_bytes",
    "public_key_text", "public_record", "sign", "verify",
]  # fmt: skip

#: Fields that are signed when they stand (RFC 6376 §5.4.1, with what receivers ask for today).
SIGNED_FIELDS = frozenset(
    (
        "from", "to", "cc", "subject", "date", "message-id", "reply-to", "sender", "in-reply-to",
        "references", "mime-version", "content-type", "content-transfer-encoding", "content-id",
        "content-description", "content-disposition", "list-id", "list-help", "list-unsubscribe",
        "list-unsubscribe-post", "list-subscribe", "list-post", "list-owner", "list-archive", "feedback-id",
    )
)  # fmt: skip
#: Named once more than they stand, so that nobody can add another.
OVERSIGNED_FIELDS = ("from",)

PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
_DOMAIN = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


class Algorithm(StrEnum):
    """How a signature is made."""

    RSA_SHA256 = "rsa-sha256"  #: RSA PKCS#1 v1.5, the one every receiver knows.
    ED25519_SHA256 = "ed25519-sha256"  #: RFC 8463; short, quick, still rarely checked.


class DkimError(ValueError):
    """A key or selector cannot be used."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningKey:
    """One key ready to sign for a domain; the private part never shows in a repr."""

    domain: str
    selector: str
    algorithm: Algorithm
    private_key: PrivateKey = field(repr=False)

    def __post_init__(self) -> None:
        if not _DOMAIN.fullmatch(self.domain) or not _DOMAIN.fullmatch(self.selector):
            raise DkimError("Domain and selector are lower-case DNS names.")


# -- keys ---------------------------------------------------------------------------------


def generate_rsa_2048() -> rsa.RSAPrivateKey:
    """A new RSA key of 2048 bits; takes up to half a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def generate_ed25519() -> ed25519.Ed25519PrivateKey:
    """A new Ed25519 key."""
    return ed25519.Ed25519PrivateKey.generate()


def private_bytes(key: PrivateKey) -> bytes:
    """The key as unencrypted PKCS#8 DER, to be encrypted by whoever stores it."""
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load_private(data: bytes) -> PrivateKey:
    """Read a private key from PEM, DER, or the 32 raw octets of Ed25519. Raises DkimError."""
    try:
        if len(data) == 32:  # RFC 8463 §4: an Ed25519 key's raw seed
            return ed25519.Ed25519PrivateKey.from_private_bytes(data)
        if data.lstrip().startswith(b"-----"):
            key = serialization.load_pem_private_key(data, None)
        else:
            key = serialization.load_der_private_key(data, None)
    except (ValueError, TypeError) as error:
        raise DkimError("The private key cannot be read.") from error
    if isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        return key
    raise DkimError("Only RSA and Ed25519 keys sign mail.")


def algorithm_of(key: PrivateKey) -> Algorithm:
    """The algorithm a key signs with."""
    return Algorithm.RSA_SHA256 if isinstance(key, rsa.RSAPrivateKey) else Algorithm.ED25519_SHA256


def public_key_text(key: PrivateKey) -> str:
    """The public half in base64, as it stands in `p=`."""
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        data = public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    else:
        data = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.b64encode(data).decode("ascii")


def public_record(key: PrivateKey) -> str:
    """The TXT record to publish: `v=DKIM1; k=rsa; p=…`."""
    kind = "rsa" if isinstance(key, rsa.RSAPrivateKey) else "ed25519"
    return f"v=DKIM1; k={kind}; p={public_key_text(key)}"


# -- signing ------------------------------------------------------------------------------


def sign(
    block: HeaderBlock,
    body: bytes,
    keys: Sequence[SigningKey],
    *,
    signed_at: datetime,
    oversign: Sequence[str] = OVERSIGNED_FIELDS,
    body_hash: bytes | None = None,
) -> bytes:
    """DKIM-Signature fields to put on top, one a key, in order; empty where there is no key.

    body_hash, where known, saves hashing the body again (see `protocol.parts`). With RSA-2048
    most of the cost is the RSA operation itself, about 0.3 ms.
    """
    if not keys:
        return b""
    digest = body_hash_of(body) if body_hash is None else body_hash
    names, signed = _signed_header(block, oversign)
    encoded_hash = base64.b64encode(digest).decode("ascii")
    return b"".join([_signature(key, names, signed, encoded_hash, signed_at) for key in keys])


def _signed_header(block: HeaderBlock, oversign: Sequence[str]) -> tuple[list[str], bytes]:
    """Names for h= and the fields they choose: the last of a name first (RFC 6376 §5.4.2)."""
    chosen = [(name, raw) for name, raw in reversed(block.fields) if name in SIGNED_FIELDS]
    if not any(name == "from" for name, _ in chosen):
        raise DkimError("There is no From field to sign.")
    names = [name for name, _ in chosen] + [name.lower() for name in oversign]
    return names, b"".join([relaxed_field(raw) for _, raw in chosen])


def _signature(
    key: SigningKey, names: Sequence[str], signed: bytes, body_hash: str, signed_at: datetime
) -> bytes:
    """One DKIM-Signature field, folded."""
    unsigned = (
        f"DKIM-Signature: v=1; a={key.algorithm.value}; c=relaxed/relaxed;\r\n"
        f" d={key.domain};\r\n s={key.selector}; t={int(signed_at.timestamp())};\r\n"
        f"{_folded_names(names)}\r\n bh={body_hash};\r\n b="
    ).encode("ascii")
    data = signed + relaxed_field(unsigned)[:-2]
    signature = base64.b64encode(_raw_signature(key, data))
    lines = [signature[start : start + 72] for start in range(0, len(signature), 72)]
    return unsigned + b"\r\n ".join(lines) + b"\r\n"


def _folded_names(names: Sequence[str]) -> str:
    lines, current = [], " h="
    for position, name in enumerate(names):
        piece = name + (";" if position == len(names) - 1 else ":")
        if len(current) + len(piece) > 76:
            lines.append(current)
            current = "  "
        current += piece
    return "\r\n".join([*lines, current])


def _raw_signature(key: SigningKey, data: bytes) -> bytes:
    private = key.private_key
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(data, padding.PKCS1v15(), hashes.SHA256())
    return private.sign(hashlib.sha256(data).digest())  # RFC 8463 §3: PureEdDSA over the SHA-256
