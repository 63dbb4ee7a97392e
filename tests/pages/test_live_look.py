"""Live in a real browser: how it looks, and that its figures follow by events of the real web server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from relayhub.core import live_response
from relayhub.core.clock import now
from relayhub.core.live_feed import announce
from relayhub.relay import lane_controls
from relayhub.relay.models import Lane, SiteRecord
from tests.pages.marketer_rows import Desk, desk
from tests.pages.test_live import defer, lane_with
from tests.support.browser import Browsing
from tests.support.relay_rows import make_message, make_recipients
from tests.support.web_server import web_server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


def busy() -> tuple[Desk, Lane]:
    at = desk()
    for site, provider in (("google", "Google"), ("microsoft-consumer", "Microsoft consumer")):
        SiteRecord.objects.create(domain=f"{site}.example", site=site, provider=provider, outcome="ok",
                                  expires_at=now() + timedelta(hours=1))
    slow = lane_with(at, "microsoft-consumer", 14, slug="broadcast", max_per_minute=60,
                     backoff_reason="Asked to slow down.", backoff_until=now() + timedelta(seconds=20))
    defer(slow, ["temporarily rate limited due to IP reputation, see https://postmaster.live.com"] * 9
          + ["service not available, closing channel"] * 2)
    google = lane_with(at, "google", 8, slug="broadcast")
    paused = lane_with(at, "a-very-long-name-of-a-mail-host.stonemill.example", 3, slug="broadcast")
    lane_controls.pause_site(at.actor, paused, reason="Their server is being moved, resume after 14:00.")
    lane_with(at, "smtp://smtp.a-very-long-name-of-a-smarthost.example.com:587", 2)
    return at, google


def test_the_pages_look_right(look: Callable[..., None]) -> None:
    look(desk(), reverse("live"), "live-empty")


def test_the_busy_pages_look_right(look: Callable[..., None]) -> None:
    at, lane = busy()

    look(at, reverse("live"), "live")
    look(at, reverse("live-lane", args=[lane.pk]), "live-lane")


def test_a_lost_connection_is_told_and_so_is_its_return(browse: Browsing) -> None:
    at, _ = busy()
    page = browse(at)
    state = page.locator("[data-live-state]")
    page.route("**/live/feed*", lambda route: route.abort())
    page.goto(reverse("live"))

    expect(state).to_contain_text("Connection lost", timeout=30_000)
    page.unroute("**/live/feed*")

    expect(state).to_have_text("Asked every 3 s", timeout=30_000)
    browse.errors[:] = [error for error in browse.errors if "ERR_FAILED" not in error]


def test_figures_follow_and_a_click_pauses(browse: Browsing) -> None:
    at, lane = busy()
    with web_server() as port:
        browse.base_url = f"http://127.0.0.1:{port}"
        page = browse(at)
        page.goto(reverse("live"))
        waiting = page.locator("[data-live-key='live-waiting']")
        expect(waiting).to_have_text("27")
        expect(page.locator("[data-live-state]")).to_have_text("Live")
        assert live_response.open_streams() == 1

        make_recipients(make_message(lane.stream), lane, ["late@google.example"])
        announce(at.workspace.pk)
        expect(waiting).to_have_text("28")
        expect(page.locator(".rh-lane", has_text="Google").locator("dd").first).to_have_text("9")
        page.locator(".rh-lane", has_text="Google").get_by_role("button", name="Pause").click()
        expect(page.locator(".rh-lane", has_text="Google")).to_contain_text("Paused")
        page.close()
    lane.refresh_from_db()
    assert lane.paused_at is not None
