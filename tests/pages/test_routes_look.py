"""Routes and streams in a real browser: how they look, and one way through each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from relayhub.relay import controls, routes
from relayhub.relay.models import Route
from relayhub.relay.routes import RouteInput
from tests.pages.marketer_rows import Desk, desk
from tests.support.browser import Browsing
from tests.support.relay_rows import make_lane, make_message, make_recipients

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


def add(at: Desk, transport: str, **given: Any) -> None:
    routes.create_route(at.actor, RouteInput(transport=transport, **given))


def filled() -> Desk:
    at = desk()
    routes.forget()
    own = ["northwind.example", "*.northwind.example"]
    add(at, "lmtp://store.northwind.example", domains=own, name="Our own people")
    add(at, "smtp://me:secret@smtp.a-very-long-name-of-a-smarthost.example.com:587", tls="required", weight=50)
    add(at, "direct", streams=["broadcast"], weight=0, name="Newsletters, tried in spring")
    stream = at.workspace.streams.get(slug="transactional")
    site = "smtp://smtp.a-very-long-name-of-a-smarthost.example.com:587"
    lane = make_lane(stream, site, backoff_reason="No conversation came about.")
    make_recipients(make_message(stream), lane, ["x@y.example"])
    controls.pause_stream(at.actor, at.workspace.streams.get(slug="broadcast"), reason="Waiting for the new domain")
    return at


def test_the_pages_look_right(look: Callable[..., None]) -> None:
    at = desk()
    look(at, reverse("route-list"), "routes-empty")
    look(at, reverse("route-go-live"), "go-live")


def test_the_filled_pages_look_right(look: Callable[..., None]) -> None:
    at = filled()
    route = Route.objects.get(position=2)

    look(at, reverse("route-list") + "?address=x@northwind.example&stream=broadcast&from_domain=", "routes")
    look(at, reverse("route-edit", args=[route.public_id]), "route-edit")
    look(at, reverse("route-delete", args=[route.public_id]), "route-delete")
    look(at, reverse("stream-list"), "streams")
    look(at, reverse("stream-pause", args=[at.workspace.streams.get(slug="system").public_id]), "stream-pause")


def test_a_rule_is_added_and_asked_for(browse: Browsing) -> None:
    at = desk()
    page = browse(at)

    page.goto(reverse("route-new"))
    page.get_by_label("Mail store of your own, LMTP").check()
    page.get_by_label("Host", exact=True).fill("store.example")
    page.get_by_label("Recipient domains").fill("town.example")
    assert not page.get_by_label("Settings of the provider").is_visible()
    page.get_by_role("button", name="Add the rule").click()
    page.wait_for_url("**/routes")
    page.get_by_label("Recipient", exact=True).fill("mayor@town.example")
    page.get_by_role("button", name="Show the way").click()

    assert "Into the mail store store.example by LMTP" in page.locator("#which-way").inner_text()
    assert Route.objects.get().match_domains == ["town.example"]
