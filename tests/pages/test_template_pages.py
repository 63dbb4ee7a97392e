"""Templates in the dashboard: begin, write, check, publish, compare, restore, test, put away."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from campaigns import fields, template_diff, template_review, templates
from campaigns.contacts import Evidence, add_contact
from campaigns.models import MailTemplate, TemplateVersion
from campaigns.templates import TemplateInput
from relayhub.core.models import AuditEntry, Role
from relayhub.relay.models import Message
from relayhub.site import setup
from tests.pages.marketer_rows import Desk, desk
from tests.support.door_rows import make_domain

pytestmark = pytest.mark.django_db
SAID = Evidence(channel="api", source="test")


def make_template(at: Desk, html: str = "<p>Hi {{ contact.name }}</p>", **more: str) -> MailTemplate:
    return templates.create_template(
        at.actor, name="Weekend rye", content=TemplateInput(subject="Rye", source=html, **more)
    )


def editor(template: MailTemplate) -> str:
    return reverse("template-detail", args=[template.public_id])


def written(template: MailTemplate, **more: str) -> dict[str, str]:
    """What the editor's form sends."""
    version = templates.newest(template)
    assert version is not None
    return {"name": template.name, "kind": version.kind, "subject": version.subject, "preheader": "", "text": "",
            "source": version.source, "seen": templates.stamp(version), "act": "save", **more}


def test_the_empty_list_says_what_to_do() -> None:
    page = desk().client.get(reverse("template-list")).content.decode()

    assert "No templates yet" in page
    assert reverse("template-new") in page


def test_saving_makes_a_draft_and_leaves_the_published_version_alone() -> None:
    at = desk()
    template = make_template(at)

    at.client.post(editor(template), written(template, source="<p>New\r\nline</p>", name="Rye week"))

    template.refresh_from_db()
    draft, live = templates.draft(template), templates.published(template)
    assert draft is not None
    assert live is not None
    assert (template.name, draft.number, draft.source) == ("Rye week", 2, "<p>New\nline</p>")
    assert (live.number, live.source) == (1, "<p>Hi {{ contact.name }}</p>")
    assert AuditEntry.objects.filter(action="template.draft_saved").count() == 1


def test_saving_without_a_change_makes_no_draft() -> None:
    at = desk()
    template = make_template(at)

    at.client.post(editor(template), written(template))

    assert templates.draft(template) is None


def test_two_people_writing_are_told_and_nothing_is_overwritten() -> None:
    at = desk()
    other = desk(at.workspace, role=Role.MARKETER, email="ada@example.com")
    template = make_template(at)
    stale = written(template, source="<p>Mine</p>")
    other.client.post(editor(template), written(template, source="<p>Theirs</p>"))

    answer = at.client.post(editor(template), stale)

    page = answer.content.decode()
    draft = templates.draft(template)
    assert draft is not None
    assert answer.status_code == 409
    assert draft.source == "<p>Theirs</p>"
    assert "Maja Lindqvist saved version 2 meanwhile" in page
    assert "&lt;p&gt;Mine&lt;/p&gt;" in page
    overwrite = re.search(r'name="overwrite" value="([^"]+)"', page)
    assert overwrite is not None
    assert at.client.post(editor(template), {**stale, "overwrite": overwrite[1]}).status_code == 302
    draft.refresh_from_db()
    assert draft.source == "<p>Mine</p>"


def test_a_stale_save_cannot_publish_either() -> None:
    at = desk()
    template = make_template(at)
    stale = written(template, source="<p>Mine</p>", act="publish")
    templates.save_draft(at.actor, template, TemplateInput(source="<p>Theirs</p>"))

    assert at.client.post(editor(template), stale).status_code == 409
    live = templates.published(template)
    assert live is not None
    assert live.number == 1


def test_publishing_saves_first() -> None:
    at = desk()
    template = make_template(at)

    at.client.post(editor(template), written(template, source="<p>Two</p>", act="publish"))

    live = templates.published(template)
    assert live is not None
    assert (live.number, live.source) == (2, "<p>Two</p>")


def test_publishing_the_same_again_says_that_nothing_changed() -> None:
    at = desk()
    template = make_template(at)

    answer = at.client.post(editor(template), written(template, act="publish"), follow=True)

    assert "Nothing to publish" in answer.content.decode()
    assert TemplateVersion.objects.count() == 1


