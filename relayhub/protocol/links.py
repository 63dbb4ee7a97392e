"""Links in mail: find, number and rewrite them; add the open pixel; make text of HTML.

What is not a counted link stays byte for byte: the document is never parsed and written
again, which would break template tags and mail clients' oddities. This module must never
fetch anything. HTML Living Standard §13.1.2.3 (attributes), RFC 3986.
"""

from __future__ import annotations

import html as html_entities
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MAX_ATTRIBUTE = 16_384  # longer is no link; also bounds the work on quotes that never close
MAX_TAG = 65_536
MAX_BROKEN_TAGS = 1000  # a document with more of them that never end is left alone from there on
_TAG_OPENS = re.compile(r"<(?:(?P<skip>style|script)\b|(?:a|area)(?=[\s/]))", re.IGNORECASE)
_ATTRIBUTES = re.compile(rf"(?:[^>\"']++|\"[^\"]{{0,{MAX_ATTRIBUTE}}}+\"|'[^']{{0,{MAX_ATTRIBUTE}}}+')*+(?=>)")
_SKIPPED_ENDS = {name: re.compile(rf"</{name}\s*>", re.IGNORECASE) for name in ("style", "script")}
_ATTRIBUTE = re.compile(
    r"(?P<name>[^\s\"'>/=]++)(?:\s*+=\s*+(?:\"(?P<double>[^\"]*+)\"|'(?P<single>[^']*+)'|(?P<bare>[^\s\"'>]++)))?"
)
_WEB = re.compile(r"https?://", re.IGNORECASE)
# Square brackets stand unescaped only around IPv6 hosts (RFC 3986 §3.2.2); in text they begin the next `[text](url)`.
_TEXT_URL = re.compile(r"https?://(?:\{\{[^{}]*+\}\}|[^\s<>\"'\u200b\[\]{}])+", re.IGNORECASE)
_TEMPLATE = re.compile(r"\{\{|\{%")
_BODY_END = re.compile(r"</body\s*>", re.IGNORECASE)
_TRAILING = ".,;:!?"
NO_TRACK = "data-rh-no-track"


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """One place a link stands; equal URLs share a number."""

    number: int
    url: str  #: entities decoded
    is_dynamic: bool  #: holds template tags, so the real target is known per recipient only


@dataclass(frozen=True, kw_only=True, slots=True)
class Rewritten:
    """A document after rewriting, and its distinct links: `links[0]` has the first number."""

    content: str
    links: tuple[str, ...]


#: Gets a link, gives the URL to put in its place, or None to leave it.
Replace = Callable[[Link], str | None]


class LinkNumbers:
    """Numbers for distinct URLs from 1, shared between the HTML and the text of one message."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def link(self, url: str) -> Link:
        """The link for a URL, with its old number where it was seen before."""
        number = self._numbers.setdefault(url, len(self._numbers) + 1)
        return Link(number=number, url=url, is_dynamic=bool(_TEMPLATE.search(url)))

    def urls(self) -> tuple[str, ...]:
        """Distinct URLs in the order of their numbers."""
        return tuple(self._numbers)


def rewrite_html(html: str, replace: Replace, *, numbers: LinkNumbers | None = None) -> Rewritten:
    """Give every web link of `a` and `area` to `replace`.

    http and https only, and links that are nothing but a template slot; mailto, tel, anchors,
    links marked data-rh-no-track, style and script stay. A replacement is escaped for the
    attribute, unless it holds template tags, whose output the template engine escapes.
    """
    numbers = numbers or LinkNumbers()

    pieces: list[str] = []
    kept = 0
    for start, end in _link_attributes(html):
        pieces += [html[kept:start], _rewrite_attributes(html[start:end], replace, numbers)]
        kept = end
    return Rewritten(content="".join([*pieces, html[kept:]]), links=numbers.urls())


def _link_attributes(html: str) -> Iterator[tuple[int, int]]:
    """Where the attributes of each `a` and `area` stand, style and script left out; linear in the document."""
    at, broken, last_end = 0, 0, html.rfind(">")
    endless: set[str] = set()
    while broken < MAX_BROKEN_TAGS and (opened := _TAG_OPENS.search(html, at)) is not None:
        at = opened.end()
        if at > last_end:
            return
        skipped = (opened["skip"] or "").lower()
        if not skipped:
            found = _ATTRIBUTES.match(html, at, at + MAX_TAG)
            if found is None:
                broken += 1
            else:
                at = found.end()
                yield found.span()
        elif skipped not in endless:
            closed = _SKIPPED_ENDS[skipped].search(html, html.find(">", at) + 1)
            if closed is None:
                endless.add(skipped)
            else:
                at = closed.end()


def _rewrite_attributes(attributes: str, replace: Replace, numbers: LinkNumbers) -> str:
    href: re.Match[str] | None = None
    for found in _ATTRIBUTE.finditer(attributes):
        name = found["name"].lower()
        if name == NO_TRACK:
            return attributes
        if name == "href" and href is None:
            href = found
    if href is None:
        return attributes
    group = next((name for name in ("double", "single", "bare") if href[name] is not None), None)
    if group is None:
        return attributes
    url = html_entities.unescape(href[group]).strip()
    if not _is_counted(url):
        return attributes
    target = replace(numbers.link(url))
    if target is None:
        return attributes
    if not _TEMPLATE.search(target):
        target = html_entities.escape(target, quote=True)
    start, end = href.span(group)
    if group == "bare":
        target = f'"{target}"'
    return attributes[:start] + target + attributes[end:]


def _is_counted(url: str) -> bool:
    return bool(_WEB.match(url)) or url.startswith("{{")


def rewrite_text(text: str, replace: Replace, *, numbers: LinkNumbers | None = None) -> Rewritten:
    """Give every web address in plain text to `replace`; punctuation that ends a sentence stays out."""
    numbers = numbers or LinkNumbers()

    def rewrite_url(match: re.Match[str]) -> str:
        url = match[0].rstrip(_TRAILING)
        if url.endswith(")") and url.count("(") < url.count(")"):
            url = url[:-1].rstrip(_TRAILING)
        target = replace(numbers.link(url))
        return match[0] if target is None else target + match[0][len(url) :]

    return Rewritten(content=_TEXT_URL.sub(rewrite_url, text), links=numbers.urls())


def collect_links(html: str) -> tuple[str, ...]:
    """The distinct web links of a document, in the order of their numbers."""
    return rewrite_html(html, lambda _: None).links


def add_open_pixel(html: str, url: str) -> str:
    """Put the open pixel before the last `</body>`, or at the end. url may be a template slot."""
    target = url if _TEMPLATE.search(url) else html_entities.escape(url, quote=True)
    pixel = (
        f'<img src="{target}" width="1" height="1" alt="" border="0" '
        'style="display:block;width:1px;height:1px;border:0">'
    )
    position = len(html)
    for match in _BODY_END.finditer(html):
        position = match.start()
    return html[:position] + pixel + html[position:]


def html_to_text(html: str) -> str:
    """Readable text with links as `[text](url)`. Slow (a millisecond): at publish time only."""
    if not html.strip():
        return ""
    from inscriptis import get_text  # here, not above: with lxml it takes 4 MB of every process
    from inscriptis.model.config import ParserConfig

    lines = [line.rstrip() for line in str(get_text(html, ParserConfig(display_links=True))).splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n") + "\n"
