"""Home, Live, routes, streams and jobs in the person's language: whole pages without English left in them."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.urls import reverse

from relayhub.core import languages
from relayhub.relay import routes
from relayhub.relay.models import Lane
from relayhub.relay.routes import RouteInput
from relayhub.site import demo, setup
from relayhub.site.first_steps import Step, left_in_words
from tests.pages.marketer_rows import Desk, reading
from tests.pages.test_jobs import ended, running
from tests.pages.test_live import defer, lane_with

pytestmark = pytest.mark.django_db


def words_of(at: Desk, path: str) -> str:
    """What a person reads of the page's middle, its labels for those who do not see among it."""
    answer = at.client.get(path)
    assert answer.status_code == 200
    page = re.sub(r"<script.*?</script>", "", answer.content.decode().partition("<main")[2], flags=re.DOTALL)
    labels = re.findall(r'(?:aria-label|title|placeholder|data-label)="([^"]*)"', page)
    return unescape(" ".join(" ".join([re.sub(r"<[^>]*>", " ", page), *labels]).split()))


def filled(language: str) -> Desk:
    at = reading(language)
    routes.forget()
    routes.create_route(at.actor, RouteInput(transport="smtp://mail.example.com", domains=["a.example", "b.example"]))
    slow = lane_with(at, "google", 3, slug="broadcast", backoff_reason="Asked to slow down.")
    defer(slow, ["try again later"] * 2)
    running(at)
    ended(at)
    return at


GERMAN = [
    ("home", ("Erste Schritte", "Massenversand", "Letzte 24 Stunden", "Wird jetzt versendet"),
     ("What needs you", "First steps", "Waiting", "recipients", "Delivered")),
    ("live", ("Spuren", "Aufgeschoben", "Um langsameres Senden gebeten", "nächster Versuch", "pro Minute"),
     ("Lanes", "Deferred", "Asked to slow", "next try", "a minute", "Workers")),
    ("route-list", ("Regeln der Reihe nach", "An a.example oder b.example", "Alle E-Mails, die keine Regel"),
     ("Rules in order", " or ", "All mail", "Not used", "Last rule")),
    ("route-go-live", ("Wie E-Mails versendet werden", "Eines fehlt noch vor dem Echtbetrieb", "Anbieter wählen"),
     ("How mail leaves", "Straight", "Provider with", "verified")),
    ("route-new", ("Welche E-Mails", "Benachbarte Regeln", "Regel hinzufügen"),
     ("Which mail", "Weight", "Add the rule")),
    ("stream-list", ("Ein Strom ist eine Klasse", "Wird versendet", "Gemessen wird", "Massenversand"),
     ("A stream is", "Goes out", "Measures", "Broadcast", "own letters")),
    ("stream-new", ("Neuer Strom", "Transaktionsmails: eine Person"), ("New stream", "Transactional", "one person")),
    ("job-list", ("Läuft gerade", "Alle Arten", "7 / 9 Zeilen"), ("Running now", "Every kind", " of 9", "Started")),
]


@pytest.mark.parametrize(("name", "there", "gone"), GERMAN)
def test_a_page_is_german_to_its_last_word(name: str, there: tuple[str, ...], gone: tuple[str, ...]) -> None:
    page = words_of(filled("de"), reverse(name))

    assert [word for word in there if word not in page] == []
    assert [word for word in gone if word in page] == []


def test_many_things_are_counted_in_polish_forms() -> None:
    at = filled("pl")

    page = words_of(at, reverse("live"))

    assert "następna próba" in page
    def left(minutes: int) -> str:
        return left_in_words([Step(title="", text="", is_done=False, permission="", minutes=minutes)])

    with languages.speaking("pl"):
        assert [left(count).rpartition(" ")[2] for count in (1, 3, 5)] == ["minuta", "minuty", "minut"]


def test_what_a_lane_is_kept_back_for_is_stored_in_english() -> None:
    at = filled("de")

    stream = at.workspace.streams.get(slug="broadcast")

    at.client.post(reverse("stream-pause", args=[stream.public_id]), {"reason": ""})

    feed = at.client.get(reverse("live-feed")).json()
    assert "Strom pausiert" in feed["html"]["lanes"]
    assert Lane.objects.get(stream=stream).backoff_reason == "Asked to slow down."


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_long_words_have_room(look: Callable[..., None]) -> None:
    workspace = setup.new_workspace("Demo", is_demo=True)
    demo.seed(workspace)
    at = reading("de", workspace)
    look(at, reverse("home"), "home-de", only_words=True)
    look(at, reverse("stream-list"), "streams-de", only_words=True)
