"""Failure notices written for people: which addresses they name, and what they say of each.

Before and beside RFC 3464 every mail system wrote its own letter. They share more than they differ: a notice,
the addresses, the other server's words, then a copy of the mail. This module cuts off the copy, finds the
addresses and gives the words that belong to each; `classify` says what they mean. It never decides whether a
mail is a notice, and its time is bounded by the length it reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

MAX_TEXT = 24_000  # a notice; what is longer is the copy of the mail
MAX_ADDRESSES = 50
MAX_CHUNK = 2_000
MAX_LINE = 1_000

#: Where the copy of the mail begins, in the words of the systems that add one.
_COPY = re.compile(
    r"""^(?:[>\s]{0,8})(?:
      -{2,}\s?(?:this\ is\ a\ copy|below\ this\ line|original\ message|begin\ message|message\ header
        |returned\ message|unsent\ message|body\ of\ message|forwarded\ message|rejected\ message
        |enclosed\ is\ a\ copy|message\ follows
        |undelivered\ message|header\ follows|the\ header|included\ is).*
    | -{2,}\s{0,3}(?:unsent|original|returned|forwarded|message\ header).*
    | (?:the\ )?(?:original|returned|unsent|rejected)\ message\ (?:headers?\ )?
        (?:follows?|is\ attached|below)\W*
    | message\ headers?\ follows?\W* | \S{0,20}\ ?(?:the\ )?header\ of\ (?:the\ )?(?:original|your)\ message.*
    | the\ (?:first|following)\ \S{1,10}\ lines\ of\ (?:the|your)\ message.*
    | received:\ ?(?:from|by|\(qmail).* | return-path:.* | content-type:\ message/rfc822.* | mime-version:.*
    | below\ (?:this\ line|is\ a\ copy).* | -{5,}\ ?\S{0,20}\ ?mail\ follows.*
    | your\ (?:original\ )?message\ (?:headers?\ )?follows?.*
    )$""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
_ADDRESS = re.compile(r"(?<![\w.+=%/-])[^\s<>@,;:\"()\[\]|]{1,64}@(?:[\w-]{1,63}\.)*[\w-]{1,63}", re.UNICODE)
#: Lines whose addresses are not recipients that failed.
_OTHER_ADDRESS = re.compile(
    r"mail from|from:|sender|contact|please (?:e?mail|write|ask)|postmaster for|help|https?://|message-id"
    r"|reply-to"
    r"|>>> |returned to|on behalf|subject:|forward(?:ed)? (?:this|the)|envelope-from|support|abuse@"
    r"|written by|behalf",
    re.IGNORECASE,
)
_DAEMON = re.compile(r"^(?:mailer-daemon|mail-daemon|maildelivery|mdaemon)(?:[+-].*)?@", re.IGNORECASE)
_TRANSCRIPT_END = re.compile(
    r"^([245]\d\d[ -]?(?:[245]\.\d{1,3}\.\d{1,3} )?)<?([^\s<>@]{1,64}@[^\s<>@]{1,255}?)>?\.\.\. ?(.*)$"
)
_QUOTE_LEAD = re.compile(r"\s*<?[^\s@]+@[^\s@]+ (?:wrote|schrieb)", re.IGNORECASE)
_SAID = re.compile(r"^<<< ?(.*)$")


@dataclass(slots=True)
class Mention:
    """An address and the words that belong to it."""

    address: str
    words: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The words as one text, bounded."""
        return "\n".join(self.words)[:MAX_CHUNK]


def notice_of(text: str) -> str:
    """The notice alone: quoting marks taken off, the copy of the mail cut off, bounded."""
    text = _unquoted(text[: 4 * MAX_TEXT])
    match = _COPY.search(text, _first_line_end(text))
    return text[: match.start()][:MAX_TEXT] if match else text[:MAX_TEXT]


def copy_of(text: str) -> str:
    """The copy of the mail that the notice holds as text, or ""."""
    text = _unquoted(text[: 4 * MAX_TEXT])
    match = _COPY.search(text, _first_line_end(text))
    return text[match.start() :] if match else ""


def _first_line_end(text: str) -> int:
    return len(text) - len(text.lstrip())


def _unquoted(text: str) -> str:
    """A notice that somebody forwarded, without the marks before its lines."""
    lines = text.split("\n")
    filled = [line for line in lines if line.strip()]
    quoted = [line for line in filled if line.startswith(">")]
    if len(quoted) * 2 <= len(filled) or not filled:
        return text
    return "\n".join(re.sub(r"^> ?", "", line) for line in lines)


def mentions(notice: str, *, known: Iterable[str], excluded: Iterable[str]) -> list[Mention]:
    """Every failed address of a notice with its words, in order.

    `known` are addresses that the mail's header names as failed: where there are some, no other counts.
    `excluded` are addresses of ours, the notice's readers, and of the daemon that wrote it.
    """
    failed = list(dict.fromkeys(address for address in known))[:MAX_ADDRESSES]
    found = _by_transcript(notice)
    if found:
        wanted = {address.lower() for address in failed}
        return [mention for mention in found if not wanted or mention.address.lower() in wanted] or found
    if not failed:
        failed = _addresses(notice, {address.lower() for address in excluded})
    if len(failed) == 1:
        return [Mention(address=failed[0], words=[notice])]
    return _chunks(notice, failed)


def _by_transcript(notice: str) -> list[Mention]:
    """The session transcript of sendmail and its kin: what was said belongs to the next address's line."""
    found: dict[str, Mention] = {}
    said: list[str] = []
    for line in notice.split("\n"):
        line = line.strip()
        answer = _SAID.match(line)
        end = _TRANSCRIPT_END.match(line)
        if line.startswith(">>>"):
            said = []
        elif answer is not None:
            said.append(answer[1])
        elif end is not None and len(found) < MAX_ADDRESSES:
            mention = found.setdefault(end[2].lower(), Mention(address=end[2]))
            mention.words += [*said, f"{end[1].strip()} {end[3]}"]
            said = []
    return list(found.values())


def _addresses(notice: str, excluded: set[str]) -> list[str]:
    """Addresses that are said to have failed: those at the beginning of a line before all others."""
    first: dict[str, str] = {}
    others: dict[str, str] = {}
    for line in notice.split("\n"):
        line = line[:MAX_LINE]
        for match in _ADDRESS.finditer(line):
            address = match[0].strip(".'*_`=")
            key = address.lower()
            if key in excluded or _DAEMON.match(address) or "@" not in address:
                continue
            is_first = not re.search(r"\w", line[: match.start()])
            if is_first and not _QUOTE_LEAD.match(line):
                first.setdefault(key, address)
            elif not _OTHER_ADDRESS.search(line[: match.start()]):
                others.setdefault(key, address)
    chosen = first or others
    return list(chosen.values())[:MAX_ADDRESSES]


def _chunks(notice: str, addresses: list[str]) -> list[Mention]:
    """Each address with the lines from where it stands to where the next one does."""
    found = {address.lower(): Mention(address=address) for address in addresses}
    current: Mention | None = None
    for line in notice.split("\n"):
        lowered = line.lower()
        named = next((mention for key, mention in found.items() if key in lowered), None)
        current = named or current
        if current is not None:
            current.words.append(line)
    return [mention for mention in found.values() if mention.words]
