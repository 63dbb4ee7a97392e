"""What files of other tools say of who agreed to a list: headings, values, and what is taken for such a column."""

from __future__ import annotations

import pytest

from campaigns import column_guess
from campaigns.column_answers import AGREED, LEFT, Answer, agreed, left, of_row, target_of

YES, NO, EMPTY, UNCLEAR = Answer.YES, Answer.NO, Answer.EMPTY, Answer.UNCLEAR


@pytest.mark.parametrize(
    ("expected", "cells"),
    [
        (YES, "yes;Ja;OUI;sí;si;tak;true;TRUE;Wahr;vrai;VERDADERO;prawda;1;1.0;x;X;t;y;j;o;s;✓;on"),
        (YES, "subscribed;Subscribed;confirmed;Opted-In;opt in;active;bestätigt;Abonné;inscrite;suscrito;zapisana"),
        (NO, "no;Nein;NON;nie;false;FALSCH;faux;falso;fałsz;0;0.0;n;f;off;✗;✘"),
        (NO, "unsubscribed;cleaned;bounced;non-subscribed;Opted out;opt-out;unconfirmed;pending;inactive"),
        (NO, "abgemeldet;unbestätigt;désabonné;en attente;dado de baja;Pendiente;wypisany;niepotwierdzony"),
        (EMPTY, ";  ;-;–;null;N/A;none;brak"),
        (UNCLEAR, "maybe;weekly;2;01.02.2026;?;yes and no;ja, telefonisch;" + "yes " * 30),
    ],
)
def test_what_a_cell_says(expected: Answer, cells: str) -> None:
    assert {cell: agreed(cell) for cell in cells.split(";")} == dict.fromkeys(cells.split(";"), expected)


@pytest.mark.parametrize(
    ("expected", "cells"),
    [
        (YES, ";0;no;Nein;false;-"), (NO, "1;yes;x;ja;TRUE;2026-02-01 10:11;01.02.2026;12/31/2025"),
        # A word about the subscription is not turned round: nobody is put on a list by it.
        (UNCLEAR, "subscribed;unsubscribed;moved house;0000-00-00"),
    ],
)
def test_a_column_of_those_who_left_says_the_opposite(expected: Answer, cells: str) -> None:
    assert {cell: left(cell) for cell in cells.split(";")} == dict.fromkeys(cells.split(";"), expected)


def test_who_left_is_not_brought_back_by_a_yes() -> None:
    assert of_row("yes", "1") == (NO, "1")
    assert of_row("yes", "0") == (YES, "yes")
    assert of_row("", "0") == (EMPTY, "")
    assert of_row(None, "moved") == (UNCLEAR, "moved")
    assert of_row(None, None) == (YES, "")


@pytest.mark.parametrize(
    ("expected", "headings", "values"),
    [
        (AGREED, "Newsletter;newsletter_opt_in;Opt-In;optin;Subscribed;Consent;GDPR;Accepts Marketing", "yes;no"),
        (AGREED, "Newsletter (ja/nein);Einwilligung;Newsletter-Einwilligung;Zustimmung;Abonniert;DSGVO", "ja;nein"),
        (AGREED, "Consentement;Abonné;Inscrit;Infolettre;Abonnement newsletter", "oui;non"),
        (AGREED, "Consentimiento;Suscrito;Boletín;Acepta publicidad", "sí;no"),
        (AGREED, "Zgoda;Zgoda na newsletter;Subskrypcja;Biuletyn;RODO", "tak;nie"),
        (AGREED, "opt_in;Zgoda;Einwilligung", "1;0"), (AGREED, "Newsletter;opt_in", "x"), (AGREED, "Newsletter", ""),
        (AGREED, "Status;Etat;State;column 3", "subscribed;unsubscribed;cleaned"),
        (AGREED, "Status", "active;unsubscribed;bounced"),
        (LEFT, "Unsubscribed;opt_out;Email Opt Out;HasOptedOutOfEmail;Blacklisted;Abgemeldet;Désabonné;Baja", "1;0"),
        (LEFT, "Unsubscribed at;Abgemeldet am;Fecha de baja;Data wypisania", "2026-01-02;03.04.2025 10:00"),
        ("", "Newsletter", "weekly;monthly"), ("", "Consent;Einwilligung", "by phone;at the fair;in the shop"),
        ("", "Opt-in date;Subscribed at;Consent IP;Newsletter ID;SMS consent;Unsubscribe reason", "1;0"),
        ("", "Member;Paid;Status;Customer", "yes;no"), ("", "Status", "active;inactive"), ("", "Notes", "x"),
        ("", "Mailing address", "12 High Street"),
    ],
)
def test_which_columns_say_who_agreed(expected: str, headings: str, values: str) -> None:
    cells = [value for value in values.split(";") if value]

    assert {name: target_of(name, cells) for name in headings.split(";")} == dict.fromkeys(
        headings.split(";"), expected
    )


def guess(columns: str, *rows: str, known: dict[str, tuple[str, str]] | None = None) -> dict[str, column_guess.Guess]:
    names, cells = columns.split(";"), [row.split(";") for row in rows]
    return column_guess.guesses(names, cells, known or {}, column_guess.answers_in(names, cells))


def test_the_guess_says_how_sure_it_is() -> None:
    found = guess("email;Newsletter;opt_out", "a@x.example;ja;", "b@x.example;nein;1")
    assert [row.target for row in found.values()] == ["email", AGREED, LEFT]
    assert found["Newsletter"].why == "Likely: says who agreed"
    assert found["opt_out"].why == "Likely: says who left"
    mixed = guess("email;Newsletter", "a@x.example;ja", "b@x.example;nein", "c@x.example;weekly")["Newsletter"]
    assert (mixed.target, mixed.look, mixed.why) == (AGREED, "warn", "Check: some mean neither yes nor no")
    assert guess("email;Newsletter", "a@x.example;")["Newsletter"].look == "warn"


def test_of_several_the_one_about_the_newsletter_is_taken_and_a_field_of_that_name_is_no_excuse() -> None:
    found = guess("email;Consent;Newsletter", "a@x.example;yes;no", known={"newsletter": ("Newsletter", "boolean")})

    assert (found["Newsletter"].target, found["Consent"].target) == (AGREED, "consent")


def test_without_a_list_such_a_column_is_a_field_like_any_other() -> None:
    names, cells = ["email", "Newsletter"], [["a@x.example", "ja"], ["b@x.example", "nein"]]

    assert column_guess.guesses(names, cells, {})["Newsletter"].type == "boolean"
