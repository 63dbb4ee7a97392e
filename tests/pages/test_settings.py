"""The settings: workspace and footer, people and roles, sign-in and sessions, the stop, the audit log."""

from __future__ import annotations

import re
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth import password_validation
from django.db import connection
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from relayhub.core import audit_check, jobs, keys, people
from relayhub.core.clock import now
from relayhub.core.errors import ConflictError, ForbiddenError
from relayhub.core.models import AuditEntry, Invitation, Job, Member, Role, User, Workspace
from relayhub.site import audit_words, setup
from tests.pages.marketer_rows import Desk, desk

pytestmark = pytest.mark.django_db

WORKSPACE = {
    "name": "Northwind Bakery", "timezone": "Europe/Copenhagen", "language": "de", "brand_colour": "#0b6470",
    "brand_font": "system", "company": "Northwind ApS",
    "postal_address": "Kornvej 12\n2100 København", "adds_footer": "on", "footer_html": "",
    "refused_attachments": "exe js", "max_attachment_mib": "",
}


def text_of(page: bytes) -> str:
    return unescape(page.decode())


def colleague(at: Desk, role: str, email: str = "ines@example.com") -> Desk:
    return desk(at.workspace, role=role, email=email)


def test_the_workspace_is_changed_and_the_log_says_by_whom() -> None:
    at = desk()
    answer = at.client.post(reverse("settings-home"), WORKSPACE, follow=True)
    workspace = Workspace.objects.get(pk=at.workspace.pk)

    assert (workspace.company, workspace.timezone, workspace.language) == ("Northwind ApS", "Europe/Copenhagen", "de")
    assert "Unsubscribe: (link)" in text_of(answer.content)
    entry = AuditEntry.objects.get(action="workspace.changed")
    assert (entry.actor, entry.ip, entry.after["company"]) == (at.user.email, "127.0.0.1", "Northwind ApS")


def test_attachments_that_are_not_taken_are_chosen_in_any_spelling() -> None:
    at = desk()

    chosen = {"refused_attachments": ".EXE, *.iso", "max_attachment_mib": "10"}
    at.client.post(reverse("settings-home"), WORKSPACE | chosen)

    workspace = Workspace.objects.get(pk=at.workspace.pk)
    assert (workspace.refused_attachments, workspace.max_attachment_mib) == (["exe", "iso"], 10)
    assert "exe iso" in text_of(at.client.get(reverse("settings-home")).content)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"refused_attachments": "exe a/b"}, "“a/b” is not the ending of a file"),
        ({"name": " "}, "This field is required"),
        ({"footer_html": "<p>No way out</p>"}, "needs {{ unsubscribe_url }}"),
        ({"footer_html": "<p>{{ unsubscribe_url }}{% for %}</p>"}, "Line 1:"),
        ({"footer_html": "{{ unsubscribe_url }} {{ nonsense }}"}, "There is no field “nonsense”"),
        ({"brand_colour": "red"}, "Write it as #0b6470"),
        ({"timezone": "Mars/Base"}, "Mars/Base"),
    ],
)
def test_a_bad_value_comes_back_with_the_text(change: dict[str, str], words: str) -> None:
    at = desk()
    answer = at.client.post(reverse("settings-home"), {**WORKSPACE, **change})

    assert answer.status_code == 422
    assert words in text_of(answer.content)
    assert "Kornvej 12" in text_of(answer.content)
    assert Workspace.objects.get(pk=at.workspace.pk).company == ""


def test_readers_see_the_workspace_without_a_form() -> None:
    at = desk(role=Role.VIEWER)
    page = text_of(at.client.get(reverse("settings-home")).content)

    assert "An admin or owner can change it" in page
    assert 'name="company"' not in page
    assert at.client.post(reverse("settings-home"), WORKSPACE).status_code == 403
    assert at.client.get(reverse("settings-audit")).status_code == 403
    assert reverse("settings-audit") not in page


