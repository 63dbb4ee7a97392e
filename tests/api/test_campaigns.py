"""A campaign from template to launch through the API, and what pre-flight holds against it."""

from __future__ import annotations

from uuid import UUID

import pytest
from rest_framework.test import APIClient

from campaigns import broadcast
from campaigns.models import Broadcast
from relayhub.core.models import Workspace
from relayhub.relay import ledger, routes
from relayhub.relay.models import Recipient
from relayhub.site import setup
from tests.api.test_smoke import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


@pytest.fixture
def workspace() -> Workspace:
    routes.forget()
    return setup.new_workspace("Shop")


@pytest.fixture
def client(workspace: Workspace) -> APIClient:
    return client_of(workspace)


def make_campaign(client: APIClient, html: str = "<p>Hi {{ contact.name }}</p>", people: int = 3) -> str:
    list_id = client.post("/api/v1/lists", {"name": "News"}, format="json").json()["id"]
    for number in range(people):
        body = {"email": f"p{number}@x.example", "name": f"P {number}", "lists": [list_id]}
        assert client.post("/api/v1/contacts", body, format="json").status_code == 201
    template = client.post(
        "/api/v1/templates", {"name": "T", "subject": "Hi", "html": html}, format="json"
    )
    assert template.status_code == 201, template.data
    campaign = client.post(
        "/api/v1/campaigns",
        {"name": "C", "from": "News <n@shop.example>", "template": template.json()["id"], "lists": [list_id]},
        format="json",
    )
    assert campaign.status_code == 201, campaign.data
    return str(campaign.json()["id"])


def expand(workspace: Workspace) -> None:
    for pk in Broadcast.objects.filter(workspace=workspace).values_list("pk", flat=True):
        broadcast.expand(UUID(str(pk)))


def test_a_launch_stores_everybody_once_however_often_it_is_asked(client: APIClient, workspace: Workspace) -> None:
    campaign = make_campaign(client)
    found = client.get(f"/api/v1/campaigns/{campaign}/preflight").json()
    assert found["verdict"] == "warn", found

    first = client.post(f"/api/v1/campaigns/{campaign}/launch", {}, format="json")
    second = client.post(f"/api/v1/campaigns/{campaign}/launch", {}, format="json")
    expand(workspace)
    expand(workspace)

    assert first.status_code == 202, first.data
    assert second.status_code == 202
    shown = client.get(f"/api/v1/campaigns/{campaign}").json()
    assert shown["status"] == "sending"
    assert shown["counts"]["audience"] == 3
    assert shown["counts"]["queued"] == 3
    assert Recipient.objects.filter(workspace=workspace).count() == 3
    assert ledger.verify().is_clean


def test_an_unknown_merge_field_blocks_and_can_be_overridden(client: APIClient) -> None:
    campaign = make_campaign(client, html="<p>{{ contact.fields.shoe_size }}</p>")

    blocked = client.post(f"/api/v1/campaigns/{campaign}/launch", {}, format="json")
    launched = client.post(f"/api/v1/campaigns/{campaign}/launch", {"override": "we know"}, format="json")

    assert blocked.status_code == 409
    assert blocked.json()["code"] == "preflight_blocked"
    assert "shoe_size" in blocked.json()["detail"]
    assert launched.status_code == 202


def test_nobody_to_write_to_blocks_whatever_is_said(client: APIClient) -> None:
    campaign = make_campaign(client, people=0)

    answer = client.post(f"/api/v1/campaigns/{campaign}/launch", {"override": "please"}, format="json")

    assert answer.status_code == 409


def test_pause_resume_cancel(client: APIClient, workspace: Workspace) -> None:
    campaign = make_campaign(client)
    client.post(f"/api/v1/campaigns/{campaign}/launch", {}, format="json")
    expand(workspace)

    assert client.post(f"/api/v1/campaigns/{campaign}/pause").json()["status"] == "paused"
    assert client.post(f"/api/v1/campaigns/{campaign}/resume").json()["status"] == "sending"
    cancelled = client.post(f"/api/v1/campaigns/{campaign}/cancel").json()

    assert cancelled["status"] == "cancelled"
    assert cancelled["counts"]["cancelled"] == 3
    assert client.post(f"/api/v1/campaigns/{campaign}/launch", {}, format="json").status_code == 409
    assert ledger.verify().is_clean


def test_a_suppressed_contact_is_counted_and_not_queued(client: APIClient, workspace: Workspace) -> None:
    client.post("/api/v1/suppressions", {"address": "p1@x.example"}, format="json")
    campaign = make_campaign(client)

    client.post(f"/api/v1/campaigns/{campaign}/launch", {}, format="json")
    expand(workspace)

    counts = client.get(f"/api/v1/campaigns/{campaign}").json()["counts"]
    assert (counts["audience"], counts["queued"], counts["suppressed"]) == (3, 2, 1)


def test_a_draft_template_changes_nothing_until_published(client: APIClient) -> None:
    made = client.post("/api/v1/templates", {"name": "T", "subject": "A", "html": "<p>a</p>"}, format="json").json()

    client.patch(f"/api/v1/templates/{made['id']}", {"subject": "B"}, format="json")
    before = client.get(f"/api/v1/templates/{made['id']}").json()
    after = client.post(f"/api/v1/templates/{made['id']}/publish").json()

    assert (before["published_version"], before["has_draft"]) == (1, True)
    assert (after["published_version"], after["has_draft"], after["subject"]) == (2, False, "B")


def test_a_template_that_cannot_be_closed_is_refused_with_its_line(client: APIClient) -> None:
    answer = client.post("/api/v1/templates", {"name": "T", "html": "<p>\n{% if x %}"}, format="json")

    assert answer.status_code == 400
    assert "line 2" in answer.json()["detail"]
