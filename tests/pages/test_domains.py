"""The domain pages: a newcomer gets a domain verified, and whoever may not change is shown no button."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from deliverability import domains, record_words
from deliverability.models import DkimKey, DomainStatus, SendingDomain
from relayhub.core.clock import now
from relayhub.core.models import AuditEntry, Role
from relayhub.core.throttle import Limit
from relayhub.site import setup
from tests.pages.marketer_rows import Desk, desk
from tests.support.deliverability_rows import published
from tests.support.dns_server import DnsServer
from tests.support.domain_pages import dns

__all__ = ["dns"]
pytestmark = pytest.mark.django_db


def added(at: Desk, name: str = "shop.example") -> SendingDomain:
    return domains.add_domain(at.actor, at.workspace, name)[0]


def body(at: Desk, domain: SendingDomain, query: str = "") -> str:
    answer = at.client.get(reverse("domain-detail", args=[domain.public_id]) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def words(html: str) -> str:
    """The text of a page, as somebody reads it."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


# -- the way of a newcomer -----------------------------------------------------------------------------------


def test_a_newcomer_gets_a_domain_verified(dns: DnsServer) -> None:
    at = desk()
    assert "No domains yet" in at.client.get(reverse("domain-list")).content.decode()

    answer = at.client.post(reverse("domain-new"), {"name": "news.shop.example"}, follow=True)
    domain = SendingDomain.objects.get()
    first = answer.content.decode()
    assert "May not send yet. Publish the 4 required records below" in words(first)
    assert "Open the DNS settings of shop.example" in words(first)
    assert ">rp.news</span>" in first
    assert ">rp.news.shop.example</span>" in first

    dns.zone.update(published(domain, without="dmarc"))
    answer = at.client.post(reverse("domain-check", args=[domain.public_id]), follow=True)
    assert "May not send yet: DMARC policy is missing." in words(answer.content.decode())

    dns.zone.update(published(domain))
    answer = at.client.post(reverse("domain-check", args=[domain.public_id]), follow=True)
    assert "May send. All 4 required records are right." in words(answer.content.decode())
    assert SendingDomain.objects.get().status == DomainStatus.VERIFIED
    assert "hx-trigger" not in answer.content.decode()


def test_the_whole_name_pasted_where_the_provider_adds_the_zone_is_explained(dns: DnsServer) -> None:
    at = desk()
    domain = added(at)
    zone = published(domain)
    dns.zone.update(zone)
    dns.zone["_dmarc.shop.example.shop.example"] = dns.zone.pop("_dmarc.shop.example")

    domains.verify(domain)

    assert "It was published at _dmarc.shop.example.shop.example: your provider adds shop.example by itself. " \
        "Write _dmarc as its host." in words(body(at, domain))


def test_a_record_of_somebody_else_is_to_be_changed_and_not_doubled(dns: DnsServer) -> None:
    at = desk()
    domain = added(at)
    dns.zone.update(published(domain))
    dns.zone["shop.example"] = {"TXT": ["site-check=42", "v=spf1 include:_spf.office.example -all"]}
    domains.verify(domain)

    page = body(at, domain)
    zone = at.client.get(reverse("domain-zone", args=[domain.public_id])).content.decode()

    assert "v=spf1 include:_spf.office.example <ins>a:mail.relayhub.example </ins>-all" in page
    assert "Edit the record that is there" in page
    assert "site-check" not in page
    assert '"v=spf1 include:_spf.office.example a:mail.relayhub.example -all"' in zone
    assert "do not add a second" in zone


def test_a_key_cut_off_shows_where_it_differs(dns: DnsServer) -> None:
    at = desk()
    domain = added(at)
    key = DkimKey.objects.get(algorithm="rsa-sha256")
    dns.zone.update(published(domain))
    dns.zone[f"{key.selector}._domainkey.shop.example"] = {"TXT": [key.public_record[:200]]}
    domains.verify(domain)

    page = body(at, domain)

    assert "The key is cut off after" in page
    assert f"<ins>{key.public_record[200:]}</ins>" in page
    assert "The same value in quoted pieces" in page


def test_optional_records_that_are_found_are_folded_and_others_are_not(dns: DnsServer) -> None:
    at = desk()
    domain = added(at)
    dns.zone.update(published(domain))
    domains.verify(domain)
    found = body(at, domain)
    del dns.zone["shop.example"]
    domains.verify(domain)

    shown, _, folded = found.partition("2 optional records, found")
    assert "SPF of the domain itself</h3>" not in shown
    assert "SPF of the domain itself</h3>" in folded
    shown, _, folded = body(at, domain).partition("1 optional record, found")
    assert "SPF of the domain itself</h3>" in shown
    assert "Second DKIM key (Ed25519)</h3>" in folded


