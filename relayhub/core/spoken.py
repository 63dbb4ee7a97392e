"""Numbers and dates as the present language writes them: signs, grouping, names of days and months.

English is written by hand, as LOOK.md has it (24 h, "Wed 18 Nov"); the others come from the CLDR through Babel. The
language is the one that Django has active, so that a page, a letter and an export each speak their own.
"""

from __future__ import annotations

from datetime import date, datetime

from babel.dates import format_date, format_skeleton
from django.utils.translation import get_language

from relayhub.core.languages import SOURCE, shipped_for

_NARROW_SPACE = "\u202f"
_SPACE = "\u00a0"
#: Language -> sign between thousands, sign before decimals (CLDR 47, "Latin" digits).
_SIGNS = {
    "en": (",", "."), "de": (".", ","), "fr": (_NARROW_SPACE, ","), "es": (".", ","), "pl": (_SPACE, ","),
}
#: These group from five digits on (CLDR "minimum grouping digits").
_GROUPS_LATE = frozenset({"es", "pl"})
#: What stands between a number and its per cent.
_BEFORE_PERCENT = {"de": _SPACE, "fr": _NARROW_SPACE, "es": _SPACE}


def language() -> str:
    """The shipped language that is spoken now."""
    return shipped_for(get_language() or SOURCE) or SOURCE


def digits(text: str) -> str:
    """A number in English writing, `-12,480.5`, in the present language's."""
    spoken = language()
    if spoken == SOURCE:
        return text
    thousands, decimal = _SIGNS[spoken]
    whole, point, rest = text.partition(".")
    if spoken in _GROUPS_LATE and len(whole.lstrip("-")) <= len("1,234"):
        whole = whole.replace(",", "")
    return whole.replace(",", thousands) + (decimal + rest if point else "")


def per_cent(text: str) -> str:
    """A number in English writing with its per cent."""
    return f"{digits(text)}{_BEFORE_PERCENT.get(language(), '')}%"


def short_day(moment: datetime, *, with_year: bool) -> str:
    """ "Wed 18 Nov", or with the year "18 Nov 2025"."""
    spoken = language()
    if spoken != SOURCE:
        return str(format_skeleton("yMMMd" if with_year else "MMMEd", moment, locale=spoken))
    return f"{moment.day} {moment:%b %Y}" if with_year else f"{moment:%a} {moment.day} {moment:%b}"


def long_day(moment: date, *, with_weekday: bool = False) -> str:
    """ "24 November 2026", or "Tuesday 24 November 2026"."""
    spoken = language()
    if spoken != SOURCE:
        return str(format_date(moment, "full" if with_weekday else "long", locale=spoken))
    return f"{moment:%A} {moment.day} {moment:%B %Y}" if with_weekday else f"{moment.day} {moment:%B %Y}"

