"""Sites of recipient domains: looked up once, kept as rows, failing DNS kept apart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from relayhub.core import resolver
from relayhub.core.clock import now
from relayhub.relay import sites
from relayhub.relay.models import SiteRecord
from tests.support.dns_server import DnsServer, dns_server

pytestmark = pytest.mark.django_db

ZONE = {
    "corp.example": {"MX": [[10, "aspmx.l.google.com"], [20, "alt1.aspmx.l.google.com"]]},
    "town.example": {"MX": [[10, "mx.town.example"]]},
    "bare.example": {"A": ["192.0.2.1"]},
    "quiet.example": {"MX": [[0, ""]]},
    "empty.example": {"TXT": ["no mail"]},
    "broken.example": "SERVFAIL",
}


@pytest.fixture
def dns(settings: Any) -> Iterator[DnsServer]:
    with dns_server(ZONE) as server:
        settings.RELAYHUB_DNS_SERVERS = (server.address,)
        resolver.clear_cache()
        yield server


@pytest.mark.parametrize(
    ("domain", "outcome", "site", "provider"),
    [
        ("corp.example", "ok", "google", "Google"),
        ("town.example", "ok", "town.example", ""),
        ("bare.example", "ok", "bare.example", ""),
        ("quiet.example", "null_mx", sites.NO_MAIL_SITE, ""),
        ("nowhere.example", "no_domain", sites.NO_MAIL_SITE, ""),
        ("empty.example", "no_mail_host", sites.NO_MAIL_SITE, ""),
        ("broken.example", "temporary", "broken.example", ""),
    ],
)
def test_a_look_up_names_site_and_provider(
    dns: DnsServer, domain: str, outcome: str, site: str, provider: str
) -> None:
    record = sites.look_up(domain)

    assert (record.outcome, record.site, record.provider) == (outcome, site, provider)
    assert sites.cached_sites([domain]) == {domain: site}


def test_a_domain_is_asked_for_once_while_its_record_holds(dns: DnsServer) -> None:
    sites.look_up("town.example")
    resolver.clear_cache()
    sites.look_up("town.example")

    assert dns.asked("town.example", "MX") == 1


def test_many_domains_come_together(dns: DnsServer) -> None:
    found = sites.resolve_domains([*ZONE, "nowhere.example", "town.example"])

    assert set(found) == {*ZONE, "nowhere.example"}
    assert SiteRecord.objects.count() == 7


def test_what_dns_could_not_say_is_asked_again_within_minutes(dns: DnsServer) -> None:
    sites.look_up("broken.example")
    dns.zone["broken.example"] = {"MX": [[10, "mx.town.example"]]}

    with time_machine.travel(now() + timedelta(minutes=2), tick=False):
        assert sites.cached_sites(["broken.example"]) == {}
        assert sites.look_up("broken.example").outcome == "ok"
