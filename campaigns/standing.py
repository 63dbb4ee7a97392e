"""May I write to this contact? One expression answers it for a column, a filter and a count, so that they agree.

What stops a whole address (a suppression of the workspace, or of a broadcast stream) comes before what a list
says; among lists the best state counts. Archived lists say nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.core.cache import cache
from django.db import connection, models
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Value, When
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from campaigns.models import Contact, MailingList, Subscription, SubscriptionStatus
from deliverability.models import Suppression, SuppressionScope
from relayhub.core.clock import now
from relayhub.core.errors import InputError
from relayhub.core.ids import uuid7_floor
from relayhub.core.models import Workspace
from relayhub.relay.models import Stream, StreamKind

#: Above this many contacts the figures are kept for a while: counting them takes longer than a page may.
EXACT_UP_TO = 20_000
_KEPT_SECONDS = 5 * 60
#: What counts as lately.
LATELY = timedelta(days=30)


class Standing(models.TextChoices):
    """Whether broadcasts may go to a contact."""

    MAY = "may", _("May write")  # confirmed on a list, and nothing stops the address
    UNCONFIRMED = "unconfirmed", _("Not confirmed")  # asked, has not answered
    UNSUBSCRIBED = "unsubscribed", _("Unsubscribed")  # left every list it was on
    SUPPRESSED = "suppressed", pgettext_lazy("contact", "Suppressed")  # the address itself is stopped
    NONE = "none", _("On no list")  # nobody asked


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


def standings_of(
    rows: Sequence[Contact], workspace: Workspace, mailing_list: UUID | None = None
) -> dict[UUID, Standing]:
    """Where each contact of a page stands; one query. Asked of a whole sorted table it would be worked out of all."""
    if not rows:
        return {}
    chosen = Contact.objects.filter(pk__in=[row.pk for row in rows])
    found = with_standing(chosen, workspace, mailing_list).order_by()
    return {row.pk: standing_of(row) for row in found}


def having(
    rows: QuerySet[Contact], workspace: Workspace, standing: str, mailing_list: UUID | None = None
) -> QuerySet[Contact]:
    """Contacts with that standing; InputError where there is no such one."""
    if standing not in Standing.values:
        raise InputError(
            gettext("A standing is one of: %(values)s.") % {"values": ", ".join(Standing.values)}, field="standing"
        )
    stopped = Exists(_stopped(workspace))
    # Where no list is archived nobody asks which list it is, and an index alone tells who is on none.
    on = _subscriptions(workspace, mailing_list) if _archived(workspace).exists() else _on_any(mailing_list)
    if standing == Standing.SUPPRESSED:
        return rows.filter(stopped)
    rows = rows.exclude(stopped)
    if standing == Standing.NONE:
        return rows.exclude(Exists(on))
    # All that counts more is one condition: each would be a look through all subscriptions.
    place = list(_STATUSES).index(Standing(standing))
    better = list(_STATUSES.values())[:place]
    if better:
        rows = rows.exclude(Exists(on.filter(status__in=better)))
    return rows.filter(Exists(on.filter(status=_STATUSES[Standing(standing)])))


#: In the order in which they count: the first that a contact has on any list is the answer.
_STATUSES = {
    Standing.MAY: SubscriptionStatus.CONFIRMED,
    Standing.UNCONFIRMED: SubscriptionStatus.UNCONFIRMED,
    Standing.UNSUBSCRIBED: SubscriptionStatus.UNSUBSCRIBED,
}


def _subscriptions(workspace: Workspace, mailing_list: UUID | None) -> QuerySet[Subscription]:
    """Those of a contact on lists in use, or on the one given."""
    # The few archived lists are looked up once; joined, each contact's lists would be looked up again.
    return _on_any(mailing_list).exclude(mailing_list_id__in=_archived(workspace).values("pk"))


def _on_any(mailing_list: UUID | None) -> QuerySet[Subscription]:
    on = Subscription.objects.filter(contact=OuterRef("pk"))
    return on if mailing_list is None else on.filter(mailing_list_id=mailing_list)


def _archived(workspace: Workspace) -> QuerySet[MailingList]:
    return MailingList.objects.filter(workspace=workspace, archived_at__isnull=False)


def _stopped(workspace: Workspace) -> QuerySet[Suppression]:
    """What stops a contact's address for broadcasts."""
    streams = _broadcast_streams(workspace)
    return Suppression.objects.filter(
        Q(scope=SuppressionScope.WORKSPACE) | Q(scope=SuppressionScope.STREAM, stream_id__in=streams),
        workspace=workspace, address_key=OuterRef("email_key"), lifted_at=None,
    )


def _conditions(workspace: Workspace, mailing_list: UUID | None) -> dict[Standing, Exists]:
    """In the order in which they count: the first that holds is the answer."""
    on = _subscriptions(workspace, mailing_list)
    return {
        Standing.SUPPRESSED: Exists(_stopped(workspace)),
        **{standing: Exists(on.filter(status=status)) for standing, status in _STATUSES.items()},
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
    """The figures; up to five minutes old in a workspace with very many contacts."""
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


#: The same order as `_conditions`, over whole tables at once: a look-up a contact would take minutes at a million.
_COUNT_SQL = """
WITH stopped AS (
  SELECT DISTINCT address_key FROM deliverability_suppression
  WHERE workspace_id = %(workspace)s AND lifted_at IS NULL
    AND (scope = 'workspace' OR (scope = 'stream' AND stream_id = ANY(%(streams)s::uuid[])))),
best AS (
  SELECT s.contact_id, max(CASE s.status WHEN 'confirmed' THEN 3 WHEN 'unconfirmed' THEN 2 ELSE 1 END) AS state
  FROM campaigns_subscription s JOIN campaigns_mailinglist l ON l.id = s.mailing_list_id
  WHERE l.workspace_id = %(workspace)s AND l.archived_at IS NULL GROUP BY s.contact_id)
SELECT CASE WHEN stopped.address_key IS NOT NULL THEN 'suppressed' WHEN best.state = 3 THEN 'may'
  WHEN best.state = 2 THEN 'unconfirmed' WHEN best.state = 1 THEN 'unsubscribed' ELSE 'none' END AS standing, count(*)
FROM campaigns_contact c LEFT JOIN best ON best.contact_id = c.id
LEFT JOIN stopped ON stopped.address_key = c.email_key
WHERE c.workspace_id = %(workspace)s GROUP BY 1"""


def _counted(workspace: Workspace) -> Figures:
    rows = Contact.objects.filter(workspace=workspace).order_by()
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_SQL, {"workspace": workspace.pk, "streams": _broadcast_streams(workspace)})
        counts = {str(name): int(count) for name, count in cursor.fetchall()}
    return Figures(by_standing=counts, added=rows.filter(pk__gte=uuid7_floor(now() - LATELY)).count())


def _broadcast_streams(workspace: Workspace) -> list[UUID]:
    rows = Stream.objects.filter(workspace=workspace, kind=StreamKind.BROADCAST)
    return list(rows.values_list("pk", flat=True))
