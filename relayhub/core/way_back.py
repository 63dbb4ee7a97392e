"""The way back to a page that sent somebody elsewhere to mend something: kept in the session, shown on every page.

A finding's button leads to where it is mended, over as many pages and saves as that takes; a line on top leads back.
"""

from __future__ import annotations

import time
from typing import Any

from django.http import HttpRequest

_KEY = "way_back"
#: Whoever did not come back by then is at something else.
KEPT_SECONDS = 2 * 3600


def remember(request: HttpRequest, *, url: str, label: str, why: str) -> None:
    """Keep the way back to `url`; `label` names the button, `why` what is being mended."""
    request.session[_KEY] = {"url": url, "label": label, "why": why[:200], "at": int(time.time())}


def forget(request: HttpRequest) -> None:
    """Somebody is back, or does not want to be led."""
    request.session.pop(_KEY, None)


def present(request: HttpRequest) -> dict[str, Any] | None:
    """The way back as pages show it; None on the page it leads to, and once it is old."""
    session = getattr(request, "session", None)
    kept: dict[str, Any] | None = session.get(_KEY) if session is not None else None
    if kept is None or request.path == kept["url"] or time.time() - kept["at"] > KEPT_SECONDS:
        return None
    return kept
