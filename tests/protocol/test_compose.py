"""Composition: valid MIME that reads back, equal bytes for equal input, no injection."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayhub.protocol.address import Address
from relayhub.protocol.compose import Attachment, ComposeError, Composition, MessageTooLarge, compose
from relayhub.protocol.headers import HeaderError, HeaderInjection

AT = datetime(2026, 1, 2, tzinfo=UTC)


def make(**changes: Any) -> bytes:
    given_values: dict[str, Any] = {
        "author": Address(local="a", domain="ex.com", display="Zoë, Doe"), "to": [Address(local="b", domain="bü.de")],
        "subject": "Grüße", "date": AT, "message_id": "<1@ex.com>", "seed": b"s",
    }  # fmt: skip
    return compose(Composition(**{**given_values, **changes}))


def read(raw: bytes) -> Any:
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    message = message_from_bytes(raw, policy=policy.default)
    assert not any(part.defects for part in message.walk())
    return message


def test_the_nesting_is_mixed_alternative_related() -> None:
    raw = make(
        text="t", html="<img src=cid:i>",
        attachments=[
            Attachment(content=b"I", content_id="i", content_type="image/png", filename="i.png"),
            Attachment(content=bytes(range(256)), filename="ä /long " + "ü" * 60 + ".pdf"),
        ],
    )  # fmt: skip
    message = read(raw)

    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png",
        "application/octet-stream",
    ]  # fmt: skip
    attached = list(message.iter_attachments())[-1]
    assert attached.get_content() == bytes(range(256))
    assert attached.get_filename() == "ä _long " + "ü" * 60 + ".pdf"
    assert message["From"].addresses[0].display_name == "Zoë, Doe"
    assert message["To"].addresses[0].domain == "xn--b-eha.de"
    assert message["Subject"] == "Grüße"
    assert raw == make(
        text="t", html="<img src=cid:i>",
        attachments=[
            Attachment(content=b"I", content_id="i", content_type="image/png", filename="i.png"),
            Attachment(content=bytes(range(256)), filename="ä /long " + "ü" * 60 + ".pdf"),
        ],
    )  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "a", ".\r\n..\n", "x" * 5000, "é" * 3000, "日本語\n" * 50, "tab\t \nnul\0", "=_ --b", "From x\n"]
)
def test_a_text_comes_back(text: str) -> None:
    content = read(make(text=text)).get_content().replace("\r\n", "\n")

    wanted = text.replace("\r\n", "\n")
    assert content == (wanted if wanted.endswith("\n") else wanted + "\n")


@given(st.text(alphabet=st.characters(blacklist_categories=("Cs",), blacklist_characters="\r")))
def test_any_text_comes_back(text: str) -> None:
    payload = read(make(text=text, html=text)).get_body(("plain",)).get_payload(decode=True)

    # The line end before a boundary belongs to the boundary (RFC 2046 §5.1.1).
    # It stays where base64 holds it.
    assert payload.decode().replace("\r\n", "\n") in (text, text + "\n", text.removesuffix("\n"))


@pytest.mark.parametrize(
    "name", ["Received", "DKIM-Signature", "Bcc", "return-path", "Content-Type", "X-RelayHub-Tag", "From", "A b", ""]
)
def test_fields_of_ours_are_refused(name: str) -> None:
    with pytest.raises(HeaderError):
        make(headers={name: "x"})


@given(st.text(), st.sampled_from(["\r", "\n", "\0", "\r\n"]), st.text())
def test_no_line_break_passes_any_field(before: str, evil: str, after: str) -> None:
    value = before + evil + after
    changes: list[dict[str, Any]] = [
        {"subject": value},
        {"headers": {"X-A": value}},
        {"author": Address(local="a", domain="b.c", display=value)},
        {"to": [Address(local=value, domain="b.c")]},
        {"attachments": [Attachment(content=b"", filename=value)]},
    ]
    for change in changes:
        with pytest.raises(HeaderInjection):
            make(**change)


def test_limits_and_bad_types_are_refused() -> None:
    with pytest.raises(MessageTooLarge):
        make(text="x" * 100, max_bytes=50)
    with pytest.raises(ComposeError):
        make(attachments=[Attachment(content=b"", content_type="text/plain\r\nX: y")])
