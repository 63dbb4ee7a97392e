"""Header fields: kept byte for byte, checked, folded, and never injected into."""

from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayhub.protocol import headers
from relayhub.protocol.address import Address
from relayhub.protocol.headers import HeaderFault, HeaderProblem

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "header",
    [
        b"From: a@b.c\r\nSubject: x\r\n",
        b"from : a@b.c\r\nSUBJECT:\r\n x\r\n\ty\r\n",
        b"X-8bit: caf\xe9\r\nX-Utf8: \xc3\xa9\r\nX-Empty:\r\n",
    ],
)
def test_a_parsed_header_joins_to_the_same_bytes(header: bytes) -> None:
    assert headers.parse(header).as_bytes() == header


@pytest.mark.parametrize(
    "header",
    [b"no field\r\n", b"From: a\nTo: b\r\n", b"From: a\rb\r\n", b"From: a\x00\r\n", b" x: y\r\n", b": y\r\n"],
)
def test_what_is_no_header_is_refused(header: bytes) -> None:
    with pytest.raises(headers.HeaderError):
        headers.parse(header)


def test_split_finds_the_body() -> None:
    assert headers.split(b"A: b\r\n\r\nbody") == (b"A: b\r\n", 8)
    assert headers.split(b"\r\nbody") == (b"", 2)
    assert headers.split(b"A: b\r\n") == (b"A: b\r\n", 6)


def test_dropping_and_replacing_touch_nothing_else() -> None:
    block = headers.parse(b"A: 1\r\nX-RelayHub-Tag: t\r\nBcc: z@z.z\r\nx-relayhub-tag: u\r\nB:  2 \r\n")

    private = headers.strip_private(block)
    block.replace(b"A: 9\r\n")

    assert private == [("x-relayhub-tag", "t"), ("x-relayhub-tag", "u")]
    assert block.as_bytes() == b"A: 9\r\nB:  2 \r\n"


@pytest.mark.parametrize("raw", [b"A: b\r\nC: d\r\n", b"A: b\nC: d\r\n", b"A: b", b"A: b\r\n\r\n"])
def test_only_one_whole_field_can_be_added(raw: bytes) -> None:
    with pytest.raises(headers.HeaderError):
        headers.HeaderBlock([]).append(raw)


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        (b"To: a@b.c\r\n", HeaderFault.MISSING_FROM),
        (b"From: a@b.c\r\nFrom: d@e.f\r\n", HeaderFault.DUPLICATE),
        (b"From: a@b.c, d@e.f\r\n", HeaderFault.MISSING_SENDER),
        (b"From: group: a@b.c;\r\n", HeaderFault.BAD_FROM),
        (b"From: \r\n", HeaderFault.BAD_FROM),
        (b"From: a@b.c, d@e.f\r\nSender: a@b.c, d@e.f\r\n", HeaderFault.BAD_SENDER),
        (b"From: =?utf-8?q?a=0D=0ABcc:_x?= <a@b.c>\r\n", HeaderFault.BAD_FROM),
    ],
)
def test_a_doubtful_author_is_refused(header: bytes, fault: HeaderFault) -> None:
    found = headers.author_of(headers.parse(header))

    assert isinstance(found, HeaderProblem)
    assert found.fault is fault


def test_an_author_comes_decoded() -> None:
    found = headers.author_of(headers.parse(b"From: =?utf-8?q?Zo=C3=AB?= <z@ex.com>\r\n"))

    assert isinstance(found, headers.Author)
    assert (found.first.display, found.first.spec) == ("Zoë", "z@ex.com")


def test_second_singletons_and_hidden_breaks_are_found() -> None:
    twice = headers.check_singletons(headers.parse(b"Subject: a\r\nsubject : b\r\n"))
    hidden = headers.check_injection(headers.parse(b"Subject: =?utf-8?b?YQ0KYg==?=\r\n"))

    assert twice is not None
    assert twice.field == "subject"
    assert hidden is not None
    assert hidden.fault is HeaderFault.INJECTION


def test_missing_date_and_message_id_are_added_once() -> None:
    block = headers.parse(b"From: a@b.c\r\ndate: x\r\n")

    headers.complete(block, date=AT, message_id="<1@b.c>")

    assert block.count("date") == 1
    assert block.first("Message-ID") == "<1@b.c>"


def test_received_says_who_gave_what_and_takes_no_injection() -> None:
    field = headers.received_field(
        headers.ReceivedInfo(
            by="mx.ex.com", protocol="ESMTPSA", at=AT, helo="evil\r\nBcc: x (;", ip="2001:db8::1", id="msg_1",
            recipient="a@b.c", tls="TLSv1.3 AES",
        )
    )  # fmt: skip

    text = field.replace(b"\r\n ", b" ")
    assert text == (
        b"Received: from evilBcc:x ([IPv6:2001:db8::1]) by mx.ex.com (TLSv1.3 AES) with ESMTPSA id msg_1"
        b" for <a@b.c>; Fri, 02 Jan 2026 03:04:05 +0000\r\n"
    )


@given(st.text())
def test_no_text_breaks_out_of_its_field_and_all_comes_back(text: str) -> None:
    if any(char in text for char in "\r\n\0"):
        with pytest.raises(headers.HeaderInjection):
            headers.text_field("Subject", text)
        return

    field = headers.text_field("Subject", text)

    assert len(headers.parse(field).fields) == 1
    assert max(map(len, field.split(b"\r\n"))) <= 998
    assert headers.decode_text(headers.value_of(field)) == text


@given(st.text(min_size=1, alphabet=st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp"))))
def test_any_name_survives_a_mailbox(name: str) -> None:
    field = headers.address_field("From", [Address(local="a", domain="ex.com", display=name)])
    parsed = message_from_bytes(field + b"\r\n", policy=policy.default)

    assert len(parsed.keys()) == 1
    assert parsed["From"].addresses[0].addr_spec == "a@ex.com"


def test_short_words_keep_lines_within_78() -> None:
    field = headers.structured_field("References", " ".join(f"<{n}@example.com>" for n in range(40)))

    assert max(map(len, field.split(b"\r\n"))) <= 78
