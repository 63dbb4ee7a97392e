"""Signing in from beginning to end: password, second factor, recovery code, forgotten password, invitation."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from relayhub.core import people
from relayhub.core.models import Member, Role, User, Workspace
from relayhub.relay.models import Content, Message, Source
from relayhub.relay.streams import ensure_default_streams
from tests.pages.marketer_rows import Desk, desk
from tests.support.browser import Browsing
from tests.support.door_rows import forget_everything

pytestmark = pytest.mark.django_db

PASSWORD = "a long enough word 7"
OTHER = "another long word 8"


@pytest.fixture(autouse=True)
def _fresh() -> None:
    cache.clear()
    forget_everything()


def at_desk() -> Desk:
    """Somebody in the first workspace, from which letters go out."""
    at = desk()
    Workspace.objects.filter(pk=at.workspace.pk).update(is_first=True)
    ensure_default_streams(at.workspace)
    return at


def sign_in(client: Client, email: str, password: str = PASSWORD, **more: str) -> str:
    """Where the answer leads."""
    answer = client.post(reverse("account_login"), {"login": email, "password": password, **more})
    return answer["Location"] if answer.status_code == 302 else ""


def set_up_second_factor(client: Client) -> str:
    """The secret of the authenticator app; asked for the password once more on the way."""
    asked = client.get(reverse("mfa_activate_totp"))
    assert asked["Location"].startswith(reverse("account_reauthenticate"))
    page = client.post(asked["Location"], {"password": PASSWORD}, follow=True)
    secret: str = page.context["form"].secret
    assert secret.encode() in page.content
    assert client.post(reverse("mfa_activate_totp"), {"code": code_of(secret)}).status_code == 302
    return secret


def code_of(secret: str) -> str:
    """What the authenticator app would show now."""
    return totp.format_hotp_value(totp.hotp_value(secret, next(iter(totp.yield_hotp_counters_from_time()))))


def letters() -> list[tuple[str, str]]:
    """Subject and text of RelayHub's own letters, oldest first."""
    rows = Message.objects.filter(source=Source.SYSTEM).order_by("id")
    return [(row.subject, _text(row)) for row in rows]


def _text(row: Message) -> str:
    raw = bytes(Content.objects.get(pk=row.content_id).data).decode()
    return raw.replace("=\r\n", "").replace("=3D", "=")


def test_a_wrong_password_says_so_and_keeps_the_address() -> None:
    at = at_desk()
    answer = Client().post(reverse("account_login"), {"login": at.user.email, "password": "wrong"})

    assert b"not correct" in answer.content
    assert at.user.email.encode() in answer.content


def test_sign_in_leads_to_the_page_that_was_asked_for_and_nowhere_else() -> None:
    at = at_desk()

    assert sign_in(Client(), at.user.email, next="/campaigns") == "/campaigns"
    assert sign_in(Client(), at.user.email, next="https://evil.example/") == "/"


def test_guessing_is_slowed_down() -> None:
    at = at_desk()
    client = Client()
    for number in range(12):
        last = client.post(reverse("account_login"), {"login": at.user.email, "password": f"no {number}"})

    assert b"Too many" in last.content
    assert sign_in(client, at.user.email) == ""


@pytest.mark.django_db(transaction=True)
def test_a_second_factor_is_set_up_asked_for_and_sealed() -> None:
    at = at_desk()
    client = Client()
    sign_in(client, at.user.email)
    secret = set_up_second_factor(client)
    stored = Authenticator.objects.get(user=at.user, type=Authenticator.Type.TOTP)

    assert secret not in str(stored.data)
    cache.clear()
    again = Client()
    assert sign_in(again, at.user.email, next="/campaigns").startswith(reverse("mfa_authenticate"))
    assert again.get("/campaigns").status_code == 302
    refused = again.post(reverse("mfa_authenticate"), {"code": "000000"})
    assert refused.status_code == 200
    assert again.post(reverse("mfa_authenticate"), {"code": code_of(secret)})["Location"] == "/campaigns"
    assert again.get("/campaigns").status_code == 200
    assert "an authenticator app was set up" in letters()[0][1]


def test_a_recovery_code_lets_in_once() -> None:
    at = at_desk()
    client = Client()
    sign_in(client, at.user.email)
    set_up_second_factor(client)
    codes = client.get(reverse("mfa_view_recovery_codes")).context["unused_codes"]

    for attempt, expected in ((1, 302), (2, 200)):
        cache.clear()
        other = Client()
        sign_in(other, at.user.email)
        answer = other.post(reverse("mfa_authenticate"), {"code": codes[0]})
        assert answer.status_code == expected, attempt


