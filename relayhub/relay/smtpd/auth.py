"""AUTH with a brake: failures are counted in PostgreSQL by login and by network, across mechanisms.

Five failures block for 15 minutes, each further one doubles it up to a day. A blocked peer is refused without
looking at the password, so that guessing teaches nothing (THREATS T02).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from relayhub.core.clock import now
from relayhub.core.models import LoginThrottle
from relayhub.relay import credentials
from relayhub.relay.models import SmtpCredential

ALLOWED_FAILURES = 5
FIRST_BLOCK = timedelta(minutes=15)
LONGEST_BLOCK = timedelta(days=1)
#: Failures older than this are forgotten.
MEMORY = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class AuthResult:
    """Who signed in, or why nobody did."""

    credential: SmtpCredential | None = None
    is_blocked: bool = False


def sign_in(username: str, password: str, *, ip: str) -> AuthResult:
    """Check a login; counts a failure, and forgets the login's failures on success."""
    keys = (f"smtp:{username[:64]}", f"smtp-ip:{network_of(ip)}")
    if any(_blocked_until(key) for key in keys):
        return AuthResult(is_blocked=True)
    found = credentials.find_credential(username, password, ip=ip)
    if found is None:
        for key in keys:
            _count_failure(key)
        return AuthResult()
    LoginThrottle.objects.filter(key=keys[0]).delete()
    credentials.note_use(found)
    return AuthResult(credential=found)


def network_of(ip: str) -> str:
    """What is counted together: an IPv4 /24, an IPv6 /64."""
    address = ipaddress.ip_address(ip)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    length = 24 if address.version == 4 else 64
    return str(ipaddress.ip_network(f"{address}/{length}", strict=False))


def _blocked_until(key: str) -> datetime | None:
    row = LoginThrottle.objects.filter(key=key, blocked_until__gt=now()).first()
    return row.blocked_until if row else None


def _count_failure(key: str) -> None:
    moment = now()
    with transaction.atomic():
        row, _ = LoginThrottle.objects.select_for_update().get_or_create(key=key)
        if moment - row.last_failure_at > MEMORY:
            row.failures = 0
        row.failures += 1
        row.last_failure_at = moment
        beyond = row.failures - ALLOWED_FAILURES
        if beyond >= 0:
            row.blocked_until = moment + min(FIRST_BLOCK * 2 ** min(beyond, 10), LONGEST_BLOCK)
        row.save(update_fields=["failures", "last_failure_at", "blocked_until"])
