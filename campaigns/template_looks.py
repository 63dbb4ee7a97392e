"""How a merged mail looks under other conditions, for previews: in the dark, and with images off.

Dark is shown as mail programs that follow a mail's own dark styles show it (Apple Mail, Outlook for Mac, Thunderbird):
its `prefers-color-scheme` rules are made to apply, nothing else is changed. Programs that recolour by their own
rules (Gmail's apps, Outlook for Windows) keep those to themselves; no preview here pretends to know them.

Patterns stop at the next `<` or bracket, and what is never closed ends the search: each takes a time that grows with
the length of the mail alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_STYLE_OPENS = re.compile(r"<style\b[^<>]*>", re.IGNORECASE)
_STYLE_ENDS = re.compile(r"</style\s*>", re.IGNORECASE)
_WANTS_DARK = re.compile(r"\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.IGNORECASE)
_WANTS_LIGHT = re.compile(r"\(\s*prefers-color-scheme\s*:\s*light\s*\)", re.IGNORECASE)
_META = re.compile(r"<meta\b[^<>]*>", re.IGNORECASE)
_OF_SCHEMES = re.compile(r"\bname\s*=\s*[\"']?(?:supported-)?color-schemes?[\"'\s]", re.IGNORECASE)
_DARK = re.compile(r"\bdark\b", re.IGNORECASE)
_DARK_SCHEME = re.compile(r"color-scheme\s*:[a-z\s]*\bdark\b", re.IGNORECASE)
_HEAD_END = re.compile(r"</head\s*>", re.IGNORECASE)
_IMAGE = re.compile(r"<(?:img|source|image|input)\b[^<>]*>", re.IGNORECASE)
_SOURCE = re.compile(r"(\s(?:src|srcset|xlink:href)\s*=\s*)(?:\"[^\"]*\"|'[^']*'|[^\s>]+)", re.IGNORECASE)
_BACKGROUND = re.compile(r"(\sbackground\s*=\s*)(?:\"[^\"]*\"|'[^']*'|[^\s>]+)", re.IGNORECASE)
_CSS_PICTURE = re.compile(r"url\([^()]*\)", re.IGNORECASE)
#: A picture that cannot be read: the browser shows the alternative text in its place, and fetches nothing.
_NOTHING = '"data:,"'


def styles(html: str) -> Iterator[tuple[int, int]]:
    """Where what its style elements hold begins and ends."""
    at = 0
    while (opened := _STYLE_OPENS.search(html, at)) and (ends := _STYLE_ENDS.search(html, opened.end())):
        yield opened.end(), ends.start()
        at = ends.end()


def has_dark_styles(html: str) -> bool:
    """Whether the mail says itself how it looks in the dark."""
    return any(_WANTS_DARK.search(html, begin, end) for begin, end in styles(html))


def in_the_dark(html: str) -> str:
    """The mail with its own dark rules applied; unchanged where it has none."""
    return _in_scheme(html, applies=_WANTS_DARK, rests=_WANTS_LIGHT, scheme="dark")


def in_the_light(html: str) -> str:
    """The mail with its dark rules at rest, whatever the person's own screen is set to."""
    return _in_scheme(html, applies=_WANTS_LIGHT, rests=_WANTS_DARK, scheme="light")


def _in_scheme(html: str, *, applies: re.Pattern[str], rests: re.Pattern[str], scheme: str) -> str:
    shown = _with_styles(html, lambda css: applies.sub("(min-width: 0px)", rests.sub("(max-width: 0px)", css)))
    if not _declares_dark(html):
        return shown
    # What names no colour gets those of the browser, as it would there.
    style = f"<style>:root {{ color-scheme: {scheme} !important; }}</style>"
    end = _HEAD_END.search(shown)
    return shown[: end.start()] + style + shown[end.start() :] if end else style + shown


def _declares_dark(html: str) -> bool:
    of_schemes = (tag[0] for tag in _META.finditer(html) if _OF_SCHEMES.search(tag[0]))
    return any(_DARK.search(tag) for tag in of_schemes) or bool(_DARK_SCHEME.search(html))


def _with_styles(html: str, change: Callable[[str], str]) -> str:
    pieces: list[str] = []
    kept = 0
    for begin, end in styles(html):
        pieces += [html[kept:begin], change(html[begin:end])]
        kept = end
    return "".join([*pieces, html[kept:]])


def without_images(html: str) -> str:
    """The mail as it looks where pictures are not loaded: their alternative texts, no backgrounds."""
    html = _IMAGE.sub(lambda match: _SOURCE.sub(lambda part: part[1] + _NOTHING, match[0]), html)
    return _CSS_PICTURE.sub("none", _BACKGROUND.sub(lambda part: part[1] + _NOTHING, html))
