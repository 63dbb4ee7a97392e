"""Acts on many contacts: who is left alone, what is kept as evidence, what undo brings back, and what a job does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from campaigns import bulk, bulk_undo, contacts, fields, lists, subscriptions
from campaigns.contacts import Evidence, add_contact
from campaigns.models import BulkAct, BulkChange, ConsentEntry, Contact, MailingList, Subscription
from deliverability import suppression
from deliverability.models import Suppression
from relayhub.core import jobs
from relayhub.core.access import Actor, actor_for_member, system_actor
from relayhub.core.errors import ConflictError, ForbiddenError, InputError
from relayhub.core.models import AuditEntry, Job, Member, Role, User
from relayhub.site import setup

pytestmark = pytest.mark.django_db
EVERYBODY = bulk.Chosen(query={})


@pytest.fixture
def actor() -> Actor:
    return system_actor(setup.new_workspace("Shop"))


@pytest.fixture
def news(actor: Actor) -> MailingList:
    return lists.create_list(actor, name="News")


@pytest.fixture
def as_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than one contact is a job, done and undone in parts of two."""
    for module in (bulk, bulk_undo):
        monkeypatch.setattr(module, "AT_ONCE", 1)
        monkeypatch.setattr(module, "_BATCH", 2)


def people(actor: Actor, *names: str, on: MailingList | None = None, **values: Any) -> list[Contact]:
    return [
        add_contact(actor, email=f"{name}@x.example", lists=[on] if on else [], fields=values,
                    evidence=Evidence(channel="form"))
        for name in names
    ]


def leave(contact: Contact, mailing_list: MailingList) -> None:
    subscriptions.unsubscribe(contact, [mailing_list.pk], evidence=Evidence(channel="link"))


def do(actor: Actor, kind: str, chosen: bulk.Chosen = EVERYBODY, **parts: Any) -> BulkAct:
    return bulk.start(actor, bulk.Order(kind=kind, **parts), chosen)


def states(mailing_list: MailingList) -> dict[str, str]:
    rows = Subscription.objects.filter(mailing_list=mailing_list).values_list("contact__email", "status")
    return {email.partition("@")[0]: status for email, status in rows}


def cities() -> dict[str, Any]:
    return {row.email.partition("@")[0]: row.fields.get("city") for row in Contact.objects.all()}


def test_adding_leaves_alone_who_left_and_who_is_on(actor: Actor, news: MailingList) -> None:
    people(actor, "new")
    people(actor, "on", on=news)
    leave(people(actor, "gone", on=news)[0], news)

    act = do(actor, "add_to_list", mailing_list=news, source="trade fair 2026")

    assert (act.changed, act.left_alone, act.job) == (1, 2, None)
    assert states(news) == {"new": "confirmed", "on": "confirmed", "gone": "unsubscribed"}
    entry = ConsentEntry.objects.get(contact__email="new@x.example")
    assert (entry.action, entry.channel, entry.source) == ("subscribed", "dashboard", "trade fair 2026")
    assert AuditEntry.objects.filter(action="list.contacts_added", after__count=1).exists()


def test_an_address_that_left_and_was_deleted_is_not_brought_back(actor: Actor, news: MailingList) -> None:
    (gone,) = people(actor, "gone", on=news)
    leave(gone, news)
    contacts.delete_contact(actor, gone)
    people(actor, "gone")

    assert do(actor, "add_to_list", mailing_list=news).changed == 0
    assert Suppression.objects.get().lifted_at is None


def test_an_adding_is_undone_but_for_those_who_acted_since(actor: Actor, news: MailingList) -> None:
    people(actor, "a", "b", "c")
    act = do(actor, "add_to_list", mailing_list=news)
    leave(Contact.objects.get(email="b@x.example"), news)
    subscriptions.subscribe(Contact.objects.get(email="c@x.example"), news, evidence=Evidence(channel="form"))

    assert bulk_undo.undo(actor, act) is None

    assert act.restored == 1
    assert states(news) == {"b": "unsubscribed", "c": "confirmed"}
    actions = list(ConsentEntry.objects.filter(contact__email="a@x.example").order_by("id").values_list("action"))
    assert actions == [("subscribed",), ("removed",)]


