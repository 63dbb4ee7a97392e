"""Who may let a campaign go out: a time for it is a launch like any other, and a key's limits hold."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from campaigns import editing
from campaigns.models import Campaign, CampaignStatus
from relayhub.core.access import ALL_SCOPES, system_actor
from relayhub.core.clock import now
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.keys import KeyLimits, create_key
from relayhub.core.models import Workspace
from relayhub.relay import routes
from relayhub.site import setup
from tests.api.test_campaigns import make_campaign
from tests.api.test_smoke import client_of

pytestmark = pytest.mark.django_db
DRAFTER = ("campaigns.read", "campaigns.write", "lists.read", "templates.read")


@pytest.fixture
def workspace() -> Workspace:
    routes.forget()
    return setup.new_workspace("Shop")


def limited(workspace: Workspace, **limits: Any) -> APIClient:
    key = create_key(system_actor(workspace), name="limited", limits=KeyLimits(scopes=ALL_SCOPES, **limits))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key.text}")
    return client


def path_of(workspace: Workspace) -> str:
    return f"/api/v1/campaigns/{make_campaign(client_of(workspace))}"


def later() -> str:
    return (now() + timedelta(hours=1)).isoformat()


def test_who_may_not_launch_may_not_schedule(workspace: Workspace) -> None:
    path, drafter = path_of(workspace), client_of(workspace, DRAFTER)

    assert drafter.patch(path, {"name": "Better", "scheduled_at": later()}, format="json").status_code == 403
    assert drafter.post("/api/v1/campaigns", {"name": "New", "scheduled_at": later()}, format="json").status_code == 403
    assert [(row.name, row.status) for row in Campaign.objects.all()] == [("C", CampaignStatus.DRAFT)]


def test_nor_change_what_goes_out_by_itself(workspace: Workspace) -> None:
    path = path_of(workspace)
    campaign = Campaign.objects.get(pk=decode_id(Prefix.CAMPAIGN, path.rpartition("/")[2]))
    editing.schedule(system_actor(workspace), campaign, now() + timedelta(hours=1))

    refused = client_of(workspace, DRAFTER).patch(path, {"from": "ceo@shop.example"}, format="json")
    assert refused.status_code == 403
    assert client_of(workspace).patch(path, {"from": "ceo@shop.example"}, format="json").status_code == 200


@pytest.mark.parametrize("limits", [{"domains": ("other.example",)}, {"streams": ("transactional",)}])
def test_the_limits_of_a_key_hold_for_campaigns(workspace: Workspace, limits: dict[str, Any]) -> None:
    path, client = path_of(workspace), limited(workspace, **limits)

    assert client.post(f"{path}/launch", {}, format="json").status_code == 403
    assert client.patch(path, {"scheduled_at": later()}, format="json").status_code == 403
    within = limited(workspace, domains=("shop.example",), streams=("broadcast",))
    assert within.post(f"{path}/launch", {}, format="json").status_code not in (401, 403)


def test_a_launch_at_a_time_out_of_reach_is_refused(workspace: Workspace) -> None:
    path, client = path_of(workspace), client_of(workspace)

    answer = client.patch(path, {"scheduled_at": "9999-12-31T23:59:59Z"}, format="json")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/scheduled_at"
    assert Campaign.objects.get().status == CampaignStatus.DRAFT