def test_an_invitation_shows_its_link_once_and_lets_somebody_in() -> None:
    at = desk()
    setup.new_workspace("First", is_first=True)
    shown = text_of(at.client.post(
        reverse("settings-people"), {"email": "tomas@example.com", "role": "marketer"}, follow=True
    ).content)
    link = re.search(r"/invitations/([a-z2-7]+)", shown)

    assert link
    assert "Give them this link" in shown
    assert link[1] not in text_of(at.client.get(reverse("settings-people")).content)
    guest = Client()
    guest.post(f"/invitations/{link[1]}", {"display_name": "Tomás", "password": "a long enough word 9"})
    assert Member.objects.get(user__email="tomas@example.com").role == Role.MARKETER


def test_an_invitation_that_is_sent_twice_at_once_makes_one_account(monkeypatch: pytest.MonkeyPatch) -> None:
    link = people.invite(desk().actor, email="tomas@example.com", role="viewer").link
    path, answer = link[link.index("/invitations/"):], {"display_name": "Tomás", "password": "a long enough word 9"}
    checked = password_validation.validate_password

    def meanwhile(*given: object) -> None:
        checked(*given)  # type: ignore[arg-type]
        monkeypatch.setattr(password_validation, "validate_password", checked)
        Client().post(path, answer)

    monkeypatch.setattr(password_validation, "validate_password", meanwhile)
    second = Client().post(path, answer, follow=True)

    assert second.status_code == 404
    assert "was used already" in text_of(second.content)
    assert User.objects.filter(email="tomas@example.com").count() == 1


def test_a_bad_invitation_comes_back_with_the_text() -> None:
    at = desk()
    wrong = at.client.post(reverse("settings-people"), {"email": "not an address", "role": "viewer"})
    twice = at.client.post(reverse("settings-people"), {"email": at.user.email, "role": "viewer"})

    assert (wrong.status_code, twice.status_code) == (422, 422)
    assert "not an address" in text_of(wrong.content)
    assert "is a member already" in text_of(twice.content)
    assert not Invitation.objects.exists()


def test_nobody_gives_or_takes_more_than_they_hold() -> None:
    at = desk()
    admin = colleague(at, Role.ADMIN)
    owner_row = Member.objects.get(user=at.user)
    admin_row = Member.objects.get(user=admin.user)
    page = text_of(admin.client.get(reverse("settings-people")).content)

    assert 'value="owner"' not in page
    assert admin.client.post(reverse("settings-member-role", args=[admin_row.public_id]),
                             {"role": "owner"}).status_code == 403
    assert admin.client.post(reverse("settings-member-role", args=[owner_row.public_id]),
                             {"role": "viewer"}).status_code == 403
    assert admin.client.post(reverse("settings-member-remove", args=[owner_row.public_id])).status_code == 403
    refused = admin.client.post(reverse("settings-people"), {"email": "x@example.com", "role": "owner"})
    assert refused.status_code == 422
    with pytest.raises(ForbiddenError):
        people.invite(admin.actor, email="x@example.com", role=Role.OWNER)


def test_a_key_gives_only_roles_whose_permissions_it_holds() -> None:
    at = desk()
    key = keys.create_key(at.actor, name="hr", limits=keys.KeyLimits(scopes=("people.read", "people.write")))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key.text}")

    assert client.get("/api/v1/members").json()["data"][0]["email"] == at.user.email
    assert client.post("/api/v1/invitations", {"email": "x@example.com", "role": "admin"},
                       format="json").status_code == 403


def test_the_last_owner_stays() -> None:
    at = desk()
    row = Member.objects.get(user=at.user)
    page = text_of(at.client.get(reverse("settings-people")).content)

    assert "the last owner, who stays" in page
    for name, data in (("settings-member-role", {"role": "viewer"}), ("settings-member-remove", {})):
        answer = at.client.post(reverse(name, args=[row.public_id]), data)
        assert answer.status_code == 409
    with pytest.raises(ConflictError):
        people.remove_member(at.actor, row)
    assert Member.objects.get().role == Role.OWNER


