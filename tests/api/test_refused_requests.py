"""Refused requests of programs: noted as they were answered, never with a body or a key, few of a flood, seven days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from relayhub.core import keys, refusals
from relayhub.core.access import ALL_SCOPES, system_actor
from relayhub.core.clock import now
from relayhub.core.ids import uuid7_at
from relayhub.core.models import ApiKey, Door, RefusedRequest, Scope, Workspace
from relayhub.core.throttle import Allowance, Limit, LocalBuckets
from relayhub.relay import routes
from relayhub.site import setup

pytestmark = pytest.mark.django_db

MAIL = {"from": "Zoë <a@shop.example>", "to": ["b@x.example"], "subject": "Hi", "text": "Hello, confidential"}
LOG = "/api/v1/refused-requests"


@pytest.fixture(autouse=True)
def buckets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Limits of this test alone, in which no time passes."""
    local = LocalBuckets(clock=lambda: 0.0)

    def take(key: str, limit: Limit, *, cost: float = 1.0) -> Allowance:
        return local.take(key, limit, cost=cost)

    monkeypatch.setattr(refusals, "take", take)
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def workspace() -> Workspace:
    routes.forget()
    return setup.new_workspace("Shop")


def key_of(workspace: Workspace, *scopes: str, name: str = "shop", **limits: Any) -> keys.NewKey:
    return keys.create_key(
        system_actor(workspace), name=name,
        limits=keys.KeyLimits(scopes=scopes or ALL_SCOPES, requests_per_second=1000, **limits),
    )


