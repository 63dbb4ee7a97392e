"""Templates through the API: what the pages do, programs can do."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries
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


def test_nobody_publishes_what_somebody_else_saved_unseen(client: APIClient, address: str) -> None:
    client.patch(address, {"html": "<p>Mine</p>"}, format="json")
    seen = client.get(address).json()["stamp"]
    client.patch(address, {"html": "<p>Theirs</p>"}, format="json")

    refused = client.post(f"{address}/publish", {"seen": seen}, format="json")
    now_seen = client.get(address).json()["stamp"]
    published = client.post(f"{address}/publish", {"seen": now_seen}, format="json")

    assert (refused.status_code, refused.json()["code"]) == (409, "template_changed")
    assert (published.status_code, published.json()["has_draft"]) == (200, False)


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


def test_a_template_begins_from_a_starter_as_a_draft(client: APIClient) -> None:
    listed = {row["key"]: row for row in client.get("/api/v1/templates/starters").json()["data"]}

    made = client.post("/api/v1/templates", {"name": "R", "starter": "receipt"}, format="json")

    body = made.json()
    assert made.status_code == 201, body
    assert (body["has_draft"], body["published_version"]) == (True, None)
    assert (body["html"], body["sample"]) == (listed["receipt"]["html"], listed["receipt"]["sample"])
    assert client.post("/api/v1/templates", {"name": "R", "starter": "no"}, format="json").status_code == 400
    assert client.patch(f"/api/v1/templates/{body['id']}", {"starter": "event"}, format="json").status_code == 400


def test_what_is_given_beside_a_starter_takes_its_place(client: APIClient) -> None:
    body = {"name": "R", "starter": "receipt", "subject": "Yours", "sample": {"order_number": "7"}}
    made = client.post("/api/v1/templates", body, format="json").json()

    starter = next(row for row in client.get("/api/v1/templates/starters").json()["data"] if row["key"] == "receipt")
    assert (made["subject"], made["sample"]) == ("Yours", {"order_number": "7"})
    assert (made["html"], made["preheader"]) == (starter["html"], starter["preheader"])


def test_what_was_put_away_is_read_and_removed_for_good(client: APIClient, address: str) -> None:
    client.delete(address)

    assert client.get(address).json()["archived"] is True
    assert client.patch(address, {"subject": "No"}, format="json").status_code == 404
    assert client.delete(f"{address}?permanently=true").status_code == 204
    assert client.get(address).status_code == 404


def test_versions_come_in_pages(client: APIClient, address: str) -> None:
    for number in range(3):
        client.patch(address, {"html": f"<p>{number}</p>"}, format="json")
        client.post(f"{address}/publish", {}, format="json")

    first = client.get(f"{address}/versions?limit=3").json()
    rest = client.get(first["next"]).json()

    assert [row["number"] for row in first["data"] + rest["data"]] == [4, 3, 2, 1]
    assert rest["next"] is None
    assert client.get(f"{address}/diff?before={'9' * 5000}").status_code == 404


def test_a_list_of_templates_asks_no_more_for_many_than_for_one(
    client: APIClient, address: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client.patch(address, {"subject": "Draft"}, format="json")
    for number in range(3):
        client.post("/api/v1/templates", {"name": f"T{number}", "html": "<p>x</p>"}, format="json")

    with django_assert_max_num_queries(12):
        rows = client.get("/api/v1/templates").json()["data"]

    assert [(row["subject"], row["published_version"], row["has_draft"]) for row in rows] == [
        ("", 1, False), ("", 1, False), ("", 1, False), ("Draft", 1, True)]


def test_rendering_tells_what_the_editor_tells(client: APIClient, address: str) -> None:
    source = (
        "<style>@media (prefers-color-scheme: dark) {p {color: #eee}}</style><p>{{ order }}</p>"
        '<img src="https://x.example/a.png" width="9">'
    )
    client.patch(address, {"html": source, "sample": {"order": "A-1"}}, format="json")

    shown = client.post(f"{address}/render", {}, format="json").json()
    other = client.post(
        f"{address}/render", {"variables": {"order": "B-2"}, "dark": True, "images": False}, format="json"
    ).json()

    assert "A-1" in shown["html"]
    assert [finding["code"] for finding in shown["findings"]] == ["client_no_alt"]
    assert (shown["has_dark_styles"], shown["limit_bytes"]) == (True, 102 * 1024)
    assert shown["support_passed"] == shown["support_checks"] - 1
    assert "B-2" in other["html"]
    assert "(min-width: 0px)" in other["html"]
    assert "a.png" not in other["html"]


def test_a_markdown_template_is_sent_by_its_name_and_values(client: APIClient) -> None:
    body = {"name": "M", "kind": "markdown", "subject": "Hi", "html": "# Rye for {{ who }}"}
    made = client.post("/api/v1/templates", body, format="json").json()

    sent = client.post("/api/v1/messages", {
        "from": "Shop <n@shop.example>", "to": ["a@x.example"], "template": made["id"], "variables": {"who": "Ann"},
    }, format="json")

    assert sent.status_code in (200, 202), sent.json()
    content = client.get(f"/api/v1/messages/{sent.json()['id']}/content").content.decode()
    assert "Rye for Ann" in content
    assert "Shop" in content


def test_versions_are_compared(client: APIClient, address: str) -> None:
    client.patch(address, {"html": "<p>Two</p>"}, format="json")

    found = client.get(f"{address}/diff").json()

    assert (found["before"], found["after"]) == (1, 2)
    assert [(line["kind"], line["text"]) for line in found["parts"][0]["lines"]] == [
        ("del", "<p>One</p>"), ("add", "<p>Two</p>")
    ]
    assert client.get(f"{address}/diff?before=9").status_code == 404
    first = client.get("/api/v1/templates/fields").json()["data"][0]
    assert first["code"] == '{{ contact.first_name|default("there") }}'
