"""Finding contacts: by words, list, standing and field; and what “May I write?” answers."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from campaigns import bulk, contact_filter, contacts, field_removal, fields, lists, standing, subscriptions
from campaigns.comparisons import Comparison
from campaigns.contact_filter import ContactFilter
from campaigns.contacts import Evidence, add_contact
from campaigns.models import ConsentEntry, Contact, Subscription
from deliverability import suppression
from relayhub.core.access import Actor, system_actor
from relayhub.core.errors import InputError
from relayhub.relay.models import Stream
from relayhub.site import setup

pytestmark = pytest.mark.django_db
ANY = Evidence(channel="form")


@pytest.fixture
def actor() -> Actor:
    return system_actor(setup.new_workspace("Shop"))


def compared(actor: Actor, field: str, op: str = "", value: str = "") -> set[str]:
    return found(actor, comparisons=(Comparison(field=field, op=op, value=value),))


def found(actor: Actor, **wanted: object) -> set[str]:
    rows = contact_filter.matching(actor.workspace, ContactFilter(**wanted))  # type: ignore[arg-type]
    return {row.email.partition("@")[0] for row in rows}


@pytest.fixture
def everybody(actor: Actor) -> Actor:
    """One contact of each standing."""
    news = lists.create_list(actor, name="News")
    club = lists.create_list(actor, name="Club", opt_in="double")
    for name in ("may", "bounced", "complained", "gone"):
        add_contact(actor, email=f"{name}@x.example", lists=[news], evidence=ANY)
    add_contact(actor, email="asked@x.example", lists=[club], evidence=ANY)
    add_contact(actor, email="none@x.example", evidence=ANY)
    gone = Contact.objects.get(email="gone@x.example")
    subscriptions.unsubscribe(gone, [news.pk], evidence=ANY)
    workspace = actor.workspace
    suppression.suppress(workspace.pk, "bounced@x.example", reason="hard_bounce", scope="workspace")
    stream = Stream.objects.get(workspace=workspace, kind="broadcast")
    suppression.suppress(workspace.pk, "complained@x.example", reason="complaint", scope="stream", stream_id=stream.pk)
    return actor


def test_each_contact_stands_where_mail_to_it_would(everybody: Actor) -> None:
    by_standing = {value: found(everybody, standing=value) for value in standing.Standing.values}

    assert by_standing == {
        "may": {"may"}, "suppressed": {"bounced", "complained"}, "unconfirmed": {"asked"},
        "unsubscribed": {"gone"}, "none": {"none"},
    }


def test_column_filter_and_figures_agree(everybody: Actor) -> None:
    rows = standing.with_standing(contacts.contacts_of(everybody.workspace), everybody.workspace)
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.standing] = counts.get(row.standing, 0) + 1

    assert standing.figures(everybody.workspace).by_standing == counts
    assert counts == {value: len(found(everybody, standing=value)) for value in counts}


def test_with_very_many_the_figures_wait_for_nobody(everybody: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "EXACT_UP_TO", 2)
    cache.clear()

    assert standing.figures_at_hand(everybody.workspace) is None
    assert standing.figures(everybody.workspace).total == 6
    add_contact(everybody, email="late@x.example", evidence=ANY)
    assert standing.figures_at_hand(everybody.workspace) == standing.figures(everybody.workspace)
    assert standing.figures(everybody.workspace).total == 6


def test_a_transactional_complaint_stops_no_broadcast(everybody: Actor) -> None:
    stream = Stream.objects.get(workspace=everybody.workspace, kind="transactional")
    suppression.suppress(
        everybody.workspace.pk, "may@x.example", reason="complaint", scope="stream", stream_id=stream.pk
    )

    assert found(everybody, standing="may") == {"may"}


def test_on_one_list_its_own_state_counts(everybody: Actor) -> None:
    club = lists.lists_of(everybody.workspace).get(name="Club")

    assert found(everybody, mailing_list=club.pk) == {"asked"}
    assert found(everybody, mailing_list=club.pk, standing="may") == set()
    assert found(everybody, mailing_list=club.pk, status="unconfirmed") == {"asked"}
    with pytest.raises(InputError):
        found(everybody, mailing_list=club.pk, status="nonsense")


def test_an_archived_list_says_nothing(everybody: Actor) -> None:
    lists.archive_list(everybody, lists.lists_of(everybody.workspace).get(name="News"))

    assert found(everybody, standing="none") == {"may", "gone", "none"}


def test_fields_are_asked_by_their_kind(actor: Actor) -> None:
    fields.define_field(actor, key="contains", type="text")
    fields.define_field(actor, key="age", type="number")
    fields.define_field(actor, key="member", type="boolean")
    fields.define_field(actor, key="born", type="date")
    add_contact(actor, email="a@x.example", evidence=ANY,
                fields={"contains": "New Oslo", "age": 41, "member": True, "born": "1985-02-03"})
    add_contact(actor, email="b@x.example", evidence=ANY, fields={"contains": "Bergen", "age": 4})

    assert compared(actor, "contains", value="oslo") == {"a"}
    assert compared(actor, "age", value="41") == {"a"}
    assert compared(actor, "member", value="yes") == {"a"}
    assert compared(actor, "member", value="Ja ") == {"a"}
    assert compared(actor, "born", value="1985-02-03") == {"a"}
    assert compared(actor, "born") == {"a"}
    with pytest.raises(InputError, match="holds a number"):
        compared(actor, "age", value="old")
    with pytest.raises(InputError, match="no field"):
        compared(actor, "shoe", value="41")


def test_words_look_into_addresses_and_names(actor: Actor) -> None:
    add_contact(actor, email="zoe@x.example", name="Zoë van Rijn", evidence=ANY)
    add_contact(actor, email="rijn@y.example", evidence=ANY)

    assert found(actor, text="rijn") == {"zoe", "rijn"}
    assert found(actor, text="@y.example") == {"rijn"}
    assert found(actor, text="ZOE@") == {"zoe"}
    assert found(actor, text=Contact.objects.get(email="zoe@x.example").public_id) == {"zoe"}


def test_deleting_many_takes_their_subscriptions_and_leaves_others(everybody: Actor) -> None:
    act = bulk.start(everybody, bulk.Order(kind="delete"), bulk.Chosen(query={"standing": ["suppressed"]}))

    assert (act.changed, act.job) == (2, None)

    assert Contact.objects.count() == 4
    assert not Subscription.objects.filter(contact__email__startswith="bounced").exists()
    assert ConsentEntry.objects.filter(contact__email__startswith="may").exists()


def test_a_field_is_renamed_and_removed_everywhere(actor: Actor) -> None:
    field = fields.define_field(actor, key="city", label="Town")
    add_contact(actor, email="a@x.example", fields={"city": "Oslo", "age": 3}, evidence=ANY)
    news = lists.create_list(actor, name="News")
    form = lists.create_form(actor, news, title="Join", field_keys=["name", "city"])

    assert fields.rename_field(actor, field, label="Home town").label == "Home town"
    assert fields.contacts_with(actor.workspace, ["city", "age"]) == {"city": 1, "age": 1}
    assert field_removal.delete_field(actor, field) == 1

    assert Contact.objects.get().fields == {"age": 3}
    form.refresh_from_db()
    assert form.field_keys == ["name"]
    with pytest.raises(InputError):
        fields.rename_field(actor, field, label=" ")