def client_of(text: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def log_of(workspace: Workspace, query: str = "") -> list[dict[str, Any]]:
    """The log as a second key of the workspace reads it."""
    answer = client_of(key_of(workspace, Scope.KEYS_READ, name="reader").text).get(f"{LOG}{query}")
    assert answer.status_code == 200, answer.content
    return list(answer.json()["data"])


def test_what_was_sent_and_what_was_wrong_are_kept_without_the_body(workspace: Workspace) -> None:
    made = key_of(workspace)
    answer = client_of(made.text).post(
        f"/api/v1/messages?trace=7&key={made.text}", {**MAIL, "subjekt": "x"}, format="json",
        HTTP_USER_AGENT="shop/2.1", REMOTE_ADDR="198.51.100.9",
    )
    [row] = log_of(workspace)

    assert answer.status_code == 422
    assert len(row["request_id"]) == 36
    assert answer["X-Request-ID"] == row["request_id"]
    assert row["caller"] == {"id": made.key.public_id, "name": "shop"}
    assert (row["method"], row["path"], row["query"]) == ("POST", "/api/v1/messages", "trace=7&key=[key]")
    assert (row["status"], row["code"], row["detail"]) == (422, "invalid_request", answer.json()["detail"])
    assert row["errors"] == answer.json()["errors"]
    assert row["errors"][0]["pointer"] == "/subjekt"
    assert (row["ip"], row["user_agent"], row["door"], row["reason"]) == ("198.51.100.9", "shop/2.1", "http", None)
    stored = str(RefusedRequest.objects.values().get())
    assert "confidential" not in stored
    assert made.text not in stored


def test_each_kind_of_refusal_is_kept_and_no_accepted_request(workspace: Workspace) -> None:
    made = key_of(workspace, Scope.LISTS_READ)
    client = client_of(made.text)
    client.get("/api/v1/lists")
    client.get("/api/v1/contacts")
    client.get("/api/v1/lists/lst_none")
    client.get("/api/v1/mesages")
    Client().delete("/api/v1/lists", headers={"Authorization": f"Bearer {made.text}"})
    client.get("/api/v1/lists?limit=0")

    kept = [(row["status"], row["path"]) for row in reversed(log_of(workspace))]
    assert kept == [
        (403, "/api/v1/contacts"), (404, "/api/v1/lists/lst_none"), (404, "/api/v1/mesages"), (405, "/api/v1/lists"),
        (400, "/api/v1/lists"),
    ]


def test_an_accepted_request_asks_the_database_nothing_more(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(key_of(workspace).text)
    client.post("/api/v1/messages", MAIL, format="json")
    with CaptureQueriesContext(connection) as seen:
        answer = client.post("/api/v1/messages", MAIL, format="json")
    monkeypatch.setattr("relayhub.core.api.noting.note_answer", lambda *_: None)
    monkeypatch.setattr("relayhub.core.api.noting.note_items", lambda *_: None)
    with CaptureQueriesContext(connection) as without:
        client.post("/api/v1/messages", MAIL, format="json")

    assert answer.status_code == 202
    assert len(seen) == len(without)
    assert not any("core_refusedrequest" in query["sql"] for query in seen.captured_queries)


def test_a_key_that_is_not_taken_is_told_to_its_workspace_with_the_reason(workspace: Workspace) -> None:
    revoked, expired, bound = key_of(workspace), key_of(workspace), key_of(workspace, networks=("203.0.113.0/24",))
    keys.revoke_key(system_actor(workspace), revoked.key)
    ApiKey.objects.filter(pk=expired.key.pk).update(expires_at=now() - timedelta(hours=1))
    wrong = key_of(workspace).text[:-4] + "aaaa"
    for text in (revoked.text, expired.text, bound.text, wrong, "rh_live_zzzzzzzz_" + "a" * 32):
        answer = client_of(text).get("/api/v1/lists")
        assert answer.status_code == 401
        assert "reason" not in answer.json()

    kept = log_of(workspace)
    assert [row["reason"] for row in reversed(kept)] == [
        "key_revoked", "key_expired", "address_not_allowed", "wrong_secret",
    ]
    assert {row["code"] for row in kept} == {"not_authenticated"}


def test_refused_items_of_a_batch_are_one_line_that_points_at_them(workspace: Workspace) -> None:
    client = client_of(key_of(workspace).text)
    bad = {**MAIL, "to": ["nobody"]}
    answer = client.post("/api/v1/messages/batch", {"messages": [MAIL, bad, MAIL, {**MAIL, "to": []}]}, format="json")
    [row] = log_of(workspace)

    assert answer.status_code == 202
    assert row["detail"].startswith("2 of 4 items were refused. Item 2: ")
    assert [error["pointer"].split("/")[2] for error in row["errors"]] == ["1", "3"]


def test_of_a_flood_the_first_are_written_and_the_rest_is_counted(workspace: Workspace) -> None:
    client = client_of(key_of(workspace).text)
    for _ in range(25):
        client.get("/api/v1/lists/lst_none")
    client.get("/api/v1/lists/lst_other")
    other, *same = log_of(workspace)

    assert len(same) == 10
    assert other["path"] == "/api/v1/lists/lst_other"
    # Every answer may be of a minute of its own; what is counted once is not counted again.
    assert sum(row["more_in_minute"] for row in (other, *same)) == 15


def test_a_workspace_writes_no_more_than_its_share_and_others_are_not_in_its_way(workspace: Workspace) -> None:
    loud, quiet = client_of(key_of(workspace).text), setup.new_workspace("Quiet")
    for number in range(60):
        loud.get(f"/api/v1/lists/lst_{number}")
    client_of(key_of(quiet).text).get("/api/v1/lists/lst_none")

    assert RefusedRequest.objects.filter(workspace=workspace).count() == 50
    assert len(log_of(quiet)) == 1


def test_a_failing_write_changes_no_answer(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(RefusedRequest.objects, "bulk_create", broken)
    answer = client_of(key_of(workspace).text).get("/api/v1/lists/lst_none")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert not RefusedRequest.objects.exists()


def test_odd_texts_are_kept_as_far_as_they_can_be(workspace: Workspace) -> None:
    client = client_of(key_of(workspace).text)
    client.get(f"/api/v1/lists/%00%ff{'x' * 900}?q={'y' * 900}", HTTP_USER_AGENT="z" * 900)
    [row] = log_of(workspace)

    assert len(row["path"]) == len(row["query"]) == 500
    assert row["path"].endswith("…")
    assert "\0" not in row["path"]
    assert len(row["user_agent"]) == 300


def test_the_log_is_narrowed_by_caller_status_and_words(workspace: Workspace) -> None:
    shop, till = key_of(workspace), key_of(workspace, Scope.LISTS_READ, name="till")
    first = client_of(shop.text).get("/api/v1/lists/lst_none")
    client_of(till.text).get("/api/v1/contacts")
    client_of(till.text).get("/api/v1/lists?limit=0")

    def narrowed(query: str) -> list[int]:
        return [row["status"] for row in log_of(workspace, query)]

    assert narrowed(f"?caller={till.key.public_id}") == [400, 403]
    assert narrowed("?status=404") == [404]
    assert narrowed("?status=4xx") == [400, 403, 404]
    assert narrowed("?status=5xx") == narrowed("?status=smtp") == []
    assert narrowed("?q=contacts") == [403]
    assert narrowed(f"?q={first['X-Request-ID']}") == [404]
    wrong = client_of(shop.text).get(f"{LOG}?status=teapot")
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (400, "/status")


def test_pages_of_the_log_follow_each_other(workspace: Workspace) -> None:
    client = client_of(key_of(workspace).text)
    for number in range(5):
        client.get(f"/api/v1/lists/lst_{number}")
    first = client.get(f"{LOG}?limit=3").json()
    second = client.get(first["next"]).json()

    paths = [row["path"][-1] for page in (first, second) for row in page["data"]]
    assert paths == ["4", "3", "2", "1", "0"]
    assert second["next"] is None


def test_nobody_reads_the_log_of_others_or_without_the_scope(workspace: Workspace) -> None:
    client_of(key_of(workspace).text).get("/api/v1/lists/lst_none")
    mine = RefusedRequest.objects.get()
    other = client_of(key_of(setup.new_workspace("Other")).text)

    assert other.get(LOG).json()["data"] == []
    assert other.get(f"{LOG}/{mine.public_id}").status_code == 404
    assert client_of(key_of(workspace).text).get(f"{LOG}/{mine.public_id}").json()["path"] == "/api/v1/lists/lst_none"
    assert client_of(key_of(workspace, Scope.LISTS_READ).text).get(LOG).status_code == 403


def row_at(workspace: Workspace, **ago: int) -> RefusedRequest:
    at = now() - timedelta(**ago)
    return RefusedRequest.objects.create(
        id=uuid7_at(at), at=at, workspace=workspace, door=Door.HTTP, caller_id="key_x", caller_name="x", method="GET",
        path="/", status=404, code="not_found", detail="Nothing.",
    )


def test_the_log_is_kept_seven_days_and_to_its_size(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    old, kept = row_at(workspace, days=7, minutes=1), [row_at(workspace, hours=hours) for hours in (1, 2, 3)]
    other = row_at(setup.new_workspace("Other"), days=6)

    assert old.public_id not in {row["id"] for row in log_of(workspace)}
    assert refusals.forget_old() == 1
    monkeypatch.setattr(refusals, "MAX_ROWS", 2)
    assert refusals.forget_old() == 1
    assert set(RefusedRequest.objects.values_list("pk", flat=True)) == {kept[0].pk, kept[1].pk, other.pk}
