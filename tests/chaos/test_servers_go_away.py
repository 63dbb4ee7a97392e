"""D1 and R1: PostgreSQL is restarted again and again under load; Valkey is flushed, restarted, and stays away."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.db import connections

from campaigns import broadcast
from relayhub.embedded import postgres, valkey
from relayhub.embedded.places import prepare_places
from relayhub.relay.models import Message
from tests.chaos.test_senders import CELERY, launched
from tests.flows.test_accepted_to_delivered import hand_in
from tests.support import servers
from tests.support.campaign_run import check_both_sides, check_ledger, is_sent
from tests.support.door_rows import Sender, letter
from tests.support.listener_process import ListenerProcess
from tests.support.relay_workers import relay_workers
from tests.support.smtp_listener import RawClient
from tests.support.smtp_sink import SmtpSink, Taken
from tests.support.waiting import until

pytestmark = [pytest.mark.chaos, pytest.mark.django_db(transaction=True)]

RESTARTS = ["fast", "immediate"] * 4


def restart_postgres(how: str) -> None:
    """As `pg_ctl restart -m fast` or `immediate`: the second one is what a power cut leaves."""
    if not servers.started:
        pytest.skip("only the embedded server of this run may be restarted")
    running = servers.started[0]
    assert running.postgres is not None
    running.postgres.child.send_signal(signal.SIGINT if how == "fast" else signal.SIGQUIT)
    running.postgres.child.wait(60)
    running.postgres = postgres.start(prepare_places(Path(os.environ["RELAYHUB_DATA"])))
    connections.close_all()  # given back to the pool, which looks at each before it lends it again


def test_d1_a_campaign_goes_on_through_eight_restarts_without_a_copy(sender: Sender, sink: SmtpSink) -> None:
    sink.dot_delay_seconds = 0.1
    campaign, row, people = launched(sender, sink, 9000)
    gaps: list[float] = []
    with relay_workers() as workers:
        workers.start(2)
        for how in RESTARTS:
            before = len(sink.messages)
            until(lambda before=before: len(sink.messages) > before + 200, "mail goes out")  # type: ignore[misc]
            restart_postgres(how)
            came_back, before = time.monotonic(), len(sink.messages)
            until(lambda before=before: len(sink.messages) > before + 20, "mail goes out again")  # type: ignore[misc]
            gaps.append(time.monotonic() - came_back)
        assert not is_sent(campaign), "the campaign is over too soon to have seen the restarts"
        sink.dot_delay_seconds = 0.0
        until(lambda: is_sent(campaign), "the campaign is sent", seconds=180, look=0.5)
        workers.stop()

    assert max(gaps) < 10
    assert check_both_sides(people, row, sink, workers) == 0


def test_d1_the_door_says_later_while_the_database_is_away_and_keeps_its_word(sender: Sender) -> None:
    promised: dict[str, str] = {}
    refused: list[str] = []
    is_over = threading.Event()

    def hand_in_for_ever(number: int, port: int) -> None:
        serial = 0
        client: RawClient | None = None
        while not is_over.is_set():
            serial += 1
            name = f"n{number}-{serial}"
            try:
                if client is None:
                    client = RawClient(port)
                    client.say("EHLO client.example")
                reply = client.hand_in("ann@acme.example", [f"{name}@x.example"], letter(subject=name))
            except OSError:
                reply = ""
            if reply.startswith("250"):
                promised[name] = reply.rpartition(" ")[2]
                continue
            assert reply == "" or reply.startswith(("451", "421")), reply
            refused.append(reply)
            client = None
            is_over.wait(0.05)

    with ListenerProcess() as listener:
        threads = [threading.Thread(target=hand_in_for_ever, args=(number, listener.port)) for number in range(6)]
        for thread in threads:
            thread.start()
        try:
            for how in RESTARTS[:4]:
                before = len(promised)
                until(lambda before=before: len(promised) > before + 40, "mail comes in")  # type: ignore[misc]
                restart_postgres(how)
                came_back, before = time.monotonic(), len(promised)
                until(lambda before=before: len(promised) > before, "mail comes in again")  # type: ignore[misc]
                assert time.monotonic() - came_back < 10
        finally:
            is_over.set()
            for thread in threads:
                thread.join(60)

    kept = Counter(Message.objects.values_list("subject", flat=True))
    ids = {message.subject: message.public_id for message in Message.objects.all()}
    assert max(kept.values()) == 1
    assert {name: ids.get(name) for name in promised} == promised
    assert len(kept) - len(promised) <= len(refused)
    check_ledger()


class Broker:
    """A Valkey of the test's own, to flush and to stop."""

    def __init__(self, folder: Path) -> None:
        self.places = prepare_places(folder)
        self.server = valkey.start(self.places)
        self.password = self.server.password

    @property
    def url(self) -> str:
        """Where workers find it."""
        return f"unix://:{self.password}@{self.server.socket}?db=0"

    def flush(self) -> None:
        """FLUSHALL."""
        with redis.Redis(unix_socket_path=str(self.server.socket), password=self.password) as client:
            client.flushall()

    def stop(self) -> None:
        """Away."""
        self.server.stop()

    def start(self) -> None:
        """Back, with the password that its clients know."""
        self.server = valkey.start(self.places, password=self.password)


