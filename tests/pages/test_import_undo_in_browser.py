"""The undo of an import in a real browser: from the finished import to what it took back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from campaigns import contacts, import_undo, importer, lists, subscriptions
from campaigns.contacts import Evidence, add_contact
from campaigns.models import Contact, ContactImport
from relayhub.core import jobs
from relayhub.core.models import Job
from tests.pages.marketer_rows import Desk, desk
from tests.support.browser import Browsing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture
def at() -> Desk:
    return desk()


def imported(at: Desk) -> ContactImport:
    for number in range(6):
        add_contact(at.actor, email=f"known{number}@oldharbour.example", name="Old", evidence=Evidence(channel="api"))
    news = lists.create_list(at.actor, name="Weekly letter")
    data = "".join(f"known{n}@oldharbour.example,New name\n" for n in range(6))
    data += "".join(f"person{n}@kanalhus.example,Person {n}\n" for n in range(40))
    request = importer.ImportRequest(file_name="subscribers-2026-from-the-old-system.csv", mailing_list=news)
    row = importer.start_import(at.actor, request, [b"email,name\n", data.encode()])
    jobs.run_job(row.pk)
    for number in range(3):
        person = Contact.objects.get(email_key=f"person{number}@kanalhus.example")
        contacts.change_contact(at.actor, person, name="Given by hand")
    person = Contact.objects.get(email_key="person7@kanalhus.example")
    subscriptions.unsubscribe(person, [news.pk], evidence=Evidence(channel="link"))
    return row


def run_newest() -> None:
    jobs.run_job(Job.objects.order_by("-id")[0].pk)


def test_how_it_looks(at: Desk, look: Callable[..., None]) -> None:
    row = imported(at)
    url = reverse("contact-import-undo", args=[row.public_id])
    import_undo.start_count(at.actor, row)
    look(at, url, "import-undo-counting")
    run_newest()
    look(at, url, "import-undo-counted")
    import_undo.start_undo(at.actor, row)
    run_newest()
    look(at, url, "import-undo-done")
    look(at, reverse("contact-import-run", args=[row.public_id]), "import-undone")


def test_from_the_import_to_its_undo(at: Desk, browse: Browsing) -> None:
    row = imported(at)
    page = browse(at)
    page.goto(reverse("contact-import-run", args=[row.public_id]))
    page.get_by_role("link", name="Undo it").click()
    page.get_by_role("button", name="Count what it would do").click()
    expect(page.locator(".rh-progress")).to_be_visible()
    run_newest()
    page.get_by_role("button", name="Undo: remove 36, restore 6").click()
    run_newest()
    expect(page.get_by_text("36 contacts removed, 6 restored, 45 taken off the list, 4 kept")).to_be_visible()
    assert Contact.objects.count() == 10
