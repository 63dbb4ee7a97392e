"""Acts on many contacts from the list: what they do, their undo, and what is asked before a deletion."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils.html import escape

from campaigns import bulk, bulk_undo, lists
from campaigns.models import BulkAct, Contact, Subscription
from relayhub.core import jobs
from relayhub.core.clock import now
from relayhub.core.models import AuditEntry, Job, Role
from relayhub.relay import routes
from tests.pages.marketer_rows import Desk, desk
from tests.pages.test_contacts import flash, person, undo_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def at() -> Desk:
    routes.forget()
    return desk()


def test_what_was_done_to_many_can_be_undone_from_the_list_for_a_day(at: Desk) -> None:
    news = lists.create_list(at.actor, name="News")
    row = person(at, "a")
    at.client.post(reverse("contact-bulk"), {"act": "add_to_list", "contact": row.public_id, "to": news.public_id})
    undo = reverse("contact-undo", args=[BulkAct.objects.get().public_id])
    marketer = desk(at.actor.workspace, role=Role.MARKETER, email="mara@example.com").client
    viewer = desk(at.actor.workspace, role=Role.VIEWER, email="vera@example.com").client

    seen = [client.get(reverse("contact-list")).content.decode().count(undo) for client in (marketer, viewer)]
    marketer.post(undo)
    after = marketer.get(reverse("contact-list")).content.decode()
    BulkAct.objects.update(undone_at=None, finished_at=now() - bulk.UNDO_WITHIN)

    assert seen == [1, 0]
    assert not Subscription.objects.exists()
    assert undo not in after
    assert undo not in marketer.get(reverse("contact-list")).content.decode()


def test_more_than_a_few_are_a_job_and_undone_from_its_page(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 1)
    monkeypatch.setattr(bulk_undo, "AT_ONCE", 1)
    news = lists.create_list(at.actor, name="News")
    for name in "abc":
        person(at, name)

    chosen = {"act": "add_to_list", "all": "1", "to_add_to_list": news.public_id}
    answer = at.client.post(reverse("contact-bulk"), chosen)
    job = Job.objects.get()
    assert answer["Location"] == reverse("job-detail", args=[job.public_id])
    jobs.run_job(job.pk)
    page = at.client.get(answer["Location"]).content.decode()
    assert "Added 3 contacts to “News”." in page
    undo = reverse("contact-undo", args=[BulkAct.objects.get().public_id])
    assert undo in page
    undone = at.client.post(undo)
    jobs.run_job(Job.objects.order_by("-id")[0].pk)

    assert "Undone for 3 contacts." in at.client.get(undone["Location"]).content.decode()
    assert not Subscription.objects.exists()
    assert undo not in at.client.get(answer["Location"]).content.decode()


def test_adding_many_to_a_list_can_be_undone(at: Desk) -> None:
    news = lists.create_list(at.actor, name="News")
    rows = [person(at, name) for name in ("a", "b")]
    chosen = {"act": "add", "to": news.public_id, "contact": [row.public_id for row in rows]}

    answer = at.client.post(reverse("contact-bulk"), chosen)

    assert Subscription.objects.filter(mailing_list=news).count() == 2
    undone = at.client.post(undo_of(answer), follow=True)
    assert "Undone for 2 contacts." in undone.content.decode()
    assert Subscription.objects.count() == 0


def test_everybody_that_matches_is_taken_off_a_list(at: Desk) -> None:
    news = lists.create_list(at.actor, name="News")
    for name in ("a", "b"):
        person(at, name, news, city="Oslo")
    person(at, "c", news, city="Bergen")
    given = {"act": "remove", "to": news.public_id, "all": "1", "field": "city", "value": "Oslo"}

    answer = at.client.post(reverse("contact-bulk"), given)

    assert "Took 2 contacts off “News”." in flash(answer)
    assert Subscription.objects.get().contact.email == "c@x.example"


def test_deleting_many_names_the_number_and_wants_it_typed(at: Desk) -> None:
    rows = [person(at, name) for name in ("a", "b", "c")]
    chosen = {"act": "delete", "contact": [row.public_id for row in rows[:2]]}

    asked = at.client.post(reverse("contact-bulk"), chosen)
    assert "Delete 2 contacts?" in asked.content.decode()
    wrong = at.client.post(reverse("contact-bulk"), {**chosen, "typed": "3"})
    assert wrong.status_code == 422
    assert Contact.objects.count() == 3
    at.client.post(reverse("contact-bulk"), {**chosen, "typed": "2"})

    assert Contact.objects.get().email == "c@x.example"
    assert AuditEntry.objects.filter(action="contacts.deleted").exists()


def test_a_deletion_leads_back_to_the_list_as_it_was_narrowed(at: Desk) -> None:
    row = person(at, "a")
    chosen = {"act": "delete", "contact": [row.public_id], "q": "ren & co", "standing": "may"}
    asked = at.client.post(reverse("contact-bulk"), chosen)
    done = at.client.post(reverse("contact-bulk"), {**chosen, "typed": "1"})

    narrowed = reverse("contact-list") + "?q=ren+%26+co&standing=may"
    assert f'href="{escape(narrowed)}"' in asked.content.decode()
    assert done["Location"] == narrowed


@pytest.mark.parametrize("given", [{"act": "add"}, {"act": "fly", "to": "lst_x"}, {"act": "delete"}])
def test_a_bulk_act_without_its_parts_changes_nothing(at: Desk, given: dict[str, str]) -> None:
    person(at, "a")

    answer = at.client.post(reverse("contact-bulk"), given, HTTP_REFERER=f"http://testserver{reverse('contact-list')}")

    assert answer.status_code == 302
    assert flash(answer)
    assert Contact.objects.count() == 1
