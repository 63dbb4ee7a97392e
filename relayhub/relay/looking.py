"""A message as somebody in the dashboard looks at it: nothing that they do may count as the recipient's doing.

The open pixel is taken out and counted links lead straight to their targets, so that looking at a message or
trying its links measures nothing. The source stays as it was sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from relayhub.protocol import links
from relayhub.protocol.tokens import Purpose
from relayhub.relay import tracking
from relayhub.relay.models import Message, TrackedLink

#: How much of a source is shown in the page; all of it can be downloaded.
SHOWN_SOURCE_BYTES = 256 * 1024
_PIXEL = re.compile(r"<img\b(?>[^<>]*?/t/o/)[^<>]*+>", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class SeenLink:
    """A link of the message: where it leads, and the counted address that stands for it ("" = not counted)."""

    url: str
    counted_url: str = ""
    #: What of ours it is: unsubscribe, preferences, view in browser; else "".
    role: str = ""


_ROLES = {"u": _("unsubscribe"), "p": _("preferences"), "v": _("view in browser")}


def html_to_look_at(html: str, message: Message) -> str:
    """The HTML without what measures."""
    targets = _targets(message)

    def plain(link: links.Link) -> str | None:
        return _target_of(link.url, targets)

    return _PIXEL.sub("", links.rewrite_html(html, plain).content)


def text_to_look_at(text: str, message: Message) -> str:
    """The text without counted links."""
    targets = _targets(message)
    return links.rewrite_text(text, lambda link: _target_of(link.url, targets)).content


def links_of(html: str | None, text: str | None, message: Message) -> list[SeenLink]:
    """The distinct links of HTML and text, in their order."""
    numbers = links.LinkNumbers()
    links.rewrite_html(html or "", lambda _: None, numbers=numbers)
    links.rewrite_text(text or "", lambda _: None, numbers=numbers)
    targets = _targets(message)
    seen = [_seen(url, targets) for url in numbers.urls()]
    return list({link.url: link for link in reversed(seen)}.values())[::-1]


def _seen(url: str, targets: Mapping[int, str]) -> SeenLink:
    target = _target_of(url, targets)
    if target is not None:
        return SeenLink(url=target, counted_url=url)
    kind = url.removeprefix(f"{settings.RELAYHUB_BASE_URL}/").partition("/")[0]
    return SeenLink(url=url, role=str(_ROLES.get(kind, "")) if url.startswith(settings.RELAYHUB_BASE_URL) else "")


def _targets(message: Message) -> dict[int, str]:
    rows = TrackedLink.objects.filter(content_id=message.content_id)
    return dict(rows.values_list("number", "url"))


def _target_of(url: str, targets: Mapping[int, str]) -> str | None:
    start = f"{settings.RELAYHUB_BASE_URL}/t/c/"
    if not url.startswith(start):
        return None
    found = tracking.reference(Purpose.CLICK, url[len(start):])
    return targets.get(found.link_number) if found is not None else None
