"""The pages of contacts, lists and imports in a real browser: how they look, and one way through each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from campaigns import confirmation, contact_walk, importer, lists, standing, subscriptions
from campaigns.contacts import Evidence, add_contact
from campaigns.fields import define_field
from campaigns.models import Contact, ContactImport, MailingList, Subscription
from deliverability import suppression
from relayhub.core import jobs
from relayhub.relay import routes
from tests.pages.marketer_rows import Desk, desk
from tests.support.browser import findings, keep_picture

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
CSV = (
    "E-mail;Navn;Butik;Point;Noter\nada@kanalhus.example;Ada Krog;Nørrebro;120;ring efter kl. 12\n"
    "lotte@kanalhus.example;;Vesterbro;310;\ngrete@oldharbour.example;;;190;\nmette.hansen(at)mail;Mette;;;\n"
    "ada@kanalhus.example;Ada igen;;;\n;Ingen;;;\n"
).encode("latin-1")
ANY = Evidence(channel="form", source="https://northwind.example/newsletter", ip="192.0.2.17")


@pytest.fixture
def at() -> Desk:
    routes.forget()
    return desk()


@pytest.fixture
def full(at: Desk) -> Desk:
    """A bakery's people: of every standing, with fields and a story."""
    define_field(at.actor, key="shop", label="Shop")
    define_field(at.actor, key="orders", label="Orders", type="number")
    define_field(at.actor, key="card", label="Has a card", type="boolean")
    weekly = lists.create_list(
        at.actor, name="Weekly letter", description="What is in the oven, every Friday", opt_in="double",
        from_header="Northwind Bakery <hello@northwind.example>", is_public=True,
    )
    shop = lists.create_list(at.actor, name="Shop news", description="Opening hours and offers", is_public=True)
    lists.create_form(at.actor, weekly, title="Get the weekly letter", text="Fridays.", field_keys=["name", "shop"])
    people = (("Inès Moreau", "ines.moreau@harbourmail.example", "Nørrebro", 12),
              ("Lotte Kjær", "lotte@kanalhus.example", "Christianshavn", 31),
              ("Grete Holm", "grete@oldharbour.example", "Nørrebro", 19),
              ("Søren Bek", "soeren.bek@fjordpost.example", "Vesterbro", 4),
              ("", "a-very-long-local-part-that-somebody-really-uses@an-even-longer-domain-name.example", "", 0))
    for name, email, where, orders in people:
        add_contact(at.actor, email=email, name=name, lists=[shop] if where else [], evidence=ANY,
                    fields={"shop": where, "orders": orders, "card": orders > 10})
    ines = Contact.objects.get(email__startswith="ines")
    row = subscriptions.subscribe(ines, weekly, evidence=ANY)
    subscriptions.confirm(row, evidence=Evidence(channel="confirmation", ip="192.0.2.17"))
    subscriptions.subscribe(Contact.objects.get(email__startswith="soeren"), weekly, evidence=ANY)
    subscriptions.unsubscribe(
        Contact.objects.get(email__startswith="grete"), [shop.pk], evidence=Evidence(channel="link")
    )
    suppression.suppress(at.workspace.pk, "lotte@kanalhus.example", reason="hard_bounce", scope="workspace",
                         source="550 5.1.1 from mx.kanalhus.example")
    jobs.run_job(confirmation.ask_unconfirmed(at.actor, weekly).pk)
    return at


def imported(at: Desk, *, dry: bool, onto: MailingList | None = None) -> ContactImport:
    request = importer.ImportRequest(file_name="subscribers-2026.csv", mailing_list=onto, is_dry_run=dry)
    row = importer.start_import(at.actor, request, [CSV])
    jobs.run_job(row.pk)
    return row


def test_the_empty_pages(at: Desk, look: Callable[..., None]) -> None:
    look(at, reverse("contact-list"), "contacts-empty")
    look(at, reverse("list-list"), "lists-empty")
    look(at, reverse("import-new"), "import-new-empty")
    look(at, reverse("contact-fields"), "contact-fields-empty")


def test_the_pages_of_contacts(full: Desk, look: Callable[..., None]) -> None:
    ines = Contact.objects.get(email__startswith="ines")
    lotte = Contact.objects.get(email__startswith="lotte")
    look(full, reverse("contact-list"), "contacts")
    look(full, reverse("contact-list") + "?standing=may&field=shop&op=has&value=N&sort=field:shop", "contacts-filtered")
    look(full, reverse("contact-new"), "contact-new")
    look(full, reverse("contact-detail", args=[ines.public_id]), "contact")
    look(full, reverse("contact-detail", args=[lotte.public_id]), "contact-suppressed")
    look(full, reverse("contact-fields"), "contact-fields")