@pytest.fixture
def broker() -> Iterator[Broker]:
    with tempfile.TemporaryDirectory(prefix="relayhub-broker-") as folder:
        Path(folder).chmod(0o755)
        made = Broker(Path(folder))
        yield made
        made.stop()


def urgent_of(sink: SmtpSink) -> list[Taken]:
    return [message for message in sink.messages if message.rcpt_to == ("urgent@town.example",)]


def test_r1_sending_goes_on_by_the_table_whatever_becomes_of_the_broker(
    sender: Sender, sink: SmtpSink, broker: Broker
) -> None:
    sink.dot_delay_seconds = 0.3
    campaign, row, people = launched(sender, sink, 8000)

    def goes_on(within: float = 10.0) -> None:
        before = len(sink.messages)
        until(lambda: len(sink.messages) > before + 100, "mail goes out", seconds=within)

    with relay_workers(REDIS_URL=broker.url) as workers:
        workers.command = CELERY
        workers.start(2)
        goes_on(60)
        broker.flush()
        goes_on()
        broker.stop()
        goes_on()
        # A message handed in now is out within two seconds of its turn, with nobody to ring for it.
        handed_in_at = time.time()
        hand_in(sender, "urgent@town.example")
        until(lambda: urgent_of(sink), "urgent mail is out", seconds=10)
        (urgent,) = urgent_of(sink)
        assert urgent.at - handed_in_at < 4
        broker.start()
        goes_on()
        broker.flush()
        goes_on()
        broker.stop()
        assert not is_sent(campaign), "the campaign is over too soon to have seen the broker go"
        # A worker without a broker ends in order as well, and one that starts without it works.
        workers.stop(workers.running[0], seconds=30)
        broker.start()
        workers.start(1)
        sink.dot_delay_seconds = 0.0
        until(lambda: is_sent(campaign), "the campaign is sent", seconds=180, look=0.5)
        workers.stop()

    sink.messages.remove(urgent)
    assert check_both_sides(people, row, sink, workers) == 0


def test_r1_a_launch_whose_bell_is_lost_is_found_by_the_sweep(sender: Sender, sink: SmtpSink) -> None:
    from campaigns.models import Broadcast

    campaign, row, people = launched(sender, sink, 300)
    Broadcast.objects.filter(pk=row.pk).update(status="expanding", checkpoint=0)
    assert broadcast.resume_expansions() == 1
    broadcast.expand(row.pk)
    assert Broadcast.objects.get(pk=row.pk).status == "expanded"
    with relay_workers() as workers:
        workers.start(1)
        until(lambda: is_sent(campaign), "the campaign is sent", look=0.2)
        workers.stop()
    assert check_both_sides(people, row, sink, workers) == 0
