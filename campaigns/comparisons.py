"""Compare a custom field with a value: which comparisons each kind of field knows, in words and in SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Q, Value
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.lookups import IContains
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.column_values import typed
from campaigns.fields import checked_value
from campaigns.models import FieldType
from relayhub.core.errors import InputError


class Op(models.TextChoices):
    """How a field is compared."""

    HAS = "has", gettext_lazy("contains")  # text only: anywhere, whatever the case
    IS = "is", gettext_lazy("is")
    NOT = "not", gettext_lazy("is not")  # also true of contacts without a value
    LESS = "lt", gettext_lazy("is less than")  # of dates: before
    AT_MOST = "le", gettext_lazy("is at most")
    MORE = "gt", gettext_lazy("is more than")  # of dates: after
    AT_LEAST = "ge", gettext_lazy("is at least")
    ANY = "any", gettext_lazy("has a value")
    NONE = "none", gettext_lazy("has no value")


_ORDERED = (Op.LESS, Op.AT_MOST, Op.MORE, Op.AT_LEAST)
#: Kind of field -> its comparisons; the first is meant where none is named.
OPS_OF: dict[str, tuple[Op, ...]] = {
    FieldType.TEXT: (Op.HAS, Op.IS, Op.NOT, Op.ANY, Op.NONE),
    FieldType.NUMBER: (Op.IS, Op.NOT, *_ORDERED, Op.ANY, Op.NONE),
    FieldType.DATE: (Op.IS, Op.NOT, *_ORDERED, Op.ANY, Op.NONE),
    FieldType.BOOLEAN: (Op.IS, Op.ANY, Op.NONE),
}
#: Those that need no value.
WITHOUT_VALUE = frozenset({Op.ANY, Op.NONE})
_LOOKUPS = {Op.LESS: "lt", Op.AT_MOST: "lte", Op.MORE: "gt", Op.AT_LEAST: "gte"}
_OF_DATES = {
    Op.IS: gettext_lazy("is on"), Op.NOT: gettext_lazy("is not on"), Op.LESS: gettext_lazy("is before"),
    Op.AT_MOST: gettext_lazy("is at the latest"), Op.MORE: gettext_lazy("is after"),
    Op.AT_LEAST: gettext_lazy("is at the earliest"),
}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One field, how it is compared, and with what; an empty `op` means the kind's first, or ANY without a value."""

    field: str
    op: str = ""
    value: str = ""


def condition(types: dict[str, str], wanted: Comparison) -> Q:
    """The contacts for which it holds; InputError where the field, the comparison or the value is none."""
    key, kind = wanted.field, types.get(wanted.field)
    if kind is None:
        raise InputError(_("There is no field “%(key)s”.") % {"key": key[:60]}, field="field")
    op = _op(kind, wanted)
    if op in WITHOUT_VALUE:
        return Q(fields__has_key=key) if op == Op.ANY else ~Q(fields__has_key=key)
    text = wanted.value.strip().replace("\0", "")
    if not text:
        raise InputError(_("Write what %(key)s is compared with.") % {"key": key}, field="value")
    if op == Op.HAS:
        return Q(IContains(KeyTextTransform(key, "fields"), text))
    return _compared(key, op, checked_value(kind, typed(kind, text), key))


def words_of(kind: str, wanted: Comparison, label: str) -> str:
    """The comparison as a person reads it: “Orders is at least 10”."""
    op = _op(kind, wanted)
    verb = (_OF_DATES.get(op) if kind == FieldType.DATE else None) or op.label
    return f"{label} {verb}" if op in WITHOUT_VALUE else f"{label} {verb} {wanted.value.strip()}"


def _op(kind: str, wanted: Comparison) -> Op:
    known = OPS_OF[kind]
    if not wanted.op:
        return known[0] if wanted.value.strip() else Op.ANY
    if wanted.op not in Op.values or Op(wanted.op) not in known:
        words = _("“%(op)s” does not go with %(field)s. Comparisons are: %(known)s.")
        raise InputError(
            words % {"op": wanted.op[:20], "field": wanted.field, "known": ", ".join(known)}, field="op"
        )
    return Op(wanted.op)


def _compared(key: str, op: Op, value: Any) -> Q:
    if op == Op.IS:
        return Q(fields__contains={key: value})
    if op == Op.NOT:
        return ~Q(fields__contains={key: value})
    # The value is compared as JSON: numbers as numbers, and ISO dates in the order of days.
    field = KeyTransform(key, "fields")
    lookup: Any = field.get_lookup(_LOOKUPS[op])
    return Q(lookup(field, Value(value, output_field=models.JSONField())))
