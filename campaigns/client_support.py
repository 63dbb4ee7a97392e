"""What mail programs do not show as written: the plain cases, by rule, each with its line and what to do instead.

Facts of 2026 from the makers' documents and caniemail.com: Gmail's supported CSS (developers.google.com/gmail/design),
Outlook for Windows renders with Word. Only what is written in the source is judged; what the MJML compiler makes of it
has its own fall-backs. No pattern reads on behind the next `<`: a rule takes a time that grows with the length alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from campaigns.models import TemplateKind
from campaigns.template_looks import styles
from campaigns.templates import TemplateInput
from relayhub.relay.template_source import Finding, Severity

#: Gmail leaves out every style element once one is longer.
MAX_STYLE = 8192


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One thing that some mail programs do not show."""

    code: str
    pattern: re.Pattern[str]
    message: str
    fix: str


def _rule(code: str, pattern: str, message: str, fix: str) -> Rule:
    return Rule(code=code, pattern=re.compile(pattern, re.IGNORECASE), message=message, fix=fix)


RULES = (
    _rule("client_script", r"<script\b(?![^<>]*ld\+json)", _("No mail program runs scripts."),
          _("Leave it out: it makes mail look like an attack.")),
    _rule("client_form", r"<form\b", _("Gmail and Outlook do not send forms."),
          _("Link to a page that holds the form.")),
    _rule("client_frame", r"<(?:iframe|object|embed)\b", _("Mail programs leave out frames and embedded objects."),
          _("Show a picture that links to it.")),
    _rule("client_video", r"<(?:video|audio)\b", _("Hardly any mail program plays video or sound."),
          _("Show a picture that links to it.")),
    _rule("client_svg", r"<svg\b|\.svg[\"'?)]", _("Gmail and Outlook do not show SVG."), _("Use a PNG.")),
    _rule("client_webp", r"\.(?:webp|avif)[\"'?)]", _("Outlook for Windows does not show WebP or AVIF."),
          _("Use a JPEG or PNG.")),
    _rule("client_data_image", r"src\s*=\s*[\"']data:",
          _("Gmail and Outlook do not show pictures written into the mail."),
          _("Put the picture on a web server.")),
    _rule("client_stylesheet", r"<link\b[^<>]*stylesheet|@import\b",
          _("Gmail and Outlook load no stylesheets or fonts."),
          _("Write the rules into a style element; name a font that everybody has behind yours.")),
    _rule("client_position", r"position\s*:\s*(?:absolute|fixed|sticky)", _("Gmail and Outlook ignore “position”."),
          _("Place it with table cells.")),
    _rule("client_flex", r"display\s*:\s*(?:inline-)?(?:flex|grid)",
          _("Outlook for Windows knows no flex and no grid."),
          _("Place it with table cells or MJML columns.")),
    _rule("client_variable", r"var\(\s*--", _("Gmail and Outlook know no CSS variables."),
          _("Write the value itself.")),
    _rule("client_background", r"background(?:-image)?\s*:[^:;\"'{}]*url\(",
          _("Outlook for Windows shows no background picture."), _("Give a background colour that the text reads on.")),
    _rule("client_relative", r"(?:src|href)\s*=\s*[\"'](?!https?:|mailto:|tel:|sms:|data:|cid:|#|\{\{|\{%|//)[^\"'\s]",
          _("This address leads nowhere from a mail."), _("Write it whole, beginning with https://.")),
    _rule("client_no_alt", r"<(?:mj-image|img)\b(?![^<>]*\balt\s*=)[^<>]*>", _("This picture has no alternative text."),
          _("Say in alt=\"…\" what it shows; alt=\"\" where it only decorates. Many people see mail without"
            " pictures.")),
    _rule("client_no_source",
          r"<(?:mj-image|img|mj-carousel-image)\b(?![^<>]*\ssrc\s*=\s*(?:\"\s*[^\"\s]|'\s*[^'\s]|[^\s\"'>]))"
          r"(?![^<>]*\smj-class\s*=)[^<>]*>",
          _("This picture has no address: its place stays empty."),
          _("Choose one of the library (Insert picture), or write its address into src=\"…\".")),
    _rule("client_no_width", r"<img\b(?![^<>]*\b(?:width|height)\s*=)[^<>]*>",
          _("Outlook for Windows shows this picture in its full size."), _("Give it a width=\"…\" in pixels.")),
)
#: Codes of what no recipient gets as it is written: left out everywhere, taken for an attack, or leading nowhere.
FOR_NOBODY = frozenset({"client_script", "client_form", "client_frame", "client_relative", "client_no_source"})
_MARKDOWN_IMAGE = re.compile(r"!\[\s*\]\(")
_MARKDOWN_NO_SOURCE = re.compile(r"!\[[^\[\]\n]*\]\(\s*\)")
_MARKDOWN_HTML = re.compile(r"</?(?!https?:|mailto:)[a-z][a-z0-9-]*(?:\s[^<>]*)?/?>", re.IGNORECASE)
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
#: Comments, and what MJML only declares for other elements.
_NOT_SHOWN = re.compile(r"<!--|<mj-attributes\b", re.IGNORECASE)
_SHOWN_AGAIN = {"<!--": re.compile("-->"), "<mj-attributes": re.compile(r"</mj-attributes\s*>", re.IGNORECASE)}
#: How many rules there are for each kind; two of HTML's look for what MJML writes for itself.
_MARKDOWN_RULES = 3


