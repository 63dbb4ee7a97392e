"""Pages of rows in any order that an index or a small result allows: found by where the last row stood.

A place is the value that the row is sorted by, and its id, in one text that is safe in an address. Rows with
equal values are told apart by their ids, so that none is shown twice or skipped, whatever is added meanwhile.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import models
from django.db.models import F, Model, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.lookups import GreaterThan, LessThan
from django.utils.translation import gettext as _

from relayhub.core.errors import InputError

RowT = TypeVar("RowT", bound=Model)
#: Where `keyset_page` keeps what it sorted by.
VALUE = "sort_value"


@dataclass(frozen=True, kw_only=True)
class Order:
    """What rows are sorted by: None is the id, which is the time of their making. Never NULL."""

    by: Combinable | None = None
    is_descending: bool = True
    #: What the values are: texts, or numbers as `float`.
    kind: type[str] | type[float] = str


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a row stands in its order."""

    value: Any
    key: UUID


@dataclass(frozen=True, kw_only=True)
class KeysetPage(Generic[RowT]):
    """Rows in order, and the places from which the pages beside them begin; None where there is none."""

    rows: Sequence[RowT]
    before: Place | None
    after: Place | None


class _Pair(models.Func):
    """A row of SQL: compared as a whole, so that one index on both serves it."""

    template = "(%(expressions)s)"
    output_field = models.BooleanField()


def keyset_page(
    found: QuerySet[RowT], order: Order, *, size: int, after: Place | None = None, before: Place | None = None
) -> KeysetPage[RowT]:
    """The rows after a place, or those before one, or the first; InputError for a place in another order."""
    if order.by is not None:
        found = found.annotate(**{VALUE: order.by})
    turns = before is not None
    descends = order.is_descending != turns
    place = before if turns else after
    if place is not None:
        found = found.filter(_beyond(order, place, descends))
    sign = "-" if descends else ""
    names = [VALUE, "pk"] if order.by is not None else ["pk"]
    rows = list(found.order_by(*(f"{sign}{name}" for name in names))[: size + 1])
    has_more, rows = len(rows) > size, rows[:size]
    if turns:
        rows.reverse()
    has_before = has_more if turns else after is not None
    has_after = True if turns else has_more
    return KeysetPage(
        rows=rows,
        before=_place(rows[0]) if has_before and rows else None,
        after=_place(rows[-1]) if has_after and rows else None,
    )


def _beyond(order: Order, place: Place, descends: bool) -> models.Q:
    compare = LessThan if descends else GreaterThan
    if order.by is None:
        return models.Q(**{"pk__lt" if descends else "pk__gt": place.key})
    is_number = isinstance(place.value, (int, float)) and not isinstance(place.value, bool)
    if not (is_number if order.kind is float else isinstance(place.value, str)):
        raise InputError(_("This page was of another order. Begin again at the first one."), field="cursor")
    return models.Q(compare(_Pair(F(VALUE), F("pk")), _Pair(Value(place.value), Value(place.key))))


def _place(row: Model) -> Place:
    return Place(value=vars(row).get(VALUE), key=row.pk)


def encode_place(place: Place) -> str:
    """The place as a text for an address."""
    data = json.dumps([place.value, place.key.hex], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(data.encode()).decode().rstrip("=")


def decode_place(text: str) -> Place | None:
    """The place of such a text, or None where it is none."""
    try:
        value, key = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not isinstance(value, (str, int, float, type(None))) or (isinstance(value, str) and "\0" in value):
            return None
        return Place(value=value, key=UUID(key))
    except (binascii.Error, ValueError, TypeError, AttributeError, RecursionError):
        return None
