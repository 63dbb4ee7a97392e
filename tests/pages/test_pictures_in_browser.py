"""Pictures in a real browser: the library, uploads with what is wrong with them, and both editors that put them in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import FilePayload, Page, expect

from campaigns import pictures, templates
from campaigns.models import Picture
from campaigns.templates import TemplateInput
from tests.pages.marketer_rows import Desk, desk
from tests.pages.test_builder_in_browser import _ROW, make_template, opened
from tests.support.browser import Browsing, findings, keep_picture
from tests.support.picture_files import HTML, drawn, noisy_jpeg, png, saved

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture(autouse=True)
def own_address(settings: Any, live_server: Any) -> None:
    """Addresses of pictures lead to the server of the test."""
    settings.RELAYHUB_BASE_URL = live_server.url


def file(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/png", "buffer": data}


def filled(at: Desk) -> Picture:
    """A library with pictures of many shapes; returns one that is wide, heavy, and shown by a template."""
    shapes = [("Oven", 600, 400, "#b5482a"), ("Header of the autumn letters with our name", 1200, 240, "#2a6f5e"),
              ("Tall", 200, 900, "#6a4a9c"), ("icon", 32, 32, "#a07d14")]
    for number, (name, width, height, colour) in enumerate(shapes):
        pictures.upload(at.actor, saved(drawn(width, height, colour), "PNG"), name=name,
                        alternative_text="" if number % 2 else "The oven at four in the morning")
    heavy = pictures.upload(at.actor, noisy_jpeg(1800, 1200), name="Market square.jpg").picture
    content = TemplateInput(source=f'<img src="{heavy.url}" alt="The market" width="600">')
    templates.create_template(at.actor, name="Weekend rye", content=content)
    return heavy


def test_the_pages_of_pictures_look_right(look: Callable[..., None]) -> None:
    at = desk()
    look(at, reverse("picture-list"), "pictures-empty")
    heavy = filled(at)
    look(at, reverse("picture-list"), "pictures")
    look(at, reverse("picture-list") + "?q=nothing", "pictures-none")
    look(at, reverse("picture-detail", args=[heavy.public_id]), "picture")


def test_files_are_uploaded_one_by_one_and_each_says_what_became_of_it(browse: Browsing) -> None:
    at = desk()
    pictures.upload(at.actor, png(30, 30), name="Known")
    page = browse(at)
    page.goto(reverse("picture-list"))

    with page.expect_file_chooser() as chooser:
        page.get_by_text("Choose pictures", exact=True).click()
    chooser.value.set_files([
        file("oven.png", png(300, 200)), file("page.png", HTML), file("again.png", png(30, 30)),
        file("huge.png", b"\x89PNG" + b"\0" * (10 * 1024 * 1024)),
    ])

    queue = page.locator("[data-picture-queue]")
    expect(queue).to_contain_text("This is not a picture, whatever its name says")
    expect(queue).to_contain_text("It was in the library already, as “Known”")
    expect(queue).to_contain_text("This file is larger than 10 MB")
    expect(page.locator("#pictures").get_by_role("link", name="oven")).to_be_visible()
    assert findings(page) == []
    keep_picture(page, "pictures-uploaded")
    page.get_by_role("button", name="Take this line away").first.click()
    assert sorted(Picture.objects.values_list("name", flat=True)) == ["Known", "oven"]


def chooser_of(page: Page) -> Any:
    return page.get_by_role("dialog")


def test_a_picture_is_put_into_the_code_and_seen_in_the_preview(browse: Browsing) -> None:
    at = desk()
    wide = pictures.upload(at.actor, saved(drawn(1600, 400), "PNG"), name="Wide oven").picture
    content = TemplateInput(subject="Rye", source="<p>Rye</p>\n")
    template = templates.create_template(at.actor, name="Weekend", content=content, is_published=False)
    page = browse(at)
    page.goto(reverse("template-detail", args=[template.public_id]))

    page.get_by_role("button", name="Insert picture").click()
    dialog = chooser_of(page)
    expect(dialog.get_by_text("Wide oven")).to_be_visible()
    assert findings(page) == []
    keep_picture(page, "chooser-library")
    page.set_viewport_size({"width": 390, "height": 844})
    assert findings(page) == []
    keep_picture(page, "chooser-library-390")
    page.set_viewport_size({"width": 1440, "height": 1000})
    dialog.get_by_text("Wide oven").click()
    dialog.get_by_label("What it shows").fill('An "old" oven')
    assert findings(page) == []
    keep_picture(page, "chooser-chosen")
    dialog.get_by_role("button", name="Insert picture").click()
    expect(dialog).to_be_hidden()

    copy = Picture.objects.get(width=1200)
    source = page.locator("[name=source]").input_value()
    assert f'<img src="{copy.url}" alt="An &quot;old&quot; oven" width="600"' in source
    wide.refresh_from_db()
    assert wide.alternative_text == 'An "old" oven'
    shown = page.frame_locator("iframe[name^='tpl-preview']").get_by_role("img", name='An "old" oven')
    expect(shown).to_be_visible()
    assert shown.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") == 1200


@pytest.mark.parametrize(("kind", "expected"), [
    ("Markdown", "![Rye \\[half\\]]({})"), ("MJML", '<mj-image src="{}" alt="Rye [half]" width="40px" />'),
    ("Plain text", "{}"),
])
def test_a_picture_is_written_as_the_template_is(browse: Browsing, kind: str, expected: str) -> None:
    at = desk()
    row = pictures.upload(at.actor, png(), name="Rye", alternative_text="Rye [half]").picture
    template = templates.create_template(at.actor, name="Weekend", content=TemplateInput(), is_published=False)
    page = browse(at, 390, "dark")
    page.goto(reverse("template-detail", args=[template.public_id]))
    page.get_by_label("Written in").select_option(label=kind)

    page.get_by_role("button", name="Insert picture").click()
    chooser_of(page).get_by_role("button", name="Rye").click()
    assert findings(page) == []
    keep_picture(page, f"chooser-chosen-390-{kind}")
    chooser_of(page).get_by_role("button", name="Insert picture").click()

    page.wait_for_function("document.forms.editor.source.value !== ''")
    assert page.locator("[name=source]").input_value() == expected.format(row.url)


@pytest.mark.parametrize(("kind", "source", "expected"), [
    ("mjml", '<mjml><mj-head><mj-attributes><mj-column padding="0" /></mj-attributes></mj-head><mj-body><mj-section>'
     '<mj-column width="50%"><mj-text>Hi</mj-text></mj-column></mj-section></mj-body></mjml>',
     '<mj-column width="50%"><mj-image '),
    ("html", '<html><body class="a"><p>Hi</p></body></html>', '<body class="a"><img '),
])
def test_before_anybody_puts_the_caret_somewhere_a_picture_goes_to_the_beginning_of_what_is_read(
    browse: Browsing, kind: str, source: str, expected: str,
) -> None:
    at = desk()
    pictures.upload(at.actor, png(), name="Rye", alternative_text="Rye")
    content = TemplateInput(kind=kind, subject="Rye", source=source)
    template = templates.create_template(at.actor, name="Weekend", content=content, is_published=False)
    page = browse(at)
    page.goto(f"{reverse('template-detail', args=[template.public_id])}?in=code")

    page.get_by_role("button", name="Insert picture").click()
    chooser_of(page).get_by_role("button", name="Rye").click()
    chooser_of(page).get_by_role("button", name="Insert picture").click()

    page.wait_for_function("document.forms.editor.source.value.includes('picture/')")
    assert expected in page.locator("[name=source]").input_value()


def test_deleting_a_picture_that_is_shown_says_what_is_lost(browse: Browsing) -> None:
    at = desk()
    heavy = filled(at)
    page = browse(at)
    page.goto(reverse("picture-detail", args=[heavy.public_id]))

    page.get_by_role("button", name="Delete").click()
    dialog = chooser_of(page)
    expect(dialog).to_contain_text("Template “Weekend rye”")
    assert findings(page) == []
    keep_picture(page, "picture-delete")
    dialog.get_by_role("button", name="Delete it all the same").click()

    expect(page.get_by_role("heading", name="Pictures", level=1)).to_be_visible()
    expect(page.locator("#pictures")).not_to_contain_text("Market square")


def test_a_picture_is_uploaded_in_the_builder_and_stands_in_the_mail(browse: Browsing) -> None:
    at = desk()
    built = opened(browse, at, make_template(at, _ROW.format('<mj-image alt="" /><mj-text>Rye</mj-text>')))
    page, frame = built.page, built.frame

    frame.get_by_role("tab", name="Layers").click()
    frame.get_by_role("button", name="Image").click()
    frame.get_by_role("tab", name="Settings").click()
    frame.get_by_role("button", name="Choose or upload").click()
    dialog = chooser_of(page)
    dialog.locator("input[type=file]").set_input_files([file("oven.png", png(300, 200))])
    dialog.get_by_label("What it shows").fill("An oven")
    dialog.get_by_role("button", name="Insert picture").click()

    picture = Picture.objects.get()
    built.has(f'<mj-image alt="An oven" src="{picture.url}" width="300px" />')
    shown = built.mail.get_by_role("img", name="An oven")
    assert shown.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") == 300
    previewed = page.frame_locator("iframe[name^='tpl-preview']").get_by_role("img", name="An oven")
    expect(previewed).to_be_visible()
    assert frame.get_by_label("Picture", exact=True).input_value() == picture.url
    expect(frame.get_by_role("button", name="Choose another")).to_be_focused()
    keep_picture(page, "builder-picture")
