"""A column that says who agreed, in a real browser: how its pages look, and the way from the columns to the result."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from campaigns.models import Contact, ContactImport, FieldDefinition, MailingList, Subscription
from relayhub.core import jobs
from tests.pages.import_rows import WITHOUT, columns_of, imported, weekly_letter
from tests.pages.marketer_rows import Desk, desk
from tests.support.browser import Browsing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture
def at() -> Desk:
    return desk()


@pytest.fixture
def weekly(at: Desk) -> MailingList:
    return weekly_letter(at)


def test_how_it_looks(at: Desk, weekly: MailingList, look: Callable[..., None]) -> None:
    look(at, columns_of(at) + f"?list={weekly.public_id}", "columns")
    look(at, imported(at, weekly, dry=True), "dry-run")
    look(at, imported(at, weekly, dry=True, mapping=WITHOUT), "dry-run-unused")
    row = ContactImport.objects.order_by("-job_id")[0]
    assert row.file is not None
    look(at, reverse("import-columns", args=[row.file.pk]) + f"?from={row.public_id}", "columns-unused")
    look(at, imported(at, weekly, dry=False), "result")


def test_the_role_comes_and_goes_with_the_list(at: Desk, weekly: MailingList, browse: Browsing) -> None:
    page = browse(at)
    page.goto(columns_of(at))
    becomes = page.get_by_label("What the column Newsletter becomes")
    warning = page.get_by_text("looks as if it says who agreed")
    expect(becomes).to_have_value("text:newsletter")
    expect(page.get_by_text("New field, text")).to_be_visible()
    expect(warning).to_be_hidden()

    page.get_by_label("Mailing list").select_option(label="Weekly letter (single opt-in)")
    expect(becomes).to_have_value("list.agreed")
    expect(page.get_by_text("Check: some mean neither yes nor no")).to_be_visible()
    becomes.select_option("")
    expect(warning).to_be_visible()
    page.get_by_label("Mailing list").select_option(label="On no list")
    expect(warning).to_be_hidden()
    page.get_by_label("Or a new list").fill("Newsletter")
    expect(becomes).to_have_value("")  # a person's choice is not undone
    expect(warning).to_be_visible()
    becomes.select_option("list.agreed")
    page.locator(".rh-head").get_by_role("button", name="Continue to the dry run").click()
    expect(page.locator(".rh-progress")).to_be_visible()
    jobs.run_job(ContactImport.objects.get().pk)
    page.get_by_role("link", name="6 people in it are not put on the list.").click()
    page.locator(".rh-head").get_by_role("button", name="Import 8 rows").click()
    expect(page.locator(".rh-progress")).to_be_visible()
    jobs.run_job(ContactImport.objects.get(is_dry_run=False).pk)
    expect(page.get_by_role("heading", name="Not put on “Newsletter”")).to_be_visible()
    found = Subscription.objects.filter(mailing_list__name="Newsletter").values_list("contact__email", flat=True)
    assert set(found) == {"ada@kanalhus.example", "bo@fjordpost.example"}
    assert Contact.objects.count() == 8
    assert not FieldDefinition.objects.exists()