def test_a_forgotten_password_is_set_anew_by_the_letters_link() -> None:
    at = at_desk()
    elsewhere = Client()
    sign_in(elsewhere, at.user.email)
    client = Client()
    asked = client.post(reverse("account_reset_password"), {"email": at.user.email}, follow=True)
    subject, text = letters()[0]
    link = re.search(r"https?://[^/\s]+(/accounts/password/reset/key/\S+)", text)

    assert b"Look into your mail" in asked.content
    assert subject == "Set a new password for RelayHub"
    assert link
    form = client.get(link[1], follow=True)
    assert b"Choose a new password" in form.content
    weak = client.post(form.redirect_chain[-1][0], {"password1": "short", "password2": "short"})
    assert weak.status_code == 200
    done = client.post(form.redirect_chain[-1][0], {"password1": OTHER, "password2": OTHER}, follow=True)
    assert b"Your password is changed" in done.content
    cache.clear()
    assert sign_in(Client(), at.user.email) == ""
    assert sign_in(Client(), at.user.email, OTHER) == "/"
    assert elsewhere.get("/").status_code == 302
    assert b"This link is used up" in Client().get(link[1], follow=True).content
    assert "a new password was set" in letters()[-1][1]


def test_an_unknown_address_gets_the_same_answer_and_no_letter() -> None:
    at_desk()
    asked = Client().post(reverse("account_reset_password"), {"email": "nobody@example.com"}, follow=True)

    assert b"Look into your mail" in asked.content
    assert letters() == []


def test_a_closed_account_does_not_get_in() -> None:
    at = at_desk()
    people.close_account(at.user, by="root")

    assert at.client.get("/").status_code == 302
    assert sign_in(Client(), at.user.email) in ("", reverse("account_inactive"))


def test_nobody_makes_an_account_by_themselves() -> None:
    answer = Client().get(reverse("account_signup"))

    assert b"Accounts are made by invitation" in answer.content


def test_an_invitation_goes_by_letter_and_joins_an_existing_account() -> None:
    at = at_desk()
    friend = User.objects.create_user("friend@example.com", PASSWORD)
    link = people.invite(at.actor, email=friend.email, role=Role.ADMIN).link
    path = link[link.index("/invitations/"):]
    client = Client()

    assert b"Sign in to join with it" in client.get(path).content
    assert sign_in(client, friend.email, next=path) == path
    assert b"Join as friend@example.com" in client.get(path).content
    client.post(path)
    assert Member.objects.get(user=friend).role == Role.ADMIN


@pytest.mark.django_db(transaction=True)
def test_the_letter_of_an_invitation_holds_its_link() -> None:
    at = at_desk()
    made = people.invite(at.actor, email="new@example.com", role=Role.VIEWER)

    assert made.link in letters()[0][1]


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_pages_of_signing_in_look_right(look: Callable[..., None]) -> None:
    at = at_desk()
    link = people.invite(at.actor, email="new@example.com", role=Role.VIEWER).link
    for path, name in (
        (reverse("account_reset_password"), "reset"), (reverse("account_reset_password_done"), "reset-done"),
        (reverse("account_signup"), "closed"), (link[link.index("/invitations/"):], "invitation"),
    ):
        look(None, path, f"sign-in-{name}")
    for path, name in (
        (reverse("mfa_index"), "mfa"), (reverse("account_change_password"), "password"),
        (reverse("account_logout"), "logout"),
    ):
        look(at, path, f"sign-in-{name}")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_from_the_address_one_tab_leads_to_the_password(browse: Browsing) -> None:
    at = at_desk()
    page = browse(None)
    page.goto("/accounts/login/?next=/campaigns")

    for text in (at.user.email, PASSWORD):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.get_by_label("Password", exact=True).press("Enter")

    page.wait_for_url("**/campaigns")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_second_factor_from_set_up_to_the_next_sign_in(browse: Browsing) -> None:
    at = at_desk()
    page = browse(None)
    page.goto("/accounts/login/?next=/settings/security")
    page.get_by_label("E-mail address").fill(at.user.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Set up").click()
    page.get_by_role("link", name="Set up").click()
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    secret = page.locator("#totp-secret").inner_text()
    page.get_by_label("Code from the app").fill(code_of(secret))
    page.get_by_role("button", name="Turn on the second factor").click()
    page.get_by_role("heading", name="Recovery codes").wait_for()
    assert page.locator("#codes").inner_text().strip()

    cache.clear()
    again = browse(None)
    again.goto("/campaigns")
    again.get_by_label("E-mail address").fill(at.user.email)
    again.get_by_label("Password", exact=True).fill(PASSWORD)
    again.get_by_role("button", name="Sign in").click()
    again.get_by_label("Code").fill(code_of(secret))
    again.get_by_role("button", name="Sign in", exact=True).click()
    again.wait_for_url("**/campaigns")
