"""Keys that sign: only what DNS shows, and rotation without a moment unsigned."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dkim as dkimpy
import pytest
import time_machine

from deliverability import domains, signing
from deliverability.models import KeyAlgorithm, KeyState, SendingDomain
from relayhub.core.clock import now
from relayhub.protocol import dkim, headers
from tests.support.deliverability_rows import make_actor, make_domain, published
from tests.support.dns_server import DnsServer, dns_server

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def dns(settings: Any) -> Iterator[DnsServer]:
    with dns_server() as server:
        settings.RELAYHUB_DNS_SERVERS = (server.address,)
        yield server


def selectors(domain: SendingDomain) -> list[str]:
    return [key.selector for key in signing.signing_keys(domain.workspace_id, domain.name)]


def test_nothing_signs_before_its_record_is_seen(dns: DnsServer) -> None:
    domain = make_domain()

    assert selectors(domain) == []


def test_an_ed25519_key_signs_only_while_its_record_stands(dns: DnsServer) -> None:
    domain = make_domain()
    dns.zone.update(published(domain, without="dkim_ed25519"))
    domains.verify(domain)
    rsa_only = selectors(domain)
    dns.zone.update(published(domain))
    domains.verify(domain)
    both = selectors(domain)
    for name in list(dns.zone):
        if name.startswith(f"{both[0]}._domainkey"):
            del dns.zone[name]
    domains.verify(domain)

    assert len(rsa_only) == 1
    assert len(both) == 2
    assert selectors(domain) == rsa_only


def test_what_they_sign_verifies_against_the_published_records(dns: DnsServer) -> None:
    domain = make_domain()
    dns.zone.update(published(domain))
    domains.verify(domain)
    raw = b"From: a@shop.example\r\nSubject: x\r\n\r\nHello\r\n"

    keys = signing.signing_keys(domain.workspace_id, domain.name)
    block, body_at = headers.parse_message(raw)
    field = dkim.sign(block, raw[body_at:], keys, signed_at=datetime(2026, 11, 24, tzinfo=UTC))

    def look_up(name: bytes, timeout: int = 5) -> bytes:
        return str(dns.zone[name.decode().rstrip(".")]["TXT"][0]).encode()

    signed = field + raw
    assert dkimpy.DKIM(signed).verify(0, dnsfunc=look_up)
    assert dkimpy.DKIM(signed).verify(1, dnsfunc=look_up)


def test_a_rotation_switches_once_dns_shows_the_new_key(dns: DnsServer) -> None:
    actor, domain = make_actor(), make_domain()
    dns.zone.update(published(domain))
    domains.verify(domain)
    old = selectors(domain)

    made = signing.rotate(actor, domain)
    domains.verify(domain)
    before_publishing = selectors(domain)
    dns.zone.update(published(domain))
    verified = domains.verify(domain)

    assert before_publishing == old
    assert set(selectors(domain)) == {key.selector for key in made}
    assert verified.status == "verified"
    assert {key.state for key in verified.keys.filter(selector__in=old)} == {KeyState.RETIRING}


def test_rotating_twice_makes_one_pair(dns: DnsServer) -> None:
    actor, domain = make_actor(), make_domain()
    dns.zone.update(published(domain))
    domains.verify(domain)

    first = signing.rotate(actor, domain)
    second = signing.rotate(actor, domain)

    assert [key.pk for key in first] == [key.pk for key in second]


def test_during_a_rotation_only_the_key_that_signs_is_required(dns: DnsServer) -> None:
    actor, domain = make_actor(), make_domain()
    dns.zone.update(published(domain))
    domains.verify(domain)
    old_rsa = domain.keys.get(algorithm=KeyAlgorithm.RSA).selector

    signing.rotate(actor, domain)

    required = [r.name for r in domains.records(domain) if r.kind == "dkim" and r.required]
    assert required == [f"{old_rsa}._domainkey.shop.example"]


def test_an_old_key_retires_for_good_when_mail_in_flight_is_gone(dns: DnsServer) -> None:
    actor, domain = make_actor(), make_domain()
    dns.zone.update(published(domain))
    domains.verify(domain)
    old = selectors(domain)
    signing.rotate(actor, domain)
    dns.zone.update(published(domain))
    domains.verify(domain)

    with time_machine.travel(now() + signing.RETIRING_FOR + timedelta(minutes=1), tick=False):
        domains.verify(domain)

    assert {key.state for key in domain.keys.filter(selector__in=old)} == {KeyState.RETIRED}
    assert not any(old[0] in record.name for record in domains.records(domain))
