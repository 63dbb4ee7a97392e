"""A campaign from its name to its launch in a real browser, with script and without."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse
from playwright.sync_api import expect

from campaigns import broadcast, editing, list_choice, subscriptions
from campaigns.contacts import add_contact
from campaigns.models import Broadcast, Campaign
from tests.pages.marketer_rows import desk
from tests.pages.wizard_rows import (
    SAID,
    make_campaign,
    make_list,
    make_template,
    step,
)
from tests.support.browser import Browsing
from tests.support.door_rows import forget_everything, make_domain

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture(autouse=True)
def _fresh_caches() -> None:
    forget_everything()


def test_the_steps_look_right(look: Callable[..., None]) -> None:
    at = desk()
    at.client.post(reverse("campaign-new"), {"name": "First"})
    first = Campaign.objects.get()
    look(at, step(first, "audience"), "wizard-audience-empty")
    look(at, step(first, "content"), "wizard-content-empty")
    look(at, step(first, "preflight"), "wizard-preflight-blocked")
    look(at, step(first, "schedule"), "wizard-schedule-blocked")
    campaign = make_campaign(at)
    other = make_list(at.actor, "Shop news, Aarhus and everywhere else", people=2)
    gone = add_contact(at.actor, email="gone@x.example", lists=[other], evidence=SAID)
    subscriptions.unsubscribe(gone, [other.pk], evidence=SAID)
    for name in ("audience", "content", "preflight", "schedule"):
        look(at, step(campaign, name), f"wizard-{name}")
    look(at, reverse("campaign-list"), "wizard-list")
    broadcast.expand(broadcast.launch(at.actor, campaign).pk)
    look(at, step(campaign, "report"), "wizard-report")


def test_a_newcomer_takes_a_campaign_to_its_launch(browse: Browsing) -> None:
    at = desk()
    make_domain(at.workspace, "shop.example")
    make_list(at.actor, "Weekly letter", people=3)
    make_list(at.actor, "Staff", people=2)
    make_template(at)
    page = browse(at)
    page.goto(reverse("campaign-list"))
    page.get_by_role("link", name="New campaign").click()
    page.get_by_label("Name").fill("Saturday rye")
    page.get_by_role("button", name="Continue to audience").click()

    picked = page.get_by_role("checkbox", name="Weekly letter").first
    picked.check()
    expect(page.locator("#audience-count .v")).to_have_text("3")
    page.get_by_role("checkbox", name="Staff").first.check()
    expect(page.locator("#audience-count .v")).to_have_text("5")
    expect(page.locator("#audience-total")).to_contain_text("5 recipients")
    expect(page.locator("#step-note-audience")).to_have_text("5 recipients")
    page.get_by_label("Address").fill("wee0@x.example")
    page.get_by_role("button", name="Look up").click()
    expect(page.locator("#audience-ask")).to_contain_text("Gets it.")
    page.get_by_role("button", name="Continue to content").click()

    frame = page.frame_locator("iframe[title='Preview of the mail']")
    expect(page.get_by_label("From")).to_have_value("hello@shop.example")
    page.get_by_label("Template", exact=True).select_option(label="Rye week")
    frame.get_by_text("Hi Person 1").wait_for()
    page.get_by_label("As this contact").fill("wee0@x.example")
    frame.get_by_text("Hi Person 0").wait_for()
    page.get_by_role("checkbox", name="Dark").set_checked(True, force=True)
    expect(page.locator("iframe[title='Preview of the mail']")).to_have_attribute("src", re.compile("dark=1"))
    page.get_by_role("checkbox", name="Dark").set_checked(False, force=True)
    page.get_by_label("Subject").fill("Rye on Saturday")
    page.get_by_role("button", name="Send a test").click()
    page.locator("#tpl-test-result").get_by_text("maja@example.com").wait_for()
    expect(page.get_by_label("Subject")).to_have_value("Rye on Saturday")
    page.get_by_role("button", name="Continue to pre-flight").click()

    page.get_by_role("heading", name="Ready to launch").wait_for()
    page.get_by_role("button", name="Continue to schedule").click()
    page.get_by_role("radio", name="At a time").check()
    expect(page.get_by_role("button", name="Schedule for 5 recipients")).to_be_visible()
    page.locator("#id_at").fill("2040-01-15T09:00")
    page.locator("#id_zone").select_option("Asia/Tokyo")
    expect(page.locator("#schedule-words")).to_contain_text("00:00 in UTC")
    page.get_by_role("radio", name="Now").check()
    page.get_by_role("checkbox", name="I know that this goes to the sandbox inbox").check()
    page.get_by_role("button", name="Launch for 5 recipients").click()
    expect(page).to_have_url(re.compile("/report$"))

    run = Broadcast.objects.get()
    assert run.audience_count == 5
    assert run.campaign.subject == "Rye on Saturday"
    expect(page.get_by_role("heading", name="Saturday rye")).to_be_visible()


def test_a_campaign_can_be_launched_without_script(browse: Browsing) -> None:
    at = desk()
    make_domain(at.workspace, "shop.example")
    make_list(at.actor)
    make_template(at)
    page = browse(at, 390, script=False)
    page.goto(reverse("campaign-new"))
    page.get_by_label("Name").fill("By hand")
    page.get_by_role("button", name="Continue to audience").click()
    page.get_by_role("checkbox", name="Weekly letter").first.check()
    page.get_by_role("button", name="Continue", exact=True).click()
    page.get_by_label("Template", exact=True).select_option(label="Rye week")
    page.get_by_role("button", name="Continue to pre-flight").click()
    page.get_by_role("button", name="Continue to schedule").click()
    page.get_by_role("checkbox", name="I know that this goes to the sandbox inbox").check()
    page.get_by_role("button", name="Launch for 3 recipients").click()

    assert Broadcast.objects.get().audience_count == 3


def test_a_list_among_very_many_is_searched_for_ticked_and_counted(
    browse: Browsing, look: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_choice, "SHOWN", 2)
    at = desk()
    campaign = make_campaign(at)
    for name in ("Staff", "Trade fair", "Press"):
        make_list(at.actor, name, people=2)
    page = browse(at)
    page.goto(step(campaign, "audience"))

    page.get_by_role("combobox", name="Add a list").fill("trade")
    page.get_by_role("option", name="Trade fair").click()

    expect(page.locator("#audience-count .v")).to_have_text("5")
    expect(page.get_by_role("checkbox", name="Trade fair")).to_be_checked()
    page.get_by_role("combobox", name="Leave out a list").fill("press")
    page.keyboard.press("Enter")
    expect(page.locator("#pick-excluded").get_by_role("checkbox", name="Press")).to_be_checked()
    page.get_by_role("button", name="Save and close").click()
    expect(page).to_have_url(re.compile("/campaigns$"))

    assert {row.name for row in campaign.lists.all()} == {"Weekly letter", "Trade fair"}
    assert [row.name for row in campaign.excluded_lists.all()] == ["Press"]
    look(at, step(campaign, "audience"), "wizard-audience-searched")


def test_what_is_put_back_after_signing_in_replaces_nobody_unseen(browse: Browsing) -> None:
    at = desk()
    campaign = make_campaign(at)
    page = browse(at)
    page.goto(step(campaign, "content"))
    page.get_by_label("Name of the campaign").fill("Mine")
    Session.objects.all().delete()
    page.get_by_role("button", name="Save", exact=True).click()
    editing.change_campaign(at.actor, campaign, editing.CampaignChanges(name="Theirs"))

    page.get_by_label("E-mail address").fill(at.user.email)
    page.get_by_label("Password", exact=True).fill("a long enough word 7")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("What you typed is back").wait_for()
    expect(page.get_by_label("Name of the campaign")).to_have_value("Mine")
    page.get_by_role("button", name="Save", exact=True).click()

    page.get_by_text("Saved meanwhile by somebody else").wait_for()
    campaign.refresh_from_db()
    assert campaign.name == "Theirs"
