"""Markdown as mail: merge tags survive, the shell stays whole, colours read on their grounds."""

from __future__ import annotations

import pytest

from relayhub.core.errors import PrepareError
from relayhub.core.formats import contrast_ratio, readable_on
from relayhub.relay import compiled, rendering
from relayhub.relay.brand import DARK_PAPER, PAPER, Brand


def made(source: str, **context: object) -> str:
    html = compiled.to_html(compiled.Source(kind="markdown", subject="", source=source, brand=Brand(colour="#8a4b1f")))
    assert html is not None
    return rendering.render(html, context, is_html=True)


def test_markdown_becomes_mail_with_its_styles_inlined() -> None:
    html = made("# Rye\n\nAt **nine**.\n\n| A | B |\n|---|--:|\n| 1 | ~~2~~ |\n")

    assert '<h1 style="' in html
    assert "<strong>nine</strong>" in html
    assert "<s>2</s>" in html
    assert "@media (prefers-color-scheme: dark)" in html
    assert "@colour@" not in html


def test_merge_fields_work_in_text_links_and_tables_and_are_escaped() -> None:
    source = (
        'Hello {{ name|default("there") }}, [leave]({{ unsubscribe_url }}).\n\n'
        '| For |\n|---|\n| {{ name|default("a | b") }} |\n'
    )
    html = made(source, name="<b>Eve</b>", unsubscribe_url="https://x.example/u?a=1")

    assert "Hello &lt;b&gt;Eve" in html
    assert 'href="https:&#x2f;&#x2f;x.example&#x2f;u?a=1"' in html or 'href="https://x.example/u?a=1"' in html
    assert "a | b" in made(source, name="", unsubscribe_url="")


@pytest.mark.parametrize(("vip", "said", "left_out"), [(True, "Coffee", "Soon"), (False, "Soon", "Coffee")])
def test_statements_on_their_own_lines_choose_paragraphs(vip: bool, said: str, left_out: str) -> None:
    html = made("One\n{% if vip %}\nCoffee\n{% else %}\nSoon\n{% endif %}\nTwo", vip=vip)

    assert said in html
    assert left_out not in html
    assert "<p></p>" not in html.replace(' style="margin: 0 0 16px;"', "")


def test_words_like_those_that_stand_for_tags_are_only_words() -> None:
    html = made("rhtag0x and rhtag7x, {{ name }}, &#114;htag9x, rhtag" + "9" * 5000 + "x", name="Ada")

    assert "rhtag0x and rhtag7x, Ada, rhtag9x" in html


def test_a_loop_repeats_its_list() -> None:
    assert made("{% for x in items %}\n- Row {{ x }}\n{% endfor %}", items=["a", "b"]).count("<li") == 2


def test_a_link_with_the_title_button_is_one_and_others_are_not() -> None:
    html = made('[Order now](https://x.example/?a=1&b=2 "button")\n\nRead [this](https://x.example "button") first.')

    assert html.count('class="rh-button"') == 1
    assert 'href="https://x.example/?a=1&amp;b=2"' in html


def test_html_is_shown_as_written_and_cannot_leave_the_shell() -> None:
    html = made("</td></table><script>x</script>\n\n[a](javascript:alert(1))")

    assert "<script" not in html
    assert "&lt;/td&gt;" in html
    assert 'href="javascript' not in html


def test_what_is_too_long_or_too_deep_is_refused() -> None:
    with pytest.raises(PrepareError, match="up to 300,000 characters"):
        made("x" * 300_001)
    with pytest.raises(PrepareError, match="more than 5,000 elements"):
        made("- a\n" * 6_000)
    assert "x" in made(">" * 5_000 + "x")


@pytest.mark.parametrize("colour", ["#ffd400", "#0b6470", "#ffffff", "#000000", "#8a4b1f", "no"])
def test_links_read_on_both_grounds(colour: str) -> None:
    brand = Brand(colour=colour)

    assert contrast_ratio(brand.link, PAPER) >= 4.5
    assert contrast_ratio(brand.dark_link, DARK_PAPER) >= 4.5
    assert readable_on("#0b6470", PAPER) == "#0b6470"


def test_the_footer_stands_inside_the_body_and_dark_styles_know_it() -> None:
    source = compiled.Source(kind="markdown", subject="s", source="Hi")
    done = compiled.compile_source(source, compiled.Footer(company="Shop"), opens=False, clicks=False)

    assert done.html is not None
    assert done.html.index('class="rh-footer"') < done.html.index("</body>")
    assert ".rh-footer, .rh-footer a" in done.html


def test_mjml_makes_no_reader_fetch_a_font() -> None:
    source = '<mjml><mj-body><mj-section><mj-column><mj-text font-family="Roboto">x</mj-text></mj-column></mj-section>'
    html = compiled.to_html(compiled.Source(kind="mjml", subject="", source=f"{source}</mj-body></mjml>"))

    assert html is not None
    assert "fonts.googleapis.com" not in html
