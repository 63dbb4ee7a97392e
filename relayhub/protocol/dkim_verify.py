"""Check the DKIM signatures of a message, each with a sentence that says why.

Must never ask DNS itself (a resolver comes in), read a clock, or raise for what mail holds.
RFC 6376, RFC 8301 (key sizes, no SHA-1), RFC 8463 (Ed25519).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from relayhub.protocol.dkim_canonical import relaxed_body, relaxed_field, simple_body
from relayhub.protocol.headers import HeaderBlock, HeaderError, parse, split
from relayhub.protocol.resolver import NoDomain, NoRecord, Resolver, TempFail

MIN_RSA_BITS = 1024  # RFC 8301 §3.2: verifiers must refuse less
MAX_SIGNATURES = 20  # a message with more is an attack on our processor
CLOCK_SKEW_SECONDS = 300  # clocks of honest senders differ; RFC 6376 §3.5 allows a verifier to decide

_DOMAIN = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_FWS = re.compile(r"[ \t\r\n]+")
_B_TAG = re.compile(rb"(;[ \t\r\n]*b[ \t\r\n]*=|^[ \t\r\n]*b[ \t\r\n]*=)[^;]*")


class SignatureOutcome(StrEnum):
    """What checking one signature came to (RFC 8601 §2.7.1)."""

    PASS = "pass"  #: It verifies.
    FAIL = "fail"  #: The signature or the body hash does not match.
    TEMPERROR = "temperror"  #: The key could not be fetched now.
    PERMERROR = "permerror"  #: The signature or the key record is unusable.
    POLICY = "policy"  #: It may verify, but we do not accept its like.


@dataclass(frozen=True, kw_only=True, slots=True)
class SignatureResult:
    """What one DKIM-Signature field came to; `why` is one sentence."""

    domain: str
    selector: str
    result: SignatureOutcome
    why: str


class _Rejected(Exception):
    """This signature cannot pass; carries the outcome and the sentence."""

    def __init__(self, result: SignatureOutcome, why: str) -> None:
        super().__init__(why)
        self.result = result
        self.why = why


def verify(raw: bytes, resolver: Resolver, *, now: datetime) -> list[SignatureResult]:
    """Check every DKIM-Signature of a message, top to bottom. Never raises for what mail holds.

    Bare line feeds are read as line ends, as mail stored in files has them. A message
    without signatures gives an empty list.
    """
    if raw.count(b"\n") != raw.count(b"\r\n"):
        raw = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    header, body_offset = split(raw)
    try:
        block = parse(header)
    except HeaderError:
        block = _readable_part(header)
    message = _Message(block=block, body=raw[body_offset:])
    fields = [field_raw for name, field_raw in block.fields if name == "dkim-signature"]
    return [_verify_one(message, field_raw, resolver, now) for field_raw in fields[:MAX_SIGNATURES]]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Message:
    block: HeaderBlock
    body: bytes


def _readable_part(header: bytes) -> HeaderBlock:
    """The fields that can be read, where others cannot."""
    fields: list[tuple[str, bytes]] = []
    for piece in re.split(rb"\r\n(?![ \t])", header):
        try:
            fields.extend(parse(piece + b"\r\n").fields)
        except HeaderError:
            continue
    return HeaderBlock(fields)


def _verify_one(message: _Message, raw: bytes, resolver: Resolver, now: datetime) -> SignatureResult:
    domain = selector = ""
    try:
        tags = _parse_tags(raw.partition(b":")[2].decode("utf-8", "replace"))
        domain, selector = tags.get("d", "").lower(), tags.get("s", "").lower()
        wanted = _read_signature(tags, now)
        _check_body(message.body, wanted)
        key = _fetch_key(wanted, resolver)
        _check_signature(message.block, raw, wanted, key)
        if wanted.length is not None:
            raise _Rejected(SignatureOutcome.POLICY, "The signature limits the body length (l=).")
    except _Rejected as rejected:
        return SignatureResult(domain=domain, selector=selector, result=rejected.result, why=rejected.why)
    return SignatureResult(
        domain=domain, selector=selector, result=SignatureOutcome.PASS, why="The signature verifies."
    )


def _permanent(why: str) -> _Rejected:
    return _Rejected(SignatureOutcome.PERMERROR, why)


_TAG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def _parse_tags(text: str) -> dict[str, str]:
    """A tag list (RFC 6376 §3.2); a tag that stands twice or has no name spoils it all."""
    tags: dict[str, str] = {}
    pieces = text.split(";")
    if not pieces[-1].strip(" \t\r\n"):
        pieces.pop()
    for piece in pieces:
        name, equals, value = piece.partition("=")
        name = name.strip(" \t\r\n")
        if not equals or not _TAG_NAME.fullmatch(name):
            raise _permanent("The tag list is malformed.")
        if name in tags:
            raise _permanent(f"The tag {name}= stands twice.")
        tags[name] = value.strip(" \t\r\n")
    return tags


@dataclass(frozen=True, kw_only=True, slots=True)
class _Signature:
    """The tags of a DKIM-Signature, read and checked."""

    domain: str
    selector: str
    algorithm: str
    is_relaxed_header: bool
    is_relaxed_body: bool
    names: tuple[str, ...]
    body_hash: bytes
    signature: bytes
    length: int | None
    identity_domain: str
    identity_is_given: bool


def _read_signature(tags: Mapping[str, str], now: datetime) -> _Signature:
    """Check everything that needs neither body nor key (RFC 6376 §6.1.1)."""
    missing = [name for name in ("v", "a", "b", "bh", "d", "h", "s") if name not in tags]
    if missing:
        raise _permanent(f"The tag {missing[0]}= is missing.")
    if tags["v"] != "1":
        raise _permanent("The version is not 1.")
    algorithm = tags["a"].lower()
    if algorithm == "rsa-sha1":
        raise _Rejected(SignatureOutcome.POLICY, "SHA-1 is not accepted (RFC 8301).")
    if algorithm not in ("rsa-sha256", "ed25519-sha256"):
        raise _permanent("The algorithm is unknown.")
    domain, selector = tags["d"].lower(), tags["s"].lower()
    if not _DOMAIN.fullmatch(domain) or not _DOMAIN.fullmatch(selector):
        raise _permanent("d= or s= is no domain name.")
    is_relaxed_header, is_relaxed_body = _canonicalisation(tags.get("c", "simple/simple"))
    names = tuple(_FWS.sub("", name).lower() for name in tags["h"].split(":"))
    if "from" not in names:
        raise _permanent("From is not signed.")
    if "" in names:
        raise _permanent("h= holds an empty name.")
    identity_domain = _identity_domain(tags, domain)
    _check_times(tags, now)
    if "q" in tags and "dns/txt" not in [_FWS.sub("", way).lower() for way in tags["q"].split(":")]:
        raise _permanent("The key is not published in DNS (q=).")
    return _Signature(
        domain=domain, selector=selector, algorithm=algorithm, is_relaxed_header=is_relaxed_header,
        is_relaxed_body=is_relaxed_body, names=names, body_hash=_decoded(tags["bh"], "bh"),
        signature=_decoded(tags["b"], "b"), length=_number(tags, "l"), identity_domain=identity_domain,
        identity_is_given="i" in tags,
    )  # fmt: skip


def _canonicalisation(text: str) -> tuple[bool, bool]:
    header, _, body = text.lower().partition("/")
    if header not in ("simple", "relaxed") or (body or "simple") not in ("simple", "relaxed"):
        raise _permanent("The canonicalisation is unknown.")
    return header == "relaxed", body == "relaxed"


def _identity_domain(tags: Mapping[str, str], domain: str) -> str:
    if "i" not in tags:
        return domain
    identity = tags["i"].rpartition("@")[2].lower()
    if "@" not in tags["i"] or not (identity == domain or identity.endswith("." + domain)):
        raise _permanent("i= is not within d=.")
    return identity


def _check_times(tags: Mapping[str, str], now: datetime) -> None:
    made, ends = _number(tags, "t"), _number(tags, "x")
    if made is not None and ends is not None and ends <= made:
        raise _permanent("The signature expires before it was made.")
    if ends is not None and ends < now.timestamp():
        raise _Rejected(SignatureOutcome.POLICY, "The signature has expired (x=).")
    if made is not None and made > now.timestamp() + CLOCK_SKEW_SECONDS:
        raise _Rejected(SignatureOutcome.POLICY, "The signature was made in the future (t=).")


def _number(tags: Mapping[str, str], name: str) -> int | None:
    text = tags.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 76:  # RFC 6376 §3.5: up to 76 digits
        raise _permanent(f"{name}= is no number.")
    return int(text)


def _decoded(text: str, name: str) -> bytes:
    try:
        data = base64.b64decode(_FWS.sub("", text), validate=True)
    except ValueError as error:
        raise _permanent(f"{name}= is no base64.") from error
    if not data:
        raise _permanent(f"{name}= is empty.")
    return data


def _check_body(body: bytes, wanted: _Signature) -> None:
    canonical = relaxed_body(body) if wanted.is_relaxed_body else simple_body(body)
    if wanted.length is not None:
        if wanted.length > len(canonical):
            raise _permanent("l= is longer than the body.")
        canonical = canonical[: wanted.length]
    if hashlib.sha256(canonical).digest() != wanted.body_hash:
        raise _Rejected(SignatureOutcome.FAIL, "The body hash does not match.")


PublicKey = rsa.RSAPublicKey | ed25519.Ed25519PublicKey


def _fetch_key(wanted: _Signature, resolver: Resolver) -> PublicKey:
    answer = resolver.txt(f"{wanted.selector}._domainkey.{wanted.domain}")
    if isinstance(answer, TempFail):
        raise _Rejected(SignatureOutcome.TEMPERROR, "The key could not be fetched: DNS did not answer.")
    if isinstance(answer, NoDomain | NoRecord):
        raise _permanent("There is no key under this selector.")
    return _usable_key(answer.values, wanted)


def _usable_key(records: Iterable[str], wanted: _Signature) -> PublicKey:
    """The first record that serves; RFC 6376 §3.6.2.2 leaves several records undefined."""
    problem = _permanent("There is no key under this selector.")
    for record in records:
        try:
            return _read_key(record, wanted)
        except _Rejected as rejected:
            problem = rejected
    raise problem


def _read_key(record: str, wanted: _Signature) -> PublicKey:
    tags = _parse_tags(record)
    if "v" in tags and (tags["v"] != "DKIM1" or next(iter(tags)) != "v"):
        raise _permanent("The key record has another version.")
    if "p" not in tags:
        raise _permanent("The key record has no p=.")
    data = _FWS.sub("", tags["p"])
    if not data:
        raise _permanent("The key is revoked.")
    kind = tags.get("k", "rsa").lower()
    if kind != wanted.algorithm.partition("-")[0]:
        raise _permanent("The key is of another kind than the signature.")
    if "h" in tags and "sha256" not in _listed(tags["h"]):
        raise _permanent("The key does not allow SHA-256.")
    if "s" in tags and not {"*", "email"} & _listed(tags["s"]):
        raise _permanent("The key is not for mail.")
    flags = _listed(tags.get("t", ""))
    if "s" in flags and wanted.identity_domain != wanted.domain:
        raise _permanent("The key does not allow subdomains in i=.")
    # t=y (testing) changes nothing here: RFC 6376 §3.6.1 says to treat such mail as any other.
    return _public_key(kind, data)


def _listed(text: str) -> set[str]:
    return {_FWS.sub("", item).lower() for item in text.split(":")}


def _public_key(kind: str, text: str) -> PublicKey:
    try:
        data = base64.b64decode(text, validate=True)
        if kind == "ed25519":
            return ed25519.Ed25519PublicKey.from_public_bytes(data)
        key = _rsa_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _permanent("The public key cannot be read.") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise _permanent("The public key is no RSA key.")
    if key.key_size < MIN_RSA_BITS:
        raise _Rejected(SignatureOutcome.POLICY, f"The key has only {key.key_size} bits.")
    return key


def _rsa_key(data: bytes) -> object:
    """SubjectPublicKeyInfo, or the bare RSAPublicKey that RFC 6376 §3.6.1 literally asks for."""
    try:
        return serialization.load_der_public_key(data)
    except ValueError:
        length = len(data)
        if length < 128 or length > 4096:
            raise
        octets = b"\x00" + data
        bits = b"\x03" + _der_length(len(octets)) + octets
        algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
        whole = b"\x30" + _der_length(len(algorithm) + len(bits)) + algorithm + bits
        return serialization.load_der_public_key(whole)


def _der_length(length: int) -> bytes:
    if length < 128:
        return bytes([length])
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def _check_signature(block: HeaderBlock, raw: bytes, wanted: _Signature, key: PublicKey) -> None:
    data = _chosen_fields(block, wanted) + _without_signature(raw, wanted)
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(wanted.signature, data, padding.PKCS1v15(), hashes.SHA256())
        else:
            key.verify(wanted.signature, hashlib.sha256(data).digest())
    except InvalidSignature as error:
        raise _Rejected(SignatureOutcome.FAIL, "The signature does not match the header.") from error


def _chosen_fields(block: HeaderBlock, wanted: _Signature) -> bytes:
    """Fields in the order of h=, from the bottom up; a name too many stands for nothing."""
    left: dict[str, list[bytes]] = {}
    for name, raw in block.fields:
        left.setdefault(name, []).append(raw)
    chosen = [left[name].pop() for name in wanted.names if left.get(name)]
    return b"".join([relaxed_field(raw) if wanted.is_relaxed_header else raw for raw in chosen])


def _without_signature(raw: bytes, wanted: _Signature) -> bytes:
    """The DKIM-Signature field itself, b= emptied, without its CRLF (RFC 6376 §3.7)."""
    name, _, value = raw.partition(b":")
    emptied = name + b":" + _B_TAG.sub(rb"\1", value, count=1)
    if not emptied.endswith(b"\r\n"):
        emptied += b"\r\n"
    return (relaxed_field(emptied) if wanted.is_relaxed_header else emptied)[:-2]
