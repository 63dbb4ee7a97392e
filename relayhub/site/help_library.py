"""The documents of `relayhub/docs` as pages: rendered once, every heading and every term with an anchor, searchable.

Markdown is ours, yet HTML in it is shown and not run. Links between documents (`glossary.md#hold`) become links
between pages, so that the files read the same in a repository.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from django.conf import settings
from django.urls import reverse
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from markdown_it import MarkdownIt
from markdown_it.token import Token

GLOSSARY = "glossary"
#: In the order of the list; the second part is reference. A document that is not named here is not shown.
TASKS = (
    "verify-a-domain", "go-live", "import-contacts", "find-contacts", "build-a-mail", "write-a-template",
    "first-campaign", "hand-in-mail", "read-a-bounce", "people-and-safety",
)
REFERENCE = (GLOSSARY, "flow", "operating", "specifications")
_SNIPPET = 180
_MAX_FOUND = 40
_LINK = re.compile(r"([a-z-]+)\.md(#[\w-]+)?")


@dataclass(frozen=True, kw_only=True)
class Section:
    """What a search finds: a heading with its text, or a term with its sentence."""

    slug: str
    anchor: str
    title: str
    document: str
    text: str

    @property
    def url(self) -> str:
        """Where it stands."""
        address = reverse("help-page", args=[self.slug])
        return f"{address}#{self.anchor}" if self.anchor else address


@dataclass(frozen=True, kw_only=True)
class Document:
    """One rendered document."""

    slug: str
    title: str
    summary: str
    html: SafeString
    headings: Sequence[tuple[str, str]]
    sections: Sequence[Section] = field(repr=False)

    @property
    def url(self) -> str:
        """Its page."""
        return reverse("help-page", args=[self.slug])


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A section with the words around the first match, marked."""

    section: Section
    snippet: SafeString


@lru_cache(maxsize=1)
def library() -> dict[str, Document]:
    """Every document by its slug, in order."""
    folder = Path(settings.BASE_DIR) / "relayhub" / "docs"
    return {slug: _read(slug, (folder / f"{slug}.md").read_text(encoding="utf-8")) for slug in (*TASKS, *REFERENCE)}


def search(words: str) -> list[Hit]:
    """Sections that hold every word, those with the words in their title first; [] for nothing asked."""
    wanted = words.casefold().split()[:8]
    if not wanted:
        return []
    found = [
        section for document in library().values() for section in document.sections
        if all(word in f"{section.title} {section.text}".casefold() for word in wanted)
    ]
    found.sort(key=lambda section: -_weight(section, wanted))
    return [Hit(section=section, snippet=_snippet(section.text, wanted)) for section in found[:_MAX_FOUND]]


def _weight(section: Section, wanted: list[str]) -> int:
    title = section.title.casefold()
    exact = 4 if title == " ".join(wanted) else 0
    return exact + sum(2 for word in wanted if word in title) + (1 if section.slug in TASKS else 0)


def _snippet(text: str, wanted: list[str]) -> SafeString:
    lowered = text.casefold()
    first = min((lowered.find(word) for word in wanted if word in lowered), default=0)
    start = text.rfind(" ", 0, max(0, first - 50)) + 1
    part = text[start : start + _SNIPPET]
    if start + _SNIPPET < len(text):
        part = part.rpartition(" ")[0] or part
    shown = ("…" if start else "") + part + ("…" if start + _SNIPPET < len(text) else "")
    pattern = re.compile("|".join(re.escape(word) for word in sorted(wanted, key=len, reverse=True)), re.IGNORECASE)
    pieces, end = [], 0
    for match in pattern.finditer(shown):
        pieces += [conditional_escape(shown[end : match.start()]), "<mark>", conditional_escape(match[0]), "</mark>"]
        end = match.end()
    return mark_safe("".join(map(str, [*pieces, conditional_escape(shown[end:])])))


