"""What is wrong with a template, in the language of who reads it; stored and answered in English."""

from __future__ import annotations

import re

import pytest
from django.utils import translation

from relayhub.core.errors import PrepareError
from relayhub.relay import compiled, engine_words, rendering, template_words
from relayhub.relay.retold import retold
from relayhub.relay.template_source import lint

PERSON = {"contact": {"email": "a" * 30, "name": "", "fields": {}}}
#: Each is refused by a rule.
REFUSED = (
    "{% set a = 1 %}", "{% endif %}", "{% if a %}", "{{ a", "{% a", "{{ a|nope }}", "{{ range(3) }}", "{{ a ~ b }}",
    "{{ a * b }}", "{{ a.__class__ }}", "{{ a }}" * 10_001, "{{ " + "a " * 201 + "}}", "{% if a %}" * 61,
    "a" * (1024 * 1024 + 1),
)
#: Each is refused by the engine: (source, what is said of it in German).
FAILING = (
    ("{{ }}", "„}}“ steht da, bevor der Ausdruck vollständig ist"),
    ("{% if a is not %}{% endif %}", "„%}“ steht da, bevor der Ausdruck vollständig ist"),
    ("{{ contact.first name }}", "ein Name steht dort, wo „}}“ hingehört"),
    ("{% for x of y %}{% endfor %}", "ein Name steht dort, wo „in“ hingehört"),
    ("{{ (a }}", "„}“ steht dort, wo „)“ hingehört"),
    ("{{ 'x }}", "ein Anführungszeichen wird geöffnet und nie geschlossen"),
    ("{{ a|default(“x”) }}", "Anführungszeichen müssen gerade sein"),
    ("{% else %}", "„{% else %}“ kann dort nicht stehen"), ("{{ a[ }}", "„}“ kann dort nicht stehen"),
    ("{{ " + "9" * 60 + " }}", "eine Zahl ist zu groß"), ("{{ a is foo }}", "es gibt keinen Test „foo“"),
    ("{% for c in 5 %}{% endfor %}", "keine Liste ist"),
    ("{{ 'a' - nobody }}", "„-“ passt nicht zu diesen beiden: ein Text, etwas, das fehlt"),
    ("{{ 1 / 0 }}", "„1 / 0“ hat kein Ergebnis"), ("{{ 'x'|round }}", "ein Filter hat einen Wert erhalten"),
    ("{{ 5|sort }}", "ein Filter hat einen Wert erhalten"), ("{{ contact.name|upper(1) }}", "mehr Werte, als er nimmt"),
    ("{{ loop.cycle(1) }}", "es gibt keine Funktion „cycle“"), ('{{ "\\xzz" }}', "Backslash"),
    ("{% for a in contact.email %}" * 5 + "x" + "{% endfor %}" * 5, "Eine Schleife ist zu lang"),
    ("{% for a in contact.email %}" + "x" * 60_000 + "{% endfor %}", "mehr als 1 MiB"),
    ("{{ 1|number(1e999) }}", "mit dem er nichts anfangen kann"),
)
ENGLISH = re.compile(r"\b(?:the|is|are|has|have|than|not|never|there|where|stands|cannot|write|add|with)\b", re.I)


def failure(source: str) -> str:
    with pytest.raises(PrepareError) as caught:
        rendering.render(source, PERSON, is_html=True)
    return caught.value.message


def left(text: str) -> list[str]:
    """English words of a sentence that are not part of what it quotes."""
    return ENGLISH.findall(re.sub(r"[„«“].*?[“”»]|\{[%{].*?[%}]\}|<[^>]*>", "", text))


@pytest.mark.parametrize("language", ["de", "fr", "es", "pl"])
@pytest.mark.parametrize("source", REFUSED, ids=lambda source: source[:20])
def test_each_rule_speaks_the_language(source: str, language: str) -> None:
    found = lint(source)
    with translation.override(language):
        told = [template_words.finding_told(finding) for finding in found]

    assert found != []
    for english, finding in zip(found, told, strict=True):
        assert finding.message != english.message
        assert left(finding.message) == left(finding.fix) == []
        assert (finding.line, finding.code) == (english.line, english.code)


@pytest.mark.parametrize(("source", "german"), FAILING, ids=lambda text: text[:24])
def test_the_engine_speaks_german(source: str, german: str) -> None:
    english = failure(source)
    with translation.override("de"):
        told = template_words.told(english)

    assert german in told
    assert "(in " not in english
    assert left(told) == []


@pytest.mark.parametrize(
    ("source", "german"),
    [
        ("<p>Hello</p>", "Das MJML hat in Zeile 1 einen Schreibfehler: es muss mit <mjml> beginnen."),
        ("<mjml><mj-body><mj-text>Hi</mj-body></mjml>", "Das MJML hat einen Schreibfehler: ein Element wird nie"),
        ("<mjml><mj-body><mj-button href=x>y</mj-button></mj-body></mjml>", "fehlen die Anführungszeichen."),
        ("<mjml>\n<mj-body></mj-body>Hi</mjml>", "in Zeile 2 einen Schreibfehler: etwas steht, wo es nicht"),
        ("<mjml><mj-body><mj-include path='x' /></mj-body></mjml>", "mj-include gibt es nicht"),
        ("<mjml><mj-body>" + "<mj-text>a</mj-text>" * 3001 + "</mj-body></mjml>", "mehr als 3.000 Elemente"),
    ],
)
def test_the_compiler_speaks_german(source: str, german: str) -> None:
    with pytest.raises(PrepareError) as caught:
        compiled.to_html(compiled.Source(kind="mjml", subject="", source=source))
    with translation.override("de"):
        finding = template_words.finding_of(caught.value)

    assert german in finding.message
    assert finding.line == (2 if "Zeile 2" in german else 1 if "Zeile 1" in german else None)


def test_a_refusal_that_was_stored_is_told_with_its_line_and_its_way_out() -> None:
    stored = failure("a\n{% set b = 1 %}")
    with translation.override("pl"):
        told = retold(stored)

    assert stored == ("“{% set %}” is not available in mail templates. (line 2) "
                      "Use if, elif, else, endif, for and endfor.")
    assert told == ("„{% set %}” nie jest dostępne w szablonach e-maili. (wiersz 2) "
                    "Użyj if, elif, else, endif, for i endfor.")


def test_what_has_no_words_of_ours_is_quoted() -> None:
    english = f"The template is not well-formed in line 3: {engine_words.of_engine('syntax error: odd (in <x>:3)')}."
    with translation.override("fr"):
        told = template_words.told(english)

    assert english.endswith("in line 3: “odd”.")
    assert told == "Le modèle est mal formé à la ligne 3\xa0: «\xa0odd\xa0»."
