"""Downloads leave while they are made, whichever server asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from django.http import StreamingHttpResponse
from django.test import AsyncRequestFactory, RequestFactory

from relayhub.core.streaming import PIECE_BYTES, download

LINE = b"x" * 1023 + b"\n"
LINES = 1000


class Source:
    """Lines, and how many were asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def lines(self) -> Iterator[bytes]:
        for _ in range(LINES):
            self.asked += 1
            yield LINE


def test_under_asgi_the_first_piece_leaves_before_the_rest_is_made() -> None:
    source = Source()
    answer = download(AsyncRequestFactory().get("/"), source.lines(), name="people.csv")
    assert answer.is_async

    async def read() -> tuple[int, int]:
        content = answer.streaming_content
        assert isinstance(content, AsyncIterator)
        first = await anext(content)
        asked = source.asked
        return asked, len(first) + sum([len(piece) async for piece in content])

    asked, size = asyncio.run(read())
    assert asked == PIECE_BYTES // len(LINE)
    assert size == LINES * len(LINE)


def test_under_wsgi_it_is_a_plain_iterator() -> None:
    source = Source()
    answer = download(RequestFactory().get("/"), source.lines(), name="people.csv", size_bytes=9)

    assert isinstance(answer, StreamingHttpResponse)
    assert not answer.is_async
    assert source.asked == 0
    assert len(b"".join(answer)) == LINES * len(LINE)  # type: ignore[arg-type]
    assert answer["Content-Length"] == "9"


def test_a_name_cannot_break_the_header() -> None:
    answer = download(RequestFactory().get("/"), [], name='a"b\r\nc/é.csv')

    assert answer["Content-Disposition"] == 'attachment; filename="a_b__c__.csv"'
