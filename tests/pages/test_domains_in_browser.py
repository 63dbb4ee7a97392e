"""The domain pages as people see them: both widths, both themes, and the way of a newcomer by clicks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.urls import reverse

from deliverability import domains
from deliverability.models import SendingDomain
from relayhub.core.clock import now
from tests.pages.marketer_rows import desk
from tests.support.browser import Browsing
from tests.support.deliverability_rows import published
from tests.support.dns_server import DnsServer
from tests.support.domain_pages import dns

__all__ = ["dns"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


def test_the_pages_of_a_new_domain(dns: DnsServer, look: Callable[..., None]) -> None:
    at = desk()
    look(at, reverse("domain-list"), "domains-empty")
    look(at, reverse("domain-new"), "domain-new")
    domain = domains.add_domain(at.actor, at.workspace, "news.northwind-bakery.example")[0]
    look(at, reverse("domain-detail", args=[domain.public_id]), "domain-added")


def test_the_pages_of_domains_with_a_past(dns: DnsServer, look: Callable[..., None]) -> None:
    at = desk()
    for name in ("northwind-bakery.example", "orders.northwind-bakery.example", "shop.northwind-bakery.example"):
        domain = domains.add_domain(at.actor, at.workspace, name)[0]
        dns.zone.update(published(domain, without="spf_organisation"))
        domains.verify(domain)
    domains.rotate_keys(at.actor, domain)
    dns.zone.update(published(domain, without="spf_organisation"))
    dns.zone[domain.name] = {"TXT": ["v=spf1 include:_spf.office.example -all"]}
    domains.verify(domain)
    selector = domain.keys.get(state="active", algorithm="rsa-sha256").selector
    key = dns.zone[f"{selector}._domainkey.{domain.name}"]["TXT"][0]
    dns.zone[f"{selector}._domainkey.{domain.name}"] = {"TXT": [f"{key[:90]}AAAAAAAAAAAA{key[102:]}"]}
    del dns.zone[f"_dmarc.{domain.name}"]
    domains.verify(domain)
    SendingDomain.objects.filter(pk=domain.pk).update(status="broken", failing_since=now())

    look(at, reverse("domain-list"), "domains")
    look(at, reverse("domain-detail", args=[domain.public_id]), "domain-broken")
    verified = SendingDomain.objects.get(name="northwind-bakery.example")
    look(at, reverse("domain-detail", args=[verified.public_id]), "domain-verified")


def test_a_newcomer_clicks_through_to_verified_and_the_page_follows(dns: DnsServer, browse: Browsing) -> None:
    at = desk()
    page = browse(at)
    page.goto(reverse("domain-list"))
    page.get_by_role("link", name="Add domain").click()
    page.get_by_label("Domain", exact=True).fill("shop.example")
    page.get_by_role("button", name="Add and see its records").click()
    page.get_by_role("heading", name="Records to publish").wait_for()
    domain = SendingDomain.objects.get()

    page.get_by_role("button", name="Copy the host of DMARC policy").click()
    page.get_by_role("button", name="Copied the host of DMARC policy").wait_for()

    dns.zone.update(published(domain, without="dmarc"))
    page.get_by_role("button", name="Check now").click()
    page.get_by_text("May not send yet: DMARC policy is missing.", exact=True).wait_for()

    dns.zone.update(published(domain))
    domains.verify(domain)  # what the regular look does; the page asks by itself
    page.get_by_text("May send. All 4 required records are right.", exact=True).wait_for()
    assert page.locator("#domain-said").inner_text().startswith("shop.example: May send.")
    assert page.locator("[hx-trigger]").count() == 0


def test_deleting_asks_for_the_name(dns: DnsServer, browse: Browsing) -> None:
    at = desk()
    domain = domains.add_domain(at.actor, at.workspace, "shop.example")[0]
    page = browse(at)
    page.goto(reverse("domain-detail", args=[domain.public_id]))

    page.get_by_role("button", name="Delete domain").click()
    button = page.get_by_role("button", name="Delete shop.example")
    assert button.is_disabled()
    page.get_by_label("Type shop.example to confirm").fill("shop.example")
    button.click()

    page.get_by_text("shop.example is deleted").wait_for()
    assert domains.sending_state(at.workspace.pk, "shop.example") == "unverified"
