"""Previews in the dark and without images, and what mail programs do not show."""

from __future__ import annotations

import time

import pytest

from campaigns import template_diff, template_looks
from campaigns.client_support import checks_of, support_findings
from campaigns.templates import TemplateInput
from relayhub.relay.template_source import lines_of_fields

DARK = (
    '<head><meta name="color-scheme" content="light dark"><style>p{color:#111}'
    "@media (prefers-color-scheme:dark){p{color:#eee}}"
    "@media (prefers-color-scheme: light){p{color:#000}}</style></head>"
    '<p style="background:url(a.png)">(prefers-color-scheme: dark)</p>'
)


def test_in_the_dark_only_the_mails_own_rules_change() -> None:
    shown = template_looks.in_the_dark(DARK)

    assert "@media (min-width: 0px){p{color:#eee}}" in shown
    assert "@media (max-width: 0px){p{color:#000}}" in shown
    assert ">(prefers-color-scheme: dark)<" in shown
    assert "color-scheme: dark !important" in shown
    assert template_looks.has_dark_styles(DARK)


def test_in_the_light_the_dark_rules_rest_whatever_the_screen_is_set_to() -> None:
    shown = template_looks.in_the_light(DARK)

    assert "@media (max-width: 0px){p{color:#eee}}" in shown
    assert "@media (min-width: 0px){p{color:#000}}" in shown
    assert "color-scheme: light !important" in shown


def test_a_mail_without_dark_styles_stays_as_it_is() -> None:
    plain = "<head><style>p{color:red}</style></head><p>Hi</p>"

    assert template_looks.in_the_dark(plain) == plain
    assert not template_looks.has_dark_styles(plain)


def test_without_images_nothing_is_fetched_and_the_words_stay() -> None:
    html = (
        "<style>td{background:#fff url('https://x.example/b.png') top}</style>"
        '<table background="https://x.example/c.png"><td style="background-image:url(&quot;https://x.example/d.png&quot;)">'
        '<img alt="A loaf" width=20 src=https://x.example/a.png srcset="https://x.example/a2.png 2x">'
        "<a href='https://x.example/'>on</a>"
    )

    shown = template_looks.without_images(html)

    assert ".png" not in shown
    assert 'alt="A loaf"' in shown
    assert "href='https://x.example/'" in shown


@pytest.mark.parametrize(
    ("source", "code", "line"),
    [
        ("<p>\n<script>x</script>", "client_script", 2),
        ('<img src="https://x/a.png" width="9">', "client_no_alt", 1),
        ('<img src="https://x/a.png" alt="">', "client_no_width", 1),
        ('<img alt="x" width="1" src="data:image/png;base64,AA">', "client_data_image", 1),
        ('<p>\n\n<div style="display: flex">', "client_flex", 3),
        ('<a href="page.html">x</a>', "client_relative", 1),
        ("<style>@import url(https://fonts.example/x.css)</style>", "client_stylesheet", 1),
        ('<td style="background: #fff url(https://x/a.png)">', "client_background", 1),
    ],
)
def test_what_mail_programs_do_not_show_is_told_at_its_line(source: str, code: str, line: int) -> None:
    found = {finding.code: finding for finding in support_findings(TemplateInput(source=source), source)}

    assert found[code].line == line
    assert found[code].name in source


def test_what_is_fine_or_commented_out_is_not_told() -> None:
    source = (
        "<!-- <script>x</script> -->"
        '<a href="{{ unsubscribe_url }}">u</a><a href="#top">t</a><a href="mailto:a@b.example">m</a>'
        '<img src="https://x/a.png" alt="A loaf" width="300">'
    )

    assert support_findings(TemplateInput(source=source), source) == []


def test_markdown_has_rules_of_its_own() -> None:
    source = "Text\n\n![](https://x/a.png)\n\n<b>bold</b> `<i>` <https://x.example>"
    found = support_findings(TemplateInput(kind="markdown", source=source), "<p>x</p>")

    assert [(finding.code, finding.line) for finding in found] == [("client_no_alt", 3), ("markdown_html", 5)]
    assert support_findings(TemplateInput(kind="text", source="<script>"), None) == []
    assert checks_of("text") == 0


def test_a_style_that_gmail_leaves_out_is_told() -> None:
    html = f"<style>{'p{}' * 3000}</style>"

    assert [f.code for f in support_findings(TemplateInput(source="x"), html)] == ["client_long_style"]


# -- the time it takes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("piece", [
    "<meta ", "<meta name=color-scheme ", "color-scheme:", "color-scheme:" + " " * 50_000, "<style>", "<style ",
    "<img ", "<img alt ", "url(", "url(  ", "<!--", "<mj-attributes ", "<link ", "<script ", "<script ld+json ",
    "background:", "background: a", " src=\"", " background='", "{{ a.b }}",
])
def test_the_longest_content_is_looked_at_within_a_moment(piece: str) -> None:
    content = TemplateInput(kind="html", source=(piece * (300_000 // len(piece) + 1))[:300_000])

    began = time.process_time()
    support_findings(content, content.source)
    for look in (template_looks.in_the_dark, template_looks.in_the_light, template_looks.without_images):
        look(content.source)
    template_looks.has_dark_styles(content.source)

    assert time.process_time() - began < 2.0


def test_lines_of_many_unknown_fields_are_found_in_one_walk() -> None:
    source = "\n".join(f"{{{{ field{number} }}}}" for number in range(9_000))

    began = time.process_time()
    lines = lines_of_fields(source)

    assert (lines["field0"], lines["field8999"]) == (1, 9_000)
    assert time.process_time() - began < 2.0


def test_lines_that_differ_in_everything_are_compared_within_a_moment() -> None:
    before, after = (TemplateInput(source="\n".join([f"{sign}," * 900] * 400)) for sign in ("a", "b"))

    began = time.process_time()
    (part,) = template_diff.diff(before, after)

    assert (part.removed, part.added) == (400, 400)
    assert time.process_time() - began < 6.0
