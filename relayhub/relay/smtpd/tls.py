"""The listeners' certificate: the configured PEM files, or one signed by itself and made once.

Changed files are read again for the next handshake, without a restart and without dropping connections; a
file that cannot be read leaves the certificate in use. TLS 1.2 or newer (RFC 8996).
"""

from __future__ import annotations

import ipaddress
import logging
import os
import ssl
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings

from relayhub.core.clock import now
from relayhub.core.errors import ConfigurationError

log = logging.getLogger(__name__)

_LIFE = timedelta(days=3650)
_MAX_COMMON_NAME = 64  # RFC 5280, ub-common-name


class Certificate:
    """One TLS context for all handshakes of a process, kept in step with its files."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = (certificate, key)
        self._seen = self._marks()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            self.context.load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as exc:
            raise ConfigurationError(
                f"The certificate {certificate} with the key {key} cannot be used: {exc}. "
                "RELAYHUB_TLS_CERT and RELAYHUB_TLS_KEY take the paths of PEM files that belong together."
            ) from exc

    @classmethod
    def from_settings(cls) -> Certificate:
        """The configured certificate, or the one of this data folder."""
        given = (settings.RELAYHUB_TLS_CERT, settings.RELAYHUB_TLS_KEY)
        if any(given):
            if not all(given):
                raise ConfigurationError("RELAYHUB_TLS_CERT and RELAYHUB_TLS_KEY go together; set both or none.")
            return cls(Path(given[0]), Path(given[1]))
        path = own_certificate(Path(settings.RELAYHUB_DATA), settings.RELAYHUB_HOSTNAME)
        return cls(path, path)

    def refresh(self) -> bool:
        """Read the files again where they changed; whether new ones are in use now."""
        marks = self._marks()
        if marks == self._seen or None in marks:
            return False
        self._seen = marks
        try:
            # Tried on a context of its own first: half a pair must not reach the one in use.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*self._files)
            self.context.load_cert_chain(*self._files)
        except (OSError, ssl.SSLError) as exc:
            log.warning("smtpd.certificate_kept", extra={"why": str(exc)[:200]})
            return False
        log.info("smtpd.certificate_read")
        return True

    def _marks(self) -> tuple[tuple[int, int] | None, ...]:
        return tuple(_mark(path) for path in self._files)


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def own_certificate(data: Path, host_name: str) -> Path:
    """The PEM file (0600) with a certificate that signs itself, made if there is none for this name."""
    folder = data / "tls"
    path = folder / f"smtp-{host_name}.pem"
    if path.exists():
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".smtp-{os.getpid()}.pem"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(_self_signed(host_name))
        try:
            os.link(temporary, path)  # whoever comes second keeps the first one's
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    except OSError as exc:
        raise ConfigurationError(f"A certificate cannot be kept in {folder}: {exc.strerror}.") from exc
    return path


def _self_signed(host_name: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host_name[:_MAX_COMMON_NAME])])
    begins = now() - timedelta(hours=1)
    names: list[x509.GeneralName] = [x509.DNSName(each) for each in dict.fromkeys((host_name, "localhost"))]
    names += [x509.IPAddress(ipaddress.ip_address(each)) for each in ("127.0.0.1", "::1")]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + _LIFE)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + private
