"""Routes: rules are added, moved, changed and removed; the way is explained; going live looks before it leaps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse

from deliverability import domains
from relayhub.core import resolver
from relayhub.core.models import AuditEntry, Role
from relayhub.relay import routes
from relayhub.relay.models import Route
from relayhub.relay.routes import RouteInput
from relayhub.site import setup
from tests.pages.marketer_rows import Desk, desk
from tests.support.deliverability_rows import make_domain, published
from tests.support.dns_server import DnsServer, dns_server
from tests.support.relay_rows import make_lane, make_message, make_recipients
from tests.support.smtp_sink import smtp_sink

pytestmark = pytest.mark.django_db

SMARTHOST = {
    "kind": "smtp", "host": "smtp.example.com", "port": "587", "username": "me@x", "password": "p/a:s@s",
    "tls": "required", "weight": "100", "dkim": "on",
}


@pytest.fixture(autouse=True)
def _sandbox(settings: Any) -> None:
    settings.RELAYHUB_DEFAULT_ROUTE = "sandbox"
    routes.forget()


@pytest.fixture
def dns(settings: Any) -> Iterator[DnsServer]:
    with dns_server() as server:
        settings.RELAYHUB_DNS_SERVERS = (server.address,)
        resolver.clear_cache()
        yield server


def add(at: Desk, transport: str, **given: Any) -> Route:
    return routes.create_route(at.actor, RouteInput(transport=transport, **given))


def order(at: Desk) -> list[str]:
    return list(Route.objects.filter(workspace=at.workspace).order_by("position").values_list("transport", flat=True))


def test_the_last_rule_is_shown_and_not_editable() -> None:
    at = desk()
    page = at.client.get(reverse("route-list")).content.decode()

    assert "Set by RELAYHUB_DEFAULT_ROUTE" in page
    assert "kept in the sandbox inbox" in page
    assert page.count('<li class="rh-rule') == 1
    assert "Edit" not in page
    assert reverse("route-go-live") in page


def test_a_smarthost_is_added_with_its_login_sealed() -> None:
    at = desk()

    answer = at.client.post(reverse("route-new"), {**SMARTHOST, "domains": "own.example\n*.own.example"})
    page = at.client.get(reverse("route-list")).content.decode()
    route = Route.objects.get()
    rule = routes.rule_of(route)

    assert answer["Location"] == reverse("route-list")
    assert (rule.transport.username, rule.transport.password, rule.tls) == ("me@x", "p/a:s@s", "required")
    assert route.match_domains == ["*.own.example", "own.example"]
    assert "smtp://smtp.example.com:587" in page
    assert "signs in, TLS required" in page
    for address in (reverse("route-list"), reverse("route-edit", args=[route.public_id])):
        shown = at.client.get(address).content.decode()
        assert "p/a:s@s" not in shown
        assert "me@x" not in shown
    assert AuditEntry.objects.filter(action="route.created", workspace=at.workspace).count() == 1


def test_editing_keeps_the_login_while_the_host_stays() -> None:
    at = desk()
    at.client.post(reverse("route-new"), SMARTHOST)
    route = Route.objects.get()
    address = reverse("route-edit", args=[route.public_id])
    same = {**SMARTHOST, "username": "", "password": "", "weight": "50"}

    at.client.post(address, same)
    kept = routes.rule_of(Route.objects.get()).transport.password
    at.client.post(address, {**same, "forget_secret": "on"})
    gone = routes.rule_of(Route.objects.get()).transport.password

    assert (kept, gone) == ("p/a:s@s", "")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"host": ""}, "Write the host"), ({"password": ""}, "A login is a user and a password"),
        ({"host": "not a host"}, "A transport is one of"), ({"domains": "no domain!"}, "is not a domain"),
        ({"kind": "anymail"}, "Choose the provider"), ({"weight": "x"}, "whole number"),
        ({"kind": "anymail", "provider": "mailgun", "provider_settings": "nonsense"}, "name=value"),
    ],
)
def test_bad_input_is_said_at_its_field_and_kept(changes: dict[str, str], words: str) -> None:
    at = desk()

    answer = at.client.post(reverse("route-new"), {**SMARTHOST, "name": "My house", **changes})

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert "My house" in answer.content.decode()
    assert "p/a:s@s" not in answer.content.decode()
    assert not Route.objects.exists()


def test_a_provider_is_stored_with_its_settings() -> None:
    at = desk()
    at.client.post(reverse("route-new"), {
        "kind": "anymail", "provider": "mailgun", "weight": "100",
        "provider_settings": "api_key=k=1\n\nsender_domain=d",
    })

    assert routes.rule_of(Route.objects.get()).transport.settings == (("api_key", "k=1"), ("sender_domain", "d"))


def test_rules_are_moved_and_removed() -> None:
    at = desk()
    first, _ = add(at, "direct", domains=["a.example"]), add(at, "smtp://b.example", domains=["b.example"])

    at.client.post(reverse("route-move", args=[first.public_id]), {"to": "down"})
    moved = order(at)
    asked = at.client.get(reverse("route-delete", args=[first.public_id]))
    still = Route.objects.count()
    at.client.post(reverse("route-delete", args=[first.public_id]))

    assert moved == ["smtp://b.example:25", "direct"]
    assert "Delete rule 2?" in asked.content.decode()
    assert still == 2
    assert order(at) == ["smtp://b.example:25"]
    assert AuditEntry.objects.filter(action="route.moved").count() == 1


def test_deleting_says_how_many_wait_and_that_the_sandbox_follows() -> None:
    at = desk()
    route = add(at, "smtp://house.example")
    stream = at.workspace.streams.get(slug="transactional")
    lane = make_lane(stream, "smtp://house.example:25")
    make_recipients(make_message(stream), lane, ["x@y.example", "z@y.example"])

    page = at.client.get(reverse("route-delete", args=[route.public_id])).content.decode()

    assert "2 recipients wait for this way now" in page
    assert "Mail stays inside again" in page


def test_the_way_is_explained_with_those_that_lost() -> None:
    at = desk()
    add(at, "lmtp://store.example", domains=["town.example"], name="Own town")
    add(at, "direct", streams=["broadcast"])
    address = reverse("route-list")

    town = at.client.get(address, {"address": "x@town.example", "stream": "transactional"}).content.decode()
    other = at.client.get(address, {"address": "x@y.example", "stream": "broadcast", "from_domain": "shop.example"})
    wrong = at.client.get(address, {"address": "nobody", "stream": "transactional"}).content.decode()

    assert "Own town, <span class=\"mono\">lmtp://store.example:24</span>, because the domain is town.example" in town
    assert "it is for broadcast only, not for transactional" in town
    assert "It would be held" in other.content.decode()
    assert "is-invalid" in wrong


def test_health_tells_what_backs_off() -> None:
    at = desk()
    add(at, "smtp://house.example")
    stream = at.workspace.streams.get(slug="transactional")
    lane = make_lane(stream, "smtp://house.example:25", backoff_reason="No conversation came about.")
    make_recipients(make_message(stream), lane, ["x@y.example"])

    page = at.client.get(reverse("route-list")).content.decode()

    assert "It is backed off: No conversation came about." in page
    assert "Failing" in page
    assert "1 recipient waiting" in page


def test_others_may_look_and_not_change() -> None:
    owner = desk()
    route = add(owner, "direct")
    viewer = desk(owner.workspace, role=Role.VIEWER, email="v@example.com")
    stranger = desk(setup.new_workspace("Other"), email="o@example.com")

    page = viewer.client.get(reverse("route-list")).content.decode()

    assert reverse("route-edit", args=[route.public_id]) not in page
    assert "Go live" not in page.partition("<main")[2]
    assert viewer.client.post(reverse("route-new"), SMARTHOST).status_code == 403
    assert viewer.client.post(reverse("route-delete", args=[route.public_id])).status_code == 403
    for name in ("route-edit", "route-delete"):
        assert stranger.client.get(reverse(name, args=[route.public_id])).status_code == 404
    for name in ("route-move", "route-check"):
        assert stranger.client.post(reverse(name, args=[route.public_id]), {"to": "up"}).status_code == 404


def test_going_live_stores_the_way_and_switches_a_rival_off(dns: DnsServer) -> None:
    at = desk()
    domain = make_domain(actor=at.actor)
    dns.zone.update(published(domain))
    domains.verify(domain)
    add(at, "sandbox", name="Practice")
    with smtp_sink(users={"me": "secret"}) as house:
        given = {"kind": "smtp", "host": "127.0.0.1", "port": house.port, "username": "me", "password": "secret"}
        checked = at.client.post(reverse("route-go-live"), {**given, "act": "check"})
        before = Route.objects.count()
        answer = at.client.post(reverse("route-go-live"), {**given, "act": "live"})

    assert "Ready: nothing stands in the way" in checked.content.decode()
    assert before == 1
    assert answer["Location"] == reverse("route-list")
    assert list(Route.objects.order_by("position").values_list("transport", "weight")) == [
        ("sandbox", 0), (f"smtp://127.0.0.1:{house.port}", 100),
    ]
    routes.forget()
    assert not routes.workspace_in_sandbox(at.workspace.pk)


def test_not_going_live_says_what_blocks_and_keeps_what_was_typed() -> None:
    at = desk()
    with smtp_sink(users={"me": "secret"}) as house:
        answer = at.client.post(reverse("route-go-live"), {
            "kind": "smtp", "host": "127.0.0.1", "port": house.port, "username": "me", "password": "wrong",
            "act": "live",
        })
    page = answer.content.decode()

    assert answer.status_code == 409
    assert "No domain is verified" in page
    assert "535" in page
    assert f'value="{house.port}"' in page
    assert not Route.objects.exists()
    assert "no-store" in answer["Cache-Control"]


def test_a_pinned_workspace_cannot_go_live() -> None:
    at = desk()
    at.workspace.is_pinned_to_sandbox = True
    at.workspace.save(update_fields=["is_pinned_to_sandbox"])

    answer = at.client.post(reverse("route-go-live"), {"kind": "direct", "act": "live"})

    assert answer.status_code == 422
    assert b"Pinned to the sandbox" in answer.content
    assert not Route.objects.exists()


def test_a_rule_can_be_knocked_at() -> None:
    at = desk()
    with smtp_sink(users={"me": "secret"}) as house:
        route = add(at, f"smtp://me:secret@127.0.0.1:{house.port}")
        answer = at.client.post(reverse("route-check", args=[route.public_id]), follow=True)

    assert b"takes our login" in answer.content
