"""What a column is taken for, by its heading in several languages and by its values, and how values are read."""

from __future__ import annotations

import pytest

from campaigns.column_guess import Guess, guesses
from campaigns.column_values import DATE_DMY, DATE_MDY, NUMBER_COMMA, NUMBER_DOT, normal

NO_FIELDS: dict[str, tuple[str, str]] = {}


def guess(columns: str, *rows: str, known: dict[str, tuple[str, str]] = NO_FIELDS) -> dict[str, Guess]:
    return guesses(columns.split(";"), [row.split(";") for row in rows], known)


def targets(columns: str, *rows: str, known: dict[str, tuple[str, str]] = NO_FIELDS) -> list[str]:
    return [found.target for found in guess(columns, *rows, known=known).values()]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ("E-Mail;Full Name", ["email", "name"]),
        ("email_address;First Name;Last Name", ["email", "name.first", "name.last"]),
        ("E-Mail-Adresse;Vorname;Nachname", ["email", "name.first", "name.last"]),
        ("Vorname;Name;E-Mail", ["name.first", "name.last", "email"]),
        ("Adresse électronique;Prénom;Nom", ["email", "name.first", "name.last"]),
        ("Courriel;Nom", ["email", "name"]),
        ("Correo electrónico;Nombre;Apellidos", ["email", "name.first", "name.last"]),
        ("Correo;Nombre", ["email", "name"]),
        ("Adres e-mail;Imię;Nazwisko", ["email", "name.first", "name.last"]),
        ("Indirizzo e-mail;Nome;Cognome", ["email", "name.first", "name.last"]),
        ("E-post;Förnamn;Efternamn", ["email", "name.first", "name.last"]),
        ("E-mailadres;Voornaam;Achternaam", ["email", "name.first", "name.last"]),
        ("Sähköposti;Nimi", ["email", "name"]),
        ("Fornavn;E-mail", ["name.first", "email"]),
    ],
)
def test_headings_in_many_languages(columns: str, expected: list[str]) -> None:
    assert targets(columns) == expected


def test_the_address_is_found_by_its_values() -> None:
    assert targets("Kontakt;Navn", "zoe@x.example;Zoe") == ["email", "name"]
    assert targets("Address;Login", "12 High Street;zoe@x.example") == ["address", "email"]
    assert targets("E-mail;Other", ";zoe@x.example") == ["e_mail", "email"]
    assert targets("column 1;column 2", "Zoë Grün;zoe@x.example", "Bo Lund;bo@x.example") == ["name", "email"]
    assert guess("email", "a@x.example", "b", "c")["email"].look == "warn"


@pytest.mark.parametrize(
    ("values", "kind", "written"),
    [
        (["12", "4.5", "1,200"], "number", NUMBER_DOT),
        (["12,5", "1.234,50"], "number", NUMBER_COMMA),
        (["2026-11-24", "2026-1-2T10:00"], "date", DATE_DMY),
        (["24.12.2026", "01.02.2026"], "date", DATE_DMY),
        (["12/24/2026", "01/02/26"], "date", DATE_MDY),
        (["ja", "nein", "Ja"], "boolean", ""),
        (["oui", "non"], "boolean", ""),
        (["1", "0", "1"], "number", NUMBER_DOT),
        (["00420", "12345"], "text", ""),
        (["+45 12 34 56 78", "0123/4567"], "text", ""),
        (["12", "many"], "text", ""),
        (["2026-13-40"], "text", ""),
        (["4111111111111111"], "text", ""),
    ],
)
def test_the_type_of_a_new_field_is_that_of_its_values(values: list[str], kind: str, written: str) -> None:
    found = guess("email;shop value", *(f"a@x.example;{value}" for value in values))["shop value"]

    assert (found.target, found.type, found.format) == ("shop_value", kind, written)


def test_what_cannot_be_told_is_asked() -> None:
    found = guess("email;since", "a@x.example;03-04-2025", "b@x.example;11-12-2024")["since"]

    assert (found.look, found.why, found.format) == ("warn", "Check: day or month first?", DATE_DMY)
    assert guess("email;since", "a@x.example;04-04-2025")["since"].look == "info"


def test_a_column_of_languages() -> None:
    assert guess("email;Sprache", "a@x.example;Deutsch", "b@x.example;pl")["Sprache"].target == "language"
    assert guess("email;lang", "a@x.example;Klingonish")["lang"].look == "warn"


def test_fields_that_are_there_come_first() -> None:
    known = {"first_name": ("Given", "text"), "points": ("Loyalty points", "number"), "country": ("Country", "text")}

    found = guess("email;First name;Loyalty-Points;Land", "a@x.example;Zoe;1.200,5;DK", known=known)

    assert [row.target for row in found.values()] == ["email", "first_name", "points", "country"]
    assert found["Loyalty-Points"].format == NUMBER_COMMA
    assert found["Land"].why == "Likely: countries"
    assert guess("email;points", "a@x.example;many", known=known)["points"].why == "Check: not all are numbers"


def test_nothing_is_named_twice() -> None:
    found = targets("email;E-Mail;Shop;shop;Name;Full name", "a@x.example;b@x.example;1;2;A;B")

    assert len([target for target in found if target]) == len({target for target in found if target})
    assert found.count("email") == 1
    assert found.count("name") == 1


@pytest.mark.parametrize(
    ("kind", "written", "cell", "expected"),
    [
        ("date", DATE_DMY, "3.4.25", "2025-04-03"),
        ("date", DATE_MDY, "3/4/1999 10:15", "1999-03-04"),
        ("date", DATE_MDY, "2026-11-24", "2026-11-24"),
        ("date", DATE_DMY, "31.02.2026", "31.02.2026"),
        ("number", NUMBER_COMMA, "-1.234,5", "-1234.5"),
        ("number", NUMBER_DOT, "1 234", "1234"),
        ("number", NUMBER_DOT, "1,5", "1,5"),
        ("number", "", "1e3", "1e3"),
        ("boolean", "", "NEIN", "false"),
        ("text", "", "ja", "ja"),
    ],
)
def test_values_as_people_write_them(kind: str, written: str, cell: str, expected: str) -> None:
    assert normal(kind, written, cell) == expected


def test_an_empty_column_without_a_name_makes_no_field() -> None:
    assert targets("email;column 2;note", "a@x.example;;") == ["email", "", "note"]
    assert targets("email;column 2", "a@x.example;x") == ["email", "column_2"]
