"""The listeners' certificate: the configured one, read again when it changes, or a self-signed one made once."""

from __future__ import annotations

import os
import ssl
import time
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings

from relayhub.core.clock import now
from relayhub.core.errors import ConfigurationError

#: How often the files' times are looked at.
LOOK_SECONDS = 5.0
_SELF_SIGNED_LIFE = timedelta(days=3650)


class Certificate:
    """A server-side TLS context that follows its files."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key
        self._looked_at = 0.0
        self._stamp: tuple[int, int] | None = None
        self._context: ssl.SSLContext | None = None

    @property
    def context(self) -> ssl.SSLContext:
        """The context of the newest files; while they cannot be read, the one before."""
        moment = time.monotonic()
        if self._context is None or moment - self._looked_at > LOOK_SECONDS:
            self._looked_at = moment
            self._load_if_changed()
        if self._context is None:
            raise ConfigurationError(f"The certificate {self._certificate} or its key cannot be read.")
        return self._context

    def _load_if_changed(self) -> None:
        try:
            stamp = (self._certificate.stat().st_mtime_ns, self._key.stat().st_mtime_ns)
            if stamp == self._stamp:
                return
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(self._certificate, self._key)
        except (OSError, ssl.SSLError):
            return  # half-written files are looked at again
        self._stamp, self._context = stamp, context


def listener_certificate() -> Certificate:
    """The configured certificate, or a self-signed one for the host name, made in the data folder."""
    if settings.RELAYHUB_TLS_CERT and settings.RELAYHUB_TLS_KEY:
        certificate = Certificate(Path(settings.RELAYHUB_TLS_CERT), Path(settings.RELAYHUB_TLS_KEY))
    else:
        certificate = Certificate(*_self_signed(Path(settings.RELAYHUB_DATA) / "tls"))
    _ = certificate.context  # a certificate that cannot be read stops the start, not the first session
    return certificate


def _self_signed(folder: Path) -> tuple[Path, Path]:
    certificate_path, key_path = folder / "certificate.pem", folder / "key.pem"
    if certificate_path.exists() and key_path.exists():
        return certificate_path, key_path
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, settings.RELAYHUB_HOSTNAME[:64])])
    moment = now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(days=1))
        .not_valid_after(moment + _SELF_SIGNED_LIFE)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(settings.RELAYHUB_HOSTNAME), x509.DNSName("localhost")]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # Two listeners may do this at once: whoever renames last wins, and both files come from one of them.
    _write(key_path, private)
    _write(certificate_path, certificate.public_bytes(serialization.Encoding.PEM))
    return certificate_path, key_path


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(data)
    temporary.replace(path)
