"""The campaign pages in the language of who reads them; what is stored stays English."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from django.urls import reverse

from campaigns import broadcast, preflight
from campaigns.models import Campaign
from campaigns.retold import refusal_told
from relayhub.core import languages
from relayhub.core.clock import now
from relayhub.core.models import AuditEntry, User
from tests.pages.marketer_rows import Desk, reading
from tests.pages.report_rows import clicks, ends, launched, make_ripe, opens
from tests.pages.wizard_rows import make_campaign, step

pytestmark = pytest.mark.django_db
#: Small words of English that no German sentence has.
_ENGLISH = re.compile(r"\b(?:the|is|are|its|and|of|with|by|it|from|to|yet|for|this)\b", re.IGNORECASE)
#: What is data or the machine's own words.
_DATA = ("No such user", "Try later", "Shop <news@shop.example>")


def text_of(at: Desk, path: str) -> str:
    """What the page's own part says, with what only assistive technology reads."""
    answer = at.client.get(path)
    assert answer.status_code == 200
    html = answer.content.decode()
    html = html[html.index("<main"):html.index("</main>")]
    said = re.findall(r'(?:aria-label|placeholder|data-label|title)="([^"]*)"', html)
    html = re.sub(r"<(script|option|datalist)\b.*?</\1>", " ", html, flags=re.DOTALL)
    text = re.sub(r"\s+", " ", unescape(" | ".join([re.sub(r"<[^>]+>", " ", html), *said])))
    for data in _DATA:
        text = text.replace(data, " ")
    return text


def english_in(text: str) -> list[str]:
    """Where English was left over, with what stands around it."""
    return [text[max(0, found.start() - 40):found.end() + 40] for found in _ENGLISH.finditer(text)]


def report_of(at: Desk) -> Campaign:
    """A launched campaign whose recipients met several fates."""
    people = [f"p{number}@x.example" for number in range(5)]
    campaign = launched(at, people)
    ends(campaign, *people[:3])
    ends(campaign, people[3], status="bounced")
    opens(campaign, people[0])
    clicks(campaign, people[0], 1)
    return campaign


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("audience", ("Listen", "Wer ausgelassen wird und warum", "3 Empfänger", "Weiter zum Inhalt")),
        ("content", ("Name der Kampagne", "Leer: der Betreff der Vorlage.", "Test senden", "Alle Vorlagen")),
        ("preflight", ("Startbereit", "Was geprüft wurde", "Der Absender gehört zu einer bestätigten Domain")),
        ("schedule", ("Für 3 Empfänger starten", "Zeitzone", "Beginnt, sobald Sie starten")),
    ],
)
def test_each_step_is_said_in_german(name: str, words: tuple[str, ...]) -> None:
    at = reading("de")

    page = text_of(at, step(make_campaign(at), name))

    assert [word for word in words if word not in page] == []
    assert english_in(page) == []


def test_list_new_and_comparison_are_said_in_german() -> None:
    at = reading("de")
    make_campaign(at, name="Entwurf eins")
    campaign = report_of(at)

    listed, new = text_of(at, reverse("campaign-list")), text_of(at, reverse("campaign-new"))
    beside = text_of(at, f"{reverse('campaign-compare')}?c={campaign.public_id}")

    assert "2 Kampagnen" in listed
    assert "Entwurf · Schritt 4 von 4" in listed
    assert "Weiter zur Zielgruppe" in new
    assert "Von Menschen geklickt" in beside
    assert english_in(listed + new + beside) == []


def test_the_report_and_its_click_map_are_said_in_german() -> None:
    at = reading("de")
    campaign = report_of(at)

    make_ripe(launched(at, ["earlier@x.example"]))

    report = text_of(at, reverse("campaign-report", args=[campaign.public_id]))
    marked = text_of(at, reverse("campaign-clicks", args=[campaign.public_id]))

    assert "Je Postfachanbieter" in report
    assert "Klicks je Link" in report
    assert "Die E-Mail, wie sie versendet wurde" in marked
    assert english_in(report + marked) == []


def test_numbers_take_the_forms_of_polish() -> None:
    at = reading("pl")

    pages = {}
    for people in (1, 2, 5):
        campaign = launched(at, [f"p{number}@of{people}.example" for number in range(people)])
        answer = at.client.get(reverse("campaign-report", args=[campaign.public_id]))
        pages[people] = answer.content.decode()

    assert "Anulować dla 1 odbiorcy?" in pages[1]
    assert "Anulować dla 2 odbiorców?" in pages[2]
    assert "Anulować dla 5 odbiorców?" in pages[5]
    assert "3 kampanie" in text_of(at, reverse("campaign-list"))


def test_a_refused_launch_is_kept_in_english_and_found_in_the_readers_language() -> None:
    at = reading("de")
    campaign = make_campaign(at, lists=None)

    Campaign.objects.filter(pk=campaign.pk).update(status="scheduled", scheduled_at=now() - timedelta(minutes=1))
    broadcast.launch_due()

    kept = AuditEntry.objects.get(action="campaign.launch_blocked").summary
    page = text_of(at, step(campaign, "audience"))

    assert kept == "Nobody would get this campaign. Choose a list with confirmed contacts in the audience step."
    assert "Niemand würde diese Kampagne erhalten. Wählen Sie im Schritt Zielgruppe" in page
    assert english_in(page) == []


def test_what_refuses_a_planned_launch_is_known_again_whole_or_left_as_it_is() -> None:
    too_late = ("Its time, 2026-11-24 10:00 UTC, passed more than an hour ago while nothing could be launched. "
                "Look at it, and launch it if it is still right.")
    sender = ("The From address cannot be used: An address has an @ between name and domain. "
              "Write it as Name <user@domain>.")

    with languages.speaking("de"):
        told = [refusal_told(stored) for stored in (too_late, sender, "Nobody knows. Write it anew.")]
    with languages.speaking("en"):
        english = refusal_told(too_late)

    assert [english_in(text) for text in told[:2]] == [[], []]
    assert "2026-11-24 10:00" in told[0]
    assert (told[2], english) == ("Nobody knows. Write it anew.", too_late)


def test_every_block_of_pre_flight_is_known_again() -> None:
    source = inspect.getsource(preflight)
    blocks = re.findall(r'_block\(\s*"[\w-]+", _\("([^"]+)"\)(?: % \w+| % \{[^}]*\})?,\s*_\("([^"]+)"\)', source)
    found = [f"{message} {fix}" % {"name": "x", "domain": "x", "why": "x"} for message, fix in blocks]

    with languages.speaking("pl"):
        unknown = [stored for stored in found if refusal_told(stored) == stored]

    assert len(found) > 5
    assert unknown == []


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_campaign_pages_look_right_in_long_words(look: Callable[..., None]) -> None:
    at = reading("de")
    campaign = make_campaign(at)
    look(at, step(campaign, "preflight"), "wizard-de-preflight", only_words=True)
    look(at, step(campaign, "schedule"), "wizard-de-schedule", only_words=True)
    look(at, reverse("campaign-report", args=[report_of(at).public_id]), "report-de", only_words=True)
    User.objects.filter(pk=at.user.pk).update(language="pl")
    look(at, step(campaign, "audience"), "wizard-pl-audience", only_words=True)
