"""Connections are reused, limited, replaced when dead, and never left in a bad state."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from relayhub.relay.shaping import ConnectionLimits
from relayhub.relay.transports.base import SendResult
from relayhub.relay.transports.smtp import SmarthostTransport
from tests.relay.transports.conftest import go, make_message, play, run, smarthost, stop
from tests.support.smtp_sink import SmtpSink, smtp_sink

TWO_EACH = ConnectionLimits(max_connections=5, max_messages=2, idle_seconds=5.0)
BRIEF = ConnectionLimits(max_connections=5, max_messages=None, idle_seconds=0.05)


async def send_together(transport: SmarthostTransport, count: int) -> Sequence[SendResult]:
    return await asyncio.gather(
        *(transport.send(make_message(f"u{number}@town.example"), before_dot=go) for number in range(count))
    )


def test_one_connection_serves_many_messages(sink: SmtpSink) -> None:
    results = run(lambda: smarthost(sink), *[make_message()] * 20)

    assert [result.disposition for result in results] == ["delivered"] * 20
    assert sink.connections == 1
    assert sink.verbs().count("EHLO") == 1
    assert sink.until(lambda: sink.verbs()[-1] == "QUIT")


def test_a_refused_recipient_does_not_cost_the_connection(sink: SmtpSink) -> None:
    sink.recipients["bad@town.example"] = "550 5.1.1 no such user"

    bad, good = run(lambda: smarthost(sink), make_message("bad@town.example"), make_message())

    assert (bad.disposition, good.disposition) == ("bounced", "delivered")
    assert sink.connections == 1


def test_no_more_connections_than_allowed(sink: SmtpSink) -> None:
    results = play(lambda: smarthost(sink, max_connections=3), lambda t: send_together(t, 60))

    assert {result.disposition for result in results} == {"delivered"}
    assert len(sink.messages) == 60
    assert sink.most_open == 3


def test_no_more_messages_a_connection_than_allowed(sink: SmtpSink) -> None:
    run(lambda: smarthost(sink, limits=TWO_EACH), *[make_message()] * 5)

    assert sink.connections == 3
    assert [taken.connection for taken in sink.messages] == [1, 1, 2, 2, 3]


@pytest.mark.parametrize("is_reset", [False, True])
def test_a_dead_idle_connection_is_replaced_without_counting(sink: SmtpSink, is_reset: bool) -> None:
    intents = 0

    async def before_dot() -> bool:
        nonlocal intents
        intents += 1
        return True

    async def act(transport: SmarthostTransport) -> list[SendResult]:
        first = await transport.send(make_message(), before_dot=before_dot)
        sink.drop_all(reset=is_reset)
        return [first, await transport.send(make_message(), before_dot=before_dot)]

    results = play(lambda: smarthost(sink), act)

    assert [result.disposition for result in results] == ["delivered", "delivered"]
    assert (sink.connections, intents) == (2, 2)


@pytest.mark.parametrize("answer", ["DROP", "RESET", "STALL", "421 4.4.2 idle too long"])
def test_a_goodbye_to_a_used_connections_mail_is_no_answer(sink: SmtpSink, answer: str) -> None:
    sink.fail("MAIL", answer, nth=2)

    first, second = run(lambda: smarthost(sink), make_message(), make_message())

    assert (first.disposition, second.disposition) == ("delivered", "delivered")
    assert sink.connections == 2
    assert len(sink.messages) == 2


def test_a_goodbye_to_a_new_connections_mail_is_the_answer(sink: SmtpSink) -> None:
    sink.fail("MAIL", "421 4.7.0 too many of you")

    result, again = run(lambda: smarthost(sink), make_message(), make_message())

    assert (result.disposition, again.disposition) == ("deferred", "deferred")
    assert sink.connections == 2


def test_an_abandoned_transaction_costs_the_connection_and_nothing_else(sink: SmtpSink) -> None:
    async def act(transport: SmarthostTransport) -> list[SendResult]:
        return [
            await transport.send(make_message("a@town.example"), before_dot=stop),
            await transport.send(make_message("b@town.example"), before_dot=go),
        ]

    abandoned, sent = play(lambda: smarthost(sink, max_connections=1), act)

    assert (abandoned.disposition, sent.disposition) == ("abandoned", "delivered")
    assert [taken.rcpt_to for taken in sink.messages] == [("b@town.example",)]


def test_a_cancelled_delivery_frees_its_place(sink: SmtpSink) -> None:
    async def never() -> bool:
        await asyncio.Event().wait()
        return True

    async def act(transport: SmarthostTransport) -> SendResult:
        stuck = asyncio.ensure_future(transport.send(make_message(), before_dot=never))
        while "DATA" not in sink.verbs():
            await asyncio.sleep(0)
        waiting = asyncio.ensure_future(transport.send(make_message("b@town.example"), before_dot=go))
        await asyncio.sleep(0)
        stuck.cancel()
        return await waiting

    result = play(lambda: smarthost(sink, max_connections=1), act)

    assert result.disposition == "delivered"
    assert len(sink.messages) == 1


def test_who_waits_and_is_cancelled_takes_no_place_along(sink: SmtpSink) -> None:
    async def act(transport: SmarthostTransport) -> tuple[SendResult, int]:
        tasks = [asyncio.ensure_future(transport.send(make_message(), before_dot=go)) for _ in range(10)]
        await asyncio.sleep(0)
        for task in tasks[1::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        last = await transport.send(make_message(), before_dot=go)
        return last, transport.pool.open_count

    result, open_count = play(lambda: smarthost(sink, max_connections=1), act)

    assert result.disposition == "delivered"
    assert open_count == 1


def test_a_failed_connection_lets_the_next_one_try(sink: SmtpSink) -> None:
    sink.fail("BANNER", "DROP", nth=1)

    results = play(lambda: smarthost(sink, max_connections=1), lambda t: send_together(t, 3))

    assert sorted(result.disposition for result in results) == ["deferred", "delivered", "delivered"]


def test_an_idle_connection_says_goodbye_in_time(sink: SmtpSink) -> None:
    async def act(transport: SmarthostTransport) -> int:
        await transport.send(make_message(), before_dot=go)
        while transport.pool.open_count:
            await asyncio.sleep(0.01)
        return transport.pool.open_count

    assert play(lambda: smarthost(sink, limits=BRIEF), act) == 0
    assert sink.until(lambda: sink.verbs()[-1] == "QUIT")


def test_a_thousand_messages_over_tls_arrive_once_each() -> None:
    with smtp_sink(has_tls=True) as sink:
        results = play(lambda: smarthost(sink, max_connections=10), lambda t: send_together(t, 1000))

        assert {(result.disposition, result.why) for result in results} == {("delivered", "")}
        assert len({taken.rcpt_to for taken in sink.messages}) == len(sink.messages) == 1000
