"""Days and periods as people type them into a search: "yesterday", "20 Nov", "last week", "since Monday".

Pure: what day it is comes in. A day without a year is the last one that there was; a day of the week the last one
before today. 20/11 is the day before the month, as it is written everywhere but in one country, and the page says
how it was read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from relayhub.core import spoken
from relayhub.relay import search_speech

#: Words of the longest phrase: "del 20 de noviembre de 2026 al 25 de noviembre de 2026".
MAX_WORDS = 12
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
           "november", "december")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1),
          "week": timedelta(days=7)}
#: What the words that people type are called on a page, which is in their language.
_NAMES = {
    "today": gettext_lazy("today"), "yesterday": gettext_lazy("yesterday"), "this week": gettext_lazy("this week"),
    "last week": gettext_lazy("last week"), "this month": gettext_lazy("this month"),
    "last month": gettext_lazy("last month"), "this year": gettext_lazy("this year"),
    "last year": gettext_lazy("last year"),
}
_ONE = {
    "minute": gettext_lazy("the last minute"), "hour": gettext_lazy("the last hour"),
    "day": gettext_lazy("the last day"), "week": gettext_lazy("the last week"), "month": gettext_lazy("the last month"),
}
_SOME = {
    "minute": ngettext_lazy("the last %(count)s minute", "the last %(count)s minutes", "count"),
    "hour": ngettext_lazy("the last %(count)s hour", "the last %(count)s hours", "count"),
    "day": ngettext_lazy("the last %(count)s day", "the last %(count)s days", "count"),
    "week": ngettext_lazy("the last %(count)s week", "the last %(count)s weeks", "count"),
    "month": ngettext_lazy("the last %(count)s month", "the last %(count)s months", "count"),
}
#: "last 3 days" and, as some languages have it, "3 last days".
_LAST_SOME = re.compile(r"(?:(?:last|past) (\d{1,3})|(\d{1,3}) last) (minute|hour|day|week|month)s?")
_ISO_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_ISO_MONTH = re.compile(r"(\d{4})-(\d{1,2})")
#: With dots and without a year it ends in one: "1.5" is a number.
_NUMBERS = re.compile(r"(\d{1,2})(?:[./](\d{1,2})[./](\d{4})|/(\d{1,2})|\.(\d{1,2})\.)")
_DAY_MONTH = re.compile(r"(\d{1,2})(?:st|nd|rd|th)? ([a-z]+)\.?,?(?: (\d{4}))?")
_MONTH_DAY = re.compile(r"([a-z]+)\.? (\d{1,2})(?:st|nd|rd|th)?,?(?: (\d{4}))?")
_MONTH_YEAR = re.compile(r"([a-z]+)\.? (\d{4})")
_SINCE, _BEFORE = ("since", "after"), ("before", "until", "till")
_BETWEEN = re.compile(r"(?:from |between |since )?(.+?)(?: ?\.\. ?| to | until | and | [-–] )(.+)")


@dataclass(frozen=True, kw_only=True)
class Span:
    """From `since` on and before `until` (None: open), and what it is called: "20 Nov"."""

    since: datetime | None
    until: datetime | None
    words: str


@dataclass(frozen=True, kw_only=True)
class _Days:
    """Whole days, the second one not of it any more."""

    first: date
    end: date
    words: str


def understand(phrase: str, *, now: datetime, zone: tzinfo) -> Span | None:
    """The span that the words name, or None; days begin at midnight in the zone.

    They are English or, where that says nothing, of the language that is spoken.
    """
    plain, local = " ".join(phrase.lower().split()), now.astimezone(zone)
    found = _understood(plain, local, zone)
    if found is None:
        english = search_speech.in_english(plain)
        found = _understood(english, local, zone) if english and english != plain else None
    return found


def _understood(plain: str, local: datetime, zone: tzinfo) -> Span | None:
    some = _last_some(plain, local.astimezone(UTC))
    if some is not None:
        return some
    head, _space, rest = plain.partition(" ")
    if rest and head in (*_SINCE, *_BEFORE):
        found = _open_ended(head, rest, local, zone)
        if found is not None:
            return found
    days = _days(rest if rest and head in ("on", "in") else plain, local.date()) or _between(plain, local.date())
    return _span(days, zone) if days is not None else None


def _span(days: _Days, zone: tzinfo) -> Span:
    return Span(since=_midnight(days.first, zone), until=_midnight(days.end, zone), words=days.words)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time.min, zone)


def _open_ended(head: str, rest: str, local: datetime, zone: tzinfo) -> Span | None:
    days = _days(rest, local.date())
    if days is None:
        return None
    span = _span(days, zone)
    match head:
        case "since":
            return replace(span, until=None, words=_("since %(day)s") % {"day": days.words})
        case "after":
            return Span(since=span.until, until=None, words=_("after %(day)s") % {"day": days.words})
        case "before":
            return Span(since=None, until=span.since, words=_("before %(day)s") % {"day": days.words})
        case _:
            return replace(span, since=None, words=_("until %(day)s") % {"day": days.words})


def _last_some(plain: str, now: datetime) -> Span | None:
    """The last some hours or days, counted back from now."""
    text = {"last hour": "last 1 hours", "past hour": "last 1 hours"}.get(plain, plain)
    found = _LAST_SOME.fullmatch(text)
    if found is None or int(found[1] or found[2]) == 0:
        return None
    count, unit = int(found[1] or found[2]), found[3]
    length = timedelta(days=30) if unit == "month" else _UNITS[unit]
    words = _ONE[unit] if count == 1 else _SOME[unit] % {"count": count}
    return Span(since=now - count * length, until=None, words=str(words))


def _between(plain: str, today: date) -> _Days | None:
    found = _BETWEEN.fullmatch(plain)
    if found is None:
        return None
    last = _days(found[2], today)
    if last is None:
        return None
    # "1 to 5 Nov": the first day takes its month from the last.
    first = _days(found[1], today) or _days(f"{found[1]} {' '.join(found[2].split()[1:])}", today)
    if first is None:
        return None
    if first.first > last.first:
        first, last = last, first
    return _Days(first=first.first, end=last.end, words=_to(first.words, last.words))


def _days(plain: str, today: date) -> _Days | None:
    return _named(plain, today) or _dated(plain, today) or _month(plain, today)


def _named(plain: str, today: date) -> _Days | None:
    week = today - timedelta(days=today.weekday())
    month = today.replace(day=1)
    before = (month - timedelta(days=1)).replace(day=1)
    year = today.replace(month=1, day=1)
    named = {
        "today": (today, today + timedelta(days=1)),
        "yesterday": (today - timedelta(days=1), today),
        "this week": (week, week + timedelta(days=7)),
        "last week": (week - timedelta(days=7), week),
        "this month": (month, _next_month(month)),
        "last month": (before, month),
        "this year": (year, year.replace(year=year.year + 1)),
        "last year": (year.replace(year=year.year - 1), year),
    }
    if plain in named:
        first, end = named[plain]
        return _Days(first=first, end=end, words=f"{_NAMES[plain]} ({_range_words(first, end, today)})")
    weekday = plain.removeprefix("last ")
    if weekday in _WEEKDAYS:
        back = (today.weekday() - _WEEKDAYS.index(weekday)) % 7
        return _day(today - timedelta(days=back or (7 if plain != weekday else 0)), today)
    return None


def _range_words(first: date, end: date, today: date) -> str:
    last = end - timedelta(days=1)
    return _day_words(first, today) if first == last else _to(_day_words(first, today), _day_words(last, today))


def _to(first: str, last: str) -> str:
    return _("%(first)s to %(last)s") % {"first": first, "last": last}


def _dated(plain: str, today: date) -> _Days | None:
    if found := _ISO_DAY.fullmatch(plain):
        return _made(int(found[1]), int(found[2]), int(found[3]), today)
    if found := _NUMBERS.fullmatch(plain):
        return _made(int(found[3]) if found[3] else None, int(found[2] or found[4] or found[5]), int(found[1]), today)
    if found := _DAY_MONTH.fullmatch(plain):
        return _made(int(found[3]) if found[3] else None, _month_number(found[2]), int(found[1]), today)
    if found := _MONTH_DAY.fullmatch(plain):
        return _made(int(found[3]) if found[3] else None, _month_number(found[1]), int(found[2]), today)
    return None


def _month(plain: str, today: date) -> _Days | None:
    """A whole month. Its bare name is one only where it is no other word ("may", "march")."""
    if found := _ISO_MONTH.fullmatch(plain):
        year, number = int(found[1]), int(found[2])
    elif found := _MONTH_YEAR.fullmatch(plain):
        year, number = int(found[2]), _month_number(found[1])
    elif plain in _MONTHS and plain not in ("may", "march"):
        number = _month_number(plain)
        year = today.year if number <= today.month else today.year - 1
    else:
        return None
    if not (1 <= number <= 12 and 1990 <= year <= today.year + 1):
        return None
    first = date(year, number, 1)
    return _Days(first=first, end=_next_month(first), words=spoken.month(first, with_year=year != today.year))


def _month_number(name: str) -> int:
    """1 to 12 for "nov", "november" or "sept"; else 0."""
    if len(name) < 3:
        return 0
    return next((number for number, full in enumerate(_MONTHS, start=1) if full.startswith(name)), 0)


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _made(year: int | None, month: int, day: int, today: date) -> _Days | None:
    try:
        found = date(year if year is not None else today.year, month, day)
        if year is None and found > today:
            found = found.replace(year=today.year - 1)
    except ValueError:
        return None
    return _day(found, today) if 1990 <= found.year <= today.year + 1 else None


def _day(day: date, today: date) -> _Days:
    return _Days(first=day, end=day + timedelta(days=1), words=_day_words(day, today))


def _day_words(day: date, today: date) -> str:
    return spoken.day_of_month(day, with_year=day.year != today.year)


def longest(words: Sequence[str], *, now: datetime, zone: tzinfo) -> tuple[int, Span] | None:
    """How many of the first words name a span, as many as may be, and that span; None where none does."""
    for count in range(min(MAX_WORDS, len(words)), 0, -1):
        found = understand(" ".join(words[:count]), now=now, zone=zone)
        if found is not None:
            return count, found
    return None


__all__ = ["MAX_WORDS", "Span", "longest", "understand"]
