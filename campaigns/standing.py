"""May I write to this contact? One expression answers it for a column, a filter and a count, so that they agree.

What stops a whole address (a suppression of the workspace, or of a broadcast stream) comes before what a list
says; among lists the best state counts. Archived lists say nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.core.cache import cache
from django.db import models
from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, Value, When

from campaigns.models import Contact, Subscription, SubscriptionStatus
from deliverability.models import Suppression, SuppressionScope
from relayhub.core.clock import now
from relayhub.core.errors import InputError
from relayhub.core.ids import uuid7_floor
from relayhub.core.models import Workspace
from relayhub.relay.models import Stream, StreamKind

#: Above this many contacts the figures are kept for a minute: counting them takes longer than a page may.
EXACT_UP_TO = 20_000
_KEPT_SECONDS = 60
#: What counts as lately.
LATELY = timedelta(days=30)


class Standing(models.TextChoices):
    """Whether broadcasts may go to a contact."""

    MAY = "may", "May write"  # confirmed on a list, and nothing stops the address
    UNCONFIRMED = "unconfirmed", "Not confirmed"  # asked, has not answered
    UNSUBSCRIBED = "unsubscribed", "Unsubscribed"  # left every list it was on
    SUPPRESSED = "suppressed", "Suppressed"  # the address itself is stopped
    NONE = "none", "On no list"  # nobody asked


def with_standing(
    rows: QuerySet[Contact], workspace: Workspace, mailing_list: UUID | None = None
) -> QuerySet[Contact]:
    """Add `standing` to contacts: over all lists, or on the one given."""
    return rows.annotate(standing=_expression(workspace, mailing_list))


def standing_of(contact: Contact) -> Standing:
    """What `with_standing` added to a contact."""
    return Standing(vars(contact)["standing"])


def _expression(workspace: Workspace, mailing_list: UUID | None = None) -> Case:
    cases = [
        When(condition, then=Value(standing.value))
        for standing, condition in _conditions(workspace, mailing_list).items()
    ]
    return Case(*cases, default=Value(Standing.NONE.value), output_field=models.CharField(max_length=12))


def having(
    rows: QuerySet[Contact], workspace: Workspace, standing: str, mailing_list: UUID | None = None
) -> QuerySet[Contact]:
    """Contacts with that standing; InputError where there is no such one."""
    if standing not in Standing.values:
        raise InputError(f"A standing is one of: {', '.join(Standing.values)}.", field="standing")
    for name, condition in _conditions(workspace, mailing_list).items():
        if name.value == standing:
            return rows.filter(condition)
        rows = rows.exclude(condition)
    return rows


def _conditions(workspace: Workspace, mailing_list: UUID | None) -> dict[Standing, Exists]:
    """In the order in which they count: the first that holds is the answer."""
    on = Subscription.objects.filter(contact=OuterRef("pk"), mailing_list__archived_at=None)
    if mailing_list is not None:
        on = on.filter(mailing_list_id=mailing_list)
    streams = Stream.objects.filter(workspace=workspace, kind=StreamKind.BROADCAST).values_list("pk", flat=True)
    stopped = Suppression.objects.filter(
        Q(scope=SuppressionScope.WORKSPACE) | Q(scope=SuppressionScope.STREAM, stream_id__in=list(streams)),
        workspace=workspace, address_key=OuterRef("email_key"), lifted_at=None,
    )
    return {
        Standing.SUPPRESSED: Exists(stopped),
        Standing.MAY: Exists(on.filter(status=SubscriptionStatus.CONFIRMED)),
        Standing.UNCONFIRMED: Exists(on.filter(status=SubscriptionStatus.UNCONFIRMED)),
        Standing.UNSUBSCRIBED: Exists(on.filter(status=SubscriptionStatus.UNSUBSCRIBED)),
    }


@dataclass(frozen=True, kw_only=True)
class Figures:
    """How many contacts stand where, and how many came lately."""

    by_standing: dict[str, int]
    added: int

    @property
    def total(self) -> int:
        """All contacts."""
        return sum(self.by_standing.values())


def figures(workspace: Workspace) -> Figures:
    """The figures; up to a minute old in a workspace with very many contacts."""
    found = figures_at_hand(workspace)
    if found is None:
        found = _counted(workspace)
        cache.set(_key(workspace), (found.by_standing, found.added), _KEPT_SECONDS)
    return found


def figures_at_hand(workspace: Workspace) -> Figures | None:
    """The same, or None where counting would keep a page waiting."""
    if is_quickly_counted(workspace):
        return _counted(workspace)
    kept: tuple[dict[str, int], int] | None = cache.get(_key(workspace))
    return Figures(by_standing=kept[0], added=kept[1]) if kept is not None else None


def is_quickly_counted(workspace: Workspace) -> bool:
    """Whether the workspace has so few contacts that a page may go through all of them."""
    rows = Contact.objects.filter(workspace=workspace)
    return rows.order_by().values("pk")[: EXACT_UP_TO + 1].count() <= EXACT_UP_TO


def _key(workspace: Workspace) -> str:
    return f"contact-figures:{workspace.pk}"


def _counted(workspace: Workspace) -> Figures:
    rows = Contact.objects.filter(workspace=workspace).order_by()
    counts = rows.annotate(standing=_expression(workspace)).values_list("standing").annotate(count=Count("pk"))
    return Figures(by_standing=dict(counts), added=rows.filter(pk__gte=uuid7_floor(now() - LATELY)).count())