# -- rendering -----------------------------------------------------------------------------------------------
def _markdown() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False}).enable("table")
    # What scrolls inside itself can be reached by keyboard.
    made.add_render_rule("table_open", lambda *_: '<div class="rh-scroll" tabindex="0"><table>\n')
    made.add_render_rule("table_close", lambda *_: "</table></div>\n")
    made.add_render_rule("fence", _code)
    return made


def _code(_: object, tokens: Sequence[Token], index: int, *__: object) -> str:
    return f'<pre tabindex="0"><code>{conditional_escape(tokens[index].content)}</code></pre>\n'


def _read(slug: str, source: str) -> Document:
    engine = _markdown()
    tokens = engine.parse(source)
    title = tokens[1].content
    body = tokens[3:]
    headings = list(_anchored(body))
    if slug == GLOSSARY:
        _anchor_terms(body)
    _relink(body)
    summary = body[1].content if len(body) > 1 and body[0].type == "paragraph_open" else ""
    return Document(
        slug=slug, title=title, summary=_first_sentence(_plain_text(summary)), headings=headings,
        html=mark_safe(engine.renderer.render(body, engine.options, {})),
        sections=list(_sections(slug, title, body)),
    )


def _anchored(tokens: list[Token]) -> Iterator[tuple[str, str]]:
    """Give each heading an id; (id, text) of those below the title."""
    for opened, inline in _pairs(tokens):
        if opened.type == "heading_open":
            anchor = slugify(inline.content)
            opened.attrSet("id", anchor)
            yield anchor, _plain_text(inline.content)


def _pairs(tokens: Sequence[Token]) -> Iterator[tuple[Token, Token]]:
    return pairwise(tokens)


def _anchor_terms(tokens: list[Token]) -> None:
    """Give each word of the glossary an id, where it stands in bold."""
    seen: set[str] = set()
    for token in tokens:
        for opened, text in _pairs(token.children or []):
            anchor = slugify(text.content)
            if opened.type == "strong_open" and anchor and anchor not in seen:
                seen.add(anchor)
                opened.attrSet("id", anchor)


def _relink(tokens: Iterable[Token]) -> None:
    for token in tokens:
        for child in token.children or []:
            match = _LINK.fullmatch(str(child.attrGet("href") or "")) if child.type == "link_open" else None
            if match:
                child.attrSet("href", f"{reverse('help-page', args=[match[1]])}{match[2] or ''}")


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.?])\s+(?=[A-Z])", text, maxsplit=1)[0]


def _plain_text(markdown: str) -> str:
    """Markdown's text without its marks."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return " ".join(re.sub(r"\*\*|(?<![\w*])\*|\*(?![\w*])|`", "", text).split())


def _sections(slug: str, title: str, tokens: list[Token]) -> Iterator[Section]:
    """The text below each heading; in the glossary each row of the table by itself."""
    anchor, heading, texts = "", title, list[str]()
    row: list[str] = []
    is_term = False
    for opened, inline in _pairs([*tokens, tokens[-1]]):
        if opened.type == "heading_open":
            yield Section(slug=slug, anchor=anchor, title=heading, document=title, text=" ".join(texts))
            anchor, heading, texts = str(opened.attrGet("id")), _plain_text(inline.content), []
        elif opened.type == "inline" and slug == GLOSSARY and opened.level > 3:
            is_term = is_term if row else any(child.type == "strong_open" for child in opened.children or [])
            row.append(_plain_text(opened.content))
        elif opened.type == "inline" and _plain_text(opened.content) != heading:
            texts.append(_plain_text(opened.content))
        elif opened.type == "tr_close" and row:
            if is_term:
                yield Section(slug=slug, anchor=slugify(row[0]), title=row[0], document=title, text=row[1])
            else:
                texts.append(": ".join(cell for cell in row if cell))
            row = []
    yield Section(slug=slug, anchor=anchor, title=heading, document=title, text=" ".join(texts))
