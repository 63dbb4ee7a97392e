"""API keys: make, look up, rotate with overlap, revoke.

A key reads `rh_live_<8 characters>_<32 characters>`: the first part finds the row, the second is 160
random bits of which only the SHA-256 is kept. Whoever loses a key makes a new one; nobody can read it again.
"""

from __future__ import annotations

import base64
import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.crypto import constant_time_compare

from relayhub.core import audit
from relayhub.core.access import ALL_SCOPES, Actor, unknown_scopes
from relayhub.core.clock import now
from relayhub.core.crypto import hash_secret, random_secret
from relayhub.core.errors import ConflictError, ForbiddenError, InputError
from relayhub.core.models import ApiKey

_START = "rh_live_"
_LAST_USED_EVERY = timedelta(minutes=1)
DEFAULT_OVERLAP = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class KeyLimits:
    """What a key may do, and from where; empty limits mean all."""

    scopes: tuple[str, ...]
    domains: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    expires_at: datetime | None = None
    requests_per_second: int = 100


@dataclass(frozen=True, kw_only=True)
class NewKey:
    """A key as it is made: the only moment its text exists."""

    key: ApiKey
    text: str = field(repr=False)


def create_key(actor: Actor, *, name: str, limits: KeyLimits, replaces: ApiKey | None = None) -> NewKey:
    """Make a key. Nobody can give a scope that they do not hold themselves."""
    _check_limits(actor, name, limits)
    secret = random_secret()
    prefix = _START + base64.b32encode(os.urandom(5)).decode().lower()
    text = f"{prefix}_{secret}"
    with transaction.atomic():
        key = ApiKey.objects.create(
            workspace=actor.workspace,
            name=name.strip(),
            prefix=prefix,
            secret_hash=hash_secret(text),
            last_four=text[-4:],
            scopes=sorted(set(limits.scopes)),
            domains=[domain.lower() for domain in limits.domains],
            streams=list(limits.streams),
            networks=list(limits.networks),
            expires_at=limits.expires_at,
            requests_per_second=limits.requests_per_second,
            created_by=actor.user,
            replaces=replaces,
        )
        audit.record(
            actor, "key.created", "key", key.public_id, summary=f"API key {key.name}",
            after={"name": key.name, "scopes": key.scopes, "expires_at": key.expires_at},
        )
    return NewKey(key=key, text=text)


def _check_limits(actor: Actor, name: str, limits: KeyLimits) -> None:
    if not 1 <= len(name.strip()) <= 120:
        raise InputError("Give the key a name of 1 to 120 characters.", field="name")
    if not limits.scopes:
        raise InputError("Choose at least one scope.", field="scopes")
    unknown = unknown_scopes(limits.scopes)
    if unknown:
        raise InputError(
            f"“{unknown[0]}” is not a scope. Scopes are: {', '.join(ALL_SCOPES)}.", field="scopes"
        )
    foreign = [scope for scope in limits.scopes if not actor.may(scope)]
    if foreign:
        raise ForbiddenError(f"You cannot give a key the scope “{foreign[0]}”, which you do not hold yourself.")
    for network in limits.networks:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError as exc:
            raise InputError(
                f"“{network}” is not a network. Write it as 203.0.113.0/24 or 2001:db8::/32.", field="networks"
            ) from exc
    if limits.expires_at is not None and limits.expires_at <= now():
        raise InputError("The expiry lies in the past.", field="expires_at")
    if not 1 <= limits.requests_per_second <= 10_000:
        raise InputError("Write requests a second from 1 to 10,000.", field="requests_per_second")


def find_key(text: str, *, ip: str | None = None) -> ApiKey | None:
    """The living key of this text, or None: unknown, revoked, expired, or not allowed from this address."""
    if not text.startswith(_START) or len(text) > 100:
        return None
    prefix = text.rsplit("_", 1)[0]
    key = ApiKey.objects.select_related("workspace").filter(prefix=prefix).first()
    if key is None or not constant_time_compare(key.secret_hash, hash_secret(text)):
        return None
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now()):
        return None
    return key if _is_allowed_from(key.networks, ip) else None


def _is_allowed_from(networks: Iterable[str], ip: str | None) -> bool:
    allowed = list(networks)
    if not allowed:
        return True
    if ip is None:
        return False
    address = ipaddress.ip_address(ip)
    return any(address in ipaddress.ip_network(network, strict=False) for network in allowed)


def note_use(key: ApiKey) -> None:
    """Remember that the key was used; writes at most once a minute."""
    moment = now()
    if key.last_used_at is None or moment - key.last_used_at > _LAST_USED_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=moment)
        key.last_used_at = moment


def revoke_key(actor: Actor, key: ApiKey) -> None:
    """End a key at once."""
    with transaction.atomic():
        if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now()):
            raise ConflictError("This key was revoked already.", code="key_revoked")
        audit.record(actor, "key.revoked", "key", key.public_id, summary=f"API key {key.name}")


def rotate_key(actor: Actor, key: ApiKey, *, overlap: timedelta = DEFAULT_OVERLAP) -> NewKey:
    """Make a successor with the same limits; the old key works for `overlap` more."""
    if key.revoked_at is not None:
        raise ConflictError("A revoked key cannot be rotated; make a new one.", code="key_revoked")
    if not timedelta(0) <= overlap <= timedelta(days=30):
        raise InputError("The overlap lies between 0 seconds and 30 days.", field="overlap")
    limits = KeyLimits(
        scopes=tuple(key.scopes), domains=tuple(key.domains), streams=tuple(key.streams),
        networks=tuple(key.networks), requests_per_second=key.requests_per_second,
    )
    with transaction.atomic():
        new = create_key(actor, name=key.name, limits=limits, replaces=key)
        ends = now() + overlap
        if key.expires_at is None or key.expires_at > ends:
            ApiKey.objects.filter(pk=key.pk).update(expires_at=ends)
        audit.record(actor, "key.rotated", "key", key.public_id, after={"expires_at": ends})
    return new
