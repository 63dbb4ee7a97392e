"""One recipient to a smarthost: every way a peer can answer, stall or go (FAULTS N1 to N4)."""

from __future__ import annotations

import pytest

from tests.relay.transports.conftest import CONTENT, make_message, play, run, send, smarthost, stop
from tests.support.smtp_sink import SmtpSink, smtp_sink

BEFORE_THE_BODY = ["BANNER", "EHLO", "MAIL", "RCPT", "DATA"]
#: More than the sockets on both ends hold, so that a peer that stops reading is noticed before the dot.
LONG = b"Subject: long\r\n\r\n" + b"x" * 20_000_000


def test_it_hands_over_byte_for_byte(sink: SmtpSink) -> None:
    result = send(sink)

    assert result.disposition == "delivered"
    assert (result.phase, result.reply and result.reply.code) == ("dot", 250)
    assert sink.messages[0].content == CONTENT
    assert sink.messages[0].mail_from == "bounce@rp.shop.example"
    assert sink.messages[0].rcpt_to == ("zoe@town.example",)
    assert (result.peer_address, result.source_address, result.tls) == ("127.0.0.1", "127.0.0.1", None)


def test_it_keeps_the_conversation_without_the_content(sink: SmtpSink) -> None:
    rows = send(sink).transcript

    said = [f"{who} {line}" for _, who, line in rows]
    assert f"C MAIL FROM:<bounce@rp.shop.example> SIZE={len(CONTENT)}" in said
    assert "S 354 go on" in said
    assert not any("Hello" in line for line in said)
    assert [ms for ms, _, _ in rows] == sorted(ms for ms, _, _ in rows)


def test_it_pipelines_where_offered_and_waits_where_not(sink: SmtpSink) -> None:
    sink.offers.remove("PIPELINING")

    assert send(sink).disposition == "delivered"
    assert sink.verbs()[:4] == ["EHLO", "MAIL", "RCPT", "DATA"]


@pytest.mark.parametrize("fault", ["DROP", "RESET", "STALL"])
@pytest.mark.parametrize("place", BEFORE_THE_BODY)
def test_silence_or_a_drop_before_the_dot_is_temporary(sink: SmtpSink, place: str, fault: str) -> None:
    sink.fail(place, fault)

    result = send(sink)

    assert result.disposition == "deferred"
    assert result.reply is None
    assert result.why
    assert sink.messages == []


@pytest.mark.parametrize("fault", ["DROP", "RESET", "STALL"])
def test_silence_or_a_drop_within_the_content_is_temporary(sink: SmtpSink, fault: str) -> None:
    sink.fail("BODY", fault)

    result = send(sink, make_message(content=LONG))

    assert (result.disposition, result.phase, result.reply) == ("deferred", "body", None)


def test_a_refusal_within_the_content_is_the_answer(sink: SmtpSink) -> None:
    sink.fail("BODY", "552 5.3.4 too much\r\n")

    result = send(sink, make_message(content=LONG))

    assert (result.disposition, result.reply and result.reply.code) == ("bounced", 552)
    assert sink.messages == []


@pytest.mark.parametrize("fault", ["DROP", "RESET", "STALL"])
def test_silence_or_a_drop_after_the_dot_is_unknown(sink: SmtpSink, fault: str) -> None:
    sink.fail("DOT", fault)

    result = send(sink)

    assert (result.disposition, result.phase) == ("unknown", "dot")


@pytest.mark.parametrize("fault", ["DROP", "RESET", "STALL"])
def test_a_drop_at_quit_is_no_failure(sink: SmtpSink, fault: str) -> None:
    sink.fail("QUIT", fault)

    assert send(sink).disposition == "delivered"


