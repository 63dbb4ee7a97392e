"""The main resources answer in their shapes."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from relayhub.core.access import ALL_SCOPES, system_actor
from relayhub.core.keys import KeyLimits, create_key
from relayhub.core.models import Workspace
from relayhub.relay import routes
from relayhub.site import setup

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


@pytest.fixture
def workspace() -> Workspace:
    routes.forget()
    return setup.new_workspace("Shop")


@pytest.fixture
def client(workspace: Workspace) -> APIClient:
    return client_of(workspace)


def client_of(workspace: Workspace, scopes: tuple[str, ...] = ALL_SCOPES) -> APIClient:
    key = create_key(system_actor(workspace), name="test", limits=KeyLimits(scopes=scopes))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key.text}")
    return client


MAIL = {"from": "Zoë <a@shop.example>", "to": ["b@x.example", "c@x.example"], "subject": "Hi", "text": "Hello"}


def test_a_message_is_accepted_and_can_be_looked_at(client: APIClient) -> None:
    posted = client.post("/api/v1/messages", MAIL, format="json")

    assert posted.status_code == 202, posted.data
    body = posted.json()
    assert body["status"] == "queued"
    assert [r["address"] for r in body["recipients"]] == ["b@x.example", "c@x.example"]
    shown = client.get(f"/api/v1/messages/{body['id']}").json()
    assert shown["counts"] == {"queued": 2}
    assert shown["message_id"] == f"<{body['id']}@shop.example>"
    timeline = client.get(f"/api/v1/messages/{body['id']}/timeline").json()
    assert [entry["type"] for entry in timeline["data"]] == ["accepted", "accepted"]
    content = client.get(f"/api/v1/messages/{body['id']}/content").json()
    assert content["text"].strip() == "Hello"
    listed = client.get("/api/v1/messages?recipient=C@x.example&status=queued").json()
    assert [row["id"] for row in listed["data"]] == [body["id"]]
    cancelled = client.post(f"/api/v1/messages/{body['id']}/cancel").json()
    assert cancelled["status"] == "cancelled"


def test_unknown_fields_are_refused_with_a_pointer(client: APIClient) -> None:
    answer = client.post("/api/v1/messages", {**MAIL, "subjekt": "x"}, format="json")

    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["pointer"] == "/subjekt"


def test_the_same_key_twice_makes_one_message(client: APIClient) -> None:
    first = client.post("/api/v1/messages", MAIL, format="json", HTTP_IDEMPOTENCY_KEY="k")
    again = client.post("/api/v1/messages", MAIL, format="json", HTTP_IDEMPOTENCY_KEY="k")
    other = client.post("/api/v1/messages", {**MAIL, "text": "x"}, format="json", HTTP_IDEMPOTENCY_KEY="k")

    assert first.json() == again.json()
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency_mismatch"
    assert len(client.get("/api/v1/messages").json()["data"]) == 1


def test_a_batch_answers_each_item_for_itself(client: APIClient) -> None:
    answer = client.post("/api/v1/messages/batch", [MAIL, {**MAIL, "to": ["nonsense"]}], format="json").json()

    assert answer["data"][0]["status"] == "queued"
    assert answer["data"][1]["error"]["code"] == "invalid_address"


def test_a_raw_message_keeps_its_body(client: APIClient) -> None:
    raw = b"From: a@shop.example\nTo: b@x.example\nBcc: secret@x.example\nSubject: raw\n\nline one\nline two\n"
    posted = client.post(
        "/api/v1/messages/raw?from=a@shop.example&to=b@x.example", raw, content_type="message/rfc822"
    )

    assert posted.status_code == 202, posted.data
    stored = client.get(f"/api/v1/messages/{posted.json()['id']}/raw").content
    assert b"secret" not in stored
    assert stored.endswith(b"\r\n\r\nline one\r\nline two\r\n")


def test_another_workspaces_message_is_absent(client: APIClient) -> None:
    posted = client.post("/api/v1/messages", MAIL, format="json").json()
    stranger = client_of(setup.new_workspace("Other"))

    for path in ("", "/timeline", "/content", "/raw", "/recipients"):
        assert stranger.get(f"/api/v1/messages/{posted['id']}{path}").status_code == 404
    assert stranger.post(f"/api/v1/messages/{posted['id']}/cancel").status_code == 404


def test_a_key_without_the_scope_is_forbidden(workspace: Workspace) -> None:
    answer = client_of(workspace, ("messages.read",)).post("/api/v1/messages", MAIL, format="json")

    assert answer.status_code == 403
    assert answer.json()["code"] == "forbidden"


def test_without_a_key_nothing_is_told() -> None:
    answer = APIClient().get("/api/v1/messages")

    assert answer.status_code == 401
    assert answer.json()["code"] == "not_authenticated"


def test_a_domain_is_added_once_and_lists_its_records(client: APIClient) -> None:
    made = client.post("/api/v1/domains", {"name": "Shop.example"}, format="json")
    again = client.post("/api/v1/domains", {"name": "shop.example"}, format="json")

    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json()["status"] == "pending"
    records = client.get(f"/api/v1/domains/{made.json()['id']}/records").json()["data"]
    required = [(record["type"], record["name"]) for record in records if record["required"]]
    assert ("MX", "rp.shop.example") in required
    assert ("TXT", "_dmarc.shop.example") in required


def test_a_suppressed_address_is_accepted_and_marked(client: APIClient) -> None:
    assert client.post("/api/v1/suppressions", {"address": "B@x.example"}, format="json").status_code == 201
    posted = client.post("/api/v1/messages", MAIL, format="json").json()

    assert [r["status"] for r in posted["recipients"]] == ["suppressed", "queued"]
    rows = client.get("/api/v1/suppressions?address=b@X.example").json()["data"]
    assert rows[0]["reason"] == "manual"


def test_contacts_and_lists(client: APIClient) -> None:
    made = client.post("/api/v1/lists", {"name": "News"}, format="json").json()
    contact = client.post(
        "/api/v1/contacts",
        {"email": "Zoë@x.example", "name": "Zoë", "fields": {"city": "Oslo"}, "lists": [made["id"]]},
        format="json",
    )
    twin = client.post("/api/v1/contacts", {"email": "zoë@X.example"}, format="json")

    assert contact.status_code == 201, contact.data
    assert contact.json()["lists"] == [made["id"]]
    assert twin.status_code == 409
    assert client.get("/api/v1/lists").json()["data"][0]["counts"] == {"confirmed": 1}


def test_streams_routes_keys_and_credentials(client: APIClient) -> None:
    assert {s["slug"] for s in client.get("/api/v1/streams").json()["data"]} >= {"transactional", "broadcast"}
    route = client.post(
        "/api/v1/routes",
        {"transport": "smtp://u:hunter2@relay.example:587", "match": {"domains": ["x.example"]}}, format="json",
    )
    assert route.status_code == 201, route.data
    assert "hunter2" not in route.content.decode()
    why = client.get("/api/v1/routes/explain?address=b@x.example").json()
    assert why["transport"] == "smtp://relay.example:587"
    key = client.post("/api/v1/keys", {"name": "k", "scopes": ["messages.read"]}, format="json").json()
    assert key["key"].startswith("rh_live_")
    assert "key" not in client.get(f"/api/v1/keys/{key['id']}").json()
    credential = client.post("/api/v1/smtp-credentials", {"name": "app"}, format="json").json()
    assert credential["password"]


def test_a_template_that_cannot_be_merged_is_the_callers_to_mend(client: APIClient) -> None:
    for text in ("{{ range(9) }}", "{{ " + "-" * 50_000 + "1 }}", "{% if x %}"):
        posted = client.post("/api/v1/messages", {**MAIL, "text": text, "variables": {}}, format="json")

        assert posted.status_code == 400, posted.data
        assert posted.json()["code"] == "template_failed"
