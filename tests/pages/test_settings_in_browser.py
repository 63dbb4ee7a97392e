"""The settings in a real browser: each tab, and an invitation from form to copied link to a taken back one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from relayhub.core import audit_check, jobs, people, workspaces
from relayhub.core.models import Role, Workspace
from tests.pages.marketer_rows import desk
from tests.support.browser import Browsing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


def test_the_settings_look_right(look: Callable[..., None]) -> None:
    at = desk()
    look(at, "/settings", "settings")
    look(at, "/settings/sending", "settings-sending")
    workspaces.change_workspace(at.actor, company="Northwind ApS", postal_address="Kornvej 12\n2100 København")
    desk(at.workspace, role=Role.ADMIN, email="tomas.ferreira.with.a.long.name@northwind-bakery.example")
    people.invite(at.actor, email="ines.moreau@harbourmail.example", role=Role.MARKETER)
    workspaces.stop_sending(at.actor, "Wrong prices in the Saturday letter")
    jobs.run_job(audit_check.start(at.actor).pk)
    for name in ("people", "security", "audit", "sending", "profile"):
        look(at, f"/settings/{name}", f"settings-{name}-full")


def test_somebody_is_invited_and_the_invitation_taken_back(browse: Browsing) -> None:
    at = desk()
    Workspace.objects.filter(pk=at.workspace.pk).update(is_first=True)
    page = browse(at)

    page.goto("/settings/people")
    page.get_by_label("E-mail address").fill("ines@example.com")
    page.get_by_label("Marketer:").check()
    page.get_by_role("button", name="Invite", exact=True).click()
    link = page.locator("#invitation-link").inner_text()
    guest = browse(None)
    guest.goto(link[link.index("/invitations/"):])
    assert guest.locator("h1").inner_text() == "Join Northwind Bakery"

    other = desk(at.workspace, role=Role.VIEWER, email="tomas@example.com")
    page.reload()
    page.get_by_role("button", name=f"Remove {other.user.display_name}").click()
    assert page.get_by_role("dialog").locator("li").count() == 0
    page.get_by_role("button", name="Keep it as it is").click()
    page.get_by_role("button", name="Take back the invitation of ines@example.com").click()
    page.get_by_text("its link opens nothing", exact=False).wait_for()
    guest.reload()
    assert guest.locator("h1").inner_text() == "This invitation is closed"


@pytest.mark.parametrize("path", ["/settings/audit", "/settings/profile", "/settings"])
def test_the_present_tab_is_in_sight_on_a_phone(browse: Browsing, path: str) -> None:
    page = browse(desk(), 390)

    page.goto(path)

    expect(page.locator(".rh-tabs [aria-current]")).to_be_in_viewport(ratio=1)