def test_the_pages_of_lists(full: Desk, look: Callable[..., None]) -> None:
    weekly = MailingList.objects.get(name="Weekly letter")
    form = weekly.forms.get()
    look(full, reverse("list-list"), "lists")
    look(full, reverse("list-new"), "list-new")
    look(full, reverse("list-detail", args=[weekly.public_id]), "list")
    look(full, reverse("list-form", args=[form.public_id]), "list-form")
    look(full, reverse("list-preferences", args=[weekly.public_id]), "list-preferences")


def test_the_pages_of_an_import(full: Desk, look: Callable[..., None]) -> None:
    weekly = MailingList.objects.get(name="Shop news")
    file = importer.upload(full.actor, "subscribers-2026.csv", [CSV])
    tried, done = imported(full, dry=True, onto=weekly), imported(full, dry=False, onto=weekly)
    waiting = importer.start_import(full.actor, importer.ImportRequest(file_name="later.csv"), [CSV])
    look(full, reverse("import-columns", args=[file.pk]), "import-columns")
    look(full, reverse("contact-import-run", args=[tried.public_id]), "import-dry-run")
    look(full, reverse("contact-import-run", args=[done.public_id]), "import-done")
    look(full, reverse("contact-import-run", args=[waiting.public_id]), "import-running")
    look(full, reverse("import-new"), "import-new")


def test_many_are_put_on_a_list_and_back(full: Desk, browse: Any) -> None:
    page = browse(full)
    page.goto(reverse("contact-list"))
    expect(page.locator("[data-bulk]")).to_be_hidden()
    page.get_by_label("Select all on this page").check()
    expect(page.locator("[data-bulk]")).to_contain_text("5 of 5 selected")
    before = Subscription.objects.count()
    page.get_by_role("button", name="Add to list").click()
    dialog = page.get_by_role("dialog", name="Add 5 contacts to a list")
    dialog.get_by_role("button", name="Add 5 contacts").click()
    expect(dialog.get_by_text("List: choose one first.")).to_be_visible()
    assert findings(page) == []
    keep_picture(page, "contacts-bulk-add")
    dialog.get_by_label("List", exact=True).select_option(label="Weekly letter")
    dialog.get_by_label("Where does the consent come from?").fill("trade fair")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Added 3 contacts to “Weekly letter”.")
    assert Subscription.objects.count() == before + 3
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.locator("#toasts")).to_contain_text("Undone for 3 contacts.")
    assert Subscription.objects.count() == before


def test_contacts_that_are_not_soon_met_come_after_the_page(
    full: Desk, browse: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "EXACT_UP_TO", 1)
    monkeypatch.setattr(contact_walk, "WALK", 1)
    monkeypatch.setattr(contact_walk, "SOON_MS", 0)
    page = browse(full)

    page.goto(f"{reverse('contact-list')}?standing=none")

    expect(page.locator("[data-rows] tbody tr")).to_have_count(1)
    expect(page.locator(".rh-loading")).to_have_count(0)
    page.get_by_label("Select all on this page").check()
    expect(page.locator("[data-bulk]")).to_contain_text("1 of 1 selected")
    page.get_by_role("button", name="Add to list").click()
    expect(page.get_by_role("dialog", name="Add 1 contact to a list")).to_be_visible()
    assert findings(page) == []


def test_filters_are_set_narrow_or_wide_and_saved_as_a_view(full: Desk, browse: Any) -> None:
    page = browse(full, 390)
    page.goto(reverse("contact-list"))
    page.locator("summary", has_text="Filters").click()
    page.get_by_label("May I write?").select_option("may")
    page.get_by_label("Field 1", exact=True).select_option(label="Orders")
    page.get_by_label("How field 1 is compared").select_option(label="is more than")
    page.get_by_label("What field 1 is compared with").fill("10")
    page.get_by_role("button", name="Another field").click()
    expect(page.get_by_label("Field 2", exact=True)).to_be_focused()
    assert findings(page) == []
    keep_picture(page, "contacts-panel-390")
    page.get_by_role("button", name="Show contacts").click()
    expect(page.locator("summary", has_text="Filters (2)")).to_be_visible()
    assert page.url.endswith("?standing=may&field=orders&op=gt&value=10")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.locator("summary", has_text="All contacts").click()
    keep_picture(page, "contacts-views")
    page.get_by_role("button", name="Save as a view").click()
    page.get_by_label("Name", exact=True).fill("Regulars")
    page.get_by_role("button", name="Save the view").click()
    expect(page.locator("summary", has_text="Regulars")).to_be_visible()
    page.get_by_role("link", name="Orders is more than 10").click()
    expect(page.locator("summary", has_text="changed")).to_be_visible()


