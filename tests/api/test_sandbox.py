"""`/sandbox`: the inbox for programs."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from relayhub.core.models import AuditEntry
from relayhub.relay import routes
from relayhub.relay.models import Message
from relayhub.site import setup
from tests.api.test_smoke import MAIL, client_of
from tests.pages.message_rows import kept

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> APIClient:
    routes.forget()
    return client_of(setup.new_workspace("Shop"))


def test_what_was_kept_is_listed_searched_cleared_and_restored(client: APIClient) -> None:
    client.post("/api/v1/messages", MAIL, format="json")
    for row in kept(Message.objects.get()):
        row.refresh_from_db()
        row.finished_at = row.accepted_at
        row.save(update_fields=["finished_at"])

    def listed(**query: str) -> list[str]:
        return [mail["to"] for mail in client.get("/api/v1/sandbox", query).json()["data"]]

    assert sorted(listed()) == ["b@x.example", "c@x.example"]
    assert listed(q="b@x.example") == ["b@x.example"]
    assert client.get("/api/v1/sandbox", {"q": "hi"}).json()["data"][0]["subject"] == "Hi"
    assert client.delete("/api/v1/sandbox").json() == {"cleared": 2}
    assert listed() == []
    assert Message.objects.count() == 1
    assert client.post("/api/v1/sandbox/restore").status_code == 204
    assert len(listed()) == 2
    assert client.post("/api/v1/sandbox/restore").status_code == 409
    assert set(AuditEntry.objects.values_list("action", flat=True)) >= {"sandbox.cleared", "sandbox.restored"}
