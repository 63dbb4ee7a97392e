"""What somebody means who types into the search of messages: parts of a text, each with what it was taken for.

    ines@mail.example   mail.example   ines@   bounced   yesterday   20 Nov   tag:receipt   msg_…   "order shipped"

Parts stand side by side in any order; what is nothing else are words of the subject. English is read, and on pages
the person's language as well (`search_speech`). Pure: nothing is looked up but what day it is and what language is
spoken, so that pages, the API and tests read alike. `Reading.parts` keep the text that they came from,
so that a page can take one out again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from functools import reduce
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from relayhub.core import spoken
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.vocabulary import status_look
from relayhub.protocol.address import AddressError, normalise, normalise_domain
from relayhub.relay import search_days, search_speech

MAX_TEXT = 1000
MAX_PARTS = 20
NO_ID = UUID(int=0)
_TOKEN = re.compile(r"(?:[A-Za-z]+:)?[\"“][^\"”]*[\"”]?|\S+")
_QUOTES = "\"“”"
_LAST_LABEL = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]+")


class Kind(StrEnum):
    """What a part was taken for."""

    MESSAGE = "message"
    RECIPIENT = "recipient"
    CAMPAIGN = "campaign"
    ADDRESS = "address"
    BEGINNING = "beginning"
    DOMAIN = "domain"
    SENDER = "sender"
    HEADER = "header"
    STATE = "state"
    PERIOD = "period"
    TAG = "tag"
    STREAM = "stream"
    WORD = "word"
    SUBJECT = "subject"


_ALONE_FINDS_RECIPIENTS = frozenset({Kind.ADDRESS, Kind.BEGINNING, Kind.DOMAIN})
#: States that are marks on a recipient: what people and machines did.
DONE_TO = frozenset({"opened", "clicked", "complained", "unsubscribed"})
#: Found by an index, however old it is.
_EXACT = frozenset({Kind.MESSAGE, Kind.RECIPIENT, Kind.ADDRESS, Kind.HEADER, Kind.CAMPAIGN})
#: What might have been meant as words of the subject.
_DOUBTFUL = frozenset({Kind.STATE, Kind.PERIOD, Kind.DOMAIN})


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the text; `id` of messages, recipients and campaigns, `since` and `until` of periods."""

    kind: Kind
    value: str
    text: str
    id: UUID = NO_ID
    since: datetime | None = None
    until: datetime | None = None
    #: Written with its key or in quotes: nothing else can have been meant.
    is_explicit: bool = False

    @property
    def words(self) -> str:
        """How it was read, for people."""
        if self.kind is Kind.SUBJECT and not self.is_explicit:
            quoted = [gettext("“%(word)s”") % {"word": word} for word in self.value.split()]
            return gettext("%(words)s in the subject") % {"words": reduce(_both, quoted)}
        if self.kind is Kind.STATE:
            return spoken.within(status_look(self.value).word)
        return str(_WORDS[self.kind]) % {"value": self.value}


_WORDS: dict[Kind, str | Promise] = {
    Kind.MESSAGE: _("message %(value)s"), Kind.RECIPIENT: _("recipient %(value)s"),
    Kind.CAMPAIGN: _("campaign %(value)s"), Kind.ADDRESS: _("recipient is %(value)s"),
    Kind.BEGINNING: _("recipient begins with %(value)s"), Kind.DOMAIN: _("recipient is at %(value)s"),
    Kind.SENDER: _("sender is %(value)s"), Kind.HEADER: _("Message-ID is %(value)s"), Kind.PERIOD: "%(value)s",
    Kind.TAG: _("tagged %(value)s"), Kind.STREAM: _("stream %(value)s"),
    Kind.WORD: _("“%(value)s” in the subject or where the address begins"),
    Kind.SUBJECT: _("“%(value)s” in the subject"),
}


