"""Mails that are hard to read: each is shown, quickly, as far as it goes."""

from __future__ import annotations

import time

from relayhub.relay import display

HEAD = b"From: a@shop.example\r\nSubject: Deep\r\n"


def nested(depth: int) -> bytes:
    return HEAD + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level) for level in range(depth)
    )


def test_a_mail_nested_without_end_shows_its_header() -> None:
    for depth in (30, 300, 3000):
        shown = display.readable(nested(depth))
        assert ("Subject", "Deep") in shown.headers
        assert shown.html is None
        assert display.attachment(nested(depth), 99) is None


def test_what_honest_mails_nest_is_read() -> None:
    shown = display.readable(nested(5) + b"Content-Type: text/plain\r\n\r\nhello\r\n")
    assert (shown.text or "").strip() == "hello"


def test_fields_without_end_take_no_time() -> None:
    raw = HEAD + b"Content-Type: text/plain;\r\n" + b' a*0="b";\r\n' * 20_000 + b" c=d\r\n\r\nhello\r\n"
    began = time.process_time()
    assert "hello" in (display.readable(raw).text or "")
    assert time.process_time() - began < 3.0
