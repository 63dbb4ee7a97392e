"""What people do for themselves: leave, choose what they get, join by a form, confirm.

Tokens name a recipient (of a mail) or a subscription (of a confirmation); everything else is found from it. GET
changes nothing. Leaving writes suppression, subscription and event in one transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from campaigns import contacts, subscriptions
from campaigns.contacts import Evidence
from campaigns.fields import checked_values
from campaigns.models import Broadcast, Contact, MailingList, OptIn, SignUpForm, Subscription, SubscriptionStatus
from deliverability import suppression
from deliverability.models import SuppressionReason, SuppressionScope
from relayhub.core import languages
from relayhub.core.access import system_actor
from relayhub.core.address_faults import fault_told
from relayhub.core.clock import now
from relayhub.core.crypto import link_keyring
from relayhub.core.errors import ConflictError, InputError
from relayhub.core.languages import checked_tag
from relayhub.protocol.address import AddressError, DomainPolicy, parse_addr_spec
from relayhub.protocol.tokens import Purpose, Reference, sign_reference
from relayhub.relay import events_feedback
from relayhub.relay.models import Recipient, Tracking
from relayhub.relay.outgoing import OutgoingFields, accept_all, submission_of
from relayhub.relay.streams import TRANSACTIONAL_SLUG

#: The same address is not sent a confirmation more often than this.
CONFIRMATION_EVERY = timedelta(hours=1)
_ADDED = "the sign-up form"
#: A provider's name without its ending, as in zoe@gmail, is an address of some network, and of nobody who signs up.
_PEOPLES = DomainPolicy(allow_single_label=False)
_PARTS = ("subject.txt", "body.txt", "body.html")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One list on a preference page."""

    mailing_list: MailingList
    is_on: bool


def lists_of_recipient(recipient: Recipient) -> list[MailingList]:
    """The lists a mail went to, or none outside campaigns."""
    broadcast = Broadcast.objects.filter(pk=recipient.broadcast_id).first() if recipient.broadcast_id else None
    if broadcast is None:
        return []
    return list(MailingList.objects.filter(pk__in=broadcast.list_ids, workspace_id=recipient.workspace_id))


def contact_of(recipient: Recipient) -> Contact | None:
    """The contact a mail went to, by its id or else its address."""
    rows = Contact.objects.filter(workspace_id=recipient.workspace_id)
    found = rows.filter(pk=recipient.contact_id).first() if recipient.contact_id else None
    return found or rows.filter(email_key=recipient.address_key).first()


def leave(recipient: Recipient, evidence: Evidence) -> None:
    """Unsubscribe the person from what the mail was about; repeating it changes nothing."""
    with transaction.atomic():
        on_lists = lists_of_recipient(recipient)
        contact = contact_of(recipient)
        if on_lists and contact is not None:
            current = Subscription.objects.filter(contact=contact, mailing_list__in=on_lists)
            ids: Sequence[UUID] = list(current.values_list("mailing_list_id", flat=True)) or [
                mailing_list.pk for mailing_list in on_lists
            ]
            subscriptions.unsubscribe(contact, ids, evidence=evidence, recipient_id=recipient.pk)
        elif on_lists:
            _suppress_address(recipient, on_lists, evidence)
        events_feedback.record_unsubscribe(
            recipient.pk, suppresses_stream=not on_lists, source=evidence.source,
            detail={"channel": evidence.channel, **({"ip": evidence.ip} if evidence.ip else {})},
        )
        if not on_lists:
            _suppress_stream(recipient, evidence)


def _suppress_stream(recipient: Recipient, evidence: Evidence) -> None:
    """Keep a no that is said again by the same mail, after somebody had lifted the first one."""
    suppression.suppress(
        recipient.workspace_id, recipient.address, reason=SuppressionReason.UNSUBSCRIBE,
        scope=SuppressionScope.STREAM, stream_id=recipient.stream_id, recipient_id=recipient.pk,
        source=evidence.source or f"unsubscribed by {evidence.channel}",
    )


