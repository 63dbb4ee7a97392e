"""Compile a broadcast's content once: MJML to HTML, styles inlined, footer, links, pixel, text.

What comes out is plain JSON (stored as Content of the format `compiled`) that every worker can load; see
`broadcast_content` for how it becomes bytes. Merge tags survive because they are hidden from the HTML
parser, which would move them out of tables. Nothing is ever fetched.
"""

from __future__ import annotations

import html as html_entities
import json
import re
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Any

from relayhub.core.errors import PrepareError
from relayhub.protocol.links import Link, LinkNumbers, add_open_pixel, html_to_text, rewrite_html, rewrite_text
from relayhub.relay import markdown_mail
from relayhub.relay.brand import Brand
from relayhub.relay.engine_words import of_mjml
from relayhub.relay.template_source import tags, with_tags, word_for_tags

FORMAT_VERSION = 1
#: Names under which prepare() fills in tracked links and the pixel.
LINK_FIELD = "rh_link_"
OPEN_FIELD = "rh_open_url"
_UNSUBSCRIBE = re.compile(r"\{\{-?\s*unsubscribe_url\b")
_BODY_END = re.compile(r"</body\s*>", re.IGNORECASE)
_POSITION = re.compile(r"\s*at position (\d+)(?::\d+)?")
_ELEMENT = re.compile(r"<[a-zA-Z]")
MAX_ELEMENTS = 5000
MAX_MJML_ELEMENTS = 3000  # each container becomes several elements of HTML
_MJML_CONTAINER = re.compile(r"<mj-(?:wrapper|section|group|column|hero|body)\b", re.IGNORECASE)
MAX_CONTAINERS = 400
_LOCAL_ONLY = re.compile(r"<mj-include\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A template version as written."""

    kind: str  # html, mjml, markdown, text
    subject: str
    source: str
    text: str = ""
    preheader: str = ""
    #: The shell of Markdown is made in it.
    brand: Brand = field(default_factory=Brand)


@dataclass(frozen=True, kw_only=True)
class Footer:
    """What the law and the receivers want under bulk mail; added where content has no unsubscribe link."""

    company: str = ""
    postal_address: str = ""
    html: str = ""


@dataclass(frozen=True, kw_only=True)
class CompiledSource:
    """Ready parts with merge tags still in them, and the links by number (from 1)."""

    subject: str
    html: str | None
    text: str | None
    links: tuple[str, ...] = ()
    from_header: str = ""
    reply_to: str = ""
    #: {"label", "domain", "name"} of List-Id, or None.
    list_identity: dict[str, str] | None = None
    #: For Feedback-ID: {"campaign", "customer", "mail_type", "sender"}.
    feedback: dict[str, str] | None = None
    #: `workspace` and `campaign` as templates see them.
    shared: dict[str, Any] = field(default_factory=dict)
    is_tracking_opens: bool = False
    is_tracking_clicks: bool = False

    def dump(self) -> bytes:
        """The stored form."""
        return json.dumps({"version": FORMAT_VERSION, **asdict(self)}, ensure_ascii=False).encode()

    @classmethod
    def load(cls, data: bytes) -> CompiledSource:
        """Read the stored form; PrepareError where it is of a newer version."""
        values = json.loads(data)
        if values.pop("version", None) != FORMAT_VERSION:
            raise PrepareError("This content was compiled by a newer version.", temporary=True)
        values["links"] = tuple(values["links"])
        return cls(**values)


@lru_cache(maxsize=32)
def to_html(source: Source) -> str | None:
    """HTML with styles inlined, None for plain text; PrepareError for what cannot be read.

    Kept for the next who asks: a check, its preview and each single message of a template ask for the same.
    """
    if source.kind == "text" or not source.source.strip():
        return None
    written = _written(source)
    hidden, restore = _hide_tags(_with_preheader(written, source.preheader))
    import css_inline  # here, not above: workers load this module and never inline

    inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True, keep_link_tags=True)
    try:
        inlined = inliner.inline(hidden)
    except css_inline.InlineError as exc:
        raise PrepareError(f"The styles cannot be inlined: “{exc}”.", temporary=False, code="css_failed") from exc
    return str(restore(inlined))


def _written(source: Source) -> str:
    """The source as HTML, styles in its head."""
    if source.kind == "markdown":
        made = markdown_mail.to_html(source.source, source.brand)
        _check_elements(replace(source, kind="html", source=made))
        return made
    _check_elements(source)
    return _from_mjml(source.source) if source.kind == "mjml" else source.source


def _check_elements(source: Source) -> None:
    """PrepareError for more elements than the parsers can have inside one another: they recurse, to the process's end.

    All are counted, wherever they stand: a count by depth could be deceived by quotes and comments.
    """
    most = MAX_MJML_ELEMENTS if source.kind == "mjml" else MAX_ELEMENTS
    if len(_ELEMENT.findall(source.source)) > most:
        raise PrepareError(f"The template has more than {most:,} elements.", temporary=False,
                           code="too_many_elements")
    if source.kind == "mjml" and len(_MJML_CONTAINER.findall(source.source)) > MAX_CONTAINERS:
        raise PrepareError(f"The template has more than {MAX_CONTAINERS} wrappers, sections, groups and columns.",
                           temporary=False, code="too_many_elements")


def to_text(source: Source, html: str | None) -> str | None:
    """The plain text as written, else derived from the HTML."""
    if source.kind == "text":
        return source.source or source.text
    if source.text.strip():
        return source.text
    return derived_text(html) if html else None


def derived_text(html: str) -> str:
    """Readable text of HTML; merge tags stay as they are."""
    hidden, restore = _hide_tags(html, is_text=True)
    # Nested tables, of which mails are made, would push every line to the right.
    lines = [line.strip() for line in html_to_text(hidden).split("\n")]
    return str(restore("\n".join(lines))).strip() + "\n"


