"""Numbers and dates as the present language writes them: signs, grouping, names of days and months.

English is written by hand, as LOOK.md has it (24 h, "Wed 18 Nov"); the others come from the CLDR through Babel. The
language is the one that Django has active, so that a page, a letter and an export each speak their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from babel import Locale
from babel.dates import format_date, format_skeleton
from django.utils.translation import get_language, gettext

from relayhub.core.languages import SOURCE, shipped_for

#: These group from five digits on (CLDR "minimum grouping digits").
_GROUPS_LATE = frozenset({"es", "pl"})


@dataclass(frozen=True, kw_only=True)
class _Signs:
    """What a language puts between thousands, before decimals, and after the number of a per cent."""

    thousands: str
    decimal: str
    per_cent: str


@lru_cache(maxsize=32)
def _signs(language: str) -> _Signs:
    locale = Locale.parse(language)
    symbols = locale.number_symbols.get("latn", locale.number_symbols)
    return _Signs(
        thousands=symbols["group"], decimal=symbols["decimal"], per_cent=locale.percent_formats[None].suffix[0]
    )


def language() -> str:
    """The shipped language that is spoken now."""
    return shipped_for(get_language() or SOURCE) or SOURCE


def copied(name: str) -> str:
    """What the copy of something is called."""
    return gettext("%(name)s (copy)") % {"name": name}


def digits(text: str) -> str:
    """A number in English writing, `-12,480.5`, in the present language's."""
    spoken = language()
    if spoken == SOURCE:
        return text
    signs = _signs(spoken)
    whole, point, rest = text.partition(".")
    if spoken in _GROUPS_LATE and len(whole.lstrip("-")) <= len("1,234"):
        whole = whole.replace(",", "")
    return whole.replace(",", signs.thousands) + (signs.decimal + rest if point else "")


def per_cent(text: str) -> str:
    """A number in English writing with its per cent."""
    spoken = language()
    return f"{text}%" if spoken == SOURCE else f"{digits(text)}{_signs(spoken).per_cent}"


#: How a word of German begins that is no noun: "In der Warteschlange", "Wird gesendet".
_GERMAN_STARTS = ("In ", "Im ", "Am ", "Wird ", "Nicht ", "Noch ")


def within(word: str) -> str:
    """A word of a pill or a heading as it stands within a sentence; German keeps the capitals of its nouns."""
    if language() != "de":
        return word.lower()
    return word[:1].lower() + word[1:] if word.startswith(_GERMAN_STARTS) else word


def short_day(moment: datetime, *, with_year: bool) -> str:
    """ "Wed 18 Nov", or with the year "18 Nov 2025"."""
    spoken = language()
    if spoken != SOURCE:
        return str(format_skeleton("yMMMd" if with_year else "MMMEd", moment, locale=spoken))
    return f"{moment.day} {moment:%b %Y}" if with_year else f"{moment:%a} {moment.day} {moment:%b}"


def weekday(moment: datetime, *, is_short: bool = False) -> str:
    """ "Wednesday", or "Wed"."""
    return str(format_date(moment, "EEE" if is_short else "EEEE", locale=language()))


def day_of_month(moment: date, *, with_year: bool) -> str:
    """ "18 Nov", or with the year "18 Nov 2025"."""
    spoken = language()
    if spoken != SOURCE:
        return str(format_skeleton("yMMMd" if with_year else "MMMd", moment, locale=spoken))
    return f"{moment.day} {moment:%b %Y}" if with_year else f"{moment.day} {moment:%b}"


def month(moment: date, *, with_year: bool) -> str:
    """ "November", or with the year "November 2025"."""
    spoken = language()
    if spoken != SOURCE:
        found = format_skeleton("yMMMM", moment, locale=spoken) if with_year else format_date(moment, "LLLL", spoken)
        return str(found)
    return f"{moment:%B %Y}" if with_year else f"{moment:%B}"


def long_day(moment: date, *, with_weekday: bool = False) -> str:
    """ "24 November 2026", or "Tuesday 24 November 2026"."""
    spoken = language()
    if spoken != SOURCE:
        return str(format_date(moment, "full" if with_weekday else "long", locale=spoken))
    return f"{moment:%A} {moment.day} {moment:%B %Y}" if with_weekday else f"{moment.day} {moment:%B %Y}"

