"""Markdown as mail: CommonMark with tables and strike-through, in a shell of tables that mail programs keep in shape.

HTML is not passed through but shown as written: whatever is typed, the shell stays whole. A link alone in its
paragraph whose title is "button" becomes one: `[Order](https://example.com/ "button")`. Merge tags are hidden from
the parser as words; a statement alone on its line ({% if %}, {% for %}) stands outside the paragraphs around it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from relayhub.core.errors import PrepareError
from relayhub.relay.brand import DARK_PAPER, Brand
from relayhub.relay.template_source import tags, with_tags, word_for_tags

#: Characters; three times what a mail may have before Gmail clips it, and quick to read.
MAX_SOURCE = 300_000


def to_html(source: str, brand: Brand) -> str:
    """The whole mail as HTML, merge tags still in it, styles in its head; PrepareError where it is too long."""
    if len(source) > MAX_SOURCE:
        raise PrepareError(f"Markdown has up to {MAX_SOURCE:,} characters.", temporary=False, code="too_long")
    found = list(tags(source))
    begin = word_for_tags(source)
    word = re.compile(rf"{begin}(\d+)x")
    pieces, end = [], 0
    for number, tag in enumerate(found):
        pieces += [source[end : tag.start], f"{begin}{number}x"]
        end = tag.end
    hidden = "".join([*pieces, source[end:]])
    statements = {str(number) for number, tag in enumerate(found) if not tag.is_output}

    def apart(match: re.Match[str]) -> str:
        alone = set(word.findall(match[0])) <= statements
        return f"\n\n{match[0].strip()}\n\n" if alone else match[0]

    body = _engine().render(re.sub(rf"(?m)^[ \t]*(?:{begin}\d+x[ \t]*)+$", apart, hidden))
    body = re.sub(rf"<p>((?:{begin}\d+x\s*)+)</p>",
                  lambda m: m[1] if set(word.findall(m[1])) <= statements else m[0], body)
    return with_tags(_shell(body, brand), begin, [tag.source for tag in found])


@lru_cache(maxsize=1)
def _engine() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    made.core.ruler.push("buttons", _mark_buttons)
    made.add_render_rule("button", _button)
    made.add_render_rule("table_open", lambda *_: '<table class="rh-data" width="100%" cellspacing="0">\n')
    return made


def _mark_buttons(state: Any) -> None:
    """Turn paragraphs that hold one link with the title "button" into buttons."""
    out: list[Token] = []
    tokens: list[Token] = state.tokens
    at = 0
    while at < len(tokens):
        children = tokens[at + 1].children or [] if tokens[at].type == "paragraph_open" else []
        first = children[0] if children else None
        if (first is not None and first.type == "link_open" and children[-1].type == "link_close"
                and str(first.attrGet("title") or "").lower() == "button"
                and sum(child.type == "link_open" for child in children) == 1):
            made = Token("button", "", 0, block=True, children=children[1:-1])
            made.attrSet("href", str(first.attrGet("href")))
            out.append(made)
            at += 3
            continue
        out.append(tokens[at])
        at += 1
    state.tokens = out


def _button(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    label = self.renderInline(token.children or [], options, env)
    return (
        '<table class="rh-button" role="presentation" cellspacing="0" cellpadding="0" border="0"><tr><td>'
        f'<a href="{escape(str(token.attrGet("href")))}">{label}</a></td></tr></table>\n'
    )


# -- the shell -----------------------------------------------------------------------------------------------

_HEAD = (
    '<!doctype html>\n<html lang="und" dir="auto"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
    '<meta name="format-detection" content="telephone=no, date=no, address=no"><title></title>\n'
)


@lru_cache(maxsize=1)
def _style() -> str:
    """Rules that the compiler inlines, and media queries that stay in the head."""
    return Path(__file__).with_name("markdown_shell.css").read_text(encoding="utf-8").split("*/\n", 1)[1]


def _shell(body: str, brand: Brand) -> str:
    values = {"colour": brand.colour, "on_colour": brand.on_colour, "link": brand.link, "dark_link": brand.dark_link,
              "font": brand.font_stack, "paper": DARK_PAPER}
    style = re.sub(r"@(colour|on_colour|link|dark_link|font|paper)@", lambda m: values[m[1]], _style())
    name = "{{ workspace.company|default(workspace.name) }}"
    head = f'<img src="{escape(brand.logo_url)}" alt="{name}" height="40">' if brand.logo_url else name
    return (
        f'{_HEAD}<style>{style}</style></head>\n<body class="rh-page">\n'
        '<table class="rh-page" role="presentation" width="100%" cellspacing="0" cellpadding="0" border="0"><tr>'
        '<td class="rh-space" align="center">\n'
        '<table class="rh-card" role="presentation" width="600" cellspacing="0" cellpadding="0" border="0">\n'
        f'<tr><td class="rh-head">{head}</td></tr>\n<tr><td class="rh-body">\n{body}</td></tr></table>\n'
        "</td></tr></table>\n</body></html>\n"
    )
