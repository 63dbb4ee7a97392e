"""Sending domains: what is asked for, what DNS has, and when a domain is verified, broken and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.template.loader import render_to_string

from deliverability import domains, signing
from deliverability.models import DkimKey, DomainCheckChange, DomainStatus, SendingDomain
from relayhub.core.clock import now
from relayhub.core.errors import ForbiddenError, InputError
from relayhub.core.models import AuditEntry, Member, Role, User
from relayhub.core.system_mail import SystemLetter
from tests.support.deliverability_rows import make_actor, make_domain, published
from tests.support.dns_server import DnsServer, dns_server

pytestmark = pytest.mark.django_db


@pytest.fixture
def dns(settings: Any) -> Iterator[DnsServer]:
    with dns_server() as server:
        settings.RELAYHUB_DNS_SERVERS = (server.address,)
        settings.RELAYHUB_HOSTNAME = "mail.relayhub.example"
        settings.RELAYHUB_EGRESS_ADDRESSES = ()
        settings.RELAYHUB_DEFAULT_ROUTE = "sandbox"
        yield server


def outcomes(domain: SendingDomain) -> dict[str, str]:
    return {check.kind: check.outcome for check in domain.checks.all()}


# -- adding --------------------------------------------------------------------------------------------------


def test_adding_makes_both_keys_and_lists_every_check_at_once(dns: DnsServer) -> None:
    domain = make_domain("Shop.Example.")

    assert domain.name == "shop.example"
    assert domain.status == DomainStatus.PENDING
    assert {key.algorithm for key in domain.keys.all()} == {"rsa-sha256", "ed25519-sha256"}
    assert set(outcomes(domain)) == {
        "dkim", "dkim_ed25519", "return_path", "spf", "dmarc", "spf_organisation",
    }
    assert AuditEntry.objects.filter(action="domain.added").count() == 1


def test_adding_again_returns_the_one_that_is_there(dns: DnsServer) -> None:
    actor = make_actor()

    first, is_new = domains.add_domain(actor, actor.workspace, "shop.example")
    second, is_new_again = domains.add_domain(actor, actor.workspace, "SHOP.example")

    assert (is_new, is_new_again) == (True, False)
    assert first.pk == second.pk
    assert DkimKey.objects.count() == 2


def test_two_workspaces_may_have_one_domain_with_their_own_selectors(dns: DnsServer) -> None:
    first = make_domain(actor=make_actor("one"))
    second = make_domain(actor=make_actor("two"))

    selectors = {key.selector for domain in (first, second) for key in domain.keys.all()}

    assert len(selectors) == 4


@pytest.mark.parametrize(
    "name",
    ["", "localhost", "co.uk", "gmail.com", "me@shop.example", "https://shop.example", "-x.example", "a..b",
     "shop.example\r\nx", "192.0.2.1", "[192.0.2.1]", "x" * 64 + ".example", "shop.invalid"],
)
def test_it_refuses_what_nobody_can_send_as(dns: DnsServer, name: str) -> None:
    with pytest.raises(InputError):
        make_domain(name)


def test_an_international_name_is_kept_as_a_labels(dns: DnsServer) -> None:
    assert make_domain("bäcker.example").name == "xn--bcker-gra.example"


def test_private_keys_are_sealed_at_rest(dns: DnsServer) -> None:
    domain = make_domain()

    for key in domain.keys.all():
        assert b"PRIVATE" not in bytes(key.private_encrypted)
        assert bytes(key.private_encrypted)[:1] == b"\x01"


def test_only_who_may_write_domains_adds_one(dns: DnsServer) -> None:
    actor = make_actor()
    reader = type(actor)(workspace=actor.workspace, permissions=frozenset({"domains.read"}), label="reader")

    with pytest.raises(ForbiddenError):
        domains.add_domain(reader, actor.workspace, "shop.example")


# -- records -------------------------------------------------------------------------------------------------


def test_the_records_are_those_of_the_contract(dns: DnsServer) -> None:
    domain = make_domain()

    listed = {(record.kind.value, record.type, record.name): record for record in domains.records(domain)}

    mx = listed[("return_path", "MX", "rp.shop.example")]
    spf = listed[("spf", "TXT", "rp.shop.example")]
    dmarc = listed[("dmarc", "TXT", "_dmarc.shop.example")]
    assert (mx.value, mx.required) == ("10 mail.relayhub.example", True)
    assert (spf.value, spf.required) == ("v=spf1 a:mail.relayhub.example ~all", True)
    assert dmarc.required
    required = {record.kind.value for record in listed.values() if record.required}
    assert required == {"dkim", "return_path", "spf", "dmarc"}
    assert not any(record.name.endswith(".") or record.value.endswith(".") for record in listed.values())


@pytest.mark.parametrize(
    ("egress", "route", "expected"),
    [
        (("192.0.2.5", "2001:db8::5"), "direct", "v=spf1 ip4:192.0.2.5 ip6:2001:db8::5 ~all"),
        ((), "smtp://u:p@smtp.sendgrid.net:587", "v=spf1 include:sendgrid.net ~all"),
        ((), "anymail:mailgun", "v=spf1 include:mailgun.org ~all"),
        ((), "smtp://127.0.0.1:2526", "v=spf1 a:mail.relayhub.example ~all"),
        (("192.0.2.5",), "smtp://smtp.sendgrid.net", "v=spf1 ip4:192.0.2.5 ~all"),
    ],
)
def test_spf_names_the_addresses_else_the_smarthost_else_the_host_name(
    dns: DnsServer, settings: Any, egress: tuple[str, ...], route: str, expected: str
) -> None:
    settings.RELAYHUB_EGRESS_ADDRESSES = egress
    settings.RELAYHUB_DEFAULT_ROUTE = route

    values = {record.kind: record.value for record in domains.records(make_domain())}

    assert values["spf"] == expected


def test_the_zone_file_cuts_long_texts(dns: DnsServer) -> None:
    text = domains.zone_text(make_domain())

    assert "rp.shop.example. 3600 IN MX 10 mail.relayhub.example.\n" in text
    assert all(len(piece) <= 255 for line in text.splitlines() for piece in line.split('"')[1::2])
    assert '" "' in text


# -- looking -------------------------------------------------------------------------------------------------


def test_it_is_verified_once_every_required_record_is_there(dns: DnsServer) -> None:
    domain = make_domain()
    dns.zone.update(published(domain))

    verified = domains.verify(domain)

    assert verified.status == DomainStatus.VERIFIED
    assert set(outcomes(verified).values()) == {"pass"}


def test_what_is_not_required_is_no_condition(dns: DnsServer) -> None:
    domain = make_domain()
    dns.zone.update(published(domain, without="dkim_ed25519"))
    dns.zone["shop.example"] = {}

    verified = domains.verify(domain)

    assert verified.status == DomainStatus.VERIFIED
    assert outcomes(verified)["dkim_ed25519"] == "fail"
    assert outcomes(verified)["spf_organisation"] == "fail"


@pytest.mark.parametrize("missing", ["dkim", "return_path", "spf", "dmarc"])
def test_without_a_required_record_it_stays_pending_and_says_which(dns: DnsServer, missing: str) -> None:
    domain = make_domain()
    dns.zone.update(published(domain, without=missing))

    looked_at = domains.verify(domain)

    assert looked_at.status == DomainStatus.PENDING
    assert outcomes(looked_at)[missing] == "fail"
    assert looked_at.checks.get(kind=missing).explanation


@pytest.mark.parametrize("fault", ["SERVFAIL", "REFUSED"])
def test_a_failing_dns_is_unknown_and_never_verifies_nor_unverifies(dns: DnsServer, fault: str) -> None:
    domain = make_domain()
    zone = published(domain)
    dns.zone.update(zone)
    dns.zone["_dmarc.shop.example"] = fault

    assert domains.verify(domain).status == DomainStatus.PENDING
    dns.zone.update(zone)
    assert domains.verify(domain).status == DomainStatus.VERIFIED
    dns.zone["_dmarc.shop.example"] = fault
    with time_machine.travel(now() + timedelta(days=30), tick=False):
        for _ in range(5):
            looked_at = domains.verify(domain)

    assert looked_at.status == DomainStatus.VERIFIED
    assert looked_at.failures == 0
    assert outcomes(looked_at)["dmarc"] == "unknown"


def test_verifying_asks_past_any_cache(dns: DnsServer) -> None:
    domain = make_domain()
    domains.verify(domain)
    dns.zone.update(published(domain))

    assert domains.verify(domain).status == DomainStatus.VERIFIED


def test_it_breaks_only_after_three_failures_over_three_days(dns: DnsServer) -> None:
    domain = make_domain()
    dns.zone.update(published(domain))
    domains.verify(domain)
    del dns.zone["_dmarc.shop.example"]
    start = now()

    seen = []
    for hours in (0, 1, 2, 71, 73):
        with time_machine.travel(start + timedelta(hours=hours), tick=False):
            seen.append(domains.verify(domain).status)

    assert seen == ["verified", "verified", "verified", "verified", "broken"]


def test_two_failures_far_apart_do_not_break_it(dns: DnsServer) -> None:
    domain = make_domain()
    dns.zone.update(published(domain))
    domains.verify(domain)
    del dns.zone["_dmarc.shop.example"]
    start = now()

    for hours in (0, 200):
        with time_machine.travel(start + timedelta(hours=hours), tick=False):
            status = domains.verify(domain).status

    assert status == DomainStatus.VERIFIED


def test_one_good_look_begins_the_count_anew(dns: DnsServer) -> None:
    domain = make_domain()
    zone = published(domain)
    dns.zone.update(zone)
    domains.verify(domain)
    start = now()

    for hours, is_there in ((0, False), (30, False), (60, True), (80, False), (100, False)):
        dns.zone["_dmarc.shop.example"] = zone["_dmarc.shop.example"] if is_there else {}
        with time_machine.travel(start + timedelta(hours=hours), tick=False):
            looked_at = domains.verify(domain)

    assert looked_at.status == DomainStatus.VERIFIED
    assert looked_at.failures == 2


def test_a_broken_domain_is_verified_again_with_its_records(dns: DnsServer) -> None:
    domain = make_domain()
    SendingDomain.objects.filter(pk=domain.pk).update(status="broken", failures=5, failing_since=now())
    dns.zone.update(published(domain))

    healed = domains.verify(domain)

    assert (healed.status, healed.failures, healed.failing_since) == ("verified", 0, None)


def test_drift_is_kept(dns: DnsServer) -> None:
    domain = make_domain()
    dns.zone.update(published(domain))
    domains.verify(domain)
    dns.zone["_dmarc.shop.example"] = {"TXT": ["v=DMARC1; p=reject; rua=mailto:x@shop.example"]}

    domains.verify(domain)

    change = DomainCheckChange.objects.filter(kind="dmarc").first()
    assert change is not None
    assert change.old_outcome == change.new_outcome == "pass"
    assert change.new_found == ["v=DMARC1; p=reject; rua=mailto:x@shop.example"]


# -- state and the beat ----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_state_follows_a_look_at_once(dns: DnsServer) -> None:
    domain = make_domain()
    assert domains.sending_state(domain.workspace_id, "shop.example") == "unverified"
    dns.zone.update(published(domain))

    domains.verify(domain)

    assert domains.sending_state(domain.workspace_id, "shop.example") == "verified"
    assert [key.algorithm.value for key in signing.signing_keys(domain.workspace_id, "shop.example")] == [
        "ed25519-sha256", "rsa-sha256",
    ]


@pytest.mark.django_db(transaction=True)
def test_a_deleted_domain_is_gone_with_its_keys_and_may_be_added_again(dns: DnsServer) -> None:
    actor = make_actor()
    domain = make_domain(actor=actor)
    dns.zone.update(published(domain))
    domains.verify(domain)

    domains.delete_domain(actor, domain)

    assert domains.sending_state(domain.workspace_id, "shop.example") == "unverified"
    assert signing.signing_keys(domain.workspace_id, "shop.example") == []
    again, is_new = domains.add_domain(actor, actor.workspace, "shop.example")
    assert is_new
    assert again.pk != domain.pk


def test_a_due_domain_is_looked_at_once_and_then_later(dns: DnsServer) -> None:
    domain = make_domain()
    dns.zone.update(published(domain))

    assert domains.recheck_due() == 1
    assert domains.recheck_due() == 0

    domain.refresh_from_db()
    assert domain.status == DomainStatus.VERIFIED
    assert domain.next_check_at > now() + timedelta(hours=5)


LETTERS: list[SystemLetter] = []


def keep_letter(letter: SystemLetter) -> None:
    """Stands in for the relay, which would hand it in."""
    LETTERS.append(letter)


# -- telling -------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_those_who_can_mend_it_get_one_letter_when_it_begins_to_fail_and_one_when_it_breaks(
    dns: DnsServer, settings: Any
) -> None:
    settings.SYSTEM_MAIL_SENDER = f"{__name__}.keep_letter"
    LETTERS.clear()
    actor = make_actor()
    for email, role in (("owner@x.example", Role.OWNER), ("viewer@x.example", Role.VIEWER)):
        Member.objects.create(workspace=actor.workspace, user=User.objects.create_user(email, "word"), role=role)
    domain = make_domain(actor=actor)
    dns.zone.update(published(domain))
    domains.verify(domain)
    del dns.zone["_dmarc.shop.example"]
    start = now()

    for hours in (0, 1, 2, 73, 74):
        with time_machine.travel(start + timedelta(hours=hours), tick=False):
            domains.verify(domain)

    assert [letter.to for letter in LETTERS] == ["owner@x.example", "owner@x.example"]
    assert [letter.context["is_broken"] for letter in LETTERS] == [False, True]
    assert "DMARC policy is missing" in LETTERS[0].context["sentence"]
    assert LETTERS[0].context["breaks_at"] == start + timedelta(hours=72)
    text = render_to_string("emails/domain_trouble-body.txt", LETTERS[0].context)
    assert f"/domains/{domain.public_id}\n" in text
    assert f"held from {start + timedelta(hours=72):%A}" in text
    assert "may not send now" in render_to_string("emails/domain_trouble-subject.txt", LETTERS[1].context)


def test_texts_in_another_order_are_no_drift(dns: DnsServer) -> None:
    domain = make_domain()
    texts = ["v=spf1 a:mail.relayhub.example -all", "site-verification=7"]
    dns.zone["shop.example"] = {"TXT": texts}
    domains.verify(domain)
    before = DomainCheckChange.objects.count()
    findings = domains.look(domain, fresh=True)

    domains.apply_findings(
        domain, [replace(one, check=replace(one.check, found=one.check.found[::-1])) for one in findings], at=now()
    )

    assert before > 0
    assert any(len(one.check.found) == 2 for one in findings)
    assert DomainCheckChange.objects.count() == before


def test_a_text_that_no_database_holds_is_stored_all_the_same(dns: DnsServer) -> None:
    domain = make_domain()
    dns.zone["_dmarc.shop.example"] = {"TXT": ["v=DMARC1; p=\0none"]}

    domains.verify(domain)

    check = domain.checks.get(kind="dmarc")
    assert (check.outcome, check.found) == ("fail", ["v=DMARC1; p=\ufffdnone"])


def test_one_domain_in_trouble_keeps_no_other_from_being_looked_at(
    dns: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_domain("a.example"), make_domain("b.example")
    real = domains.look

    def look(domain: SendingDomain, *, fresh: bool) -> Any:
        if domain.pk == first.pk:
            raise RuntimeError("an answer that nobody thought of")
        return real(domain, fresh=fresh)

    monkeypatch.setattr(domains, "look", look)

    assert domains.recheck_due() == 2

    second.refresh_from_db()
    assert second.checked_at is not None
