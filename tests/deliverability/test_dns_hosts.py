"""Whose DNS a domain is in, by its name servers."""

from __future__ import annotations

import pytest

from deliverability import domains
from deliverability.dns_hosts import dns_host
from deliverability.models import SendingDomain
from tests.pages.marketer_rows import desk
from tests.support.dns_server import DnsServer
from tests.support.domain_pages import dns

__all__ = ["dns"]


@pytest.mark.parametrize(("servers", "name"), [
    (["ada.ns.cloudflare.com", "bob.ns.cloudflare.com."], "Cloudflare"),
    (["ns-1.awsdns-00.co.uk", "ns-99.awsdns-12.com", "ns-7.awsdns-3.org"], "Amazon Route 53"),
    (["NS1.DOMAINCONTROL.COM"], "GoDaddy"),
    (["ns1-01.azure-dns.com", "ns2-01.azure-dns.net"], "Azure DNS"),
    (["hydrogen.ns.hetzner.com", "helium.ns.hetzner.de"], "Hetzner"),
])
def test_a_known_provider_is_told_by_its_name_servers(servers: list[str], name: str) -> None:
    host = dns_host(servers)

    assert host is not None
    assert host.name == name
    assert host.path
    assert host.hints


@pytest.mark.parametrize("servers", [
    [], ["ns1.shop.example"], ["notdomaincontrol.com"], ["ada.ns.cloudflare.com.evil.example"],
    ["ada.ns.cloudflare.com", "ns1.domaincontrol.com"], ["ada.ns.cloudflare.com", "ns1.shop.example"],
])
def test_nobody_is_guessed_where_it_is_not_sure(servers: list[str]) -> None:
    assert dns_host(servers) is None


@pytest.mark.django_db
def test_a_look_keeps_the_name_servers_of_the_zone_and_a_silent_dns_does_not_forget_them(dns: DnsServer) -> None:
    at = desk()
    domain = domains.add_domain(at.actor, at.workspace, "news.shop.example")[0]
    dns.zone["shop.example"] = {"NS": ["Bob.ns.cloudflare.com", "ada.ns.cloudflare.com"]}

    domains.verify(domain)
    assert SendingDomain.objects.get().name_servers == ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"]

    dns.zone["shop.example"] = {"NS": "SERVFAIL"}
    domains.verify(domain)
    assert SendingDomain.objects.get().name_servers == ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"]
