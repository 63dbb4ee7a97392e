"""DKIM keys of domains: make them, hand them out for signing, rotate them.

The RSA key is required and signs always; the Ed25519 key signs only while its record is seen in DNS. Rotation
is publish -> seen in DNS -> switch -> retire; the old record stays until mail in flight is gone.
"""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from functools import lru_cache
from uuid import UUID

from django.db import transaction

from deliverability.models import DkimKey, KeyAlgorithm, KeyState, SendingDomain
from relayhub.core import audit, crypto
from relayhub.core.access import Actor, require
from relayhub.core.clock import now
from relayhub.core.errors import ConflictError
from relayhub.core.models import Scope
from relayhub.protocol import dkim

#: How old the keys that a process signs with may be.
CACHE_SECONDS = 5.0
#: How long a retired key's record stays published: the queue lifetime and a day.
RETIRE_AFTER = timedelta(days=6)
_cache: dict[tuple[UUID, str], tuple[float, tuple[dkim.SigningKey, ...]]] = {}
_lock = threading.Lock()


def make_keys(domain: SendingDomain) -> None:
    """An RSA-2048 and an Ed25519 key for a new domain, sealed at rest."""
    stem = f"rh{now():%y%m}{domain.pk.hex[-4:]}"
    _make(domain, f"{stem}a", KeyAlgorithm.RSA)
    _make(domain, f"{stem}b", KeyAlgorithm.ED25519)


def _make(domain: SendingDomain, selector: str, algorithm: KeyAlgorithm) -> DkimKey:
    private = dkim.generate_rsa_2048() if algorithm is KeyAlgorithm.RSA else dkim.generate_ed25519()
    return DkimKey.objects.create(
        domain=domain, selector=selector, algorithm=algorithm, state=KeyState.ACTIVE, activated_at=now(),
        private_encrypted=crypto.encrypt(dkim.private_bytes(private), purpose="dkim"),
        public_record=dkim.public_record(private),
    )


def signing_keys(workspace_id: UUID, domain_name: str) -> tuple[dkim.SigningKey, ...]:
    """The keys that sign for a domain now, RSA first; as of at most CACHE_SECONDS ago."""
    moment, name = time.monotonic(), (workspace_id, domain_name)
    found = _cache.get(name)
    if found is not None and moment - found[0] < CACHE_SECONDS:
        return found[1]
    keys = tuple(map(_signing_key, _active(workspace_id, domain_name)))
    with _lock:
        _cache[name] = (moment, keys)
    return keys


def _active(workspace_id: UUID, domain_name: str) -> list[DkimKey]:
    rows = DkimKey.objects.filter(
        domain__workspace_id=workspace_id, domain__name=domain_name, domain__deleted_at=None,
        state=KeyState.ACTIVE,
    ).select_related("domain")
    usable = [row for row in rows if row.algorithm == KeyAlgorithm.RSA or row.seen_in_dns_at is not None]
    return sorted(usable, key=lambda row: row.algorithm != KeyAlgorithm.RSA)


def _signing_key(row: DkimKey) -> dkim.SigningKey:
    return _parsed(row.pk, row.domain.name, row.selector, row.algorithm, bytes(row.private_encrypted))


@lru_cache(maxsize=2048)
def _parsed(key_id: int, domain: str, selector: str, algorithm: str, sealed: bytes) -> dkim.SigningKey:
    """Parsed once a process: parsing costs as much as signing."""
    return dkim.SigningKey(
        domain=domain, selector=selector, algorithm=dkim.Algorithm(algorithm),
        private_key=dkim.load_private(crypto.decrypt(sealed, purpose="dkim")),
    )


def rotate(actor: Actor, domain: SendingDomain) -> list[DkimKey]:
    """Make successors that sign once their records are seen in DNS; ConflictError while a rotation runs."""
    require(actor, Scope.DOMAINS_WRITE)
    with transaction.atomic():
        SendingDomain.objects.select_for_update().get(pk=domain.pk)
        if DkimKey.objects.filter(domain=domain, state=KeyState.PUBLISHING).exists():
            raise ConflictError("New keys of this domain wait to be seen in DNS already.", code="rotation_running")
        count = DkimKey.objects.filter(domain=domain).count()
        stem = f"rh{now():%y%m}{domain.pk.hex[-4:]}{count}"
        made = [_make(domain, f"{stem}a", KeyAlgorithm.RSA), _make(domain, f"{stem}b", KeyAlgorithm.ED25519)]
        DkimKey.objects.filter(pk__in=[key.pk for key in made]).update(
            state=KeyState.PUBLISHING, activated_at=None
        )
        audit.record(actor, "dkim.rotation_started", "domain", domain.public_id, summary=domain.name,
                     after={"selectors": [key.selector for key in made]})
    return list(DkimKey.objects.filter(pk__in=[key.pk for key in made]))


def note_seen(key: DkimKey) -> None:
    """A key's record was found right: remember it, and switch over when it was waiting for that."""
    with transaction.atomic():
        if key.seen_in_dns_at is None:
            DkimKey.objects.filter(pk=key.pk).update(seen_in_dns_at=now())
        if key.state != KeyState.PUBLISHING:
            return
        DkimKey.objects.filter(
            domain_id=key.domain_id, algorithm=key.algorithm, state=KeyState.ACTIVE
        ).update(state=KeyState.RETIRING, retired_at=now())
        DkimKey.objects.filter(pk=key.pk).update(state=KeyState.ACTIVE, activated_at=now())
    _forget()


def note_gone(key: DkimKey) -> None:
    """An Ed25519 key's record is definitely absent or wrong: it signs no more until seen again."""
    if key.algorithm == KeyAlgorithm.ED25519 and key.seen_in_dns_at is not None:
        DkimKey.objects.filter(pk=key.pk).update(seen_in_dns_at=None)
        _forget()


def retire_old_keys() -> int:
    """Let the records of keys go that signed nothing for long enough; returns how many."""
    return DkimKey.objects.filter(state=KeyState.RETIRING, retired_at__lt=now() - RETIRE_AFTER).update(
        state=KeyState.RETIRED
    )


def _forget() -> None:
    with _lock:
        _cache.clear()
