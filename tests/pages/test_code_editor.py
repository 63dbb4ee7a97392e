"""The code editor of templates in a browser: completion, marks at the line, keyboard, the content policy."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Page, Route

from campaigns import fields, templates
from campaigns.models import MailTemplate
from campaigns.templates import TemplateInput
from tests.pages.marketer_rows import Desk, desk
from tests.support.browser import Browsing, findings, keep_picture

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


def make_template(at: Desk, source: str, kind: str = "html") -> MailTemplate:
    return templates.create_template(
        at.actor, name="Rye", content=TemplateInput(kind=kind, subject="Rye", source=source), is_published=False
    )


def opened(at: Desk, page: Page, template: MailTemplate) -> str:
    """Open the editor; its nonce of the content policy."""
    answer = page.goto(reverse("template-detail", args=[template.public_id]))
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    page.locator(".cm-content").first.wait_for()
    return policy


def test_fields_are_completed_while_typing(browse: Browsing) -> None:
    at = desk()
    fields.define_field(at.actor, key="town", label="Home town")
    page = browse(at)
    policy = opened(at, page, make_template(at, "<p>Hello </p>"))

    assert "'nonce-" in policy
    assert "unsafe" not in policy
    page.locator(".cm-content").first.click()
    page.keyboard.press("End")
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    page.keyboard.type("{{ to")
    page.get_by_role("option", name="contact.fields.town").wait_for()
    assert findings(page) == []
    keep_picture(page, "code-editor-completion-light")
    page.keyboard.press("Enter")

    typed = "<p>Hello {{ contact.fields.town|default(\"\") }}</p>"
    assert page.locator("textarea[name=source]").input_value() == typed
    page.keyboard.type("Oslo")
    assert 'default("Oslo")' in page.locator("textarea[name=source]").input_value()


def test_the_text_is_there_before_the_editor_and_what_is_written_meanwhile_stays(browse: Browsing) -> None:
    at = desk()
    page, template = browse(at), make_template(at, "<p>Rye</p>")
    held: list[Route] = []
    page.route("**/codemirror.min.js", lambda route: held.append(route))
    page.goto(reverse("template-detail", args=[template.public_id]), wait_until="domcontentloaded")
    area = page.locator("textarea[name=source]")
    area.focus()
    page.keyboard.press("Control+Home")
    page.keyboard.type("<b>New</b> ")
    assert page.locator(".cm-content").count() == 0
    for route in held:
        route.continue_()

    page.locator(".cm-content").first.wait_for()
    page.wait_for_function("() => document.activeElement.closest('.cm-editor')")
    page.keyboard.type("and ")
    assert area.input_value() == "<b>New</b> and <p>Rye</p>"


def test_tab_leaves_the_editor_and_the_caret_stays_reachable(browse: Browsing) -> None:
    at = desk()
    page = browse(at)
    opened(at, page, make_template(at, "<mjml><mj-body></mj-body></mjml>", kind="mjml"))

    page.locator(".cm-content").first.focus()
    page.keyboard.press("Tab")

    assert not page.evaluate("document.activeElement.closest('.cm-editor') !== null")


def test_findings_are_marked_at_their_line_in_the_dark_too(browse: Browsing) -> None:
    at = desk()
    page = browse(at, theme="dark")
    opened(at, page, make_template(at, "<p>One</p>\n<p>{{ contact.fields.nope }}</p>\n{% if contact.name %}"))

    marked = page.locator(".cm-lintRange-error").first
    marked.wait_for()
    assert marked.inner_text() == "{% if contact.name %}"
    assert page.locator(".cm-gutter-lint .cm-lint-marker").count() == 2
    assert findings(page) == []
    keep_picture(page, "code-editor-findings-dark")