def test_a_required_record_that_is_right_is_a_line_to_open_and_a_wrong_one_is_open(dns: DnsServer) -> None:
    at = desk()
    domain = added(at)
    dns.zone.update(published(domain, without="dmarc"))
    domains.verify(domain)

    shown = body(at, domain).partition("2 optional records, found")[0]

    assert (shown.count('<details class="rh-dns">'), shown.count('<section class="rh-dns"')) == (3, 1)
    assert "DMARC policy</h3>" in shown.partition('<section class="rh-dns"')[2]


def test_of_a_wrong_key_that_was_found_only_what_surrounds_the_difference_is_shown() -> None:
    key = "v=DKIM1; k=rsa; p=" + "A" * 300
    found, wanted = record_words._difference([key[:150] + "BB" + key[152:]], key, record_words.RecordState.WRONG)

    assert [len(piece.text) for piece in found] == [51, 2, 51]
    assert found[1].text == "BB"
    assert "".join(piece.text for piece in wanted) == key


def test_only_what_is_wrong_or_missing_may_be_shown(dns: DnsServer) -> None:
    at = desk()
    domain = added(at)
    dns.zone.update(published(domain, without="dmarc"))
    domains.verify(domain)

    page = body(at, domain, "?show=todo")

    assert page.count('class="rh-dns"') == 1
    assert "DMARC policy" in page


def test_the_part_that_polls_says_nothing_until_there_was_another_look(dns: DnsServer) -> None:
    at = desk()
    domain = added(at)
    found = re.search(r'hx-get="([^"]+)"', body(at, domain))
    assert found is not None
    address = found[1].replace("&amp;", "&")
    assert at.client.get(address).status_code == 204

    dns.zone.update(published(domain))
    domains.verify(domain)
    answer = at.client.get(address)

    assert answer.status_code == 200
    assert "May send." in answer.content.decode()
    assert "<html" not in answer.content.decode()


# -- refusals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["me@shop.example", "gmail.com", "localhost", ""])
def test_a_name_that_cannot_be_is_kept_in_the_form(dns: DnsServer, name: str) -> None:
    answer = desk().client.post(reverse("domain-new"), {"name": name})

    assert answer.status_code == 422
    assert f'value="{name}"' in answer.content.decode() or not name
    assert not SendingDomain.objects.exists()


def test_an_address_instead_of_a_domain_is_told_the_domain(dns: DnsServer) -> None:
    answer = desk().client.post(reverse("domain-new"), {"name": "https://www.shop.example/about"})

    assert "Write the domain alone, such as shop.example." in answer.content.decode()


def test_who_may_only_look_is_shown_no_button_and_let_through_no_door(dns: DnsServer) -> None:
    owner = desk()
    domain = added(owner)
    viewer = desk(owner.workspace, role=Role.VIEWER, email="v@example.com")

    page = body(viewer, domain)

    assert "Check now</button>" not in page
    assert "Rotate keys" not in page
    assert "Delete domain" not in page
    for name in ("domain-check", "domain-rotate", "domain-delete"):
        assert viewer.client.post(reverse(name, args=[domain.public_id])).status_code == 403
    assert viewer.client.get(reverse("domain-new")).status_code == 403
    assert viewer.client.get(reverse("domain-zone", args=[domain.public_id])).status_code == 200


def test_a_domain_of_another_workspace_is_not_there(dns: DnsServer) -> None:
    theirs = added(desk())
    other = desk(setup.new_workspace("Other"), email="o@example.com")

    for name in ("domain-detail", "domain-state", "domain-zone"):
        assert other.client.get(reverse(name, args=[theirs.public_id])).status_code == 404
    for name in ("domain-check", "domain-rotate", "domain-delete"):
        assert other.client.post(reverse(name, args=[theirs.public_id])).status_code == 404
    assert "shop.example" not in other.client.get(reverse("domain-list")).content.decode()


# -- later in a domain's life --------------------------------------------------------------------------------


def test_rotating_lists_new_records_and_switches_by_itself(dns: DnsServer) -> None:
    at = desk()
    domain = added(at)
    dns.zone.update(published(domain))
    domains.verify(domain)
    old = DkimKey.objects.get(algorithm="rsa-sha256")

    answer = at.client.post(reverse("domain-rotate", args=[domain.public_id]), follow=True)
    new = DkimKey.objects.get(algorithm="rsa-sha256", state="publishing")
    page = answer.content.decode()
    assert new.selector in page
    assert "A rotation waits for its records" in page
    assert "hx-trigger" in page

    dns.zone.update(published(domain))
    at.client.post(reverse("domain-check", args=[domain.public_id]))
    page = words(body(at, domain))

    assert (DkimKey.objects.get(pk=old.pk).state, DkimKey.objects.get(pk=new.pk).state) == ("retiring", "active")
    assert "Signs no more. Keep its record until" in page
    assert "DKIM key, the one before" in page


