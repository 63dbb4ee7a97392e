"""Mailing lists and their sign-up forms: make, change, archive, count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from campaigns.fields import field_types
from campaigns.models import FieldDefinition, MailingList, OptIn, SignUpForm, Subscription
from relayhub.core import audit
from relayhub.core.access import Actor
from relayhub.core.address_faults import fault_told
from relayhub.core.clock import now
from relayhub.core.errors import ConflictError, InputError
from relayhub.core.formats import number
from relayhub.core.models import Workspace
from relayhub.protocol.address import AddressError, parse_mailbox

_LIMITS = {"name": 200, "description": 1000, "from_header": 1000}
#: Above this many contacts a list's figures are kept for a minute.
EXACT_UP_TO = 20_000
_COUNTS_KEPT_SECONDS = 60
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
            raise ConflictError(_("This list is archived already."), code="list_archived")
        SignUpForm.objects.filter(mailing_list=row).update(is_enabled=False)
        audit.record(actor, "list.archived", "list", row.public_id, summary=row.name)


def counts_by_status(list_ids: list[UUID]) -> dict[UUID, dict[str, int]]:
    """How many contacts each list has, by subscription status; one query.

    Of a list with very many contacts the figures are up to a minute old: counting a million takes longer than a
    page may.
    """
    kept: dict[str, dict[str, int]] = cache.get_many([_counts_key(list_id) for list_id in list_ids])
    counts = {list_id: kept.get(_counts_key(list_id), {}) for list_id in list_ids}
    missing = [list_id for list_id in list_ids if _counts_key(list_id) not in kept]
    rows = Subscription.objects.filter(mailing_list_id__in=missing).values_list("mailing_list_id", "status")
    for list_id, status, count in rows.annotate(count=Count("pk")):
        counts[list_id][status] = count
    large = {_counts_key(one): counts[one] for one in missing if sum(counts[one].values()) > EXACT_UP_TO}
    if large:
        cache.set_many(large, _COUNTS_KEPT_SECONDS)
    return counts


def _counts_key(list_id: UUID) -> str:
    return f"list-counts:{list_id}"


def archived_lists_of(workspace: Workspace) -> QuerySet[MailingList]:
    """The workspace's lists that were put away."""
    return MailingList.objects.filter(workspace=workspace, archived_at__isnull=False)


def restore_list(actor: Actor, row: MailingList) -> MailingList:
    """Take an archived list back into use; its sign-up forms stay closed until somebody opens them."""
    if row.archived_at is None:
        raise ConflictError(_("This list is in use already."), code="list_not_archived")
    with transaction.atomic():
        row = _save(row, {"archived_at": None})
        audit.record(actor, "list.restored", "list", row.public_id, summary=row.name)
    return row


# -- sign-up forms -------------------------------------------------------------------------------------------


def forms_of(workspace: Workspace) -> QuerySet[SignUpForm]:
    """The sign-up forms of lists that are in use, newest first."""
    return SignUpForm.objects.filter(workspace=workspace, mailing_list__archived_at=None)


@dataclass(frozen=True, kw_only=True)
class AskedField:
    """A custom field on a form; `kind` is a FieldType value and says what it is asked with."""

    key: str
    label: str
    kind: str


def asked_fields(form: SignUpForm) -> list[AskedField]:
    """The custom fields a form asks for, in its order; fields that are gone are left out."""
    rows = {row.key: row for row in FieldDefinition.objects.filter(workspace=form.workspace_id)}
    return [AskedField(key=key, label=rows[key].label or key, kind=rows[key].type)
            for key in form.field_keys if key in rows]


def create_form(
    actor: Actor, mailing_list: MailingList, *, title: str, text: str = "", button: str = "Subscribe",
    field_keys: list[str] | None = None,
) -> SignUpForm:
    """Make a hosted sign-up form of a list."""
    values = _checked_form(actor.workspace, {"title": title, "text": text, "button": button,
                                             "field_keys": field_keys or []})
    with transaction.atomic():
        form = SignUpForm.objects.create(workspace=actor.workspace, mailing_list=mailing_list, **values)
        audit.record(actor, "form.created", "form", form.public_id, summary=form.title)
    return form


def change_form(actor: Actor, form: SignUpForm, **changes: Any) -> SignUpForm:
    """Change what is given: `title`, `text`, `button`, `field_keys`; `is_enabled` opens or closes the form."""
    values = _checked_form(actor.workspace, changes)
    before = {name: getattr(form, name) for name in values}
    with transaction.atomic():
        for name, value in values.items():
            setattr(form, name, value)
        form.save(update_fields=[*values])
        audit.record(actor, "form.changed", "form", form.public_id, summary=form.title, before=before, after=values)
    return form


_FORM_TEXTS = {"title": (1, 200), "button": (1, 80), "text": (0, 5000)}


def _checked_form(workspace: Workspace, values: dict[str, Any]) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for name, value in values.items():
        if name in _FORM_TEXTS:
            checked[name] = str(value).strip().replace("\0", "")
            least, most = _FORM_TEXTS[name]
            if not least <= len(checked[name]) <= most:
                raise InputError(
                    _("Write %(least)s to %(most)s characters.") % {"least": least, "most": number(most)}, field=name
                )
        elif name == "field_keys":
            known = {"name", *field_types(workspace)}
            unknown = [key for key in value if key not in known]
            if unknown:
                raise InputError(_("There is no field “%(field)s”.") % {"field": unknown[0]}, field="field_keys")
            checked[name] = list(dict.fromkeys(value))
        elif name == "is_enabled" and isinstance(value, bool):
            checked[name] = value
        else:
            raise InputError(f"“{value}” cannot be a form’s {name.replace('_', ' ')}.", field=name)
    return checked


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
        raise InputError(
            _("Write one line of up to %(most)s characters.") % {"most": number(_LIMITS[field])}, field=field
        )
    if field == "name" and not text:
        raise InputError(_("Give the list a name."), field="name")
    if field == "from_header" and text:
        try:
            parse_mailbox(text)
        except AddressError as exc:
            raise InputError(fault_told(exc.message), field="from_header") from exc
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
        raise ConflictError(_("There is a list “%(name)s” already.") % {"name": row.name}, code="list_exists") from exc
    return row
