"""Going live looks before it leaps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from deliverability import domains
from relayhub.core import resolver
from relayhub.core.access import Actor
from relayhub.core.errors import ConflictError, InputError
from relayhub.relay import go_live, routes
from relayhub.relay.models import Route
from relayhub.relay.routes import RouteInput
from tests.support.deliverability_rows import make_actor, make_domain, published
from tests.support.dns_server import DnsServer, dns_server
from tests.support.smtp_sink import smtp_sink

pytestmark = pytest.mark.django_db


@pytest.fixture
def dns(settings: Any) -> Iterator[DnsServer]:
    with dns_server() as server:
        settings.RELAYHUB_DNS_SERVERS = (server.address,)
        resolver.clear_cache()
        yield server


@pytest.fixture
def actor(dns: DnsServer) -> Actor:
    domain = make_domain()
    dns.zone.update(published(domain))
    domains.verify(domain)
    return make_actor()


def verdicts(checks: list[go_live.GoLiveCheck]) -> dict[str, bool]:
    return {check.name: check.is_ok for check in checks}


def test_a_smarthost_that_takes_the_login_goes_live(actor: Actor) -> None:
    with smtp_sink(users={"me": "secret"}) as house:
        route = go_live.go_live(actor, RouteInput(transport=f"smtp://me:secret@127.0.0.1:{house.port}"))

    assert route.transport == f"smtp://127.0.0.1:{house.port}"
    assert "MAIL" not in house.verbs()


def test_a_smarthost_that_refuses_the_login_does_not(actor: Actor) -> None:
    with smtp_sink(users={"me": "secret"}) as house, pytest.raises(ConflictError) as caught:
        go_live.go_live(actor, RouteInput(transport=f"smtp://me:wrong@127.0.0.1:{house.port}"))

    assert "535" in caught.value.message
    assert "wrong" not in caught.value.message
    assert not Route.objects.exists()


def test_without_a_verified_domain_nothing_goes_live(dns: DnsServer) -> None:
    with smtp_sink() as house:
        checks = go_live.go_live_checks(make_actor(), f"smtp://127.0.0.1:{house.port}")

    assert verdicts(checks) == {"domain": False, "smarthost": True}


def test_direct_needs_port_25(actor: Actor, dns: DnsServer, settings: Any) -> None:
    with smtp_sink() as receiver:
        settings.RELAYHUB_MX_DELIVERY_PORT = receiver.port
        closed = go_live.go_live_checks(actor, "direct")
        dns.zone[go_live.PROBE_HOSTS[0]] = {"A": ["127.0.0.1"]}
        resolver.clear_cache()
        opened = go_live.go_live_checks(actor, "direct")

    assert verdicts(closed)["port_25"] is False
    assert verdicts(opened)["port_25"] is True


def test_the_egress_address_is_named_or_looked_up(actor: Actor, dns: DnsServer, settings: Any) -> None:
    settings.RELAYHUB_EGRESS_ADDRESSES = ()
    unknown = verdicts(go_live.go_live_checks(actor, "direct"))["egress"]
    settings.RELAYHUB_EGRESS_ADDRESSES = ("192.0.2.5",)
    named = verdicts(go_live.go_live_checks(actor, "direct"))["egress"]

    assert (unknown, named) == (False, True)


@pytest.mark.parametrize("transport", ["sandbox", "nonsense", "ftp://x"])
def test_only_what_leaves_can_go_live(actor: Actor, transport: str) -> None:
    with pytest.raises(InputError):
        go_live.go_live_checks(actor, transport)


def test_a_provider_is_known_and_has_what_it_needs(actor: Actor) -> None:
    looked = {
        name: go_live.go_live_checks(actor, name)[-1]
        for name in ("anymail:mailgun", "anymail:nobody", "anymail:postmark")
    }

    # Without settings a key may still come from the environment; a name that nobody knows helps none.
    assert {name: check.is_ok for name, check in looked.items()} == {
        "anymail:mailgun": True, "anymail:nobody": False, "anymail:postmark": True,
    }
    assert "there is no provider “nobody”" in looked["anymail:nobody"].message


def test_a_provider_without_its_key_does_not_go_live(actor: Actor) -> None:
    given = RouteInput(transport="anymail:mailgun", provider_settings={"sender_domain": "d.example"})
    stored = routes.create_route(actor, given)

    check = go_live.check_route(actor, stored)[0]

    assert check.is_ok is False
    assert check.message.startswith("anymail:mailgun is not set up: ")
    assert "API_KEY" in check.message.upper()