def test_what_cannot_be_sent_is_kept_as_a_draft_and_not_published() -> None:
    at = desk()
    template = make_template(at)

    answer = at.client.post(editor(template), written(template, source="<p>\n{% if x %}</p>", act="publish"))

    page = answer.content.decode()
    draft = templates.draft(template)
    assert answer.status_code == 422
    assert "is never closed" in page
    assert 'data-line="2"' in page
    assert draft is not None
    assert draft.source == "<p>\n{% if x %}</p>"


def test_a_bad_subject_comes_back_with_the_text_kept() -> None:
    at = desk()
    template = make_template(at)

    answer = at.client.post(editor(template), written(template, subject="x" * 999, source="<p>Keep me</p>"))

    assert answer.status_code == 422
    assert "Keep me" in answer.content.decode()
    assert templates.draft(template) is None


@pytest.mark.parametrize(
    ("kind", "source", "said"),
    [
        ("html", "{% for a in contact.email %}" * 6 + "x" + "{% endfor %}" * 6, "too many steps"),
        ("html", '{{ "a" * 100000000 }}', "“*” is not available"),
        ("html", "{{ [1] * 100000000 }}", "“*” is not available"),
        ("html", "{% for a in contact.email %}" + "x" * 300_000 + "{% endfor %}", "more than 1 MiB"),
        ("html", "<p>Hi {{ first_name }}</p>", "Did you mean {{ contact.first_name }}?"),
        ("html", "<p>{{ contact.fields.shoe_size }}</p>", "There is no field “contact.fields.shoe_size”"),
        ("html", "{% include 'x' %}", "is not available in mail templates"),
        ("html", "{{ contact.name.upper() }}", "cannot be called"),
        ("mjml", "<mjml><mj-body><mj-text>Hi</mj-body></mjml>", "is never closed"),
        ("mjml", "<p>Hello</p>", "MJML is not well-formed"),
        ("mjml", "<mjml><mj-body><mj-include path='/etc/passwd' /></mj-body></mjml>", "mj-include is not available"),
        ("mjml", "<mjml><mj-body>\n<mj-buton>x</mj-buton></mj-body></mjml>", "MJML has no element &lt;mj-buton&gt;"),
    ],
)
def test_bad_content_is_explained_while_it_is_written(kind: str, source: str, said: str) -> None:
    at = desk()
    template = make_template(at)

    answer = at.client.post(
        reverse("template-check", args=[template.public_id]), written(template, kind=kind, source=source)
    )

    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert at.client.post(
        reverse("template-preview", args=[template.public_id]), written(template, kind=kind, source=source)
    ).status_code == 200


def test_a_field_without_fallback_says_how_many_lack_it() -> None:
    at = desk()
    fields.define_field(at.actor, key="city")
    add_contact(at.actor, email="a@x.example", name="Ann", fields={"city": "Oslo"}, evidence=SAID)
    add_contact(at.actor, email="b@x.example", name="Bo", evidence=SAID)
    source = (
        '<p>{{ contact.fields.city }}</p>{{ contact.first_name|default("you") }}'
        "{% if contact.name %}{{ contact.name }}{% endif %}"
    )

    found = template_review.review(at.workspace, TemplateInput(source=source)).blanks

    assert [(blank.name, blank.missing, blank.of, blank.line) for blank in found] == [
        ("contact.fields.city", 1, 2, 1)
    ]


def test_the_preview_is_caged_and_shows_the_chosen_contact() -> None:
    at = desk()
    add_contact(at.actor, email="ines@x.example", name="Inès Moreau", evidence=SAID)
    template = make_template(at)
    address = reverse("template-preview", args=[template.public_id])

    shown = at.client.get(address, {"as": "ines@x.example"})
    text = at.client.get(address, {"show": "text"})

    assert "Hi Inès Moreau" in shown.content.decode()
    assert shown["Content-Security-Policy"].startswith("sandbox")
    assert shown["X-Frame-Options"] == "SAMEORIGIN"
    assert "Hi Alex Example" in text.content.decode()
    assert "Unsubscribe: " in text.content.decode()


