"""W3 to W6, W10, W11: relay workers die, are replaced and are frozen while a campaign goes out over real SMTP."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import pytest

from campaigns import broadcast
from relayhub.core.clock import now
from relayhub.relay.models import Recipient
from tests.flows.test_accepted_to_delivered import hand_in
from tests.support.campaign_run import (
    Audience,
    bury,
    check_both_sides,
    in_flight,
    is_sent,
    launch_twice,
    make_audience,
    make_campaign,
)
from tests.support.door_rows import Sender
from tests.support.relay_workers import Workers, relay_workers
from tests.support.smtp_sink import SmtpSink, Taken
from tests.support.waiting import until

pytestmark = [pytest.mark.chaos, pytest.mark.django_db(transaction=True)]

#: What `up` starts as a relay worker.
CELERY = (
    "-m", "celery", "-A", "relayhub", "worker", "--queues", "relay", "--pool", "threads", "--concurrency", "2",
    "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING",
)
#: Claims and commits are of many messages; the other points are passed once a message.
MOST_PASSES = {"after_claim": 4, "after_outcome_commit": 8}


def launched(sender: Sender, sink: SmtpSink, size: int) -> tuple[Any, Any, Audience]:
    """A campaign in the queue: itself, its broadcast, its people."""
    people = make_audience(size)
    campaign = make_campaign(sender, people, sink)
    row = launch_twice(sender, campaign)
    broadcast.expand(row.pk)
    return campaign, row, people


@pytest.mark.parametrize("passes", [1, 7, 60])
@pytest.mark.parametrize(
    "crashpoint",
    ["after_claim", "before_intent", "after_intent", "after_final_dot", "after_reply", "after_outcome_commit"],
)
def test_a_worker_that_dies_at_any_point_costs_a_copy_a_connection_at_most(
    sender: Sender, sink: SmtpSink, crashpoint: str, passes: int
) -> None:
    campaign, row, people = launched(sender, sink, 400)
    passes = min(passes, MOST_PASSES.get(crashpoint, passes))
    with relay_workers() as workers:
        workers.start(1, RELAYHUB_CRASHPOINT=f"{crashpoint}:{passes}")
        workers.died()
        bury(sink)
        workers.start(1)
        until(lambda: is_sent(campaign), "the campaign is sent", look=0.2)
        workers.stop()

    copies = check_both_sides(people, row, sink, workers)
    if passes == 1 and crashpoint in ("after_claim", "before_intent", "after_intent"):
        assert copies == 0
        assert len(sink.messages) == len(people.valid)


@pytest.mark.parametrize("at_message", [1, 40, 200])
def test_killed_by_the_receiver_between_taking_and_answering(sender: Sender, sink: SmtpSink, at_message: int) -> None:
    """W5 to the letter: the message is taken, its sender dies before it can hear so."""
    campaign, row, people = launched(sender, sink, 400)
    seen: list[Taken] = []
    with relay_workers() as workers:

        def kill(taken: Taken) -> None:
            seen.append(taken)
            if len(seen) == at_message:
                os.kill(workers.running[0].pid, signal.SIGKILL)

        sink.on_message = kill
        workers.start(1)
        workers.died()
        bury(sink)
        workers.start(1)
        until(lambda: is_sent(campaign), "the campaign is sent", look=0.2)
        workers.stop()

    assert check_both_sides(people, row, sink, workers) >= 1


def test_twenty_rolling_restarts_lose_nothing_and_copy_nothing(sender: Sender, sink: SmtpSink) -> None:
    """W10, with Celery's own workers, while every connection has something in the air."""
    sink.dot_delay_seconds = 0.4
    campaign, row, people = launched(sender, sink, 9000)
    with relay_workers() as workers:
        workers.command = CELERY
        workers.start(2)
        restarts = 0
        while restarts < 20:
            before = len(sink.messages)
            until(lambda before=before: len(sink.messages) > before, "mail goes out")  # type: ignore[misc]
            workers.stop(workers.running[0], seconds=30)
            workers.start(1)
            restarts += 1
        assert not is_sent(campaign), "the campaign is over too soon to have seen the restarts"
        sink.dot_delay_seconds = 0.0
        until(lambda: is_sent(campaign), "the campaign is sent", seconds=240, look=0.5)
        workers.stop()

    assert check_both_sides(people, row, sink, workers) == 0
    assert not Recipient.objects.filter(crashes__gt=0).exists()


def test_a_frozen_worker_that_wakes_after_its_lease_sends_no_dot(sender: Sender, sink: SmtpSink) -> None:
    """W11: its rows went to others; what it still holds in memory must not go out."""
    sink.dot_delay_seconds = 0.05
    campaign, row, people = launched(sender, sink, 3000)
    with relay_workers(RELAYHUB_LEASE="4s", RELAYHUB_UNKNOWN_HOLD="0s") as workers:
        workers.start(1)
        until(lambda: len(sink.messages) > 200, "the first worker sends")
        workers.signal(signal.SIGSTOP)
        frozen = workers.running.pop()
        try:
            theirs = sink.open_between(now().timestamp(), now().timestamp())
            held = in_flight(row.pk)
            workers.start(1)
            # The reaper of the second one takes the first one's rows once their lease is over.
            until(lambda: is_sent(campaign), "the others send everything", seconds=120, look=0.3)
            woken_at = now().timestamp()
            frozen.send_signal(signal.SIGCONT)
            until(lambda: not (set(sink.opened_at) - set(sink.closed_at)) & theirs, "the woken one lets go")
        finally:
            frozen.send_signal(signal.SIGCONT)
            workers.running.append(frozen)
        workers.stop()

    late = [message for message in sink.messages if message.connection in theirs and message.at > woken_at]
    assert held > 0
    assert late == []
    # At most one copy a connection that had a dot in the air when it froze; the ledger knows each.
    check_frozen(people, row, sink, theirs)


def check_frozen(people: Audience, row: Any, sink: SmtpSink, theirs: set[int]) -> None:
    """As after a kill: what was in the air over the frozen connections may have been sent again."""
    workers = Workers({})
    check_both_sides(people, row, sink, workers, doomed=theirs)


def test_a_pause_is_kept_by_workers_that_were_killed_meanwhile(sender: Sender, sink: SmtpSink) -> None:
    campaign, row, people = launched(sender, sink, 1500)
    with relay_workers() as workers:
        workers.start(2)
        until(lambda: len(sink.messages) > 200, "mail goes out")
        pause = threading.Thread(target=lambda: broadcast.pause(sender.actor, campaign))
        pause.start()
        workers.kill()
        pause.join(20)
        bury(sink)
        taken = len(sink.messages)
        workers.start(2)
        hand_in(sender, "urgent@town.example")
        until(lambda: len(sink.messages) > taken, "what is not paused goes by")
        workers.stop()
        urgent = sink.messages.pop()
        assert (urgent.rcpt_to, len(sink.messages)) == (("urgent@town.example",), taken)
        broadcast.resume(sender.actor, campaign)
        workers.start(2)
        until(lambda: is_sent(campaign), "the campaign is sent", look=0.2)
        workers.stop()
    check_both_sides(people, row, sink, workers)
