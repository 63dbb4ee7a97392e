"""How a merged mail looks under other conditions, for previews: in the dark, and with images off.

Dark is shown as mail programs that follow a mail's own dark styles show it (Apple Mail, Outlook for Mac, Thunderbird):
its `prefers-color-scheme` rules are made to apply, nothing else is changed. Programs that recolour by their own
rules (Gmail's apps, Outlook for Windows) keep those to themselves; no preview here pretends to know them.
"""

from __future__ import annotations

import re

_STYLE = re.compile(r"(<style\b[^>]*>)(.*?)(</style\s*>)", re.IGNORECASE | re.DOTALL)
_WANTS_DARK = re.compile(r"\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.IGNORECASE)
_WANTS_LIGHT = re.compile(r"\(\s*prefers-color-scheme\s*:\s*light\s*\)", re.IGNORECASE)
_DECLARES = re.compile(
    r"<meta\b[^>]*name\s*=\s*[\"']?(?:supported-)?color-schemes?[\"'\s][^>]*\bdark\b"
    r"|color-scheme\s*:\s*[a-z ]*\bdark\b",
    re.IGNORECASE,
)
_HEAD_END = re.compile(r"</head\s*>", re.IGNORECASE)
_IMAGE = re.compile(r"<(?:img|source|image|input)\b[^>]*>", re.IGNORECASE)
_SOURCE = re.compile(r"(\s(?:src|srcset|xlink:href)\s*=\s*)(?:\"[^\"]*\"|'[^']*'|[^\s>]+)", re.IGNORECASE)
_BACKGROUND = re.compile(r"(\sbackground\s*=\s*)(?:\"[^\"]*\"|'[^']*'|[^\s>]+)", re.IGNORECASE)
_CSS_PICTURE = re.compile(r"url\(\s*(?:&quot;|\"|')?[^)]*\)", re.IGNORECASE)
#: A picture that cannot be read: the browser shows the alternative text in its place, and fetches nothing.
_NOTHING = '"data:,"'


def has_dark_styles(html: str) -> bool:
    """Whether the mail says itself how it looks in the dark."""
    return any(_WANTS_DARK.search(match[2]) for match in _STYLE.finditer(html))


def in_the_dark(html: str) -> str:
    """The mail with its own dark rules applied; unchanged where it has none."""
    return _in_scheme(html, applies=_WANTS_DARK, rests=_WANTS_LIGHT, scheme="dark")


def in_the_light(html: str) -> str:
    """The mail with its dark rules at rest, whatever the person's own screen is set to."""
    return _in_scheme(html, applies=_WANTS_LIGHT, rests=_WANTS_DARK, scheme="light")


def _in_scheme(html: str, *, applies: re.Pattern[str], rests: re.Pattern[str], scheme: str) -> str:
    def applied(match: re.Match[str]) -> str:
        css = applies.sub("(min-width: 0px)", rests.sub("(max-width: 0px)", match[2]))
        return match[1] + css + match[3]

    shown = _STYLE.sub(applied, html)
    if not _DECLARES.search(html):
        return shown
    # What names no colour gets those of the browser, as it would there.
    style = f"<style>:root {{ color-scheme: {scheme} !important; }}</style>"
    end = _HEAD_END.search(shown)
    return shown[: end.start()] + style + shown[end.start() :] if end else style + shown


def without_images(html: str) -> str:
    """The mail as it looks where pictures are not loaded: their alternative texts, no backgrounds."""
    html = _IMAGE.sub(lambda match: _SOURCE.sub(lambda part: part[1] + _NOTHING, match[0]), html)
    return _CSS_PICTURE.sub("none", _BACKGROUND.sub(lambda part: part[1] + _NOTHING, html))
