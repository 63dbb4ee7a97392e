"""Replies: the catalogue is well-formed, bytes are safe, and no peer can upset the reader."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayhub.protocol import reply as replies
from relayhub.protocol.reply import EnhancedCode, Malformed, ReplyReader, SmtpReply, make_reply, parse_reply

CATALOGUE = {name: value for name, value in vars(replies).items() if isinstance(value, SmtpReply)}


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_reply_we_give_reads_back_as_itself(name: str) -> None:
    reply = CATALOGUE[name]

    assert parse_reply(reply.render()) == reply
    assert len(reply.render()) <= replies.MAX_REPLY_LINE_OCTETS


@pytest.mark.parametrize(
    ("octets", "code", "enhanced", "lines"),
    [
        (b"250 ok\r\n", 250, None, ("ok",)),
        (b"250\r\n", 250, None, ("",)),
        (b"250 \r\n", 250, None, ("",)),
        (b"250 2.1.0 ok\n", 250, "2.1.0", ("ok",)),  # bare LF: some peers write it
        (b"550 5.1.1\r\n", 550, "5.1.1", ("",)),
        (b"550-5.1.1 no\r\n550 5.1.1 such user\r\n", 550, "5.1.1", ("no", "such user")),
        (b"550-5.1.1 no\r\n550 such user\r\n", 550, "5.1.1", ("no", "such user")),
        (b"450 5.7.1 odd\r\n", 450, "5.7.1", ("odd",)),  # classes differ: kept as said
        (b"550 5.1 no\r\n", 550, None, ("5.1 no",)),
        (b"550 5.1.1234 no\r\n", 550, None, ("5.1.1234 no",)),
        (b"250 gr\xc3\xbc\xc3\x9fe\r\n", 250, None, ("grüße",)),
        (b"250 gr\xfc\xdfe\r\n", 250, None, ("grüße",)),  # latin-1
        (b"250 a\x00b\x1bc\r\n", 250, None, ("a�b�c",)),
    ],
)
def test_it_reads_what_peers_write(
    octets: bytes, code: int, enhanced: str | None, lines: tuple[str, ...]
) -> None:
    reply = parse_reply(octets)

    assert isinstance(reply, SmtpReply)
    assert (reply.code, reply.lines) == (code, lines)
    assert str(reply.enhanced or "") == (enhanced or "")


@pytest.mark.parametrize(
    "octets", [b"hello\r\n", b"\r\n", b"99 x\r\n", b"650 x\r\n", b"250+x\r\n", b"250-a\r\n550 b\r\n"]
)
def test_it_marks_what_is_no_reply(octets: bytes) -> None:
    assert isinstance(parse_reply(octets), Malformed)


def test_it_reads_the_same_however_the_bytes_are_cut() -> None:
    octets = b"250-one\r\n250-two\r\n250 three\r\n550 5.1.1 no\r\n"
    whole = ReplyReader().feed(octets)

    for cut in range(len(octets) + 1):
        reader = ReplyReader()
        assert reader.feed(octets[:cut]) + reader.feed(octets[cut:]) == whole
        assert not reader.has_partial


def test_a_megabyte_reply_is_read_in_bounded_memory() -> None:
    reader = ReplyReader()

    found = reader.feed(b"550-" + b"x" * 1_000_000 + b"\r\n550 end\r\n")

    assert len(found) == 1
    assert isinstance(found[0], SmtpReply)
    assert found[0].code == 550
    assert len(found[0].text) <= replies.MAX_KEPT_TEXT_OCTETS


def test_an_endless_reply_is_broken_off() -> None:
    reader = ReplyReader()
    found: list[object] = []

    for _ in range(300):
        found += reader.feed(b"x" * 10_000)

    assert [type(item) for item in found] == [Malformed]


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_the_reader_never_raises(chunks: list[bytes]) -> None:
    reader = ReplyReader()
    for chunk in chunks:
        for item in reader.feed(chunk):
            assert isinstance(item, SmtpReply | Malformed)


@given(st.text(max_size=800), st.booleans())
def test_no_text_breaks_out_of_its_line(text: str, allow_utf8: bool) -> None:
    octets = SmtpReply(code=550, enhanced=EnhancedCode.parse("5.1.1"), lines=(text,)).render(
        allow_utf8=allow_utf8
    )

    assert octets.endswith(b"\r\n")
    assert octets.count(b"\n") == octets.count(b"\r") == 1
    assert b"\0" not in octets
    assert len(octets) <= replies.MAX_REPLY_LINE_OCTETS
    assert allow_utf8 or octets.isascii()


def test_codes_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        make_reply(450, "5.1.1", "no")


def test_the_classes_are_told_apart() -> None:
    assert [reply.is_positive for reply in (replies.OK, replies.GO_AHEAD, replies.FAULT_OURS)] == [
        True,
        False,
        False,
    ]
    assert replies.GO_AHEAD.is_intermediate
    assert replies.FAULT_OURS.is_temporary
    assert replies.NO_SUCH_MAILBOX.is_permanent
    assert replies.queued_as("msg_1").render() == b"250 2.0.0 Ok: queued as msg_1\r\n"
