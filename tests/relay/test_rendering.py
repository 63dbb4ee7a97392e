"""Templates that want too much, and what fields become."""

from __future__ import annotations

import time

import pytest

from relayhub.core.errors import PrepareError
from relayhub.relay import rendering
from relayhub.relay.compiled import Source, compile_source, to_html

PERSON = {"contact": {"email": "a" * 30, "name": "", "tag": "<b>", "fields": {"is_member": True, "visits": 0}}}


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("[{{ contact.fields.city }}]", "[]"),  # printed None beside logic
        ("{{ contact.fields.city|default('Oslo') }}", "Oslo"),
        ("{{ contact.name|default('friend') }}", "friend"),  # an empty name is no name
        ("{{ contact.name|d(contact.tag|upper) }}", "&lt;B&gt;"),
        ("{{ contact.fields.visits|default(7) }}", "0"),
        ("{{ contact.fields.is_member }}", "true"),
        ("{{ contact.tag }}", "&lt;b&gt;"),
        ("{% if contact.name %}{{ contact.name }}{% else %}you{% endif %}", "you"),
    ],
)
def test_what_a_field_becomes(source: str, shown: str) -> None:
    assert rendering.source_findings({"html": source}) == []
    assert rendering.render(source, PERSON, is_html=True) == shown


@pytest.mark.parametrize(("source", "said"), [
    ("{{ contact.name|default:'you' }}", "the value of a filter stands in brackets, as in default('friend')."),
    ("{{ contact.name contact.email }}", "a name stands where “}}” has to be."),
    ("{{ contact.name|default('x }}", "a quote is opened and never closed."),
])
def test_what_the_engine_says_is_told_with_the_marks_of_the_template(source: str, said: str) -> None:
    found = rendering.source_findings({"html": source})

    assert [(finding.message, finding.line) for finding in found] == [(f"The template is not well-formed: {said}", 1)]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{% for a in contact.email %}" * 5 + "x" + "{% endfor %}" * 5, "too many steps"),
        ("{% for a in contact.email %}" + "x" * 60_000 + "{% endfor %}", "more than 1 MiB"),
        ("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", ""),
        ("{{ [1] * 100000000 }}", "not available"),  # cost 21 s and no step
        ("{{ 'a' * 100000000 }}", "not available"),
        ("{{ contact.email ~ contact.email }}", "not available"),
        ("{% set a = 1 %}", "not available"),
        ("{{ range(9) }}", "cannot be called"),
        ("{{ contact.__class__ }}", "not available"),
        ("{{ contact.email|replace('a', 'b') }}", "no filter"),
        ("{% if x %}", "never closed"),
        ("{{ 1|number(1e999) }}", "cannot use"),
        ("{{ contact.email|date(1, 2, 3) }}", "cannot use"),
        ("{{ contact.name", "never closed"),
    ],
)
def test_what_is_refused_or_stopped(source: str, said: str) -> None:
    with pytest.raises(PrepareError) as caught:
        rendering.render(source, PERSON, is_html=True)

    assert said in caught.value.message


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("<p>Hello</p>", "in line 1: it has to begin with <mjml>"),
        ("<mjml><mj-body></mj-body>Hi</mjml>", "in line 1: something stands where it may not"),
        ("Hello", "it has to begin with <mjml>"),
        ("<mjml><mj-body><mj-text>Hi</mj-body></mjml>", "never closed"),
        ("<mjml>\n<mj-body>\n<mj-button href=x>y</mj-button></mj-body></mjml>", "lacks its quotes"),
        ("<mjml><mj-body><mj-include path='x' /></mj-body></mjml>", "mj-include"),
    ],
)
def test_broken_mjml_is_explained(source: str, said: str) -> None:
    with pytest.raises(PrepareError) as caught:
        to_html(Source(kind="mjml", subject="", source=source))

    assert said in caught.value.message


