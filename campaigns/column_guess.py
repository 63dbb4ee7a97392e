"""What a column of a file holds: by its heading in the languages of our users, else by its first values.

A guess names a target (the address, the name or a part of it, a field), for a new field its type, how its values
are written (`date.dmy`, `number.comma`), and how sure it is, in words for the person who checks it. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import column_answers, column_values
from campaigns.column_values import DATE_DMY, DATE_MDY, NUMBER_COMMA, NUMBER_DOT, plain
from campaigns.fields import key_from_heading
from campaigns.models import FieldType
from relayhub.core.errors import InputError
from relayhub.core.languages import checked_tag

EMAIL, NAME, FIRST_NAME, LAST_NAME, LANGUAGE = "email", "name", "name.first", "name.last", "language"
#: Parts of the name, in the order in which they are joined.
NAME_PARTS = (FIRST_NAME, LAST_NAME)


def _set(text: str) -> frozenset[str]:
    return frozenset(word.strip() for word in " ".join(text.split()).split(",") if word.strip())


#: Headings without accents, in lower case, words parted by one space; `plain` makes them so.
_EMAIL_HEADINGS = _set("""
    email, e mail, mail, emails, email address, e mail address, emailaddress, mail address, address, email id,
    contact email, primary email, work email, e mail adresse, email adresse, emailadresse, mailadresse, adresse
    email, adresse e mail, adresse mail, courriel, adresse electronique, adresse de courriel, correo, correo
    electronico, email de contacto, direccion de correo, direccion de correo electronico, posta elettronica,
    indirizzo email, indirizzo e mail, endereco de email, endereco de e mail, emailadres, e mailadres, e mail
    adres, adres email, adres e mail, adresse de messagerie, epost, e post, epostadress, e postadress,
    epostadresse, e postadresse, mailadress, sahkoposti, sahkopostiosoite, e posta, emailova adresa, e mailova
    adresa, poczta, adres poczty elektronicznej, email cim
""")
_NAME_HEADINGS = _set("""
    full name, fullname, complete name, contact, contact name, customer name, display name, vollstandiger name,
    vor und nachname, vorname und nachname, nom complet, nom et prenom, prenom et nom, nombre completo, nombre y
    apellidos, nombre y apellido, nome completo, nome e cognome, nome e sobrenome, volledige naam, imie i
    nazwisko, fulde navn, fullt navn, fullstandigt namn, hele navn, koko nimi, cele jmeno, jmeno a prijmeni
""")
#: The whole name, unless another column holds the first: then the last. In Spanish, Italian and Portuguese the first.
_NAME_OR_LAST = _set("name, nom, navn, namn, naam, nimi")
_NAME_OR_FIRST = _set("nombre, nome, jmeno")
_FIRST_HEADINGS = _set("""
    first name, firstname, first, given name, givenname, forename, fname, vorname, rufname, prenom, primer nombre,
    nombre de pila, nome proprio, primeiro nome, imie, voornaam, fornavn, fornamn, etunimi, krestni jmeno
""")
_LAST_HEADINGS = _set("""
    last name, lastname, last, surname, family name, familyname, lname, nachname, familienname, zuname, nom de
    famille, apellido, apellidos, cognome, sobrenome, apelido, ultimo nome, nazwisko, achternaam, familienaam,
    efternavn, efternamn, etternavn, sukunimi, prijmeni
""")
_LANGUAGE_HEADINGS = _set("language, lang, locale, sprache, langue, idioma, lingua, taal, jezyk, sprog, sprak, kieli")
#: What a custom field is about -> how its column may be headed; the first key is that of a field already there.
_SUBJECTS: dict[str, frozenset[str]] = {
    "country": _set("country, country code, land, staat, pays, pais, paese, kraj, maa, zeme, nation, landcode"),
    "phone": _set("""
    phone, phone number, telephone, tel, mobile, mobile phone, cell, cell phone, telefon, telefonnummer, handy,
    handynummer, mobil, mobilnummer, rufnummer, telephone portable, portable, telefono, movil, celular, cellulare,
    telefone, telemovel, telefoon, telefoonnummer, mobiel, numer telefonu, komorka, tlf, puhelin, puhelinnumero
