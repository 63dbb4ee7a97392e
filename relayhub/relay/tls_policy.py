"""TLS toward peers: which context for which policy, and whether an unverified certificate would have passed.

Opportunistic TLS takes any certificate and old versions: it is only ever better than the plain text it
replaces (RFC 7435 §3), and what it was is noted. Required TLS to a public host checks the certificate and the
name; on a private line, where names are seldom certified, encryption alone is asked for.
"""

from __future__ import annotations

import logging
import ssl
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from relayhub.core.clock import now

log = logging.getLogger(__name__)

#: What OpenSSL lets through at all, for peers that never learnt better.
_ANY_CIPHERS = "DEFAULT:@SECLEVEL=0"


@lru_cache(maxsize=1)
def lenient_context() -> ssl.SSLContext:
    """For opportunistic TLS: any certificate, TLS 1.0 and later."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        context.set_ciphers(_ANY_CIPHERS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
    except (ssl.SSLError, ValueError):  # this OpenSSL was built without
        log.warning("tls.old_versions_not_available")
    return context


@lru_cache(maxsize=1)
def unverified_context() -> ssl.SSLContext:
    """For required TLS on a private line: any certificate, TLS 1.2 and later."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@lru_cache(maxsize=1)
def strict_context() -> ssl.SSLContext:
    """For required TLS on public lines: certificate and name are checked (RFC 8314 §5.3 asks for 1.2)."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def tls_facts(ssl_object: Any, host: str, *, was_checked: bool) -> dict[str, Any]:
    """{"version", "cipher", "verified"} of an established connection."""
    cipher = ssl_object.cipher()
    return {
        "version": ssl_object.version() or "", "cipher": cipher[0] if cipher else "",
        "verified": was_checked or would_verify(ssl_object, host),
    }


def would_verify(ssl_object: Any, host: str) -> bool:
    """Whether the peer's certificate chains to a known root and names the host; False if it cannot be told.

    Only for the record: opportunistic TLS goes on either way.
    """
    store = _root_store()
    chain = _chain(ssl_object)
    if store is None or not chain:
        return False
    try:
        verifier = (
            PolicyBuilder().store(store).time(now().replace(tzinfo=None))
            .build_server_verifier(x509.DNSName(host))
        )
        verifier.verify(chain[0], chain[1:])
    except (VerificationError, ValueError):
        return False
    return True


def _chain(ssl_object: Any) -> list[x509.Certificate]:
    """The leaf and what the peer sent behind it; the leaf alone where this Python does not give the rest."""
    inner = getattr(ssl_object, "_sslobj", None)
    chain = getattr(inner, "get_unverified_chain", None)
    try:
        if chain is not None:
            return [x509.load_pem_x509_certificate(item.public_bytes().encode()) for item in chain() or ()]
        leaf = ssl_object.getpeercert(binary_form=True)
        return [x509.load_der_x509_certificate(leaf)] if leaf else []
    except (ValueError, AttributeError):
        return []


@lru_cache(maxsize=1)
def _root_store() -> Store | None:
    paths = ssl.get_default_verify_paths()
    for name in (paths.cafile, paths.openssl_cafile, "/etc/ssl/certs/ca-certificates.crt"):
        if name and Path(name).is_file():
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # some roots are older than today's rules
                    return Store(x509.load_pem_x509_certificates(Path(name).read_bytes()))
            except ValueError:
                continue
    return None
