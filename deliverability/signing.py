"""DKIM keys of domains: make, hand out ready to sign, rotate.

A rotation publishes a new pair of selectors, waits until their records are seen in DNS, switches signing to
them, and keeps the old records wanted until mail in flight is gone. Private parts are sealed at rest
(`core.crypto`) and never leave through an API. RFC 6376, RFC 8301 (RSA-2048), RFC 8463 (Ed25519).
"""

from __future__ import annotations

import os
import threading
import time
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from deliverability import managers
from deliverability.models import DkimKey, KeyAlgorithm, KeyState, SendingDomain
from relayhub.core import audit, crypto
from relayhub.core.access import Actor, require
from relayhub.core.clock import now
from relayhub.core.errors import ConflictError
from relayhub.core.models import Scope
from relayhub.protocol import dkim

#: How old the keys may be that a process signs with.
CACHE_SECONDS = 5.0
#: Receivers may look a key up days after we signed: our queue lives 5 days, theirs as long again.
RETIRING_FOR = timedelta(days=10)
_PURPOSE = "dkim"
_SELECTOR_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_MAX_CACHED = 10_000

_cache: dict[tuple[UUID, str], tuple[float, tuple[dkim.SigningKey, ...]]] = {}
_lock = threading.Lock()


def signing_keys(workspace_id: UUID, domain_name: str) -> list[dkim.SigningKey]:
    """Keys that sign for the domain now, Ed25519 first; empty where it has none. At most 5 s old.

    One query at most every CACHE_SECONDS; private keys are opened and parsed once a process.
    """
    moment, cached_under = time.monotonic(), (workspace_id, domain_name)
    found = _cache.get(cached_under)
    if found is not None and moment - found[0] < CACHE_SECONDS:
        return list(found[1])
    keys = tuple(_parsed(row, domain_name) for row in managers.signing_key_rows(workspace_id, domain_name))
    with _lock:
        if len(_cache) >= _MAX_CACHED:
            _cache.clear()
        _cache[cached_under] = (moment, keys)
    return list(keys)


def forget(workspace_id: UUID, domain_name: str) -> None:
    """Read the domain's keys anew next time."""
    with _lock:
        _cache.pop((workspace_id, domain_name), None)


def _parsed(row: DkimKey, domain_name: str) -> dkim.SigningKey:
    return _open_key(row.pk, bytes(row.private_encrypted), domain_name, row.selector)


@lru_cache(maxsize=2048)
def _open_key(key_id: int, sealed: bytes, domain_name: str, selector: str) -> dkim.SigningKey:
    private = dkim.load_private(crypto.decrypt(sealed, purpose=_PURPOSE))
    return dkim.SigningKey(
        domain=domain_name, selector=selector, algorithm=dkim.algorithm_of(private), private_key=private
    )


def make_keys(domain: SendingDomain) -> list[DkimKey]:
    """Make and store a new pair, RSA-2048 and Ed25519, waiting to be published.

    Selectors are drawn, so that two workspaces with one domain, or a domain added again, never ask for the
    same name in DNS.
    """
    stem = "rh" + "".join(_SELECTOR_ALPHABET[octet % len(_SELECTOR_ALPHABET)] for octet in os.urandom(6))
    pairs: list[tuple[str, dkim.PrivateKey, KeyAlgorithm]] = [
        (stem, dkim.generate_rsa_2048(), KeyAlgorithm.RSA),
        (f"{stem}e", dkim.generate_ed25519(), KeyAlgorithm.ED25519),
    ]
    return DkimKey.objects.bulk_create(
        [
            DkimKey(
                domain=domain, selector=selector, algorithm=algorithm,
                public_record=dkim.public_record(private),
                private_encrypted=crypto.encrypt(dkim.private_bytes(private), purpose=_PURPOSE),
            )
            for selector, private, algorithm in pairs
        ]
    )


def rotate(actor: Actor, domain: SendingDomain) -> list[DkimKey]:
    """Begin a rotation: make new keys to publish; the old ones sign until the new ones are seen in DNS.

    While a pair is already waiting to be published, that pair is returned and nothing is made.
    """
    require(actor, Scope.DOMAINS_WRITE)
    with transaction.atomic():
        held = SendingDomain.objects.select_for_update().filter(pk=domain.pk, deleted_at__isnull=True).first()
        if held is None:
            raise ConflictError(_("This domain was deleted."), code="domain_deleted")
        waiting = managers.keys_of(held, KeyState.PUBLISHING)
        # An Ed25519 key may wait for ever, for it need not be published; only an RSA key is a rotation.
        if any(key.algorithm == KeyAlgorithm.RSA for key in waiting):
            return waiting
        DkimKey.objects.filter(pk__in=[key.pk for key in waiting]).delete()
        made = make_keys(held)
        SendingDomain.objects.filter(pk=held.pk).update(next_check_at=now())
        audit.record(
            actor, "domain.dkim_rotated", "domain", held.public_id,
            summary=f"new selectors {', '.join(key.selector for key in made)}",
        )
    return made


def note_seen(domain: SendingDomain, seen: dict[str, bool], at: datetime) -> None:
    """After a look at DNS: selectors with whether their record is right there. Switches and retires keys.

    Selectors that are not in `seen` (DNS could not say) stay as they are. An RSA key signs on when its record
    is gone, for that is the domain's `broken`, not the key's; an Ed25519 key does not: nobody must have it.
    """
    keys = managers.keys_of(domain)
    for key in keys:
        is_seen = seen.get(key.selector)
        if is_seen and key.seen_in_dns_at is None:
            key.seen_in_dns_at = at
            key.save(update_fields=["seen_in_dns_at"])
        elif is_seen is False and key.algorithm == KeyAlgorithm.ED25519 and key.seen_in_dns_at is not None:
            key.seen_in_dns_at = None
            key.save(update_fields=["seen_in_dns_at"])
    for algorithm in KeyAlgorithm:
        _switch([key for key in keys if key.algorithm == algorithm], at)
    DkimKey.objects.filter(
        domain=domain, state=KeyState.RETIRING, retired_at__lte=at - RETIRING_FOR
    ).update(state=KeyState.RETIRED)
    forget(domain.workspace_id, domain.name)


def _switch(keys: list[DkimKey], at: datetime) -> None:
    """The newest published key that DNS shows becomes the one that signs; the one before retires."""
    ready = [key for key in keys if key.state == KeyState.PUBLISHING and key.seen_in_dns_at is not None]
    if not ready:
        return
    newest = ready[-1]
    for key in keys:
        if key.pk == newest.pk:
            key.state, key.activated_at = KeyState.ACTIVE, at
            key.save(update_fields=["state", "activated_at"])
        elif key.state == KeyState.ACTIVE:
            key.state, key.retired_at = KeyState.RETIRING, at
            key.save(update_fields=["state", "retired_at"])


def destroy_keys(domain: SendingDomain) -> None:
    """Remove a deleted domain's keys, private parts included."""
    DkimKey.objects.filter(domain=domain).delete()
    forget(domain.workspace_id, domain.name)
