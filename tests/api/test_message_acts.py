"""What programs do to messages: hold, release, try now, send again, for all or some of the recipients."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from relayhub.relay import routes
from relayhub.relay.models import Recipient
from relayhub.site import setup
from tests.api.test_smoke import MAIL, client_of
from tests.pages.message_rows import GREYLISTED, tried

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> APIClient:
    routes.forget()
    return client_of(setup.new_workspace("Shop"))


def test_some_recipients_are_held_and_released(client: APIClient) -> None:
    posted = client.post("/api/v1/messages", MAIL, format="json").json()
    path, first = f"/api/v1/messages/{posted['id']}", posted["recipients"][0]["id"]

    held = client.post(f"{path}/hold", {"recipients": [first]}, format="json")
    released = client.post(f"{path}/release")
    again = client.post(f"{path}/release")

    assert held.json()["counts"] == {"held": 1, "queued": 1}
    assert released.json()["counts"] == {"queued": 2}
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_release")


def test_a_recipient_of_another_message_is_refused(client: APIClient) -> None:
    posted = client.post("/api/v1/messages", MAIL, format="json").json()
    other = client.post("/api/v1/messages", MAIL, format="json").json()
    path = f"/api/v1/messages/{posted['id']}"

    for name in (other["recipients"][0]["id"], "rcp_x"):
        answer = client.post(f"{path}/cancel", {"recipients": [name]}, format="json")
        assert answer.status_code == 400, answer.data
    assert client.post(f"{path}/cancel", {"recipient": []}, format="json").status_code == 422
    assert set(Recipient.objects.values_list("status", flat=True)) == {"queued"}


def test_many_are_held_at_once_and_the_hold_is_undone(client: APIClient) -> None:
    ids = [client.post("/api/v1/messages", MAIL, format="json").json()["id"] for _ in range(2)]

    held = client.post("/api/v1/messages/acts", {"act": "hold", "ids": [*ids, "msg_x"]}, format="json").json()
    undone = client.post("/api/v1/messages/acts/undo", {"undo": held["undo"]}, format="json").json()
    again = client.post("/api/v1/messages/acts/undo", {"undo": held["undo"]}, format="json")

    assert (held["moved"], undone["moved"]) == (4, 4)
    assert again.status_code == 409
    assert set(Recipient.objects.values_list("status", flat=True)) == {"queued"}


def test_all_that_is_known_of_a_recipient(client: APIClient) -> None:
    posted = client.post("/api/v1/messages", MAIL, format="json").json()
    row = Recipient.objects.order_by("id").last()
    assert row is not None
    tried(row, "deferred", GREYLISTED, detail={"mx": ["10 mx1.mail.example"]})
    path = f"/api/v1/messages/{posted['id']}/evidence"

    known = client.get(path, {"recipient": row.public_id}).json()

    assert [event["type"] for event in known["events"]] == ["accepted", "deferred"]
    (attempt,) = known["attempts"]
    assert attempt["mx"] == ["10 mx1.mail.example"]
    assert attempt["considered"][0]["why"] == "it is for office.example only"
    assert attempt["conversation"][-2]["text"].startswith("451 4.7.1")
    assert known["return_path"].endswith("@rp.shop.example")
    assert client.get(path).json()["address"] == "b@x.example"
    assert client.get(path, {"recipient": "rcp_x"}).status_code == 404


def test_a_later_time_is_brought_forward(client: APIClient) -> None:
    posted = client.post(
        "/api/v1/messages", {**MAIL, "send_at": "2030-01-01T10:00:00Z"}, format="json"
    ).json()
    path = f"/api/v1/messages/{posted['id']}/retry"

    assert client.post(path).status_code == 200
    assert client.post(path).json()["code"] == "nothing_to_retry"


def test_sending_again_is_a_message_of_its_own(client: APIClient) -> None:
    posted = client.post("/api/v1/messages", {**MAIL, "bcc": ["hidden@x.example"]}, format="json").json()
    for row in Recipient.objects.all():
        tried(row, "delivered", None)

    again = client.post(f"/api/v1/messages/{posted['id']}/resend")
    one = client.post(
        f"/api/v1/messages/{posted['id']}/resend", {"recipients": [posted["recipients"][0]["id"]]}, format="json"
    )

    assert again.status_code == 202, again.data
    assert again.json()["id"] != posted["id"]
    assert [row["address"] for row in again.json()["recipients"]] == ["b@x.example", "c@x.example", "hidden@x.example"]
    assert [row["address"] for row in one.json()["recipients"]] == ["b@x.example"]
    shown = client.get(f"/api/v1/messages/{again.json()['id']}").json()
    assert shown["subject"] == "Hi"
    assert shown["message_id"] != client.get(f"/api/v1/messages/{posted['id']}").json()["message_id"]
