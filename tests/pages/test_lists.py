"""The list pages: making a list, who is on it, asking the unconfirmed, sign-up forms and what people see."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from campaigns import lists, subscriptions
from campaigns.contacts import Evidence, add_contact
from campaigns.models import Contact, MailingList, SignUpForm, Subscription
from relayhub.core import jobs
from relayhub.core.models import AuditEntry, Job, Role
from relayhub.relay import routes
from relayhub.site import setup
from tests.pages.marketer_rows import Desk, desk
from tests.pages.test_contacts import flash, undo_of

pytestmark = pytest.mark.django_db
ANY = Evidence(channel="form", source="https://shop.example/join")


@pytest.fixture
def at() -> Desk:
    routes.forget()
    return desk()


def person(at: Desk, name: str, *on: MailingList) -> Contact:
    return add_contact(at.actor, email=f"{name}@x.example", lists=on, evidence=ANY)


def club(at: Desk) -> MailingList:
    return lists.create_list(at.actor, name="Club", opt_in="double", from_header="Club <c@shop.example>")


def test_no_list_yet(at: Desk) -> None:
    assert "No lists yet" in at.client.get(reverse("list-list")).content.decode()


def test_a_list_is_made_and_changed(at: Desk) -> None:
    given = {"name": "News", "description": "Weekly", "opt_in": "double", "from_header": "", "is_public": "on"}

    refused = at.client.post(reverse("list-new"), given)
    assert refused.status_code == 422
    assert "say from which address" in refused.content.decode()
    made = at.client.post(reverse("list-new"), {**given, "from_header": "News <n@shop.example>"})
    row = MailingList.objects.get()
    assert made["Location"] == reverse("list-detail", args=[row.public_id])
    at.client.post(reverse("list-edit", args=[row.public_id]), {"name": "Letter", "opt_in": "single"})

    row.refresh_from_db()
    assert (row.name, row.opt_in, row.is_public) == ("Letter", "single", False)


@pytest.mark.parametrize(
    ("given", "words"),
    [({"name": "Club", "opt_in": "single"}, "already"), ({"name": "", "opt_in": "single"}, "required"),
     ({"name": "New", "opt_in": "single", "from_header": "nonsense"}, "nonsense")],
)
def test_bad_input_keeps_the_text(at: Desk, given: dict[str, str], words: str) -> None:
    club(at)

    answer = at.client.post(reverse("list-new"), given)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert MailingList.objects.count() == 1


def test_the_list_counts_its_people_by_state(at: Desk) -> None:
    row = lists.create_list(at.actor, name="News")
    person(at, "a", row)
    subscriptions.unsubscribe(person(at, "gone", row), [row.pk], evidence=ANY)
    path = reverse("list-detail", args=[row.public_id])

    page = at.client.get(path).content.decode()
    only = at.client.get(path, {"status": "unsubscribed"}).content.decode()

    assert "a@x.example" in page
    assert "gone@x.example" in page
    assert "gone@x.example" in only
    assert "a@x.example" not in only.replace("gone@x.example", "")


def test_somebody_is_put_on_by_address_and_unsubscribed(at: Desk) -> None:
    row = lists.create_list(at.actor, name="News")
    url = reverse("list-subscribe", args=[row.public_id])

    assert at.client.post(url, {"email": "zoe@x.example"}).status_code == 422
    bad = at.client.post(url, {"email": "nonsense", "consent": "counter"})
    assert bad.status_code == 422
    assert 'value="nonsense"' in bad.content.decode()
    at.client.post(url, {"email": "zoe@x.example", "consent": "counter"})
    joined = Subscription.objects.get()
    assert joined.status == "confirmed"
    at.client.post(
        reverse("list-unsubscribe", args=[row.public_id]), {"contact": joined.contact.public_id}
    )

    joined.refresh_from_db()
    assert joined.status == "unsubscribed"


def test_asking_the_unconfirmed_shows_its_count_and_is_a_job(at: Desk) -> None:
    row = club(at)
    for name in ("a", "b"):
        person(at, name, row)
    page = at.client.get(reverse("list-detail", args=[row.public_id])).content.decode()
    assert "Ask 2 to confirm" in page

    answer = at.client.post(reverse("list-ask", args=[row.public_id]))

    job = Job.objects.get()
    assert answer["Location"] == reverse("job-detail", args=[job.public_id])
    jobs.run_job(job.pk)
    assert Subscription.objects.exclude(confirmation_sent_at=None).count() == 2
    later = at.client.get(reverse("list-detail", args=[row.public_id])).content.decode()
    assert "Ask 2 to confirm" not in later


def test_a_double_opt_in_list_without_from_says_so(at: Desk) -> None:
    row = lists.create_list(at.actor, name="Club", opt_in="double")
    person(at, "a", row)

    page = at.client.get(reverse("list-detail", args=[row.public_id])).content.decode()

    assert "Confirmations cannot leave." in page
    assert "It needs a From address first." in page


def test_archiving_is_undone(at: Desk) -> None:
    row = lists.create_list(at.actor, name="News")
    answer = at.client.post(reverse("list-archive", args=[row.public_id]))

    assert at.client.get(reverse("list-detail", args=[row.public_id])).status_code == 404
    assert "News" in at.client.get(reverse("list-list"), {"archived": "1"}).content.decode()
    at.client.post(undo_of(answer))
    assert at.client.get(reverse("list-detail", args=[row.public_id])).status_code == 200
    assert AuditEntry.objects.filter(action="list.restored").exists()


def test_a_name_taken_meanwhile_keeps_a_list_archived(at: Desk) -> None:
    row = lists.create_list(at.actor, name="News")
    lists.archive_list(at.actor, row)
    lists.create_list(at.actor, name="News")
    path = reverse("list-list")

    answer = at.client.post(
        reverse("list-restore", args=[row.public_id]), HTTP_REFERER=f"http://testserver{path}"
    )

    assert "There is a list “News” already." in flash(answer)
    row.refresh_from_db()
    assert row.archived_at is not None


def test_a_sign_up_form_gives_its_link_and_html(at: Desk) -> None:
    row = lists.create_list(at.actor, name="News")
    given = {"title": "Get the <news>", "text": "Weekly", "button": "Join", "field_keys": ["name"]}
    at.client.post(reverse("list-form-new", args=[row.public_id]), given)
    form = SignUpForm.objects.get()

    page = at.client.get(reverse("list-form", args=[form.public_id])).content.decode()

    assert f"/f/{form.public_id}" in page
    assert "&lt;form action=&quot;http" in page
    assert Client().get(f"/f/{form.public_id}").status_code == 200
    at.client.post(reverse("list-form-toggle", args=[form.public_id]))
    closed = Client().get(f"/f/{form.public_id}")
    assert closed.status_code == 410
    assert "This form is closed" in closed.content.decode()
    bad = at.client.post(reverse("list-form", args=[form.public_id]), {**given, "title": " ", "text": "kept"})
    assert bad.status_code == 422
    assert "kept" in bad.content.decode()


def test_an_embedded_form_leads_to_ours_and_subscribes_nobody_by_itself(at: Desk) -> None:
    row = lists.create_list(at.actor, name="News")
    form = lists.create_form(at.actor, row, title="Join", field_keys=["name"])

    answer = Client().post(f"/f/{form.public_id}", {"email": "zoe@x.example", "name": "Zoë"})

    assert answer.status_code == 200
    assert 'value="zoe@x.example"' in answer.content.decode()
    assert not Contact.objects.exists()


def test_the_preference_page_is_shown_in_a_frame_of_ours_only(at: Desk) -> None:
    row = lists.create_list(at.actor, name="News", description="Weekly bread")
    lists.create_list(at.actor, name="Secret")

    shown = at.client.get(reverse("list-preferences-frame", args=[row.public_id]))

    page = shown.content.decode()
    assert "Weekly bread" in page
    assert "Secret" not in page
    assert "frame-ancestors 'self'" in shown["Content-Security-Policy"]
    assert "sandbox" in at.client.get(reverse("list-preferences", args=[row.public_id])).content.decode()


def test_a_viewer_reads_and_changes_nothing(at: Desk) -> None:
    row = club(at)
    person(at, "a", row)
    form = lists.create_form(at.actor, row, title="Join")
    viewer = desk(at.workspace, role=Role.VIEWER, email="v@example.com")

    page = viewer.client.get(reverse("list-detail", args=[row.public_id])).content.decode()

    assert "a@x.example" in page
    for words in ("Archive", "Ask 1", "Put on the list", "Edit", "Unsubscribe<"):
        assert words not in page, words
    for name in ("list-edit", "list-archive", "list-ask", "list-subscribe", "list-unsubscribe", "list-form-new"):
        assert viewer.client.post(reverse(name, args=[row.public_id])).status_code == 403, name
    for name in ("list-form", "list-form-toggle"):
        assert viewer.client.post(reverse(name, args=[form.public_id])).status_code == 403, name


def test_others_lists_are_absent(at: Desk) -> None:
    other = desk(setup.new_workspace("Other"), email="o@example.com")
    row = lists.create_list(other.actor, name="Theirs")
    form = lists.create_form(other.actor, row, title="Join")

    for name in ("list-detail", "list-edit", "list-preferences", "list-preferences-frame", "list-form-new"):
        assert at.client.get(reverse(name, args=[row.public_id])).status_code == 404, name
    for name in ("list-archive", "list-ask", "list-subscribe", "list-unsubscribe", "list-restore"):
        assert at.client.post(reverse(name, args=[row.public_id])).status_code == 404, name
    assert at.client.get(reverse("list-form", args=[form.public_id])).status_code == 404
