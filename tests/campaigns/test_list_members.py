"""Moving many contacts on and off lists: who is left alone, what is kept as evidence, and what undo brings back."""

from __future__ import annotations

import pytest

from campaigns import contacts, list_members, lists, subscriptions
from campaigns.contacts import Evidence, add_contact
from campaigns.models import ConsentEntry, Contact, MailingList, Subscription
from deliverability.models import Suppression
from relayhub.core.access import Actor, system_actor
from relayhub.core.errors import AccessError, ConflictError
from relayhub.core.models import AuditEntry
from relayhub.site import setup

pytestmark = pytest.mark.django_db


@pytest.fixture
def actor() -> Actor:
    return system_actor(setup.new_workspace("Shop"))


def people(actor: Actor, *names: str, on: MailingList | None = None) -> list[Contact]:
    return [
        add_contact(actor, email=f"{name}@x.example", lists=[on] if on else [], evidence=Evidence(channel="form"))
        for name in names
    ]


def states(mailing_list: MailingList) -> dict[str, str]:
    rows = Subscription.objects.filter(mailing_list=mailing_list).values_list("contact__email", "status")
    return {email.partition("@")[0]: status for email, status in rows}


def test_adding_many_leaves_alone_who_left_and_who_is_on(actor: Actor) -> None:
    news = lists.create_list(actor, name="News")
    people(actor, "new")
    people(actor, "on", on=news)
    (gone,) = people(actor, "gone", on=news)
    subscriptions.unsubscribe(gone, [news.pk], evidence=Evidence(channel="link"))

    moved = list_members.add_many(actor, contacts.contacts_of(actor.workspace), news, source="trade fair 2026")

    assert (moved.count, moved.left_alone) == (1, 2)
    assert states(news) == {"new": "confirmed", "on": "confirmed", "gone": "unsubscribed"}
    entry = ConsentEntry.objects.get(contact__email="new@x.example")
    assert (entry.action, entry.channel, entry.source) == ("subscribed", "dashboard", "trade fair 2026")
    assert AuditEntry.objects.filter(action="list.contacts_added", after__count=1).exists()


def test_an_address_that_left_and_was_deleted_is_not_brought_back(actor: Actor) -> None:
    news = lists.create_list(actor, name="News")
    (gone,) = people(actor, "gone", on=news)
    subscriptions.unsubscribe(gone, [news.pk], evidence=Evidence(channel="link"))
    contacts.delete_contact(actor, gone)
    people(actor, "gone")

    assert list_members.add_many(actor, contacts.contacts_of(actor.workspace), news).count == 0
    assert Suppression.objects.get().lifted_at is None


def test_on_a_double_opt_in_list_the_added_wait(actor: Actor) -> None:
    club = lists.create_list(actor, name="Club", opt_in="double", from_header="Club <c@shop.example>")
    people(actor, "a")

    list_members.add_many(actor, contacts.contacts_of(actor.workspace), club)

    assert states(club) == {"a": "unconfirmed"}


def test_an_adding_is_undone_but_for_those_who_acted_since(actor: Actor) -> None:
    news = lists.create_list(actor, name="News")
    people(actor, "a", "b")
    moved = list_members.add_many(actor, contacts.contacts_of(actor.workspace), news)
    left = Contact.objects.get(email="b@x.example")
    subscriptions.unsubscribe(left, [news.pk], evidence=Evidence(channel="link"))

    assert list_members.undo(actor, moved.undo_token).count == 1

    assert states(news) == {"b": "unsubscribed"}
    actions = list(ConsentEntry.objects.filter(contact__email="a@x.example").order_by("id").values_list("action"))
    assert actions == [("subscribed",), ("removed",)]


def test_taking_off_is_undone_as_it_was(actor: Actor) -> None:
    news = lists.create_list(actor, name="News")
    people(actor, "a", on=news)
    (gone,) = people(actor, "gone", on=news)
    subscriptions.unsubscribe(gone, [news.pk], evidence=Evidence(channel="link"))
    before = Subscription.objects.get(contact__email="a@x.example")

    moved = list_members.take_off_many(actor, contacts.contacts_of(actor.workspace), news)
    assert (moved.count, states(news)) == (1, {"gone": "unsubscribed"})
    list_members.undo(actor, moved.undo_token)

    after = Subscription.objects.get(contact__email="a@x.example")
    assert (after.status, after.confirmed_at, after.created_at) == (
        before.status, before.confirmed_at, before.created_at
    )
    assert list_members.undo(actor, moved.undo_token).count == 0


def test_undo_is_for_the_own_workspace_and_for_a_while(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    news = lists.create_list(actor, name="News")
    people(actor, "a")
    moved = list_members.add_many(actor, contacts.contacts_of(actor.workspace), news)

    with pytest.raises(AccessError):
        list_members.undo(system_actor(setup.new_workspace("Other")), moved.undo_token)
    with pytest.raises(AccessError):
        list_members.undo(actor, "guessed")
    monkeypatch.setattr(list_members, "UNDO_SECONDS", -1)
    with pytest.raises(ConflictError):
        list_members.undo(actor, moved.undo_token)


def test_others_contacts_cannot_be_moved(actor: Actor) -> None:
    other = system_actor(setup.new_workspace("Other"))
    people(other, "theirs")
    news = lists.create_list(actor, name="News")

    assert list_members.add_many(actor, Contact.objects.all(), news).count == 0
