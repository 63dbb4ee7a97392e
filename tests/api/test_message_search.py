"""`/messages?q=`: the same reading as the search box, page by page through all that is kept."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from rest_framework.test import APIClient

from relayhub.relay import routes, search
from relayhub.relay.models import Recipient
from relayhub.site import setup
from tests.api.test_smoke import MAIL, client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> APIClient:
    routes.forget()
    return client_of(setup.new_workspace("Shop"))


def handed_in(client: APIClient, to: str, subject: str) -> str:
    posted = client.post("/api/v1/messages", {**MAIL, "to": to, "cc": [], "bcc": [], "subject": subject},
                         format="json")
    return str(posted.json()["id"])


def found(client: APIClient, q: str) -> list[str]:
    return [row["subject"] for row in client.get("/api/v1/messages", {"q": q}).json()["data"]]


def test_it_reads_as_the_search_box_does(client: APIClient) -> None:
    handed_in(client, "gone@mail.example", "Gone")
    handed_in(client, "fine@mail.example", "Fine")
    handed_in(client, "gone@else.example", "Elsewhere")
    Recipient.objects.filter(address__startswith="gone").update(status="bounced")

    answer = client.get("/api/v1/messages", {"q": "mail.example bounced today"}).json()

    assert [row["subject"] for row in answer["data"]] == ["Gone"]
    assert [(part["kind"], part["text"]) for part in answer["read_as"]] == [
        ("domain", "mail.example"), ("state", "bounced"), ("period", "today"),
    ]
    assert answer["searched_back_to"] is None
    assert found(client, "gone@mail.example") == ["Gone"]
    assert found(client, "gone@") == ["Elsewhere", "Gone"]
    assert found(client, "bounced subject:where") == ["Elsewhere"]
    assert found(client, "yesterday") == []


def test_one_recipient_has_to_fit_in_all_that_is_asked(client: APIClient) -> None:
    posted = client.post("/api/v1/messages", {**MAIL, "to": ["a@one.example", "b@two.example"]}, format="json")
    Recipient.objects.filter(domain="one.example").update(status="bounced")

    assert posted.status_code == 202
    assert found(client, "one.example bounced") == [MAIL["subject"]]
    assert found(client, "two.example bounced") == []


def test_a_page_may_be_empty_and_the_next_one_goes_on(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "FIRST_LOOK", 2)
    monkeypatch.setattr(search, "FURTHER_LOOK", 2)
    for number in range(5):
        handed_in(client, f"p{number}@mail.example", "Needle" if number == 0 else "Hay")

    pages, address = [], "/api/v1/messages?q=needle"
    while address:
        answer = client.get(address).json()
        pages.append([row["subject"] for row in answer["data"]])
        parts = urlsplit(answer["next"] or "")
        address = f"{parts.path}?{parts.query}" if answer["next"] else ""
        assert bool(answer["searched_back_to"]) is bool(address)

    assert pages == [[], [], ["Needle"]]