@pytest.mark.parametrize(
    "source",
    [
        "{{ " + "-" * 30_000 + "1 }}", "{{ " + "not " * 400 + "1 }}", "{{ 1" + "+1" * 30_000 + " }}",
        "{{ x" + "|upper" * 400 + " }}", "{% if 0 %}" + "{% elif 0 %}" * 10_000 + "{% endif %}",
        "{% if 1 %}" * 100 + "{% endif %}" * 100, "{% if 0 %}{% else %}" * 100 + "{% endif %}" * 100,
        "{{ a }}" * 10_001,
    ],
    ids=["minus", "not", "plus", "filters", "elif", "if", "else", "many"],
)
def test_what_would_end_the_process_never_reaches_the_engine(source: str) -> None:
    assert [found.code for found in rendering.source_findings({"html": source})] == ["too_much"]
    with pytest.raises(PrepareError):
        rendering.render(source, PERSON, is_html=True)


@pytest.mark.parametrize("source", ["{{" * 100_000, "{%" * 100_000, "{#" * 100_000, "{{ " + "a." * 100_000 + "a }}"])
def test_reading_a_source_takes_a_time_that_grows_with_its_length_alone(source: str) -> None:
    began = time.process_time()
    assert rendering.source_findings({"html": source})
    assert time.process_time() - began < 2.0


@pytest.mark.parametrize("kind", ["html", "text"])
def test_words_like_those_that_stand_for_tags_are_only_words(kind: str) -> None:
    source = "<p RHTAG1x>rhtag0x rhtag5x {{ contact.name }} <!--rhtag8x--></p>"
    made = compile_source(Source(kind=kind, subject="s", source=source), None, opens=False, clicks=False)

    for part in (made.html, made.text):
        assert part is None or "rhtag0x rhtag5x {{ contact.name }}" in part


def test_a_tag_after_a_sign_of_comparison_still_stands_in_its_element() -> None:
    source = '<p {% if 2 > 1 %}class="a"{% endif %} id="b">x</p>'
    html = to_html(Source(kind="html", subject="s", source=source))

    assert html is not None
    assert '<p class="a" id="b">x</p>' in " ".join(rendering.render(html, PERSON, is_html=True).split())


@pytest.mark.parametrize("statement", ["{% if contact.nam %}", "{% if\ncontact.nam %}", "{%if  contact.nam%}"])
def test_a_field_asked_for_by_a_statement_is_named(statement: str) -> None:
    assert "contact.nam" in rendering.missing_fields([f"{statement}x{{% endif %}}"], [])


def test_many_blocks_beside_one_another_are_no_depth() -> None:
    source = "{% if contact.name %}a{% elif contact.tag %}b{% else %}c{% endif %}" * 300
    assert rendering.render(source, PERSON, is_html=True) == "b" * 300


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("html", "<div>" * 50_000), ("html", "<table><tr><td>" * 5000), ("html", "<!-- <b> -->" * 5001),
        ("mjml", "<mjml><mj-body>" + "<mj-wrapper>" * 3000 + "</mj-wrapper>" * 3000 + "</mj-body></mjml>"),
    ],
)
def test_more_elements_than_parsers_can_nest_are_refused(kind: str, source: str) -> None:
    with pytest.raises(PrepareError) as caught:
        to_html(Source(kind=kind, subject="s", source=source))
    assert caught.value.code == "too_many_elements"


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("html", "<table><tr><td>" * 1600 + "x"), ("html", "<div>" * 4900 + "x"),
        ("mjml", "<mjml><mj-body>" + "<mj-wrapper>" * 390 + "<mj-raw>" + "<table><tr><td>" * 860
         + "</td></tr></table>" * 860 + "</mj-raw>" + "</mj-wrapper>" * 390 + "</mj-body></mjml>"),
    ],
)
def test_as_many_as_are_let_through_do_no_harm(kind: str, source: str) -> None:
    assert to_html(Source(kind=kind, subject="s", source=source))
