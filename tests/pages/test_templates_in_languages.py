"""Templates and pictures in the language of the person, and what their scripts say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html import unescape

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from campaigns import templates
from campaigns.models import TemplateKind
from tests.pages.marketer_rows import Desk, reading
from tests.pages.test_picture_pages import picture
from tests.pages.test_template_pages import editor, make_template, written
from tests.pages.test_template_visual import MJML
from tests.support.browser import Browsing

NO_GERMAN = (
    "Written in", "Merge field", "Save draft", "Preview", "Plain text", "Sample values", "Send a test", "Versions",
    "Nothing to mend", "Back", "Begin with", "Newsletter and", "For campaigns", "No subject", "The library",
    "Upload", "Search by", "pictures", "The whole mail", "Drag a block", "Heading", "Row",
)


def page_of(at: Desk, path: str) -> str:
    answer = at.client.get(path)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


@pytest.mark.django_db
def test_the_pages_of_templates_speak_german() -> None:
    at = reading("de")
    template = make_template(at)
    content = templates.content_of(templates.newest(template))  # type: ignore[arg-type]
    templates.save_draft(at.actor, template, replace(content, subject="Roggen"))
    picture(at)
    told = {
        reverse("template-list"): ("Vorlagen", "Neue Vorlage", "Entwurf 2, 1 veröffentlicht"),
        reverse("template-new"): ("Für Kampagnen", "Willkommen", "Als Code"),
        editor(template): ("Platzhalter", "Entwurf speichern", "Beispielwerte", "Version 2 ist ein Entwurf"),
        reverse("template-versions", args=[template.public_id]): ("Von Version 1 zu Version 2", "1 entfernt"),
        reverse("template-workbench", args=[template.public_id]): ("Überschrift", "Zwei Spalten", "Die ganze E-Mail"),
        reverse("picture-list"): ("Bilder auswählen", "1 Bild", "In keiner Vorlage"),
    }

    missing = [(path, word) for path, words in told.items() for word in words if word not in page_of(at, path)]
    english = [(path, word) for path in told for word in NO_GERMAN if f">{word}" in page_of(at, path)]

    assert (missing, english) == ([], [])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "source", "said", "line"),
    [
        ("html", "<p>\n{% set a = 1 %}", "„{% set %}“ gibt es in E-Mail-Vorlagen nicht.", 2),
        ("html", "<p>\n\n{{ contact.first name }}", "ein Name steht dort, wo „}}“ hingehört", 3),
        ("html", "{% for a in contact.email %}" + "x" * 300_000 + "{% endfor %}", "mehr als 1 MiB", None),
        ("mjml", "<mjml>\n<mj-body></mj-body>Hi</mjml>", "Das MJML hat in Zeile 2 einen Schreibfehler", 2),
    ],
)
def test_what_is_wrong_is_said_in_german_at_its_line(kind: str, source: str, said: str, line: int | None) -> None:
    at = reading("de")
    template = make_template(at)

    answer = at.client.post(
        reverse("template-check", args=[template.public_id]), written(template, kind=kind, source=source)
    )

    page = unescape(answer.content.decode())
    assert said in page
    assert line is None or f'data-line="{line}"' in page


@pytest.mark.django_db
def test_polish_counts_templates_as_poles_do() -> None:
    at = reading("pl")
    said = {}
    for number in range(1, 6):
        make_template(at, f"<p>{number}</p>")
        said[number] = page_of(at, reverse("template-list"))

    assert "1 szablon<" in said[1]
    assert "2 szablony<" in said[2]
    assert "5 szablonów<" in said[5]


@pytest.mark.django_db(transaction=True)
@pytest.mark.browser
def test_scripts_speak_the_persons_language(browse: Browsing) -> None:
    page = browse(reading("pl"))
    page.goto(reverse("template-list"))
    counted = page.evaluate("[1, 3, 5, 22].map((n) => ngettext('%(count)s contact', '%(count)s contacts', n))")
    page.evaluate("document.dispatchEvent(new CustomEvent('rh:toast', { detail: { text: gettext('Not allowed') } }))")

    assert counted == ["1 kontakt", "3 kontakty", "5 kontaktów", "22 kontakty"]
    expect(page.get_by_text("Niedozwolone")).to_be_visible()
    assert page.evaluate("gettext('no such text %(at)s', { at: 3 })") == "no such text 3"


@pytest.mark.django_db(transaction=True)
@pytest.mark.browser
def test_the_builder_speaks_german(browse: Browsing) -> None:
    at = reading("de")
    page = browse(at)
    page.goto(reverse("template-visual", args=[make_template(at, kind=TemplateKind.MJML, html=MJML).public_id]))
    frame = page.frame_locator("#workbench")

    frame.get_by_role("tab", name="Einstellungen").click()
    expect(frame.get_by_text("Hintergrund um die E-Mail")).to_be_visible()
    frame.get_by_role("tab", name="Ebenen").click()
    expect(frame.get_by_role("button", name="Die ganze E-Mail")).to_be_visible()


@pytest.mark.django_db(transaction=True)
@pytest.mark.browser
def test_the_editors_own_search_speaks_german(browse: Browsing) -> None:
    at = reading("de")
    page = browse(at)
    page.goto(editor(make_template(at)))

    page.locator(".cm-content").first.click()
    page.keyboard.press("Control+f")
    panel = page.locator(".cm-search")

    expect(panel.get_by_placeholder("Suchen")).to_be_focused()
    expect(panel.get_by_placeholder("Ersetzen durch")).to_be_visible()
    expect(panel.get_by_role("button", name="Alle ersetzen")).to_be_visible()
    expect(panel.get_by_label("Groß-/Kleinschreibung")).to_be_visible()
    expect(panel).not_to_contain_text("next")
    expect(panel.get_by_role("button", name="Schließen")).to_be_visible()


@pytest.mark.django_db(transaction=True)
@pytest.mark.browser
def test_german_words_fit(look: Callable[..., None]) -> None:
    at = reading("de")
    template = make_template(at)
    look(at, editor(template), "template-editor-de", only_words=True)
    look(at, reverse("template-list"), "template-list-de", only_words=True)
    look(at, reverse("picture-list"), "picture-list-de", only_words=True)
    look(at, reverse("template-previews", args=[template.public_id]), "template-previews-de", only_words=True)
