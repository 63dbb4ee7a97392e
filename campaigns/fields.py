"""Custom fields of a workspace's contacts: define them, and check values against them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Count, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.field_removal import check_free
from campaigns.models import Contact, FieldDefinition, FieldType
from relayhub.core import audit
from relayhub.core.access import Actor
from relayhub.core.errors import ConflictError, InputError
from relayhub.core.models import Workspace

KEY = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)
MAX_FIELDS = 200
MAX_TEXT = 32 * 1024  # CONTRACT 7: 32 KiB a cell
_RESERVED = frozenset({"email", "name", "language", "id", "lists", "fields"})
_TRUE = frozenset({"true", "yes", "1", "y"})
_FALSE = frozenset({"false", "no", "0", "n"})


def field_types(workspace: Workspace) -> dict[str, str]:
    """Field key -> FieldType value."""
    return dict(FieldDefinition.objects.filter(workspace=workspace).values_list("key", "type"))


def field_labels(workspace: Workspace) -> dict[str, str]:
    """Field key -> what people call it."""
    return dict(FieldDefinition.objects.filter(workspace=workspace).values_list("key", "label"))


def key_from_heading(heading: str) -> str:
    """A field key made of a column heading: `First name` -> `first_name`; may be empty."""
    key = re.sub(r"[^a-z0-9]+", "_", heading.lower()).strip("_")[:60]
    return key if KEY.fullmatch(key) and key not in _RESERVED else (f"field_{key}"[:60] if key else "")


def define_field(actor: Actor, *, key: str, label: str = "", type: str = FieldType.TEXT) -> FieldDefinition:
    """Add a field; ConflictError where the key is taken."""
    if not KEY.fullmatch(key) or key in _RESERVED:
        raise InputError(
            _("“%(key)s” is not a field key. Use lower-case letters, digits and _, beginning with a letter.")
            % {"key": key[:60]},
            field="key",
        )
    if type not in FieldType.values:
        raise InputError(
            _("“%(given)s” is not a kind of field: %(known)s.") % {"given": type, "known": ", ".join(FieldType.values)},
            field="type",
        )
    if FieldDefinition.objects.filter(workspace=actor.workspace).count() >= MAX_FIELDS:
        raise ConflictError(_too_many(), code="too_many_fields")
    check_free(actor.workspace, [key])
    with transaction.atomic():
        field, made = FieldDefinition.objects.get_or_create(
            workspace=actor.workspace, key=key, defaults={"label": (label or key)[:120], "type": type}
        )
        if not made:
            raise ConflictError(_("There is a field “%(key)s” already.") % {"key": key}, code="field_exists")
        audit.record(actor, "field.added", "field", field.public_id, summary=key, after={"type": type})
    return field


def _too_many() -> str:
    return _("A workspace has at most %(most)s fields.") % {"most": MAX_FIELDS}


def rename_field(actor: Actor, field: FieldDefinition, *, label: str) -> FieldDefinition:
    """Give a field another label; its key stays, for templates and imports name it."""
    text = " ".join(label.split())
    if not 1 <= len(text) <= 120 or "\0" in text:
        raise InputError(_("A label has 1 to 120 characters."), field="label")
    before = field.label
    with transaction.atomic():
        field.label = text
        field.save(update_fields=["label"])
        audit.record(actor, "field.renamed", "field", field.public_id, summary=field.key,
                     before={"label": before}, after={"label": text})
    return field


def contacts_with(workspace: Workspace, keys: Sequence[str]) -> dict[str, int]:
    """Field key -> how many contacts have a value; one query."""
    if not keys:
        return {}
    # Keys are lower-case letters, digits and _, so they are usable within names of columns.
    counts = {f"n_{key}": Count("pk", filter=Q(fields__has_key=key)) for key in keys}
    found = Contact.objects.filter(workspace=workspace).aggregate(**counts)
    return {key: found[f"n_{key}"] for key in keys}


def ensure_fields(workspace: Workspace, wanted: Mapping[str, tuple[str, str]]) -> None:
    """Make the missing ones of key -> (label, type): an import names them before they exist."""
    known = field_types(workspace)
    missing = {key: given for key, given in wanted.items() if key not in known}
    if len(known) + len(missing) > MAX_FIELDS:
        raise InputError(_too_many(), field="mapping")
    if missing:
        check_free(workspace, missing)
    FieldDefinition.objects.bulk_create(
        [FieldDefinition(workspace=workspace, key=key, label=label[:120], type=kind)
         for key, (label, kind) in missing.items()],
        ignore_conflicts=True,
    )


def checked_values(workspace: Workspace, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they are stored; unknown keys become fields of the value's own kind."""
    types = field_types(workspace)
    for key, value in values.items():
        if key not in types:
            if not KEY.fullmatch(str(key)) or key in _RESERVED:
                raise InputError(
                    _("“%(key)s” is not a field key. Use lower-case letters, digits and _.") % {"key": str(key)[:60]},
                    field="fields",
                )
            types[key] = _kind_of(value)
            if len(types) > MAX_FIELDS:
                raise InputError(_too_many(), field="fields")
            check_free(workspace, [key])
            FieldDefinition.objects.bulk_create(
                [FieldDefinition(workspace=workspace, key=key, label=key, type=types[key])],
                ignore_conflicts=True,
            )
    checked = {key: checked_value(types[key], value, key) for key, value in values.items()}
    return {key: value for key, value in checked.items() if value is not None}


def checked_value(kind: str, value: Any, key: str) -> Any:
    """The value in the field's kind, or None for an empty one; InputError where it cannot be."""
    if value is None or value == "":
        return None
    try:
        return _convert(kind, value)
    except (ValueError, TypeError, OverflowError) as exc:
        raise InputError(
            _EXPECTED[FieldType(kind)] % {"value": str(value)[:60], "key": key},
            field=f"fields.{key}", code="invalid_value",
        ) from exc


_EXPECTED = {
    FieldType.TEXT: gettext_lazy("“%(value)s” cannot be the value of %(key)s, which holds text."),
    FieldType.NUMBER: gettext_lazy("“%(value)s” cannot be the value of %(key)s, which holds a number."),
    FieldType.DATE: gettext_lazy("“%(value)s” cannot be the value of %(key)s, which holds a date such as 2026-11-24."),
    FieldType.BOOLEAN: gettext_lazy("“%(value)s” cannot be the value of %(key)s, which holds yes or no."),
}


def _convert(kind: str, value: Any) -> Any:
    if kind == FieldType.NUMBER:
        if isinstance(value, bool):
            raise ValueError
        number = float(value)
        if number != number or abs(number) > 1e15:
            raise ValueError
        return int(number) if number.is_integer() else number
    if kind == FieldType.DATE:
        return date.fromisoformat(str(value)[:10]).isoformat()
    if kind == FieldType.BOOLEAN:
        text = str(value).lower()
        if text not in _TRUE | _FALSE:
            raise ValueError
        return text in _TRUE
    if not isinstance(value, (str, int, float, bool)):
        raise TypeError
    text = str(value).replace("\0", "")
    if len(text) > MAX_TEXT:
        raise ValueError
    return text


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return FieldType.BOOLEAN
    if isinstance(value, (int, float)):
        return FieldType.NUMBER
    return FieldType.TEXT
