"""Choosing lists where there are very many, or where some were archived since; streams; and what a schedule tells."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from campaigns import audience, editing, list_choice, lists, preflight, subscriptions
from campaigns.contacts import add_contact
from campaigns.models import Campaign, Contact
from relayhub.core.models import Role
from relayhub.relay import streams
from relayhub.relay.models import StreamKind
from relayhub.site import setup
from tests.pages.marketer_rows import desk
from tests.pages.wizard_rows import SAID, content, launch, make_campaign, make_list, step
from tests.support.door_rows import forget_everything

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_caches() -> None:
    forget_everything()


@pytest.fixture
def _many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_choice, "SHOWN", 2)


# -- very many lists -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_many")
def test_where_lists_are_many_the_chosen_ones_stand_there_and_others_are_searched_for() -> None:
    at = desk()
    campaign = make_campaign(at)
    others = [make_list(at.actor, name, people=1) for name in ("Staff", "Trade", "Press")]

    page = at.client.get(step(campaign, "audience")).content.decode()
    answer = at.client.get(step(campaign, "audience-count"), {
        "lists": campaign.lists.get().public_id, "add_lists": others[0].public_id, "add_excluded": others[1].public_id,
    }).content.decode()

    assert "Weekly letter" in page
    assert "Trade" not in page
    assert page.count(f'data-picker="{reverse("list-pick")}"') == 2
    assert '<span class="v">4</span>' in answer
    assert f'name="lists" value="{others[0].public_id}" checked' in answer
    assert f'name="excluded" value="{others[1].public_id}" checked' in answer
    assert "Press" not in answer


@pytest.mark.usefixtures("_many")
def test_without_script_a_list_is_added_by_its_name_and_a_wrong_name_is_told() -> None:
    at = desk()
    campaign = make_campaign(at)
    kept = campaign.lists.get()
    staff = make_list(at.actor, "Staff", people=1)
    make_list(at.actor, "Trade", people=0)
    form = {"lists": kept.public_id, "revision": str(campaign.revision)}

    wrong = at.client.post(step(campaign, "audience"), {**form, "add_lists_name": "Staf"})
    right = at.client.post(step(campaign, "audience"), {**form, "add_lists_name": "staff"})

    assert wrong.status_code == 422
    assert "There is no list “Staf”" in wrong.content.decode()
    assert right.status_code == 302
    assert set(campaign.lists.all()) == {kept, staff}


@pytest.mark.usefixtures("_many")
def test_a_list_of_another_workspace_is_not_added() -> None:
    at, other = desk(), desk(setup.new_workspace("Other"), email="o@example.com")
    campaign = make_campaign(at)
    theirs = make_list(other.actor, "Theirs")

    at.client.post(step(campaign, "audience"), {
        "lists": campaign.lists.get().public_id, "add_lists": theirs.public_id, "revision": str(campaign.revision),
    })

    assert theirs not in campaign.lists.all()


# -- archived ones -------------------------------------------------------------------------------------------


def test_who_is_left_out_by_a_list_that_was_archived_stays_left_out_when_the_step_is_saved() -> None:
    at = desk()
    banned = lists.create_list(at.actor, name="Banned")
    campaign = make_campaign(at, excluded_lists=[banned])
    subscriptions.subscribe(Contact.objects.get(email_key="wee0@x.example"), banned, evidence=SAID)
    lists.archive_list(at.actor, banned)

    page = at.client.get(step(campaign, "audience")).content.decode()
    at.client.post(step(campaign, "audience"), {
        "lists": campaign.lists.get().public_id, "excluded": banned.public_id, "revision": str(campaign.revision),
    })

    assert f'name="excluded" value="{banned.public_id}" checked' in page
    assert list(campaign.excluded_lists.all()) == [banned]
    assert audience.count_for(campaign, preflight.stream_for(campaign).pk).left_out == {"excluded": 1}


def test_an_archived_list_is_not_ticked_and_not_counted() -> None:
    at = desk()
    campaign = make_campaign(at)
    lists.archive_list(at.actor, campaign.lists.get())
    for name in ("Staff", "Trade"):
        make_list(at.actor, name, people=1)

    answer = at.client.get(step(campaign, "audience"))

    assert answer.context["found"].total == 0
    assert "Weekly letter" not in answer.content.decode()


# -- counts that stand beside --------------------------------------------------------------------------------


def test_a_large_count_beside_the_content_is_kept_until_the_next_save(monkeypatch: pytest.MonkeyPatch) -> None:
    at = desk()
    monkeypatch.setattr(audience, "EXACT_UP_TO", 2)
    campaign = make_campaign(at)
    stream = preflight.stream_for(campaign).pk
    audience.count_for(campaign, stream)
    add_contact(at.actor, email="new@x.example", lists=[campaign.lists.get()], evidence=SAID)

    beside = audience.lately_counted_for(campaign, stream).reached
    exact = audience.count_for(campaign, stream).reached
    saved = editing.change_campaign(at.actor, campaign, editing.CampaignChanges(subject="S"))
    add_contact(at.actor, email="newer@x.example", lists=[campaign.lists.get()], evidence=SAID)
    after = audience.lately_counted_for(saved, stream).reached

    assert (beside, exact, after) == (3, 4, 5)


# -- what is scheduled ---------------------------------------------------------------------------------------


def test_the_steps_of_a_scheduled_campaign_say_that_it_goes_out_by_itself() -> None:
    at = desk()
    campaign = make_campaign(at)
    before = at.client.get(step(campaign, "content")).content.decode()
    at.client.post(step(campaign, "schedule"), launch(campaign, when="at", at="2040-01-15T09:00"))

    after = at.client.get(step(campaign, "content")).content.decode()

    assert "Nothing is sent before you launch." in before
    assert "Nothing is sent before you launch." not in after
    assert "by itself, as it is saved by then" in after


def test_every_step_tells_the_time_of_a_schedule_in_the_persons_zone() -> None:
    at = desk()
    at.user.timezone = "Europe/Berlin"
    at.user.save(update_fields=["timezone"])
    campaign = make_campaign(at)
    form = launch(campaign, when="at", at="2040-01-15T09:00", zone="America/New_York")

    at.client.post(step(campaign, "schedule"), form)

    for name in ("audience", "schedule"):
        page = at.client.get(step(campaign, name)).content.decode()
        noted = re.search(r'id="step-note-schedule"[^>]*>([^<]+)<', page)
        assert noted is not None
        assert "15:00" in noted[1]


def test_an_open_step_is_told_of_a_schedule_a_refusal_and_a_cancel() -> None:
    at = desk()
    campaign = make_campaign(at)
    colleague = desk(at.workspace, role=Role.MARKETER, email="jonas@example.com")

    def told(seen: int) -> str:
        answer = at.client.get(step(campaign, "watch"), {"revision": seen}, headers={"accept": "application/json"})
        return str(answer.json())

    seen = campaign.revision
    colleague.client.post(step(campaign, "schedule"), launch(campaign, when="at", at="2040-01-15T09:00"))
    scheduled = told(seen)
    stale = at.client.post(step(campaign, "schedule"), launch(campaign))
    campaign.refresh_from_db()
    at.client.post(reverse("campaign-cancel", args=[campaign.public_id]))

    assert "saved this campaign meanwhile" in scheduled
    assert "it goes out" in scheduled
    assert stale.status_code == 422
    assert "cancelled meanwhile" in told(campaign.revision)
    assert "was launched meanwhile" not in told(campaign.revision)
    assert Campaign.objects.get().status == "cancelled"


# -- streams -------------------------------------------------------------------------------------------------


def test_a_campaign_chooses_among_several_streams_and_its_copy_keeps_the_choice() -> None:
    at = desk()
    campaign = make_campaign(at)
    alone = at.client.get(step(campaign, "content")).content.decode()
    offers = streams.create_stream(at.actor, slug="offers", name="Offers", kind=StreamKind.BROADCAST)

    page = at.client.get(step(campaign, "content")).content.decode()
    at.client.post(step(campaign, "content"), content(campaign, stream=offers.slug))
    campaign.refresh_from_db()
    copy = editing.copy_campaign(at.actor, campaign)

    assert 'name="stream"' not in alone
    assert 'name="stream"' in page
    assert campaign.stream_id == copy.stream_id == offers.pk
    offers.delete()
    assert preflight.stream_for(campaign).is_default
