"""What both ends share: dot-stuffing and xtext."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayhub.protocol.smtp_server_content import ContentReader
from relayhub.protocol.smtp_wire import dot_stuff, has_bare_line_end, xtext_decode, xtext_encode


@pytest.mark.parametrize(
    ("content", "stuffed"),
    [
        (b"", b""),
        (b"a", b"a\r\n"),
        (b".", b"..\r\n"),
        (b".a\r\n.\r\n..b\r\n", b"..a\r\n..\r\n...b\r\n"),
        (b"a\r\n\r\n", b"a\r\n\r\n"),
        (b"a\n.\nb", b"a\r\n..\r\nb\r\n"),
        (b"a\r.\rb\r\n", b"a\r\n..\r\nb\r\n"),
        (b"a\r", b"a\r\n"),
    ],
)
def test_dot_stuffing(content: bytes, stuffed: bytes) -> None:
    assert dot_stuff(content) == stuffed


@given(st.text(max_size=40))
def test_xtext_round_trip(text: str) -> None:
    try:
        encoded = xtext_encode(text)
    except UnicodeEncodeError:
        return  # a lone surrogate has no octets
    assert encoded.isascii()
    assert xtext_decode(encoded) == (text if text.isprintable() else None)


@given(st.lists(st.sampled_from([b"a", b".", b"\r\n", b"\r", b"\n", b"\r\n."]), max_size=20))
def test_stuffed_content_reads_back_whole_and_ends_where_we_end_it(pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    stuffed = dot_stuff(content)
    reader = ContentReader(max_size_bytes=1000, max_line_octets=998)

    used = reader.feed(stuffed + b".\r\nRSET\r\n")

    assert used == len(stuffed) + 3
    received = reader.finish()
    assert isinstance(received, bytes)
    if not has_bare_line_end(content):
        assert received in (content, content + b"\r\n")


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n"]), max_size=20))
def test_bare_line_ends_are_found(pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    without_pairs = content.replace(b"\r\n", b"")

    assert has_bare_line_end(content) == (b"\r" in without_pairs or b"\n" in without_pairs)
