"""Templates through the API: what the pages do, programs can do."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from campaigns.models import MailTemplate
from relayhub.core.models import Workspace
from relayhub.relay import routes
from relayhub.relay.models import Message
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


@pytest.fixture
def address(client: APIClient) -> str:
    body = {"name": "T", "subject": "Hi", "html": "<p>One</p>"}
    return f"/api/v1/templates/{client.post('/api/v1/templates', body, format='json').json()['id']}"


def test_a_change_of_what_somebody_else_saved_is_refused(client: APIClient, address: str) -> None:
    seen = client.get(address).json()["stamp"]
    assert client.patch(address, {"html": "<p>Theirs</p>", "seen": seen}, format="json").status_code == 200

    refused = client.patch(address, {"html": "<p>Mine</p>", "name": "Mine", "seen": seen}, format="json")

    assert (refused.status_code, refused.json()["code"]) == (409, "template_changed")
    assert (client.get(address).json()["html"], client.get(address).json()["name"]) == ("<p>Theirs</p>", "T")


def test_an_older_version_becomes_the_draft(client: APIClient, address: str) -> None:
    client.patch(address, {"html": "<p>Two</p>"}, format="json")
    client.post(f"{address}/publish")

    restored = client.post(f"{address}/restore", {"version": 1}, format="json").json()

    assert (restored["html"], restored["version"], restored["published_version"]) == ("<p>One</p>", 3, 2)
    assert client.post(f"{address}/restore", {"version": 9}, format="json").status_code == 404


def test_a_test_is_handed_in(client: APIClient, address: str) -> None:
    body = {"to": ["me@x.example"], "from": "Shop <n@shop.example>"}

    answer = client.post(f"{address}/test", body, format="json")

    assert answer.status_code == 202, answer.data
    assert Message.objects.get().subject == "[Test] Hi"
    assert client.post(f"{address}/test", {"to": ["me@x.example"]}, format="json").status_code in (400, 422)


def test_what_was_put_away_is_listed_apart_and_taken_back(client: APIClient, address: str) -> None:
    assert client.delete(address).status_code == 204
    assert client.get("/api/v1/templates").json()["data"] == []
    assert [row["archived"] for row in client.get("/api/v1/templates?archived=true").json()["data"]] == [True]

    assert client.post(f"{address}/unarchive").json()["archived"] is False
    assert client.post(f"{address}/copy").json()["name"] == "T (copy)"


def test_only_an_unused_template_is_removed_for_good(client: APIClient, address: str) -> None:
    body = {"name": "C", "template": address.rsplit("/", 1)[1]}
    campaign = client.post("/api/v1/campaigns", body, format="json").json()["id"]

    assert client.delete(f"{address}?permanently=true").status_code == 409
    client.delete(f"/api/v1/campaigns/{campaign}")
    assert client.delete(f"{address}?permanently=true").status_code == 204
    assert not MailTemplate.objects.exists()
