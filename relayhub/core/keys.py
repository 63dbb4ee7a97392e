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
from uuid import UUID

from django.db import transaction
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from relayhub.core import audit
from relayhub.core.access import ALL_SCOPES, Actor, require, unknown_scopes
from relayhub.core.address_faults import fault_told
from relayhub.core.clock import now
from relayhub.core.crypto import hash_secret, random_secret
from relayhub.core.errors import ConflictError, ForbiddenError, InputError
from relayhub.core.models import ApiKey, Scope
from relayhub.protocol.address import AddressError, normalise_domain

_START = "rh_live_"
_LAST_USED_EVERY = timedelta(minutes=1)
DEFAULT_OVERLAP = timedelta(hours=24)
MAX_OVERLAP = timedelta(days=30)


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
    """Make a key. Nobody can give a scope that they do not hold, and no key makes one wider than itself."""
    require(actor, Scope.KEYS_WRITE)
    _check_limits(actor, name, limits)
    domains = checked_domains(limits.domains)
    is_own_successor = replaces is not None and actor.api_key is not None and replaces.pk == actor.api_key.pk
    refuse_wider(
        actor, domains=domains, streams=limits.streams, networks=limits.networks,
        expires_at=actor.api_key.expires_at if is_own_successor and actor.api_key else limits.expires_at,
    )
    secret = random_secret()
    prefix = _START + base64.b32encode(os.urandom(5)).decode().lower()
    text = f"{prefix}_{secret}"
    with transaction.atomic():
        key = ApiKey.objects.create(
            workspace=actor.workspace,
            name=" ".join(name.split()),
            prefix=prefix,
            secret_hash=hash_secret(text),
            last_four=text[-4:],
            scopes=sorted(set(limits.scopes)),
            domains=domains,
            streams=list(limits.streams),
            networks=list(limits.networks),
            expires_at=limits.expires_at,
            requests_per_second=limits.requests_per_second,
            created_by=actor.user,
            replaces=replaces,
        )
        audit.record(
            actor, "key.created", "key", key.public_id, summary=f"API key {key.name}",
            after={"name": key.name, "scopes": key.scopes, "domains": key.domains, "streams": key.streams,
                   "networks": key.networks, "expires_at": key.expires_at},
        )
    return NewKey(key=key, text=text)


def _check_limits(actor: Actor, name: str, limits: KeyLimits) -> None:
    if not 1 <= len(name.strip()) <= 120:
        raise InputError(_("Give the key a name of 1 to 120 characters."), field="name")
    if not limits.scopes:
        raise InputError(_("Choose at least one scope."), field="scopes")
    unknown = unknown_scopes(limits.scopes)
    if unknown:
        raise InputError(
            f"“{unknown[0]}” is not a scope. Scopes are: {', '.join(ALL_SCOPES)}.", field="scopes"
        )
    foreign = [scope for scope in limits.scopes if not actor.may(scope)]
    if foreign:
        words = _("You cannot give a key the scope “%(scope)s”, which you do not hold yourself.")
        raise ForbiddenError(words % {"scope": foreign[0]})
    check_networks(limits.networks)
    check_expiry(limits.expires_at)
    if not 1 <= limits.requests_per_second <= 10_000:
        raise InputError(_("Write requests a second from 1 to 10,000."), field="requests_per_second")


def check_networks(networks: Iterable[str]) -> None:
    """InputError unless each is an address or a network."""
    for network in networks:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError as exc:
            words = _("“%(network)s” is not a network. Write it as 203.0.113.0/24 or 2001:db8::/32.")
            raise InputError(words % {"network": network}, field="networks") from exc


def check_expiry(expires_at: datetime | None) -> None:
    """InputError where it has passed already."""
    if expires_at is not None and expires_at <= now():
        raise InputError(_("The expiry lies in the past."), field="expires_at")


def checked_domains(domains: Iterable[str]) -> list[str]:
    """The domains as the relay compares them (A-labels, lower case); InputError where one is none."""
    found = []
    for domain in domains:
        try:
            found.append(normalise_domain(domain.strip()))
        except AddressError as exc:
            words = _("“%(domain)s” is not a domain.") % {"domain": domain}
            raise InputError(f"{words} {fault_told(exc.message)}", field="domains") from exc
    return sorted(set(found))


