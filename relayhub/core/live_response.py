"""Answers of live pages: a stream of server-sent events, or the same figures once as JSON.

The address of a feed answers both. A stream is authorised like any page, gives its database connection back
before its first byte, and ends after some minutes, so that the browser asks again and is authorised anew. A
session has at most four; whoever is refused (204, which ends an EventSource) asks for JSON every few seconds.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse

from relayhub.core.live_feed import Feed, feeder, give_back_connections

STREAMS_A_SESSION = 4
#: Then the browser connects again: nobody sees live numbers for longer than this after losing a role.
LIFE_SECONDS = 300.0
RECONNECT_MS = 2000

_open: Counter[str] = Counter()
_lock = threading.Lock()


class Place:
    """One of the streams that a session may have open."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._is_held = True

    def give_back(self) -> None:
        """Let another stream have it; doing it twice does it once."""
        with _lock:
            if self._is_held:
                self._is_held = False
                _open[self._session] -= 1
                if _open[self._session] <= 0:
                    del _open[self._session]


def take_place(session: str) -> Place | None:
    """A place for one more stream, or None where the session has all of its own open."""
    with _lock:
        if _open[session] >= STREAMS_A_SESSION:
            return None
        _open[session] += 1
    return Place(session)


def open_streams() -> int:
    """How many streams this process holds open."""
    with _lock:
        return sum(_open.values())


class EventStream(StreamingHttpResponse):
    """A feed as server-sent events."""

    def __init__(self, feed: Feed, place: Place) -> None:
        super().__init__(_events(feed, place), content_type="text/event-stream; charset=utf-8")
        self._place = place
        self["Cache-Control"] = "no-store, no-transform"
        self["X-Accel-Buffering"] = "no"  # nginx would keep events back

    def close(self) -> None:
        """Give the place back, also where not a single event was read."""
        super().close()
        self._place.give_back()


async def _events(feed: Feed, place: Place) -> AsyncIterator[bytes]:
    # In the request's own thread, whose connection authorised it.
    await sync_to_async(give_back_connections, thread_sensitive=True)()
    ends_at = time.monotonic() + LIFE_SECONDS
    texts = feeder().follow(feed)
    try:
        yield f"retry: {RECONNECT_MS}\n\n".encode()
        async for text in texts:
            yield b": still here\n\n" if text is None else f"event: update\ndata: {text}\n\n".encode()
            if time.monotonic() >= ends_at:
                return
    finally:
        await texts.aclose()  # type: ignore[attr-defined]  # an async generator
        place.give_back()


def live_response(request: HttpRequest, feed: Feed) -> HttpResponseBase:
    """The feed as the asker wants it: `text/event-stream` as a stream, anything else once as JSON."""
    if "text/event-stream" not in request.headers.get("Accept", ""):
        return _once(feed)
    place = None
    if isinstance(request, ASGIRequest):  # a server that holds a thread a stream is asked every few seconds
        place = take_place(request.session.session_key or "")
    if place is None:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    return EventStream(feed, place)


def _once(feed: Feed) -> HttpResponse:
    payload: dict[str, Any] = feed.render()
    answer = JsonResponse(payload)
    answer["Cache-Control"] = "no-store"
    return answer
