"""The contact pages: what they show, whom they let in, and what each act does to the rows."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns import (
    contact_count,
    contact_story,
    contact_walk,
    fields,
    list_choice,
    lists,
    standing,
    subscriptions,
)
from campaigns.contacts import Evidence, add_contact
from campaigns.models import Contact, FieldDefinition, MailingList, SavedView, Subscription
from campaigns.views import contact_list
from deliverability import suppression
from relayhub.core.models import AuditEntry, Job, Role
from relayhub.relay import routes
from relayhub.site import setup
from tests.pages.marketer_rows import Desk, desk

pytestmark = pytest.mark.django_db
ANY = Evidence(channel="form", source="https://shop.example/join", ip="192.0.2.7")


@pytest.fixture
def at() -> Desk:
    routes.forget()
    return desk()


def person(at: Desk, name: str, *on: MailingList, **given: object) -> Contact:
    return add_contact(
        at.actor, email=f"{name}@x.example", name=name.title(), lists=on, fields=given, evidence=ANY
    )


def particular(at: Desk, row: Contact, name: str, value: str, was: str, *, partial: bool = True) -> HttpResponse:
    path = reverse("contact-particular", args=[row.public_id, name])
    headers = {"HX-Request": "true"} if partial else {}
    return at.client.post(path, {name: value, "was": was}, headers=headers)


def flash(answer: HttpResponse) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def undo_of(answer: HttpResponse) -> str:
    (message,) = get_messages(answer.wsgi_request)
    return str(message.extra_tags).removeprefix("undo=")


def emails_on(answer: HttpResponse) -> set[str]:
    return set(re.findall(r'name="contact" value="(con_\w+)"', answer.content.decode()))


def test_an_empty_workspace_is_told_how_to_begin(at: Desk) -> None:
    page = at.client.get(reverse("contact-list")).content.decode()

    assert "No contacts yet" in page
    assert "Import a CSV file" in page


def test_the_list_says_who_may_be_written_to(at: Desk) -> None:
    news = lists.create_list(at.actor, name="News")
    person(at, "may", news)
    person(at, "none")
    suppression.suppress(at.workspace.pk, "bounced@x.example", reason="hard_bounce", scope="workspace")
    person(at, "bounced", news)

    page = at.client.get(reverse("contact-list")).content.decode()

    for words in ("May write", "On no list", "Suppressed", "3 contacts"):
        assert words in page


def test_filters_live_in_the_address(at: Desk) -> None:
    news = lists.create_list(at.actor, name="News")
    may, other = person(at, "may", news, city="Oslo"), person(at, "other", city="Bergen")
    path = reverse("contact-list")

    def found(**query: str) -> set[str]:
        return emails_on(at.client.get(path, query))

    assert found(list=news.public_id) == {may.public_id}
    assert found(standing="none") == found(status="none") == {other.public_id}
    assert found(q="oth") == {other.public_id}
    assert found(field="city", value="osl") == {may.public_id}


@pytest.mark.parametrize("query", [{"list": "lst_nonsense"}, {"status": "x"}, {"field": "shoe", "value": "1"}])
def test_a_filter_that_cannot_be_met_says_why(at: Desk, query: dict[str, str]) -> None:
    person(at, "a")

    answer = at.client.get(reverse("contact-list"), query)

    assert answer.status_code == 200
    assert "This filter cannot be used." in answer.content.decode()


def test_chosen_columns_are_remembered(at: Desk) -> None:
    person(at, "a", city="Oslo", shoe="41")
    path = reverse("contact-list")
    assert "Oslo" in at.client.get(path).content.decode()

    at.client.post(reverse("contact-columns"), {"column": ["field:shoe", "source", "nonsense"]})

    elsewhere = Client()
    elsewhere.force_login(at.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    page = elsewhere.get(path).content.decode()
    assert "Oslo" not in page
    assert 'data-label="shoe"' in page
    assert 'data-label="Came from"' in page


def test_the_page_asks_no_more_of_the_database_for_more_contacts(at: Desk) -> None:
    news = lists.create_list(at.actor, name="News")
    path = reverse("contact-list")

    def queries(**query: str) -> int:
        at.client.get(path, query)  # what is kept between requests is there, but for what is kept for two seconds
        routes.forget()
        with CaptureQueriesContext(connection) as caught:
            assert at.client.get(path, query).status_code == 200
        # What the frame does now and then, such as keeping the session, is not the page's.
        return sum("campaigns_" in query["sql"] or "relay_" in query["sql"] for query in caught.captured_queries)

    everything = {"list": news.public_id, "standing": "may", "field": "city", "value": "Oslo", "sort": "title"}
    person(at, "first", news, city="Oslo")
    few = (queries(), queries(**everything))
    for number in range(60):
        person(at, f"p{number}", news, lists.create_list(at.actor, name=f"List {number}"), city="Oslo")

    assert (queries(), queries(**everything)) == few
    assert few[0] <= 20


def test_a_view_is_saved_opened_first_changed_and_removed(at: Desk) -> None:
    person(at, "may", lists.create_list(at.actor, name="News"), city="Oslo")
    person(at, "none")
    path = reverse("contact-list")

    saved = at.client.post(reverse("contact-view-new"), {
        "name": "Reachable", "standing": "may", "sort": "title", "column": ["source"], "first": "1", "shared": "1",
    })
    view = SavedView.objects.get()
    assert saved["Location"] == f"{path}?view={view.public_id}&standing=may&sort=title"
    opened = at.client.get(path, follow=True)
    page = opened.content.decode()
    assert opened.redirect_chain == [(saved["Location"], 302)]
    assert len(emails_on(opened)) == 1
    assert 'data-label="Came from"' in page
    assert 'aria-sort="ascending"' in page
    everybody = at.client.get(path, {"view": "all"})
    assert len(emails_on(everybody)) == 2

    at.client.post(reverse("contact-view-change", args=[view.public_id]), {"standing": "none"})
    at.client.post(reverse("contact-view-change", args=[view.public_id]), {"what": "name", "name": "Unreached"})
    view.refresh_from_db()
    assert (view.name, view.query, view.is_shared) == ("Unreached", {"standing": ["none"]}, False)
    at.client.post(reverse("contact-view-delete", args=[view.public_id]))
    assert at.client.get(path).status_code == 200


def test_others_views_are_absent(at: Desk) -> None:
    other = desk(at.workspace, role=Role.MARKETER, email="o@example.com")
    other.client.post(reverse("contact-view-new"), {"name": "Theirs", "standing": "may"})
    view = SavedView.objects.get()
    person(at, "a")

    assert "Theirs" not in at.client.get(reverse("contact-list")).content.decode()
    for name in ("contact-view-change", "contact-view-delete"):
        assert at.client.post(reverse(name, args=[view.public_id]), {"name": "x"}).status_code == 404, name


def test_with_very_many_the_count_comes_after_the_page(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "EXACT_UP_TO", 2)
    monkeypatch.setattr(contact_list, "SIZE", 2)
    monkeypatch.setattr(contact_count, "EXACT_UP_TO", 2)
    monkeypatch.setattr(contact_count, "_SURELY", 1)
    for name in "abcd":
        person(at, name, city="Oslo")
    query = {"field": "city", "op": "is", "value": "Oslo"}

    page = at.client.get(reverse("contact-list"), query).content.decode()
    assert "Counting" in page
    part = at.client.get(reverse("contact-count"), query).content.decode()
    assert "about 4 contacts" in part
    exact = at.client.get(reverse("contact-count"), {**query, "exactly": "1"}).content.decode()
    assert "about" not in exact
    assert "4 contacts" in exact


def test_the_page_does_not_wait_for_contacts_that_are_not_soon_met(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "EXACT_UP_TO", 2)
    monkeypatch.setattr(contact_walk, "WALK", 2)
    monkeypatch.setattr(contact_walk, "SOON_MS", 0)
    news = lists.create_list(at.actor, name="News")
    old = {person(at, "old").public_id, person(at, "older").public_id}
    for name in "abcd":
        person(at, name, news)
    path = reverse("contact-list")

    page = at.client.get(path, {"standing": "none"})
    assert emails_on(page) == set()
    assert "No contact matches" not in page.content.decode()
    assert f'hx-get="{path}?standing=none"' in page.content.decode()
    part = at.client.get(path, {"standing": "none"}, headers={"HX-Request": "true"})
    assert emails_on(part) == old
    assert "<html" not in part.content.decode()
    assert "HX-Request" in part["Vary"]
    without_script = at.client.get(path, {"standing": "none", "whole": "1"})
    assert emails_on(without_script) == old
    assert "<html" in without_script.content.decode()
    nobody = at.client.get(path, {"standing": "suppressed"}, headers={"HX-Request": "true"})
    assert "No contact matches" in nobody.content.decode()
    # Who is soon met is on the page at once.
    monkeypatch.setattr(contact_list, "SIZE", 1)
    assert len(emails_on(at.client.get(path, {"standing": "may"}))) == 1


def test_lists_are_searched_where_there_are_too_many_to_show(at: Desk) -> None:
    for number in range(list_choice.SHOWN + 1):
        lists.create_list(at.actor, name=f"Letter {number}")
    news = lists.create_list(at.actor, name="News of the letter")
    row = person(at, "a", news)

    page = at.client.get(reverse("contact-list")).content.decode()
    assert 'role="combobox"' in page
    assert "Letter 7" not in page
    found = at.client.get(reverse("list-pick"), {"q": "LETTER"}).json()["data"]
    assert len(found) == 20
    assert found[0]["name"].startswith("Letter")
    assert at.client.get(reverse("list-pick"), {"q": "of the"}).json()["data"][0]["id"] == news.public_id
    # without a script the name is all that is sent
    assert emails_on(at.client.get(reverse("contact-list"), {"list": "", "list_name": "news of THE letter"})) == {
        row.public_id
    }


def test_a_new_contact_joins_lists_with_its_evidence(at: Desk) -> None:
    news = lists.create_list(at.actor, name="News")
    fields.define_field(at.actor, key="age", label="Age", type="number")
    given = {"email": "zoe@x.example", "name": "Zoë", "field_age": "41", "lists": [news.public_id]}

    without = at.client.post(reverse("contact-new"), given)
    assert without.status_code == 422
    assert 'value="zoe@x.example"' in without.content.decode()
    made = at.client.post(reverse("contact-new"), {**given, "consent": "at the counter"})

    contact = Contact.objects.get()
    assert made["Location"] == reverse("contact-detail", args=[contact.public_id])
    assert contact.fields == {"age": 41}
    entry = contact.consents.get()
    assert (entry.channel, entry.source, entry.ip) == ("dashboard", "at the counter", None)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"email": "nonsense"}, "nonsense"),
        ({"email": "known@x.example"}, "is a contact already"),
        ({"email": "new@x.example", "field_age": "old"}, "holds a number"),
    ],
)
def test_bad_input_keeps_the_text_and_says_what_is_wrong(at: Desk, given: dict[str, str], words: str) -> None:
    fields.define_field(at.actor, key="age", label="Age", type="number")
    person(at, "known")

    answer = at.client.post(reverse("contact-new"), given)

    assert answer.status_code == 422
    page = answer.content.decode()
    assert words in page
    for value in given.values():
        assert f'value="{value}"' in page
    assert Contact.objects.count() == 1


def test_many_events_of_one_moment_are_not_lost_between_pages(at: Desk) -> None:
    row = person(at, "a", *[lists.create_list(at.actor, name=f"List {number}") for number in range(60)])
    moment = row.created_at
    for number, entry in enumerate(row.consents.order_by("id")):
        type(entry).objects.filter(pk=entry.pk).update(at=moment - timedelta(seconds=number // 7))

    seen, url = [], reverse("contact-detail", args=[row.public_id])
    story = contact_story.story_of(row)
    while True:
        seen += [entry.title for entry in story.entries]
        if story.older is None:
            break
        story = contact_story.story_of(row, before=story.older)

    assert len(seen) == len(set(seen)) == 60
    assert at.client.get(url).status_code == 200


def test_a_contact_shows_lists_evidence_and_story(at: Desk) -> None:
    news = lists.create_list(at.actor, name="News")
    row = person(at, "a", news)

    page = at.client.get(reverse("contact-detail", args=[row.public_id])).content.decode()

    for words in ("May be written to", "Campaigns to “News” reach this contact.", "https://shop.example/join",
                  "IP 192.0.2.7", "Subscribed: News"):
        assert words in page


def test_subscribing_needs_evidence_and_unsubscribing_is_recorded(at: Desk) -> None:
    news = lists.create_list(at.actor, name="News")
    row = person(at, "a")
    url = reverse("contact-subscribe", args=[row.public_id])

    assert at.client.post(url, {"list": news.public_id}).status_code == 422
    at.client.post(url, {"list": news.public_id, "consent": "asked by phone"})
    assert Subscription.objects.get().status == "confirmed"
    at.client.post(reverse("contact-unsubscribe", args=[row.public_id]), {"list": news.public_id})

    assert Subscription.objects.get().status == "unsubscribed"
    assert [entry.source for entry in row.consents.order_by("id")] == [
        "asked by phone", "unsubscribed by maja@example.com"
    ]
    assert AuditEntry.objects.filter(action__in=["contact.subscribed", "contact.unsubscribed"]).count() == 2


def test_on_a_double_opt_in_list_the_person_is_asked(at: Desk) -> None:
    club = lists.create_list(at.actor, name="Club", opt_in="double", from_header="Club <c@shop.example>")
    row = person(at, "a")

    at.client.post(
        reverse("contact-subscribe", args=[row.public_id]), {"list": club.public_id, "consent": "asked by phone"}
    )

    joined = Subscription.objects.get()
    assert joined.status == "unconfirmed"
    assert joined.confirmation_sent_at is not None
    again = at.client.post(
        reverse("contact-ask", args=[row.public_id]), {"list": club.public_id},
        HTTP_REFERER=f"http://testserver{reverse('contact-detail', args=[row.public_id])}",
    )
    assert "less than an hour ago" in flash(again)


def test_a_contact_is_deleted_with_a_word_about_what_stays(at: Desk) -> None:
    news = lists.create_list(at.actor, name="News")
    row = person(at, "a", news)
    subscriptions.unsubscribe(row, [news.pk], evidence=ANY)
    page = at.client.get(reverse("contact-detail", args=[row.public_id])).content.decode()
    assert "Suppressions of the address stay (1)" in page
    assert "2 pieces of evidence of consent" in page

    at.client.post(reverse("contact-delete", args=[row.public_id]))

    assert not Contact.objects.exists()
    assert suppression.rows_for_address(at.workspace.pk, "a@x.example")


def test_fields_are_defined_renamed_and_removed(at: Desk) -> None:
    path = reverse("contact-fields")
    at.client.post(path, {"label": "Home town", "type": "text"})
    field = FieldDefinition.objects.get()
    assert (field.key, field.label) == ("home_town", "Home town")
    person(at, "a", home_town="Oslo")

    again = at.client.post(path, {"label": "Home town", "type": "text"})
    assert again.status_code == 422
    assert "already" in again.content.decode()
    at.client.post(reverse("contact-field-rename", args=[field.public_id]), {"label": "Town"})
    assert "1 contact loses its value." in at.client.get(path).content.decode()
    at.client.post(reverse("contact-field-delete", args=[field.public_id]))

    assert not FieldDefinition.objects.exists()
    assert Contact.objects.get().fields == {}


def test_an_export_is_a_job(at: Desk) -> None:
    person(at, "a")

    answer = at.client.post(reverse("contact-export"))

    job = Job.objects.get()
    assert answer["Location"] == reverse("job-detail", args=[job.public_id])
    assert job.kind == "export"


def test_a_viewer_reads_and_changes_nothing(at: Desk) -> None:
    news = lists.create_list(at.actor, name="News")
    row = person(at, "a", news)
    viewer = desk(at.workspace, role=Role.VIEWER, email="v@example.com")

    page = viewer.client.get(reverse("contact-list")).content.decode()
    one = viewer.client.get(reverse("contact-detail", args=[row.public_id])).content.decode()

    assert "Add contact" not in page
    assert "Export" not in page
    assert "data-bulk" not in page
    assert "Delete" not in one
    assert "Put on a list" not in one
    for name in ("contact-bulk", "contact-export", "contact-new", "contact-fields"):
        assert viewer.client.post(reverse(name)).status_code == 403, name
    for name in ("contact-delete", "contact-subscribe", "contact-unsubscribe", "contact-ask"):
        assert viewer.client.post(reverse(name, args=[row.public_id])).status_code == 403, name
    assert particular(viewer, row, "name", "Bo", "A").status_code == 403
    assert "Edit " not in one


def test_others_rows_are_absent(at: Desk) -> None:
    other = desk(setup.new_workspace("Other"), email="o@example.com")
    theirs = person(other, "theirs")
    their_list = lists.create_list(other.actor, name="Theirs")
    field = fields.define_field(other.actor, key="city")
    mine = person(at, "mine")

    for name in ("contact-delete", "contact-subscribe", "contact-unsubscribe", "contact-ask"):
        assert at.client.post(reverse(name, args=[theirs.public_id])).status_code == 404, name
    assert at.client.get(reverse("contact-detail", args=[theirs.public_id])).status_code == 404
    assert particular(at, theirs, "name", "Bo", "A").status_code == 404
    for name in ("contact-field-rename", "contact-field-delete"):
        assert at.client.post(reverse(name, args=[field.public_id])).status_code == 404, name
    at.client.post(
        reverse("contact-bulk"), {"act": "add", "to": their_list.public_id, "contact": [mine.public_id]}
    )
    at.client.post(reverse("contact-bulk"), {"act": "delete", "contact": [theirs.public_id], "typed": "1"})
    assert Contact.objects.count() == 2
    assert not Subscription.objects.exists()