def _suppress_address(recipient: Recipient, on_lists: Sequence[MailingList], evidence: Evidence) -> None:
    """Keep a no that outlives the contact, who was deleted after the mail went out."""
    for mailing_list in on_lists:
        suppression.suppress(
            recipient.workspace_id, recipient.address, reason=SuppressionReason.UNSUBSCRIBE,
            scope=SuppressionScope.LIST, list_id=mailing_list.pk, recipient_id=recipient.pk,
            source=evidence.source or f"unsubscribed by {evidence.channel}",
        )


def choices(contact: Contact) -> list[Choice]:
    """The lists a person is on, and the public ones they may join."""
    rows = Subscription.objects.filter(contact=contact, mailing_list__archived_at=None)
    on = {row.mailing_list_id: row.status for row in rows}
    offered = MailingList.objects.filter(workspace_id=contact.workspace_id, archived_at=None)
    return [
        Choice(mailing_list=row, is_on=on.get(row.pk) == SubscriptionStatus.CONFIRMED)
        for row in offered.filter(Q(is_public=True) | Q(pk__in=list(on))).order_by("name")
    ]


def leave_everything(contact: Contact, evidence: Evidence) -> None:
    """End every subscription of a person, those they were still asked to confirm among them."""
    left = Subscription.objects.filter(contact=contact).exclude(status=SubscriptionStatus.UNSUBSCRIBED)
    subscriptions.unsubscribe(contact, list(left.values_list("mailing_list_id", flat=True)), evidence=evidence)


def choose(contact: Contact, wanted: set[UUID], evidence: Evidence) -> None:
    """Make a person's lists what they ticked; joining a double opt-in list here is their own confirmed act."""
    with transaction.atomic():
        for choice in choices(contact):
            mailing_list = choice.mailing_list
            if choice.is_on and mailing_list.pk not in wanted:
                subscriptions.unsubscribe(contact, [mailing_list.pk], evidence=evidence)
            elif not choice.is_on and mailing_list.pk in wanted:
                row = subscriptions.subscribe(contact, mailing_list, evidence=evidence)
                subscriptions.confirm(row, evidence=evidence)


def come_back(contact: Contact, wanted: set[UUID], evidence: Evidence) -> None:
    """Take back a leave: the lists are added to those the person is on."""
    with transaction.atomic():
        on = {choice.mailing_list.pk for choice in choices(contact) if choice.is_on}
        choose(contact, on | wanted, evidence)


def set_language(contact: Contact, language: str) -> None:
    """Note the language that a person chose for themselves."""
    Contact.objects.filter(pk=contact.pk).update(language=checked_tag(language), updated_at=now())
    contact.language = language


def join(form: SignUpForm, values: Mapping[str, str], evidence: Evidence, *, language: str = "") -> bool:
    """Take a sign-up; True where a confirmation mail was handed in. `language` is the one the person asked for.

    What is said to the person is the same whether the address was known: nobody can ask who is on a list.
    """
    mailing_list = form.mailing_list
    try:
        parse_addr_spec(values.get("email", "").strip(), policy=_PEOPLES)
    except AddressError as exc:
        raise InputError(fault_told(exc.message), field="email", code="invalid_address") from exc
    with transaction.atomic():
        contact = _contact_for(form, values, evidence, language)
        # Anybody can type an address that had left: only an answer from its mailbox brings it back.
        had_left = _had_left(contact, mailing_list)
        if had_left and not mailing_list.from_header:
            return False
        row = subscriptions.subscribe(contact, mailing_list, evidence=evidence, must_confirm=had_left)
        is_asked = mailing_list.opt_in == OptIn.DOUBLE or had_left
        needs_answer = is_asked and row.status == SubscriptionStatus.UNCONFIRMED
        return ask_to_confirm(row, language=language) if needs_answer else False


