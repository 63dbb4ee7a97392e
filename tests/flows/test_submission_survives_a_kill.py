"""The submission listener dies around its commit: nothing that was promised is lost, nothing half is kept."""

from __future__ import annotations

import signal

import pytest

from relayhub.relay.models import Content, Event, Message, Recipient
from tests.support.door_rows import Sender, letter, make_sender
from tests.support.listener_process import ListenerProcess

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sender(transactional_db: None) -> Sender:
    return make_sender()


def hand_in(listener: ListenerProcess) -> str:
    client = listener.client()
    keyed = letter(extra="X-RelayHub-Idempotency-Key: order-1\r\n")
    reply = client.hand_in("ann@acme.example", ["bob@example.org"], keyed)
    client.close()
    return reply


def test_killed_before_the_commit_keeps_nothing(sender: Sender) -> None:
    with ListenerProcess(crashpoint="store_before_commit") as listener:
        assert hand_in(listener) == ""
        assert listener.process.wait(20) == -signal.SIGKILL
    for model in (Message, Content, Recipient, Event):
        assert model.objects.count() == 0


def test_killed_after_the_commit_and_asked_again_is_one_message(sender: Sender) -> None:
    with ListenerProcess(crashpoint="store_after_commit") as listener:
        assert hand_in(listener) == ""
        assert listener.process.wait(20) == -signal.SIGKILL
    assert Message.objects.count() == 1
    with ListenerProcess() as listener:
        reply = hand_in(listener)
        listener.process.send_signal(signal.SIGTERM)
        assert listener.process.wait(20) == 0
    message = Message.objects.get()
    assert reply == f"250 2.0.0 Ok: queued as {message.public_id}"
    assert Recipient.objects.count() == 1
