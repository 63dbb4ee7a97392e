"""What a colleague does with people on lists, one or many at once: counted, audited, and undone where possible.

Adding many subscribes only those without any state on the list, as an import does: who left comes back by an
act of their own. Taking off forgets a subscription; who left stays marked as gone, so that no later adding
brings them back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core import signing
from django.db import transaction
from django.db.models import QuerySet

from campaigns import leaving, subscriptions
from campaigns.contacts import Evidence, add_contact
from campaigns.lists import lists_of
from campaigns.models import Contact, MailingList, Subscription, SubscriptionStatus
from relayhub.core import audit
from relayhub.core.access import Actor, require
from relayhub.core.errors import AccessError, ConflictError, InputError
from relayhub.core.ids import uuid7
from relayhub.core.models import Scope

#: More than this are not moved by one click: an import onto the list does that in the background.
MAX_AT_ONCE = 100_000
_BATCH = 5000
_UNDO_SALT = "campaigns.list_members.undo"
#: As long as the toast's word may be taken; later acts may build on what was done.
UNDO_SECONDS = 15 * 60


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What moving many came to; `left_alone` had a state that is not changed by this act."""

    count: int
    left_alone: int
    #: Give this to `undo`; empty where nothing changed.
    undo_token: str


def add_many(actor: Actor, chosen: QuerySet[Contact], mailing_list: MailingList, *, source: str = "") -> Moved:
    """Put contacts on a list, those who have no state there; nobody is written to."""
    return _move(actor, chosen, mailing_list, adds=True, source=source or f"added by {actor.label}")


def take_off_many(actor: Actor, chosen: QuerySet[Contact], mailing_list: MailingList) -> Moved:
    """Take contacts off a list without recording a no of theirs."""
    return _move(actor, chosen, mailing_list, adds=False, source=f"removed by {actor.label}")


def _move(
    actor: Actor, chosen: QuerySet[Contact], mailing_list: MailingList, *, adds: bool, source: str
) -> Moved:
    require(actor, Scope.CONTACTS_WRITE)
    act = uuid7()
    evidence = Evidence(channel=_channel(actor), source=source, ip=actor.ip if adds else None,
                        detail={"act": str(act)})
    with transaction.atomic():
        ids = _ids(actor, chosen)
        change = subscriptions.subscribe_new if adds else subscriptions.remove
        count = sum(
            change(ids[start : start + _BATCH], mailing_list, evidence=evidence)
            for start in range(0, len(ids), _BATCH)
        )
        if count:
            audit.record(
                actor, "list.contacts_added" if adds else "list.contacts_removed", "list", mailing_list.public_id,
                summary=mailing_list.name, after={"count": count, "act": str(act)},
            )
    token = signing.dumps(
        {"act": act.hex, "list": mailing_list.public_id, "adds": adds, "workspace": actor.workspace.public_id},
        salt=_UNDO_SALT,
    )
    return Moved(count=count, left_alone=len(ids) - count, undo_token=token if count else "")


def _ids(actor: Actor, chosen: QuerySet[Contact]) -> Sequence[UUID]:
    rows = chosen.filter(workspace=actor.workspace).order_by("pk").values_list("pk", flat=True)
    ids = list(rows[: MAX_AT_ONCE + 1])
    if len(ids) > MAX_AT_ONCE:
        raise InputError(
            f"These are more than {MAX_AT_ONCE:,} contacts. Narrow the filter, or import them onto the list.",
            field="contacts", code="too_many",
        )
    return ids


def undo(actor: Actor, token: str) -> Moved:
    """Take back an adding or a taking off; ConflictError where it is too late for that."""
    require(actor, Scope.CONTACTS_WRITE)
    try:
        given = signing.loads(token, salt=_UNDO_SALT, max_age=UNDO_SECONDS)
    except signing.SignatureExpired:
        raise ConflictError("This can be undone for 15 minutes only.", code="too_late") from None
    except signing.BadSignature:
        raise AccessError from None
    mailing_list = next(
        (row for row in lists_of(actor.workspace) if row.public_id == given["list"]), None
    )
    if mailing_list is None or given["workspace"] != actor.workspace.public_id:
        raise AccessError
    evidence = Evidence(channel=_channel(actor), source=f"undone by {actor.label}")
    with transaction.atomic():
        change = subscriptions.take_back if given["adds"] else subscriptions.restore
        count = change(mailing_list, UUID(given["act"]), evidence=evidence)
        audit.record(
            actor, "list.undone", "list", mailing_list.public_id, summary=mailing_list.name,
            after={"count": count, "act": given["act"]},
        )
    return Moved(count=count, left_alone=0, undo_token="")


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
        raise ConflictError("There is nothing to confirm.", code="not_unconfirmed")
    with transaction.atomic():
        if not leaving.ask_to_confirm(row):
            raise ConflictError("They were asked less than an hour ago.", code="asked_before")
        audit.record(actor, "contact.asked_to_confirm", "contact", row.contact.public_id,
                     summary=row.mailing_list.name)


def _channel(actor: Actor) -> str:
    return "api" if actor.api_key is not None else "dashboard"
