"""The table of the columns step: what each column may become, what was guessed, and what somebody chose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from campaigns import column_answers, column_guess, column_values, fields
from campaigns.column_values import DATE_DMY, DATE_MDY
from campaigns.import_columns import OWN_TARGETS, Columns
from campaigns.models import ContactImport, FieldType

_FIRST_VALUES = 3
_OWN = (
    (column_guess.EMAIL, _("Address")), (column_guess.NAME, _("Name, whole")),
    (column_guess.FIRST_NAME, _("First name")), (column_guess.LAST_NAME, _("Last name")),
    (column_guess.LANGUAGE, _("Language")),
)
#: Of the mailing list, so only while one is chosen.
_OF_LIST = (
    (column_answers.AGREED, _("Agreed to this list (yes or no)")),
    (column_answers.LEFT, _("Left this list (yes or no)")),
)
_KINDS = {
    FieldType.TEXT.value: pgettext_lazy("kind", "text"), FieldType.NUMBER.value: pgettext_lazy("kind", "number"),
    FieldType.DATE.value: pgettext_lazy("kind", "date"), FieldType.BOOLEAN.value: pgettext_lazy("kind", "yes or no"),
}


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What each column becomes, the types of new fields, and how dates and numbers are written."""

    mapping: dict[str, str]
    types: dict[str, str] = field(default_factory=dict)
    formats: dict[str, str] = field(default_factory=dict)


def of_guesses(columns: Columns) -> Choices:
    """As it was guessed."""
    found = columns.guesses
    return Choices(
        mapping={name: guess.target for name, guess in found.items()},
        types={guess.target: guess.type for guess in found.values() if _is_new(columns, guess.target)},
        formats={name: guess.format for name, guess in found.items() if guess.format},
    )


def of_import(before: ContactImport) -> Choices:
    """As it was chosen for an import or dry run before."""
    return Choices(mapping=before.mapping, types=before.types, formats=before.formats)


def posted(columns: Columns, given: Mapping[str, str]) -> Choices:
    """As the form says: `column-3` is a target, or `number:points` for a new field; `format-3` how it is written."""
    mapping, types, formats = {}, {}, {}
    for number, name in enumerate(columns.names):
        kind, colon, key = given.get(f"column-{number}", "").partition(":")
        mapping[name] = key if colon else kind
        if colon:
            types[key] = kind
        if given.get(f"format-{number}"):
            formats[name] = given[f"format-{number}"]
    return Choices(mapping=mapping, types=types, formats=formats)


def _is_new(columns: Columns, target: str) -> bool:
    return bool(target) and target not in OWN_TARGETS and target not in columns.known


def rows(columns: Columns, chosen: Choices) -> list[dict[str, Any]]:
    """One row a column, with its first values, the options and the guess; `without_list` is what it becomes instead
    where what is chosen needs a list and there is none.
    """
    found = []
    otherwise = replace(columns, has_list=False).guesses
    for number, name in enumerate(columns.names):
        values, target = columns.values(name), chosen.mapping.get(name, "")
        guess = columns.guesses[name]
        is_guess = target == guess.target
        found.append({
            "number": number, "name": name,
            "values": [value[:40] for value in list(dict.fromkeys(values))[:_FIRST_VALUES]],
            "chosen": _value(columns, chosen, target), "groups": _groups(columns, name, number, target),
            "without_list": _without_list(columns, target, otherwise[name]),
            "formats": _formats(values), "format": chosen.formats.get(name, DATE_DMY),
            "look": guess.look if is_guess else "none" if not target else "info",
            "word": guess.why if is_guess else gettext("Left out") if not target else gettext("Chosen by you"),
        })
    return found


def _value(columns: Columns, chosen: Choices, target: str) -> str:
    return f"{chosen.types.get(target, FieldType.TEXT.value)}:{target}" if _is_new(columns, target) else target


def _without_list(columns: Columns, target: str, other: column_guess.Guess) -> dict[str, str] | None:
    if target not in column_answers.TARGETS:
        return None
    value = f"{other.type}:{other.target}" if _is_new(columns, other.target) else other.target
    return {"value": value, "look": other.look, "word": other.why}


def _groups(
    columns: Columns, name: str, number: int, target: str
) -> list[tuple[str, list[tuple[str, str]], bool]]:
    """The options of a column, by what they are, and whether those need a mailing list."""
    new = fields.key_from_heading(column_values.plain(name)) or f"column_{number + 1}"
    keys = [key for key in dict.fromkeys([new, target, columns.guesses[name].target]) if _is_new(columns, key)]
    fresh = [
        (f"{kind}:{key}", gettext("New field “%(key)s”, %(kind)s") % {"key": key, "kind": word})
        for key in keys for kind, word in _KINDS.items()
    ]
    known = [(key, f"{label or key}, {_KINDS[kind]}") for key, (label, kind) in columns.known.items()]
    own = [(key, str(word)) for key, word in _OWN]
    groups = [
        ("", [("", gettext("Do not import"))], False), (gettext("Of every contact"), own, False),
        (gettext("Of the mailing list"), [(key, str(word)) for key, word in _OF_LIST], True),
        (gettext("Fields"), known, False), (gettext("New field"), fresh, False),
    ]
    return [group for group in groups if group[1]]


def _formats(values: list[str]) -> list[tuple[str, str]]:
    """To choose from where dates read both ways."""
    if not any(column_values.is_ambiguous(value) for value in values):
        return []
    return [
        (written, gettext("Dates: %(format)s") % {"format": column_values.FORMATS[written]})
        for written in (DATE_DMY, DATE_MDY)
    ]
