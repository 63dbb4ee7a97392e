"""Downloads that are made while they are sent: never a whole file in memory, under ASGI neither.

Django collects a synchronous iterator under ASGI before it sends the first byte. Here each piece is asked for in
the request's own thread, which holds its database connection, and sent before the next one is made.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from rest_framework.request import Request

#: Lines are gathered to pieces of about this size, for a hop between threads costs more than a line.
PIECE_BYTES = 64 * 1024
CSV = "text/csv; charset=utf-8"


def download(
    request: HttpRequest | Request, pieces: Iterable[bytes], *, name: str, content_type: str = CSV,
    size_bytes: int | None = None,
) -> StreamingHttpResponse:
    """The pieces as a file of that name, sent as they are made; `size_bytes` where it is known before."""
    gathered = _gathered(pieces)
    plain = request._request if isinstance(request, Request) else request
    is_async = isinstance(plain, ASGIRequest)
    answer = StreamingHttpResponse(_one_by_one(gathered) if is_async else gathered, content_type=content_type)
    answer["Content-Disposition"] = f'attachment; filename="{_plain(name)}"'
    if size_bytes is not None:
        answer["Content-Length"] = str(size_bytes)
    return answer


def _plain(name: str) -> str:
    """A file name that a header can carry as it is."""
    return "".join(char if char.isascii() and char.isprintable() and char not in '"\\/' else "_" for char in name)


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        if len(buffer) >= PIECE_BYTES:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)


def _next_of(pieces: Iterator[bytes]) -> bytes | None:
    return next(pieces, None)


async def _one_by_one(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    take = sync_to_async(_next_of, thread_sensitive=True)
    while (piece := await take(pieces)) is not None:
        yield piece
