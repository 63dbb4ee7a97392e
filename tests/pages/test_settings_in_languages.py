"""Settings, API pages, search and help's frame in the language of the person; what the log and pages are called."""

from __future__ import annotations

import ast
from collections.abc import Callable
from datetime import UTC
from html import unescape

import pytest
from django.template.loader import render_to_string
from django.urls import reverse

from relayhub.catalogs import ROOT
from relayhub.core import audit, keys, languages, people, workspaces
from relayhub.core.errors import ForbiddenError
from relayhub.core.models import AuditEntry, Job, JobStatus, Role, User, Workspace
from relayhub.site import audit_words
from relayhub.site.places import places_for
from tests.pages.marketer_rows import Desk, desk

pytestmark = pytest.mark.django_db

PAGES = {
    "settings-home": (("Fußzeile der Massenmails", "Schriftart", "Logo hochladen"), ("Brand<", "Time zone", "Remove")),
    "settings-people": (("Jemanden einladen", "2 Mitglieder", "1 offene Einladung"), ("Members", "Invite", "runs out")),
    "settings-security": (("Dieser Arbeitsbereich", "Zweiter Faktor"), ("Sign out everywhere", "Members who")),
    "settings-sending": (("Versand fortsetzen", "0 Empfänger"), ("Resume", "recipients", "Waiting")),
    "settings-audit": (
        ("Versand des Arbeitsbereichs angehalten", "Mitglied eingeladen", "Rolle:", "Heute, "),
        ("Workspace sending", "Member invited", "Who, what", "newest first"),
    ),
    "profile": (("Ihre Zeitzone",), ("The whole dashboard", "Times on every")),
    "api-home": (("Neuer Schlüssel", "alle Rechte", "Wohin verbinden"), ("every scope", "Last used", "No keys yet")),
    "api-key-new": (("Schlüssel erstellen", "welchen Weg E-Mails nehmen", "lesen"), ("None ticked", "Events")),
    "api-smtp": (("Noch keine SMTP-Zugänge", "Zertifikat"), ("User name", "No SMTP credentials")),
    "api-refused": (("Nichts wurde abgelehnt", "7 Tage aufbewahrt"), ("Nothing was refused", "Refused requests")),
    "help-home": (("Zum Nachschlagen", "Die Dokumente sind auf Englisch."), ("To look up", "Search help")),
    "search": (("Suchen Sie nach irgendetwas",), ("Look for anything", "Search everything")),
}


@pytest.fixture
def german() -> Desk:
    """An owner who reads German, with something on every page."""
    at = desk(role=Role.OWNER)
    desk(at.workspace, role=Role.VIEWER, email="tomas@example.com")
    people.invite(at.actor, email="ines@example.com", role=Role.MARKETER)
    keys.create_key(at.actor, name="shop", limits=keys.KeyLimits(scopes=keys.ALL_SCOPES))
    workspaces.stop_sending(at.actor, "Falsche Preise")
    return speaking(at, "de")


def speaking(at: Desk, language: str) -> Desk:
    User.objects.filter(pk=at.user.pk).update(language=language)
    return at


def page_of(at: Desk, name: str, query: str = "") -> str:
    return unescape(at.client.get(reverse(name) + query).content.decode()).split("<main", 1)[1]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_german_to_who_reads_german(german: Desk, name: str) -> None:
    page, (there, absent) = page_of(german, name), PAGES[name]

    assert [word for word in there if word not in page] == []
    assert [word for word in absent if word in page] == []


def test_polish_counts_in_three_forms() -> None:
    at = speaking(desk(role=Role.OWNER), "pl")
    shown = [page_of(at, "settings-people")]
    for number in (1, 2, 3, 4):
        desk(at.workspace, role=Role.VIEWER, email=f"p{number}@example.com")
        shown.append(page_of(at, "settings-people"))
    hits = unescape(at.client.get(reverse("search-hits"), {"q": "ustawienia sieć"}).content.decode())

    assert [word in page for page, word in zip(shown, ("1 członek", "2 członków", "3 członków"), strict=False)] == [
        True, True, True
    ]
    assert 'data-count="0 wyników"' in hits
    assert "Nic nie pasuje do „ustawienia sieć”" in hits


