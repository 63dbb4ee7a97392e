"""What holds for each route of the API: nobody without a key, nothing without the permission, nothing of others."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from relayhub.core.access import ALL_SCOPES, system_actor
from relayhub.core.api.base import ApiView
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.core.keys import KeyLimits, create_key
from relayhub.relay import routes
from relayhub.site import setup

pytestmark = pytest.mark.django_db


def endpoints() -> Iterator[tuple[str, type[ApiView]]]:
    def walk(patterns: list[URLPattern | URLResolver], start: str) -> Iterator[tuple[str, type[ApiView]]]:
        for entry in patterns:
            text = start + str(entry.pattern)
            if isinstance(entry, URLResolver):
                yield from walk(entry.url_patterns, text)
                continue
            view = getattr(entry.callback, "view_class", None) or getattr(entry.callback, "cls", None)
            if isinstance(view, type) and issubclass(view, ApiView):
                yield text, view

    yield from walk(get_resolver().url_patterns, "/")


ROUTES = sorted(
    {(path, verb) for path, view in endpoints() for verb in view.permissions}, key=lambda pair: (pair[0], pair[1])
)


def filled(path: str) -> str:
    """The route with ids that exist nowhere."""
    words = {
        "messages": Prefix.MESSAGE, "recipients": Prefix.RECIPIENT, "campaigns": Prefix.CAMPAIGN,
        "contacts": Prefix.CONTACT, "pictures": Prefix.PICTURE,
        "lists": Prefix.LIST, "templates": Prefix.TEMPLATE, "domains": Prefix.DOMAIN, "routes": Prefix.ROUTE,
        "streams": Prefix.STREAM, "suppressions": Prefix.SUPPRESSION, "keys": Prefix.API_KEY, "jobs": Prefix.JOB,
        "smtp-credentials": Prefix.CREDENTIAL, "members": Prefix.MEMBER, "invitations": Prefix.INVITATION,
        "imports": Prefix.IMPORT, "exports": Prefix.EXPORT, "refused-requests": Prefix.REFUSAL,
    }

    def value(match: re.Match[str]) -> str:
        return encode_id(words.get(match[1], Prefix.LIST), uuid7())

    return re.sub(r"(?<=/)([a-z-]+)/<[^>]+>", lambda m: f"{m[1]}/{value(m)}", path)


def client_of(*scopes: str, rate: int = 100) -> APIClient:
    routes.forget()
    workspace = setup.new_workspace("Shop")
    key = create_key(
        system_actor(workspace), name="test", limits=KeyLimits(scopes=scopes or ALL_SCOPES, requests_per_second=rate)
    )
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key.text}")
    return client


def test_there_are_routes_to_walk() -> None:
    assert len(ROUTES) > 60
    assert all(view.permissions for _, view in endpoints())


@pytest.mark.parametrize(("path", "verb"), ROUTES)
def test_nobody_gets_in_without_a_key(path: str, verb: str) -> None:
    answer = APIClient().generic(verb, filled(path), "{}", content_type="application/json")

    assert answer.status_code == 401, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "not_authenticated"


def test_a_key_with_one_scope_opens_nothing_else() -> None:
    client = client_of("stats.read", rate=1000)
    opened = []
    for path, verb in ROUTES:
        answer = client.generic(verb, filled(path), "{}", content_type="application/json")
        if answer.status_code != 403:
            opened.append((verb, path, answer.status_code))

    needed = {(verb, path): view.permissions[verb] for path, view in endpoints() for verb in view.permissions}
    assert [entry for entry in opened if needed[entry[0], entry[1]] not in ("stats.read",)] == []


def test_a_resource_of_nobody_is_absent_whatever_the_verb() -> None:
    client = client_of(rate=1000)
    wrong = []
    for path, verb in ROUTES:
        if "<" not in path or verb not in ("GET", "DELETE"):
            continue
        answer = client.generic(verb, filled(path), "{}", content_type="application/json")
        if answer.status_code != 404:
            wrong.append((verb, path, answer.status_code))
    assert wrong == []


def test_a_caller_learns_its_limit_and_is_told_to_wait() -> None:
    client = client_of(rate=1)

    first = client.get("/api/v1/lists")
    assert (first["RateLimit-Limit"], first["RateLimit-Remaining"], first["RateLimit-Policy"]) == ("2", "1", "2;w=2")
    client.get("/api/v1/lists")
    refused = client.get("/api/v1/lists")

    assert refused.status_code == 429
    assert refused.json()["code"] == "rate_limited"
    assert int(refused["Retry-After"]) >= 1
    assert refused["RateLimit-Remaining"] == "0"


def test_an_address_that_tries_keys_is_slowed_down() -> None:
    client = APIClient(REMOTE_ADDR="203.0.113.77")
    client.credentials(HTTP_AUTHORIZATION="Bearer rh_live_aaaaaaaa_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb")

    codes = [client.get("/api/v1/lists").status_code for _ in range(40)]

    assert codes[:20] == [401] * 20
    assert codes[-1] == 429
