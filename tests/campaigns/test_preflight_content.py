"""Pre-flight of what is written: a campaign made by a program is seen in no editor."""

from __future__ import annotations

import pytest

from campaigns import mending, preflight
from campaigns.models import Campaign
from relayhub.core.access import Actor, system_actor
from relayhub.core.ids import Prefix, decode_id
from relayhub.relay import routes
from relayhub.site import setup
from tests.api.test_campaigns import make_campaign
from tests.api.test_smoke import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def actor() -> Actor:
    routes.forget()
    return system_actor(setup.new_workspace("Shop"))


def campaign_of(actor: Actor, html: str) -> Campaign:
    public_id = make_campaign(client_of(actor.workspace), people=1, html=html)
    return Campaign.objects.get(pk=decode_id(Prefix.CAMPAIGN, public_id))


def test_what_nobody_gets_as_it_is_written_is_told_and_leads_to_the_template(actor: Actor) -> None:
    html = '<p>Hi</p><script>go()</script><form action="https://x.example"></form><a href="/sale">Sale</a><svg></svg>'
    campaign = campaign_of(actor, html)
    found = {item.rule: item for item in preflight.look(campaign).findings if item.rule.startswith("client_")}

    assert set(found) == {"client_script", "client_form", "client_relative"}
    assert {item.severity for item in found.values()} == {"warn"}
    for item in found.values():
        place = mending.place_of(campaign, item)
        assert place is not None
        assert place.url.endswith(f"{campaign.template.public_id}#id_source" if campaign.template else "")


def test_an_ordinary_mail_has_nothing_of_the_kind(actor: Actor) -> None:
    html = '<p>Hi</p><a href="https://shop.example/">Shop</a><img src="https://shop.example/a.png" alt="" width="9">'
    found = preflight.look(campaign_of(actor, html)).findings

    assert [item.rule for item in found if item.rule.startswith("client_")] == []
