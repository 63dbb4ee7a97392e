"""Nesting and parts within bounds pass, beyond them are told; ordinary text full of dashes is no structure."""

from __future__ import annotations

import pytest

from relayhub.protocol import mime_limits


def nested(levels: int, kind: str = "multipart/mixed") -> bytes:
    inner = b"Content-Type: text/plain\r\n\r\nx\r\n"
    for level in range(levels):
        if kind == "message/rfc822":
            inner = b"Content-Type: message/rfc822\r\n\r\n" + inner
        else:
            mark = b"b%d" % level
            inner = (
                b"Content-Type: %s;\r\n BOUNDARY=\"%s\"\r\n\r\n--%s\r\n" % (kind.encode(), mark, mark)
                + inner + b"\r\n--%s--\r\n" % mark
            )
    return b"From: a@b.example\r\n" + inner


def wide(parts: int) -> bytes:
    return (
        b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" * parts + b"--b--\r\n"
    )


@pytest.mark.parametrize("kind", ["multipart/mixed", "message/rfc822"])
def test_twenty_levels_pass_and_more_do_not(kind: str) -> None:
    assert mime_limits.problem(nested(20, kind)) is None
    assert mime_limits.problem(nested(21, kind)) == "The message is nested deeper than 20 levels."
    assert mime_limits.problem(nested(3000, kind)) == "The message is nested deeper than 20 levels."


def test_a_thousand_parts_pass_and_more_do_not() -> None:
    assert mime_limits.problem(wide(1000)) is None
    assert mime_limits.problem(wide(1001)) == "The message has more than 1,000 parts."


def test_dashes_and_words_in_a_text_are_no_structure() -> None:
    text = b"From: a@b.example\r\nContent-Type: text/plain\r\n\r\n" + b"-- \r\n--b\r\nmultipart/mixed\r\n" * 3000

    assert mime_limits.problem(text) is None


def test_many_parts_side_by_side_are_not_deep() -> None:
    inner = b"--o\r\nContent-Type: multipart/related; boundary=i\r\n\r\n--i\r\n\r\nx\r\n--i--\r\n" * 50
    content = b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n" + inner + b"--o--\r\n"

    assert mime_limits.problem(content) is None
