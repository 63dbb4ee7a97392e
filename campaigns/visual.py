"""The visual builder: whether it can open a template, and what it saves.

The builder reads and writes MJML in the page (static/js/mjml-source.js), which refuses what it could not give back
unchanged. A save goes the same way as one of the code editor: drafts, versions, and nothing of somebody else's
overwritten unseen.
"""

from __future__ import annotations

from dataclasses import replace

from django.utils.translation import gettext as _

from campaigns import blocks, template_diff, templates
from campaigns.models import MailTemplate, TemplateKind, TemplateVersion
from campaigns.starters import Starter
from campaigns.templates import TemplateInput
from relayhub.core.access import Actor
from relayhub.core.models import Workspace


def why_not(content: TemplateInput) -> str:
    """Why the builder cannot open this content, as a sentence; "" where it may try."""
    if content.kind == TemplateKind.MJML:
        return ""
    written = TemplateKind(content.kind).label
    return _("It is written in %(kind)s. The builder opens templates that are written in MJML.") % {"kind": written}


def save(actor: Actor, template: MailTemplate, content: TemplateInput, *, seen: str) -> TemplateVersion:
    """Save the builder's content as the draft; nothing where it says what is stored already.

    ConflictError `template_changed` where `seen` is not of the newest version (`templates.save_draft`), also where
    there is nothing to save: the person is looking at an old text.
    """
    newest = templates.newest(template)
    is_current = newest is not None and seen == templates.stamp(newest)
    if newest is not None and is_current and not template_diff.diff(templates.content_of(newest), content):
        return newest
    return templates.save_draft(actor, template, content, seen=seen)


def with_source(template: MailTemplate, written: TemplateInput) -> TemplateInput:
    """What the builder changes of the newest version; plain text of its own stays."""
    newest = templates.newest(template)
    text = newest.text if newest is not None else ""
    return replace(written, kind=TemplateKind.MJML, text=text)


def begun(workspace: Workspace, content: TemplateInput) -> TemplateInput:
    """A page to begin with in place of nothing; the subject stays."""
    page = blocks.blank_page(workspace)
    return replace(content, kind=page.kind, source=page.source)


def beginning(workspace: Workspace, chosen: Starter, *, in_builder: bool) -> tuple[TemplateInput, str]:
    """What a new template holds, and the page that opens it; from nothing the builder begins with a page of its own."""
    content = chosen.content(workspace)
    if not in_builder:
        return content, "template-detail"
    if not content.source.strip():
        content = begun(workspace, content)
    return content, "template-detail" if why_not(content) else "template-visual"