@pytest.mark.parametrize("place", ["MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize(("answer", "disposition"), [("451 4.7.1 later", "deferred"), ("550 5.7.1 no", "bounced")])
def test_an_answer_decides_by_its_class(sink: SmtpSink, place: str, answer: str, disposition: str) -> None:
    sink.fail(place, answer)

    result = send(sink)

    assert (result.disposition, result.phase) == (disposition, place.lower())
    assert result.reply is not None
    assert str(result.reply) == answer
    assert sink.messages == []


@pytest.mark.parametrize(
    ("place", "answer"),
    [
        ("BANNER", "421 4.7.0 busy"), ("BANNER", "554 5.7.1 go away"), ("BANNER", "450 wait"),
        ("EHLO", "421 4.7.0 busy"), ("EHLO", "450 wait"),  # a 5yz to EHLO is followed by HELO
    ],
)
def test_a_refused_conversation_speaks_of_us_and_is_temporary(
    sink: SmtpSink, place: str, answer: str
) -> None:
    sink.fail(place, answer)

    result = send(sink)

    assert (result.disposition, result.phase) == ("deferred", place.lower())
    assert result.reply is not None


@pytest.mark.parametrize("place", BEFORE_THE_BODY)
def test_garbage_before_the_dot_is_temporary(sink: SmtpSink, place: str) -> None:
    sink.fail(place, "GARBAGE")

    assert send(sink).disposition == "deferred"


def test_garbage_after_the_dot_is_unknown(sink: SmtpSink) -> None:
    sink.fail("DOT", "GARBAGE")

    assert send(sink).disposition == "unknown"


@pytest.mark.parametrize(
    ("answer", "disposition", "code"),
    [
        ("550-5.1.1 first\r\n550 5.1.1 second", "bounced", 550),
        ("550 " + "x" * 200_000, "bounced", 550),
        ("250 2.0.0 what", "deferred", None),  # DATA answered with success: nothing can be sent
    ],
)
def test_odd_answers_to_data(sink: SmtpSink, answer: str, disposition: str, code: int | None) -> None:
    sink.fail("DATA", answer)

    result = send(sink)

    assert result.disposition == disposition
    assert (result.reply.code if result.reply else None) == code


def test_a_421_in_mid_session_is_the_answer_and_the_connection_is_gone(sink: SmtpSink) -> None:
    sink.fail("RCPT", "421 4.7.0 closing", nth=1)

    first, second = run(lambda: smarthost(sink), make_message(), make_message())

    assert (first.disposition, first.reply and first.reply.code) == ("deferred", 421)
    assert second.disposition == "delivered"
    assert sink.connections == 2


def test_nothing_is_sent_when_the_intent_says_no(sink: SmtpSink) -> None:
    async def act(transport: object) -> object:
        return await transport.send(make_message(), before_dot=stop)  # type: ignore[attr-defined]

    result = play(lambda: smarthost(sink), act)

    assert result.disposition == "abandoned"
    assert sink.messages == []


def test_the_intent_is_asked_once_the_content_is_out_and_not_before(sink: SmtpSink) -> None:
    asked: list[list[str]] = []

    async def before_dot() -> bool:
        asked.append(sink.verbs())
        return True

    async def act(transport: object) -> object:
        return await transport.send(  # type: ignore[attr-defined]
            make_message(content=b"x" * 3_000_000), before_dot=before_dot
        )

    result = play(lambda: smarthost(sink), act)

    assert result.disposition == "delivered"
    assert asked == [["EHLO", "MAIL", "RCPT", "DATA"]]


def test_a_drop_while_the_intent_is_recorded_sends_no_dot_and_is_temporary(sink: SmtpSink) -> None:
    async def before_dot() -> bool:
        sink.drop_all(reset=True)
        return True

    async def act(transport: object) -> object:
        return await transport.send(make_message(), before_dot=before_dot)  # type: ignore[attr-defined]

    result = play(lambda: smarthost(sink), act)

    assert result.disposition in ("deferred", "unknown")
    assert sink.messages == []


def test_an_oversized_message_is_refused_without_a_word(sink: SmtpSink) -> None:
    sink.offers[sink.offers.index("SIZE 26214400")] = "SIZE 10"

    result = send(sink)

    assert result.disposition == "bounced"
    assert str(result.reply and result.reply.enhanced) == "5.3.4"
    assert "MAIL" not in sink.verbs()


def test_smtputf8_is_needed_only_by_the_local_part(sink: SmtpSink) -> None:
    sink.offers.remove("SMTPUTF8")

    plain, international = run(lambda: smarthost(sink), make_message(), make_message("zoë@town.example"))

    assert plain.disposition == "delivered"
    assert international.disposition == "bounced"


def test_an_envelope_that_would_inject_a_command_is_refused(sink: SmtpSink) -> None:
    result = send(sink, make_message("a b\r\nRSET@town.example"))

    assert result.disposition == "bounced"
    assert sink.connections == 0


def test_no_connection_is_temporary() -> None:
    with smtp_sink() as gone:
        pass

    result = send(gone)

    assert (result.disposition, result.phase, result.why) == ("deferred", "connect", "connection refused")


# -- LMTP ----------------------------------------------------------------------------------------------------


def test_lmtp_takes_and_refuses_after_the_dot() -> None:
    with smtp_sink(is_lmtp=True) as store:
        store.dot_recipients["full@town.example"] = "452 4.2.2 over quota"

        good, full = run(
            lambda: smarthost(store, "lmtp"), make_message(), make_message("full@town.example")
        )

    assert (good.disposition, full.disposition) == ("delivered", "deferred")
    assert store.verbs()[0] == "LHLO"
    assert store.connections == 1


# -- AUTH ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offer", ["AUTH PLAIN LOGIN", "AUTH LOGIN"])
def test_it_authenticates_on_a_private_line(offer: str) -> None:
    with smtp_sink(users={"me": "secret"}) as house:
        house.offers[-1] = offer
        result = send(house, login="me:secret@")

    assert result.disposition == "delivered"
    assert house.messages[0].username == "me"
    assert not any("secret" in str(row) or "AG1l" in str(row) for row in result.transcript)


def test_a_wrong_password_is_our_fault_and_temporary() -> None:
    with smtp_sink(users={"me": "secret"}) as house:
        result = send(house, login="me:wrong@")

    assert (result.disposition, result.phase) == ("deferred", "auth")
    assert result.reply is not None
    assert result.reply.code == 535


def test_a_password_never_crosses_a_public_line_in_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    from relayhub.relay.transports import smtp

    monkeypatch.setattr(smtp, "is_private_line", lambda address: False)
    with smtp_sink(users={"me": "secret"}) as house:
        result = send(house, login="me:secret@")

    assert (result.disposition, result.phase) == ("deferred", "starttls")
    assert "AUTH" not in house.verbs()
