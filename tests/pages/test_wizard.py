"""A campaign from its name to its launch, by hand: every step kept, every refusal explained, nobody overwritten."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from campaigns import editing, lists, templates
from campaigns.contacts import add_contact
from campaigns.models import Campaign
from campaigns.templates import TemplateInput
from deliverability.models import DomainStatus
from relayhub.core.models import Role
from relayhub.relay import routes
from relayhub.relay.models import Message
from relayhub.site import setup
from tests.pages.marketer_rows import desk
from tests.pages.wizard_rows import (
    SAID,
    content,
    found_in,
    go_live,
    make_campaign,
    make_list,
    make_template,
    step,
)
from tests.support.door_rows import forget_everything, make_domain

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_caches() -> None:
    forget_everything()


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


def test_a_good_campaign_passes_with_what_was_looked_at() -> None:
    at = desk()
    page = found_in(at, make_campaign(at))

    assert "Ready to launch, with" in page
    assert "checks passed" in page
    assert "Blocks:" not in page
    assert "Continue to schedule" in page


def test_links_that_a_starter_brought_are_told() -> None:
    at = desk()
    leading = "https://example.com/", "https://www.example.org", "https://example.company/"
    html = " ".join(f'<a href="{place}">Read</a>' for place in leading)
    campaign = make_campaign(at, template=make_template(at, html=html))
    page = found_in(at, campaign)
    editing.change_campaign(at.actor, campaign, editing.CampaignChanges(template=make_template(at)))

    assert "2 links still lead to example.com" in page
    assert "still lead" not in found_in(at, campaign)


def test_an_unpublished_template_blocks_and_its_page_is_one_click_away() -> None:
    at = desk()
    template = make_template(at, is_published=False)
    campaign = make_campaign(at, template=template)
    page = found_in(at, campaign)

    assert "One thing stops the launch" in page
    assert "was never published" in page
    fix = f"{step(campaign, 'fix')}?rule=content"
    assert f'href="{fix}"' in page
    assert at.client.get(fix)["Location"] == reverse("template-detail", args=[template.public_id])


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


# -- what helps ----------------------------------------------------------------------------------------------


def test_one_address_is_looked_up_with_the_lists_that_are_ticked() -> None:
    at = desk()
    campaign = make_campaign(at)
    other = make_list(at.actor, "Shop news", people=1)
    ticked = {"lists": other.public_id, "ask": "wee0@x.example"}

    saved = at.client.get(step(campaign, "audience"), {"ask": "wee0@x.example"}).content.decode()
    not_on = at.client.get(step(campaign, "audience-ask"), ticked).content.decode()
    left_out = at.client.get(step(campaign, "audience-ask"), {
        "lists": other.public_id, "excluded": other.public_id, "ask": "sho0@x.example"}).content.decode()
    nobody = at.client.get(step(campaign, "audience-ask"), {**ticked, "ask": "never@x.example"}).content.decode()

    assert "Gets it." in saved
    assert "on none of the chosen lists" in not_on
    assert "stands on a list that you leave out" in left_out
    assert "Nobody of your contacts" in nobody


def test_the_only_list_and_the_only_template_are_chosen_already_and_from_is_the_last_one() -> None:
    at = desk()
    make_campaign(at)
    at.client.post(reverse("campaign-new"), {"name": "Second"})
    second = Campaign.objects.get(name="Second")

    audience = at.client.get(step(second, "audience"))
    content_page = at.client.get(step(second, "content"))
    make_list(at.actor, "Another")
    undecided = at.client.get(step(second, "audience"))

    assert audience.context["found"].reached == 3
    only = second.workspace.mail_templates.get().public_id
    assert content_page.context["form"]["template"].value() == only
    assert f'{step(second, "preview")}?template={only}"' in content_page.content.decode()
    assert content_page.context["form"]["from_header"].value() == "Shop <news@shop.example>"
    assert not undecided.context["chosen"]


def test_a_finding_leads_to_the_exact_place_and_back() -> None:
    at = desk()
    campaign = make_campaign(at, from_header="Shop <news@elsewhere.example>")
    go_live(at)
    page = found_in(at, campaign)
    fix = f"{step(campaign, 'fix')}?rule=from_verified"

    led = at.client.get(fix)
    there = at.client.get(led["Location"]).content.decode()
    elsewhere = at.client.get(reverse("campaign-list")).content.decode()
    found_in(at, campaign)
    after = at.client.get(reverse("campaign-list")).content.decode()

    assert fix in page
    assert led["Location"] == reverse("domain-new")
    assert "Back to pre-flight" in there
    assert "elsewhere.example is not verified" in elsewhere
    assert "Back to pre-flight" not in after
    assert at.client.get(f"{step(campaign, 'fix')}?rule=nonsense")["Location"] == step(campaign, "preflight")


def test_an_open_step_is_told_that_somebody_saved_or_launched_meanwhile() -> None:
    at = desk()
    campaign = make_campaign(at)
    colleague = desk(at.workspace, role=Role.MARKETER, email="jonas@example.com")

    def told(revision: int) -> dict[str, object]:
        answer = at.client.get(step(campaign, "watch"), {"revision": revision}, headers={"accept": "application/json"})
        return dict(answer.json())

    before = told(campaign.revision)
    editing.change_campaign(colleague.actor, campaign, editing.CampaignChanges(subject="Other"))
    after = told(campaign.revision)

    assert before["end"] is False
    assert after["end"] is True
    assert "saved this campaign meanwhile" in str(after["html"])
    assert colleague.actor.label in str(after["html"])


def test_the_preview_shows_the_dark_and_a_mail_without_pictures() -> None:
    at = desk()
    html = (
        "<html><head><style>@media (prefers-color-scheme: dark) { p { color: #fff } }</style></head>"
        '<body><p>Rye</p><img src="https://shop.example/rye.png" alt="A loaf"></body></html>'
    )
    campaign = make_campaign(at, template=make_template(at, html=html))
    preview = step(campaign, "preview")

    plain = at.client.get(preview).content.decode()
    dark = at.client.get(preview, {"dark": "1"}).content.decode()
    bare = at.client.get(preview, {"images": "off"}).content.decode()

    assert "(max-width: 0px) { p { color: #fff } }" in plain
    assert "prefers-color-scheme" not in dark
    assert "rye.png" in plain
    assert "rye.png" not in bare
    assert "A loaf" in bare
