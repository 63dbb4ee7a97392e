"""What a campaign's audience and report are made of, through the API; answers are held against their shapes."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from campaigns import broadcast
from campaigns.models import Campaign
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.models import Job, Workspace
from relayhub.relay import routes
from relayhub.site import setup
from tests.api.test_campaigns import expand, make_campaign
from tests.api.test_smoke import client_of
from tests.pages.report_rows import HTML, clicks, ends, make_ripe, opens

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


@pytest.fixture
def workspace() -> Workspace:
    routes.forget()
    return setup.new_workspace("Shop")


@pytest.fixture
def client(workspace: Workspace) -> APIClient:
    return client_of(workspace)


def sent(client: APIClient, workspace: Workspace) -> str:
    """A campaign of three: one delivered, opened and clicked, one bounced, one waiting."""
    campaign = make_campaign(client, HTML)
    assert client.post(f"/api/v1/campaigns/{campaign}/launch", {}, format="json").status_code == 202
    expand(workspace)
    row = Campaign.objects.get(pk=decode_id(Prefix.CAMPAIGN, campaign))
    ends(row, "p0@x.example")
    ends(row, "p1@x.example", status="bounced")
    opens(row, "p0@x.example")
    clicks(row, "p0@x.example", 2)
    clicks(row, "p0@x.example", 1, is_machine=True)
    return f"/api/v1/campaigns/{campaign}"


def test_the_report_and_its_parts_say_the_same(client: APIClient, workspace: Workspace) -> None:
    at = sent(client, workspace)

    report = client.get(f"{at}/report").json()
    links = client.get(f"{at}/links").json()["data"]
    series = client.get(f"{at}/timeseries?step=hour").json()
    beside = client.get(f"{at}/comparison").json()["measures"]

    assert report["reasons"] == [{"status": "bounced", "reason": "recipient", "count": 1}]
    assert [(row["number"], row["clicks"], row["machine_clicks"], row["share"], row["places"]) for row in links] == [
        (2, 1, 0, 1.0, 1), (1, 0, 1, 0.0, 2)]
    assert sum(bucket["delivered"] for bucket in series["buckets"]) == report["counts"]["delivered"] == 1
    assert sum(bucket["opened_by_people"] for bucket in series["buckets"]) == report["engagement"]["opened"] == 1
    assert series["step_seconds"] == 3600
    assert {row["verdict"] for row in beside} == {"nothing"}


def test_recipients_are_narrowed_and_what_does_not_exist_is_refused(client: APIClient, workspace: Workspace) -> None:
    at = f"{sent(client, workspace)}/recipients"

    found = {query: [row["address"] for row in client.get(f"{at}?{query}").json()["data"]]
             for query in ("did=clicked", "reason=recipient", "provider=other", "q=p1@x.example", "status=waiting")}

    assert found == {
        "did=clicked": ["p0@x.example"], "reason=recipient": ["p1@x.example"], "provider=other": ["p2@x.example"],
        "q=p1@x.example": ["p1@x.example"], "status=waiting": ["p2@x.example"],
    }
    assert client.get(f"{at}?did=danced").status_code == 400
    assert client.get(f"{at}?status=asleep").status_code == 400


def test_one_address_is_asked_about(client: APIClient, workspace: Workspace) -> None:
    campaign = make_campaign(client)
    client.post("/api/v1/suppressions", {"address": "p1@x.example"}, format="json")
    client.post("/api/v1/contacts", {"email": "off@x.example"}, format="json")
    at = f"/api/v1/campaigns/{campaign}/audience"

    answers = [client.get(f"{at}?email={who}").json() for who in (
        "P0@x.example", "p1@x.example", "off@x.example", "never@x.example")]

    assert [(row["asked"]["is_reached"], row["asked"]["reason"]) for row in answers] == [
        (True, None), (False, "suppressed"), (False, "not_on_lists"), (False, "unknown")]
    assert answers[0]["reached"] == 2
    assert client.get(at).json()["asked"] is None


def test_who_was_left_out_is_listed_by_reason(client: APIClient, workspace: Workspace) -> None:
    campaign = make_campaign(client)
    away = client.post("/api/v1/lists", {"name": "Away"}, format="json").json()["id"]
    for number in range(2):
        client.post(f"/api/v1/lists/{away}/subscriptions", {"email": f"p{number}@x.example"}, format="json")
    at = f"/api/v1/campaigns/{campaign}"
    client.patch(at, {"excluded_lists": [away]}, format="json")
    early = client.get(f"{at}/left-out?reason=excluded")
    client.post(f"{at}/launch", {}, format="json")

    first = client.get(f"{at}/left-out?reason=excluded&limit=1").json()
    second = client.get(first["next"]).json()

    assert early.json()["code"] == "not_launched"
    assert {row["address"] for row in first["data"] + second["data"]} == {"p0@x.example", "p1@x.example"}
    assert second["next"] is None
    assert client.get(f"{at}/left-out?reason=excluded&q=p1@x.example").json()["data"][0]["address"] == "p1@x.example"
    assert client.get(f"{at}/left-out?reason=nonsense").status_code == 400


def test_a_list_of_campaigns_counts_them_together(
    client: APIClient, workspace: Workspace, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    at = sent(client, workspace)
    for _ in range(4):
        client.post(f"{at}/copy", {}, format="json")
    one = client.get(at).json()

    with django_assert_max_num_queries(14):
        rows = client.get("/api/v1/campaigns").json()["data"]

    assert len(rows) == 5
    assert rows[-1] == one
    assert {row["counts"]["audience"] for row in rows[:-1]} == {0}


def test_an_export_is_a_job_and_nothing_is_asked_before_the_launch(client: APIClient, workspace: Workspace) -> None:
    draft = make_campaign(client)
    refused = [client.get(f"/api/v1/campaigns/{draft}/{part}").status_code
               for part in ("links", "timeseries", "comparison")]
    early = client.post(f"/api/v1/campaigns/{draft}/recipients/export", {}, format="json")
    broadcast.launch_due()

    assert refused == [409, 409, 409]
    assert early.json()["code"] == "not_launched"
    assert not Job.objects.exists()


def test_a_campaign_is_put_away_taken_back_and_used_again(client: APIClient, workspace: Workspace) -> None:
    at = sent(client, workspace)
    running = client.post(f"{at}/archive", format="json")
    make_ripe(Campaign.objects.get())

    away = client.post(f"{at}/archive", format="json").json()
    listed = client.get("/api/v1/campaigns").json()["data"]
    archived = client.get("/api/v1/campaigns?archived=true").json()["data"]
    back = client.post(f"{at}/unarchive", format="json").json()
    copy = client.post(f"{at}/copy", format="json")
    export = client.post(f"{at}/recipients/export", {"status": "bounced"}, format="json")
    left_out = [client.post(f"{at}/recipients/export", {"left_out": reason}, format="json").status_code
                for reason in ("excluded", "x")]

    assert running.json()["code"] == "campaign_running"
    assert away["archived_at"] is not None
    assert (listed, [row["id"] for row in archived]) == ([], [away["id"]])
    assert back["archived_at"] is None
    assert (copy.status_code, copy.json()["status"], copy.json()["lists"]) == (201, "draft", back["lists"])
    assert (export.status_code, left_out) == (202, [202, 400])