def test_taking_off_is_undone_as_it_was(actor: Actor, news: MailingList) -> None:
    people(actor, "a", on=news)
    leave(people(actor, "gone", on=news)[0], news)
    before = Subscription.objects.get(contact__email="a@x.example")

    act = do(actor, "remove_from_list", mailing_list=news)
    assert (act.changed, states(news)) == (1, {"gone": "unsubscribed"})
    bulk_undo.undo(actor, act)

    after = Subscription.objects.get(contact__email="a@x.example")
    assert (after.status, after.confirmed_at, after.created_at) == (
        before.status, before.confirmed_at, before.created_at
    )
    with pytest.raises(ConflictError, match="undone already"):
        bulk_undo.undo(actor, act)


def test_a_no_for_many_suppresses_and_is_taken_back_but_for_a_no_of_their_own(
    actor: Actor, news: MailingList
) -> None:
    people(actor, "a", "b", on=news)
    people(actor, "stranger")
    act = do(actor, "unsubscribe", mailing_list=news, source="wrote to the shop")
    assert (act.changed, act.left_alone) == (2, 1)
    assert states(news) == {"a": "unsubscribed", "b": "unsubscribed"}
    stopped = suppression.rows_for_address(actor.workspace.pk, "a@x.example")
    assert [(row.scope, row.list_id, row.reason) for row in stopped] == [("list", news.pk, "unsubscribe")]
    # b comes back and leaves once more, by acts of their own
    b = Contact.objects.get(email="b@x.example")
    subscriptions.subscribe(b, news, evidence=Evidence(channel="form"))
    leave(b, news)

    bulk_undo.undo(actor, act)

    assert act.restored == 1
    assert states(news) == {"a": "confirmed", "b": "unsubscribed"}
    assert suppression.rows_for_address(actor.workspace.pk, "a@x.example") == []
    assert len(suppression.rows_for_address(actor.workspace.pk, "b@x.example")) == 1


def test_suppressing_many_is_lifted_but_for_what_stood_before(actor: Actor) -> None:
    people(actor, "a", "b")
    suppression.suppress(actor.workspace.pk, "b@x.example", reason="hard_bounce", scope="workspace")

    act = do(actor, "suppress", source="asked by letter")
    assert (act.changed, act.left_alone) == (1, 1)
    bulk_undo.undo(actor, act)

    left = Suppression.objects.filter(lifted_at=None).values_list("address", "reason")
    assert list(left) == [("b@x.example", "hard_bounce")]


def test_a_field_is_set_and_given_back(actor: Actor) -> None:
    people(actor, "a", city="Oslo")
    people(actor, "b", city="Bergen")
    people(actor, "c")

    act = do(actor, "set_field", field="city", value="Oslo")
    assert (act.changed, act.left_alone, cities()) == (2, 1, {"a": "Oslo", "b": "Oslo", "c": "Oslo"})
    contacts.change_contact(actor, Contact.objects.get(email="b@x.example"), fields={"city": "Paris"})
    bulk_undo.undo(actor, act)

    assert cities() == {"a": "Oslo", "b": "Paris", "c": None}


def test_a_value_is_checked_by_the_field_and_an_empty_one_takes_it_away(actor: Actor) -> None:
    fields.define_field(actor, key="age", type="number")
    people(actor, "a", age=41)

    with pytest.raises(InputError, match="holds a number"):
        do(actor, "set_field", field="age", value="old")
    act = do(actor, "set_field", field="age", value="")
    assert Contact.objects.get().fields == {}
    bulk_undo.undo(actor, act)
    assert Contact.objects.get().fields == {"age": 41}


def test_a_deletion_takes_all_that_match_and_cannot_be_undone(actor: Actor, news: MailingList) -> None:
    people(actor, "a", "b", on=news)
    people(actor, "c")

    act = do(actor, "delete", bulk.Chosen(query={"list": [news.public_id]}))

    assert Contact.objects.get().email == "c@x.example"
    assert not Subscription.objects.exists()
    with pytest.raises(ConflictError, match="cannot be undone"):
        bulk_undo.undo(actor, act)


@pytest.mark.parametrize("parts", [
    {"kind": "fly"}, {"kind": "add_to_list"}, {"kind": "set_field"}, {"kind": "set_field", "field": "shoe"},
])
def test_an_act_without_its_parts_is_refused(actor: Actor, parts: dict[str, str]) -> None:
    people(actor, "a")

    with pytest.raises(InputError):
        bulk.start(actor, bulk.Order(**parts), EVERYBODY)
    assert not BulkAct.objects.exists()


