"""The search of messages in the person's language: what they may type for a state, a day, a small word.

`search_words` and `search_days` read English. What is typed in another language is put into English words here, so
that both are read alike, side by side. A catalogue gives all ways of writing a word, apart by semicolons.
"""

from __future__ import annotations

import re
from functools import lru_cache

from babel import Locale
from django.utils.translation import pgettext

from relayhub.core import spoken
from relayhub.core.folding import folded
from relayhub.core.languages import SOURCE
from relayhub.core.vocabulary import status_look

#: As the catalogues know it (`extraction`).
CONTEXT = "typed in a search, each way apart by ;"
#: Words of the longest phrase that stands for one word of English, or for a state.
MAX_WORDS = 6
_DAY_DOT = re.compile(r"(\d{1,2})(?:\.|er|º)")


def _also(words: str) -> str:
    """Marks words for the catalogues; they are translated when something is read."""
    return words


#: State -> what people write for it.
STATES = {
    "queued": _also("queued; waiting"), "sending": _also("sending"), "deferred": _also("deferred; delayed"),
    "held": _also("held"), "unknown": _also("unknown"), "quarantined": _also("quarantined"),
    "delivered": _also("delivered"), "sandboxed": _also("sandboxed; kept"),
    "bounced": _also("bounced; bounce; bounces"), "suppressed": _also("suppressed"), "expired": _also("expired"),
    "cancelled": _also("cancelled; canceled"), "opened": _also("opened"), "clicked": _also("clicked"),
    "complained": _also("complained; complaints"), "unsubscribed": _also("unsubscribed"),
}
#: Words of days and periods; other languages incline and reorder them.
_WORDS = (
    _also("today"), _also("yesterday"), _also("this"), _also("last"), _also("minute"), _also("hour"), _also("day"),
    _also("week"), _also("month"), _also("year"), _also("since"), _also("after"), _also("before"), _also("until"),
    _also("from"), _also("to"), _also("between"), _also("and"), _also("monday"), _also("tuesday"),
    _also("wednesday"), _also("thursday"), _also("friday"), _also("saturday"), _also("sunday"),
)
#: What stands before a day and says nothing: "on", "in", "the".
_SMALL = _also("on; in; the")
#: What leads to the address of who sent it, and of who got it.
_LEADS = {"from": _also("from; by"), "to": _also("to; at")}
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
           "november", "december")


def plain(text: str) -> str:
    """The text as it is compared: folded, with straight apostrophes."""
    return folded(text.replace("’", "'"))


def _ways(words: str) -> list[str]:
    """All ways of writing it in the present language."""
    return [plain(way.strip()) for way in pgettext(CONTEXT, words).split(";") if way.strip()]


#: Each English word for a state -> the state.
_ENGLISH_STATES = {word.strip(): state for state, words in STATES.items() for word in words.split(";")}


@lru_cache(maxsize=8)
def _states(language: str) -> dict[str, str]:
    """Each phrase for a state in this language, which is the present one."""
    if language == SOURCE:
        return {}
    found = {way: state for state, words in STATES.items() for way in _ways(words)}
    return {plain(status_look(state).word): state for state in STATES} | found


def state_of(phrase: str) -> str:
    """The state that a phrase names, in English or the present language; "" for any other."""
    words = plain(phrase)
    return _ENGLISH_STATES.get(words) or _states(spoken.language()).get(words, "")


@lru_cache(maxsize=8)
def _table(language: str) -> dict[str, str]:
    """Each way of writing a word in this language, which is the present one -> the word in English."""
    return dict.fromkeys(_ways(_SMALL), "") | {way: word for word in _WORDS for way in _ways(word)}


@lru_cache(maxsize=8)
def _months(language: str) -> tuple[tuple[str, str], ...]:
    """(a name of a month in this language, the month in English)."""
    names = Locale.parse(language).months
    return tuple(
        (plain(names[form][width][number]).rstrip("."), english)
        for number, english in enumerate(_MONTHS, start=1)
        for form in ("format", "stand-alone") for width in ("wide", "abbreviated")
    )


def in_english(phrase: str) -> str:
    """A phrase of days in English words; "" where the present language is English or it ends in a small word."""
    language = spoken.language()
    if language == SOURCE:
        return ""
    words, found, at = plain(phrase).split(), [], 0
    table = _table(language)
    while at < len(words):
        count, english = _next(words[at:], table, language)
        at += count
        found.append(english)
    if not found or not found[-1]:
        return ""
    said = [word for word in found if word]
    return " ".join([said[-1], *said[:-1]] if said[-1] == "last" else said)


def _next(words: list[str], table: dict[str, str], language: str) -> tuple[int, str]:
    """How many of the first words stand for one of English, and that word."""
    for count in range(min(MAX_WORDS, len(words)), 0, -1):
        english = table.get(" ".join(words[:count]))
        if english is not None:
            return count, english
    day = _DAY_DOT.fullmatch(words[0])
    if day is not None and len(words) > 1:
        return 1, day[1]
    bare = words[0].rstrip(".")
    months = _months(language) if len(bare) >= 3 else ()
    return 1, next((english for name, english in months if name.startswith(bare)), words[0])


@lru_cache(maxsize=8)
def _leads(language: str) -> dict[str, str]:
    """Each word of this language, which is the present one, and of English that leads to an address -> "from", "to"."""
    said = {word.strip(): lead for lead, words in _LEADS.items() for word in words.split(";")}
    return said | {way: lead for lead, words in _LEADS.items() for way in _ways(words)}


def lead_of(word: str) -> str:
    """ "from" or "to" where the word leads to an address, in English or the present language; else ""."""
    return _leads(spoken.language()).get(plain(word), "")
