"""Contact, list and job pages at their corners: filters in other words, values of several lines, very many lists."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from campaigns import confirmation, fields, list_choice, lists, saved_views, subscriptions
from campaigns.contacts import Evidence
from campaigns.models import Contact, ContactImport, MailingList, Subscription
from deliverability import suppression
from relayhub.core import files, jobs
from relayhub.core.clock import now
from relayhub.core.models import StoredFile, StoredFileChunk
from relayhub.relay.models import Event, Stream
from tests.pages.marketer_rows import Desk
from tests.pages.test_contacts import at, emails_on, particular, person
from tests.support.relay_rows import make_lane, make_message, make_recipients

__all__ = ["at"]
pytestmark = pytest.mark.django_db


def many_lists(at: Desk) -> MailingList:
    """More than a menu shows; the last one is called otherwise."""
    for number in range(list_choice.SHOWN + 1):
        lists.create_list(at.actor, name=f"Letter {number}")
    return lists.create_list(at.actor, name="News")


def test_the_state_on_a_list_is_not_taken_for_the_standing(at: Desk) -> None:
    news = lists.create_list(at.actor, name="News")
    gone, stopped = person(at, "gone", news), person(at, "stopped", news)
    for row in (gone, stopped):
        subscriptions.unsubscribe(row, [news.pk], evidence=Evidence(channel="link"))
    suppression.suppress(at.workspace.pk, stopped.email, reason="hard_bounce", scope="workspace")
    asked = {"list": [news.public_id], "status": ["unsubscribed"]}
    view = saved_views.save_view(at.actor, name="Left", query=asked)

    by_status = at.client.get(reverse("contact-list"), {"view": view.public_id}, follow=True)

    page = by_status.content.decode()
    assert emails_on(by_status) == {gone.public_id, stopped.public_id}
    assert "On that list: unsubscribed" in page
    assert "changed</span>" not in page
    by_standing = at.client.get(reverse("contact-list"), {"list": news.public_id, "standing": "unsubscribed"})
    assert emails_on(by_standing) == {gone.public_id}


def test_a_list_that_is_named_wrongly_does_not_find_everybody(at: Desk) -> None:
    many_lists(at)
    person(at, "a")

    wrong = at.client.get(reverse("contact-list"), {"list": "", "list_name": "Lettter"})

    assert emails_on(wrong) == set()
    assert "“Lettter” is the name of no list" in wrong.content.decode()
    kept = at.client.post(reverse("contact-view-new"), {"name": "x", "list_name": "Letter\0"}, follow=True)
    assert not saved_views.views_of(at.actor).exists()
    assert kept.status_code in (200, 400)


def test_a_value_of_several_lines_is_changed_and_keeps_them(at: Desk) -> None:
    fields.define_field(at.actor, key="note", label="Note")
    row = person(at, "a", note="one\ntwo")

    opened = at.client.get(reverse("contact-detail", args=[row.public_id]), {"edit": "field_note"}).content.decode()
    assert "<textarea" in opened
    saved = particular(at, row, "field_note", "one\r\ntwo\r\nthree", "one\r\ntwo")

    assert saved.status_code == 200
    row.refresh_from_db()
    assert row.fields == {"note": "one\ntwo\nthree"}


def test_the_timeline_says_why_in_words(at: Desk) -> None:
    row = person(at, "a")
    stream = Stream.objects.filter(workspace=at.workspace)[0]
    (recipient,) = make_recipients(make_message(stream), make_lane(stream), [row.email])
    for kind, detail in (("held", {"reason": "domain_broken"}), ("suppressed", {"reason": "hard_bounce"})):
        Event.objects.create(
            workspace_id=at.workspace.pk, stream_id=stream.pk, recipient_id=recipient.pk,
            message_id=recipient.message_id, type=kind, detail=detail, at=now(),
        )

    page = at.client.get(reverse("contact-detail", args=[row.public_id])).content.decode()

    assert "From domain is not verified" in page
    assert "Hard bounce" in page
    assert "domain_broken" not in page


def test_an_import_finds_its_list_among_very_many(at: Desk) -> None:
    news = many_lists(at)
    there = at.client.post(reverse("import-new"), {
        "file": SimpleUploadedFile("people.csv", b"email\nzoe@x.example\n")})["Location"]

    page = at.client.get(f"{there}?list={news.public_id}").content.decode()
    assert 'role="combobox"' in page
    assert f'name="list" value="{news.public_id}"' in page
    assert "Letter 7" not in page
    wrong = at.client.post(there, {"column-0": "email", "list_name": "Newsletter"})
    assert (wrong.status_code, "There is no such list." in wrong.content.decode()) == (422, True)
    assert 'value="Newsletter"' in wrong.content.decode()
    tried = at.client.post(there, {"column-0": "email", "list": "", "list_name": "news"})
    assert tried.status_code == 302
    assert ContactImport.objects.get().mailing_list == news


def test_a_new_contact_is_not_added_beside_a_list_that_is_named_wrongly(at: Desk) -> None:
    many_lists(at)
    given = {"email": "a@x.example", "consent": "fair", "list": ""}

    wrong = at.client.post(reverse("contact-new"), {**given, "list_name": "Newz"})
    assert (wrong.status_code, Contact.objects.count()) == (422, 0)
    assert 'value="Newz"' in wrong.content.decode()
    at.client.post(reverse("contact-new"), {**given, "list_name": "news"})

    assert Subscription.objects.get().mailing_list.name == "News"


@pytest.mark.parametrize("name", ["contact-new", "suppression-new", "suppression-import"])
def test_a_field_that_searches_lists_belongs_to_the_form_around_it(at: Desk, name: str) -> None:
    many_lists(at)

    page = at.client.get(reverse(name)).content.decode()

    field = page[page.index('role="combobox"') - 300:][:1200]
    assert " form=" not in field


def test_people_of_a_list_are_found_as_in_contacts(at: Desk) -> None:
    news = lists.create_list(at.actor, name="News")
    person(at, "zoe", news)
    person(at, "bo", news)
    path = reverse("list-detail", args=[news.public_id])

    for text, who in (("ZOE", "zoe@x.example"), ("bo@x.", "bo@x.example")):
        page = at.client.get(path, {"q": text}).content.decode()
        assert (who in page, page.count('name="contact"')) == (True, 1), text


@pytest.mark.parametrize(("name", "query"), [
    ("list-list", {"q": "a\0"}), ("job-list", {"kind": "\0"}), ("contact-list", {"q": "\0", "list_name": "\0"}),
    ("list-pick", {"q": "\0"}),
])
def test_what_no_text_holds_is_no_fault(at: Desk, name: str, query: dict[str, str]) -> None:
    assert at.client.get(reverse(name), query).status_code == 200


def test_how_many_wait_is_a_minute_old_where_they_are_very_many(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    club = lists.create_list(at.actor, name="Club", opt_in="double", from_header="Club <c@shop.example>")
    person(at, "a", club)
    assert confirmation.waiting_about(club, 1) == 1
    Subscription.objects.update(confirmation_sent_at=now())
    assert confirmation.waiting_about(club, 1) == 0

    monkeypatch.setattr(confirmation, "EXACT_UP_TO", 0)
    assert confirmation.waiting_about(club, 1) == 0
    Subscription.objects.update(confirmation_sent_at=None)
    assert confirmation.waiting_about(club, 1) == 0
    assert confirmation.waiting_about(club, 0) == 0


def test_all_jobs_that_are_not_finished_are_counted(at: Desk) -> None:
    for _ in range(12):
        jobs.start_job(at.workspace, kind="export", title="One", created_by=at.user)

    page = at.client.get(reverse("job-list")).content.decode()

    assert "12 jobs not finished." in page
    assert "The newest 10 of 12" in page


def test_files_whose_time_is_over_go_with_all_they_hold(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_DELETED_AT_ONCE", 2)
    for number in range(5):
        files.store_file(at.workspace, purpose="import", name=f"{number}.csv", chunks=[b"a"], expires_at=now())
    kept = files.store_file(at.workspace, purpose="import", name="kept.csv", chunks=[b"a"])

    assert files.delete_expired() == 5

    assert (StoredFile.objects.get(), StoredFileChunk.objects.get().file) == (kept, kept)


def test_a_view_of_what_is_gone_says_so_and_its_filter_comes_off(at: Desk) -> None:
    news, fair = lists.create_list(at.actor, name="News"), lists.create_list(at.actor, name="Fair")
    city = fields.define_field(at.actor, key="city", label="City")
    anna = person(at, "anna", news)
    view = saved_views.save_view(
        at.actor, name="By city", columns=["field:city"],
        query={"list": [fair.public_id], "not_list": [fair.public_id], "sort": ["field:city"]},
    )
    lists.archive_list(at.actor, fair)
    city.delete()

    broken = at.client.get(reverse("contact-list"), {"view": view.public_id}, follow=True).content.decode()

    assert "This list is no longer there." in broken
    assert "is nothing to sort by" not in broken
    off = re.search(r'href="(\?[^"]*)">On a list that is no longer there', broken)
    assert off is not None
    half = at.client.get(reverse("contact-list") + unescape(off[1])).content.decode()
    off = re.search(r'href="(\?[^"]*)">Not on a list that is no longer there', half)
    assert off is not None
    mended = at.client.get(reverse("contact-list") + unescape(off[1]))
    assert emails_on(mended) == {anna.public_id}


@pytest.mark.parametrize(
    ("language", "typed", "kept"), [("de", "3,5", 3.5), ("pl", "-0,25", -0.25), ("de", "3.5", 3.5)]
)
def test_a_number_is_taken_with_the_comma_of_the_persons_language(
    at: Desk, language: str, typed: str, kept: float
) -> None:
    fields.define_field(at.actor, key="size", label="Size", type="number")
    at.user.language = language
    at.user.save(update_fields=["language"])

    at.client.post(reverse("contact-new"), {"email": "a@x.example", "field_size": typed})

    assert Contact.objects.get().fields == {"size": kept}


def test_a_comma_in_english_is_no_decimal(at: Desk) -> None:
    fields.define_field(at.actor, key="size", label="Size", type="number")

    answer = at.client.post(reverse("contact-new"), {"email": "a@x.example", "field_size": "1,000"})

    assert answer.status_code == 422
    assert not Contact.objects.exists()
