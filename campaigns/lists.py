"""Mailing lists and their sign-up forms: make, change, archive, count."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet

from campaigns.fields import field_types
from campaigns.models import MailingList, OptIn, SignUpForm, Subscription
from relayhub.core import audit
from relayhub.core.access import Actor
from relayhub.core.clock import now
from relayhub.core.errors import ConflictError, InputError
from relayhub.core.models import Workspace
from relayhub.protocol.address import AddressError, parse_mailbox

_LIMITS = {"name": 200, "description": 1000, "from_header": 1000}
_FLAGS = frozenset({"is_public", "has_archive"})


def lists_of(workspace: Workspace) -> QuerySet[MailingList]:
    """The workspace's lists that are not archived."""
    return MailingList.objects.filter(workspace=workspace, archived_at=None)


def create_list(actor: Actor, *, name: str, opt_in: str = OptIn.SINGLE, **particulars: Any) -> MailingList:
    """Make a list; its name is unique while it lives."""
    values = _checked({"name": name, "opt_in": opt_in, **particulars})
    with transaction.atomic():
        row = _save(MailingList(workspace=actor.workspace), values)
        audit.record(actor, "list.created", "list", row.public_id, summary=row.name, after=values)
    return row


def change_list(actor: Actor, row: MailingList, **changes: Any) -> MailingList:
    """Change a list. Going over to double opt-in leaves confirmed people confirmed."""
    values = _checked(changes)
    before = {field: getattr(row, field) for field in values}
    with transaction.atomic():
        row = _save(row, values)
        audit.record(actor, "list.changed", "list", row.public_id, summary=row.name, before=before, after=values)
    return row


def archive_list(actor: Actor, row: MailingList) -> None:
    """Put a list away: nobody joins it or is written to through it; its history stays."""
    with transaction.atomic():
        if not lists_of(actor.workspace).filter(pk=row.pk).update(archived_at=now()):
            raise ConflictError("This list is archived already.", code="list_archived")
        SignUpForm.objects.filter(mailing_list=row).update(is_enabled=False)
        audit.record(actor, "list.archived", "list", row.public_id, summary=row.name)


def counts_by_status(list_ids: list[UUID]) -> dict[UUID, dict[str, int]]:
    """How many contacts each list has, by subscription status; one query."""
    counts: dict[UUID, dict[str, int]] = {list_id: {} for list_id in list_ids}
    rows = Subscription.objects.filter(mailing_list_id__in=list_ids).values_list("mailing_list_id", "status")
    for list_id, status, count in rows.annotate(count=Count("pk")):
        counts[list_id][status] = count
    return counts


def create_form(
    actor: Actor, mailing_list: MailingList, *, title: str, text: str = "", button: str = "Subscribe",
    field_keys: list[str] | None = None,
) -> SignUpForm:
    """Make a hosted sign-up form of a list."""
    known = {"name", *field_types(actor.workspace)}
    unknown = [key for key in field_keys or [] if key not in known]
    if unknown:
        raise InputError(f"There is no field “{unknown[0]}”.", field="field_keys")
    if not 1 <= len(title.strip()) <= 200 or not 1 <= len(button.strip()) <= 80 or len(text) > 5000:
        raise InputError("A form has a title of up to 200 and a button of up to 80 characters.", field="title")
    with transaction.atomic():
        form = SignUpForm.objects.create(
            workspace=actor.workspace, mailing_list=mailing_list, title=title.strip(), text=text,
            button=button.strip(), field_keys=field_keys or [],
        )
        audit.record(actor, "form.created", "form", form.public_id, summary=form.title)
    return form


def change_form(actor: Actor, form: SignUpForm, *, is_enabled: bool) -> None:
    """Open or close a form."""
    with transaction.atomic():
        form.is_enabled = is_enabled
        form.save(update_fields=["is_enabled"])
        audit.record(actor, "form.changed", "form", form.public_id, after={"is_enabled": is_enabled})


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for field, value in values.items():
        if field in _LIMITS:
            checked[field] = _text(field, str(value))
        elif (field == "opt_in" and value in OptIn.values) or (field in _FLAGS and isinstance(value, bool)):
            checked[field] = value
        else:
            raise InputError(f"“{value}” cannot be a list’s {field.replace('_', ' ')}.", field=field)
    return checked


def _text(field: str, value: str) -> str:
    text = value.strip()
    if len(text) > _LIMITS[field] or any(char in text for char in "\r\n\0"):
        raise InputError(f"Write one line of up to {_LIMITS[field]:,} characters.", field=field)
    if field == "name" and not text:
        raise InputError("Give the list a name.", field="name")
    if field == "from_header" and text:
        try:
            parse_mailbox(text)
        except AddressError as exc:
            raise InputError(exc.message, field="from_header") from exc
    return text


def _save(row: MailingList, values: dict[str, Any]) -> MailingList:
    for field, value in values.items():
        setattr(row, field, value)
    try:
        with transaction.atomic():
            if row._state.adding:
                row.save(force_insert=True)
            else:
                row.save(update_fields=[*values])
    except IntegrityError as exc:
        raise ConflictError(f"There is a list “{row.name}” already.", code="list_exists") from exc
    return row
