"""`/domains` and `/suppressions` as programs see them: CONTRACT 4 and 5, asked against a real DNS server."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from deliverability import domains
from relayhub.core import jobs
from relayhub.core.access import ALL_SCOPES, system_actor
from relayhub.core.clock import now
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.keys import KeyLimits, create_key
from relayhub.core.models import Workspace
from relayhub.core.throttle import Limit
from relayhub.relay import routes
from relayhub.site import setup
from tests.support.deliverability_rows import bulk_stream
from tests.support.dns_server import DnsServer
from tests.support.domain_pages import dns

__all__ = ["dns"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    routes.forget()
    return setup.new_workspace("Shop")


@pytest.fixture
def client(workspace: Workspace) -> APIClient:
    return client_of(workspace)


def client_of(workspace: Workspace, scopes: tuple[str, ...] = ALL_SCOPES) -> APIClient:
    key = create_key(
        system_actor(workspace), name="test", limits=KeyLimits(scopes=scopes, requests_per_second=1000)
    )
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key.text}")
    return client


def added(client: APIClient, name: str = "shop.example") -> Any:
    answer = client.post("/api/v1/domains", {"name": name}, format="json")
    assert answer.status_code == 201, answer.json()
    return answer.json()


def test_a_link_to_the_records_is_made_listed_and_taken_back(client: APIClient) -> None:
    shares = f"/api/v1/domains/{added(client)['id']}/shares"

    made = client.post(shares, {}, format="json", HTTP_IDEMPOTENCY_KEY="once")
    listed = client.get(shares).json()["data"]
    path = made.json()["url"].partition("/dns/")[2]

    assert made.status_code == 201
    assert [row["id"] for row in listed] == [made.json()["id"]]
    assert "url" not in listed[0]
    assert APIClient().get(f"/dns/{path}").status_code == 200
    assert client.delete(f"{shares}/{made.json()['id']}").status_code == 204
    assert client.get(shares).json()["data"] == []
    assert APIClient().get(f"/dns/{path}").status_code == 404


def test_a_key_that_may_only_read_makes_no_link(client: APIClient, workspace: Workspace) -> None:
    domain = added(client)
    reader = client_of(workspace, scopes=("domains.read",))

    assert reader.post(f"/api/v1/domains/{domain['id']}/shares", {}, format="json").status_code == 403


def publish(client: APIClient, dns: DnsServer, domain: Any, *, without: str = "", only_required: bool = False) -> None:
    """Put into DNS what `/records` lists, read as a person without our code would."""
    for record in client.get(f"/api/v1/domains/{domain['id']}/records").json()["data"]:
        if (only_required and not record["required"]) or record["name"] == without:
            continue
        value = record["value"].split() if record["type"] == "MX" else record["value"]
        dns.zone.setdefault(record["name"], {})[record["type"]] = [value]


def verify(client: APIClient, domain: Any) -> Any:
    answer = client.post(f"/api/v1/domains/{domain['id']}/verify")
    assert answer.status_code == 200
    return answer.json()


def outcomes(domain: Any) -> dict[str, str]:
    return {check["kind"]: check["outcome"] for check in domain["checks"]}


# -- domains -------------------------------------------------------------------------------------------------


def test_a_domain_has_the_shape_of_the_contract(dns: DnsServer, client: APIClient) -> None:
    body = added(client)

    assert body["id"].startswith("dom_")
    assert (body["name"], body["status"]) == ("shop.example", "pending")
    assert {"dkim", "spf", "dmarc", "return_path"} <= set(outcomes(body))
    assert all({"kind", "outcome", "found", "wanted", "explanation"} <= set(check) for check in body["checks"])
    assert set(outcomes(body).values()) == {"unknown"}
    assert all(check["checked_at"] is None for check in body["checks"])
    assert client.post("/api/v1/domains", {"name": "SHOP.example"}, format="json").status_code == 200


def test_the_records_are_those_of_section_five(dns: DnsServer, client: APIClient) -> None:
    body = client.get(f"/api/v1/domains/{added(client)['id']}/records").json()

    listed = {(record["name"], record["type"]): record for record in body["data"]}
    assert body["next"] is None
    assert listed[("rp.shop.example", "MX")]["value"] == "10 mail.relayhub.example"
    assert listed[("rp.shop.example", "TXT")]["value"] == "v=spf1 a:mail.relayhub.example ~all"
    keys = [record for (name, _), record in listed.items() if "._domainkey.shop.example" in name]
    assert sorted((record["required"], "k=ed25519" in record["value"]) for record in keys) == [
        (False, True), (True, False),
    ]
    assert {name for (name, _), record in listed.items() if record["required"]} == {
        "rp.shop.example", "_dmarc.shop.example", next(r["name"] for r in keys if r["required"]),
    }
    assert not any(record["value"].startswith('"') or record["name"].endswith(".") for record in body["data"])


def test_exactly_the_required_records_verify(dns: DnsServer, client: APIClient) -> None:
    domain = added(client)
    publish(client, dns, domain, only_required=True)

    body = verify(client, domain)

    assert body["status"] == "verified"
    assert body["verdict"] == "May send. All 4 required records are right."
    assert {kind for kind, outcome in outcomes(body).items() if outcome == "pass"} == {
        "dkim", "return_path", "spf", "dmarc",
    }
    assert client.get(f"/api/v1/domains/{domain['id']}").json()["status"] == "verified"


@pytest.mark.parametrize(
    "record", ["v=DMARC1; p=reject", "v=DMARC1;p=quarantine;rua=mailto:x@y.example", "v=DMARC1; p=none; sp=reject;"]
)
def test_any_valid_dmarc_record_will_do(dns: DnsServer, client: APIClient, record: str) -> None:
    domain = added(client)
    publish(client, dns, domain)
    dns.zone["_dmarc.shop.example"] = {"TXT": [record]}

    assert verify(client, domain)["status"] == "verified"


def test_equivalents_pass(dns: DnsServer, client: APIClient) -> None:
    domain = added(client)
    publish(client, dns, domain)
    name = next(name for name in dns.zone if "_domainkey" in name and "ed25519" not in str(dns.zone[name]))
    tags = dns.zone[name]["TXT"][0].split("; ")
    dns.zone[name] = {"TXT": [";".join(reversed(tags[1:])) + ";"]}
    dns.zone["rp.shop.example"] = {
        "MX": [[20, "MAIL.relayhub.example"]], "TXT": ["v=spf1 include:x.example a:mail.relayhub.example -all"]
    }

    assert verify(client, domain)["status"] == "verified"


@pytest.mark.parametrize("fault", ["SERVFAIL", "REFUSED", "TIMEOUT"])
def test_a_dns_that_fails_is_unknown_and_never_unverifies(dns: DnsServer, client: APIClient, fault: str) -> None:
    domain = added(client)
    publish(client, dns, domain)
    assert verify(client, domain)["status"] == "verified"
    dns.zone["_dmarc.shop.example"] = fault

    with time_machine.travel(now() + timedelta(days=10), tick=True):
        body = verify(client, domain)

    assert (body["status"], outcomes(body)["dmarc"], body["failing_since"]) == ("verified", "unknown", None)


def test_a_dns_that_fails_does_not_verify_either(dns: DnsServer, client: APIClient) -> None:
    domain = added(client)
    publish(client, dns, domain)
    dns.zone["rp.shop.example"] = "SERVFAIL"

    body = verify(client, domain)

    assert body["status"] == "pending"
    assert (outcomes(body)["return_path"], outcomes(body)["spf"]) == ("unknown", "unknown")


def test_looking_asks_past_any_cache_each_time(dns: DnsServer, client: APIClient) -> None:
    domain = added(client)
    verify(client, domain)
    verify(client, domain)

    assert dns.asked("_dmarc.shop.example", "TXT") == 2


def test_broken_takes_three_failures_over_three_days_and_heals_at_once(dns: DnsServer, client: APIClient) -> None:
    domain = added(client)
    publish(client, dns, domain)
    verify(client, domain)
    kept = dns.zone.pop("_dmarc.shop.example")
    start = now()
    seen = []
    for hours in (0, 36, 71, 73):
        with time_machine.travel(start + timedelta(hours=hours), tick=False):
            seen.append(verify(client, domain)["status"])
    dns.zone["_dmarc.shop.example"] = kept

    assert seen == ["verified", "verified", "verified", "broken"]
    assert verify(client, domain)["status"] == "verified"
    changes = client.get(f"/api/v1/domains/{domain['id']}/changes").json()["data"]
    assert [(change["kind"], change["after"]["outcome"]) for change in changes[:2]] == [
        ("dmarc", "pass"), ("dmarc", "fail"),
    ]


def test_rotating_answers_the_records_and_never_breaks_what_is_verified(dns: DnsServer, client: APIClient) -> None:
    domain = added(client)
    publish(client, dns, domain)
    verify(client, domain)

    answer = client.post(f"/api/v1/domains/{domain['id']}/dkim/rotate")
    body = verify(client, domain)

    assert answer.status_code == 201
    assert sum("_domainkey" in record["name"] for record in answer.json()["data"]) == 4
    assert body["status"] == "verified"
    publish(client, dns, domain)
    states = {(key["algorithm"], key["state"]) for key in verify(client, domain)["keys"]}
    assert states == {(algorithm, state) for algorithm in ("rsa-sha256", "ed25519-sha256")
                      for state in ("active", "retiring")}


def test_a_deleted_domain_is_absent_and_can_be_added_again(dns: DnsServer, client: APIClient) -> None:
    domain = added(client)

    assert client.delete(f"/api/v1/domains/{domain['id']}").status_code == 204
    assert client.get(f"/api/v1/domains/{domain['id']}").status_code == 404
    assert added(client)["id"] != domain["id"]


def test_domains_are_found_by_name_and_status(dns: DnsServer, client: APIClient) -> None:
    for name in ("one.example", "two.example"):
        added(client, name)

    assert [row["name"] for row in client.get("/api/v1/domains?name=TWO.example").json()["data"]] == ["two.example"]
    assert len(client.get("/api/v1/domains?status=pending").json()["data"]) == 2
    assert client.get("/api/v1/domains?status=nonsense").status_code == 400


@pytest.mark.parametrize("name", ["gmail.com", "co.uk", "me@shop.example", "localhost", "x" * 300])
def test_what_nobody_can_send_as_is_refused_with_its_field(dns: DnsServer, client: APIClient, name: str) -> None:
    answer = client.post("/api/v1/domains", {"name": name}, format="json")

    assert answer.status_code in (400, 422)
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["pointer"] == "/name"


# -- suppressions --------------------------------------------------------------------------------------------


def test_a_suppression_has_the_shape_of_the_contract(client: APIClient) -> None:
    posted = client.post("/api/v1/suppressions", {"address": "Zoë@Bäcker.example"}, format="json")

    body = posted.json()
    assert posted.status_code == 201
    assert (body["reason"], body["scope"], body["source"]) == ("manual", "workspace", "added by API key test")
    assert body["created_at"].endswith("Z")
    found = client.get("/api/v1/suppressions", {"address": "zoë@xn--bcker-gra.example"}).json()
    assert [row["id"] for row in found["data"]] == [body["id"]]
    assert found["next"] is None


def test_an_address_answers_rows_of_every_scope(client: APIClient, workspace: Workspace) -> None:
    stream = bulk_stream(system_actor(workspace))
    mailing_list = client.post("/api/v1/lists", {"name": "News", "opt_in": "single"}, format="json").json()
    for given in (
        {}, {"scope": "stream", "stream": stream.public_id, "reason": "complaint"},
        {"scope": "list", "list": mailing_list["id"], "reason": "unsubscribe"},
    ):
        answer = client.post("/api/v1/suppressions", {"address": "a@x.example", **given}, format="json")
        assert answer.status_code == 201, answer.json()
        assert answer.json()["scope"] == given.get("scope", "workspace")

    rows = client.get("/api/v1/suppressions?address=A@x.example").json()["data"]

    assert {(row["scope"], row["reason"]) for row in rows} == {
        ("workspace", "manual"), ("stream", "complaint"), ("list", "unsubscribe"),
    }
    assert client.delete("/api/v1/suppressions?address=a@x.example&reason=asked").status_code == 204
    assert client.get("/api/v1/suppressions?address=a@x.example").json()["data"] == []
    assert client.delete("/api/v1/suppressions?address=a@x.example").status_code == 404


def test_a_stream_may_be_named_as_messages_name_it(client: APIClient, workspace: Workspace) -> None:
    stream = bulk_stream(system_actor(workspace))

    body = client.post(
        "/api/v1/suppressions", {"address": "a@x.example", "scope": "stream", "stream": stream.slug}, format="json"
    ).json()

    assert body["stream"] == stream.public_id


def test_many_in_any_of_the_usual_shapes(client: APIClient) -> None:
    shapes: list[Any] = [
        [{"address": "a@x.example"}, {"address": "nobody"}],
        {"data": [{"address": "b@x.example", "reason": "hard_bounce"}]},
        {"addresses": ["c@x.example", "a@x.example"], "reason": "unsubscribe"},
    ]

    answers = [client.post("/api/v1/suppressions", shape, format="json").json() for shape in shapes]

    assert [(body["added"], body["already"], len(body["rejected"])) for body in answers] == [
        (1, 0, 1), (1, 0, 0), (1, 1, 0),
    ]
    assert answers[0]["rejected"] == [{"address": "nobody", "detail": "This is not an address."}]


def test_ten_thousand_at_once_and_not_one_more(client: APIClient) -> None:
    addresses = [f"u{number}@x.example" for number in range(10_001)]

    refused = client.post("/api/v1/suppressions", {"addresses": addresses}, format="json")
    taken = client.post("/api/v1/suppressions", {"addresses": addresses[1:]}, format="json")

    assert refused.status_code in (400, 422)
    assert taken.json()["added"] == 10_000


@pytest.mark.parametrize(
    "given",
    [{"address": "nobody"}, {}, {"address": "a@x.example", "reason": "because"}, {"address": "a@x.example", "x": 1},
     {"address": "a@x.example", "scope": "stream"},
     {"address": "a@x.example", "scope": "stream", "stream": "str_00000000000000000000000001"}],
)
def test_bad_input_is_refused_as_a_problem(client: APIClient, given: dict[str, Any]) -> None:
    answer = client.post("/api/v1/suppressions", given, format="json")

    assert answer.status_code in (400, 422)
    assert answer.json()["errors"]


def test_a_target_of_another_workspace_is_none(client: APIClient) -> None:
    foreign = bulk_stream(system_actor(setup.new_workspace("Other")))

    answer = client.post(
        "/api/v1/suppressions", {"address": "a@x.example", "scope": "stream", "stream": foreign.public_id},
        format="json",
    )

    assert answer.status_code == 400
    assert client.get("/api/v1/suppressions").json()["data"] == []


def test_check_tells_what_would_become_of_mail(client: APIClient) -> None:
    client.post("/api/v1/suppressions", {"address": "a@x.example", "reason": "hard_bounce"}, format="json")

    body = client.post("/api/v1/suppressions/check", {"addresses": ["A@x.example", "b@x.example", "no"]}, format="json")

    assert [(row["valid"], row["suppressed"], row["reason"], row["scope"]) for row in body.json()["data"]] == [
        (True, True, "hard_bounce", "workspace"), (True, False, None, None), (False, False, None, None),
    ]


def test_lists_are_narrowed_and_told_what_was_lifted(client: APIClient) -> None:
    first = client.post("/api/v1/suppressions", {"address": "a@x.example"}, format="json").json()
    client.post("/api/v1/suppressions", {"address": "b@x.example", "reason": "complaint"}, format="json")

    def found(query: str) -> list[str]:
        return [row["address"] for row in client.get(f"/api/v1/suppressions?{query}").json()["data"]]

    assert found("reason=complaint") == ["b@x.example"]
    assert found("scope=workspace&q=a@") == ["a@x.example"]
    assert client.get("/api/v1/suppressions?reason=because").status_code == 400
    assert client.delete(f"/api/v1/suppressions/{first['id']}?reason=asked").status_code == 204
    assert client.get(f"/api/v1/suppressions/{first['id']}").status_code == 404
    lifted = client.get("/api/v1/suppressions?lifted=true").json()["data"]
    assert [(row["address"], row["lift_reason"], row["lifted_by"]) for row in lifted] == [
        ("a@x.example", "asked", "API key test")
    ]


def test_a_file_goes_in_and_the_list_comes_out(client: APIClient) -> None:
    file = SimpleUploadedFile("old.csv", b"email\na@x.example\nnobody\n", "text/csv")

    posted = client.post("/api/v1/suppressions/import", {"file": file, "reason": "hard_bounce"}, format="multipart")
    job_id = decode_id(Prefix.JOB, posted.json()["id"])
    assert posted.status_code == 202
    assert posted.json()["status"] == "running"
    assert job_id is not None
    jobs.run_job(job_id)

    body = client.get(f"/api/v1/suppressions/imports/{posted.json()['id']}").json()
    assert (body["status"], body["added"], body["already"], body["rejected"]) == ("done", 1, 0, 1)
    refused = client.get(f"/api/v1/suppressions/imports/{posted.json()['id']}/rejects")
    assert b"".join(refused).decode().splitlines()[1:] == ["3,nobody,This is not an address."]
    out = b"".join(client.get("/api/v1/suppressions/export")).decode().splitlines()
    assert out[1].startswith("a@x.example,hard_bounce,workspace,,,Everything,import of old.csv by API key test,")


def test_a_file_that_is_none_is_a_problem(client: APIClient) -> None:
    answer = client.post(
        "/api/v1/suppressions/import", {"file": SimpleUploadedFile("x.xlsx", b"PK\x03\x04")}, format="multipart"
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable_file")
    assert client.post("/api/v1/suppressions/import", {}, format="multipart").status_code == 400


def test_a_key_that_reads_writes_nothing(workspace: Workspace) -> None:
    reader = client_of(workspace, ("domains.read", "suppressions.read"))

    assert reader.get("/api/v1/suppressions/export").status_code == 200
    assert reader.post("/api/v1/suppressions", {"address": "a@x.example"}, format="json").status_code == 403
    assert reader.post("/api/v1/domains", {"name": "shop.example"}, format="json").status_code == 403


def test_a_program_that_verifies_without_end_is_told_when_to_come_again(
    dns: DnsServer, client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domains, "_LOOKS", Limit(per_second=0.001, burst=1))
    domain = added(client)
    verify(client, domain)

    answer = client.post(f"/api/v1/domains/{domain['id']}/verify")

    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert 900 < int(answer["Retry-After"]) <= 1000
