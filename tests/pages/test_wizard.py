"""A campaign from its name to its launch, by hand: every step kept, every refusal explained, nobody overwritten."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from campaigns import broadcast, editing, lists, subscriptions, templates
from campaigns.contacts import Evidence, add_contact
from campaigns.models import Broadcast, Campaign, CampaignStatus, MailingList, MailTemplate
from campaigns.templates import TemplateInput
from deliverability.models import DomainStatus
from relayhub.core.access import Actor
from relayhub.core.clock import now
from relayhub.core.models import Role
from relayhub.relay import routes
from relayhub.relay.models import Message
from relayhub.site import setup
from tests.pages.marketer_rows import Desk, desk
from tests.support.browser import Browsing
from tests.support.door_rows import forget_everything, make_domain

pytestmark = pytest.mark.django_db
SAID = Evidence(channel="api", source="the shop")
SENDER = "Shop <news@shop.example>"


@pytest.fixture(autouse=True)
def _fresh_caches() -> None:
    forget_everything()


def make_list(actor: Actor, name: str = "Weekly letter", people: int = 3) -> MailingList:
    made = lists.create_list(actor, name=name)
    for number in range(people):
        email = f"{name[:3].lower()}{number}@x.example"
        add_contact(actor, email=email, name=f"Person {number}", lists=[made], evidence=SAID)
    return made


def make_template(at: Desk, *, is_published: bool = True, html: str = "<p>Hi {{ contact.name }}</p>") -> MailTemplate:
    return templates.create_template(
        at.actor, name="Rye week", content=TemplateInput(subject="Rye", source=html), is_published=is_published
    )


def make_campaign(at: Desk, **more: object) -> Campaign:
    """A draft that could be launched."""
    make_domain(at.workspace, "shop.example")
    changes = {"name": "Saturday rye", "from_header": SENDER, "step": "schedule", **more}
    changes.setdefault("template", make_template(at) if "template" not in more else None)
    changes.setdefault("lists", [make_list(at.actor)] if "lists" not in more else None)
    return editing.create_campaign(at.actor, editing.CampaignChanges(**changes))  # type: ignore[arg-type]


def step(campaign: Campaign, name: str) -> str:
    return reverse(f"campaign-{name}", args=[campaign.public_id])


def content(campaign: Campaign, **more: str) -> dict[str, str]:
    """What the form of the content step sends."""
    return {
        "name": campaign.name, "from_header": campaign.from_header, "reply_to": "", "subject": campaign.subject,
        "template": campaign.template.public_id if campaign.template else "", "track": campaign.track,
        "revision": str(campaign.revision), "act": "go", **more,
    }


# -- audience ------------------------------------------------------------------------------------------------


def test_without_a_list_the_first_step_says_what_is_needed() -> None:
    at = desk()
    at.client.post(reverse("campaign-new"), {"name": "First"})

    page = at.client.get(step(Campaign.objects.get(), "audience")).content.decode()

    assert "No lists yet" in page
    assert "Continue to content" not in page


def test_the_count_says_who_is_left_out_and_why() -> None:
    at = desk()
    letter, banned = make_list(at.actor), lists.create_list(at.actor, name="Banned")
    add_contact(at.actor, email="out@x.example", lists=[letter, banned], evidence=SAID)
    campaign = editing.create_campaign(at.actor, editing.CampaignChanges(name="C"))

    page = at.client.get(
        step(campaign, "audience-count"), {"lists": letter.public_id, "excluded": banned.public_id}
    ).content.decode()

    assert '<span class="v">3</span>' in page
    assert "On an excluded list" in page


def test_no_list_is_refused_and_the_exclusions_stay_ticked() -> None:
    at = desk()
    letter = make_list(at.actor)
    campaign = editing.create_campaign(at.actor, editing.CampaignChanges(name="C"))

    answer = at.client.post(step(campaign, "audience"), {"excluded": letter.public_id, "revision": "0"})

    assert answer.status_code == 422
    assert "Choose at least one list" in answer.content.decode()
    assert f'name="excluded" value="{letter.public_id}" checked' in answer.content.decode()


def test_two_people_choosing_lists_are_told_of_each_other() -> None:
    at = desk()
    mine, theirs = make_list(at.actor, "Mine"), make_list(at.actor, "Theirs")
    campaign = editing.create_campaign(at.actor, editing.CampaignChanges(name="C"))
    editing.change_campaign(at.actor, campaign, editing.CampaignChanges(lists=[theirs]))

    answer = at.client.post(step(campaign, "audience"), {"lists": mine.public_id, "revision": "0"})

    page = answer.content.decode()
    assert answer.status_code == 409
    assert "They chose Theirs" in page
    assert f'name="lists" value="{mine.public_id}" checked' in page
    assert list(campaign.lists.all()) == [theirs]
    fresh = re.search(r'name="revision" value="(\d+)"', page)
    assert fresh is not None
    at.client.post(step(campaign, "audience"), {"lists": mine.public_id, "revision": fresh[1]})
    assert list(campaign.lists.all()) == [mine]


def test_lists_of_another_workspace_are_not_taken() -> None:
    at, other = desk(), desk(setup.new_workspace("Other"), email="o@example.com")
    theirs = make_list(other.actor)
    campaign = editing.create_campaign(at.actor, editing.CampaignChanges(name="C"))

    answer = at.client.post(step(campaign, "audience"), {"lists": theirs.public_id, "revision": "0"})

    assert answer.status_code == 422
    assert not campaign.lists.exists()


# -- content -------------------------------------------------------------------------------------------------


def test_content_is_saved_and_leads_on() -> None:
    at = desk()
    campaign = make_campaign(at, step="content", subject="Old")

    answer = at.client.post(step(campaign, "content"), content(campaign, subject="New", track="none"))

    campaign.refresh_from_db()
    assert answer["Location"] == step(campaign, "preflight")
    assert (campaign.subject, campaign.track, campaign.step) == ("New", "none", "preflight")


def test_a_bad_from_comes_back_with_the_text_kept() -> None:
    at = desk()
    campaign = make_campaign(at)

    answer = at.client.post(step(campaign, "content"), content(campaign, from_header="not an address", subject="Kept"))

    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="Kept"' in page
    assert 'id="id_from_header_error"' in page


def test_two_people_writing_content_are_told_and_the_second_save_is_knowing() -> None:
    at = desk()
    campaign = make_campaign(at)
    stale = content(campaign, subject="Mine")
    editing.change_campaign(at.actor, campaign, editing.CampaignChanges(subject="Theirs"))

    answer = at.client.post(step(campaign, "content"), stale)

    page = answer.content.decode()
    campaign.refresh_from_db()
    assert answer.status_code == 409
    assert campaign.subject == "Theirs"
    assert "<dd>Theirs</dd>" in page
    assert 'value="Mine"' in page
    fresh = re.search(r'name="revision" value="(\d+)"', page)
    assert fresh is not None
    assert at.client.post(step(campaign, "content"), {**stale, "revision": fresh[1]}).status_code == 302
    campaign.refresh_from_db()
    assert campaign.subject == "Mine"


def test_bad_input_beside_somebody_elses_save_does_not_hide_it() -> None:
    at = desk()
    campaign = make_campaign(at)
    stale = content(campaign, subject="x" * 999)
    editing.change_campaign(at.actor, campaign, editing.CampaignChanges(subject="Theirs"))

    page = at.client.post(step(campaign, "content"), stale).content.decode()

    assert f'name="revision" value="{stale["revision"]}"' in page


def test_the_preview_shows_what_goes_out_and_not_the_draft() -> None:
    at = desk()
    campaign = make_campaign(at)
    assert campaign.template is not None
    templates.save_draft(at.actor, campaign.template, TemplateInput(subject="Rye", source="<p>Draft only</p>"))

    shown = at.client.get(step(campaign, "preview"), {"as": "wee1@x.example"})
    found = at.client.get(step(campaign, "preflight")).content.decode()

    assert "Hi Person 1" in shown.content.decode()
    assert "Draft only" not in shown.content.decode()
    assert shown["Content-Security-Policy"].startswith("sandbox")
    assert "version 2, that is not published: version 1 goes out" in found


def test_the_preview_follows_the_template_that_is_picked_unless_it_is_foreign() -> None:
    at, other = desk(), desk(setup.new_workspace("Other"), email="o@example.com")
    campaign = make_campaign(at)
    second = templates.create_template(at.actor, name="B", content=TemplateInput(source="<p>Second</p>"))
    theirs = templates.create_template(other.actor, name="X", content=TemplateInput(source="<p>Foreign</p>"))

    assert b"Second" in at.client.get(step(campaign, "preview"), {"template": second.public_id}).content
    assert b"Foreign" not in at.client.get(step(campaign, "preview"), {"template": theirs.public_id}).content


def test_a_test_is_saved_first_and_its_way_shown() -> None:
    at = desk()
    campaign = make_campaign(at)

    answer = at.client.post(
        step(campaign, "content"), content(campaign, subject="Fresh", act="test", test_to="me@x.example"), follow=True
    )

    campaign.refresh_from_db()
    assert campaign.subject == "Fresh"
    assert Message.objects.get().subject == "[Test] Fresh"
    assert "me@x.example" in answer.content.decode()
    assert 'id="tpl-test-result"' in answer.content.decode()


def test_a_refused_test_keeps_the_page_and_says_why() -> None:
    at = desk()
    campaign = make_campaign(at)

    answer = at.client.post(
        step(campaign, "content"), content(campaign, subject="Kept", act="test", test_to="nobody at all")
    )

    assert answer.status_code == 422
    assert 'value="Kept"' in answer.content.decode()
    assert "nobody" in answer.content.decode()
    assert not Message.objects.exists()


def test_a_campaign_keeps_a_template_that_was_archived() -> None:
    at = desk()
    campaign = make_campaign(at)
    assert campaign.template is not None
    templates.archive(at.actor, campaign.template)

    page = at.client.get(step(campaign, "content")).content.decode()

    assert f'value="{campaign.template.public_id}" selected' in page


# -- pre-flight ----------------------------------------------------------------------------------------------


def found_in(at: Desk, campaign: Campaign) -> str:
    return at.client.get(step(campaign, "preflight")).content.decode()


def go_live(at: Desk) -> None:
    """Give the workspace a route that leaves the sandbox."""
    routes.create_route(at.actor, routes.RouteInput(transport="smtp://relay.example:587"))


def test_a_good_campaign_passes_with_what_was_looked_at() -> None:
    at = desk()
    page = found_in(at, make_campaign(at))

    assert "Ready to launch, with" in page
    assert "checks passed" in page
    assert "Blocks:" not in page
    assert "Continue to schedule" in page


def test_an_unpublished_template_blocks_and_its_page_is_one_click_away() -> None:
    at = desk()
    template = make_template(at, is_published=False)
    page = found_in(at, make_campaign(at, template=template))

    assert "One thing stops the launch" in page
    assert "was never published" in page
    assert f'href="{reverse("template-detail", args=[template.public_id])}"' in page


@pytest.mark.parametrize(
    ("html", "said"),
    [("<p>{{ contact.fields.shop }}</p>", "contact.fields.shop"), ("<p>{{ contact.nam }}</p>", "contact.nam")],
)
def test_a_merge_field_that_nobody_has_blocks(html: str, said: str) -> None:
    at = desk()
    template = templates.create_template(at.actor, name="T", content=TemplateInput(subject="S", source=html))

    page = found_in(at, make_campaign(at, template=template))

    assert "One thing stops the launch" in page
    assert said in page


def test_an_empty_audience_blocks_and_nothing_overrides_it() -> None:
    at = desk()
    campaign = make_campaign(at, lists=[lists.create_list(at.actor, name="Nobody")])

    assert "Nobody would get this campaign" in found_in(at, campaign)
    page = at.client.get(step(campaign, "schedule")).content.decode()
    assert "It can be launched once pre-flight is mended" in page
    assert "Launch for" not in page


def test_no_unsubscribe_link_blocks_only_while_the_footer_is_off() -> None:
    at = desk()
    campaign = make_campaign(at)
    assert "unsubscribe link, and the footer is switched off" not in found_in(at, campaign)

    at.workspace.adds_footer = False
    at.workspace.save(update_fields=["adds_footer"])

    assert "unsubscribe link, and the footer is switched off" in found_in(at, campaign)


def test_an_unverified_domain_warns_in_the_sandbox_and_blocks_outside() -> None:
    at = desk()
    campaign = make_campaign(at)
    make_domain(at.workspace, "other.example", status=DomainStatus.PENDING)
    editing.change_campaign(at.actor, campaign, editing.CampaignChanges(from_header="A <a@other.example>"))

    assert "Blocks:" not in found_in(at, campaign)
    go_live(at)
    routes.forget()
    page = found_in(at, campaign)
    assert "other.example is not verified, so receivers" in page
    assert f'href="{reverse("domain-list")}"' in page


def test_whoever_may_not_override_is_not_led_past_a_block() -> None:
    at = desk()
    campaign = make_campaign(at, template=make_template(at, html="<p>{{ contact.nam }}</p>"))
    marketer = desk(at.workspace, role=Role.MARKETER, email="m@example.com")

    assert "Continue" not in found_in(marketer, campaign)
    assert "Continue all the same" in found_in(at, campaign)


# -- schedule ------------------------------------------------------------------------------------------------


def launch(campaign: Campaign, **more: str) -> dict[str, str]:
    return {"when": "now", "revision": str(campaign.revision), "in_sandbox": "1", **more}


def test_a_launch_in_the_sandbox_wants_the_tick() -> None:
    at = desk()
    campaign = make_campaign(at)

    refused = at.client.post(step(campaign, "schedule"), {**launch(campaign), "in_sandbox": ""})
    assert refused.status_code == 422
    assert "sandbox inbox only" in refused.content.decode()
    assert not Broadcast.objects.exists()

    done = at.client.post(step(campaign, "schedule"), launch(campaign))
    assert done["Location"] == step(campaign, "report")
    assert Broadcast.objects.get().audience_count == 3


def test_a_launch_posted_twice_is_one_broadcast() -> None:
    at = desk()
    campaign = make_campaign(at)
    form = launch(campaign)

    at.client.post(step(campaign, "schedule"), form)
    again = at.client.post(step(campaign, "schedule"), form)

    assert again["Location"] == step(campaign, "report")
    assert Broadcast.objects.count() == 1


def test_what_somebody_changed_meanwhile_is_not_launched_unseen() -> None:
    at = desk()
    campaign = make_campaign(at)
    form = launch(campaign)
    editing.change_campaign(at.actor, campaign, editing.CampaignChanges(subject="Swapped"))

    answer = at.client.post(step(campaign, "schedule"), form)

    assert answer.status_code == 422
    assert "Somebody else saved this campaign meanwhile" in answer.content.decode()
    assert not Broadcast.objects.exists()


def test_a_time_is_taken_in_the_persons_zone_and_can_be_taken_back() -> None:
    at = desk()
    at.user.timezone = "Pacific/Auckland"
    at.user.save(update_fields=["timezone"])
    campaign = make_campaign(at)

    at.client.post(step(campaign, "schedule"), launch(campaign, when="at", at="2040-01-15T09:00"))

    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.SCHEDULED
    assert campaign.scheduled_at is not None
    assert f"{campaign.scheduled_at:%Y-%m-%d %H:%M}" == "2040-01-14 20:00"
    assert 'value="2040-01-15T09:00"' in at.client.get(step(campaign, "schedule")).content.decode()
    at.client.post(step(campaign, "unschedule"))
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.DRAFT


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"when": "at", "at": ""}, "Choose a day and a time"),
        ({"when": "at", "at": "2001-01-01T00:00"}, "lies in the past"),
        ({"when": "at", "at": "tomorrow"}, "valid date/time"),
        ({"max_per_minute": "0"}, "greater than or equal to 1"),
        ({"max_per_minute": "12o0"}, "whole number"),
        ({"revision": "x"}, "The page was not complete"),
    ],
)
def test_bad_schedules_are_explained(more: dict[str, str], said: str) -> None:
    at = desk()
    campaign = make_campaign(at)

    answer = at.client.post(step(campaign, "schedule"), launch(campaign, **more))

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Broadcast.objects.exists()


def test_a_launch_past_a_block_needs_a_reason_and_the_permission() -> None:
    at = desk()
    template = templates.create_template(
        at.actor, name="T", content=TemplateInput(subject="S", source="<p>{{ contact.fields.shop }}</p>")
    )
    campaign = make_campaign(at, template=template)
    marketer = desk(at.workspace, role=Role.MARKETER, email="m@example.com")

    assert marketer.client.post(
        step(campaign, "schedule"), launch(campaign, override="because")
    ).status_code == 422
    assert at.client.post(step(campaign, "schedule"), launch(campaign)).status_code == 422
    assert not Broadcast.objects.exists()
    at.client.post(step(campaign, "schedule"), launch(campaign, override="The field comes tonight"))
    assert Broadcast.objects.get().override_reason == "The field comes tonight"


def test_a_scheduled_launch_that_was_refused_says_so_until_somebody_acts() -> None:
    at = desk()
    campaign = make_campaign(at, template=make_template(at, is_published=False))
    Campaign.objects.update(status=CampaignStatus.SCHEDULED, scheduled_at=now() - timedelta(minutes=1))
    broadcast.launch_due()
    campaign.refresh_from_db()

    assert "It was to go out by itself, and did not" in found_in(at, campaign)
    editing.change_campaign(at.actor, campaign, editing.CampaignChanges(subject="S"))
    assert "It was to go out by itself" not in found_in(at, campaign)


# -- who may -------------------------------------------------------------------------------------------------


def test_a_viewer_sees_every_step_and_has_no_button() -> None:
    at = desk()
    campaign = make_campaign(at)
    viewer = desk(at.workspace, role=Role.VIEWER, email="v@example.com")

    for name in ("audience", "content", "preflight", "schedule"):
        page = viewer.client.get(step(campaign, name)).content.decode()
        assert 'form="audience"' not in page
        assert 'form="content" name="act"' not in page
        assert "Launch for" not in page
        assert "Delete the campaign" not in page
        assert viewer.client.post(step(campaign, name), {"revision": "0"}).status_code == 403


def test_campaigns_of_another_workspace_are_not_there() -> None:
    at, other = desk(), desk(setup.new_workspace("Other"), email="o@example.com")
    campaign = make_campaign(other)

    for name in ("audience", "content", "preflight", "schedule", "preview", "audience-count", "report"):
        assert at.client.get(step(campaign, name)).status_code == 404


def test_a_launched_campaign_shows_its_report_in_place_of_its_steps() -> None:
    at = desk()
    campaign = make_campaign(at)
    broadcast.launch(at.actor, campaign)

    for name in ("audience", "content", "preflight", "schedule"):
        assert at.client.get(step(campaign, name))["Location"] == step(campaign, "report")


def test_a_report_tells_recipients_that_are_not_stored_yet_from_a_filter_that_finds_none() -> None:
    at = desk()
    campaign = make_campaign(at)
    broadcast.launch(at.actor, campaign)

    early = at.client.get(step(campaign, "report")).content.decode()
    filtered = at.client.get(step(campaign, "report") + "?q=nobody").content.decode()
    parts = at.client.get(reverse("campaign-live", args=[campaign.public_id]), headers={"accept": "application/json"})

    assert "Recipients are being stored" in early
    assert "No recipient matches" not in early
    assert "No recipient matches" in filtered
    assert {"report-progress", "report-people", "report-providers", "report-stored"} == set(parts.json()["html"])


# -- in a browser --------------------------------------------------------------------------------------------

browser = pytest.mark.browser
committed = pytest.mark.django_db(transaction=True)


@browser
@committed
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


@browser
@committed
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
    page.get_by_role("button", name="Continue to content").click()

    frame = page.frame_locator("iframe[title='Preview of the mail']")
    expect(page.get_by_label("From")).to_have_value("hello@shop.example")
    page.get_by_label("Template", exact=True).select_option(label="Rye week")
    frame.get_by_text("Hi Person 1").wait_for()
    page.get_by_label("As this contact").fill("wee0@x.example")
    frame.get_by_text("Hi Person 0").wait_for()
    page.get_by_label("Subject").fill("Rye on Saturday")
    page.get_by_role("button", name="Send a test").click()
    page.locator("#tpl-test-result").get_by_text("maja@example.com").wait_for()
    expect(page.get_by_label("Subject")).to_have_value("Rye on Saturday")
    page.get_by_role("button", name="Continue to pre-flight").click()

    page.get_by_role("heading", name="Ready to launch").wait_for()
    page.get_by_role("button", name="Continue to schedule").click()
    page.get_by_role("radio", name="At a time").check()
    expect(page.get_by_role("button", name="Schedule for 5 recipients")).to_be_visible()
    page.get_by_role("radio", name="Now").check()
    page.get_by_role("checkbox", name="I know that this goes to the sandbox inbox").check()
    page.get_by_role("button", name="Launch for 5 recipients").click()
    expect(page).to_have_url(re.compile("/report$"))

    run = Broadcast.objects.get()
    assert run.audience_count == 5
    assert run.campaign.subject == "Rye on Saturday"
    expect(page.get_by_role("heading", name="Saturday rye")).to_be_visible()


@browser
@committed
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
