"""The domain and suppression pages in the language of who reads them; what is stored stays English."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable
from html import unescape
from types import ModuleType

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from deliverability import domain_letters, domains, explanations, records, sharing, suppression
from deliverability.models import DomainCheck, SendingDomain, Suppression
from relayhub.core import languages, spoken
from relayhub.core.clock import now
from relayhub.core.system_mail import SystemLetter
from relayhub.protocol import dns_records
from tests.pages.marketer_rows import Desk, desk, reading
from tests.support.deliverability_rows import bulk_stream, published
from tests.support.dns_server import DnsServer
from tests.support.domain_pages import dns

__all__ = ["dns"]
pytestmark = pytest.mark.django_db
#: Small words of English that no German sentence has.
_ENGLISH = re.compile(r"\b(?:the|is|are|its|and|of|with|by|it|from|to|yet)\b")


def text_of(client: Client, path: str, **headers: str) -> str:
    """What the page's own part says, with what only assistive technology reads."""
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200
    html = answer.content.decode()
    html = html[html.index("<main"):html.index("</main>")]
    said = re.findall(r'(?:aria-label|placeholder|data-label|title)="([^"]*)"', html)
    html = re.sub(r"<time[^>]*>|<bdi>", "", html)
    return re.sub(r"\s+", " ", unescape(" | ".join([re.sub(r"<[^>]+>", " ", html), *said])))


def wrong_and_new(at: Desk, dns: DnsServer) -> tuple[SendingDomain, SendingDomain]:
    """A broken domain with a past at a known provider, and one that was just added."""
    broken = domains.add_domain(at.actor, at.workspace, "shop.example")[0]
    dns.zone["shop.example"] = {"NS": ["ns1.gandi.net"]}
    dns.zone.update(published(broken, without="spf_organisation"))
    domains.verify(broken)
    domains.rotate_keys(at.actor, broken)
    sharing.share(at.actor, broken)
    del dns.zone["_dmarc.shop.example"]
    dns.zone["rp.shop.example"]["TXT"] = ["v=spf1 include:other.example -all"]
    domains.verify(broken)
    SendingDomain.objects.filter(pk=broken.pk).update(status="broken", failing_since=now())
    return broken, domains.add_domain(at.actor, at.workspace, "new.example")[0]


def test_the_pages_of_domains_are_german_for_who_reads_german(dns: DnsServer) -> None:
    at = reading("de")
    broken, new = wrong_and_new(at, dns)
    paths = [
        reverse("domain-list"), reverse("domain-new"), reverse("domain-detail", args=[broken.public_id]),
        reverse("domain-detail", args=[new.public_id]),
    ]

    pages = [text_of(at.client, path) for path in paths]

    for page, words in zip(pages, ("Erforderliche Einträge", "Die Domain, von der Ihre E-Mails kommen",
                                   "DMARC-Richtlinie verschwunden", "So wird sie bestätigt"), strict=True):
        assert words in page
        assert _ENGLISH.findall(page) == []
    assert "Unter _dmarc.shop.example gibt es noch keinen TXT-Eintrag." in pages[2]


def test_a_stranger_reads_the_shared_records_in_the_browsers_language(dns: DnsServer) -> None:
    at = desk()
    broken, _ = wrong_and_new(at, dns)
    link = sharing.share(at.actor, broken).link.partition("/dns/")[2]

    german = text_of(Client(), f"/dns/{link}", **{"Accept-Language": "de"})
    polish = text_of(Client(), f"/dns/{link}", **{"Accept-Language": "pl-PL"})

    assert "bittet Sie, diese Einträge im DNS der Domain zu veröffentlichen" in german
    assert _ENGLISH.findall(german) == []
    assert "brakuje rekordu (polityka DMARC); jeden rekord jest błędny (return-path SPF)" in polish


def test_a_look_that_a_german_asks_for_is_kept_in_english(dns: DnsServer) -> None:
    at = reading("de")
    domain = domains.add_domain(at.actor, at.workspace, "shop.example")[0]
    dns.zone.update(published(domain, without="dmarc"))

    answer = at.client.post(reverse("domain-check", args=[domain.public_id]), follow=True)

    assert "Gerade abgefragt. Darf noch nicht senden: DMARC-Richtlinie fehlt." in answer.content.decode()
    assert DomainCheck.objects.get(kind="dmarc").explanation == "There is no TXT record at _dmarc.shop.example yet."


