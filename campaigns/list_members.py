"""What a colleague does with one person on a list, and the audit of it; `bulk` does it with many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns import leaving, subscriptions
from campaigns.contacts import Evidence, add_contact
from campaigns.models import Contact, MailingList, Subscription, SubscriptionStatus
from relayhub.core import audit
from relayhub.core.access import Actor, require
from relayhub.core.errors import ConflictError
from relayhub.core.models import Scope


def add_and_ask(
    actor: Actor, *, email: str, name: str, fields: Mapping[str, Any], lists: Sequence[MailingList], evidence: Evidence,
    language: str = "",
) -> Contact:
    """Add a contact to lists; on those with double opt-in the person gets the confirmation mail at once."""
    require(actor, Scope.CONTACTS_WRITE)
    with transaction.atomic():
        contact = add_contact(
            actor, email=email, name=name, language=language, fields=fields, lists=lists, evidence=evidence
        )
        waiting = Subscription.objects.filter(contact=contact, status=SubscriptionStatus.UNCONFIRMED)
        for row in waiting.select_related("contact", "mailing_list", "mailing_list__workspace"):
            leaving.ask_to_confirm(row)
    return contact


def subscribe(
    actor: Actor, contact: Contact, mailing_list: MailingList, *, evidence: Evidence, asks: bool = False
) -> Subscription:
    """Put one contact on a list on a colleague's word, who names the evidence; also one that had left.

    `asks`: on a double opt-in list the person gets the confirmation mail at once.
    """
    require(actor, Scope.CONTACTS_WRITE)
    with transaction.atomic():
        row = subscriptions.subscribe(contact, mailing_list, evidence=evidence)
        if asks and row.status == SubscriptionStatus.UNCONFIRMED:
            leaving.ask_to_confirm(row)
        audit.record(actor, "contact.subscribed", "contact", contact.public_id, summary=mailing_list.name,
                     after={"list": mailing_list.public_id, "status": row.status, "source": evidence.source})
    return row


def unsubscribe(actor: Actor, contact: Contact, mailing_list: MailingList, *, evidence: Evidence) -> int:
    """Record that one contact wants nothing more of a list; returns 0 where that was so already."""
    require(actor, Scope.CONTACTS_WRITE)
    with transaction.atomic():
        ended = subscriptions.unsubscribe(contact, [mailing_list.pk], evidence=evidence)
        audit.record(actor, "contact.unsubscribed", "contact", contact.public_id, summary=mailing_list.name,
                     after={"list": mailing_list.public_id})
    return ended


def ask_again(actor: Actor, row: Subscription) -> None:
    """Hand in the confirmation mail of one unconfirmed subscription; ConflictError within an hour of the last."""
    require(actor, Scope.LISTS_WRITE)
    if row.status != SubscriptionStatus.UNCONFIRMED:
        raise ConflictError(_("There is nothing to confirm."), code="not_unconfirmed")
    with transaction.atomic():
        if not leaving.ask_to_confirm(row):
            raise ConflictError(_("They were asked less than an hour ago."), code="asked_before")
        audit.record(actor, "contact.asked_to_confirm", "contact", row.contact.public_id,
                     summary=row.mailing_list.name)