def test_a_role_is_changed_and_a_member_removed_with_their_invitations() -> None:
    at = desk()
    other = colleague(at, Role.ADMIN)
    row = Member.objects.get(user=other.user)
    people.invite(other.actor, email="later@example.com", role=Role.ADMIN)
    at.client.post(reverse("settings-member-role", args=[row.public_id]), {"role": "viewer"})
    row.refresh_from_db()

    assert row.role == Role.VIEWER
    assert not people.open_invitations(at.workspace).exists()
    at.client.post(reverse("settings-member-remove", args=[row.public_id]))
    assert other.client.get("/", follow=True).redirect_chain[-1][0] == reverse("no-workspace")
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"member.invited", "member.role_changed", "member.removed"} <= actions


def test_people_may_leave_by_themselves() -> None:
    at = desk()
    other = colleague(at, Role.VIEWER)
    row = Member.objects.get(user=other.user)
    other.client.post(reverse("settings-member-remove", args=[row.public_id]))

    assert not Member.objects.filter(pk=row.pk).exists()


def test_rows_of_other_workspaces_are_absent() -> None:
    at, stranger = desk(), desk(setup.new_workspace("Other"), email="o@example.com")
    row = Member.objects.get(user=stranger.user)
    invitation = people.invite(stranger.actor, email="x@example.com", role=Role.VIEWER).invitation

    for name, value in (
        ("settings-member-role", row), ("settings-member-remove", row), ("settings-invitation-revoke", invitation)
    ):
        assert at.client.post(reverse(name, args=[value.public_id]), {"role": "viewer"}).status_code == 404
    assert people.open_invitations(stranger.workspace).exists()


def test_a_taken_back_invitation_opens_nothing() -> None:
    at = desk()
    made = people.invite(at.actor, email="x@example.com", role=Role.VIEWER)
    at.client.post(reverse("settings-invitation-revoke", args=[made.invitation.public_id]))

    assert Client().get(made.link[made.link.index("/invitations/"):]).status_code == 404


def test_a_required_second_factor_asks_everybody() -> None:
    at = desk()
    page = text_of(at.client.get(reverse("settings-security")).content)
    at.client.post(reverse("settings-security-require"), {"requires_mfa": "1"})

    assert "Members who sign in with a password only: 1 of 1." in page
    assert at.client.get("/")["Location"] == reverse("mfa_activate_totp")


def test_sessions_are_listed_and_ended() -> None:
    at = desk()
    elsewhere = Client(headers={"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko Firefox/140.0"})
    elsewhere.post(reverse("account_login"), {"login": at.user.email, "password": "a long enough word 7"})
    assert elsewhere.get("/").status_code == 200
    page = text_of(at.client.get(reverse("settings-security")).content)
    address = re.search(r"/settings/security/sessions/\d+/end", page)

    assert address
    assert "Firefox on Linux" in page
    stranger = desk(setup.new_workspace("Other"), email="o@example.com")
    assert stranger.client.post(address[0]).status_code == 404
    at.client.post(address[0])
    assert elsewhere.get("/").status_code == 302
    assert at.client.get("/").status_code == 200


def test_signing_out_everywhere_else_keeps_this_place() -> None:
    at = desk()
    others = [Client(), Client()]
    for client in others:
        client.post(reverse("account_login"), {"login": at.user.email, "password": "a long enough word 7"})
    answer = at.client.post(reverse("settings-sessions-end"), follow=True)

    assert "Signed out in 2 other places" in text_of(answer.content)
    assert [client.get("/").status_code for client in others] == [302, 302]


def test_the_profile_sets_name_language_and_zone() -> None:
    at = desk()
    at.client.post(reverse("profile"), {"display_name": " Maja  L. ", "timezone": "Asia/Tokyo", "language": "de"})
    bad = at.client.post(reverse("profile"), {"display_name": "M", "timezone": "Nowhere", "language": "de"})
    strange = at.client.post(reverse("profile"), {"display_name": "M", "timezone": "Asia/Tokyo", "language": "xx"})

    user = User.objects.get(pk=at.user.pk)
    assert (user.display_name, user.timezone, user.language) == ("Maja L.", "Asia/Tokyo", "de")
    assert (bad.status_code, strange.status_code) == (422, 422)


