"""The API page in a real browser: empty and full, and the way from no key to a copied one to a revoked one."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from relayhub.core import keys
from relayhub.core.clock import now
from relayhub.core.models import ApiKey
from relayhub.relay import credentials
from tests.pages.marketer_rows import desk
from tests.support.browser import Browsing
from tests.support.door_rows import make_domain

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


def test_an_empty_and_a_full_page_look_right(look: Callable[..., None]) -> None:
    at = desk()
    look(at, "/programs", "api-empty")
    look(at, "/programs/smtp", "smtp-empty")
    make_domain(at.workspace, "orders.northwind-bakery.example")
    limits = keys.KeyLimits(
        scopes=("messages.read", "messages.write", "events.read"), domains=("orders.northwind-bakery.example",),
        streams=("transactional",), networks=("198.51.100.0/24",), expires_at=now() + timedelta(days=6),
    )
    for name in ("shop-checkout", "warehouse-sync"):
        keys.note_use(keys.create_key(at.actor, name=name, limits=limits).key)
        credentials.create_credential(at.actor, name=name, networks=("10.0.0.0/8",))
    look(at, "/programs", "api-full")
    look(at, "/programs/smtp", "smtp-full")
    look(at, "/programs/keys/new", "api-new")
    look(at, "/programs/smtp/new", "smtp-new")


def test_a_key_is_made_shown_once_and_revoked(browse: Browsing) -> None:
    page = browse(desk())

    page.goto("/programs")
    page.get_by_role("link", name="New key").first.click()
    page.get_by_label("Name").fill("shop")
    page.get_by_role("button", name="Make the key").click()
    page.get_by_role("heading", name="Key “shop” is made. Copy it now.").wait_for()
    assert keys.find_key(page.locator("#new-key-text").inner_text())
    page.get_by_role("tab", name="Node").click()
    assert "await fetch" in page.locator("#example-node").inner_text()
    assert not page.locator("#example-curl").is_visible()

    page.reload()
    assert page.locator("#new-key-text").count() == 0
    page.get_by_role("button", name="Revoke shop").click()
    dialog = page.get_by_role("dialog")
    assert dialog.locator("h2").inner_text() == "Revoke “shop”?"
    assert dialog.locator("li").count() == 0
    page.get_by_role("button", name="Revoke 1 key").click()
    page.get_by_text(re.compile("Revoked “shop”")).wait_for()
    assert ApiKey.objects.get().revoked_at is not None


def test_every_example_can_be_read_without_script(browse: Browsing) -> None:
    page = browse(desk(), script=False)

    page.goto("/programs")

    assert page.locator("#example-curl").is_visible()
    assert page.locator("#example-node").is_visible()
