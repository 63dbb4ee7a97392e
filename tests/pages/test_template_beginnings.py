"""How a template begins in the dashboard: from a starter, in a campaign, for single messages, in the brand."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from campaigns import editing, starters, template_review, templates
from campaigns.models import MailTemplate
from relayhub.core.ids import uuid7
from relayhub.site import setup
from tests.pages.marketer_rows import desk
from tests.pages.test_template_pages import editor, make_template

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("starter", starters.STARTERS, ids=lambda item: item.key)
def test_every_beginning_is_without_errors_and_can_be_left(starter: starters.Starter) -> None:
    at = desk()
    content = starter.content(at.workspace)
    found = template_review.review(at.workspace, content, sample=starter.sample)

    assert found.findings == ()
    assert found.blanks == ()
    assert found.has_dark_styles == (starter.kind in {"mjml", "markdown"})
    assert starter.key == "blank" or ("unsubscribe_url" in content.source) != starter.is_for_messages
    assert "@" not in content.source.replace("@media", "")
    assert at.client.get(reverse("template-starter", args=[starter.key])).status_code == 200


def test_a_new_template_is_a_draft_that_no_campaign_sends_yet() -> None:
    at = desk()

    answer = at.client.post(reverse("template-new"), {"starter": "letter"}, follow=True)

    template = MailTemplate.objects.get()
    assert answer.redirect_chain[-1][0] == editor(template)
    assert templates.published(template) is None
    assert "Nothing is published yet" in answer.content.decode()


def test_a_template_begun_in_a_campaign_is_named_there_and_leads_back() -> None:
    at = desk()
    waiting = editing.create_campaign(at.actor, editing.CampaignChanges(name="First & foremost"))
    served = editing.create_campaign(at.actor, editing.CampaignChanges(name="Served", template=make_template(at)))
    foreign = editing.create_campaign(desk(setup.new_workspace("Other"), email="o@example.com").actor,
                                      editing.CampaignChanges(name="Foreign"))
    content = reverse("campaign-content", args=[waiting.public_id])
    begin = re.findall(r'href="(/templates/new\?[^"]+)"', at.client.get(content).content.decode())[0]

    gallery = at.client.get(begin).content.decode()
    for campaign in (waiting, served, foreign):
        at.client.post(reverse("template-new"), {"starter": "letter", "campaign": campaign.public_id})

    waiting.refresh_from_db()
    served.refresh_from_db()
    foreign.refresh_from_db()
    assert f'name="campaign" value="{waiting.public_id}"' in gallery
    assert waiting.template is not None
    assert served.template is not None
    assert (waiting.template.name, served.template.name, foreign.template) == ("Letter", "Weekend rye", None)
    page = at.client.get(editor(waiting.template)).content.decode()
    assert "The draft campaign “First &amp; foremost” is to send this template" in page
    assert f'href="{content}"' in page
    assert f'href="{content}"' not in at.client.get(editor(served.template)).content.decode()


def test_new_templates_get_names_of_their_own_and_nothing_unknown_is_begun() -> None:
    at = desk()
    for _ in range(2):
        at.client.post(reverse("template-new"), {"starter": "event"})

    assert sorted(MailTemplate.objects.values_list("name", flat=True)) == ["Event", "Event 2"]
    refused = at.client.post(reverse("template-new"), {"starter": "nothing"})
    assert refused.status_code == 422
    assert "There is no such beginning" in refused.content.decode()


def test_a_beginning_for_single_messages_brings_its_values() -> None:
    at = desk()

    at.client.post(reverse("template-new"), {"starter": "receipt"})

    template = MailTemplate.objects.get()
    shown = at.client.get(reverse("template-thumbnail", args=[template.public_id])).content.decode()
    assert "A-1042" in shown
    assert "unsubscribe" not in shown.lower()


@pytest.mark.parametrize("colour", ["#ffd400", "#0b6470"])
def test_beginnings_carry_the_brand(colour: str) -> None:
    at = desk()
    at.workspace.brand_colour, at.workspace.brand_font = colour, "georgia"
    at.workspace.logo_id = uuid7()

    for item in starters.STARTERS:
        content = item.content(at.workspace)
        found = template_review.review(at.workspace, content, sample=item.sample)
        assert [finding.message for finding in found.findings] == []
        if item.kind in {"mjml", "markdown"}:
            assert found.shown is not None
            assert at.workspace.logo_path in str(found.shown.html)
        if item.kind == "mjml":
            assert colour in content.source
            assert "Georgia" in content.source
