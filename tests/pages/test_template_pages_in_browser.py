"""Templates in a real browser: how their pages look, writing and publishing one, with and without script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.urls import reverse
from playwright.sync_api import Page

from campaigns import fields, starters, templates
from campaigns.contacts import add_contact
from campaigns.models import MailTemplate
from campaigns.templates import TemplateInput
from tests.pages.marketer_rows import desk
from tests.pages.test_template_pages import SAID, editor, make_template
from tests.support.browser import Browsing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


def test_the_pages_of_templates_look_right(look: Callable[..., None]) -> None:
    at = desk()
    look(at, reverse("template-list"), "template-list-empty")
    fields.define_field(at.actor, key="city", label="Town")
    for number in range(3):
        add_contact(at.actor, email=f"c{number}@x.example", name="Cy", evidence=SAID)
    named = {"newsletter": "Monthly newsletter", "event": "Open bakery day", "plain": "Personal letter"}
    for key, name in named.items():
        chosen = starters.starter(key)
        assert chosen is not None
        content = chosen.content(at.workspace)
        templates.create_template(at.actor, name=name, content=content, is_published=key != "plain")
    long = templates.create_template(
        at.actor, name="Weekend rye and rolls, the long edition with a name that hardly fits", is_published=False,
        content=TemplateInput(
            subject="Rye for {{ contact.first_name|default('you') }}", preheader="Warm at nine",
            source="<h1>Rye</h1>\n<p>Collect it in {{ contact.fields.city }}</p>\n{{ contact.fields.nope }}\n" * 3,
        ),
    )
    news = templates.templates_of(at.workspace).get(name="Monthly newsletter")
    newest = templates.newest(news)
    assert newest is not None
    body = templates.content_of(newest)
    templates.save_draft(at.actor, news, replace(body, subject="Other", source=body.source.replace("shorter", "brief")))
    look(at, reverse("template-list"), "template-list")
    look(at, reverse("template-list") + "?view=list", "template-list-rows")
    look(at, reverse("template-new"), "template-new")
    look(at, editor(news), "template-editor")
    look(at, editor(long), "template-editor-findings")
    look(at, reverse("template-versions", args=[news.public_id]), "template-versions")
    look(at, reverse("template-previews", args=[news.public_id]), "template-previews")


def write(page: Page, text: str) -> None:
    """Replace what the code editor holds, as by pasting over everything."""
    page.get_by_label("Content").focus()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.insert_text(text)


def test_somebody_writes_a_template_and_publishes_it(browse: Browsing) -> None:
    at = desk()
    add_contact(at.actor, email="ines@x.example", name="Inès Moreau", evidence=SAID)
    page = browse(at)
    page.goto(reverse("template-list"))
    page.get_by_role("button", name="In code: From scratch").click()
    page.get_by_label("Name of the template").fill("Rye week")
    page.get_by_label("Subject").fill("Rye for ")
    page.get_by_text("Merge field").click()
    page.get_by_role("button", name="First name").click()
    assert page.get_by_label("Subject").input_value() == 'Rye for {{ contact.first_name|default("there") }}'
    write(page, "<h1>Rye</h1>\n<p>For {{ contact.fields.twn }}</p>")
    page.get_by_text("There is no field “contact.fields.twn”").wait_for()
    page.get_by_role("link", name="Line 2").click()
    assert page.locator(".cm-activeLine").first.inner_text() == "<p>For {{ contact.fields.twn }}</p>"
    assert page.locator(".cm-lintRange-warning").inner_text() == "contact.fields.twn"
    write(page, "<h1>Rye</h1>\n<p>For {{ contact.name }}</p>")
    page.get_by_label("As this contact").fill("ines@x.example")
    page.get_by_label("As this contact").press("Tab")
    page.get_by_text("Rye for Inès", exact=True).wait_for()
    frame = page.frame_locator("iframe[title='Preview of the mail']")
    frame.get_by_text("For Inès Moreau").wait_for()
    page.get_by_role("radio", name="Text").check(force=True)
    frame.get_by_text("Unsubscribe: ").wait_for()
    page.get_by_role("button", name="Publish version 1").click()
    page.get_by_text("Version 1 is published", exact=False).first.wait_for()

    live = templates.published(MailTemplate.objects.get())
    assert live is not None
    assert live.source == "<h1>Rye</h1>\n<p>For {{ contact.name }}</p>"


def test_a_template_can_be_written_without_script(browse: Browsing) -> None:
    at = desk()
    template = make_template(at)
    page = browse(at, script=False)
    page.goto(editor(template))

    page.get_by_label("Content").fill("<p>By hand</p>")
    page.get_by_role("button", name="Refresh the preview").click()
    page.frame_locator("iframe").get_by_text("By hand").wait_for()
    page.get_by_role("button", name="Save draft").click()

    draft = templates.draft(template)
    assert draft is not None
    assert draft.source == "<p>By hand</p>"