def test_pages_follow_the_language_of_their_reader_and_programs_are_answered_in_english() -> None:
    at = desk()
    User.objects.filter(pk=at.user.pk).update(language="pl")

    page = at.client.get(reverse("profile"), headers={"Accept-Language": "fr"})
    stranger = Client().get(reverse("account_login"), headers={"Accept-Language": "nl, fr-CA;q=0.8, de;q=0.5"})
    program = at.client.get("/api/v1/workspace", headers={"Accept-Language": "fr"})

    assert '<html lang="pl" dir="ltr"' in page.content.decode()
    assert (page["Content-Language"], stranger["Content-Language"]) == ("pl", "fr")
    assert program["Content-Language"] == "en"
    assert "Accept-Language" in page["Vary"]


def test_the_stop_needs_a_reason_is_told_everywhere_and_ends() -> None:
    at = desk()
    empty = at.client.post(reverse("settings-sending"), {"reason": "  "})
    at.client.post(reverse("settings-sending"), {"reason": "Wrong prices"})
    home = text_of(at.client.get("/").content)
    twice = at.client.post(reverse("settings-sending"), {"reason": "Again"})

    assert (empty.status_code, twice.status_code) == (422, 422)
    assert "Wrong prices" in home
    assert Workspace.objects.get(pk=at.workspace.pk).sending_stopped_at is not None
    at.client.post(reverse("settings-resume"))
    assert Workspace.objects.get(pk=at.workspace.pk).sending_stopped_at is None
    assert {"workspace.sending_stopped", "workspace.sending_resumed"} <= set(
        AuditEntry.objects.values_list("action", flat=True)
    )


def test_only_those_who_may_change_the_workspace_stop_it() -> None:
    at = desk(role=Role.MARKETER)

    assert at.client.post(reverse("settings-sending"), {"reason": "x"}).status_code == 403
    assert at.client.post(reverse("settings-resume")).status_code == 403
    running = text_of(at.client.get(reverse("settings-sending")).content)
    Workspace.objects.update(sending_stopped_at=now(), sending_stopped_reason="Wrong prices")
    stopped = text_of(at.client.get(reverse("settings-sending")).content)
    assert "An admin or owner can stop it" in running
    assert "An admin or owner can resume it" in stopped
    for page in (running, stopped):
        assert 'name="reason"' not in page
        assert reverse("settings-resume") not in page
    assert reverse("settings-sending") not in text_of(at.client.get(reverse("settings-home")).content)


def test_the_audit_log_is_filtered_and_checked() -> None:
    at, stranger = desk(), desk(setup.new_workspace("Other"), email="o@example.com")
    at.client.post(reverse("settings-home"), WORKSPACE)
    people.invite(at.actor, email="tomas@example.com", role=Role.VIEWER)
    people.invite(stranger.actor, email="secret@example.com", role=Role.VIEWER)

    def shown(query: str) -> str:
        return text_of(at.client.get(reverse("settings-audit") + query).content)

    everything = shown("")
    assert "Workspace changed" in everything
    assert "Northwind ApS" in everything
    assert "secret@example.com" not in everything
    assert "Workspace changed" not in shown("?kind=invitation")
    assert "tomas@example.com" in shown("?q=tomas&period=day")
    assert "No entry matches" in shown("?q=nobody")
    assert "The log is whole" not in everything


def test_a_moment_of_the_audit_log_is_told_in_the_zone_of_the_person() -> None:
    zone = ZoneInfo("Asia/Tokyo")

    assert audit_words.value("expires_at", "2019-12-06 20:58:51.586557+00:00", zone) == "7 Dec 2019, 05:58"
    assert audit_words.value("expires_at", "soon", zone) == "soon"
    assert audit_words.value("expires_at", None, zone) == "–"