def test_a_marketer_passes_on_a_no_but_suppresses_nobody(actor: Actor, news: MailingList) -> None:
    people(actor, "a", on=news)
    user = User.objects.create_user("m@example.com", "a long enough word 7")
    marketer = actor_for_member(Member.objects.create(workspace=actor.workspace, user=user, role=Role.MARKETER))

    assert do(marketer, "unsubscribe", mailing_list=news).changed == 1
    with pytest.raises(ForbiddenError):
        do(marketer, "suppress")


def test_others_contacts_are_not_touched(actor: Actor, news: MailingList) -> None:
    other = system_actor(setup.new_workspace("Other"))
    (theirs,) = people(other, "theirs")

    with pytest.raises(InputError, match="at least one"):
        do(actor, "add_to_list", bulk.Chosen(ids=[theirs.pk]), mailing_list=news)


def test_undo_is_for_a_while(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    people(actor, "a")
    act = do(actor, "suppress")
    assert bulk_undo.undo_until(act) is not None

    monkeypatch.setattr(bulk_undo, "UNDO_WITHIN", timedelta(0))

    assert bulk_undo.undo_until(act) is None
    with pytest.raises(ConflictError, match="24 hours"):
        bulk_undo.undo(actor, act)
    assert bulk_undo.forget_old() == 1
    assert not BulkChange.objects.exists()


# -- as a job ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("as_jobs")
@pytest.mark.parametrize("kind", ["add_to_list", "remove_from_list", "unsubscribe", "suppress", "set_field"])
def test_many_are_changed_and_given_back_in_parts(actor: Actor, news: MailingList, kind: str) -> None:
    fields.define_field(actor, key="city")
    people(actor, *"abcde", on=None if kind == "add_to_list" else news, city="Oslo")
    before = (states(news), cities(), Suppression.objects.filter(lifted_at=None).count())

    act = do(actor, kind, mailing_list=news, field="city", value="Bergen")
    people(actor, "late", on=news, city="Oslo")
    assert act.job is not None
    jobs.run_job(act.job.pk)
    act.refresh_from_db()
    assert (act.changed, act.job.total) == (5, 5)
    undone = bulk_undo.undo(actor, act)
    assert undone is not None
    jobs.run_job(undone.pk)

    Contact.objects.filter(email="late@x.example").delete()
    assert (states(news), cities(), Suppression.objects.filter(lifted_at=None).count()) == before
    assert list(Job.objects.order_by("id").values_list("status", "done")) == [("done", 5), ("done", 5)]


@pytest.mark.usefixtures("as_jobs")
def test_a_job_that_died_goes_on_where_it_was(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    people(actor, *"abcde")
    fields.define_field(actor, key="city")
    act = do(actor, "set_field", field="city", value="Oslo")
    real, calls = bulk._changed, []

    def dies_once(*args: Any) -> int:
        calls.append(1)
        if len(calls) == 2:
            raise jobs.JobLost
        return real(*args)

    monkeypatch.setattr(bulk, "_changed", dies_once)
    assert act.job is not None
    jobs.run_job(act.job.pk)
    Job.objects.update(status="waiting", token=None)
    jobs.run_job(act.job.pk)

    act.refresh_from_db()
    assert (act.changed, act.left_alone) == (5, 0)
    assert set(cities().values()) == {"Oslo"}


@pytest.mark.usefixtures("as_jobs")
def test_a_stopped_job_can_be_undone_as_far_as_it_came(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    people(actor, *"abcde")
    fields.define_field(actor, key="city")
    act = do(actor, "set_field", field="city", value="Oslo")
    assert act.job is not None
    job_id, real = act.job.pk, bulk._changed

    def then_stop(*args: Any) -> int:
        done = real(*args)
        if list(cities().values()).count("Oslo") > 2:
            Job.objects.filter(pk=job_id).update(cancel_requested_at="2026-01-01T00:00:00Z")
        return done

    monkeypatch.setattr(bulk, "_changed", then_stop)
    jobs.run_job(job_id)
    act.refresh_from_db()
    assert (Job.objects.get().status, act.changed) == ("cancelled", 2)
    undone = bulk_undo.undo(actor, act)
    assert undone is not None
    jobs.run_job(undone.pk)

    assert set(cities().values()) == {None}
