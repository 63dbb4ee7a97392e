"""How lists of contacts are sorted: by name or address and by time at any size, by a field while few match.

A field's values live in one column of JSON, which no index sorts; up to `FIELD_SORT_UP_TO` that costs little.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models
from django.db.models import Case, Func, Value, When
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast, Coalesce, Left, Lower
from django.db.models.lookups import Exact
from django.utils.translation import gettext as _

from campaigns.models import FieldType
from campaigns.models.contact import title_expression
from relayhub.core.errors import InputError
from relayhub.core.keyset import Order

#: Beyond this many matches a field's order is not offered.
FIELD_SORT_UP_TO = 10_000
DEFAULT = "-added"
_FIELD = "field:"
_TEXT_SORTED = 200
#: Contacts without a value come last, whichever way: beyond whatever a field holds (`fields.checked_value`).
_BEYOND_NUMBERS = 1e18
_BEYOND_TEXTS = "\U0010ffff"


@dataclass(frozen=True, kw_only=True)
class Sort:
    """One way to sort, as an address names it: `title`, `added` or `field:KEY`, with a minus the other way round."""

    key: str
    is_descending: bool

    @property
    def text(self) -> str:
        """As an address says it."""
        return f"-{self.key}" if self.is_descending else self.key

    @property
    def field(self) -> str:
        """The field's key, where it is one."""
        return self.key.removeprefix(_FIELD) if self.key.startswith(_FIELD) else ""


def parse(text: str, types: dict[str, str]) -> Sort:
    """The sort that a parameter asks for, the default where it is empty; InputError where it is none."""
    given = text.strip() or DEFAULT
    sort = Sort(key=given.removeprefix("-"), is_descending=given.startswith("-"))
    if sort.key in {"title", "added"} or sort.field in types:
        return sort
    raise InputError(
        _("“%(given)s” is nothing to sort by: title, added or field:KEY.") % {"given": given[:60]}, field="sort"
    )


def order_of(sort: Sort, types: dict[str, str]) -> Order:
    """The order of rows for it."""
    if sort.key == "added":
        return Order(is_descending=sort.is_descending)
    by = _field_value(sort, types[sort.field]) if sort.field else title_expression()
    kind: type[str] | type[float] = float if sort.field and types[sort.field] == FieldType.NUMBER else str
    return Order(by=by, is_descending=sort.is_descending, kind=kind)


def _field_value(sort: Sort, kind: str) -> models.Expression:
    text = KeyTextTransform(sort.field, "fields")
    if kind == FieldType.NUMBER:
        holds = Func(KeyTransform(sort.field, "fields"), function="jsonb_typeof", output_field=models.TextField())
        # What is no number, left by a field of this key before, must not be read as one.
        number = Case(When(Exact(holds, Value("number")), then=Cast(text, models.FloatField())))
        return Coalesce(number, Value(-_BEYOND_NUMBERS if sort.is_descending else _BEYOND_NUMBERS),
                        output_field=models.FloatField())
    return Coalesce(Lower(Left(text, _TEXT_SORTED)), Value("" if sort.is_descending else _BEYOND_TEXTS),
                    output_field=models.TextField())