def test_a_contact_of_another_workspace_is_nobody_here() -> None:
    at, other = desk(), desk(setup.new_workspace("Other"), email="o@example.com")
    add_contact(other.actor, email="theirs@x.example", name="Secret Name", evidence=SAID)
    template = make_template(at)

    shown = at.client.get(reverse("template-preview", args=[template.public_id]), {"as": "theirs@x.example"})

    assert "Secret Name" not in shown.content.decode()


def test_versions_show_what_changed_and_an_older_one_comes_back() -> None:
    at = desk()
    template = make_template(at, html="<p>\nold\n</p>")
    templates.save_draft(at.actor, template, TemplateInput(subject="Rye", source="<p>\nnew\n</p>"))
    templates.publish(at.actor, template)
    page = at.client.get(reverse("template-versions", args=[template.public_id])).content.decode()

    assert "From version 1 to version 2" in page
    assert '<td class="code">old</td>' in page
    seen = templates.stamp(templates.newest(template))
    at.client.post(reverse("template-restore", args=[template.public_id, 1]), {"seen": seen})

    draft = templates.draft(template)
    assert draft is not None
    assert (draft.number, draft.source) == (3, "<p>\nold\n</p>")
    assert AuditEntry.objects.filter(action="template.restored").exists()
    assert at.client.post(reverse("template-restore", args=[template.public_id, 99])).status_code == 404


def test_within_a_changed_line_the_words_that_changed_are_set_off() -> None:
    before = TemplateInput(source="<p>The rye comes at nine on Saturday</p>\nsame\nabc def")
    after = TemplateInput(source="<p>The rye comes at ten on Saturday</p>\nsame\n<hr><hr><hr>")

    lines = template_diff.diff(before, after)[0].lines

    marked = {line.kind: [text for text, changed in line.pieces if changed] for line in lines if line.pieces}
    assert marked == {"del": ["nine"], "add": ["ten"]}
    assert all("".join(text for text, _ in line.pieces) == line.text for line in lines if line.pieces)
    assert [line.pieces for line in lines if line.text == "abc def"] == [()]


def test_a_test_is_saved_sent_and_its_way_shown() -> None:
    at = desk()
    make_domain(at.workspace, "shop.example")
    template = make_template(at)

    answer = at.client.post(
        editor(template),
        written(template, source="<p>Fresh <a href='{{ unsubscribe_url }}'>u</a></p>", act="test",
                test_to="me@x.example, you@x.example", test_from="Shop <hi@shop.example>"),
        follow=True,
    )

    message = Message.objects.get()
    assert message.subject == "[Test] Rye"
    assert message.options["test_of"] == template.public_id
    page = answer.content.decode()
    assert "me@x.example" in page
    assert 'hx-get="/templates/tests/msg_' in page
    assert templates.draft(template) is not None
    assert Client().get("/u/test").status_code == 200


def test_a_test_without_an_address_is_refused_with_the_reason() -> None:
    at = desk()
    template = make_template(at)

    answer = at.client.post(editor(template), written(template, act="test", test_to="", test_from="Shop <a@b.example>"))

    assert answer.status_code == 422
    assert "A test goes to 1 to 10 addresses" in answer.content.decode()
    assert not Message.objects.exists()


def test_archiving_names_the_campaigns_and_can_be_taken_back() -> None:
    at = desk()
    template = make_template(at)
    at.client.post(reverse("campaign-new"), {"name": "Saturday rye"})
    campaign = at.workspace.campaigns.get()
    campaign.template = template
    campaign.save(update_fields=["template"])

    page = at.client.get(editor(template)).content.decode()
    refused = at.client.post(
        reverse("template-delete", args=[template.public_id]), headers={"referer": "http://testserver/"}
    )
    at.client.post(reverse("template-archive", args=[template.public_id]))

    assert "Archive a template that 1 campaign use" in page
    assert "Saturday rye (draft)" in page
    assert refused.status_code == 302
    assert MailTemplate.objects.filter(pk=template.pk).exists()
    assert at.client.get(editor(template)).status_code == 404
    assert b"Take back" in at.client.get(reverse("template-list"), {"show": "archived"}).content
    at.client.post(reverse("template-unarchive", args=[template.public_id]))
    assert at.client.get(editor(template)).status_code == 200


def test_an_unused_template_is_deleted_with_its_versions() -> None:
    at = desk()
    template = make_template(at)

    at.client.post(reverse("template-delete", args=[template.public_id]))

    assert not TemplateVersion.objects.exists()
    assert AuditEntry.objects.filter(action="template.deleted").exists()


