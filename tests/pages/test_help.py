"""Help: every document is a page, every term has an anchor, links lead somewhere, the search finds words."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from relayhub.core.models import Role
from relayhub.site.help_library import REFERENCE, TASKS, library, search
from tests.pages.marketer_rows import desk

DOCS = Path(settings.BASE_DIR) / "relayhub" / "docs"


def test_every_document_is_listed() -> None:
    assert {path.stem for path in DOCS.glob("*.md")} == {*TASKS, *REFERENCE}


@pytest.mark.django_db
def test_every_document_is_a_page_for_any_member() -> None:
    at = desk(role=Role.VIEWER)
    home = at.client.get(reverse("help-home")).content.decode()

    for document in library().values():
        assert document.url in home
        page = at.client.get(document.url)
        assert page.status_code == 200
        assert f"<h1>{document.title}</h1>" in unescape(page.content.decode())
    assert at.client.get(reverse("help-page", args=["no-such-thing"])).status_code == 404


@pytest.mark.django_db
def test_a_document_leads_nobody_to_a_refusal() -> None:
    path, inbox = reverse("help-page", args=["hand-in-mail"]), f'href="{reverse("sandbox-inbox")}"'
    viewer, owner = desk(role=Role.VIEWER), desk(email="owner@example.com")

    assert inbox not in viewer.client.get(path).content.decode().split("<main")[1]
    assert inbox in owner.client.get(path).content.decode().split("<main")[1]


def test_links_lead_to_what_is_there() -> None:
    anchors = {document.url: set(re.findall(r'id="([^"]+)"', document.html)) for document in library().values()}
    broken = []
    for document in library().values():
        for target in re.findall(r'href="([^"]+)"', document.html):
            page, _, anchor = unescape(target).partition("#")
            if page not in anchors or (anchor and anchor not in anchors[page]):
                broken.append((document.slug, target))

    assert broken == []


def test_every_term_of_the_glossary_has_an_anchor() -> None:
    source = (DOCS / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^\| \*\*(.+?)\*\*", source, flags=re.MULTILINE)
    html = library()["glossary"].html

    assert len(terms) > 25
    for term in terms:
        assert f'<strong id="{term.replace(" ", "-")}">{term}</strong>' in html


@pytest.mark.parametrize(
    ("words", "title"),
    [("bounce", "bounce"), ("machine open", "machine open"), ("verify domain", "Verify a domain"),
     ("idempotency", "By REST"), ("RFC 8058", "Specifications followed")],
)
def test_the_search_finds_words(words: str, title: str) -> None:
    assert title in [hit.section.title for hit in search(words)][:4]


def test_the_search_marks_words_and_escapes_the_rest() -> None:
    hits = search("<script> bounce")
    marked = search("authorization bearer")

    assert hits == []
    assert any("<mark>Authorization</mark>" in hit.snippet for hit in marked) or marked == []
    assert all("<msg" not in hit.snippet for hit in search("queued"))


@pytest.mark.django_db
def test_a_search_without_result_says_so() -> None:
    page = desk().client.get(reverse("help-home") + "?q=zeppelin").content.decode()

    assert "Nothing here says that" in page
    assert 'value="zeppelin"' in page


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_help_looks_right(look: Callable[..., None]) -> None:
    at = desk()
    for path, name in (("", ""), ("?q=bounce", "-found"), ("/hand-in-mail", "-task"), ("/glossary", "-glossary")):
        look(at, f"/help{path}", f"help{name}")
