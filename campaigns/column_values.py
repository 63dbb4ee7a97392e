"""Values as people write them in files, turned into what a field keeps: `24.12.2026`, `1.234,50`, `ja`. Pure.

A column is written in one way; which one is guessed from its first values and can be changed by a person.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _

from campaigns.models import FieldType
from relayhub.core.folding import folded

DATE_DMY, DATE_MDY = "date.dmy", "date.mdy"
NUMBER_DOT, NUMBER_COMMA = "number.dot", "number.comma"
#: Every way of writing -> its word for people; ISO dates are understood beside both others.
FORMATS = {
    DATE_DMY: _("day first"), DATE_MDY: _("month first"), NUMBER_DOT: _("decimal point"),
    NUMBER_COMMA: _("decimal comma"),
}
YES = frozenset({"true", "yes", "y", "1", "on", "ja", "j", "oui", "si", "sí", "sim", "tak", "kyllä", "ano"})
NO = frozenset({"false", "no", "n", "0", "off", "nein", "non", "não", "nao", "nee", "nej", "nei", "nie", "ei", "ne"})
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ].*)?")
_PARTS = re.compile(r"(\d{1,2})[./-] ?(\d{1,2})[./-] ?(\d{4}|\d{2})(?:[T ,].*)?")
_WITH_DOT = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:[,\u00a0\u202f '’]\d{3})+)(?:\.\d+)?")
_WITH_COMMA = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:[.\u00a0\u202f '’]\d{3})+)(?:,\d+)?")
#: Two digits of a year from this on are of the last century.
_PIVOT = 70


def plain(text: str) -> str:
    """A heading or a word for comparing: `E-Mail_Adresse ` -> `e mail adresse`, `Prénom` -> `prenom`."""
    return " ".join(re.sub(r"[\W_]+", " ", folded(text)).split())


def normal(kind: str, format_: str, cell: str) -> str:
    """The cell as `fields.checked_value` takes it; one that is not written so comes back as it is."""
    if kind == FieldType.DATE:
        return _date(format_, cell) or cell
    if kind == FieldType.NUMBER:
        return _number(format_, cell) or cell
    if kind == FieldType.BOOLEAN:
        word = cell.casefold()
        return "true" if word in YES else "false" if word in NO else cell
    return cell


def typed(kind: str, value: Any) -> Any:
    """What a person typed for a field: yes and no in any language that files are read in, all else as it is."""
    return normal(kind, "", value.strip()) if kind == FieldType.BOOLEAN and isinstance(value, str) else value


def fits(kind: str, format_: str, cell: str) -> bool:
    """Whether the cell is a value of the type, written that way."""
    if kind == FieldType.DATE:
        return bool(_date(format_, cell))
    if kind == FieldType.NUMBER:
        return bool(_number(format_, cell))
    if kind == FieldType.BOOLEAN:
        return cell.casefold() in YES | NO
    return True


def is_ambiguous(cell: str) -> bool:
    """Whether a date reads otherwise with day and month the other way round."""
    first, second = _date(DATE_DMY, cell), _date(DATE_MDY, cell)
    return bool(first and second and first != second)


def _date(format_: str, cell: str) -> str:
    """ISO, or "" where the cell is no such date."""
    found = _ISO.fullmatch(cell)
    if found:
        year, month, day = (int(part) for part in found.groups())
    else:
        found = _PARTS.fullmatch(cell)
        if not found:
            return ""
        first, second, year = (int(part) for part in found.groups())
        if len(found.group(3)) == 2:
            year += 1900 if year >= _PIVOT else 2000
        day, month = (second, first) if format_ == DATE_MDY else (first, second)
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return ""


def _number(format_: str, cell: str) -> str:
    """With a decimal point and nothing else, or "" where the cell is no such number."""
    if format_ == NUMBER_COMMA:
        return re.sub(r"[^\d,+-]", "", cell).replace(",", ".") if _WITH_COMMA.fullmatch(cell) else ""
    return re.sub(r"[^\d.+-]", "", cell) if _WITH_DOT.fullmatch(cell) else ""
