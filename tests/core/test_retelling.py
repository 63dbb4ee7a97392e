"""Sentences that are stored in English and said in the reader's language; titles of jobs among them."""

from __future__ import annotations

import pytest

import relayhub.site.job_notices  # noqa: F401  registers the kinds of jobs
from relayhub.core import jobs, languages
from relayhub.core.models import Job
from relayhub.core.retelling import KnownSentences


def test_a_known_sentence_is_said_anew_and_any_other_as_it_stands() -> None:
    known = KnownSentences(
        "By %(who)s.", "Domain added", "Export of %(count)s contacts", "Undo: %(sentence)s", nested=["sentence"]
    )

    def told(language: str, *stored: str) -> list[str]:
        with languages.speaking(language):
            return [known.told(text) for text in stored]

    assert told("de", "By Ann.", "Domain added", "By") == ["Von Ann.", "Domain hinzugefügt", "By"]
    assert told("de", "Undo: Export of 3,418 contacts") == ["Rückgängig: Export von 3.418 Kontakten"]
    assert told("en", "By Ann.", "Undo: Export of 3,418 contacts") == ["By Ann.", "Undo: Export of 3,418 contacts"]


@pytest.mark.parametrize(
    ("kind", "title", "german"),
    [
        ("bulk", "Add 3,418 contacts to “News”", "3.418 Kontakte zu „News“ hinzufügen"),
        ("bulk", "Delete 1 contact", "1 Kontakt löschen"),
        ("suppression_import", "Suppress the addresses of old.csv", "Adressen aus old.csv sperren"),
        ("unheard_of", "Whatever it did", "Whatever it did"),
    ],
)
def test_the_title_of_a_job_is_stored_in_english_and_said_in_the_readers_language(
    kind: str, title: str, german: str
) -> None:
    job = Job(kind=kind, title=title)

    with languages.speaking("de"):
        assert jobs.title_of(job) == german
    assert jobs.title_of(job) == title


def test_every_kind_of_job_says_how_its_jobs_are_titled() -> None:
    nameless = [kind for kind, about in jobs._kinds.items() if not kind.startswith("test") and not about.titles]

    assert nameless == []
