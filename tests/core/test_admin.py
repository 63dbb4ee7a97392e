"""The admin site: every model is there, no secret is, nobody changes rows, acts go through services."""

from __future__ import annotations

import pytest
from allauth.mfa.totp.internal import auth as totp
from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse

from campaigns.models import Contact
from relayhub.core import keys, people
from relayhub.core.models import ApiKey, AuditEntry, Invitation, Role, User, Workspace
from relayhub.relay import credentials
from relayhub.relay.models import SmtpCredential
from relayhub.site import setup
from relayhub.site.demo import seed
from tests.pages.marketer_rows import desk

OURS = ("site", "campaigns", "relay", "deliverability", "core")
MODELS = [model for app in apps.get_app_configs() if app.label in OURS for model in app.get_models()]
#: Words in the name of a field that holds what nobody may read.
SECRET_WORDS = ("hash", "secret", "password", "private", "token", "encrypted")
#: Fields with such a word that hold none: links of the audit chain, fencing tokens, switches.
HARMLESS = {"previous_hash", "entry_hash", "lease_token", "token", "must_change_password", "tokens"}


def names(model: type[Model]) -> str:
    return model._meta.label


@pytest.fixture
def staff(db: None) -> Client:
    person = User.objects.create_superuser("root@example.com", "a long enough word 7")
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def test_there_are_models_to_look_at() -> None:
    assert len(MODELS) > 45


@pytest.mark.parametrize("model", MODELS, ids=names)
def test_a_model_is_registered_and_read_only(model: type[Model]) -> None:
    shown = admin.site._registry[model]
    request = RequestFactory().get("/admin/")
    request.user = User(email="x@example.com", is_staff=True, is_superuser=True)

    assert shown.has_view_permission(request)
    assert not shown.has_add_permission(request)
    assert not shown.has_change_permission(request)
    assert not shown.has_delete_permission(request)


@pytest.mark.parametrize("model", MODELS, ids=names)
def test_no_secret_is_shown(model: type[Model]) -> None:
    shown = admin.site._registry[model]
    request = RequestFactory().get("/admin/")
    request.user = User(email="x@example.com", is_staff=True, is_superuser=True)
    fields = {*shown.get_fields(request, None), *shown.get_list_display(request)}

    leaks = [name for name in map(str, fields) if any(word in name for word in SECRET_WORDS) and name not in HARMLESS]
    assert leaks == []
    assert "data" not in fields


@pytest.mark.parametrize("model", MODELS, ids=names)
def test_lists_search_and_rows_open(staff: Client, model: type[Model]) -> None:
    address = f"admin:{model._meta.app_label}_{model._meta.model_name}"

    assert staff.get(reverse(f"{address}_changelist")).status_code == 200
    if admin.site._registry[model].search_fields:
        assert staff.get(reverse(f"{address}_changelist") + "?q=x").status_code == 200
    assert staff.get(reverse(f"{address}_add")).status_code == 403


def test_rows_of_a_full_workspace_open_without_their_secrets(staff: Client) -> None:
    demo = setup.new_workspace("Demo", is_demo=True, is_pinned_to_sandbox=True)
    seed(demo)
    at = desk(demo)
    key = keys.create_key(at.actor, name="k", limits=keys.KeyLimits(scopes=("messages.read",)))
    made = credentials.create_credential(at.actor, name="c")
    people.invite(at.actor, email="x@example.com", role=Role.VIEWER)
    totp.TOTP.activate(at.user, totp.generate_totp_secret())
    hashes = [key.key.secret_hash, made.credential.secret_hash, Invitation.objects.get().token_hash, at.user.password]
    opened = 0
    for model in admin.site._registry:
        row = model._default_manager.order_by("-pk").first()
        if row is None:
            continue
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row.pk])
        page = staff.get(address)
        assert page.status_code == 200, address
        assert not [text for text in hashes if text in page.content.decode()], address
        assert "sealed:" not in page.content.decode()
        opened += 1

    assert opened > 30


def test_people_without_staff_rights_and_strangers_do_not_get_in() -> None:
    stranger = Client().get("/admin/", follow=True)
    assert stranger.redirect_chain[-1][0].startswith("/accounts/login/")


@pytest.mark.django_db
def test_the_admin_has_no_sign_in_of_its_own() -> None:
    person = User.objects.create_superuser("root@example.com", "a long enough word 7")
    posted = Client().post("/admin/login/?next=/admin/", {"username": person.email, "password": "a long enough word 7"})

    assert posted.status_code == 302
    assert posted["Location"].startswith("/accounts/login/")
    assert desk().client.get("/admin/").status_code in (302, 403)


def act(client: Client, model: type[Model], name: str, row: Model) -> int:
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return client.post(address, {"action": name, "_selected_action": [str(row.pk)]}, follow=True).status_code


def test_acts_go_through_services_and_are_logged(staff: Client) -> None:
    at = desk()
    key = keys.create_key(at.actor, name="k", limits=keys.KeyLimits(scopes=("messages.read",))).key
    credential = credentials.create_credential(at.actor, name="c").credential
    people.invite(at.actor, email="x@example.com", role=Role.VIEWER)
    totp.TOTP.activate(at.user, totp.generate_totp_secret())
    for model, name, row in (
        (ApiKey, "revoke", key), (SmtpCredential, "revoke", credential),
        (Invitation, "revoke", Invitation.objects.get()),
        (Workspace, "stop_sending", at.workspace), (Workspace, "resume_sending", at.workspace),
        (User, "ask_for_new_password", at.user), (User, "remove_second_factor", at.user),
        (User, "close_account", at.user), (User, "open_account", at.user), (User, "sign_out", at.user),
    ):
        assert act(staff, model, name, row) == 200

    logged = set(AuditEntry.objects.filter(actor="root@example.com (admin site)").values_list("action", flat=True))
    assert logged == {
        "key.revoked", "credential.revoked", "invitation.revoked", "workspace.sending_stopped",
        "workspace.sending_resumed", "account.new_password_asked", "account.second_factor_removed", "account.closed",
        "account.opened",
    }


def test_staff_without_superuser_rights_look_and_do_nothing(db: None) -> None:
    at = desk()
    User.objects.filter(pk=at.user.pk).update(is_staff=True)
    key = keys.create_key(at.actor, name="k", limits=keys.KeyLimits(scopes=("messages.read",))).key

    assert at.client.get(reverse("admin:core_apikey_changelist")).status_code == 200
    act(at.client, ApiKey, "revoke", key)
    key.refresh_from_db()
    assert key.revoked_at is None


def test_a_long_list_is_not_counted_to_its_end(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relayhub.core.admin.COUNT_LIMIT", 3)
    workspace = setup.new_workspace("Many")
    Contact.objects.bulk_create(
        Contact(workspace=workspace, email=f"c{number}@example.com", email_key=f"c{number}@example.com")
        for number in range(5)
    )

    page = staff.get(reverse("admin:campaigns_contact_changelist"))
    assert page.status_code == 200
    assert page.context["cl"].result_count == 3
