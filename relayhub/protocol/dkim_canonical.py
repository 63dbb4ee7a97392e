"""The canonical forms of DKIM (RFC 6376 §3.4), on bytes by `replace`, never by a pattern over the body.

This module must never change what a receiver would see; it only makes what is hashed.
"""

from __future__ import annotations

import hashlib


def relaxed_lines(body: bytes) -> bytes:
    """Relaxed form of body lines (RFC 6376 §3.4.4), the empty lines at the end still there.

    Runs of white space become one space; white space before a line end goes.
    """
    if b"\t" in body:
        body = body.replace(b"\t", b" ")
    while b"  " in body:
        body = body.replace(b"  ", b" ")
    return body.replace(b" \r\n", b"\r\n")


def relaxed_body(body: bytes) -> bytes:
    """The body as relaxed canonicalisation hashes it; an empty body is nothing at all."""
    lines = relaxed_lines(body).rstrip(b" ") if body.endswith((b" ", b"\t")) else relaxed_lines(body)
    return _ended(lines, b"")


def simple_body(body: bytes) -> bytes:
    """The body as simple canonicalisation hashes it (RFC 6376 §3.4.3)."""
    return _ended(body, b"\r\n")


def _ended(body: bytes, when_empty: bytes) -> bytes:
    """Exactly one CRLF at the end, or `when_empty` where nothing else is left."""
    end = len(body)
    while body.endswith(b"\r\n", 0, end):
        end -= 2
    if end == 0:
        return when_empty
    return body[: end + 2] if end < len(body) else body + b"\r\n"


def relaxed_field(raw: bytes) -> bytes:
    """One header field in relaxed form, with its CRLF (RFC 6376 §3.4.2)."""
    name, _, value = raw.partition(b":")
    value = value.replace(b"\r\n", b"").replace(b"\t", b" ")
    while b"  " in value:
        value = value.replace(b"  ", b" ")
    return name.rstrip(b" \t").lower() + b":" + value.strip(b" ") + b"\r\n"


def body_hash_of(body: bytes) -> bytes:
    """SHA-256 of the relaxed body."""
    return hashlib.sha256(relaxed_body(body)).digest()
