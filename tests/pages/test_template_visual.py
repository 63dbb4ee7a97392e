"""The visual builder's page: what it opens, saves and refuses."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponse
from django.urls import reverse

from campaigns import starters, templates
from campaigns.models import MailTemplate, TemplateKind
from campaigns.templates import TemplateInput
from relayhub.core.models import AuditEntry, Role
from tests.pages.marketer_rows import Desk, desk

pytestmark = pytest.mark.django_db
MJML = "<mjml><mj-body><mj-section><mj-column><mj-text>Rye</mj-text></mj-column></mj-section></mj-body></mjml>"


def make_template(at: Desk, **more: Any) -> MailTemplate:
    content = TemplateInput(**{"kind": TemplateKind.MJML, "subject": "Rye", "source": MJML, **more})
    return templates.create_template(at.actor, name="Weekend rye", content=content)


def builder(template: MailTemplate) -> str:
    return reverse("template-visual", args=[template.public_id])


def save(at: Desk, template: MailTemplate, **more: str) -> HttpResponse:
    """Post what the page posts."""
    version = templates.newest(template)
    assert version is not None
    return at.client.post(builder(template), {
        "name": template.name, "kind": "mjml", "subject": version.subject, "preheader": "", "text": version.text,
        "source": version.source, "seen": templates.stamp(version), "act": "save", **more,
    })


def test_a_save_makes_a_draft_and_says_so() -> None:
    at = desk()
    template = make_template(at, text="Written by hand")

    answer = save(at, template, source=MJML.replace("Rye", "Rolls"), subject="Rolls").json()

    draft = templates.draft(template)
    assert draft is not None
    assert (draft.number, draft.subject, draft.text) == (2, "Rolls", "Written by hand")
    assert "Rolls" in draft.source
    assert answer["seen"] == templates.stamp(draft)
    assert answer["saved"] == f"{draft.updated_at:%H:%M}"
    assert "Draft 2" in answer["standing"]["pill"]
    assert AuditEntry.objects.filter(action="template.draft_saved").count() == 1


def test_a_save_without_a_change_makes_no_draft() -> None:
    at = desk()
    template = make_template(at)

    assert save(at, template).status_code == 200
    assert templates.draft(template) is None


def test_nothing_of_somebody_else_is_overwritten_unseen() -> None:
    at = desk()
    template = make_template(at)
    seen = templates.stamp(templates.newest(template))
    other = desk(at.workspace, email="bo@example.com")
    templates.save_draft(other.actor, template, TemplateInput(kind="mjml", source=MJML.replace("Rye", "Buns")))

    answer = save(at, template, source=MJML.replace("Rye", "Rolls"), seen=seen)

    draft = templates.draft(template)
    assert draft is not None
    assert answer.status_code == 409
    assert "Buns" in draft.source
    conflict = answer.json()["conflict"]
    assert "saved version 2 meanwhile" in conflict
    assert "Rolls" in conflict
    assert templates.stamp(draft) in conflict

    again = save(at, template, source=MJML.replace("Rye", "Rolls"), seen=seen, overwrite=templates.stamp(draft))
    draft.refresh_from_db()
    assert again.status_code == 200
    assert "Rolls" in draft.source


def test_the_draft_is_kept_where_it_cannot_be_published() -> None:
    at = desk()
    template = make_template(at)

    answer = save(at, template, source=MJML.replace("Rye", "{% if %}"), act="publish")

    live, draft = templates.published(template), templates.draft(template)
    assert live is not None
    assert draft is not None
    assert answer.status_code == 422
    assert "never closed" in answer.json()["message"]
    assert answer.json()["seen"] == templates.stamp(draft)
    assert (live.number, draft.number) == (1, 2)


def test_publishing_publishes_what_was_built() -> None:
    at = desk()
    template = make_template(at)

    answer = save(at, template, source=MJML.replace("Rye", "Rolls"), act="publish").json()

    live = templates.published(template)
    assert live is not None
    assert "Rolls" in live.source
    assert "Version 2 is published" in answer["toast"]


def test_publishing_the_same_again_says_that_nothing_changed() -> None:
    at = desk()
    template = make_template(at)

    answer = save(at, template, act="publish")

    assert answer.status_code == 200
    assert "Nothing to publish" in answer.json()["toast"]


def test_a_template_opens_again_in_the_editor_that_was_used_last() -> None:
    at = desk()
    template = make_template(at)
    code = reverse("template-detail", args=[template.public_id])
    other = templates.create_template(at.actor, name="By hand", content=TemplateInput(subject="S", source="<p>Hi</p>"))

    before = at.client.get(code).status_code
    at.client.get(builder(template))
    built = at.client.get(code)
    elsewhere = at.client.get(reverse("template-detail", args=[other.public_id])).status_code
    stays = at.client.get(f"{code}?in=code").status_code

    assert (before, built.status_code, built["Location"]) == (200, 302, builder(template))
    assert (elsewhere, stays, at.client.get(code).status_code) == (200, 200, 200)


def test_the_builder_renames_the_template() -> None:
    at = desk()
    template = make_template(at)

    answer = save(at, template, name="Autumn <b>news</b>")

    template.refresh_from_db()
    assert template.name == "Autumn <b>news</b>"
    assert answer.json()["standing"]["name"].strip() == "Autumn &lt;b&gt;news&lt;/b&gt;"
    assert templates.draft(template) is None


def test_what_cannot_be_stored_is_refused_with_the_reason() -> None:
    at = desk()
    template = make_template(at)

    answer = save(at, template, source=MJML + " " * templates.MAX_SOURCE)

    assert answer.status_code == 422
    assert "1,024 KiB" in answer.json()["message"]
    assert "seen" not in answer.json()
    assert templates.draft(template) is None


@pytest.mark.parametrize(("kind", "words"), [("html", "written in HTML"), ("text", "written in Plain text")])
def test_other_kinds_are_not_opened_and_the_page_says_why(kind: str, words: str) -> None:
    at = desk()
    template = make_template(at, kind=kind, source="Hello")

    page = at.client.get(builder(template)).content.decode()
    editor = at.client.get(reverse("template-detail", args=[template.public_id])).content.decode()

    assert words in page
    assert "data-src" not in page
    assert builder(template) not in editor


def test_an_empty_template_begins_with_a_page_in_the_look_of_the_workspace() -> None:
    at = desk()
    template = make_template(at, kind="html", source="")

    page = at.client.get(builder(template)).content.decode()

    assert at.workspace.brand_colour in page
    assert "{{ unsubscribe_url }}" in page
    assert templates.newest(template).source == ""  # type: ignore[union-attr]


def test_inline_styles_are_allowed_in_the_frame_alone_and_the_frame_sends_nothing() -> None:
    at = desk()
    template = make_template(at)

    page = at.client.get(builder(template))["Content-Security-Policy"]
    frame = at.client.get(reverse("template-workbench", args=[template.public_id]))

    policy = frame["Content-Security-Policy"]
    assert "unsafe" not in page
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "script-src 'self';" in f"{policy};"
    assert "connect-src 'none'" in policy
    assert "form-action 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert frame["X-Frame-Options"] == "SAMEORIGIN"
    assert MJML not in frame.content.decode()


def test_a_reader_sees_no_way_to_it() -> None:
    at = desk()
    template = make_template(at)
    reader = desk(at.workspace, role=Role.VIEWER, email="eve@example.com")
    editor = reverse("template-detail", args=[template.public_id])

    assert builder(template) in at.client.get(editor).content.decode()
    assert builder(template) not in reader.client.get(editor).content.decode()
    assert reader.client.get(builder(template)).status_code == 403
    assert save(reader, template, source=MJML.replace("Rye", "Rolls")).status_code == 403


def test_a_stranger_of_another_workspace_finds_nothing() -> None:
    template = make_template(desk())
    stranger = desk(email="mallory@example.com")

    assert stranger.client.get(builder(template)).status_code == 404
    assert stranger.client.get(reverse("template-workbench", args=[template.public_id])).status_code == 404


@pytest.mark.parametrize(
    ("starter", "page"),
    [("newsletter", "template-visual"), ("blank", "template-visual"), ("letter", "template-detail")],
)
def test_a_new_template_may_begin_in_the_builder(starter: str, page: str) -> None:
    at = desk()
    assert starters.starter(starter) is not None

    answer = at.client.post(reverse("template-new"), {"name": "Letter", "starter": starter, "open": "builder"})

    template = MailTemplate.objects.get()
    version = templates.draft(template)
    assert version is not None
    assert answer["Location"] == reverse(page, args=[template.public_id])
    assert version.source != ""
