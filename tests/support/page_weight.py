"""What a first visit to a page transfers, as production serves it: text packed, everything from our own host."""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

import brotli
from django.conf import settings
from django.contrib.staticfiles import finders
from playwright.sync_api import Page, Response

#: Octets that any page may transfer on a first visit, but those that bring an editor with them.
MOST_OCTETS = 250_000
_PACKED = {".css", ".js", ".svg", ".json", ".mjs", ".txt"}
_EDITORS = ("codemirror", "grapesjs")
_OF_THE_BROWSER = ("data:", "blob:", "about:")


class Weight:
    """Listens to a page and adds up what it loads; live streams, which do not end, are left out."""

    def __init__(self, page: Page, base_url: str) -> None:
        self.base_url = base_url
        self.octets: dict[str, int] = {}
        self.elsewhere: list[str] = []
        page.on("response", self._note)

    def _note(self, response: Response) -> None:
        url = response.url
        if url.startswith(_OF_THE_BROWSER):
            return
        if not url.startswith(f"{self.base_url}/"):
            self.elsewhere.append(url)
        elif response.request.resource_type not in {"eventsource", "document"}:
            self.octets[url] = _octets(urlsplit(url).path)

    def findings(self, page: Page) -> list[str]:
        """What is too heavy or comes from another host, in words."""
        total = sum(self.octets.values()) + len(gzip.compress(page.content().encode(), 6))
        found = [f"loads {url}" for url in self.elsewhere]
        is_editor = any(f"/vendor/{name}/" in url for url in self.octets for name in _EDITORS)
        if total > MOST_OCTETS and not is_editor:
            heaviest = sorted(self.octets.items(), key=lambda item: -item[1])[:6]
            parts = ", ".join(f"{urlsplit(url).path} {octets:,}" for url, octets in heaviest)
            found.append(f"transfers {total:,} octets of {MOST_OCTETS:,}: {parts}")
        return found


@lru_cache(maxsize=512)
def _octets(path: str) -> int:
    name = path.removeprefix(settings.STATIC_URL)
    file = finders.find(name) if name != path else None
    if file is None:
        return 0
    data = Path(file).read_bytes()
    return len(brotli.compress(data, quality=7)) if Path(file).suffix in _PACKED else len(data)
