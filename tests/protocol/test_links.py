"""Links: only web links change, all else stays byte for byte."""

import time

import pytest

from relayhub.protocol import links
from relayhub.protocol.links import Link, LinkNumbers


def counted(link: Link) -> str:
    return f"https://t.ex/{link.number}?a&b"


@pytest.mark.parametrize(
    ("html", "wanted"),
    [
        ('<a href="https://x.y/?a=1&amp;b=2">t</a>', '<a href="https://t.ex/1?a&amp;b">t</a>'),
        ("<A class='>' HREF='http://x.y'>t</A>", "<A class='>' HREF='https://t.ex/1?a&amp;b'>t</A>"),
        ("<area href=https://x.y>", '<area href="https://t.ex/1?a&amp;b">'),
        ('<a href="{{ contact.fields.page }}">', '<a href="https://t.ex/1?a&amp;b">'),
        ('<a href="mailto:a@b.c">', None),
        ('<a href="tel:1">', None),
        ('<a href="#top">', None),
        ('<a href="javascript:x">', None),
        ('<a href="https://x.y" data-rh-no-track>', None),
        ('<a data-href="https://x.y">', None),
        ('<abbr href="https://x.y">', None),
        ('<style>a{} <a href="https://x.y"></style>', None),
        ('<a href="https://never.closed', None),
    ],
)
def test_a_link_is_rewritten_or_left(html: str, wanted: str | None) -> None:
    assert links.rewrite_html(html, counted).content == (html if wanted is None else wanted)


def test_equal_links_share_a_number_across_html_and_text() -> None:
    numbers = LinkNumbers()
    html = '<a href="https://a"><a href="https://b"><a href="https://a">'
    found = links.rewrite_html(html, counted, numbers=numbers)
    text = links.rewrite_text("See https://b, or (https://c).", lambda item: str(item.number), numbers=numbers)

    assert found.links == ("https://a", "https://b")
    assert text.content == "See 2, or (3)."
    assert text.links == ("https://a", "https://b", "https://c")


def test_links_in_derived_text_end_where_they_end() -> None:
    text = "[shop](https://a/?b=1)[leave]({{ unsubscribe_url }}) https://c/(d) https://e/?f={{ contact.id }}&g=1."
    found = links.rewrite_text(text, lambda item: None if item.is_dynamic else str(item.number))

    assert found.content == "[shop](1)[leave]({{ unsubscribe_url }}) 2 https://e/?f={{ contact.id }}&g=1."
    assert found.links == ("https://a/?b=1", "https://c/(d)", "https://e/?f={{ contact.id }}&g=1")


def test_a_callback_may_leave_a_link() -> None:
    assert links.rewrite_html('<a href="https://a">', lambda _: None).content == '<a href="https://a">'


def test_the_pixel_stands_before_the_last_body_end() -> None:
    html = links.add_open_pixel("<body>x</BODY></html>", "https://t/?a&b")

    assert html.startswith('<body>x<img src="https://t/?a&amp;b"')
    assert html.endswith("</BODY></html>")


def test_text_of_html_keeps_links_and_slots() -> None:
    text = links.html_to_text('<p>Hi {{ contact.name }}</p><p><a href="https://a.b">go</a></p>')

    assert "Hi {{ contact.name }}" in text
    assert "https://a.b" in text


def test_many_open_quotes_end_in_time() -> None:
    html = '<a "' * 2000

    assert links.rewrite_html(html, counted).content == html


@pytest.mark.parametrize("piece", ["<style>", "<script >", "<a ", '<a "', "<a '>", "<area x=\"'"])
def test_what_never_ends_takes_a_time_that_grows_with_its_length_alone(piece: str) -> None:
    document = piece * 60_000
    began = time.process_time()
    assert links.rewrite_html(document, lambda link: "x").content
    assert time.process_time() - began < 4.0