def _both(one: str, other: str) -> str:
    return gettext("%(one)s and %(other)s") % {"one": one, "other": other}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A whole text as it was read."""

    parts: tuple[Part, ...] = ()

    @property
    def finds_recipients(self) -> bool:
        """Whether the rows are recipients; else messages."""
        return any(part.kind in _ALONE_FINDS_RECIPIENTS or (part.value in DONE_TO and part.kind is Kind.STATE)
                   for part in self.parts)

    @property
    def is_exact(self) -> bool:
        """Whether an index finds it, so that no period is needed."""
        return any(part.kind in _EXACT for part in self.parts)

    @property
    def names_period(self) -> bool:
        """Whether it says from when."""
        return any(part.kind is Kind.PERIOD for part in self.parts)

    @property
    def single(self) -> Part | None:
        """The only part, or None."""
        return self.parts[0] if len(self.parts) == 1 else None

    @property
    def words(self) -> str:
        """All of it for people, in one line."""
        return " · ".join(part.words for part in self.parts)

    @property
    def is_doubtful(self) -> bool:
        """Whether the words may have been meant as words of the subject."""
        return any(part.kind in _DOUBTFUL and not part.is_explicit for part in self.parts)

    def of(self, *kinds: Kind) -> tuple[Part, ...]:
        """The parts of these kinds."""
        return tuple(part for part in self.parts if part.kind in kinds)

    def without(self, part: Part) -> str:
        """The text that means all but this part."""
        return " ".join(other.text for other in self.parts if other is not part)


def read(text: str, *, now: datetime, zone: tzinfo) -> Reading:
    """What the text means; days are those of the zone."""
    plain = " ".join(text.replace("\0", "").split())[:MAX_TEXT]
    tokens = [found[0] for found in _TOKEN.finditer(plain)]
    return Reading(parts=tuple(_together(list(_parts(tokens, now, zone))[:MAX_PARTS])))


def _parts(tokens: Sequence[str], now: datetime, zone: tzinfo) -> Iterator[Part]:
    at = 0
    while at < len(tokens):
        count, part = _next(tokens[at:], now, zone)
        yield part
        at += count


def _next(tokens: Sequence[str], now: datetime, zone: tzinfo) -> tuple[int, Part]:
    """The part that begins here, and how many tokens it takes."""
    keyed = _keyed(tokens[0], now, zone)
    if keyed is not None:
        return 1, keyed
    span = search_days.longest(tokens, now=now, zone=zone)
    if span is not None:
        text = " ".join(tokens[: span[0]])
        return span[0], Part(kind=Kind.PERIOD, value=span[1].words, text=text, since=span[1].since,
                             until=span[1].until)
    led = _led(tokens)
    if led is not None:
        return 2, led
    return _state(tokens) or (1, _plain(tokens[0]))


def _state(tokens: Sequence[str]) -> tuple[int, Part] | None:
    """A state, of as many of the first tokens as may be: “in der Warteschlange” is one."""
    for count in range(min(search_speech.MAX_WORDS, len(tokens)), 0, -1):
        text = " ".join(tokens[:count])
        state = search_speech.state_of(text)
        if state:
            return count, Part(kind=Kind.STATE, value=state, text=text)
    return None


def _led(tokens: Sequence[str]) -> Part | None:
    """“from ines@…”, “to ines@…”, “at mail.example”: the small word goes with what it leads to."""
    lead = search_speech.lead_of(tokens[0]) if len(tokens) > 1 else ""
    if not lead:
        return None
    found = _plain(tokens[1])
    text = f"{tokens[0]} {tokens[1]}"
    if lead == "from":
        if found.kind in (Kind.ADDRESS, Kind.DOMAIN):
            return Part(kind=Kind.SENDER, value=found.value, text=text, is_explicit=True)
        return None
    if found.kind in _ALONE_FINDS_RECIPIENTS:
        return Part(kind=found.kind, value=found.value, text=text, is_explicit=True)
    return None


def _keyed(token: str, now: datetime, zone: tzinfo) -> Part | None:
    """`key:value`, or words in quotes."""
    if token[0] in _QUOTES:
        value = token.strip(_QUOTES).strip()
        return Part(kind=Kind.SUBJECT, value=value, text=token, is_explicit=True) if value else None
    key, colon, rest = token.partition(":")
    value, key = rest.strip(_QUOTES).strip(), key.lower()
    if not colon or not value:
        return None
    match key:
        case "subject" | "tag" | "stream":
            return Part(kind=Kind(key), value=value, text=token, is_explicit=True)
        case "is" | "status" | "state":
            state = search_speech.state_of(value)
            return Part(kind=Kind.STATE, value=state, text=token, is_explicit=True) if state else None
        case "to" | "domain" | "address" | "from" | "sender":
            return _keyed_address(key, value, token)
        case "on" | "day" | "since" | "after" | "before" | "until":
            return _keyed_day(key, value, token, now, zone)
        case "id":
            return _id(value, token)
        case _:
            return None


def _keyed_address(key: str, value: str, token: str) -> Part | None:
    found = _plain(value if key != "domain" else f"@{value.lstrip('@')}")
    if key in ("from", "sender"):
        kind = Kind.SENDER
    else:
        kind = found.kind if found.kind in _ALONE_FINDS_RECIPIENTS else Kind.BEGINNING
    known = found.value if found.kind in _ALONE_FINDS_RECIPIENTS else value.lower()
    return Part(kind=kind, value=known, text=token, is_explicit=True)


def _keyed_day(key: str, value: str, token: str, now: datetime, zone: tzinfo) -> Part | None:
    phrase = value if key in ("on", "day") else f"{key} {value}"
    span = search_days.understand(phrase, now=now, zone=zone)
    if span is None:
        return None
    return Part(kind=Kind.PERIOD, value=span.words, text=token, since=span.since, until=span.until, is_explicit=True)


def _plain(token: str) -> Part:
    by_id = _id(token, token)
    if by_id is not None:
        return by_id
    if token.startswith("<") and token.endswith(">"):
        return Part(kind=Kind.HEADER, value=token, text=token)
    return _address(token) or Part(kind=Kind.WORD, value=token, text=token)


def _id(value: str, token: str) -> Part | None:
    # A copy of a broadcast carries its recipient's id as the left part of its Message-ID.
    left = value.strip("<>").split("@")[0]
    for prefix, kind, name in (
        (Prefix.RECIPIENT, Kind.RECIPIENT, left), (Prefix.MESSAGE, Kind.MESSAGE, value),
        (Prefix.CAMPAIGN, Kind.CAMPAIGN, value),
    ):
        found = decode_id(prefix, name)
        if found is not None:
            return Part(kind=kind, value=name, text=token, id=found)
    return None


def _address(token: str) -> Part | None:
    if token.startswith("@") or "@" not in token:
        return _domain(token)
    if token.endswith("@"):
        return Part(kind=Kind.BEGINNING, value=token.lower(), text=token)
    try:
        return Part(kind=Kind.ADDRESS, value=normalise(token), text=token)
    except AddressError:
        return Part(kind=Kind.HEADER, value=f"<{token}>", text=token)


def _domain(token: str) -> Part | None:
    name = token.lstrip("@").rstrip(",;")
    if "." not in name.strip(".") or name.endswith("."):
        return None
    try:
        domain = normalise_domain(name)
    except AddressError:
        return None
    # "3.50" and "v1.2" are no domains.
    is_one = _LAST_LABEL.fullmatch(domain.rpartition(".")[2])
    return Part(kind=Kind.DOMAIN, value=domain, text=token, is_explicit=token[0] == "@") if is_one else None


def _together(parts: list[Part]) -> list[Part]:
    """Words side by side as one part: all of them have to be in the subject."""
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if part.kind is Kind.WORD and last is not None and _is_free(last):
            both = f"{last.text} {part.text}"
            joined[-1] = Part(kind=Kind.SUBJECT, value=both, text=both)
        else:
            joined.append(part)
    return joined


def _is_free(part: Part) -> bool:
    return part.kind in (Kind.WORD, Kind.SUBJECT) and not part.is_explicit
