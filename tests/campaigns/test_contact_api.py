"""What the pages of contacts and lists do, done through the API."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.response import Response
from rest_framework.test import APIClient

from campaigns import bulk, bulk_undo
from campaigns.models import Contact, ContactImport, FieldDefinition, MailingList, Subscription
from relayhub.core import jobs
from relayhub.core.models import AuditEntry, Job, Workspace
from relayhub.relay import routes
from relayhub.site import setup
from tests.api.test_smoke import client_of

pytestmark = pytest.mark.django_db
V1 = "/api/v1"


@pytest.fixture
def workspace() -> Workspace:
    routes.forget()
    return setup.new_workspace("Shop")


@pytest.fixture
def client(workspace: Workspace) -> APIClient:
    return client_of(workspace)


def made(client: APIClient, path: str, **body: object) -> dict[str, str]:
    answer = client.post(f"{V1}/{path}", body, format="json")
    assert answer.status_code in (200, 201, 202), answer.content
    return dict(answer.json())


def upload(client: APIClient, data: bytes, **more: str) -> Response:
    return client.post(
        f"{V1}/contacts/import", {"file": SimpleUploadedFile("people.csv", data), **more}, format="multipart"
    )


def test_contacts_are_found_by_standing_and_field(client: APIClient) -> None:
    news = made(client, "lists", name="News")["id"]
    made(client, "contacts", email="a@x.example", lists=[news], fields={"city": "Oslo"})
    made(client, "contacts", email="b@x.example", fields={"city": "Bergen"})

    def found(query: str) -> list[str]:
        return [row["email"] for row in client.get(f"{V1}/contacts?{query}").json()["data"]]

    assert found("standing=may") == ["a@x.example"]
    assert found("standing=none") == ["b@x.example"]
    assert found("field=city&value=berg") == ["b@x.example"]
    assert client.get(f"{V1}/contacts?email=a@x.example").json()["data"][0]["standing"] == "may"
    for query in ("standing=x", "field=shoe&value=1"):
        assert client.get(f"{V1}/contacts?{query}").status_code == 400


def test_a_contact_has_a_language(client: APIClient) -> None:
    zoe = made(client, "contacts", email="a@x.example", language="German")

    changed = client.patch(f"{V1}/contacts/{zoe['id']}", {"language": "pt_br"}, format="json").json()
    kept = client.patch(f"{V1}/contacts/{zoe['id']}", {"name": "Zoë"}, format="json").json()
    refused = client.patch(f"{V1}/contacts/{zoe['id']}", {"language": "klingonish"}, format="json")

    assert (zoe["language"], changed["language"], kept["language"]) == ("de", "pt-BR", "pt-BR")
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "/language"


def test_many_are_moved_and_moved_back(client: APIClient) -> None:
    news = made(client, "lists", name="News")["id"]
    ids = [made(client, "contacts", email=f"{name}@x.example")["id"] for name in "ab"]

    moved = made(client, "contacts/bulk", act="add_to_list", contacts=ids, list=news, consent={"source": "fair"})
    assert (moved["changed"], Subscription.objects.count()) == (2, 2)
    undone = made(client, "contacts/undo", undo=moved["undo"])
    assert (undone["changed"], Subscription.objects.count()) == (2, 0)
    assert client.post(f"{V1}/contacts/bulk", {"act": "add_to_list", "contacts": ids}, format="json").status_code == 400
    gone = made(client, "contacts/bulk", act="delete", contacts=[ids[0], "con_nonsense"])

    assert gone["changed"] == 1
    assert Contact.objects.get().email == "b@x.example"


def test_contacts_are_filtered_sorted_and_counted(client: APIClient) -> None:
    for name, age in (("b", 41), ("a", 9), ("c", 30)):
        made(client, "contacts", email=f"{name}@x.example", name=name.upper(), fields={"age": age, "city": "Oslo"})
    made(client, "contacts", email="d@x.example")

    def emails(query: str) -> list[str]:
        return [row["email"][0] for row in client.get(f"{V1}/contacts?{query}").json()["data"]]

    adults = "field=age&op=ge&value=18&field=city&op=is&value=Oslo"
    assert emails(f"{adults}&sort=title") == ["b", "c"]
    assert emails("sort=-field:age") == ["b", "c", "a", "d"]
    first = client.get(f"{V1}/contacts?sort=title&limit=3").json()
    following = client.get(first["next"]).json()
    assert [row["email"][0] for row in first["data"] + following["data"]] == ["a", "b", "c", "d"]
    assert following["next"] is None
    assert client.get(f"{V1}/contacts/count?{adults}").json() == {"count": 2, "is_exact": True}
    for query in ("sort=shoe", "did=slept", "added_from=x", "field=age&op=has&value=1", "cursor=eHg"):
        assert client.get(f"{V1}/contacts?{query}").status_code == 400, query


def test_everybody_that_matches_is_changed_and_changed_back(client: APIClient) -> None:
    for name, city in (("a", "Oslo"), ("b", "Oslo"), ("c", "Bergen")):
        made(client, "contacts", email=f"{name}@x.example", fields={"city": city})
    oslo = {"field": ["city"], "op": ["is"], "value": ["Oslo"]}

    done = made(client, "contacts/bulk", act="set_field", filter=oslo, field="city", value="Paris")
    assert (done["changed"], done["job"]) == (2, None)
    assert made(client, "contacts/undo", undo=done["undo"])["changed"] == 2
    assert Contact.objects.filter(fields__city="Oslo").count() == 2
    assert made(client, "contacts/bulk", act="suppress", filter=oslo, consent={"source": "letter"})["changed"] == 2
    for body in ({"act": "delete"}, {"act": "delete", "filter": {"citty": "Oslo"}},
                 {"act": "delete", "filter": {}, "contacts": ["con_x"]}, {"act": "set_field", "filter": {}}):
        assert client.post(f"{V1}/contacts/bulk", body, format="json").status_code in (400, 422), body
    assert Contact.objects.count() == 3


def test_very_many_are_a_job(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 1)
    monkeypatch.setattr(bulk_undo, "AT_ONCE", 1)
    news = made(client, "lists", name="News")["id"]
    for name in "ab":
        made(client, "contacts", email=f"{name}@x.example")

    asked = client.post(f"{V1}/contacts/bulk", {"act": "add_to_list", "filter": {}, "list": news}, format="json")
    assert asked.status_code == 202
    jobs.run_job(Job.objects.get().pk)
    job = client.get(f"{V1}/jobs/{asked.json()['job']}").json()
    assert (job["status"], job["result"]["changed"]) == ("done", 2)
    undone = client.post(f"{V1}/contacts/undo", {"undo": asked.json()["undo"]}, format="json")
    assert undone.status_code == 202
    jobs.run_job(Job.objects.order_by("-id")[0].pk)
    assert not Subscription.objects.exists()
    again = client.post(f"{V1}/contacts/undo", {"undo": asked.json()["undo"]}, format="json")
    assert again.json()["code"] == "undone"


def test_a_change_on_what_was_read_before_is_refused(client: APIClient) -> None:
    first = made(client, "contacts", email="a@x.example", name="Ann")
    path = f"{V1}/contacts/{first['id']}"

    changed = client.patch(path, {"name": "Zoë", "updated_at": first["updated_at"]}, format="json")
    late = client.patch(path, {"name": "Bo", "updated_at": first["updated_at"]}, format="json")

    assert changed.status_code == 200
    assert (late.status_code, late.json()["code"]) == (409, "contact_changed")
    assert Contact.objects.get().name == "Zoë"


def test_views_are_saved_and_used(client: APIClient) -> None:
    for name in "ab":
        made(client, "contacts", email=f"{name}@x.example", fields={"city": "Oslo" if name == "a" else "Bergen"})
    oslo = {"field": ["city"], "op": ["is"], "value": ["Oslo"]}

    view = made(client, "contact-views", name="Oslo", filter=oslo, sort="title", columns=["added", "nonsense"])
    assert (view["filter"], view["sort"], view["columns"], view["shared"]) == (oslo, "title", ["added"], True)
    found = client.get(f"{V1}/contacts?view={view['id']}").json()["data"]
    assert [row["email"] for row in found] == ["a@x.example"]
    changed = client.patch(f"{V1}/contact-views/{view['id']}", {"name": "O"}, format="json").json()
    assert (changed["name"], changed["filter"], changed["sort"]) == ("O", oslo, "title")
    assert client.post(f"{V1}/contact-views", {"name": "O"}, format="json").status_code == 409
    own = client.post(f"{V1}/contact-views", {"name": "Own", "shared": False}, format="json")
    assert own.status_code == 400
    assert [row["name"] for row in client.get(f"{V1}/contact-views").json()["data"]] == ["O"]
    assert client.delete(f"{V1}/contact-views/{view['id']}").status_code == 204
    assert client.get(f"{V1}/contacts?view={view['id']}").status_code == 404


def test_an_export_is_of_those_that_match(client: APIClient) -> None:
    for name in "ab":
        made(client, "contacts", email=f"{name}@x.example")

    job = made(client, "contacts/export", filter={"q": "a@"})
    jobs.run_job(Job.objects.get().pk)

    lines = b"".join(client.get(f"{V1}/contacts/exports/{job['id']}/file")).decode().splitlines()
    assert [line.split(",")[0] for line in lines] == ["email", "a@x.example"]
    assert client.post(f"{V1}/contacts/export", {"filter": {"q": "z@"}}, format="json").status_code == 400


def test_fields_are_renamed_and_deleted(client: APIClient) -> None:
    made(client, "contacts", email="a@x.example", fields={"city": "Oslo"})
    field = client.get(f"{V1}/contact-fields").json()["data"][0]["id"]

    renamed = client.patch(f"{V1}/contact-fields/{field}", {"label": "Town"}, format="json")
    assert renamed.json()["label"] == "Town"
    assert client.delete(f"{V1}/contact-fields/{field}").status_code == 204

    assert not FieldDefinition.objects.exists()
    assert Contact.objects.get().fields == {}


def test_subscribing_is_audited_and_evidence_is_read(client: APIClient) -> None:
    club = made(client, "lists", name="Club", opt_in="double", from_header="Club <c@shop.example>")["id"]

    joined = made(
        client, f"lists/{club}/subscriptions", email="a@x.example", ask=True,
        consent={"source": "counter", "ip": "192.0.2.1"},
    )
    consents = client.get(f"{V1}/contacts/{joined['contact']}/consents").json()["data"]

    assert [row["action"] for row in consents] == ["confirmation_sent", "subscribed"]
    assert (consents[1]["source"], consents[1]["ip"]) == ("counter", "192.0.2.1")
    client.delete(f"{V1}/lists/{club}/subscriptions?email=a@x.example")
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"contact.subscribed", "contact.unsubscribed"} <= actions


def test_the_unconfirmed_are_counted_and_asked(client: APIClient) -> None:
    club = made(client, "lists", name="Club", opt_in="double", from_header="Club <c@shop.example>")["id"]
    made(client, f"lists/{club}/subscriptions", email="a@x.example")

    assert client.get(f"{V1}/lists/{club}/ask-unconfirmed").json() == {"waiting": 1}
    asked = client.post(f"{V1}/lists/{club}/ask-unconfirmed", {}, format="json")
    assert asked.status_code == 202
    jobs.run_job(Job.objects.get().pk)
    assert client.get(f"{V1}/lists/{club}/ask-unconfirmed").json() == {"waiting": 0}
    assert client.post(f"{V1}/lists/{club}/ask-unconfirmed", {}, format="json").status_code == 409


def test_sign_up_forms_and_archived_lists(client: APIClient) -> None:
    news = made(client, "lists", name="News")["id"]
    form = made(client, f"lists/{news}/forms", title="Join", field_keys=["name"])
    assert form["url"].endswith(f"/f/{form['id']}")
    closed = client.patch(f"{V1}/forms/{form['id']}", {"is_enabled": False, "button": "Go"}, format="json").json()
    assert (closed["is_enabled"], closed["button"], closed["title"]) == (False, "Go", "Join")
    assert client.post(
        f"{V1}/lists/{news}/forms", {"title": "Join", "field_keys": ["shoe"]}, format="json"
    ).status_code == 400

    assert client.delete(f"{V1}/lists/{news}").status_code == 204
    assert client.post(f"{V1}/lists/{news}/restore", {}, format="json").status_code == 200
    assert MailingList.objects.get().archived_at is None
    assert client.post(f"{V1}/lists/{news}/restore", {}, format="json").status_code == 404


def test_a_dry_run_becomes_an_import(client: APIClient) -> None:
    tried = upload(client, b"email\na@x.example\nbad\n", dry_run="true").json()
    jobs.run_job(Job.objects.get().pk)
    started = client.post(f"{V1}/contacts/imports/{tried['id']}/start", {}, format="json")
    assert started.status_code == 202
    jobs.run_job(ContactImport.objects.get(is_dry_run=False).pk)

    run = client.get(f"{V1}/contacts/imports/{started.json()['id']}").json()
    assert (run["status"], run["created"], run["rejected"]) == ("done", 1, 1)
    assert len(client.get(f"{V1}/contacts/imports").json()["data"]) == 2
    again = client.post(f"{V1}/contacts/imports/{started.json()['id']}/start", {}, format="json")
    assert again.json()["code"] == "not_a_dry_run"
    assert client.delete(f"{V1}/contacts/imports/{started.json()['id']}").status_code == 409


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\n\n", "no rows"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "binary data"),
        (b"name,town\nZoe,Oslo\n", "Columns are: name, town"),
        (b",".join(b"c%d" % i for i in range(201)) + b"\n", "201 columns"),
    ],
    ids=["empty", "blank", "binary", "no addresses", "201 columns"],
)
def test_a_file_that_cannot_be_used_is_refused_in_words(client: APIClient, data: bytes, words: str) -> None:
    answer = upload(client, data)

    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "data",
    [
        "email,name\nzoë@x.example,Zoë\n".encode("latin-1"),
        "email,name\nzoë@x.example,Zoë\n".encode("utf-16"),
        "\ufeffemail,name\r\nzoë@x.example,Zoë\r\n".encode(),
        "email;name\nzoë@x.example;Zoë\n".encode(),
        "Zoë,zoë@x.example\n".encode(),
        b'email,name\nzo\xc3\xab@x.example,Zo\xc3\xab\n"open@x.example,O\nzo\xc3\xab@x.example,again\nnonsense,N\n',
    ],
    ids=["latin-1", "utf-16", "bom", "semicolons", "no header", "bad rows"],
)
def test_files_as_people_have_them_lose_nothing(client: APIClient, data: bytes) -> None:
    run = upload(client, data).json()
    jobs.run_job(Job.objects.get().pk)

    done = client.get(f"{V1}/contacts/imports/{run['id']}").json()
    assert (done["status"], done["created"]) == ("done", 1)
    assert done["rows"] == done["created"] + done["updated"] + done["unchanged"] + done["rejected"]
    assert Contact.objects.get().email == "zoë@x.example"
    rejects = b"".join(client.get(f"{V1}/contacts/imports/{run['id']}/rejects")).decode()
    assert len(rejects.splitlines()) == 1 + done["rejected"]


def test_the_sender_of_a_list_is_named_as_that_of_a_campaign(client: APIClient) -> None:
    club = made(client, "lists", name="Club", opt_in="double", **{"from": "Club <c@shop.example>"})

    assert club["from"] == club["from_header"] == "Club <c@shop.example>"


def test_a_filter_that_says_nothing_is_not_taken_for_all(client: APIClient) -> None:
    news = made(client, "lists", name="News")["id"]
    made(client, "contacts", email="a@x.example")

    for empty in ({"list": None}, {"list": ""}, {"q": " "}, {"import": []}):
        refused = client.post(f"{V1}/contacts/bulk", {"act": "delete", "filter": empty}, format="json")
        assert (refused.status_code, refused.json()["code"]) == (400, "empty_filter"), empty
    assert Contact.objects.count() == 1
    kept = client.post(f"{V1}/contacts/bulk", {"act": "delete", "filter": {"list": news}}, format="json")
    assert kept.status_code == 400


def test_a_deletion_names_no_undo_also_as_a_job(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 1)
    for name in "ab":
        made(client, "contacts", email=f"{name}@x.example")

    asked = client.post(f"{V1}/contacts/bulk", {"act": "delete", "filter": {}}, format="json")

    assert (asked.status_code, asked.json()["undo"]) == (202, None)


def test_what_cannot_be_changed_here_is_refused(client: APIClient) -> None:
    news = made(client, "lists", name="News")["id"]
    zoe = made(client, "contacts", email="a@x.example", fields={"age": 4})
    path = f"{V1}/contacts/{zoe['id']}"

    assert client.patch(path, {"lists": [news]}, format="json").status_code == 422
    assert client.patch(path, {"fields": {"age": 10**400}}, format="json").status_code == 400
    assert client.get(f"{V1}/lists/{news}/subscriptions?status=asleep").status_code == 400


def test_a_page_of_one_order_is_not_gone_on_with_in_another(client: APIClient) -> None:
    for age in (4, 5):
        made(client, "contacts", email=f"{age}@x.example", fields={"age": age})

    following = client.get(f"{V1}/contacts?sort=field:age&limit=1").json()["next"]
    refused = client.get(following.replace("sort=field%3Aage", "sort=title"))

    assert client.get(following).json()["data"][0]["email"] == "5@x.example"
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/cursor")


def test_who_cannot_be_asked_is_not_added_either(client: APIClient) -> None:
    club = made(client, "lists", name="Club", opt_in="double")["id"]

    refused = client.post(f"{V1}/lists/{club}/subscriptions", {"email": "a@x.example", "ask": True}, format="json")

    assert (refused.status_code, Contact.objects.count()) == (400, 0)


def test_an_import_puts_on_the_list_only_who_agreed_in_the_file(client: APIClient) -> None:
    news = made(client, "lists", name="News")["id"]
    data = b"email,Einwilligung\na@x.example,ja\nb@x.example,nein\nc@x.example,vielleicht\nd@x.example,\n"
    run = upload(client, data, list=news).json()
    assert run["mapping"] == {"email": "email", "Einwilligung": "list.agreed"}
    jobs.run_job(Job.objects.get().pk)

    done = client.get(f"{V1}/contacts/imports/{run['id']}").json()
    assert (done["created"], done["joined"]) == (4, 1)
    assert done["not_joined"] == {"said_no": 1, "empty": 1, "unclear": 1, "on_it_already": 0}
    assert (done["unclear_values"], done["unused_answer"]) == ({"vielleicht": 1}, None)
    assert [row["email"] for row in client.get(f"{V1}/contacts?list={news}").json()["data"]] == ["a@x.example"]
    path = f"{V1}/contacts/imports/{run['id']}/not-joined"
    assert len(b"".join(client.get(path)).decode().splitlines()) == 1 + 3
    only = b"".join(client.get(f"{path}?reason=said_no")).decode().splitlines()
    assert only[1:] == ["3,b@x.example,said_no,said no,nein"]
    assert client.get(f"{path}?reason=no").status_code == 400

    ignored = upload(client, data, list=news, mapping='{"email": "email"}', dry_run="true").json()
    assert (ignored["unused_answer"], ignored["not_joined"]) == ("Einwilligung", None)
    refused = upload(client, data, mapping='{"email": "email", "Einwilligung": "list.agreed"}')
    assert (refused.status_code, refused.json()["code"]) == (400, "needs_list")
