"""Links that show a domain's records to whoever runs its DNS: read-only, for a fortnight, taken back at will.

The link is a secret that is shown once and kept as a hash. It opens the records, how they stand and the zone file
of that one domain, and nothing else of the workspace; it stops with the domain.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from deliverability.models import DomainShare, SendingDomain
from relayhub.core import audit
from relayhub.core.access import Actor, require
from relayhub.core.clock import now
from relayhub.core.crypto import hash_secret, random_secret
from relayhub.core.errors import AccessError, ConflictError
from relayhub.core.models import Scope

SHARE_LIFE = timedelta(days=14)
MAX_OPEN = 10
#: Opening is noted no oftener than this: the page asks by itself while it is open.
_NOTE_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class NewShare:
    """A share as it is made, with its link."""

    share: DomainShare
    link: str = field(repr=False)


def share(actor: Actor, domain: SendingDomain) -> NewShare:
    """Make a link for the domain; ConflictError where it has MAX_OPEN open ones."""
    require(actor, Scope.DOMAINS_WRITE)
    token = random_secret()
    with transaction.atomic():
        SendingDomain.objects.select_for_update().get(pk=domain.pk)  # two at once count each other
        if open_shares(domain).count() >= MAX_OPEN:
            raise ConflictError(
                _("%(domain)s has %(count)s open links. Take one back first.")
                % {"domain": domain.name, "count": MAX_OPEN}, code="too_many_shares",
            )
        made = DomainShare.objects.create(
            domain=domain, token_hash=hash_secret(token), made_by=actor.label[:254], expires_at=now() + SHARE_LIFE
        )
        audit.record(actor, "domain.shared", "domain", domain.public_id, summary=domain.name,
                     after={"share": made.public_id})
    return NewShare(share=made, link=f"{settings.RELAYHUB_BASE_URL}/dns/{token}")


def open_shares(domain: SendingDomain) -> models.QuerySet[DomainShare]:
    """The domain's links that still open something, newest first."""
    return DomainShare.objects.filter(domain=domain, revoked_at=None, expires_at__gt=now())


def opened(token: str) -> DomainShare:
    """The share of a link, with its domain and workspace; AccessError when unknown, taken back or out of time."""
    found = (
        DomainShare.objects.select_related("domain__workspace")
        .filter(token_hash=hash_secret(token), revoked_at=None, expires_at__gt=now(), domain__deleted_at=None)
        .first()
    )
    if found is None:
        raise AccessError(
            _("This link is unknown, was taken back, or has run out. Ask whoever sent it for a new one.")
        )
    stale = Q(opened_at=None) | Q(opened_at__lt=now() - _NOTE_EVERY)
    DomainShare.objects.filter(stale, pk=found.pk).update(opened_at=now())
    return found


def revoke(actor: Actor, row: DomainShare) -> None:
    """Make a link useless; twice is as once."""
    require(actor, Scope.DOMAINS_WRITE)
    with transaction.atomic():
        if DomainShare.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=now()):
            audit.record(actor, "domain.share_revoked", "domain", row.domain.public_id, summary=row.domain.name,
                         after={"share": row.public_id})