def test_a_broken_domain_says_so_everywhere(dns: DnsServer) -> None:
    at = desk()
    domain = added(at)
    dns.zone.update(published(domain, without="spf"))
    domains.verify(domain)
    SendingDomain.objects.filter(pk=domain.pk).update(status="broken", verified_at=now(), failing_since=now())

    assert "May not send now: Return-path SPF is missing. Its mail is held" in words(body(at, domain))
    listing = words(at.client.get(reverse("domain-list")).content.decode())
    assert "shop.example may not send." in listing
    assert "3 of 4 right; Return-path SPF is missing" in listing


def test_a_failing_dns_leaves_a_verified_domain_and_says_so(dns: DnsServer) -> None:
    at = desk()
    domain = added(at)
    zone = published(domain)
    dns.zone.update(zone)
    domains.verify(domain)
    dns.zone["_dmarc.shop.example"] = "SERVFAIL"

    domains.verify(domain)

    assert "May send. DNS gave no answer about DMARC policy at the last look, which changes nothing." in words(
        body(at, domain)
    )


def test_a_verified_domain_that_fails_says_until_when(dns: DnsServer) -> None:
    at = desk()
    domain = added(at)
    dns.zone.update(published(domain))
    domains.verify(domain)
    del dns.zone["_dmarc.shop.example"]

    domains.verify(domain)

    page = words(body(at, domain))
    assert "May still send, but DMARC policy is missing. Put that right before its mail is held. Held from" in page
    assert "DMARC policy gone" in page
    failing = SendingDomain.objects.get()
    assert failing.failing_since is not None
    assert (failing.failing_since + timedelta(hours=72)).isoformat() in body(at, domain)


def test_deleting_wants_the_name_and_means_it(dns: DnsServer) -> None:
    at = desk()
    domain = added(at)
    address = reverse("domain-delete", args=[domain.public_id])

    at.client.post(address, {"typed": "shop"})
    assert SendingDomain.objects.get().deleted_at is None
    answer = at.client.post(address, {"typed": "shop.example"}, follow=True)

    assert "shop.example is deleted" in answer.content.decode()
    assert SendingDomain.objects.get().deleted_at is not None
    assert not DkimKey.objects.exists()
    assert AuditEntry.objects.filter(action="domain.deleted", actor="maja@example.com").count() == 1
    assert at.client.get(reverse("domain-detail", args=[domain.public_id])).status_code == 404


def test_the_list_is_searched_and_filtered_by_its_address(dns: DnsServer) -> None:
    at = desk()
    added(at, "one.example")
    dns.zone.update(published(added(at, "two.example")))
    domains.recheck_due()

    listing = at.client.get(reverse("domain-list") + "?status=verified").content.decode()
    assert "two.example" in listing
    assert "one.example" not in listing
    assert "No domain matches" in at.client.get(reverse("domain-list") + "?q=three").content.decode()


def test_a_policy_of_theirs_that_is_valid_is_shown_and_not_ours(dns: DnsServer) -> None:
    at = desk()
    domain = added(at)
    dns.zone.update(published(domain))
    dns.zone["_dmarc.shop.example"] = {"TXT": ["v=DMARC1; p=reject; rua=mailto:reports@shop.example"]}
    domains.verify(domain)

    page = body(at, domain)

    assert "v=DMARC1; p=reject; rua=mailto:reports@shop.example" in page
    assert "v=DMARC1; p=none" not in page
    assert "A valid record with the policy reject." in page


def test_a_machine_without_a_public_name_is_told_before_its_records_are_published(settings: Any) -> None:
    at = desk()
    domain = added(at)

    assert "This machine calls itself" not in body(at, domain)
    settings.RELAYHUB_HOSTNAME = "localhost"
    assert "This machine calls itself “localhost”" in body(at, domain)


def test_somebody_who_asks_without_end_is_told_to_wait(dns: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    at = desk()
    domain, _ = domains.add_domain(at.actor, at.workspace, "news.shop.example")
    other, _ = domains.add_domain(at.actor, at.workspace, "shop.example")
    monkeypatch.setattr(domains, "_LOOKS", Limit(per_second=0.001, burst=1))
    page, check = (reverse(f"domain-{name}", args=[domain.public_id]) for name in ("detail", "check"))

    at.client.post(check)
    asked = len(dns.questions)
    again = at.client.post(check, follow=True, headers={"Referer": f"http://testserver{page}"})

    assert "news.shop.example was looked up too often just now. Wait" in words(again.content.decode())
    assert len(dns.questions) == asked
    at.client.post(reverse("domain-check", args=[other.public_id]))
    assert len(dns.questions) > asked