def test_a_viewer_reads_and_changes_nothing() -> None:
    at = desk()
    template = make_template(at)
    viewer = desk(at.workspace, role=Role.VIEWER, email="v@example.com")
    page = viewer.client.get(editor(template)).content.decode()

    assert "<fieldset disabled>" in page
    assert "Publish" not in page
    assert viewer.client.post(editor(template), written(template, source="x")).status_code == 403
    for name in ("template-archive", "template-delete", "template-copy"):
        assert viewer.client.post(reverse(name, args=[template.public_id])).status_code == 403
    assert viewer.client.get(reverse("template-new")).status_code == 403


def test_templates_of_another_workspace_are_not_there() -> None:
    at, other = desk(), desk(setup.new_workspace("Other"), email="o@example.com")
    template = make_template(other)

    for name in ("template-detail", "template-preview", "template-versions", "template-thumbnail"):
        assert at.client.get(reverse(name, args=[template.public_id])).status_code == 404
    for name in ("template-check", "template-archive", "template-delete", "template-copy"):
        assert at.client.post(reverse(name, args=[template.public_id])).status_code == 404


def test_sample_values_stand_for_what_single_messages_bring() -> None:
    at = desk()
    template = make_template(at, html="<p>Order {{ order.number }}, {{ contact.fields.nope }}</p>")
    sample = '{"order": {"number": "A-1042"}}'
    at.client.post(editor(template), written(template, sample=sample))
    template.refresh_from_db()

    shown = at.client.get(reverse("template-preview", args=[template.public_id])).content.decode()
    checked = at.client.post(reverse("template-check", args=[template.public_id]), written(template, sample=sample))
    named = checked.content.decode()
    assert template.sample == {"order": {"number": "A-1042"}}
    assert "Order A-1042" in shown
    assert "There is no field “order.number”" not in named
    assert "There is no field “contact.fields.nope”" in named
    assert AuditEntry.objects.filter(action="template.sample_changed").count() == 1


@pytest.mark.parametrize(
    ("sample", "said"), [("{", "This is no JSON"), ('{"contact": 1}', "is filled in by RelayHub"), ("[1]", "an object")]
)
def test_bad_sample_values_are_explained_and_nothing_is_lost(sample: str, said: str) -> None:
    at = desk()
    template = make_template(at)

    answer = at.client.post(editor(template), written(template, source="<p>Keep me</p>", sample=sample))

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert "Keep me" in answer.content.decode()


def test_previews_follow_the_conditions_that_are_asked_for() -> None:
    at = desk()
    template = make_template(
        at, html="<style>@media (prefers-color-scheme: dark) {p {color: #eee}}</style>"
        '<p>Hi</p><img src="https://x.example/a.png" alt="A loaf" width="9">'
    )
    address = reverse("template-preview", args=[template.public_id])

    assert b"(min-width: 0px)" in at.client.get(address, {"dark": "1"}).content
    assert b"a.png" not in at.client.get(address, {"images": "off"}).content
    assert b"a.png" in at.client.get(address).content
    page = at.client.get(reverse("template-previews", args=[template.public_id])).content.decode()
    assert page.count("<iframe") == 5


def test_saving_for_all_previews_goes_to_them() -> None:
    at = desk()
    template = make_template(at)

    answer = at.client.post(editor(template), written(template, source="<p>New</p>", act="previews"))

    assert answer["Location"] == reverse("template-previews", args=[template.public_id])
    assert templates.draft(template) is not None


def test_people_who_write_the_same_template_are_told_of_each_other() -> None:
    at = desk()
    other = desk(at.workspace, role=Role.MARKETER, email="ada@example.com")
    viewer = desk(at.workspace, role=Role.VIEWER, email="v@example.com")
    template = make_template(at)
    address = reverse("template-others", args=[template.public_id])
    seen = {"seen": templates.stamp(templates.newest(template))}

    viewer.client.get(address, seen)
    assert "too." not in at.client.get(address, seen).content.decode()
    assert "Maja Lindqvist has this template open too" in other.client.get(address, seen).content.decode()
    other.client.post(editor(template), written(template, source="<p>Theirs</p>"))
    assert "saved version 2" in at.client.get(address, seen).content.decode()
