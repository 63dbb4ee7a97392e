"""Answers `deliverability.surroundings`: streams and mail from the relay, mailing lists from campaigns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from django.db.models import QuerySet

from campaigns import list_choice
from campaigns.models import MailingList
from deliverability.surroundings import DomainMail, Target
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.models import Workspace
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

    def few_lists(self, workspace_id: UUID) -> Sequence[Target] | None:
        """One query of at most one row more than a menu holds."""
        rows = list_choice.choices(Workspace(pk=workspace_id))
        return None if rows is None else [_target(row) for row in rows]

    def lists_among(self, workspace_id: UUID, ids: Collection[UUID]) -> Sequence[Target]:
        """One query by primary key; none for no ids."""
        found = MailingList.objects.filter(workspace_id=workspace_id, pk__in=ids) if ids else []
        return [_target(row) for row in found]

    def list_called(self, workspace_id: UUID, name: str) -> Target | None:
        """One query."""
        found = list_choice.named(Workspace(pk=workspace_id), name)
        return None if found is None else _target(found)

    def messages_of(self, workspace_id: UUID, recipient_ids: Collection[UUID]) -> Mapping[UUID, str]:
        """One query by primary key."""
        found = Recipient.objects.filter(workspace_id=workspace_id, pk__in=recipient_ids)
        return {pk: encode_id(Prefix.MESSAGE, message) for pk, message in found.values_list("pk", "message_id")}

    def mail_of_domain(self, workspace_id: UUID, domain: str) -> DomainMail:
        """What waits, by the two indexes that keep it apart from what is done; counts stop at 10,001."""
        rows = Recipient.objects.filter(workspace_id=workspace_id, message__from_domain=domain)
        held = rows.filter(status="held", hold_reason__in=HOLDS_FOR_DOMAIN)
        count = _up_to_limit(held)
        # Messages are in the order of their acceptance, and so is the index: not all are read for the first.
        oldest = held.order_by("message_id").values_list("accepted_at", flat=True).first() if count else None
        return DomainMail(
            held=count, oldest_held_at=oldest,
            queued=_up_to_limit(rows.filter(status__in=["queued", "deferred"])),
        )


def _target(row: MailingList) -> Target:
    return Target(id=row.pk, public_id=row.public_id, name=row.name)


def _up_to_limit(rows: QuerySet[Recipient]) -> int:
    return rows.order_by().values("pk")[: _COUNT_LIMIT + 1].count()