def checks_of(kind: str) -> int:
    """How many rules a content of this kind is held to."""
    if kind == TemplateKind.TEXT:
        return 0
    return (_MARKDOWN_RULES if kind == TemplateKind.MARKDOWN else len(RULES)) + 1


def support_findings(content: TemplateInput, html: str | None) -> list[Finding]:
    """The rules that the content breaks, each once, at its first line; `html` is the merged mail."""
    if content.kind == TemplateKind.TEXT:
        return []
    found = list(_in_markdown(content.source) if content.kind == TemplateKind.MARKDOWN else _in_source(content.source))
    if html and any(end - begin > MAX_STYLE for begin, end in styles(html)):
        found.append(_finding("client_long_style", _("Gmail leaves out style elements of more than 8,192 characters."),
                              _("Shorten the styles, or inline them only.")))
    return found


def _in_source(source: str) -> Iterator[Finding]:
    seen = _shown(source)
    for rule in RULES:
        match = rule.pattern.search(seen)
        if match:
            yield _finding(rule.code, rule.message, rule.fix, source, match)


def _shown(source: str) -> str:
    """The source with blanks in the place of what is not shown."""
    pieces: list[str] = []
    never_closed: set[str] = set()
    at = 0
    for opened in _NOT_SHOWN.finditer(source):
        kind = opened[0].lower()
        if opened.start() < at or kind in never_closed:
            continue
        closed = _SHOWN_AGAIN[kind].search(source, opened.end())
        if closed is None:
            never_closed.add(kind)
            continue
        pieces += [source[at : opened.start()], _blanked(source[opened.start() : closed.end()])]
        at = closed.end()
    return "".join([*pieces, source[at:]])


def _in_markdown(source: str) -> Iterator[Finding]:
    seen = _CODE.sub(lambda match: _blanked(match[0]), source)
    if match := _MARKDOWN_IMAGE.search(seen):
        yield _finding("client_no_alt", _("This picture has no alternative text."),
                       _("Write what it shows between the brackets: ![A loaf of rye](…)."), source, match)
    if match := _MARKDOWN_NO_SOURCE.search(seen):
        yield _finding("client_no_source", _("This picture has no address: its place stays empty."),
                       _("Choose one of the library (Insert picture), or write its address between the brackets."),
                       source, match)
    if match := _MARKDOWN_HTML.search(seen):
        yield _finding("markdown_html", _("HTML in Markdown is shown as written."),
                       _("Use Markdown’s own signs, or write the template in HTML."), source, match)


def _blanked(text: str) -> str:
    """The same number of characters and lines, without what they say."""
    return re.sub(r"[^\n]", " ", text)


def _finding(code: str, message: str, fix: str, source: str = "", match: re.Match[str] | None = None) -> Finding:
    return Finding(
        severity=Severity.WARNING, code=code, message=gettext(message), fix=gettext(fix), part="html",
        line=source.count("\n", 0, match.start()) + 1 if match else None,
        name=match[0].split("\n", 1)[0] if match else "",
    )
