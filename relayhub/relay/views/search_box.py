"""What a page shows around the search of messages: how the text was read, what may be typed, how far back it came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import QueryDict
from django.utils.translation import gettext as _

from relayhub.core import nouns, spoken
from relayhub.core.clock import now
from relayhub.core.models import Workspace
from relayhub.core.pages import PageRequest
from relayhub.core.vocabulary import status_look
from relayhub.relay import search, search_words
from relayhub.relay.models import Message
from relayhub.relay.search import Look, Wanted
from relayhub.relay.search_words import Part, Reading
from relayhub.relay.views.common import zone_of

#: The newest messages whose tags and recipients are offered as examples.
_NEWEST = 100
_EACH = 3


@dataclass(frozen=True, kw_only=True)
class ReadPart:
    """A part of the search in words, and the address of the page without it."""

    words: str
    without_url: str


@dataclass(frozen=True, kw_only=True)
class Hint:
    """Something that may be typed: what it finds, and examples as (text, address of the page with it)."""

    finds: str
    examples: tuple[tuple[str, str], ...]


def reading_of(request: PageRequest) -> Reading:
    """What `?q=` means to this person, whose days are those of their zone."""
    return search_words.read(request.GET.get("q", ""), now=now(), zone=zone_of(request))


def below(request: PageRequest) -> UUID | None:
    """Where a further look begins: after the last row of the page before."""
    try:
        return UUID(request.GET.get("cursor", ""))
    except ValueError:
        return None


def read_context(request: PageRequest, reading: Reading) -> dict[str, Any]:
    """`read_parts` and `as_words_url` for relay/_search_read.html."""
    text = " ".join(part.text for part in reading.parts).replace('"', "")
    return {
        "read_parts": [_read_part(request, reading, part) for part in reading.parts],
        "as_words_url": _with_text(request, f'"{text}"') if reading.is_doubtful else "",
    }


def _read_part(request: PageRequest, reading: Reading, part: Part) -> ReadPart:
    return ReadPart(words=part.words, without_url=_with_text(request, reading.without(part)))


def _with_text(request: PageRequest, text: str) -> str:
    query = _fresh(request)
    query.pop("q", None)
    if text:
        query["q"] = text
    return f"?{query.urlencode()}"


def _fresh(request: PageRequest) -> QueryDict:
    query = request.GET.copy()
    for name in ("cursor", "newer"):
        query.pop(name, None)
    return query


def further_context(request: PageRequest, look: Look[Any], wanted: Wanted, *, older_url: str) -> dict[str, Any]:
    """How far a look came, for relay/_search_further.html; nothing where an index found all or more pages follow."""
    is_further = wanted.below is not None
    if look.back_to is None or older_url:
        return {"newest_url": _with_text(request, request.GET.get("q", "")) if is_further and not older_url else ""}
    query = _fresh(request)
    query["cursor"] = str(look.back_to)
    return {
        "further_url": f"?{query.urlencode()}", "looked_back_to": look.back_to_time,
        "looked_at": search.FURTHER_LOOK if is_further else search.FIRST_LOOK,
        "newest_url": _with_text(request, request.GET.get("q", "")) if is_further else "",
    }


def counted(table_total: str, count: int, noun: str, look: Look[Any], wanted: Wanted) -> str:
    """“12 messages”, “12 messages so far”, or "" where the page is one of several looks."""
    if wanted.below is not None and look.back_to is not None:
        return ""
    found = nouns.counted(noun, count, table_total)
    return _("%(found)s so far") % {"found": found} if look.back_to is not None else found


def hints(request: PageRequest, workspace: Workspace) -> list[Hint]:
    """What may be typed, with this workspace's own values and in the person's language.

    Each example is added to what is there already.
    """
    newest = list(Message.objects.filter(workspace=workspace).order_by("-id")[:_NEWEST].values_list("tags", "pk"))
    tags = _first(tag for row in newest for tag in row[0])
    days = now().astimezone(zone_of(request))
    offered: Sequence[tuple[str, Iterable[str]]] = (
        (_("Mail to an address, to addresses that begin so, to a domain"),
         ("ines@example.com", "ines@", "example.com")),
        (_("Where it stands"), [_state(state) for state in ("bounced", "deferred", "held", "opened", "complained")]),
        (_("A day or a period"), (_("yesterday"), spoken.day_of_month(days, with_year=False), _("last week"),
                                  _("since Monday"), _("last 2 hours"))),
        (_("Words of the subject; in quotes exactly so"), ("receipt", '"your receipt"')),
        (_("A tag, a stream"), (*(f"tag:{tag}" for tag in tags), "stream:transactional")),
        (_("Who sent it"), ("from:example.com",)),
        (_("An id of ours or a Message-ID leads straight to it"), ("msg_…", "rcp_…", "<id@example.com>")),
    )
    return [
        Hint(finds=finds, examples=tuple((text, _added(request, text)) for text in texts)) for finds, texts in offered
    ]


def _state(state: str) -> str:
    """The state as it is typed."""
    return spoken.within(status_look(state).word)


def _first(values: Iterable[str]) -> list[str]:
    return [value if " " not in value else f'"{value}"' for value in list(dict.fromkeys(values))[:_EACH]]


def _added(request: PageRequest, text: str) -> str:
    if "…" in text or "example.com" in text or text.endswith("@"):
        return ""  # shows how it looks; there is nothing to find
    return _with_text(request, f"{request.GET.get('q', '').strip()} {text}".strip())