def test_the_audit_log_is_checked_as_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_check, "_BATCH", 2)
    at = desk()
    for name in ("a@example.com", "b@example.com", "c@example.com", "d@example.com"):
        people.invite(at.actor, email=name, role=Role.VIEWER)
    total = AuditEntry.objects.filter(workspace=at.workspace).count()

    def checked() -> str:
        page = at.client.post(reverse("settings-audit-check"), follow=True)
        job = Job.objects.filter(kind=audit_check.JOB_KIND).latest("id")
        assert page.redirect_chain[-1][0] == reverse("job-detail", args=[job.public_id])
        assert at.client.post(reverse("settings-audit-check")).url == reverse("job-detail", args=[job.public_id])
        assert "The log is being checked." in text_of(at.client.get(reverse("settings-audit")).content)
        jobs.run_job(job.pk)
        job.refresh_from_db()
        assert job.status == "done"
        ended = text_of(at.client.get(reverse("job-detail", args=[job.public_id])).content)
        assert f'href="{reverse("settings-audit")}">See the result' in ended
        return text_of(at.client.get(reverse("settings-audit")).content)

    whole = checked()
    assert "The log is whole." in whole
    assert f": {total} entries." in whole
    third = AuditEntry.objects.filter(workspace=at.workspace).order_by("id")[total - 2]
    with connection.cursor() as cursor:  # what somebody does who owns the database
        cursor.execute("ALTER TABLE core_auditentry DISABLE TRIGGER USER")
    AuditEntry.objects.filter(pk=third.pk).update(summary="something else")
    broken = checked()
    assert "The chain breaks." in broken
    assert third.public_id in broken
    assert Job.objects.latest("id").result == {"entries": total - 1, "broken": third.public_id}
    AuditEntry.objects.filter(pk=third.pk).delete()
    assert "The chain breaks." in text_of(at.client.get(reverse("settings-audit")).content)


def test_the_same_acts_by_rest() -> None:
    at = desk()
    scopes = ("people.read", "people.write", "audit.read", "workspace.read", "workspace.write", *_marketing())
    key = keys.create_key(at.actor, name="ops", limits=keys.KeyLimits(scopes=scopes))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key.text}")
    other = Member.objects.get(user=colleague(at, Role.VIEWER).user)

    invited = client.post("/api/v1/invitations", {"email": "x@example.com", "role": "viewer"}, format="json")
    assert invited.status_code == 201
    assert "/invitations/" in invited.json()["link"]
    assert client.delete(f"/api/v1/invitations/{invited.json()['id']}").status_code == 204
    changed = client.patch(f"/api/v1/members/{other.public_id}", {"role": "marketer"}, format="json")
    assert changed.json()["role"] == "marketer"
    assert client.delete(f"/api/v1/members/{other.public_id}").status_code == 204
    stopped = client.post("/api/v1/workspace/stop", {"reason": "Wrong prices"}, format="json")
    assert stopped.json()["sending_stopped_reason"] == "Wrong prices"
    assert client.post("/api/v1/workspace/resume").json()["sending_stopped_at"] is None
    assert client.post("/api/v1/workspace/resume").status_code == 409
    log = client.get("/api/v1/audit?kind=member&since=2020-01-01T00:00:00Z").json()["data"]
    assert [entry["action"] for entry in log] == ["member.removed", "member.role_changed"]
    assert client.get("/api/v1/audit?since=yesterday").status_code == 400
    check = client.post("/api/v1/audit/check")
    assert (check.status_code, check.json()["kind"]) == (202, "audit_check")
    jobs.run_job(Job.objects.get(kind="audit_check").pk)
    found = client.get(f"/api/v1/jobs/{check.json()['id']}").json()["result"]
    assert found == {"entries": AuditEntry.objects.filter(workspace=at.workspace).count(), "broken": None}


def _marketing() -> tuple[str, ...]:
    """What a key must hold to make somebody a marketer."""
    return (
        "messages.read", "events.read", "stats.read", "contacts.read", "contacts.write", "lists.read", "lists.write",
        "templates.read", "templates.write", "campaigns.read", "campaigns.write", "campaigns.launch", "domains.read",
        "suppressions.read", "streams.read", "routes.read",
    )
