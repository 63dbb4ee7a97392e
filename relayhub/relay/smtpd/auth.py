"""AUTH: who signs in, and brakes for who tries.

Failures count by network (/24, /64) and by login, in PostgreSQL, with one allowance for all mechanisms and
listeners: the fifth within 15 minutes closes both for 15 minutes, every one after that for twice as long. An
attempt is only looked at while neither is closed, and attempts of one network queue, so no burst slips
through. Nothing said here tells an unknown login from a wrong password. THREATS T02, T08.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import Error as DatabaseError
from django.db import connection, transaction

from relayhub.core.clock import now
from relayhub.core.models import LoginThrottle
from relayhub.protocol import reply as replies
from relayhub.protocol.reply import SmtpReply
from relayhub.relay import credentials
from relayhub.relay.models import SmtpCredential
from relayhub.relay.smtpd.limits import network_of

log = logging.getLogger(__name__)

FREE_FAILURES = 5
FIRST_BLOCK = timedelta(minutes=15)
LONGEST_BLOCK = timedelta(hours=24)
#: A credential revoked elsewhere stops working here after this long.
CACHE_SECONDS = 3.0
_LOCK_CLASS = 0x534D  # "SM": our advisory locks of this kind
_MAX_CACHED = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """Whom a session acts as."""

    credential_id: UUID
    workspace_id: UUID
    stream_id: UUID | None
    domains: tuple[str, ...]
    name: str = ""

    @classmethod
    def of(cls, credential: SmtpCredential) -> Principal:
        """What a session needs of a credential."""
        return cls(
            credential_id=credential.pk, workspace_id=credential.workspace_id, stream_id=credential.stream_id,
            domains=tuple(credential.domains), name=credential.name,
        )


# -- signing in ----------------------------------------------------------------------------------------------


def authenticate(username: str, password: str, ip: str) -> Principal | SmtpReply:
    """The principal, or the reply that refuses. Blocks on the database; never raises."""
    recent = _recent.get(_proof(username, password, ip))
    if recent is not None:
        return recent
    try:
        answer = _looked_at(username, password, ip)
    except DatabaseError:
        log.warning("smtpd.auth_unavailable", exc_info=True)
        connection.close()
        return replies.AUTH_UNAVAILABLE
    if isinstance(answer, Principal):
        _recent.put(_proof(username, password, ip), answer)
    else:
        log.info("smtpd.auth_refused", extra={"ip": ip, "code": answer.code})
    return answer


def _proof(username: str, password: str, ip: str) -> bytes:
    return hashlib.sha256(f"{username}\0{password}\0{ip}".encode()).digest()


def _looked_at(username: str, password: str, ip: str) -> Principal | SmtpReply:
    keys = sorted((login_key(username), network_key(ip)))
    with transaction.atomic():
        with connection.cursor() as cursor:
            for key in keys:
                cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK_CLASS, key])
        rows = {row.key: row for row in LoginThrottle.objects.filter(key__in=keys)}
        moment = now()
        if any(row.blocked_until is not None and row.blocked_until > moment for row in rows.values()):
            return replies.AUTH_THROTTLED
        found = credentials.find_credential(username, password, ip=ip)
        if found is None:
            for key in keys:
                _count_failure(key, rows.get(key), moment)
            return replies.AUTH_FAILED
        if rows:
            LoginThrottle.objects.filter(key__in=keys).delete()
        credentials.note_use(found)
    return Principal.of(found)


def login_key(username: str) -> str:
    """The brake's key of a login; what a stranger typed is not kept in the clear."""
    return f"smtp:{hashlib.sha256(username.encode()).hexdigest()[:40]}"


def network_key(ip: str) -> str:
    """The brake's key of a network."""
    return f"smtp-ip:{network_of(ip)}"


def _count_failure(key: str, row: LoginThrottle | None, moment: datetime) -> None:
    failures = 1 if row is None else failures_after(row.failures, row.last_failure_at, moment)
    LoginThrottle.objects.update_or_create(
        key=key,
        defaults={
            "failures": failures, "last_failure_at": moment,
            "blocked_until": None if failures < FREE_FAILURES else moment + block_after(failures),
        },
    )


def failures_after(failures: int, last_failure_at: datetime, moment: datetime) -> int:
    """The count with one more: old ones are forgotten, sooner where they never led to a block."""
    forget_after = FIRST_BLOCK if failures < FREE_FAILURES else 2 * LONGEST_BLOCK
    return 1 if moment - last_failure_at > forget_after else failures + 1


def block_after(failures: int) -> timedelta:
    """How long the door stays closed after this many."""
    doublings = min(max(0, failures - FREE_FAILURES), 20)
    return min(LONGEST_BLOCK, timedelta(seconds=FIRST_BLOCK.total_seconds() * 2.0**doublings))


# -- as of at most a few seconds ago -------------------------------------------------------------------------


class _Fresh:
    """Principals by some key, for CACHE_SECONDS; safe between threads."""

    def __init__(self) -> None:
        self._found: dict[object, tuple[float, Principal | None]] = {}
        self._lock = threading.Lock()

    def get(self, key: object) -> Principal | None:
        found = self._found.get(key)
        return found[1] if found is not None and time.monotonic() - found[0] < CACHE_SECONDS else None

    def put(self, key: object, value: Principal | None) -> None:
        with self._lock:
            if len(self._found) >= _MAX_CACHED:
                self._found.clear()
            self._found[key] = (time.monotonic(), value)

    def clear(self) -> None:
        with self._lock:
            self._found.clear()


_recent = _Fresh()
_living = _Fresh()
_TRUSTED = "trusted"


def living_principal(credential_id: UUID) -> Principal | None:
    """The principal of an open session as it stands now; None once it is revoked or expired."""
    return _living.get(credential_id) or _load(
        credential_id, SmtpCredential.objects.filter(pk=credential_id).first()
    )


def trusted_principal() -> Principal | None:
    """Whom trusted networks act as: the default credential of the first workspace."""
    return _living.get(_TRUSTED) or _load(_TRUSTED, credentials.default_credential())


def _load(key: object, credential: SmtpCredential | None) -> Principal | None:
    if credential is None or not credentials.is_usable(credential):
        return None
    principal = Principal.of(credential)
    _living.put(key, principal)
    return principal


def forget() -> None:
    """Look everybody up anew."""
    _recent.clear()
    _living.clear()
