"""Going live, and lanes, by program."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from relayhub.core.access import ALL_SCOPES, system_actor
from relayhub.core.keys import KeyLimits, create_key
from relayhub.core.models import Workspace
from relayhub.relay import routes, streams
from relayhub.relay.models import Route
from relayhub.site import setup
from tests.support.relay_rows import make_lane, make_message, make_recipients, make_stream
from tests.support.smtp_sink import smtp_sink

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(settings: Any) -> Workspace:
    settings.RELAYHUB_DEFAULT_ROUTE = "sandbox"
    routes.forget()
    workspace = setup.new_workspace("Shop")
    streams.ensure_default_streams(workspace)
    return workspace


def client_of(workspace: Workspace) -> APIClient:
    key = create_key(system_actor(workspace), name="test", limits=KeyLimits(scopes=ALL_SCOPES))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key.text}")
    return client


def test_a_way_is_looked_at_and_not_stored_while_something_blocks(shop: Workspace) -> None:
    client = client_of(shop)
    with smtp_sink() as house:
        way = {"transport": f"smtp://127.0.0.1:{house.port}"}
        looked = client.post("/api/v1/routes/check", way, format="json").json()
        refused = client.post("/api/v1/routes/go-live", way, format="json")

    assert looked["ready"] is False
    assert {check["name"]: check["ok"] for check in looked["data"]} == {"domain": False, "smarthost": True}
    assert refused.status_code == 409
    assert refused.json()["code"] == "not_ready_to_go_live"
    assert not Route.objects.exists()


def test_a_stored_rule_is_knocked_at(shop: Workspace) -> None:
    client = client_of(shop)
    with smtp_sink(users={"me": "secret"}) as house:
        way = {"transport": f"smtp://me:wrong@127.0.0.1:{house.port}"}
        route = client.post("/api/v1/routes", way, format="json").json()
        answer = client.post(f"/api/v1/routes/{route['id']}/check").json()

    assert [check["ok"] for check in answer["data"]] == [False]
    assert "wrong" not in str(answer)


def test_lanes_are_listed_and_steered(shop: Workspace) -> None:
    client = client_of(shop)
    stream = shop.streams.get(slug="transactional")
    lane = make_lane(stream, "mx.example")
    make_recipients(make_message(stream), lane, ["a@mx.example", "b@mx.example"])

    listed = client.get("/api/v1/lanes").json()["data"]
    paused = client.patch(
        f"/api/v1/lanes/{lane.pk}", {"paused": True, "reason": "moving", "max_per_minute": 30}, format="json"
    ).json()
    wrong = client.patch(f"/api/v1/lanes/{lane.pk}", {"max_per_minute": 0}, format="json")
    resumed = client.patch(f"/api/v1/lanes/{lane.pk}", {"paused": False, "max_per_minute": None}, format="json").json()

    assert [(row["site"], row["waiting"], row["state"]) for row in listed] == [("mx.example", 2, "waiting")]
    assert (paused["state"], paused["paused_reason"], paused["max_per_minute"]) == ("paused", "moving", 30)
    assert wrong.status_code == 400
    assert (resumed["state"], resumed["max_per_minute"]) == ("waiting", None)


def test_what_the_relay_does_now(shop: Workspace) -> None:
    lane = make_lane(make_stream(shop, slug="now"))
    make_recipients(make_message(lane.stream), lane, ["a@b.example", "c@b.example"])

    now = client_of(shop).get("/api/v1/live").json()

    assert (now["waiting"], now["last_minute"]["in"], now["held"]) == (2, 2, 0)
    assert len(now["data"]) == 60


def test_a_lane_of_others_is_absent(shop: Workspace) -> None:
    lane = make_lane(shop.streams.get(slug="transactional"), "mx.example")
    other = client_of(setup.new_workspace("Other"))

    assert other.get(f"/api/v1/lanes/{lane.pk}").status_code == 404
    assert other.patch(f"/api/v1/lanes/{lane.pk}", {"paused": True}, format="json").status_code == 404
    assert client_of(shop).get(f"/api/v1/lanes/{lane.pk}").json()["waiting"] == 0
