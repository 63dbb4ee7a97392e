"""The page of refused requests: who sees it, what it tells, where it leads; a way from a 422 to its reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from relayhub.core import keys, refusals
from relayhub.core.clock import now
from relayhub.core.ids import uuid7_at
from relayhub.core.models import Door, RefusedRequest, Role, Scope
from relayhub.relay import credentials, refusal_words
from relayhub.site import help_library, setup
from relayhub.site.places import places_for
from tests.pages.marketer_rows import Desk, desk
from tests.support.browser import Browsing

pytestmark = pytest.mark.django_db

MAIL = {"from": "a@shop.example", "to": ["b@x.example"], "subject": "Hi", "text": "Hello"}


def text_of(at: Desk, path: str) -> str:
    answer = at.client.get(path)
    assert answer.status_code == 200, answer.content
    return unescape(answer.content.decode())


def key_of(at: Desk, name: str = "shop", **limits: object) -> keys.NewKey:
    return keys.create_key(at.actor, name=name, limits=keys.KeyLimits(scopes=(Scope.MESSAGES_WRITE,), **limits))  # type: ignore[arg-type]


def call(text: str, verb: str = "GET", path: str = "/api/v1/lists", body: object = None) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    assert client.generic(verb, path, body or "", content_type="application/json").status_code >= 400


def row(at: Desk, *, later: timedelta = timedelta(), **changes: object) -> RefusedRequest:
    moment = now() - timedelta(minutes=5) + later
    values: dict[str, object] = {
        "id": uuid7_at(moment), "at": moment, "workspace": at.workspace, "door": Door.HTTP, "caller_id": "key_x",
        "caller_name": "shop", "method": "POST", "path": "/api/v1/messages", "status": 422, "code": "invalid_request",
        "detail": "/subjekt: There is no such field.", **changes,
    }
    return RefusedRequest.objects.create(**values)


def test_the_list_leads_to_what_was_wrong_and_what_to_do() -> None:
    at = desk()
    made = key_of(at)
    call(made.text, path="/api/v1/contacts?q=zoe")
    [refused] = RefusedRequest.objects.all()
    listed, shown = text_of(at, "/programs/refused"), text_of(at, f"/programs/refused/{refused.public_id}")

    assert f"/programs/refused/{refused.public_id}" in listed
    for part in ("403", "forbidden", "/api/v1/contacts", "shop"):
        assert part in listed
    for part in ("contacts.read", "/api/v1/contacts?q=zoe", refused.request_id, "A key keeps the scopes",
                 reverse("api-key-new"), "/help/hand-in-mail#the-key-may-not-do-this"):
        assert part in shown
    assert made.text not in listed + shown


def test_why_a_key_is_not_taken_is_said_to_those_who_see_keys() -> None:
    at = desk()
    made = key_of(at)
    keys.revoke_key(at.actor, made.key)
    call(made.text)

    assert "The key was revoked" in text_of(at, "/programs/refused")
    assert "Make a new one" in text_of(at, f"/programs/refused/{RefusedRequest.objects.get().public_id}")


def test_it_is_narrowed_by_key_and_status_and_led_to_from_a_key_and_both_tabs() -> None:
    at = desk()
    shop = key_of(at)
    credential = credentials.create_credential(at.actor, name="till").credential
    row(at, caller_id=shop.key.public_id, path="/api/v1/first")
    row(at, caller_id=credential.public_id, caller_name="till", door=Door.SMTP, status=550, path="MAIL FROM:<a@b>")

    of_shop = text_of(at, f"/programs/refused?caller={shop.key.public_id}")
    assert "/api/v1/first" in of_shop
    assert "MAIL FROM" not in of_shop
    by_smtp = text_of(at, "/programs/refused?status=smtp")
    assert "MAIL FROM" in by_smtp
    assert "/api/v1/first" not in by_smtp
    assert "No refused request matches" in text_of(at, "/programs/refused?status=429")
    assert "/api/v1/first" in text_of(at, "/programs/refused?status=teapot")
    assert f"/programs/refused?caller={shop.key.public_id}" in text_of(at, "/programs")
    assert f"/programs/refused?caller={credential.public_id}" in text_of(at, "/programs/smtp")


def test_what_was_only_counted_is_said_once_beside_its_minute() -> None:
    at = desk()
    cache.clear()
    first, second = row(at), row(at)
    cache.set(refusals._minute_key(first.caller_id, first.at), 4210)
    page = text_of(at, "/programs/refused")
    cache.clear()

    assert first.at == second.at or page.count("only counted") <= 1
    assert page.count("and 4,210 more in this minute, only counted") == 1


def test_one_says_how_often_the_same_was_refused() -> None:
    at = desk()
    wrong = {"pointer": "/subjekt", "code": "unknown_field", "detail": "There is no such field."}
    first, last = (row(at, errors=[wrong], later=timedelta(seconds=number)) for number in range(2))
    others = [
        row(at, errors=[{**wrong, "pointer": "/form"}]), row(at, errors=[wrong], caller_id="key_y"),
        row(at, errors=[wrong], path="/api/v1/lists"), row(at),
    ]

    page = text_of(at, f"/programs/refused/{last.public_id}")
    assert "2 like it in the last 7 days, newest first" in page
    assert f"/programs/refused/{first.public_id}" in page
    for other in others:
        assert other.public_id not in page
        assert "The only one like it in 7 days" in text_of(at, f"/programs/refused/{other.public_id}")


def test_pages_of_it_follow_each_other_and_ask_no_more_for_more_rows() -> None:
    at = desk()
    for number in range(3):
        # A second apart: rows of one millisecond stand in no order.
        row(at, path=f"/api/v1/lists/{number:03}", later=timedelta(seconds=number))
    at.client.get("/programs/refused")
    with CaptureQueriesContext(connection) as few:
        at.client.get("/programs/refused")
    for number in range(3, 60):
        row(at, path=f"/api/v1/lists/{number:03}", later=timedelta(seconds=number))
    with CaptureQueriesContext(connection) as many:
        first = at.client.get("/programs/refused")
    older = at.client.get("/programs/refused" + first.context["table"].older_url)

    assert len(many) == len(few)
    assert b"/api/v1/lists/059" in first.content
    assert b"/api/v1/lists/009" not in first.content
    assert b"/api/v1/lists/009" in older.content


@pytest.mark.parametrize("role", [Role.VIEWER, Role.MARKETER])
def test_who_may_not_see_keys_is_neither_let_in_nor_led_there(role: str) -> None:
    at = desk(role=role)
    refused = row(at)

    assert at.client.get("/programs/refused").status_code == 403
    assert at.client.get(f"/programs/refused/{refused.public_id}").status_code == 403
    assert "/programs/refused" not in text_of(at, "/programs")
    assert "Refused requests" not in {place.label for place in places_for(at.actor, "refused")}


def test_a_developer_finds_it_by_its_own_words_and_by_an_id() -> None:
    at = desk(role=Role.DEVELOPER)
    refused = row(at)

    for text in ("refused", "errors", "422"):
        assert "Refused requests" in {place.label for place in places_for(at.actor, text)}
    assert at.client.get(f"/search?q={refused.public_id}")["Location"] == f"/programs/refused/{refused.public_id}"


def test_rows_of_others_are_absent() -> None:
    at, theirs = desk(), row(desk(setup.new_workspace("Other"), email="o@example.com"), path="/api/v1/secret")

    assert "/api/v1/secret" not in text_of(at, "/programs/refused")
    assert at.client.get(f"/programs/refused/{theirs.public_id}").status_code == 404


def test_every_advice_leads_to_a_page_and_a_heading_of_the_help() -> None:
    known = {anchor for anchor, _ in help_library.library()[refusal_words.HELP_PAGE].headings}
    advice = [value for value in vars(refusal_words).values() if isinstance(value, refusal_words.Advice)]
    advice += refusal_words._BY_CODE.values()

    assert {one.help for one in advice} <= known
    assert [one for one in advice if one.page and not (reverse(one.page) and one.label)] == []


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_developer_goes_from_a_refused_request_to_its_reason(
    look: Callable[..., None], browse: Browsing
) -> None:
    at = desk(role=Role.DEVELOPER)
    look(at, "/programs/refused", "refused-empty")
    call(key_of(at).text, "POST", "/api/v1/messages", '{"from": "a@shop.example", "subjekt": "x"}')
    row(at, caller_name="Till in the shop", door=Door.SMTP, method="DATA", status=550, code="unknown_stream",
        path="MAIL FROM:<till@northwind-bakery.example> RCPT TO:1", detail="5.7.1 There is no stream “recepits”")
    refused = RefusedRequest.objects.get(code="invalid_request")
    look(at, "/programs/refused", "refused-full")
    look(at, f"/programs/refused/{refused.public_id}", "refused-one")
    page = browse(at)

    page.goto("/programs")
    page.get_by_role("link", name="Refused requests").first.click()
    page.get_by_label("Every status").select_option("422")
    page.get_by_text("1 refused request", exact=True).wait_for()
    page.get_by_role("link", name="POST /api/v1/messages").click()
    page.get_by_role("heading", name="What was wrong").wait_for()
    assert page.get_by_text("/subjekt", exact=True).is_visible()
    page.get_by_role("link", name="More in the help").click()
    page.get_by_role("heading", name="Something sent is wrong").wait_for()
