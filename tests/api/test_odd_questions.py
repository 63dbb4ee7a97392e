"""What programs ask in the address that is none of ours: a clear answer each, never a fault."""

from __future__ import annotations

import base64

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from relayhub.relay import routes, search
from relayhub.relay.models import Message, Recipient
from relayhub.site import setup
from tests.api.test_smoke import MAIL, client_of
from tests.pages.message_rows import NO_SUCH_USER, tried

pytestmark = pytest.mark.django_db
NONE_OF_OURS = [base64.urlsafe_b64encode(text).decode() for text in (b"nonsense", b"9" * 60, "²".encode())]


@pytest.fixture
def client() -> APIClient:
    routes.forget()
    return client_of(setup.new_workspace("Shop"))


@pytest.fixture
def message_id(client: APIClient) -> str:
    return str(client.post("/api/v1/messages", MAIL, format="json").json()["id"])


@pytest.mark.parametrize("cursor", NONE_OF_OURS)
@pytest.mark.parametrize("path", ["/messages/{}/timeline", "/messages/{}/recipients", "/suppressions", "/events"])
def test_a_cursor_of_somebody_else_is_refused(client: APIClient, message_id: str, path: str, cursor: str) -> None:
    answer = client.get("/api/v1" + path.format(message_id), {"cursor": cursor})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/cursor"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/messages?since=1900-01-01T00:00:00Z", 200), ("/messages?q=last+900+months", 200),
        ("/messages?tag=%00&stream=%00", 200), ("/suppressions?q=%00", 200), ("/domains?name=%00", 200),
        ("/stats?days=²", 400), ("/stats?days=" + "9" * 5000, 400), ("/messages?limit=" + "9" * 5000, 400),
        ("/routes/explain?address=a@x.example&from_domain=%00", 200),
    ],
)
def test_an_odd_value_is_no_fault(client: APIClient, path: str, status: int) -> None:
    assert client.get(f"/api/v1{path}").status_code == status


def test_a_filter_that_no_index_serves_reads_only_so_far(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "FIRST_LOOK", 2)
    monkeypatch.setattr(search, "FURTHER_LOOK", 2)
    for _ in range(5):
        client.post("/api/v1/messages", MAIL, format="json")
    oldest = Message.objects.order_by("id").first()
    assert oldest is not None
    Recipient.objects.filter(message=oldest).update(status="bounced")

    pages, address = [], "/api/v1/messages?status=failed"
    while address:
        answer = client.get(address).json()
        pages.append([row["id"] for row in answer["data"]])
        address = answer["next"]

    assert pages == [[], [], [oldest.public_id]]
    assert client.get("/api/v1/messages?recipient=b@x.example&status=failed").json()["searched_back_to"] is None


def test_what_is_on_its_way_is_not_sent_again(client: APIClient, message_id: str) -> None:
    first, second = Recipient.objects.order_by("id")
    path = f"/api/v1/messages/{message_id}/resend"
    waits = client.post(path)
    tried(first, "bounced", NO_SUCH_USER)

    done = client.post(path)

    assert (waits.status_code, waits.json()["code"]) == (409, "not_finished")
    assert [row["address"] for row in done.json()["recipients"]] == [first.address]
    assert Recipient.objects.filter(address=second.address).count() == 1


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/messages", MAIL | {"metadata": {"order": "7\0"}}, "/metadata/order"),
        ("/messages", MAIL | {"subject": "a\0"}, "/subject"),
        ("/contacts", {"email": "a@x.example", "fields": {"a": ["x", "y\0"]}}, "/fields/a/1"),
        ("/contacts", {"email": "a@x.example", "fields": {"a\0": "x"}}, "/fields"),
        ("/streams", ["\0"], "/0"),
    ],
)
def test_a_nul_anywhere_in_a_body_is_told_where_it_stands(
    client: APIClient, path: str, body: object, pointer: str
) -> None:
    answer = client.post(f"/api/v1{path}", body, format="json")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert "NUL" in answer.json()["detail"]


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2190-01-01T00:00:00Z"])
def test_a_time_out_of_reach_is_refused_in_words(client: APIClient, at: str) -> None:
    answer = client.post("/api/v1/messages", MAIL | {"send_at": at}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_send_at")
    assert answer.json()["errors"][0]["pointer"] == "/send_at"
    assert "a hundred years" in answer.json()["detail"]
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("path", "field"),
    [("/contacts/import", "consent_source"), ("/suppressions/import", "reason"), ("/pictures", "name")],
)
def test_a_nul_in_a_field_beside_a_file_is_told(client: APIClient, path: str, field: str) -> None:
    file = SimpleUploadedFile("a.csv", b"email\na@x.example\n")

    answer = client.post(f"/api/v1{path}", {"file": file, field: "a\0b"}, format="multipart")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/{field}"
