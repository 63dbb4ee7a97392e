"""Catalogues of translations: compiled once, in step with the source, complete."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from django.core.management import call_command

from relayhub import catalogs
from relayhub.core import checks, extraction

PLACE = re.compile(r"%\(\w+\)[sd]|\{\w*\}|</?b>|</?a\b[^>]*>")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place with one German catalogue."""
    folder = tmp_path / "locale" / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.po").write_text('msgid "Save"\nmsgstr "Speichern"\n', encoding="utf-8")
    monkeypatch.setattr(catalogs, "HOMES", (tmp_path,))
    return folder


def test_catalogues_are_compiled_once_and_again_after_a_change(home: Path) -> None:
    first, second = catalogs.compile_all(), catalogs.compile_all()
    compiled = (home / "django.mo").stat()
    os.utime(home / "django.po", ns=(compiled.st_atime_ns, compiled.st_mtime_ns + 1))

    assert (first, second, catalogs.compile_all()) == (1, 0, 1)
    assert b"Speichern" in (home / "django.mo").read_bytes()
    assert [path.name for path in home.iterdir() if path.name.startswith(".")] == []


def test_a_broken_catalogue_stops_the_start_with_its_name(home: Path) -> None:
    (home / "django.po").write_text('Save = Speichern\n', encoding="utf-8")

    with pytest.raises(catalogs.CatalogProblem, match=r"django\.po"):
        catalogs.compile_all()


def test_a_check_says_that_catalogues_are_not_compiled(home: Path) -> None:
    before = [error.hint for error in checks.translations_are_compiled()]
    catalogs.compile_all()

    assert before == ["Run `python -m relayhub.catalogs`."]
    assert checks.translations_are_compiled() == []


def test_every_text_of_code_and_templates_is_in_every_catalogue() -> None:
    call_command("makecatalogs", check=True)


@pytest.mark.parametrize("language", extraction.languages_to_translate())
@pytest.mark.parametrize("home", extraction.HOMES, ids=lambda home: f"{home.folder.name}-{home.domain}")
def test_every_text_is_translated_and_keeps_its_places(home: extraction.Home, language: str) -> None:
    wrong = []
    for message in extraction.present(home, language):
        sources = [message.id] if isinstance(message.id, str) else list(message.id)
        given = [message.string] if isinstance(message.string, str) else list(message.string)
        if not message.id:
            continue
        forms = extraction.present(home, language).num_plurals if len(sources) > 1 else 1
        wanted = sorted(set(PLACE.findall(sources[-1])))
        if len(given) != forms or not all(given) or message.fuzzy:
            wrong.append(f"not translated: {sources[0]}")
        elif any(sorted(set(PLACE.findall(text))) != wanted for text in given):
            wrong.append(f"other places: {sources[0]}: {given}")
        elif any(" || " in text for text in given):
            wrong.append(f"several forms in one: {sources[0]}: {given}")

    assert wrong == []


def test_french_signs_stay_with_their_words() -> None:
    assert extraction.typeset("Retirer « %(name)s » : oui ?", "fr") == (
        "Retirer «\xa0%(name)s\xa0»\xa0: oui\xa0?"
    )
    assert extraction.typeset("So geht es : nicht", "de") == "So geht es : nicht"
