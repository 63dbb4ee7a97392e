"""Where in the mail people clicked: the mail as it went out, each link with its count and share.

The counts are written into the compiled content (whose links are numbered slots) before it is merged for somebody
invented, so the map shows exactly what was counted. Links lead nowhere, and no pixel is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.utils.html import escape, strip_tags
from django.utils.translation import gettext as _

from campaigns import stats, templates
from campaigns.models import Broadcast
from relayhub.core import formats
from relayhub.core.errors import PrepareError
from relayhub.relay import rendering
from relayhub.relay.compiled import LINK_FIELD, OPEN_FIELD, CompiledSource
from relayhub.relay.models import Content, Message

_SLOT = re.compile(r"\{\{ " + LINK_FIELD + r"(\d+) \}\}")
_UNSEEN = re.compile(r"<(style|head|script|title)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_BLOCK_END = re.compile(r"</(?:p|h[1-6]|li|td|div|tr|blockquote)\s*>|<(?:br|hr)\b", re.IGNORECASE)
#: The picture that counts openings is not seen.
_PICTURE = re.compile(r"<img\b(?![^>]*" + OPEN_FIELD + ")", re.IGNORECASE)
_HEAD_END = re.compile(r"</head\s*>", re.IGNORECASE)
#: Marks stand in the mail itself, before the words of a link and over a picture, so that they hide none; its own
#: colours are not ours: light on dark whatever is behind.
_STYLE = """<style>
a[data-rh-link]{position:relative;margin-inline:3px;outline:2px solid #0b6272;outline-offset:2px;pointer-events:none}
a[data-rh-link="0"]{outline:1px dashed #8a8578}
.rh-count{display:inline-block;margin:5px 6px 5px 0;padding:0 6px;border-radius:9px;background:#0b6272;
vertical-align:1px;color:#fff;font:600 12px/18px system-ui,sans-serif;white-space:nowrap;text-decoration:none;
letter-spacing:0}
a:has(img) .rh-count{position:absolute;top:6px;left:6px;margin:0;z-index:9}
a[data-rh-link="0"] .rh-count{background:#5c584e}
</style>"""
_NO_PICTURE = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="


def short_url(url: str) -> str:
    """A link without its host, which a mail's links mostly share; the host where that is all."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return parts.path + (f"?{parts.query}" if parts.query else "") if len(parts.path) > 1 else parts.netloc


@dataclass(frozen=True, kw_only=True)
class MappedLink:
    """One link of the mail with what it was followed."""

    number: int
    url: str
    clicks: int
    machine_clicks: int
    #: Of all clicks by people, 0 to 1; None where there are none.
    share: float | None
    #: How often it stands in the HTML.
    places: int

    @property
    def short(self) -> str:
        """The address without what all of a mail's links share."""
        return short_url(self.url)

    @property
    def host(self) -> str:
        """Whose page it leads to."""
        return urlsplit(self.url).netloc


@dataclass(frozen=True, kw_only=True)
class ClickMap:
    """Every measured link, the most clicked first."""

    links: Sequence[MappedLink]
    has_html: bool
    #: About how high the mail is: `short`, `medium` or `long`.
    height: str = "long"

    @property
    def clicks(self) -> int:
        """Clicks by people on all links."""
        return sum(link.clicks for link in self.links)

    @property
    def machine_clicks(self) -> int:
        """Clicks by machines on all links."""
        return sum(link.machine_clicks for link in self.links)


def click_map(run: Broadcast) -> ClickMap:
    """The links of a broadcast with their clicks, and where they stand."""
    source = _source(run)
    rows = stats.links(run)
    every = sum(row["clicks"] for row in rows)
    places = _places(source.html or "") if source else {}
    links = [
        MappedLink(number=row["number"], url=row["url"], clicks=row["clicks"], machine_clicks=row["machine_clicks"],
                   share=row["clicks"] / every if every else None, places=places.get(row["number"], 0))
        for row in rows
    ]
    return ClickMap(links=sorted(links, key=lambda link: (-link.clicks, -link.machine_clicks, link.number)),
                    has_html=bool(source and source.html), height=_height(source.html or "") if source else "")


def _height(html: str) -> str:
    """About how high a mail is, by its lines of text and its pictures: nobody measures what is in a sandboxed frame."""
    visible = _UNSEEN.sub(" ", html)
    lines = sum(1 + len(text) // 80 for part in _BLOCK_END.split(visible) if (text := strip_tags(part).strip()))
    pixels = 32 * lines + 180 * len(_PICTURE.findall(visible))
    return "brief" if pixels < 180 else "short" if pixels < 320 else "medium" if pixels < 560 else "long"


def marked_mail(run: Broadcast) -> str:
    """The mail as HTML with a mark on each link; PrepareError where it cannot be made."""
    source = _source(run)
    if source is None or not source.html:
        raise PrepareError(_("This mail has no HTML part: there is nothing to mark."), temporary=False)
    found = click_map(run)
    marked = _marked(source.html, {link.number: link for link in found.links})
    context = {
        "contact": templates.somebody(), **source.shared, **templates.PREVIEW_LINKS, OPEN_FIELD: _NO_PICTURE,
        **{f"{LINK_FIELD}{number}": "#" for number in range(1, len(source.links) + 1)},
    }
    return rendering.render(marked, context, is_html=True)


def _source(run: Broadcast) -> CompiledSource | None:
    message = Message.objects.filter(broadcast_id=run.pk, workspace=run.workspace_id).first()
    content = Content.objects.filter(pk=message.content_id).first() if message is not None else None
    return CompiledSource.load(bytes(content.data)) if content is not None else None


def _places(html: str) -> dict[int, int]:
    found: dict[int, int] = {}
    for slot in _SLOT.finditer(html):
        found[int(slot[1])] = found.get(int(slot[1]), 0) + 1
    return found


def _marked(html: str, links: dict[int, MappedLink]) -> str:
    pieces: list[str] = []
    kept = 0
    for slot in _SLOT.finditer(html):
        opens, ends = html.rfind("<", kept, slot.start()), html.find(">", slot.end())
        if opens < 0 or ends < 0 or html[opens : opens + 2].lower() != "<a" or not html[opens + 2].isspace():
            continue
        link = links.get(int(slot[1]))
        clicks = link.clicks if link is not None else 0
        pieces += [html[kept : opens + 2], f' data-rh-link="{1 if clicks else 0}"', html[opens + 2 : ends + 1],
                   f'<span class="rh-count">{escape(_words(link))}</span>']
        kept = ends + 1
    marked = "".join([*pieces, html[kept:]])
    head = _HEAD_END.search(marked)
    return marked[: head.start()] + _STYLE + marked[head.start() :] if head else _STYLE + marked


def _words(link: MappedLink | None) -> str:
    if link is None or not link.clicks:
        return "0"
    return f"{formats.number(link.clicks)} · {formats.percent(link.share, 0)}"
