"""Asking the unconfirmed: counted before, once in 30 days, paced, and never twice through a kill."""

from __future__ import annotations

import pytest
from django.db.models import F

from campaigns import confirmation, leaving, lists
from campaigns.contacts import Evidence, add_contact
from campaigns.models import MailingList, Subscription
from relayhub.core import jobs
from relayhub.core.access import Actor, system_actor
from relayhub.core.errors import ConflictError, InputError
from relayhub.core.models import Job
from relayhub.relay import routes
from relayhub.relay.models import Recipient
from relayhub.site import setup

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


@pytest.fixture
def actor() -> Actor:
    routes.forget()
    return system_actor(setup.new_workspace("Shop"))


def club(actor: Actor, people: int, from_header: str = "Club <c@shop.example>") -> MailingList:
    mailing_list = lists.create_list(actor, name="Club", opt_in="double", from_header=from_header)
    for number in range(people):
        add_contact(actor, email=f"p{number}@x.example", lists=[mailing_list], evidence=Evidence(channel="api"))
    return mailing_list


def test_everybody_waiting_is_asked_once_in_thirty_days(actor: Actor) -> None:
    mailing_list = club(actor, 3)
    assert confirmation.waiting(mailing_list) == 3

    job = confirmation.ask_unconfirmed(actor, mailing_list)
    with pytest.raises(ConflictError):
        confirmation.ask_unconfirmed(actor, mailing_list)
    jobs.run_job(job.pk)

    job.refresh_from_db()
    assert (job.status, job.result) == ("done", {"asked": 3, "refused": 0})
    assert Recipient.objects.count() == 3
    assert confirmation.waiting(mailing_list) == 0
    with pytest.raises(ConflictError):
        confirmation.ask_unconfirmed(actor, mailing_list)
    Subscription.objects.update(confirmation_sent_at=F("confirmation_sent_at") - confirmation.ASK_EVERY * 2)
    assert confirmation.waiting(mailing_list) == 3


def test_a_killed_run_asks_nobody_twice(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirmation, "_BATCH", 2)
    mailing_list = club(actor, 5)
    job = confirmation.ask_unconfirmed(actor, mailing_list)
    real, calls = leaving.ask_to_confirm, []

    def dies(row: Subscription, **more: object) -> bool:
        calls.append(row)
        if len(calls) == 4:
            raise SystemExit
        return real(row, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(leaving, "ask_to_confirm", dies)
    with pytest.raises(SystemExit):
        jobs.run_job(job.pk)
    monkeypatch.setattr(leaving, "ask_to_confirm", real)
    Job.objects.filter(pk=job.pk).update(heartbeat_at="2020-01-01T00:00:00Z")

    jobs.run_job(job.pk)

    addresses = list(Recipient.objects.values_list("address", flat=True))
    assert sorted(addresses) == [f"p{number}@x.example" for number in range(5)]


def test_the_mails_go_out_apart(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirmation, "PER_MINUTE", 1)
    job = confirmation.ask_unconfirmed(actor, club(actor, 3))

    jobs.run_job(job.pk)

    due = sorted(Recipient.objects.values_list("next_attempt_at", flat=True))
    assert (due[2] - due[1]).total_seconds() == pytest.approx(60, abs=1)


def test_a_list_without_from_cannot_ask(actor: Actor) -> None:
    with pytest.raises(InputError):
        confirmation.ask_unconfirmed(actor, club(actor, 1, from_header=""))
