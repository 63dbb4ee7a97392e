"""Join, confirm, leave: the only writer of subscription states, each step with its evidence.

A contact that left comes back only by an act of its own (a form, a preference page, a confirmation) or by
a person who says so with evidence; an import never raises consent. Leaving writes the list's suppression in
the same transaction, and lifting happens only together with a new consent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from campaigns.models import (
    ConsentAction,
    ConsentEntry,
    Contact,
    MailingList,
    OptIn,
    Subscription,
    SubscriptionStatus,
)
from deliverability import suppression
from deliverability.models import SuppressionReason, SuppressionScope
from relayhub.core.clock import now

if TYPE_CHECKING:
    from campaigns.contacts import Evidence

#: Channels by which a person acts for themselves.
OWN_ACTS = frozenset({"form", "preferences", "confirmation"})


def subscribe(
    contact: Contact, mailing_list: MailingList, *, evidence: Evidence, must_confirm: bool = False
) -> Subscription:
    """Put a contact on a list: confirmed on a single opt-in list, else unconfirmed until they answer.

    Somebody who is confirmed stays so. Somebody who left returns only by their own act or with new
    evidence through the API or the dashboard; the double opt-in list asks them again, and so does any list
    with `must_confirm`.
    """
    with transaction.atomic():
        row, made = Subscription.objects.select_for_update().get_or_create(
            mailing_list=mailing_list, contact=contact,
            defaults={"workspace_id": contact.workspace_id, "status": SubscriptionStatus.UNCONFIRMED},
        )
        if not made and row.status == SubscriptionStatus.CONFIRMED:
            return row
        _log(row, ConsentAction.SUBSCRIBED, evidence)
        if mailing_list.opt_in == OptIn.SINGLE and not must_confirm:
            _set_confirmed(row, contact)
        elif row.status != SubscriptionStatus.UNCONFIRMED:
            row.status, row.unsubscribed_at = SubscriptionStatus.UNCONFIRMED, None
            row.save(update_fields=["status", "unsubscribed_at"])
    return row


def confirm(row: Subscription, *, evidence: Evidence) -> bool:
    """Record the person's yes; False when it was recorded before."""
    with transaction.atomic():
        locked = Subscription.objects.select_for_update().select_related("contact").get(pk=row.pk)
        if locked.status == SubscriptionStatus.CONFIRMED:
            return False
        _log(locked, ConsentAction.CONFIRMED, evidence)
        _set_confirmed(locked, locked.contact)
    return True


def unsubscribe(
    contact: Contact,
    list_ids: Iterable[UUID],
    *,
    evidence: Evidence,
    recipient_id: UUID | None = None,
) -> int:
    """Take a contact off lists and suppress the address for each; repeating it changes nothing.

    Returns how many subscriptions ended now. The suppression is written whether or not a subscription
    was found: the person said no.
    """
    ended = 0
    with transaction.atomic():
        for mailing_list in MailingList.objects.filter(pk__in=list(list_ids), workspace=contact.workspace_id):
            row, _ = Subscription.objects.select_for_update().get_or_create(
                mailing_list=mailing_list, contact=contact,
                defaults={"workspace_id": contact.workspace_id, "status": SubscriptionStatus.UNSUBSCRIBED,
                          "unsubscribed_at": now()},
            )
            if row.status != SubscriptionStatus.UNSUBSCRIBED:
                row.status, row.unsubscribed_at = SubscriptionStatus.UNSUBSCRIBED, now()
                row.save(update_fields=["status", "unsubscribed_at"])
                ended += 1
                _log(row, ConsentAction.UNSUBSCRIBED, evidence)
            suppression.suppress(
                contact.workspace_id,
                contact.email,
                reason=SuppressionReason.UNSUBSCRIBE,
                scope=SuppressionScope.LIST,
                list_id=mailing_list.pk,
                source=evidence.source or f"unsubscribed by {evidence.channel}",
                recipient_id=recipient_id,
            )
    return ended


def remove(row: Subscription) -> None:
    """Take a contact off a list without a word about consent, as if it had never joined."""
    row.delete()


def note_confirmation_sent(row: Subscription, evidence: Evidence) -> None:
    """Remember that the confirmation mail was handed in."""
    with transaction.atomic():
        row.confirmation_sent_at = now()
        row.save(update_fields=["confirmation_sent_at"])
        _log(row, ConsentAction.CONFIRMATION_SENT, evidence)


def _set_confirmed(row: Subscription, contact: Contact) -> None:
    row.status, row.confirmed_at, row.unsubscribed_at = SubscriptionStatus.CONFIRMED, now(), None
    row.save(update_fields=["status", "confirmed_at", "unsubscribed_at"])
    suppression.lift_unsubscribe(
        contact.workspace_id, contact.email_key, list_id=row.mailing_list_id, reason="subscribed again"
    )


def _log(row: Subscription, action: ConsentAction, evidence: Evidence) -> None:
    ConsentEntry.objects.create(
        contact_id=row.contact_id,
        mailing_list_id=row.mailing_list_id,
        action=action,
        channel=evidence.channel,
        source=evidence.source[:500],
        ip=evidence.ip,
        user_agent=evidence.user_agent[:300],
        detail=evidence.detail,
    )
