"""Contacts: add, change, remove one. Addresses are the same when their normalised forms are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from campaigns import subscriptions
from campaigns.fields import checked_values
from campaigns.models import Contact, MailingList
from relayhub.core import audit
from relayhub.core.access import Actor
from relayhub.core.address_faults import fault_told
from relayhub.core.clock import now
from relayhub.core.errors import ConflictError, InputError
from relayhub.core.formats import relative
from relayhub.core.languages import checked_tag
from relayhub.core.models import AuditEntry, Workspace
from relayhub.protocol.address import AddressError, parse_addr_spec

MAX_NAME = 500
#: Before a custom field's key, where fields are named beside the others.
_OWN = "fields."
#: An entry of the audit log and the change it tells of are written within one transaction.
_SAME_ACT = timedelta(seconds=5)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Where a consent came from, kept with it."""

    channel: str
    source: str = ""
    ip: str | None = None
    user_agent: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


def contacts_of(workspace: Workspace) -> QuerySet[Contact]:
    """Every contact of the workspace, newest first."""
    return Contact.objects.filter(workspace=workspace)


def find(workspace: Workspace, email: str) -> Contact | None:
    """The contact of an address, whatever its spelling; None when absent or no address."""
    try:
        key = parse_addr_spec(email.strip()).key
    except AddressError:
        return None
    return contacts_of(workspace).filter(email_key=key).first()


def add_contact(
    actor: Actor,
    *,
    email: str,
    name: str = "",
    language: str = "",
    fields: Mapping[str, Any] | None = None,
    lists: Sequence[MailingList] = (),
    evidence: Evidence,
) -> Contact:
    """Add a contact and subscribe it; ConflictError (`contact_exists`) where the address is known."""
    address = _checked_address(email)
    with transaction.atomic():
        values = checked_values(actor.workspace, fields or {})
        contact = Contact(
            workspace=actor.workspace, email=address.spec, email_key=address.key, name=_checked_name(name),
            language=checked_tag(language), fields=values, source=evidence.source[:200] or evidence.channel,
        )
        try:
            with transaction.atomic():
                contact.save(force_insert=True)
        except IntegrityError as exc:
            raise ConflictError(_("%(email)s is a contact already.") % {"email": email}, code="contact_exists") from exc
        for mailing_list in lists:
            subscriptions.subscribe(contact, mailing_list, evidence=evidence)
        audit.record(actor, "contact.added", "contact", contact.public_id,
                     after={"lists": [mailing_list.public_id for mailing_list in lists]})
    return contact


def change_contact(
    actor: Actor,
    contact: Contact,
    *,
    email: str | None = None,
    name: str | None = None,
    language: str | None = None,
    fields: Mapping[str, Any] | None = None,
    was: Mapping[str, str] | None = None,
    seen_at: str = "",
) -> Contact:
    """Change what is given; a field set to None or "" is removed, others stay.

    `was`: what the person saw, by `email`, `name`, `language` or `fields.KEY`, as `shown_value` shows it; `seen_at`:
    the `updated_at` that a program read. ConflictError (`contact_changed`) where somebody changed it since.
    """
    with transaction.atomic():
        locked = Contact.objects.select_for_update().get(pk=contact.pk)
        _check_unchanged(locked, was or {}, seen_at)
        if email is not None:
            address = _checked_address(email)
            locked.email, locked.email_key = address.spec, address.key
        if name is not None:
            locked.name = _checked_name(name)
        if language is not None:
            locked.language = checked_tag(language)
        if fields is not None:
            kept = {key: value for key, value in locked.fields.items() if key not in fields}
            locked.fields = kept | checked_values(locked.workspace, fields)
        locked.updated_at = now()
        try:
            with transaction.atomic():
                locked.save(update_fields=["email", "email_key", "name", "language", "fields", "updated_at"])
        except IntegrityError as exc:
            raise ConflictError(
                _("%(email)s is another contact already.") % {"email": email}, code="contact_exists"
            ) from exc
        audit.record(actor, "contact.changed", "contact", contact.public_id)
    return locked


def shown_value(contact: Contact, name: str) -> str:
    """What a form shows of `email`, `name`, `language` or `fields.KEY`."""
    if not name.startswith(_OWN):
        return str(getattr(contact, name))
    value = contact.fields.get(name.removeprefix(_OWN))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _check_unchanged(contact: Contact, was: Mapping[str, str], seen_at: str) -> None:
    # A form sends every line end as CR LF, whatever was in the value.
    changed = [name for name, text in was.items() if _lines(shown_value(contact, name)) != _lines(text)]
    if changed:
        present = shown_value(contact, changed[0])
        words = (
            _("%(person)s changed this to “%(value)s”. Save again to replace it.") if present
            else _("%(person)s emptied this. Save again to replace it.")
        )
        raise ConflictError(
            words % {"person": _last_editor(contact), "value": present[:200]}, code="contact_changed"
        )
    if seen_at and seen_at != contact.updated_at.isoformat().replace("+00:00", "Z"):
        raise ConflictError(
            _("%(person)s changed this contact since you read it. Read it again.")
            % {"person": _last_editor(contact)}, code="contact_changed",
        )


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _last_editor(contact: Contact) -> str:
    """Who changed it last and when, where that was one person's act on this contact."""
    found = AuditEntry.objects.filter(workspace=contact.workspace_id, object_id=contact.public_id)
    last = found.filter(action="contact.changed").order_by("-id").select_related("user").first()
    if last is None or abs(last.at - contact.updated_at) > _SAME_ACT:
        return _("Somebody")
    return _("%(person)s, %(when)s,") % {
        "person": last.user.label if last.user else last.actor, "when": relative(last.at, now=now())
    }


def delete_contact(actor: Actor, contact: Contact) -> None:
    """Remove a contact with its subscriptions and consents; suppressions of the address stay."""
    with transaction.atomic():
        audit.record(actor, "contact.deleted", "contact", contact.public_id)
        delete_rows([contact.pk])


def delete_rows(ids: Sequence[UUID]) -> int:
    """Remove contacts with their subscriptions and consents, in the caller's transaction; how many there were.

    Set-based, for the ORM would load every row that goes. Suppressions and the messages that went out stay. Who joins
    or leaves a list meanwhile waits for the locks, so that nothing comes to hang on a contact that is going; they are
    taken in the order in which leaving takes them.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM campaigns_subscription WHERE contact_id = ANY(%s) ORDER BY id FOR UPDATE", [list(ids)]
        )
        cursor.execute("SELECT 1 FROM campaigns_contact WHERE id = ANY(%s) ORDER BY id FOR UPDATE", [list(ids)])
        for table, column in (
            ("campaigns_consententry", "contact_id"), ("campaigns_subscription", "contact_id"),
            ("campaigns_importbefore", "contact_id"), ("campaigns_importkept", "contact_id"),
            ("campaigns_importleftoff", "contact_id"), ("campaigns_contact", "id"),
        ):
            cursor.execute(f"DELETE FROM {table} WHERE {column} = ANY(%s)", [list(ids)])
        return int(cursor.rowcount)


def _checked_address(email: str) -> Any:
    try:
        return parse_addr_spec(email.strip())
    except AddressError as exc:
        raise InputError(fault_told(exc.message), field="email", code="invalid_address") from exc


def _checked_name(name: str) -> str:
    text = " ".join(name.split())
    if len(text) > MAX_NAME or "\0" in text:
        raise InputError(_("A name has up to %(most)s characters.") % {"most": MAX_NAME}, field="name")
    return text