def has_unsubscribe_link(*sources: str) -> bool:
    """Whether any of the sources holds `{{ unsubscribe_url }}`."""
    return any(_UNSUBSCRIBE.search(source) for source in sources)


def with_footer(html: str | None, text: str | None, footer: Footer) -> tuple[str | None, str | None]:
    """Both parts with the footer, each where it lacks an unsubscribe link."""
    if html is not None and not has_unsubscribe_link(html):
        block = _footer_html(footer)
        match = _BODY_END.search(html)
        html = html[: match.start()] + block + html[match.start() :] if match else html + block
    if text is not None and not has_unsubscribe_link(text):
        text = text.rstrip("\n") + _footer_text(footer)
    return html, text


def with_tracking(
    html: str | None, text: str | None, *, opens: bool, clicks: bool
) -> tuple[str | None, str | None, tuple[str, ...]]:
    """Links replaced by slots of their number, and the pixel; links with merge tags are left alone."""
    numbers = LinkNumbers()

    def replace(link: Link) -> str | None:
        return None if link.is_dynamic else "{{ " + f"{LINK_FIELD}{link.number}" + " }}"

    links: tuple[str, ...] = ()
    if clicks:
        if html is not None:
            rewritten = rewrite_html(html, replace, numbers=numbers)
            html, links = rewritten.content, rewritten.links
        if text is not None:
            rewritten = rewrite_text(text, replace, numbers=numbers)
            text, links = rewritten.content, rewritten.links
    if opens and html is not None:
        html = add_open_pixel(html, "{{ " + OPEN_FIELD + " }}")
    return html, text, links


def compile_source(source: Source, footer: Footer | None, *, opens: bool, clicks: bool) -> CompiledSource:
    """Everything but who it is from; the caller adds that with `dataclasses.replace`."""
    html = to_html(source)
    text = to_text(source, html)
    if footer is not None:
        html, text = with_footer(html, text, footer)
    html, text, links = with_tracking(html, text, opens=opens, clicks=clicks)
    return CompiledSource(
        subject=source.subject, html=html, text=text, links=links, is_tracking_opens=opens,
        is_tracking_clicks=clicks,
    )


def _from_mjml(source: str) -> str:
    if _LOCAL_ONLY.search(source):
        raise PrepareError("mj-include is not available; put the part into this template.", temporary=False,
                           code="mjml_include")
    from mjml import mjml2html  # as above; no fonts: it would have every reader fetch known ones from Google

    hidden, restore = _hide_tags(source)
    try:
        return str(restore(str(mjml2html(hidden, fonts={}))))
    except ValueError as exc:
        raise PrepareError(_mjml_words(str(exc), hidden), temporary=False, code="mjml_failed") from exc


def _mjml_words(said: str, source: str) -> str:
    """What the MJML parser said, for people: with the line instead of a byte position."""
    reason = said.replace(" in root template", "").rstrip(".")
    place = _POSITION.search(reason)
    where = ""
    if place:
        where = f" in line {source.encode()[: int(place[1])].count(10) + 1}"
        reason = reason[: place.start()].rstrip()
    return f"The MJML is not well-formed{where}: {of_mjml(reason, source)}."


def _with_preheader(html: str, preheader: str) -> str:
    if not preheader:
        return html
    block = (
        '<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">'
        f"{html_entities.escape(preheader, quote=False)}</div>"
    )
    match = re.search(r"<body[^<>]*>", html, re.IGNORECASE)
    return html[: match.end()] + block + html[match.end() :] if match else block + html


def _hide_tags(source: str, *, is_text: bool = False) -> tuple[str, Any]:
    """The source with merge tags as inert marks, and the function that brings them back.

    Between elements a statement becomes a comment, which no parser moves; elsewhere a plain word.
    """
    found: list[str] = []
    pieces: list[str] = []
    inside: set[str] = set()
    begin, end, in_element = word_for_tags(source), 0, False
    for tag in tags(source):
        before = source[end : tag.start]
        pieces.append(before)
        opened, closed = before.rfind("<"), before.rfind(">")
        in_element = opened > closed if max(opened, closed) >= 0 else in_element
        word = f"{begin}{len(found)}x"
        if in_element:
            inside.add(word)
        pieces.append(word if tag.is_output or in_element or is_text else f"<!--{word}-->")
        found.append(tag.source)
        end = tag.end
    hidden = "".join(pieces) + source[end:]

    def restore(text: str) -> str:
        text = re.sub(rf"<!--({begin}\d+x)-->", r"\1", text)
        # Parsers give a word that stands among attributes an empty value.
        text = re.sub(rf'({begin}\d+x)=""', lambda match: match[1] if match[1] in inside else match[0], text)
        return with_tags(text, begin, found)

    return hidden, restore


def _footer_html(footer: Footer) -> str:
    if footer.html:
        return footer.html
    lines = [part for part in (footer.company, *footer.postal_address.splitlines()) if part.strip()]
    who = "<br>".join(html_entities.escape(line.strip()) for line in lines)
    return (
        '<div class="rh-footer" style="margin:32px 0 0;padding:16px;'
        'font:12px/18px sans-serif;color:#6b6b6b;text-align:center">'
        f'{who}{"<br>" if who else ""}'
        '<a href="{{ unsubscribe_url }}" style="color:#6b6b6b">Unsubscribe</a></div>'
    )


def _footer_text(footer: Footer) -> str:
    lines = [part.strip() for part in (footer.company, *footer.postal_address.splitlines()) if part.strip()]
    return "\n\n-- \n" + "\n".join([*lines, "Unsubscribe: {{ unsubscribe_url }}"]) + "\n"