def test_what_is_done_is_kept_in_english_and_told_in_german(german: Desk) -> None:
    told = german.client.post(reverse("settings-resume"), follow=True).content.decode()

    assert "Der Versand geht weiter." in unescape(told)
    assert AuditEntry.objects.latest("id").action == "workspace.sending_resumed"
    assert AuditEntry.objects.get(action="member.invited").summary == "ines@example.com as marketer"


def test_a_refusal_names_the_role_in_the_persons_language() -> None:
    at = desk(role=Role.ADMIN)
    with languages.speaking("fr"), pytest.raises(ForbiddenError, match="le rôle propriétaire"):
        people.invite(at.actor, email="ines@example.com", role=Role.OWNER)
    with pytest.raises(ForbiddenError, match="somebody an owner: "):
        people.invite(at.actor, email="ines@example.com", role=Role.OWNER)


@pytest.mark.parametrize(
    ("language", "text", "label"),
    [
        ("de", "sperrliste", "Sperrungen"), ("de", "audit", "Einstellungen: Änderungsprotokoll"),
        ("de", "blocklist", "Sperrungen"), ("es", "campana", "Campañas"), ("pl", "wyslij", "Nowa kampania"),
        ("fr", "téléverser photo", "Images"), ("fr", "equipe", "Paramètres\xa0: personnes"),
    ],
)
def test_people_find_pages_by_words_of_their_language_and_of_english(language: str, text: str, label: str) -> None:
    at = desk(role=Role.OWNER)
    with languages.speaking(language):
        assert label in [place.label for place in places_for(at.actor, text)]


def test_every_act_that_is_logged_has_its_words() -> None:
    acts = set()
    for folder in ("relayhub", "campaigns", "deliverability"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) in {"audit.record", "_tell_workspaces"}:
                    acts |= {arg.value for arg in node.args if isinstance(arg, ast.Constant) and "." in str(arg.value)}

    assert len(acts) > 80
    with languages.speaking("de"):
        assert [act for act in sorted(acts) if audit_words.words(str(act)) == _english(str(act))] == []
    assert audit_words.words("thing.never_seen") == "Thing never seen"


def test_values_of_the_log_are_read_as_the_person_reads() -> None:
    kept = {"role": "owner", "status": "verified", "is_public": True, "count": 5_000, "lists": ["a", "b"], "x": False}
    with languages.speaking("de"):
        german = [audit_words.value(field, value, UTC) for field, value in kept.items()]

    assert german == ["Eigentümer", "Bestätigt", "ja", "5.000", "a, b", "nein"]
    assert [audit_words.value(field, value, UTC) for field, value in kept.items()] == [
        "owner", "verified", "yes", "5,000", "a, b", "no"
    ]
    assert [audit_words.value("x", value, UTC) for value in (None, "", [])] == ["–"] * 3
    assert audit_words.value("x", "a" * 300, UTC) == "a" * 200 + "…"


def _english(name: str) -> str:
    with languages.speaking("en"):
        return audit_words.words(name)


def test_the_letter_of_a_jobs_end_is_in_the_language_of_who_started_it() -> None:
    job = Job(title="Export of 3 contacts", status=JobStatus.DONE, done=1_200, total=3_418, unit="contacts")
    with languages.speaking("fr"):
        text = render_to_string("emails/job_done-body.txt", {"job": job, "workspace": "Shop", "link": "L"})

    assert "a pris fin\xa0: terminée, 1\u202f200 sur 3\u202f418 contacts." in text


def test_an_entry_leads_to_what_it_is_about_unless_that_is_gone() -> None:
    at = desk(role=Role.OWNER)
    Workspace.objects.filter(pk=at.workspace.pk).update(is_first=True)
    for verb in ("created", "deleted"):
        audit.record(at.actor, f"template.{verb}", "template", "tpl_01m1d8qnzk7m6e1a6y5p0j2qnv", summary=f"News {verb}")
    page = page_of(at, "settings-audit")

    assert 'href="/templates/tpl_01m1d8qnzk7m6e1a6y5p0j2qnv">News created</a>' in page
    assert '<span class="sub">News deleted</span>' in page


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_long_words_fit(look: Callable[..., None], german: Desk) -> None:
    for name in ("settings-people", "settings-audit", "api-home"):
        look(german, reverse(name), f"de-{name}", only_words=True)