def test_the_pages_of_suppressions_are_german_and_say_stored_evidence_anew() -> None:
    at = reading("de")
    stream = bulk_stream(at.actor)
    for address, reason, scope in (
        ("a@x.example", "hard_bounce", "workspace"), ("b@x.example", "complaint", "stream"),
        ("c@x.example", "manual", "workspace"),
    ):
        suppression.suppress(
            at.workspace.pk, address, reason=reason, scope=scope, stream_id=stream.pk if scope == "stream" else None,
            source="feedback report from 192.0.2.9" if reason == "complaint" else "",
        )
    row = Suppression.objects.get(reason="complaint")
    paths = [
        reverse("suppression-list"), f"{reverse('suppression-list')}?q=b@x.example",
        reverse("suppression-detail", args=[row.public_id]), f"{reverse('suppression-lift')}?id={row.public_id}",
        reverse("suppression-new"), reverse("suppression-import"),
    ]

    pages = [text_of(at.client, path) for path in paths]

    for page, words in zip(pages, ("Beschwerdemeldung von 192.0.2.9", "b@x.example ist teilweise gesperrt.",
                                   f"Strom {stream.name}", "Wieder an b@x.example schreiben?",
                                   "Sperren für", "Importieren und sperren"), strict=True):
        assert words in page
        assert _ENGLISH.findall(page.replace(stream.name, "")) == []
    assert Suppression.objects.get(pk=row.pk).source == "feedback report from 192.0.2.9"


@pytest.mark.parametrize(("count", "words"), [(1, "1 blokada"), (2, "2 blokady"), (5, "5 blokad")])
def test_polish_counts_suppressions_in_three_forms(count: int, words: str) -> None:
    at = reading("pl")
    for number in range(count):
        suppression.suppress(at.workspace.pk, f"p{number}@x.example", reason="manual", scope="workspace")

    assert re.search(rf"{words}\b", text_of(at.client, reverse("suppression-list")))


def sentences(module: ModuleType) -> list[str]:
    """Every explanation that the module writes, with X for what it names."""
    found = []
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        given = node.args[1:] if name in {"_fail", "_pass"} else []
        given += [item.value for item in node.keywords if item.arg == "explanation"]
        found += [text for value in given if len(text := _written(value)) > 3]
    return found


def _written(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_written(part) if isinstance(part, ast.Constant) else "X" for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else ""


def test_every_explanation_of_a_look_is_known_again() -> None:
    written = sentences(dns_records) + sentences(records)
    # The only ones made of two: what stands before another is tried with one behind it.
    written = [text.removesuffix("X") if text.startswith("A valid record") else text for text in written]
    written += ["The value stands in quotation marks of its own: publish it without them. As wanted.",
                "A valid record with the policy none. It has no rua, so no reports come: add one to see who sends as"
                " you."]
    alone = {"X X"}  # the quotation marks with what stands behind them

    with languages.speaking("de"):
        kept = [text for text in written if text not in alone and explanations.told(text) == text]

    assert len(written) > 20
    assert kept == []


def test_a_letter_about_a_domain_is_in_its_readers_language(
    dns: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = reading("fr")
    domain = domains.add_domain(at.actor, at.workspace, "shop.example")[0]
    dns.zone.update(published(domain))
    domains.verify(domain)
    del dns.zone["_dmarc.shop.example"]
    domains.verify(domain)
    sent: list[SystemLetter] = []
    monkeypatch.setattr(domain_letters, "send_letter", lambda letter: bool(sent.append(letter)) or True)

    with languages.speaking("de"):
        domain_letters.tell_trouble(SendingDomain.objects.get(pk=domain.pk))

    assert [letter.language for letter in sent] == ["fr"]
    with languages.speaking("fr"):
        text = render_to_string("emails/domain_trouble-body.txt", sent[0].context)
    assert "Peut encore envoyer, mais\u00a0: enregistrement manquant (politique DMARC)." in text
    with languages.speaking("fr"):
        assert f"retenus à partir de\u00a0: {spoken.long_day(sent[0].context['breaks_at'], with_weekday=True)}" in text


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_long_words_fit(dns: DnsServer, look: Callable[..., None]) -> None:
    at = reading("de")
    broken, _ = wrong_and_new(at, dns)
    suppression.suppress(at.workspace.pk, "a@x.example", reason="hard_bounce", scope="workspace", source="550 5.1.1")

    look(at, reverse("domain-detail", args=[broken.public_id]), "domain-de", only_words=True)
    look(at, reverse("suppression-list"), "suppressions-de", only_words=True)
