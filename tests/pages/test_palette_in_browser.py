"""The box that opens over every page, and what a session that ended leaves of a form: in a real browser."""

from __future__ import annotations

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse
from playwright.sync_api import expect

from campaigns import contacts
from tests.pages.marketer_rows import desk
from tests.support.browser import Browsing, findings, keep_picture

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


def test_a_person_goes_anywhere_by_keyboard(browse: Browsing) -> None:
    at = desk()
    contacts.add_contact(at.actor, email="ada@people.example", evidence=contacts.Evidence(channel="api"))
    page = browse(at)
    page.goto(reverse("home"))
    before = page.get_by_role("link", name="Campaigns").first
    before.focus()

    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Search pages")
    expect(box).to_be_focused()
    page.get_by_role("option", name="New campaign").wait_for()
    page.keyboard.press("Escape")
    expect(before).to_be_focused()

    page.keyboard.press("/")
    page.keyboard.type("ada@peo")
    expect(page.get_by_role("option", name="ada@people.example")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="ada@people.example").wait_for()
    page.wait_for_load_state()  # the key is heard once the page's scripts are there

    page.keyboard.press("/")
    page.keyboard.type("import")
    pages = page.get_by_role("group", name="Go to")
    expect(pages.get_by_role("option", name="Import contacts")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{reverse('suppression-import')}")


def test_the_box_looks_right_and_is_reached_by_touch(browse: Browsing) -> None:
    at = desk()
    for width, theme in ((1440, "light"), (1440, "dark"), (390, "dark")):
        page = browse(at, width, theme)
        page.goto(reverse("home"))
        if width == 390:
            page.get_by_role("link", name="Search everything").click()
        else:
            page.keyboard.press("/")
        page.get_by_role("combobox", name="Search pages").fill("domain")
        page.get_by_role("option", name="Add domain").wait_for()
        assert findings(page) == []
        keep_picture(page, f"palette-{width}-{theme}")
        page.get_by_role("combobox", name="Search pages").fill("zzzz")
        page.get_by_text("Nothing fits “zzzz”").wait_for()


def test_a_session_that_ends_during_a_form_costs_no_text(browse: Browsing) -> None:
    at = desk()
    page = browse(at)
    page.goto(reverse("contact-new"))
    page.get_by_label("E-mail address").fill("grace@people.example")
    Session.objects.all().delete()
    page.locator("main").get_by_role("button", name="Add").first.click()

    page.get_by_text("What you typed is kept in this tab").wait_for()
    page.get_by_label("E-mail address").fill(at.user.email)
    page.get_by_label("Password", exact=True).fill("a long enough word 7")
    page.get_by_role("button", name="Sign in").click()

    page.get_by_text("What you typed is back").wait_for()
    expect(page.get_by_label("E-mail address")).to_have_value("grace@people.example")
    page.locator("main").get_by_role("button", name="Add").first.click()
    page.get_by_role("heading", name="grace@people.example").wait_for()
    page.goto(reverse("contact-new"))
    expect(page.get_by_label("E-mail address")).to_have_value("")


def test_a_part_asked_for_after_sign_out_is_not_filled_with_the_sign_in_page(browse: Browsing) -> None:
    at = desk()
    page = browse(at)
    page.goto(reverse("home"))
    Session.objects.all().delete()
    page.keyboard.press("/")
    page.get_by_role("listbox").get_by_text("You are signed out.").wait_for()
    browse.errors.clear()  # the browser names the 401 that was asked for
