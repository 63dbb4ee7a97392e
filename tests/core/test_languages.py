"""Languages: which one somebody is spoken to in, and how it writes numbers and dates."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import RequestFactory

from relayhub.catalogs import ROOT
from relayhub.core import formats, languages, nouns
from relayhub.core.errors import InputError

NOW = datetime(2026, 11, 24, 9, 46, 51, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "1,234,567.5"), ("de", "1.234.567,5"), ("fr", "1\u202f234\u202f567,5"), ("es", "1.234.567,5"),
        ("pl", "1\xa0234\xa0567,5"),
    ],
)
def test_each_language_groups_numbers_its_own_way(language: str, expected: str) -> None:
    with languages.speaking(language):
        assert formats.number(1_234_567.5, 1) == expected


def test_spanish_and_polish_group_from_five_digits_on() -> None:
    for language, large in (("es", "12.345"), ("pl", "12\xa0345")):
        with languages.speaking(language):
            assert [formats.number(1_234), formats.number(-9_999.5, 1), formats.number(12_345)] == [
                "1234", "-9999,5", large
            ]


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "29.6%"), ("de", "29,6\xa0%"), ("fr", "29,6\xa0%"), ("es", "29,6\xa0%"), ("pl", "29,6%")],
)
def test_each_language_writes_per_cent_its_own_way(language: str, expected: str) -> None:
    with languages.speaking(language):
        assert formats.percent(0.296) == expected


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("de", ["1 Kontakt", "2 Kontakte", "5.000 Kontakte"]),
        ("fr", ["1 contact", "2 contacts", "5\u202f000 contacts"]),
        ("pl", ["1 kontakt", "2 kontakty", "5000 kontaktów"]),
    ],
)
def test_what_is_counted_has_the_forms_of_each_language(language: str, expected: list[str]) -> None:
    with languages.speaking(language):
        assert [formats.counted(count, "contact") for count in (1, 2, 5_000)] == expected


def test_what_is_kept_is_counted_in_the_language_of_the_source() -> None:
    with languages.speaking("de"):
        assert formats.recorded(5_000, "contact") == "5,000 contacts"


def test_every_noun_that_a_page_counts_is_listed() -> None:
    said = re.compile(r"""counted(?::|\((?:[^()]|\([^()]*\))*?, )["']([a-z ,]+)["']""")
    files = [*(ROOT / "templates").rglob("*.html")]
    for folder in ("relayhub", "campaigns", "deliverability"):
        files += (ROOT / folder).rglob("*.py")
    found = {noun for path in files for noun in said.findall(path.read_text(encoding="utf-8"))}

    assert len(found) > 30
    assert [noun for noun in sorted(found) if noun.partition(",")[0] not in nouns.NOUNS] == []


@pytest.mark.parametrize(
    ("language", "style", "expected"),
    [
        ("en", "date", "Wed 18 Nov"), ("de", "date", "Mi., 18. Nov."), ("fr", "date", "mer. 18 nov."),
        ("es", "date", "mié, 18 nov"), ("pl", "date", "śr., 18 lis"),
        ("en", "full", "Wednesday 18 November 2026, 09:46"), ("de", "full", "Mittwoch, 18. November 2026, 09:46"),
        ("fr", "full", "mercredi 18 novembre 2026, 09:46"), ("es", "full", "miércoles, 18 de noviembre de 2026, 09:46"),
        ("pl", "full", "środa, 18 listopada 2026, 09:46"), ("de", "relative", "vor 6 Tg."),
        ("pl", "relative", "6 d temu"),
    ],
)
def test_each_language_writes_days_its_own_way(language: str, style: str, expected: str) -> None:
    with languages.speaking(language):
        assert formats.moment_text(NOW - timedelta(days=6), now=NOW, zone=UTC, style=style) == expected


@pytest.mark.parametrize(("count", "expected"), [(1, "1 bajt"), (2, "2 bajty"), (5, "5 bajtów"), (22, "22 bajty")])
def test_polish_counts_in_three_forms(count: int, expected: str) -> None:
    with languages.speaking("pl"):
        assert formats.size(count) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", ""), ("de", "de"), ("de_AT", "de-AT"), ("PT-br", "pt-BR"), ("zh-hant-tw", "zh-Hant-TW"), ("German", "de"),
        ("polski", "pl"), (" Français ", "fr"), ("nl", "nl"),
    ],
)
def test_a_language_is_kept_as_a_tag(given: str, expected: str) -> None:
    assert languages.checked_tag(given) == expected


@pytest.mark.parametrize("given", ["xx", "klingonish", "de-", "d", "de;q=1", "1234"])
def test_what_is_no_language_is_refused(given: str) -> None:
    with pytest.raises(InputError):
        languages.checked_tag(given)


@pytest.mark.parametrize(
    ("contact", "browser", "workspace", "expected"),
    [
        ("pl", "de", "fr", "pl"),
        ("pl-PL", "de", "fr", "pl"),
        ("nl", "de-CH, en;q=0.5", "fr", "de"),  # a language that is not shipped leaves it to the browser
        ("", "nl, es;q=0.7, de;q=0.9", "fr", "de"),
        ("", "nl", "fr", "fr"),
        ("", "*", "fr", "fr"),
        ("", "de;q=broken,,", "", "en"),
        ("", "", "", "en"),
    ],
)
def test_the_contact_comes_first_then_the_browser_then_the_workspace(
    contact: str, browser: str, workspace: str, expected: str
) -> None:
    request = RequestFactory().get("/", headers={"Accept-Language": browser})

    assert languages.for_reader(request, contact=contact, workspace=workspace) == expected


def test_a_language_is_called_as_the_present_one_calls_it() -> None:
    assert [languages.name_of(tag) for tag in ("de", "pt-BR", "xx")] == ["German", "Portuguese (Brazil)", "xx"]
    with languages.speaking("fr"):
        assert [languages.name_of(tag) for tag in ("de", "pt-BR")] == ["Allemand", "Portugais (Brésil)"]
