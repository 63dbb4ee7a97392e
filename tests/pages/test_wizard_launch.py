"""The last step of a campaign: a launch now or at a time, and who may."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from campaigns import broadcast, editing, templates
from campaigns.models import Broadcast, Campaign, CampaignStatus, MailTemplate
from campaigns.templates import TemplateInput
from relayhub.core.clock import now
from relayhub.core.models import Role
from relayhub.relay.models import Recipient
from relayhub.site import setup
from tests.pages.marketer_rows import desk
from tests.pages.wizard_rows import (
    found_in,
    launch,
    make_campaign,
    make_template,
    step,
)
from tests.support.door_rows import forget_everything

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_caches() -> None:
    forget_everything()


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
    assert "saved this campaign meanwhile" in answer.content.decode()
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
    page = at.client.get(step(campaign, "schedule")).content.decode()
    assert 'value="2040-01-15T09:00"' in page
    assert "Choose when" not in page
    at.client.post(step(campaign, "unschedule"))
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.DRAFT


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"when": "at", "at": ""}, "Choose a day and a time"),
        ({"when": "at", "at": "2001-01-01T00:00"}, "lies in the past"),
        ({"when": "at", "at": "tomorrow"}, "valid date/time"),
        ({"when": "at", "at": "2040-03-25T02:30", "zone": "Europe/Berlin"}, "The clocks change in that hour"),
        ({"when": "at", "at": "2040-10-28T02:30", "zone": "Europe/Berlin"}, "The clocks change in that hour"),
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
    assert {"report-progress", "report-people", "report-recipients"} <= set(parts.json()["html"])


def test_the_dialog_that_cancels_counts_with_the_report_behind_it() -> None:
    at = desk()
    campaign = make_campaign(at)
    run = broadcast.launch(at.actor, campaign)
    broadcast.expand(run.pk)
    live = reverse("campaign-live", args=[campaign.public_id])
    page = at.client.get(step(campaign, "report")).content.decode()
    Recipient.objects.filter(pk=Recipient.objects.latest("id").pk).update(status="delivered", finished_at=now())
    forget_everything()

    values = at.client.get(live, headers={"accept": "application/json"}).json()["values"]

    assert re.search(r'data-live-key="cancel-title">Cancel for 3 recipients\?<', page)
    assert re.search(r'data-live-key="cancel-button">Cancel for 3 recipients<', page)
    assert values["cancel-title"] == "Cancel for 2 recipients?"
    assert values["cancel-button"] == "Cancel for 2 recipients"


def test_a_time_is_said_in_the_chosen_zone_and_in_utc_with_how_long_it_takes() -> None:
    at = desk()
    campaign = make_campaign(at)
    words = step(campaign, "schedule-words")

    said = at.client.get(words, {"when": "at", "at": "2040-01-15T09:00", "zone": "Asia/Tokyo", "max_per_minute": "1"})
    lost = at.client.get(words, {"when": "at", "at": "2040-03-25T02:30", "zone": "Europe/Berlin"}).content.decode()
    at.client.post(step(campaign, "schedule"), launch(campaign, when="at", at="2040-01-15T09:00", zone="Asia/Tokyo"))

    text = said.content.decode()
    campaign.refresh_from_db()
    again = at.client.get(step(campaign, "schedule")).content.decode()
    assert "Sunday 15 January 2040, 09:00</b> in Asia/Tokyo" in text
    assert "Sunday 15 January 2040, 00:00 in UTC" in text
    assert "3 recipients take about 3 min" in text
    assert "in UTC" not in lost
    once = at.client.get(words, {"when": "at", "at": "2040-01-15T09:00", "zone": "UTC"}).content.decode()
    assert once.count("15 January 2040, 09:00") == 1
    assert campaign.scheduled_at is not None
    assert campaign.scheduled_at.hour == 0
    assert 'value="2040-01-15T09:00"' in again
    assert '<option value="Asia/Tokyo" selected>' in again


def test_a_schedule_made_of_an_old_page_is_refused() -> None:
    at = desk()
    campaign = make_campaign(at)
    form = launch(campaign, when="at", at="2040-01-15T09:00")
    editing.change_campaign(at.actor, campaign, editing.CampaignChanges(subject="Other"))

    answer = at.client.post(step(campaign, "schedule"), form)

    campaign.refresh_from_db()
    assert answer.status_code == 422
    assert campaign.status == CampaignStatus.DRAFT


@pytest.mark.parametrize("name", ["audience", "content", "preflight", "schedule"])
def test_whoever_sends_a_step_of_a_campaign_that_went_out_is_told_that_it_was_not_saved(name: str) -> None:
    at = desk()
    campaign = make_campaign(at)
    form = launch(campaign, when="at", at="2040-01-15T09:00")
    broadcast.launch(at.actor, campaign)

    told = at.client.post(step(campaign, name), form, follow=True).content.decode()
    looked = at.client.get(step(campaign, name), follow=True).content.decode()

    assert "This campaign is sending and cannot be changed any more." in told
    assert "cannot be changed any more" not in looked


def test_a_copy_is_called_so_in_the_language_of_whoever_copies() -> None:
    at = desk()
    at.user.language = "de"
    at.user.save(update_fields=["language"])
    campaign = make_campaign(at)
    assert campaign.template is not None

    at.client.post(step(campaign, "copy"))
    at.client.post(reverse("template-copy", args=[campaign.template.public_id]))

    assert Campaign.objects.exclude(pk=campaign.pk).get().name == "Saturday rye (Kopie)"
    assert MailTemplate.objects.exclude(pk=campaign.template_id).get().name == "Rye week (Kopie)"


def test_pace_is_kept_without_a_launch() -> None:
    at = desk()
    campaign = make_campaign(at)

    at.client.post(step(campaign, "schedule"), launch(campaign, max_per_minute="600", act="save", in_sandbox=""))

    campaign.refresh_from_db()
    assert (campaign.max_per_minute, campaign.status) == (600, CampaignStatus.DRAFT)
    assert not Broadcast.objects.exists()
