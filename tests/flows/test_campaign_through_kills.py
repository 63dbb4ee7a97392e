"""A campaign of 4,000 while everything that can happen to its workers happens: everybody once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from campaigns import broadcast
from campaigns.models import Broadcast
from relayhub.relay.models import Recipient
from tests.support.campaign_run import (
    at_once,
    bury,
    check_both_sides,
    in_flight,
    is_sent,
    launch_twice,
    make_audience,
    make_campaign,
    sign_with_keys,
)
from tests.support.door_rows import forget_everything, make_sender
from tests.support.relay_workers import relay_workers
from tests.support.smtp_sink import SmtpSink, smtp_sink
from tests.support.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with smtp_sink() as running:
        yield running


def test_everybody_once_through_two_kills_a_pause_and_two_launches(settings: Any, sink: SmtpSink) -> None:
    settings.RELAYHUB_DEFAULT_ROUTE = f"smtp://127.0.0.1:{sink.port}"
    forget_everything()
    sender = make_sender()
    sign_with_keys(sender)
    people = make_audience(4000)
    campaign = make_campaign(sender, people, sink)

    row = launch_twice(sender, campaign)
    # Two workers are rung for it; between them it is expanded once.
    at_once(lambda: broadcast.expand(row.pk), lambda: broadcast.expand(row.pk))
    broadcast.expand(row.pk)
    assert Recipient.objects.filter(broadcast_id=row.pk).count() == people.size

    with relay_workers() as workers:
        workers.start(2)
        until(lambda: len(sink.messages) >= 700, "the first 700 are out")
        workers.kill()
        bury(sink)

        workers.start(2)
        until(lambda: len(sink.messages) >= 1600, "1,600 are out")
        broadcast.pause(sender.actor, campaign)
        until(lambda: in_flight(row.pk) == 0, "nothing is on its way while it is paused")
        before = len(sink.messages)
        assert before < len(people.valid)
        assert launch_twice(sender, campaign).pk == row.pk
        assert len(sink.messages) == before
        broadcast.resume(sender.actor, campaign)

        until(lambda: len(sink.messages) >= before + 700, "700 more are out")
        workers.kill()
        bury(sink)

        workers.start(2)
        until(lambda: is_sent(campaign), "the campaign is sent", look=0.2)
        workers.stop()

    check_both_sides(people, row, sink, workers)
    assert Broadcast.objects.count() == 1
    assert all(b"DKIM-Signature:" in message.content for message in sink.messages)
