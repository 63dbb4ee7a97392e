"""The frame of the dashboard: who gets in, where they are sent first, and what Home says."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from relayhub.core import people
from relayhub.core.models import Member, Role, User
from relayhub.site import setup
from tests.pages.marketer_rows import desk

pytestmark = pytest.mark.django_db


def test_a_stranger_is_sent_to_sign_in_and_back() -> None:
    answer = Client().get("/campaigns")

    assert answer.status_code == 302
    assert answer["Location"] == "/accounts/login/?next=/campaigns"


def test_a_form_sent_after_the_session_ended_leads_back_to_its_page() -> None:
    form, act = reverse("contact-new"), reverse("campaign-pause", args=["cmp_00000000000000000000000000"])

    answer = Client().post(act, headers={"Referer": f"http://testserver{form}?x=1"})
    foreign = Client().post(act, headers={"Referer": "http://evil.example/"})

    assert answer["Location"] == f"{reverse('account_login')}?next={form}%3Fx%3D1"
    assert foreign["Location"] == f"{reverse('account_login')}?next=/"


def test_somebody_without_a_workspace_is_told_so() -> None:
    user = User.objects.create_user("lost@example.com", "a long enough word 7")
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")

    answer = client.get("/", follow=True)

    assert answer.redirect_chain[-1][0] == reverse("no-workspace")
    assert b"You are in no workspace" in answer.content


def test_a_first_password_is_changed_before_anything_else() -> None:
    at = desk()
    User.objects.filter(pk=at.user.pk).update(must_change_password=True)

    assert at.client.get("/")["Location"] == reverse("account_change_password")
    assert at.client.get("/api/v1/campaigns").status_code == 302

    at.client.post(
        reverse("account_change_password"),
        {"oldpassword": "a long enough word 7", "password1": "another long word 8", "password2": "another long word 8"},
    )
    assert at.client.get("/").status_code == 200


def test_a_workspace_may_ask_for_a_second_factor() -> None:
    at = desk()
    at.workspace.requires_mfa = True
    at.workspace.save(update_fields=["requires_mfa"])

    assert at.client.get("/")["Location"] == reverse("mfa_activate_totp")


def test_a_role_without_the_permission_gets_403_and_another_workspace_404() -> None:
    viewer, other = desk(role=Role.VIEWER), desk(setup.new_workspace("Other"), email="o@example.com")

    assert viewer.client.get(reverse("campaign-new")).status_code == 403
    other.client.post(reverse("campaign-new"), {"name": "Theirs"})
    theirs = other.workspace.campaigns.get()
    assert viewer.client.get(reverse("campaign-detail", args=[theirs.public_id])).status_code == 404


def test_post_needs_the_csrf_token() -> None:
    at = desk()
    client = Client(enforce_csrf_checks=True)
    client.force_login(at.user, backend="allauth.account.auth_backends.AuthenticationBackend")

    assert client.post(reverse("campaign-new"), {"name": "x"}).status_code == 403


def test_people_switch_only_to_workspaces_of_their_own() -> None:
    at = desk()
    second, foreign = setup.new_workspace("Second"), setup.new_workspace("Foreign")
    Member.objects.create(workspace=second, user=at.user, role=Role.VIEWER)

    at.client.post(reverse("workspace-switch"), {"workspace": second.public_id})
    assert b"Second today" in at.client.get("/").content
    assert at.client.post(reverse("workspace-switch"), {"workspace": foreign.public_id}).status_code == 404


def test_an_invitation_makes_an_account_once() -> None:
    at = desk()
    link = people.invite(at.actor, email="new@example.com", role=Role.MARKETER).link
    path = link[link.index("/invitations/"):]
    client = Client()

    assert b"Join Northwind Bakery" in client.get(path).content
    weak = client.post(path, {"display_name": "New", "password": "short"})
    assert weak.status_code == 422
    joined = client.post(path, {"display_name": "New", "password": "a long enough word 9"}, follow=True)

    assert b"Northwind Bakery today" in joined.content
    assert Client().get(path).status_code == 404


@pytest.mark.parametrize(("told", "kept"), [("America/Lima", "America/Lima"), ("Mars/Base", "Europe/Oslo")])
def test_a_new_person_begins_with_the_zone_and_language_of_the_browser(told: str, kept: str) -> None:
    at = desk()
    at.workspace.timezone = "Europe/Oslo"
    at.workspace.save(update_fields=["timezone"])
    link = people.invite(at.actor, email="new@example.com", role=Role.MARKETER).link

    Client(headers={"Accept-Language": "fr-CA, en"}).post(
        link[link.index("/invitations/"):], {"password": "a long enough word 9", "timezone": told}
    )

    user = User.objects.get(email="new@example.com")
    assert (user.timezone, user.language) == (kept, "fr")


def test_first_steps_notice_what_is_done() -> None:
    at = desk()
    before = at.client.get("/").content.decode()
    at.workspace.company, at.workspace.postal_address = "Northwind ApS", "Kornvej 12"
    at.workspace.save(update_fields=["company", "postal_address"])
    after = at.client.get("/").content.decode()

    assert before.count("(done)") == 0
    assert after.count("(done)") == 1
    assert "<b>Write your footer</b><span" in after
    for page in ("domain-new", "template-new", "campaign-new"):
        assert f'href="{reverse(page)}"' in before


def test_first_steps_have_no_buttons_for_viewers() -> None:
    page = desk(role=Role.VIEWER).client.get("/").content.decode()

    assert "Launch a first campaign" in page
    assert "</span></a></li>" not in page.split("First steps")[1].split("</ol>")[0]


def test_a_marketer_begins_with_what_a_marketer_may_do() -> None:
    page = desk(role=Role.MARKETER).client.get("/").content.decode()
    mine, others = page.split("For colleagues")

    assert "0 of 3 done, about 20 minutes left" in mine
    assert mine.index("Bring your contacts") < mine.index("Launch a first campaign")
    assert "Verify a domain" in others
    assert "Start<" not in others.split("</ol>")[0]


def test_the_live_numbers_are_json() -> None:
    assert set(desk().client.get(reverse("home-live")).json()["values"]) == {"pace", "delivered", "waiting"}
