"""Ways round the rules that were once open: each test walks one and finds it closed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from relayhub.core import keys, people
from relayhub.core.access import actor_for_key
from relayhub.core.errors import ForbiddenError
from relayhub.core.keys import KeyLimits
from relayhub.core.models import ApiKey, Role, User
from relayhub.core.system_mail import SystemLetter, send_letter
from relayhub.relay import credentials, streams
from relayhub.relay.models import Message, Source
from relayhub.site import setup
from relayhub.site.services import services
from tests.pages.marketer_rows import Desk, desk

pytestmark = pytest.mark.django_db


def make_key(at: Desk, *scopes: str, **limits: Any) -> ApiKey:
    return keys.create_key(at.actor, name="program", limits=KeyLimits(scopes=scopes, **limits)).key


def first_desk(role: str) -> Desk:
    workspace = setup.new_workspace("First", is_first=True)
    streams.ensure_default_streams(workspace)
    return desk(workspace, role=role)


def letter_to(address: str) -> Message:
    link = "https://mail.example.com/accounts/password/reset/key/1-secret/"
    assert send_letter(SystemLetter(name="password_reset", to=address, context={"password_reset_url": link}))
    return Message.objects.get(source=Source.SYSTEM)


@pytest.mark.parametrize("header", ["Basic eA==", "x", ""])
def test_a_header_that_is_no_key_does_not_free_a_session_from_what_safety_asks(header: str) -> None:
    at = desk()
    User.objects.filter(pk=at.user.pk).update(must_change_password=True)

    answer = at.client.get("/api/v1/campaigns", HTTP_AUTHORIZATION=header)

    assert answer.status_code == 302
    assert answer["Location"] == reverse("account_change_password")


def test_the_second_factor_is_asked_for_at_the_api_too() -> None:
    at = desk()
    at.workspace.requires_mfa = True
    at.workspace.save(update_fields=["requires_mfa"])
    text = keys.create_key(at.actor, name="p", limits=KeyLimits(scopes=("workspace.read",))).text

    assert at.client.get("/api/v1/workspace")["Location"] == reverse("mfa_activate_totp")
    assert at.client.get("/api/v1/workspace", HTTP_AUTHORIZATION=f"Bearer {text}").status_code == 200


@pytest.mark.parametrize("page", ["content", "source", "headers", "frame", "raw"])
def test_letters_that_open_accounts_are_for_owners(page: str) -> None:
    developer = first_desk(Role.DEVELOPER)
    owner = desk(developer.workspace, email="owner@example.com")
    letter = letter_to("owner@example.com")
    path = reverse(f"message-{page}", args=[letter.public_id])

    assert developer.client.get(reverse("message-detail", args=[letter.public_id])).status_code == 200
    assert developer.client.get(path).status_code == 403
    assert owner.client.get(path).status_code == 200


def test_nor_does_the_api_or_the_sandbox_show_such_a_letter() -> None:
    at = first_desk(Role.ADMIN)
    letter = letter_to("owner@example.com")
    text = keys.create_key(at.actor, name="p", limits=KeyLimits(scopes=("messages.read",))).text

    for path in ("content", "raw"):
        for headers in ({}, {"HTTP_AUTHORIZATION": f"Bearer {text}"}):
            answer = at.client.get(f"/api/v1/messages/{letter.public_id}/{path}", **headers)
            assert answer.status_code == 403
            assert answer.json()["code"] == "owners_only"
    letter.recipients.update(transport="sandbox", status="delivered")
    shown = at.client.get(reverse("sandbox-inbox"))
    assert b"hold links that open accounts" in shown.content
    assert b"1-secret" not in shown.content


def test_a_reset_letter_leads_to_our_own_address_whatever_host_was_asked() -> None:
    at = first_desk(Role.OWNER)
    cache.clear()
    Client().post(reverse("account_reset_password"), {"email": at.user.email}, HTTP_HOST="localhost:6666")

    letter = Message.objects.select_related("content").get(source=Source.SYSTEM)
    links = re.findall(rb"https?://[^/\s]+", bytes(letter.content.data))
    assert links
    assert b"localhost:6666" not in bytes(letter.content.data)


def test_a_page_is_not_returned_to_that_names_another_host() -> None:
    at = desk()
    answer = at.client.post(
        reverse("theme"), {"theme": "dark"}, HTTP_REFERER="http://testserver//evil.example/", HTTP_HOST="testserver"
    )
    assert answer["Location"] == "/"


def test_a_key_that_may_not_hand_in_mail_makes_no_credential() -> None:
    at = desk()
    actor = actor_for_key(make_key(at, "keys.write"))
    with pytest.raises(ForbiddenError):
        credentials.create_credential(actor, name="way round")

    may = actor_for_key(make_key(at, "keys.write", "messages.write"))
    assert credentials.create_credential(may, name="printer").username


def test_a_limited_key_gives_nobody_a_role() -> None:
    at = desk()
    actor = actor_for_key(make_key(at, *keys.ALL_SCOPES, networks=("203.0.113.0/24",)))
    with pytest.raises(ForbiddenError):
        people.invite(actor, email="friend@example.com", role=Role.VIEWER)

    free = actor_for_key(make_key(at, *keys.ALL_SCOPES))
    assert people.invite(free, email="friend@example.com", role=Role.VIEWER).link


def test_the_web_server_believes_no_header_about_who_asks() -> None:
    web = next(service for service in services() if service.name == "web")
    assert "--no-proxy-headers" in web.command


def test_nobody_takes_an_address_that_they_did_not_prove() -> None:
    at = desk(role=Role.VIEWER)
    for data in ({"action_add": "", "email": "ceo@example.com"}, {"action_primary": "", "email": "ceo@example.com"}):
        assert at.client.post("/accounts/email/", data).status_code == 404
    at.user.refresh_from_db()
    assert at.user.email == "maja@example.com"