def test_a_particular_is_changed_where_it_stands(full: Desk, browse: Any) -> None:
    row = Contact.objects.get(email__startswith="ines")
    page = browse(full)
    page.goto(reverse("contact-detail", args=[row.public_id]))
    page.get_by_role("link", name="Edit Name").click()
    field = page.get_by_role("textbox", name="Name")
    expect(field).to_be_focused()
    Contact.objects.filter(pk=row.pk).update(name="Inès M.")
    field.fill("Inès Moreau-Bek")
    field.press("Enter")
    expect(page.locator("#row-name")).to_contain_text("Somebody changed this to “Inès M.”.")
    assert findings(page) == []
    keep_picture(page, "contact-clash")
    page.get_by_role("textbox", name="Name").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Inès Moreau-Bek")
    expect(page.get_by_role("link", name="Edit Name")).to_be_focused()
    page.get_by_role("link", name="Edit Shop").click()
    page.get_by_role("textbox", name="Shop").press("Escape")
    expect(page.get_by_role("link", name="Edit Shop")).to_be_focused()
    page.get_by_role("button", name="Delete", exact=True).click()
    keep_picture(page, "contact-delete")


def test_the_keys_go_through_the_list(full: Desk, browse: Any) -> None:
    page = browse(full)
    page.goto(reverse("contact-list"))
    links = page.locator("tbody a.t")
    page.keyboard.press("j")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("x")
    page.keyboard.press("k")
    page.keyboard.press("x")
    expect(page.locator("[data-bulk]")).to_contain_text("2 of 5 selected")
    assert findings(page) == []
    keep_picture(page, "contacts-keys")
    page.get_by_label("Name or address").fill("jk")
    assert page.get_by_label("Name or address").input_value() == "jk"
    page.get_by_role("button", name="More", exact=True).press("Enter")
    page.get_by_role("button", name="Unsubscribe from a list").press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="More", exact=True)).to_be_focused()
    page.get_by_role("link", name="Contact", exact=True).press("Enter")
    page.wait_for_url("**sort=**")
    expect(page.locator("thead a").first).to_be_focused()
    page.goto(reverse("list-list"))
    page.keyboard.press("j")
    expect(page.locator("tbody a.t").first).to_be_focused()
    page.goto(reverse("contact-list"))
    links.nth(1).focus()
    href = links.nth(1).get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{href}")


def test_a_list_among_very_many_is_searched(full: Desk, browse: Any) -> None:
    for number in range(40):
        lists.create_list(full.actor, name=f"Letter {number}")
    page = browse(full)
    page.goto(reverse("contact-list"))
    page.locator("summary", has_text="Filters").click()
    field = page.get_by_role("combobox", name="On the list", exact=True)
    field.fill("weekl")
    expect(page.get_by_role("option", name="Weekly letter")).to_be_visible()
    assert findings(page) == []
    keep_picture(page, "contacts-picker")
    field.press("ArrowDown")
    field.press("Enter")
    expect(field).to_have_value("Weekly letter")
    page.get_by_role("button", name="Show contacts").click()
    expect(page.get_by_role("link", name="On “Weekly letter”")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(2)


def test_columns_are_chosen(full: Desk, browse: Any) -> None:
    page = browse(full)
    page.goto(reverse("contact-list"))
    page.locator("summary", has_text="Columns").click()
    page.get_by_label("Came from").check()
    page.get_by_label("Last event").uncheck()
    page.get_by_role("button", name="Show these").click()
    expect(page.get_by_role("columnheader", name="Came from")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Last event")).to_have_count(0)


def test_the_import_from_file_to_contacts(full: Desk, browse: Any, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(CSV)
    page = browse(full)
    page.goto(reverse("import-new"))
    page.get_by_label("CSV file").set_input_files(path)
    page.get_by_role("button", name="Continue to columns").click()
    expect(page.get_by_label("What the column E-mail becomes")).to_have_value("email")
    page.get_by_label("What the column Butik becomes").select_option("shop")
    page.get_by_label("Mailing list").select_option(label="Shop news (single opt-in)")
    page.locator(".rh-head").get_by_role("button", name="Continue to the dry run").click()
    expect(page.locator(".rh-progress")).to_be_visible()
    jobs.run_job(ContactImport.objects.get(is_dry_run=True).pk)
    page.locator(".rh-head").get_by_role("button", name="Import 3 rows").click()
    expect(page.locator(".rh-progress")).to_be_visible()
    jobs.run_job(ContactImport.objects.get(is_dry_run=False).pk)
    page.get_by_role("link", name="See 1 new contact").click()
    expect(page.get_by_role("link", name="Ada Krog")).to_be_visible()


def test_a_list_is_archived_by_its_dialog_and_taken_back(full: Desk, browse: Any) -> None:
    weekly = MailingList.objects.get(name="Weekly letter")
    page = browse(full)
    page.goto(reverse("list-detail", args=[weekly.public_id]))
    page.get_by_label("More for this list").click()
    page.get_by_role("button", name="Archive", exact=True).click()
    page.get_by_role("button", name="Archive, with 2 contacts").click()
    expect(page.locator("#toasts")).to_contain_text("Archived “Weekly letter”.")
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Weekly letter")).to_be_visible()
