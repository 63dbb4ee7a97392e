"""A link for whoever runs the DNS: it shows one domain's records, changes nothing, and ends."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from deliverability import domains, sharing
from deliverability.models import DomainShare, SendingDomain
from deliverability.views import domain_share
from relayhub.core.clock import now
from relayhub.core.models import AuditEntry, Role
from relayhub.core.throttle import Limit
from tests.pages.marketer_rows import Desk, desk
from tests.support.browser import Browsing
from tests.support.deliverability_rows import published
from tests.support.dns_server import DnsServer
from tests.support.domain_pages import dns

__all__ = ["dns"]
pytestmark = pytest.mark.django_db


def added(at: Desk, name: str = "shop.example") -> SendingDomain:
    return domains.add_domain(at.actor, at.workspace, name)[0]


def link_of(html: str) -> str:
    found = re.search(r"https?://[^/\s<]+(/dns/[A-Za-z0-9_-]+)", html)
    assert found, "no link on the page"
    return found[1]


def test_a_link_shows_the_records_to_a_stranger_and_is_shown_once(dns: DnsServer) -> None:
    at = desk()
    domain = added(at)
    dns.zone["shop.example"] = {"NS": ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"]}
    domains.verify(domain)

    answer = at.client.post(reverse("domain-share", args=[domain.public_id]), follow=True)
    link = link_of(answer.content.decode())
    again = at.client.get(reverse("domain-detail", args=[domain.public_id])).content.decode()
    shown = Client().get(link)
    text = shown.content.decode()

    assert "/dns/" not in again
    assert "Not opened yet." in answer.content.decode()
    assert shown.status_code == 200
    assert "no-store" in shown["Cache-Control"]
    assert "DNS records of shop.example" in text
    assert "_dmarc" in text
    assert "DNS at Cloudflare" in text
    assert not re.search(r"<form|csrf", text)
    assert at.user.email not in text
    assert Client().get(f"{link}/zone").content.decode() == domains.zone_text(domain)
    assert AuditEntry.objects.filter(action="domain.shared").exists()
    assert DomainShare.objects.get().opened_at is not None


def test_the_page_of_a_link_follows_dns(dns: DnsServer) -> None:
    at = desk()
    domain = added(at)
    link = sharing.share(at.actor, domain).link.partition("/dns/")[2]
    first = Client().get(f"/dns/{link}").content.decode()
    poll = re.search(r'hx-get="([^"]+)"', first)
    assert poll

    assert Client().get(poll[1]).status_code == 204
    dns.zone.update(published(domain))
    domains.verify(domain)
    answer = Client().get(poll[1]).content.decode()

    assert "May send. All 4 required records are right." in answer
    assert "hx-trigger" not in answer


@pytest.mark.parametrize("end", ["revoked", "late", "deleted", "guessed"])
def test_a_link_that_ended_opens_nothing(dns: DnsServer, end: str) -> None:
    at = desk()
    domain = added(at)
    made = sharing.share(at.actor, domain)
    path = "/dns/" + ("guessed-token" if end == "guessed" else made.link.partition("/dns/")[2])
    if end == "revoked":
        at.client.post(reverse("domain-share-end", args=[domain.public_id, made.share.public_id]))
    elif end == "deleted":
        domains.delete_domain(at.actor, domain)

    with time_machine.travel(now() + (sharing.SHARE_LIFE if end == "late" else timedelta(0)), tick=False):
        page, zone, state = (Client().get(path + rest) for rest in ("", "/zone", "/state"))

    assert (page.status_code, zone.status_code, state.status_code) == (404, 404, 204)
    assert "shop.example" not in page.content.decode() + zone.content.decode()
    assert state["HX-Refresh"] == "true"


def test_only_who_may_change_domains_shares_and_takes_back(dns: DnsServer) -> None:
    at, viewer, stranger = desk(), desk(role=Role.VIEWER, email="v@example.com"), desk(email="s@example.com")
    domain = added(at)
    made = sharing.share(at.actor, domain)
    other = added(stranger, "other.example")

    assert viewer.client.post(reverse("domain-share", args=[domain.public_id])).status_code in {403, 404}
    ended = stranger.client.post(reverse("domain-share-end", args=[other.public_id, made.share.public_id]))
    assert ended.status_code == 404
    assert DomainShare.objects.filter(revoked_at=None).count() == 1


def test_a_domain_has_at_most_ten_open_links(dns: DnsServer) -> None:
    at = desk()
    domain = added(at)
    for _ in range(sharing.MAX_OPEN):
        sharing.share(at.actor, domain)

    answer = at.client.post(reverse("domain-share", args=[domain.public_id]), follow=True)

    assert "has 10 open links" in answer.content.decode()
    assert DomainShare.objects.count() == sharing.MAX_OPEN


def test_a_stranger_may_not_ask_without_end(dns: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain_share, "_STRANGER", Limit(per_second=0.01, burst=2))
    path = "/dns/guessed"
    stranger = Client(REMOTE_ADDR="203.0.113.77")

    answers = [stranger.get(path + rest) for rest in ("", "/zone", "/state", "")]

    assert [answer.status_code for answer in answers] == [404, 404, 429, 429]
    assert int(answers[2]["Retry-After"]) > 0


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_pages_of_a_link(dns: DnsServer, look: Callable[..., None], browse: Browsing) -> None:
    at = desk()
    domain = added(at, "news.northwind-bakery.example")
    dns.zone["northwind-bakery.example"] = {"NS": ["ns1.domaincontrol.com", "ns2.domaincontrol.com"]}
    domains.verify(domain)
    path = "/dns/" + sharing.share(at.actor, domain).link.partition("/dns/")[2]

    look(at, reverse("domain-detail", args=[domain.public_id]), "domain-known-provider")
    look(None, path, "domain-shared")
    look(None, "/dns/guessed", "domain-shared-closed", status=404)

    page = browse(None)
    page.goto(path)
    page.get_by_role("button", name="Copy the host of DMARC policy").click()
    page.get_by_role("button", name="Copied the host of DMARC policy").wait_for()
    dns.zone.update(published(domain))
    domains.verify(domain)
    page.locator("p.sub", has_text="May send. All 4 required records are right.").wait_for()