"""),
    "city": _set("city, town, ort, stadt, ville, ciudad, citta, cidade, plaats, stad, miasto, kaupunki, mesto"),
}
_WORDS = {
    "country": gettext_lazy("countries"), "phone": gettext_lazy("phone numbers"), "city": gettext_lazy("places"),
}
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"\+?[0-9()][0-9 ()/.\-]{5,22}")
_PERSON = re.compile(r"[^\W\d_][\w'’.\-]*(?: [^\W\d_][\w'’.\-]*){1,3}")
#: Such a part of the values makes a guess by content.
_ENOUGH = 0.8


@dataclass(frozen=True, kw_only=True)
class Guess:
    """What a column probably holds. `look` is "pass", "warn", "info" or "none"; `why` says it in a few words."""

    target: str
    type: str = FieldType.TEXT.value
    #: How the values are written, where that matters; see `column_values`.
    format: str = ""
    look: str = "info"
    why: str = ""


def guesses(
    columns: Sequence[str], sample: Sequence[Sequence[str]], known: Mapping[str, tuple[str, str]],
    answers: Mapping[str, str] | None = None,
) -> dict[str, Guess]:
    """Column -> guess. `known` are the workspace's fields: key -> (label, type).

    `answers` are the columns that say who agreed to the list or left it (`answers_in`), where there is a list: they
    come before fields of the same name, for else those who said no would be put on the list as well.
    """
    values = {name: values_of(sample, index) for index, name in enumerate(columns)}
    headings = {name: plain(name) for name in columns}
    by_word = {plain(key): key for key in known} | {plain(label): key for key, (label, _) in known.items() if label}
    found: dict[str, Guess] = {}
    _take(found, EMAIL, _email_column(columns, headings, values), values)
    for name, target in (answers or {}).items():
        if name not in found and not _has(found, target):
            found[name] = _of_answers(target, values[name])
    for name in columns:
        key = by_word.get(headings[name], "")
        if name not in found and key and not _has(found, key):
            found[name] = _of_field(key, known[key][1], values[name], _("Same name as the field"))
    _names(found, columns, headings, values)
    for name in columns:
        if name not in found:
            found[name] = _other(name, headings[name], values[name], known, found)
    return {name: found[name] for name in columns}


def answers_in(columns: Sequence[str], sample: Sequence[Sequence[str]]) -> dict[str, str]:
    """Columns that say who agreed to a list or left it -> which of the two; those about a newsletter come first."""
    found = {name: column_answers.target_of(name, values_of(sample, index)) for index, name in enumerate(columns)}
    named = [name for name in columns if found[name]]
    return {name: found[name] for name in sorted(named, key=lambda name: "newsletter" not in plain(name))}


def _of_answers(target: str, values: Sequence[str]) -> Guess:
    if not values:
        return Guess(target=target, look="warn", why=_("Check: empty so far"))
    if column_answers.understood(target, values) < 1.0:
        return Guess(target=target, look="warn", why=_("Check: some mean neither yes nor no"))
    likely = _("Likely: says who agreed") if target == column_answers.AGREED else _("Likely: says who left")
    return Guess(target=target, look="pass", why=likely)


def _has(found: Mapping[str, Guess], target: str) -> bool:
    return any(guess.target == target for guess in found.values())


def _take(found: dict[str, Guess], target: str, name: str, values: Mapping[str, list[str]]) -> None:
    if name:
        fits = target != EMAIL or not values[name] or _part(values[name], _ADDRESS.fullmatch) >= _ENOUGH
        found[name] = Guess(
            target=target, look="pass" if fits else "warn", why=_("Sure") if fits else _("Check: few are addresses")
        )


def _part(values: Sequence[str], test: Callable[[str], object]) -> float:
    """Which part of the values passes; 0.0 where there are none."""
    return sum(1 for value in values if test(value)) / len(values) if values else 0.0


def _email_column(
    columns: Sequence[str], headings: Mapping[str, str], values: Mapping[str, list[str]]
) -> str:
    """By the heading, of several the one with most addresses; else the column with most addresses."""
    named = [name for name in columns if headings[name] in _EMAIL_HEADINGS]
    counts = {name: sum(1 for value in values[name] if "@" in value) for name in columns}
    # A column headed "address" that holds streets is none.
    best = max(named, key=lambda name: counts[name], default="")
    most = max(columns, key=lambda name: counts[name], default="")
    if best and (counts[best] or not (most and counts[most])):
        return best
    return most if most and counts[most] else ""


def _names(
    found: dict[str, Guess], columns: Sequence[str], headings: Mapping[str, str], values: Mapping[str, list[str]]
) -> None:
    """The column of the whole name, or those of its parts."""
    free = [name for name in columns if name not in found]

    def pick(words: frozenset[str]) -> str:
        return next((name for name in free if headings[name] in words), "")

    whole, first, last = pick(_NAME_HEADINGS), pick(_FIRST_HEADINGS), pick(_LAST_HEADINGS)
    if _has(found, NAME):
        return
    first = first or (pick(_NAME_OR_FIRST) if last else "")
    if not last and first:
        last = pick(_NAME_OR_LAST)
    if first and last:
        found[first] = Guess(target=FIRST_NAME, look="pass", why=_("Sure"))
        found[last] = Guess(target=LAST_NAME, look="pass", why=_("Sure"))
        return
    whole = whole or pick(_NAME_OR_LAST) or pick(_NAME_OR_FIRST)
    if whole:
        found[whole] = Guess(target=NAME, look="pass", why=_("Sure"))
    elif first or last:
        found[first or last] = Guess(target=FIRST_NAME if first else LAST_NAME, look="pass", why=_("Sure"))
    else:
        by_content = next((name for name in free if _looks_like_people(headings[name], values[name])), "")
        if by_content:
            found[by_content] = Guess(target=NAME, look="pass", why=_("Likely: looks like names"))


def _looks_like_people(heading: str, values: Sequence[str]) -> bool:
    """Only in a column without a name of its own: two words with capitals may be a town as well."""
    is_nameless = heading.startswith("column ")
    return is_nameless and bool(values) and _part(values, _PERSON.fullmatch) >= _ENOUGH and all(
        value[:1].isupper() for value in values
    )


def _of_field(key: str, kind: str, values: Sequence[str], why: str) -> Guess:
    """A column for a field that is there, with how its values are written; a warning where they do not fit."""
    format_, note = format_of(kind, values)
    fits = _part(values, lambda value: column_values.fits(kind, format_, value)) if values else 1.0
    if fits < 1.0:
        return Guess(target=key, type=kind, format=format_, look="warn", why=str(_NOT_ALL[kind]))
    return Guess(target=key, type=kind, format=format_, look="warn" if note else "pass", why=note or why)


_NOT_ALL = {
    FieldType.TEXT.value: gettext_lazy("Check: not all are texts"),
    FieldType.NUMBER.value: gettext_lazy("Check: not all are numbers"),
    FieldType.DATE.value: gettext_lazy("Check: not all are dates"),
    FieldType.BOOLEAN.value: gettext_lazy("Check: not all are yes or no"),
}


def _other(
    name: str, heading: str, values: Sequence[str], known: Mapping[str, tuple[str, str]], found: Mapping[str, Guess]
) -> Guess:
    """A field of the workspace that is about the same, else a new one of the type that its values have."""
    if heading in _LANGUAGE_HEADINGS and not _has(found, LANGUAGE):
        fits = not values or _part(values, _is_language) == 1.0
        return Guess(
            target=LANGUAGE, look="pass" if fits else "warn",
            why=_("Sure") if fits else _("Check: not all are languages"),
        )
    subject = next((key for key, words in _SUBJECTS.items() if heading in words), "")
    if subject in known and not _has(found, subject):
        return _of_field(subject, known[subject][1], values, _("Likely: %(what)s") % {"what": _WORDS[subject]})
    key = key_from_heading(plain(name))
    if not key or _has(found, key):
        return Guess(target="", look="none", why=_("Left out") if not key else _("Left out: named twice"))
    if not values and heading.startswith("column "):
        return Guess(target="", look="none", why=_("Left out: empty, without a name"))
    if not values:
        return Guess(target=key, why=_("New field, text: empty so far"))
    kind = FieldType.TEXT.value if subject else _type_of(values)
    format_, note = format_of(kind, values)
    if note:
        return Guess(target=key, type=kind, format=format_, look="warn", why=note)
    words = _WORDS.get(subject) or _about(values) if kind == FieldType.TEXT else ""
    label = _("New field, text: %(what)s") % {"what": words} if words else str(_NEW[kind])
    return Guess(target=key, type=kind, format=format_, why=label)


_NEW = {
    FieldType.TEXT.value: gettext_lazy("New field, text"), FieldType.NUMBER.value: gettext_lazy("New field, number"),
    FieldType.DATE.value: gettext_lazy("New field, date"),
    FieldType.BOOLEAN.value: gettext_lazy("New field, yes or no"),
}


def _is_language(value: str) -> bool:
    try:
        return bool(checked_tag(value))
    except InputError:
        return False


def _about(values: Sequence[str]) -> str:
    """What texts look like, in a word."""
    if _part(values, _PHONE.fullmatch) == 1.0 and _part(values, lambda value: value.startswith(("+", "0"))) > 0.5:
        return _("phone numbers")
    return ""


def _type_of(values: Sequence[str]) -> str:
    """The narrowest type that all the values have."""
    for kind in (FieldType.BOOLEAN.value, FieldType.DATE.value, FieldType.NUMBER.value):
        format_ = format_of(kind, values)[0]
        if all(column_values.fits(kind, format_, value) for value in values) and _is_meant(kind, values):
            return kind
    return FieldType.TEXT.value


def _is_meant(kind: str, values: Sequence[str]) -> bool:
    """Whether values that could be of the type are: 0 and 1 are numbers, 00420 and +45 are texts."""
    if kind == FieldType.BOOLEAN:
        return not any(value.isdecimal() for value in values) and len(values) >= 2
    if kind == FieldType.NUMBER:
        return not any(re.match(r"\+|0\d|.{16}", value) for value in values)
    return True


def values_of(sample: Sequence[Sequence[str]], index: int) -> list[str]:
    """What the first rows hold in a column, without the empty cells."""
    return [row[index].strip() for row in sample if index < len(row) and row[index].strip()]


def format_of(kind: str, values: Sequence[str]) -> tuple[str, str]:
    """How the values are written, and what to check where that cannot be told."""
    if kind == FieldType.DATE:
        return _date_format(values)
    if kind == FieldType.NUMBER:
        comma = _part(values, lambda value: column_values.fits(kind, NUMBER_COMMA, value))
        dot = _part(values, lambda value: column_values.fits(kind, NUMBER_DOT, value))
        return (NUMBER_COMMA if comma > dot else NUMBER_DOT), ""
    return "", ""


def _date_format(values: Sequence[str]) -> tuple[str, str]:
    day_first = _part(values, lambda value: column_values.fits(FieldType.DATE, DATE_DMY, value))
    month_first = _part(values, lambda value: column_values.fits(FieldType.DATE, DATE_MDY, value))
    if day_first == month_first:
        is_open = any(column_values.is_ambiguous(value) for value in values)
        return DATE_DMY, _("Check: day or month first?") if is_open else ""
    return (DATE_DMY if day_first > month_first else DATE_MDY), ""
