"""Undo of an import on its pages and through the API."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from campaigns import contacts, import_undo, importer, lists
from campaigns.contacts import Evidence, add_contact
from campaigns.models import Contact, ContactImport
from relayhub.core import jobs
from relayhub.core.keys import KeyLimits, create_key
from relayhub.core.models import Job, Role
from relayhub.site import setup
from tests.pages.marketer_rows import Desk, desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def at() -> Desk:
    return desk()


def imported(at: Desk) -> ContactImport:
    add_contact(at.actor, email="ann@x.example", name="Ann", evidence=Evidence(channel="api"))
    news = lists.create_list(at.actor, name="News")
    request = importer.ImportRequest(file_name="people.csv", mailing_list=news)
    data = b"email,name\nann@x.example,Anna\nbo@x.example,Bo\ncy@x.example,Cy\n"
    row = importer.start_import(at.actor, request, [data])
    jobs.run_job(row.pk)
    contacts.change_contact(at.actor, Contact.objects.get(email_key="cy@x.example"), name="Cyrus")
    return row


def run_newest() -> None:
    jobs.run_job(Job.objects.order_by("-id")[0].pk)


def test_counted_seen_done_and_found_again(at: Desk) -> None:
    row = imported(at)
    run_url, url = (reverse(name, args=[row.public_id]) for name in ("contact-import-run", "contact-import-undo"))
    assert f'href="{url}"' in at.client.get(run_url).content.decode()
    assert "Count what it would do" in at.client.get(url).content.decode()

    at.client.post(reverse("contact-import-undo-count", args=[row.public_id]))
    assert "is being counted" in at.client.get(url).content.decode()
    assert at.client.get(url, headers={"HX-Request": "true"}).get("HX-Refresh") is None
    run_newest()
    page = at.client.get(url).content.decode()
    assert "1 contact removed, 1 restored, 3 taken off the list, 1 kept" in page
    assert "Undo: remove 1, restore 1" in page
    assert "cy@x.example" in page
    assert "Changed since" in page
    assert Contact.objects.count() == 3

    at.client.post(url)
    assert "is being undone now" in at.client.get(url).content.decode()
    run_newest()
    assert at.client.get(url, headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    done = at.client.get(url).content.decode()
    assert "by Maja Lindqvist: 1 contact removed, 1 restored, 3 taken off the list, 1 kept." in done
    assert "btn-danger" not in done
    assert "This import was undone." in at.client.get(run_url).content.decode()
    lines = b"".join(at.client.get(reverse("contact-import-kept", args=[row.public_id]))).decode().splitlines()
    assert lines == ["email,why", "cy@x.example,Changed since"]
    assert sorted(Contact.objects.values_list("name", flat=True)) == ["Ann", "Cyrus"]
    again = at.client.post(url, headers={"Referer": f"http://testserver{url}"}, follow=True)
    assert "undone already" in again.content.decode()


def test_the_same_through_the_api(at: Desk) -> None:
    row = imported(at)
    client = api(at, "contacts.read", "contacts.write")
    url = f"/api/v1/contacts/imports/{row.public_id}"
    assert client.get(url).json()["undo"]["would"] is None

    counted = client.post(f"{url}/undo", {"dry_run": True}, content_type="application/json")
    assert (counted.status_code, counted.json()["kind"]) == (202, import_undo.COUNT_KIND)
    early = client.post(f"{url}/undo", content_type="application/json")
    assert (early.status_code, early.json()["code"]) == (409, "still_counting")
    run_newest()
    would = client.get(url).json()["undo"]["would"]
    assert (would["removed"], would["restored"], would["kept"], would["changed"]) == (1, 1, 1, 1)
    assert client.post(f"{url}/undo", content_type="application/json").status_code == 202
    run_newest()

    told = client.get(url).json()["undo"]
    assert (told["did"]["status"], told["did"]["removed"]) == ("done", 1)
    assert "undone already" in told["why_not"]
    assert b"cy@x.example" in b"".join(client.get(f"{url}/kept"))
    assert client.post(f"{url}/undo", content_type="application/json").json()["code"] == "cannot_undo"


def api(at: Desk, *scopes: str) -> Client:
    key = create_key(at.actor, name="a program", limits=KeyLimits(scopes=list(scopes), requests_per_second=100))
    return Client(headers={"Authorization": f"Bearer {key.text}"})


def test_roles_and_strangers(at: Desk) -> None:
    row = imported(at)
    url = reverse("contact-import-undo", args=[row.public_id])
    viewer = desk(at.workspace, role=Role.VIEWER, email="v@example.com")
    other = desk(setup.new_workspace("Other"), email="o@example.com")

    assert "Count what it would do" not in viewer.client.get(url).content.decode()
    for path in (url, reverse("contact-import-undo-count", args=[row.public_id])):
        assert viewer.client.post(path).status_code == 403
        assert other.client.post(path).status_code == 404
    assert other.client.get(reverse("contact-import-kept", args=[row.public_id])).status_code == 404
    assert api(at, "contacts.read").post(f"/api/v1/contacts/imports/{row.public_id}/undo").status_code == 403
