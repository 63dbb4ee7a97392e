"""Look-ups of domains, keys and suppressions, named for what they promise; services do not filter twice.

Nothing here writes. Rows of another workspace are never returned: every look-up takes the workspace.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import models

from deliverability.models import DkimKey, KeyState, SendingDomain, Suppression


def live_domains(workspace_id: UUID) -> models.QuerySet[SendingDomain]:
    """The workspace's domains that were not deleted."""
    return SendingDomain.objects.filter(workspace_id=workspace_id, deleted_at__isnull=True)


def live_domain(workspace_id: UUID, name: str) -> SendingDomain | None:
    """The workspace's domain of this name, if it has one."""
    return live_domains(workspace_id).filter(name=name).first()


def due_domains(moment: datetime) -> models.QuerySet[SendingDomain]:
    """Domains of all workspaces whose next look at DNS is due, the longest overdue first."""
    return SendingDomain.objects.filter(deleted_at__isnull=True, next_check_at__lte=moment).order_by(
        "next_check_at"
    )


def keys_of(domain: SendingDomain, *states: KeyState) -> list[DkimKey]:
    """The domain's keys in these states (all but retired ones if none is named), oldest first."""
    found = DkimKey.objects.filter(domain=domain).order_by("id")
    wanted = states or (KeyState.PUBLISHING, KeyState.ACTIVE, KeyState.RETIRING)
    return list(found.filter(state__in=wanted))


def signing_key_rows(workspace_id: UUID, name: str) -> list[DkimKey]:
    """Keys that sign for a live domain now: active ones, Ed25519 only while its record is seen in DNS."""
    found = DkimKey.objects.filter(
        domain__workspace_id=workspace_id, domain__name=name, domain__deleted_at__isnull=True,
        state=KeyState.ACTIVE, seen_in_dns_at__isnull=False,
    )
    return list(found.select_related("domain").order_by("algorithm", "id"))


def active_suppressions(workspace_id: UUID) -> models.QuerySet[Suppression]:
    """Suppressions that were not lifted."""
    return Suppression.objects.filter(workspace_id=workspace_id, lifted_at__isnull=True)


def suppressions_of(workspace_id: UUID, keys: Iterable[str]) -> models.QuerySet[Suppression]:
    """Active suppressions of these address keys, in every scope."""
    return active_suppressions(workspace_id).filter(address_key__in=list(keys))
