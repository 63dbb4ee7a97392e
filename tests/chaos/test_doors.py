"""W1 and W2: the doors die around their commit. What was promised is there once, what was not is there at most once."""

from __future__ import annotations

import signal
import threading
from collections import Counter

import pytest

from relayhub.core.access import ALL_SCOPES
from relayhub.core.keys import KeyLimits, create_key
from relayhub.relay.models import Content, Event, Message, Recipient
from tests.support.campaign_run import check_ledger
from tests.support.door_rows import Sender, letter
from tests.support.listener_process import ListenerProcess, free_ports
from tests.support.smtp_listener import RawClient
from tests.support.waiting import until
from tests.support.web_process import WebProcess

pytestmark = [pytest.mark.chaos, pytest.mark.django_db(transaction=True)]

MAIL = {"from": "a@acme.example", "to": ["b@x.example"], "subject": "Hi", "text": "Hello"}


def headers_of(sender: Sender) -> dict[str, str]:
    key = create_key(sender.actor, name="test", limits=KeyLimits(scopes=ALL_SCOPES))
    return {"Authorization": f"Bearer {key.text}", "Idempotency-Key": "order-1"}


def test_the_api_killed_before_its_commit_keeps_nothing(sender: Sender) -> None:
    headers = headers_of(sender)
    with WebProcess(crashpoint="store_before_commit") as web:
        assert web.ask("/api/v1/messages", MAIL, **headers).status == 0
        assert web.process.wait(20) == -signal.SIGKILL
    for model in (Message, Content, Recipient, Event):
        assert model.objects.count() == 0
    check_ledger()


def test_the_api_killed_after_its_commit_and_asked_again_is_one_message(sender: Sender) -> None:
    headers = headers_of(sender)
    with WebProcess(crashpoint="store_after_commit") as web:
        assert web.ask("/api/v1/messages", MAIL, **headers).status == 0
        assert web.process.wait(20) == -signal.SIGKILL
    with WebProcess() as web:
        first = web.ask("/api/v1/messages", MAIL, **headers)
        again = web.ask("/api/v1/messages", MAIL, **headers)
        other = web.ask("/api/v1/messages", {**MAIL, "text": "Other"}, **headers)

    assert (first.status, again.status, other.status) == (202, 202, 422)
    assert first.body == again.body
    assert first.body["id"] == Message.objects.get().public_id
    assert Recipient.objects.count() == 1
    check_ledger()


class Clients:
    """Programs that hand in without end, each message once, and write down what they were told."""

    def __init__(self, port: int, count: int) -> None:
        self.tried: Counter[str] = Counter()
        self.promised: dict[str, str] = {}
        self._port = port
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """No more."""
        self._is_over.set()
        for thread in self._threads:
            thread.join(60)

    def _work(self, number: int) -> None:
        serial = 0
        while not self._is_over.is_set():
            try:
                client = RawClient(self._port)
                client.say("EHLO client.example")
                while not self._is_over.is_set():
                    serial += 1
                    self._hand_in(client, f"n{number}-{serial}")
            except OSError:
                self._is_over.wait(0.02)  # nobody listens for the moment

    def _hand_in(self, client: RawClient, name: str) -> None:
        self.tried[name] += 1
        reply = client.hand_in("ann@acme.example", [f"{name}@x.example"], letter(subject=name))
        if not reply:
            client.close()
            raise ConnectionError
        assert reply.startswith("250 2.0.0 Ok: queued as "), reply
        self.promised[name] = reply.rpartition(" ")[2]


def test_submission_killed_again_and_again_under_load_keeps_its_word(sender: Sender) -> None:
    ports = free_ports(3)
    clients = Clients(ports[0], 8)
    try:
        for _ in range(6):
            with ListenerProcess(ports=ports) as listener:
                before = len(clients.promised)
                until(lambda before=before: len(clients.promised) > before + 60, "mail comes in again")  # type: ignore[misc]
                listener.process.kill()
    finally:
        clients.stop()

    kept = Counter(Message.objects.values_list("subject", flat=True))
    ids = {message.subject: message.public_id for message in Message.objects.all()}
    assert max(kept.values()) == 1
    assert set(clients.promised) <= set(kept) <= set(clients.tried)
    assert {name: ids[name] for name in clients.promised} == clients.promised
    # Each client had at most one message in the air at each kill.
    assert len(kept) - len(clients.promised) <= 8 * 6
    check_ledger()
