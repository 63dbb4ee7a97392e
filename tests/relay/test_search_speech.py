"""The search of messages in the languages of people: the same reading as in English, side by side with it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import translation

from relayhub.core.vocabulary import status_look
from relayhub.relay import search_speech
from relayhub.relay.search_words import Kind, Reading, read

NOW = datetime(2026, 11, 30, 9, 30, tzinfo=UTC)  # a Monday
LANGUAGES = ("de", "fr", "es", "pl")


def reading(text: str, language: str = "en") -> Reading:
    with translation.override(language):
        return read(text, now=NOW, zone=UTC)


def sense(found: Reading) -> list[tuple[object, ...]]:
    """What was understood, without the words it is called."""
    return [
        (part.kind, part.since, part.until) if part.kind is Kind.PERIOD else (part.kind, part.value)
        for part in found.parts
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", search_speech.STATES)
def test_a_state_is_found_by_the_word_of_its_pill_and_in_english(state: str, language: str) -> None:
    with translation.override(language):
        word = status_look(state).word

    assert sense(reading(word, language)) == sense(reading(state, language)) == [(Kind.STATE, state)]
    assert sense(reading(f"is:\"{word.upper()}\"", language)) == [(Kind.STATE, state)]


@pytest.mark.parametrize(
    ("english", "said"),
    [
        ("yesterday", {"de": "Gestern", "fr": "hier", "es": "ayer", "pl": "wczoraj"}),
        ("today", {"de": "heute", "fr": "aujourd’hui", "es": "hoy", "pl": "dziś"}),
        ("last week", {"de": "letzte Woche", "fr": "la semaine dernière", "es": "la semana pasada",
                       "pl": "w zeszłym tygodniu"}),
        ("this month", {"de": "diesen Monat", "fr": "ce mois-ci", "es": "este mes", "pl": "w tym miesiącu"}),
        ("last year", {"de": "voriges Jahr", "fr": "année dernière", "es": "año pasado", "pl": "ubiegły rok"}),
        ("last monday", {"de": "letzten Montag", "fr": "lundi dernier", "es": "el lunes pasado",
                         "pl": "w zeszły poniedziałek"}),
        ("since monday", {"de": "seit Montag", "fr": "depuis lundi", "es": "desde el lunes", "pl": "od poniedziałku"}),
        ("last 2 hours", {"de": "letzte 2 Stunden", "fr": "2 dernières heures", "es": "últimas 2 horas",
                          "pl": "ostatnie 2 godziny"}),
        ("last 3 days", {"de": "letzten 3 Tage", "fr": "ces 3 derniers jours", "es": "los últimos 3 días",
                         "pl": "ostatnich 3 dni"}),
        ("20 nov", {"de": "20. Nov.", "fr": "le 20 nov.", "es": "20 de noviembre", "pl": "20 listopada"}),
        ("1 january", {"de": "am 1. Januar", "fr": "1er janvier", "es": "1 de enero", "pl": "1 sty"}),
        ("march 2026", {"de": "März 2026", "fr": "mars 2026", "es": "marzo de 2026", "pl": "marzec 2026"}),
        ("before 20 nov", {"de": "vor dem 20. November", "fr": "avant le 20 novembre", "es": "antes del 20 de nov",
                           "pl": "przed 20 listopada"}),
        ("until 5 nov", {"de": "bis 5. Nov", "fr": "jusqu’au 5 novembre", "es": "hasta el 5 de noviembre",
                         "pl": "do 5 listopada"}),
        ("1 to 5 nov", {"de": "von 1. bis 5. Nov", "fr": "du 1er au 5 novembre", "es": "del 1 al 5 de noviembre",
                        "pl": "od 1 do 5 listopada"}),
        ("1 nov to 5 nov 2026",
         {"de": "zwischen 1. November und 5. November 2026", "fr": "entre le 1 novembre et le 5 novembre 2026",
          "es": "del 1 de noviembre de 2026 al 5 de noviembre de 2026",
          "pl": "między 1 listopada a 5 listopada 2026"}),
        ("from ines@mail.example", {"de": "von ines@mail.example", "fr": "de ines@mail.example",
                                    "es": "de ines@mail.example", "pl": "od ines@mail.example"}),
        ("to mail.example", {"de": "an mail.example", "fr": "chez mail.example", "es": "a mail.example",
                             "pl": "do mail.example"}),
        ("mail.example bounced last week receipt",
         {"de": "mail.example unzustellbar letzte Woche receipt", "fr": "mail.example rejetés semaine dernière receipt",
          "es": "mail.example rebotados semana pasada receipt",
          "pl": "mail.example odrzucone zeszły tydzień receipt"}),
    ],
)
def test_a_phrase_means_what_it_means_in_english(english: str, said: dict[str, str]) -> None:
    wanted = sense(reading(english))

    assert {language: sense(reading(text, language)) for language, text in said.items()} == dict.fromkeys(said, wanted)
    assert sense(reading(english, "pl")) == wanted


def test_words_of_another_language_are_words_of_the_subject() -> None:
    assert sense(reading("gestern unzustellbar")) == [(Kind.SUBJECT, "gestern unzustellbar")]
    assert sense(reading("wczoraj", "de")) == [(Kind.WORD, "wczoraj")]


@pytest.mark.parametrize(
    ("language", "text"), [("de", "vor Ort"), ("de", "Woche"), ("fr", "le mars"), ("es", "pan de la semana"),
                           ("pl", "do domu"), ("pl", "od ręki"), ("de", "heute der")],
)
def test_small_words_do_not_make_a_day(language: str, text: str) -> None:
    found = reading(text, language)

    assert not found.names_period or found.without(found.parts[0]) == "der"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_search_is_read_as_can_be_typed_again(language: str) -> None:
    for text in ("yesterday", "20 nov", "march 2025", "bounced", "held", "complained"):
        first = reading(text, language)
        with translation.override(language):
            words = first.words.split(" (")[0]
        assert sense(reading(words, language)) == sense(first), words