def refuse_wider(
    actor: Actor, *, domains: Iterable[str], streams: Iterable[str], networks: Iterable[str],
    expires_at: datetime | None,
) -> None:
    """ForbiddenError where a limited key would make something that is less limited than itself."""
    own = actor.api_key
    if own is None:
        return
    new_domains, new_streams, new_networks = set(domains), set(streams), list(networks)
    if own.domains and not (new_domains and new_domains <= set(own.domains)):
        raise ForbiddenError(f"This key is limited to {', '.join(own.domains)}; what it makes must be as well.")
    if own.streams and not (new_streams and new_streams <= set(own.streams)):
        raise ForbiddenError(f"This key is limited to the streams {', '.join(own.streams)}; what it makes must be too.")
    if own.networks and not (new_networks and all(_is_inside(new, own.networks) for new in new_networks)):
        raise ForbiddenError(f"This key is limited to {', '.join(own.networks)}; what it makes must be as well.")
    if own.expires_at is not None and (expires_at is None or expires_at > own.expires_at):
        raise ForbiddenError("This key expires; what it makes cannot outlive it. Give an earlier “expires_at”.")


def _is_inside(network: str, wider: Iterable[str]) -> bool:
    inner = ipaddress.ip_network(network, strict=False)
    outers = [ipaddress.ip_network(text, strict=False) for text in wider]
    return any(inner.version == outer.version and inner.subnet_of(outer) for outer in outers)  # type: ignore[arg-type]


def find_key(text: str, *, ip: str | None = None) -> ApiKey | None:
    """The living key of this text, or None: unknown, revoked, expired, or not allowed from this address."""
    key = _of_prefix(text)
    return key if key is not None and not _why_not(key, text, ip) else None


def find_refused(text: str, *, ip: str | None = None) -> tuple[ApiKey, str] | None:
    """The key that this text begins like, and why it does not open; None where there is no such key, or it does.

    For those who own the key, never for who sent the text: it tells which part of it is right.
    """
    key = _of_prefix(text)
    reason = _why_not(key, text, ip) if key is not None else ""
    return (key, reason) if key is not None and reason else None


def _of_prefix(text: str) -> ApiKey | None:
    if not text.startswith(_START) or len(text) > 100:
        return None
    return ApiKey.objects.select_related("workspace").filter(prefix=text.rsplit("_", 1)[0]).first()


def _why_not(key: ApiKey, text: str, ip: str | None) -> str:
    if not constant_time_compare(key.secret_hash, hash_secret(text)):
        return "wrong_secret"
    if key.revoked_at is not None:
        return "key_revoked"
    if key.expires_at is not None and key.expires_at <= now():
        return "key_expired"
    return "" if _is_allowed_from(key.networks, ip) else "address_not_allowed"


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
    require(actor, Scope.KEYS_WRITE)
    with transaction.atomic():
        if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now()):
            raise ConflictError(_("This key was revoked already."), code="key_revoked")
        audit.record(actor, "key.revoked", "key", key.public_id, summary=f"API key {key.name}")


def rotate_key(actor: Actor, key: ApiKey, *, overlap: timedelta = DEFAULT_OVERLAP) -> NewKey:
    """Make a successor with the same limits and, where it expires, the same life; the old key works `overlap` more."""
    require(actor, Scope.KEYS_WRITE)
    limits = KeyLimits(
        scopes=tuple(key.scopes), domains=tuple(key.domains), streams=tuple(key.streams),
        networks=tuple(key.networks), requests_per_second=key.requests_per_second,
        expires_at=same_life(key.created_at, key.expires_at),
    )
    check_overlap(overlap)
    with transaction.atomic():
        held = ApiKey.objects.select_for_update().get(pk=key.pk)  # two clicks make one successor
        if held.revoked_at is not None:
            raise ConflictError(_("A revoked key cannot be rotated; make a new one."), code="key_revoked")
        if replaced_among([held]):
            raise ConflictError(_("This key was rotated already; rotate its successor."), code="key_replaced")
        new = create_key(actor, name=key.name, limits=limits, replaces=key)
        ends = now() + overlap
        if key.expires_at is None or key.expires_at > ends:
            ApiKey.objects.filter(pk=key.pk).update(expires_at=ends)
        audit.record(
            actor, "key.rotated", "key", key.public_id, summary=f"API key {key.name}", after={"expires_at": ends}
        )
    return new


def replaced_among(rows: Iterable[ApiKey]) -> set[UUID]:
    """Those of the keys that have a successor which was not revoked; one query."""
    found = ApiKey.objects.filter(replaces__in=[row.pk for row in rows], revoked_at=None)
    return {pk for pk in found.values_list("replaces_id", flat=True) if pk is not None}


def check_overlap(overlap: timedelta) -> None:
    """InputError unless the overlap is 0 seconds to 30 days."""
    if not timedelta(0) <= overlap <= MAX_OVERLAP:
        raise InputError(_("The overlap lies between 0 seconds and 30 days."), field="overlap")


def same_life(created_at: datetime, expires_at: datetime | None) -> datetime | None:
    """When a successor expires that lives as long as what it replaces; None = never, as before."""
    return None if expires_at is None else now() + (expires_at - created_at)
