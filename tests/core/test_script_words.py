"""What scripts say: found in them, and served to browsers in each language."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from relayhub.core import extraction, languages, script_words
from relayhub.core.page_files import words_of_scripts

SCRIPTS = next(home for home in extraction.HOMES if home.domain == "djangojs")


def test_texts_of_scripts_are_found_with_their_plurals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "static/js").mkdir(parents=True)
    (tmp_path / "static/js/one.js").write_text(
        'say(isOk ? gettext("Saved %(at)s", { at }) : gettext("Not " + "saved"));\n'
        "const found = (count) => ngettext('%(count)s list', '%(count)s lists', count);\n"
        'other("Not a text", `nor ${this}`, /gettext\\("nor this"\\)/);\n',
        encoding="utf-8",
    )
    monkeypatch.setattr(extraction, "ROOT", tmp_path)

    found = [text.id for text in extraction.found_in(SCRIPTS) if text.id]

    assert found == ["Saved %(at)s", "Not saved", ("%(count)s list", "%(count)s lists")]


@pytest.mark.parametrize("language", script_words.languages())
def test_a_catalogue_is_kept_for_ever_under_its_version_by_anybody(language: str, client: Client) -> None:
    answer = client.get(script_words.address(language))
    older = client.get(reverse("script-words", args=[language, "000000000000"]))

    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.cookies == {}
    assert "Cookie" not in answer.headers.get("Vary", "")
    assert len(answer.content) < 24_000
    assert (older.content, older.headers["Cache-Control"]) == (answer.content, "no-cache")


def test_a_language_that_is_not_translated_has_none(client: Client) -> None:
    statuses = [client.get(f"/words/{language}-000000000000.js").status_code for language in ("en", "it", "..")]

    assert statuses == [404, 404, 404]


def test_pages_in_english_load_no_catalogue() -> None:
    with languages.speaking("en"):
        english = words_of_scripts()
    with languages.speaking("pl"):
        polish = words_of_scripts()

    assert "/words/" not in english
    assert polish.index(script_words.address("pl")) < polish.index("js/words")
