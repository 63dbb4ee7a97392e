"""The commit at the door: all of a batch or nothing, and one strange message harms no other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import OperationalError

from relayhub.core import clock
from relayhub.core.errors import AcceptError
from relayhub.core.models import IdempotencyRecord
from relayhub.relay import accept, bell, store
from relayhub.relay.models import Content, CounterDelta, Event, Message, Recipient, Source
from relayhub.relay.submission import Accepted, Submission, SubmittedRecipient
from tests.support.door_rows import Sender, letter, make_sender

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sender(transactional_db: None) -> Sender:
    return make_sender()


def acceptable(sender: Sender, number: int, *, key: str = "") -> accept.Acceptable:
    extra = f"X-RelayHub-Idempotency-Key: {key}\r\n" if key else ""
    return accept.check(
        Submission(
            workspace_id=sender.workspace.pk, source=Source.HTTP, mail_from="",
            recipients=(SubmittedRecipient(address=f"p{number}@example.org"),),
            content=letter(subject=f"No. {number}", extra=extra),
        ),
        now=clock.now(),
    )


def test_a_batch_is_stored_and_answered_in_order(sender: Sender) -> None:
    items = [acceptable(sender, number) for number in range(40)]
    answers = store.store_many(items)
    assert [answer.message_id for answer in answers if isinstance(answer, Accepted)] == [
        item.message_id for item in items
    ]
    assert Message.objects.count() == Content.objects.count() == Recipient.objects.count() == 40
    assert Event.objects.filter(type="accepted").count() == 40
    assert sum(CounterDelta.objects.filter(metric="accepted").values_list("delta", flat=True)) == 40


def test_an_empty_batch(sender: Sender) -> None:
    assert store.store_many([]) == []


@pytest.mark.parametrize("step", ["_copy_contents", "_copy_messages", "_copy_recipients", "_note_idempotency"])
def test_a_database_fault_keeps_nothing(sender: Sender, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[object] = []
    monkeypatch.setattr(bell, "ring_lanes", rung.append)
    original = getattr(store, step)

    def fails(*arguments: object) -> None:
        original(*arguments)
        raise OperationalError("gone")

    monkeypatch.setattr(store, step, fails)
    answers = store.store_many([acceptable(sender, 1, key="a"), acceptable(sender, 2)])
    assert [str(answer.reply)[:9] for answer in answers if isinstance(answer, AcceptError)] == ["451 4.3.0"] * 2
    assert all(answer.http_status == 503 for answer in answers if isinstance(answer, AcceptError))
    for model in (Message, Content, Recipient, Event, IdempotencyRecord, CounterDelta):
        assert model.objects.count() == 0
    assert rung == []


def test_one_strange_message_harms_no_other(sender: Sender) -> None:
    items = [acceptable(sender, number) for number in range(3)]
    items[1] = replace(items[1], subject="x" * 2000)  # longer than its column
    answers = store.store_many(items)
    assert [isinstance(answer, Accepted) for answer in answers] == [True, False, True]
    assert Message.objects.count() == 2


def test_the_bell_rings_after_the_commit_with_the_lanes_that_wait(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(bell, "ring_lanes", lambda lanes: seen.append((len(lanes), Message.objects.count())))
    store.store_many([acceptable(sender, number) for number in range(3)])
    assert seen == [(1, 3)]


def test_twins_in_one_batch_are_one_message(sender: Sender) -> None:
    twins = [acceptable(sender, 1, key="same") for _ in range(3)]
    answers = store.store_many(twins)
    ids = {answer.message_id for answer in answers if isinstance(answer, Accepted)}
    assert len(ids) == 1
    assert all(isinstance(answer, Accepted) for answer in answers)
    assert Message.objects.count() == 1