def _contact_for(form: SignUpForm, values: Mapping[str, str], evidence: Evidence, language: str) -> Contact:
    """The contact of the address, made where there is none; of a known one only what is missing is filled in."""
    email = values.get("email", "")
    given = {key: values[key] for key in form.field_keys if key != "name" and values.get(key)}
    contact = contacts.find(form.workspace, email)
    if contact is None:
        try:
            return contacts.add_contact(
                system_actor(form.workspace, _ADDED), email=email, name=values.get("name", ""), language=language,
                fields=given, evidence=evidence,
            )
        except ConflictError:  # sent twice at once: the other one has just added it
            contact = contacts.find(form.workspace, email)
            if contact is None:
                raise
    missing = {key: value for key, value in given.items() if key not in contact.fields}
    if missing:
        contact = Contact.objects.select_for_update(no_key=True).get(pk=contact.pk)
        contact.fields = {**checked_values(form.workspace, missing), **contact.fields}
        contact.updated_at = now()
        contact.save(update_fields=["fields", "updated_at"])
    return contact


def _had_left(contact: Contact, mailing_list: MailingList) -> bool:
    """Whether the address said no to the list; its no outlives a contact that was deleted since."""
    gone = Subscription.objects.filter(
        contact=contact, mailing_list=mailing_list, status=SubscriptionStatus.UNSUBSCRIBED
    )
    rows = suppression.rows_for_address(contact.workspace_id, contact.email)
    return gone.exists() or any(row.list_id == mailing_list.pk for row in rows)


def ask_to_confirm(row: Subscription, *, send_at: datetime | None = None, language: str = "") -> bool:
    """Hand in the confirmation mail, at most once an hour; False where one was handed in just before.

    It is in the contact's language, else in `language`, else in the workspace's.
    """
    if row.confirmation_sent_at is not None and now() - row.confirmation_sent_at < CONFIRMATION_EVERY:
        return False
    mailing_list = row.mailing_list
    if not mailing_list.from_header:
        raise InputError(_("The list has no From address, so no confirmation can be sent."), field="from_header")
    token = sign_reference(
        Purpose.CONFIRM, Reference(id=row.pk, issued_on=now().date()), link_keyring()
    )
    context = {
        "workspace": mailing_list.workspace, "mailing_list": mailing_list, "contact": row.contact,
        "link": f"{settings.RELAYHUB_BASE_URL}/p/confirm/{token}", "base_url": settings.RELAYHUB_BASE_URL,
    }
    wanted = row.contact.language or language
    with languages.speaking(languages.for_reader(None, contact=wanted, workspace=mailing_list.workspace.language)):
        subject, text, html = (render_to_string(f"emails/confirmation-{part}", context) for part in _PARTS)
    fields = OutgoingFields(
        sender=mailing_list.from_header, to=[row.contact.email], subject=" ".join(subject.split()), text=text,
        html=html, stream=TRANSACTIONAL_SLUG, tags=["confirmation"], track=Tracking.NONE, send_at=send_at,
    )
    actor = system_actor(mailing_list.workspace, "sign-up")
    result = accept_all([submission_of(actor, fields)])[0]
    if isinstance(result, Exception):
        raise result
    subscriptions.note_confirmation_sent(row, Evidence(channel="mail", source=mailing_list.name))
    return True


def form_token(form: SignUpForm, ip: str | None) -> str:
    """What a form carries so that a robot has to read the page first; good for the address it was shown to."""
    return _form_token(form, ip, now().date())


def is_form_token(form: SignUpForm, ip: str | None, given: str) -> bool:
    """Whether a form was shown there today or yesterday, so that one shown before midnight is taken after it."""
    days = now().date(), now().date() - timedelta(days=1)
    return any(constant_time_compare(given, _form_token(form, ip, day)) for day in days)


def _form_token(form: SignUpForm, ip: str | None, day: date) -> str:
    key = link_keyring().keys[link_keyring().current]
    return hashlib.sha256(f"{form.pk}{day.toordinal()}{ip}".encode() + key).hexdigest()[:32]
