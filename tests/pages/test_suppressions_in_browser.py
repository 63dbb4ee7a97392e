"""The suppression pages as people see them, and lifting one by clicks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.urls import reverse

from campaigns import list_choice
from campaigns.lists import create_list
from deliverability import suppression, suppression_import
from deliverability.models import Suppression
from deliverability.suppression_import import ImportOf
from relayhub.core import jobs
from relayhub.core.clock import now
from tests.pages.marketer_rows import Desk, desk
from tests.support.browser import Browsing
from tests.support.deliverability_rows import bulk_stream

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

ROWS = (
    ("j.okafor@bakersguild.example", "hard_bounce", "workspace", "550 5.1.1 mailbox does not exist"),
    ("h.lund@fjordpost.example", "complaint", "stream", "Marked as spam, feedback report of yahoo.example"),
    ("mette@birkelund.example", "unsubscribe", "stream", "one-click in the mail client"),
    ("accounting.of.the.old.bakery@oldbakery.example", "manual", "workspace", "Company closed, asked by phone"),
)


def filled(at: Desk) -> None:
    stream = bulk_stream(at.actor)
    for address, reason, scope, source in ROWS:
        suppression.suppress(
            at.workspace.pk, address, reason=reason, scope=scope, source=source,
            stream_id=stream.pk if scope == "stream" else None, created_by=at.user if reason == "manual" else None,
        )
    Suppression.objects.filter(reason="unsubscribe").update(created_at=now() - timedelta(days=40))


def test_the_pages(look: Callable[..., None]) -> None:
    at = desk()
    look(at, reverse("suppression-list"), "suppressions-empty")
    filled(at)
    look(at, reverse("suppression-list"), "suppressions")
    look(at, f"{reverse('suppression-list')}?q=h.lund@fjordpost.example", "suppressions-asked")
    row = Suppression.objects.get(reason="hard_bounce")
    look(at, reverse("suppression-detail", args=[row.public_id]), "suppression")
    look(at, f"{reverse('suppression-lift')}?id={row.public_id}", "suppression-lift")


def test_the_pages_of_adding(look: Callable[..., None]) -> None:
    at = desk()
    look(at, reverse("suppression-new"), "suppression-new")
    job = suppression_import.start_import(at.actor, ImportOf(file_name="old-system.csv"), [b"a@x.example\nnobody\n"])
    jobs.run_job(job.pk)
    look(at, reverse("suppression-import"), "suppression-import")
    look(at, reverse("suppression-import-run", args=[job.public_id]), "suppression-import-run")


def test_two_are_picked_and_lifted_with_a_reason(browse: Browsing) -> None:
    at = desk()
    filled(at)
    page = browse(at)
    page.goto(reverse("suppression-list"))

    page.get_by_label("Select j.okafor@bakersguild.example").check()
    page.get_by_label("Select mette@birkelund.example").check()
    page.get_by_role("button", name="Lift them").click()
    page.get_by_label("Reason").fill("Both wrote to us on Monday")
    page.get_by_role("button", name="Lift 2 suppressions").click()

    page.get_by_text("2 suppressions lifted.").wait_for()
    assert Suppression.objects.filter(lift_reason="Both wrote to us on Monday").count() == 2


def test_an_import_shows_how_it_ended_by_itself(browse: Browsing) -> None:
    at = desk()
    page = browse(at)
    page.goto(reverse("suppression-import"))
    page.get_by_label("File").set_input_files(
        {"name": "old.csv", "mimeType": "text/csv", "buffer": b"email\na@x.example\nnobody\n"}
    )
    page.get_by_role("button", name="Import and suppress").click()
    page.get_by_role("button", name="Stop").wait_for()

    jobs.run_job(suppression_import.imports_of(at.workspace)[0].pk)

    page.get_by_role("link", name="Download them").wait_for()
    assert page.get_by_text("1 address suppressed.").is_visible()


def test_one_of_many_lists_is_looked_for(
    look: Callable[..., None], browse: Browsing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_choice, "SHOWN", 1)
    at = desk()
    news, _ = create_list(at.actor, name="Bakery news"), create_list(at.actor, name="Courses")
    look(at, reverse("suppression-new"), "suppression-new-lists")
    page = browse(at)
    page.goto(reverse("suppression-new"))

    page.get_by_label("Addresses").fill("a@x.example")
    page.get_by_label("Stop", exact=True).select_option("list")
    page.get_by_role("combobox", name="Mailing list, where one is stopped").fill("bak")
    page.get_by_role("option", name="Bakery news").click()
    page.get_by_role("button", name="Suppress them").click()

    page.get_by_text("1 address suppressed.").wait_for()
    assert Suppression.objects.get().list_id == news.pk
