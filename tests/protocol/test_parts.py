"""Byte templates: the rendered body reads back as the very text, and its hash is the true one."""

import html
import quopri
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayhub.protocol import parts
from relayhub.protocol.dkim_canonical import body_hash_of
from relayhub.protocol.parts import (
    CompiledField,
    CompiledMessage,
    RenderedBody,
    Slot,
    SlotKind,
    TextSection,
    compile_parts,
)

NAME = Slot(name="name", kind=SlotKind.PLAIN)
SAFE_NAME = Slot(name="name", kind=SlotKind.HTML)
TEXT = st.text(alphabet=st.characters(blacklist_categories=("Cs",), blacklist_characters="\r"))
LINES = st.lists(st.sampled_from([" ", "  ", "\t", "a", "=", ".", "\n", "é", "word " * 20])).map("".join)


def payload(compiled: CompiledMessage, body: RenderedBody, kind: str) -> str:
    raw = compiled.content_header + b"\r\n" + body.content
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")
    assert max(map(len, raw.split(b"\r\n"))) <= 76
    found = message_from_bytes(raw, policy=policy.default).get_body((kind,))
    assert found is not None
    return bytes(found.get_payload(decode=True)).decode().replace("\r\n", "\n")


@given(LINES, TEXT | LINES, LINES)
def test_a_single_part_reads_back_with_the_true_hash(before: str, value: str, after: str) -> None:
    compiled = parts.compile_alternative(seed=b"s", text=(before, NAME, after))

    body = compiled.render({"name": value})

    wanted = before + value + after
    assert payload(compiled, body, "plain") == (wanted if after.endswith("\n") else wanted + "\n")
    assert body.relaxed_body_hash == body_hash_of(body.content)


@given(LINES, TEXT | LINES, LINES)
def test_an_alternative_reads_back_with_the_true_hash(before: str, value: str, after: str) -> None:
    compiled = parts.compile_alternative(seed=b"s", text=(NAME, before), html=(before, SAFE_NAME, after))

    body = compiled.render({"name": value})

    wanted = before + html.escape(value) + after
    # The line end before a boundary belongs to the boundary (RFC 2046 §5.1.1).
    assert payload(compiled, body, "html") == (wanted.removesuffix("\n") if after.endswith("\n") else wanted)
    assert body.relaxed_body_hash == body_hash_of(body.content)


def test_text_is_cut_at_its_markers() -> None:
    assert parts.cut("a@1@b@12@", {"@1@": NAME, "@12@": SAFE_NAME}) == ("a", NAME, "b", SAFE_NAME)


def test_a_url_slot_cannot_leave_its_attribute() -> None:
    assert parts.escape('https://x/"><b>?a=1&b=é', SlotKind.URL) == "https://x/%22%3E%3Cb%3E?a=1&amp;b=%C3%A9"


def test_a_header_slot_cannot_begin_a_field() -> None:
    field = CompiledField(name="Subject", items=("Hi ", Slot(name="name", kind=SlotKind.HEADER)))

    assert field.render({"name": "x\r\nBcc: y"}) == b"Subject: Hi x Bcc: y\r\n"


@pytest.mark.parametrize("length", range(70, 84))
@pytest.mark.parametrize("end", ["x", "é", "xé", "éx"])
def test_a_last_line_without_room_for_a_soft_break_is_broken_once_more(length: int, end: str) -> None:
    text = "word " * 14 + "a" * (length - 70) + end
    compiled = compile_parts([TextSection(items=(text, Slot(name="v", kind=SlotKind.PLAIN)))])

    lines = compiled.render({"v": "slot"}).content.split(b"\r\n")

    assert max(map(len, lines)) <= 76
    assert quopri.decodestring(b"\r\n".join(lines)).decode() == f"{text}slot\r\n"
