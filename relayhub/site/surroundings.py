"""Answers `deliverability.surroundings`: streams and mail from the relay, mailing lists from campaigns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from django.db.models import F, Min, QuerySet

from campaigns.models import MailingList
from deliverability.surroundings import DomainMail, Target
from relayhub.core.ids import Prefix, encode_id
from relayhub.relay.events import HOLDS_FOR_DOMAIN
from relayhub.relay.models import Recipient, Stream

#: Beyond this the rest is not counted: “10,000+” says enough.
_COUNT_LIMIT = 10_000


class Neighbours:
    """See `deliverability.surroundings.Surroundings`."""

    def streams(self, workspace_id: UUID) -> Sequence[Target]:
        """One query."""
        rows = Stream.objects.filter(workspace_id=workspace_id).order_by("name")
        return [Target(id=row.pk, public_id=row.public_id, name=row.name, slug=row.slug) for row in rows]

    def mailing_lists(self, workspace_id: UUID) -> Sequence[Target]:
        """One query."""
        archived_last = F("archived_at").asc(nulls_first=True)
        rows = MailingList.objects.filter(workspace_id=workspace_id).order_by(archived_last, "name")
        return [Target(id=row.pk, public_id=row.public_id, name=row.name) for row in rows]

    def messages_of(self, workspace_id: UUID, recipient_ids: Collection[UUID]) -> Mapping[UUID, str]:
        """One query by primary key."""
        found = Recipient.objects.filter(workspace_id=workspace_id, pk__in=recipient_ids)
        return {pk: encode_id(Prefix.MESSAGE, message) for pk, message in found.values_list("pk", "message_id")}

    def mail_of_domain(self, workspace_id: UUID, domain: str) -> DomainMail:
        """What waits, by the two indexes that keep it apart from what is done; counts stop at 10,001."""
        rows = Recipient.objects.filter(workspace_id=workspace_id, message__from_domain=domain)
        held = rows.filter(status="held", hold_reason__in=HOLDS_FOR_DOMAIN)
        count = _up_to_limit(held)
        return DomainMail(
            held=count, oldest_held_at=held.aggregate(oldest=Min("accepted_at"))["oldest"] if count else None,
            queued=_up_to_limit(rows.filter(status__in=["queued", "deferred"])),
        )


def _up_to_limit(rows: QuerySet[Recipient]) -> int:
    return rows.order_by().values("pk")[: _COUNT_LIMIT + 1].count()
