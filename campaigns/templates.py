"""Mail templates: make, change, publish, preview. The newest published version is what a launch freezes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext as _

from campaigns.brand import brand_of
from campaigns.fields import field_types
from campaigns.merge_fields import meant
from campaigns.models import Broadcast, Campaign, CampaignStatus, Contact, MailTemplate, TemplateKind, TemplateVersion
from relayhub.core import audit, spoken
from relayhub.core.access import Actor, get_or_absent
from relayhub.core.clock import now
from relayhub.core.errors import AccessError, ConflictError, InputError, PrepareError
from relayhub.core.formats import number
from relayhub.core.ids import Prefix
from relayhub.core.models import Workspace
from relayhub.relay import compiled, rendering, template_words
from relayhub.relay.template_source import Finding, Severity, lines_of_fields
from relayhub.relay.templates_port import TemplateParts

MAX_SOURCE = 1024 * 1024
#: Characters of the sample values, as JSON.
MAX_SAMPLE = 20_000
#: What the parts of a template are called within a sentence.
_PARTS = {"subject": gettext_noop("subject"), "preheader": gettext_noop("preheader"), "html": gettext_noop("html"),
          "text": gettext_noop("text")}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


@dataclass(frozen=True, kw_only=True)
class TemplateInput:
    """What a version says."""

    kind: str = TemplateKind.HTML
    subject: str = ""
    preheader: str = ""
    source: str = ""
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class TemplateStanding:
    """The newest version of a template, draft or not, and the number of the newest published one."""

    newest: TemplateVersion | None
    published: int | None


def templates_of(workspace: Workspace) -> QuerySet[MailTemplate]:
    """Templates that are not archived, newest first."""
    return MailTemplate.objects.filter(workspace=workspace, archived_at=None)


def archived_templates_of(workspace: Workspace) -> QuerySet[MailTemplate]:
    """Templates that were put away, newest first."""
    return MailTemplate.objects.filter(workspace=workspace).exclude(archived_at=None)


def all_templates_of(workspace: Workspace) -> QuerySet[MailTemplate]:
    """Templates, those that were put away among them, newest first."""
    return MailTemplate.objects.filter(workspace=workspace)


def create_template(
    actor: Actor, *, name: str, content: TemplateInput, is_published: bool = True,
    sample: Mapping[str, Any] | None = None,
) -> MailTemplate:
    """Make a template; its first version is published at once, or a draft where somebody is to write it yet."""
    _check(content)
    if is_published:
        _refuse_errors(actor.workspace, content)
    with transaction.atomic():
        template = MailTemplate.objects.create(
            workspace=actor.workspace, name=_checked_name(name), sample=checked_sample(sample or {})
        )
        _new_version(template, actor, content, number=1, published=is_published)
        audit.record(actor, "template.created", "template", template.public_id, summary=template.name)
    return template


def stamp(version: TemplateVersion | None) -> str:
    """What an editor carries, so that a save can tell whether the template is still what they saw."""
    if version is None:
        return ""
    return f"{version.number}.{version.updated_at:%Y%m%d%H%M%S%f}{'p' if version.published_at else ''}"


def _refuse_unseen(latest: TemplateVersion | None, seen: str | None) -> None:
    if seen is not None and seen != stamp(latest):
        raise ConflictError(
            _("Somebody else saved this template meanwhile. Look at their text, then save again."),
            code="template_changed",
        )


def save_draft(
    actor: Actor, template: MailTemplate, content: TemplateInput, *, seen: str | None = None
) -> TemplateVersion:
    """Change the draft, making one where there is none; nothing that is published changes.

    ConflictError `template_changed` where `seen` (a `stamp`) is not of the newest version any more: nothing
    that somebody else saved is overwritten unseen.
    """
    _check(content)
    with transaction.atomic():
        MailTemplate.objects.select_for_update().get(pk=template.pk)
        latest = newest(template)
        _refuse_unseen(latest, seen)
        if latest is None or latest.published_at is not None:
            version = _new_version(template, actor, content, number=(latest.number if latest else 0) + 1)
        else:
            version = _overwrite(latest, actor, content)
        MailTemplate.objects.filter(pk=template.pk).update(updated_at=now())
        audit.record(actor, "template.draft_saved", "template", template.public_id,
                     summary=f"{template.name}, version {version.number}")
    return version


def _overwrite(version: TemplateVersion, actor: Actor, content: TemplateInput) -> TemplateVersion:
    for field in ("kind", "subject", "preheader", "source", "text"):
        setattr(version, field, getattr(content, field))
    version.updated_at, version.created_by = now(), actor.user or version.created_by
    version.save(update_fields=["kind", "subject", "preheader", "source", "text", "updated_at", "created_by"])
    return version


def restore(actor: Actor, template: MailTemplate, number: int, *, seen: str | None = None) -> TemplateVersion:
    """Make an older version's text the draft; AccessError where there is no such version."""
    version = template.versions.filter(number=number).first()
    if version is None:
        raise AccessError
    with transaction.atomic():
        made = save_draft(actor, template, content_of(version), seen=seen)
        audit.record(actor, "template.restored", "template", template.public_id,
                     summary=f"{template.name}: version {number} as version {made.number}")
    return made


def copy(actor: Actor, template: MailTemplate) -> MailTemplate:
    """Begin another template with the newest text of this one, as a draft."""
    latest = newest(template)
    content = content_of(latest) if latest else TemplateInput()
    return create_template(actor, name=spoken.copied(template.name[:180]), content=content, is_published=False,
                           sample=template.sample)


def rename(actor: Actor, template: MailTemplate, name: str) -> None:
    """Give a template another name."""
    template.name = _checked_name(name)
    with transaction.atomic():
        template.save(update_fields=["name"])
        audit.record(actor, "template.renamed", "template", template.public_id, summary=template.name)


def set_sample(actor: Actor, template: MailTemplate, sample: Mapping[str, Any]) -> None:
    """Keep values for the variables, for previews and tests; InputError for what cannot be merged."""
    checked = checked_sample(sample)
    if checked == template.sample:
        return
    template.sample = checked
    with transaction.atomic():
        template.save(update_fields=["sample"])
        audit.record(actor, "template.sample_changed", "template", template.public_id, summary=template.name)


def checked_sample(sample: object) -> dict[str, Any]:
    """The values if they are named and short enough, else InputError."""
    if not isinstance(sample, Mapping) or not all(isinstance(key, str) and _NAME.fullmatch(key) for key in sample):
        raise InputError(
            _('Sample values are an object of names, such as {"order_number": "1042"}.'), field="sample"
        )
    if len(json.dumps(sample)) > MAX_SAMPLE:
        raise InputError(_("Sample values have up to %(size)s KB.") % {"size": MAX_SAMPLE // 1000}, field="sample")
    taken = sorted({"contact", "workspace", "campaign"} & set(sample))
    if taken:
        raise InputError(
            _("“%(name)s” is filled in by RelayHub; name the variable otherwise.") % {"name": taken[0]}, field="sample"
        )
    return dict(sample)


def publish(actor: Actor, template: MailTemplate, *, seen: str | None = None) -> TemplateVersion:
    """Publish the draft; InputError with the first error where it cannot be sent, ConflictError without one, and
    `template_changed` where `seen` (a `stamp`) is not of the newest version: nobody publishes a text unseen.
    """
    with transaction.atomic():
        MailTemplate.objects.select_for_update().get(pk=template.pk)
        _refuse_unseen(newest(template), seen)
        version = draft(template)
        if version is None:
            raise ConflictError(_("There is no draft: nothing changed since the last publish."), code="no_draft")
        _refuse_errors(actor.workspace, content_of(version))
        version.published_at = now()
        version.save(update_fields=["published_at"])
        audit.record(actor, "template.published", "template", template.public_id,
                     summary=f"{template.name}, version {version.number}")
    return version


def archive(actor: Actor, template: MailTemplate) -> None:
    """Put a template away; campaigns that use it keep it."""
    with transaction.atomic():
        if templates_of(actor.workspace).filter(pk=template.pk).update(archived_at=now()):
            audit.record(actor, "template.archived", "template", template.public_id, summary=template.name)


def unarchive(actor: Actor, template: MailTemplate) -> None:
    """Offer a template that was put away again."""
    with transaction.atomic():
        if archived_templates_of(actor.workspace).filter(pk=template.pk).update(archived_at=None):
            audit.record(actor, "template.unarchived", "template", template.public_id, summary=template.name)
    template.archived_at = None


def campaigns_using(template: MailTemplate) -> QuerySet[Campaign]:
    """Campaigns that name the template, newest first."""
    return Campaign.objects.filter(template=template).order_by("-id")


def draft_campaign_of(template: MailTemplate) -> Campaign | None:
    """The newest draft that is to send the template."""
    return campaigns_using(template).filter(status=CampaignStatus.DRAFT).first()


def delete_template(actor: Actor, template: MailTemplate) -> None:
    """Remove a template with all its versions; ConflictError where a campaign uses or used one."""
    with transaction.atomic():
        MailTemplate.objects.select_for_update().get(pk=template.pk)
        used = campaigns_using(template).first()
        if used is not None or Broadcast.objects.filter(template_version__template=template).exists():
            why = (_("This template cannot be deleted: “%(name)s” uses it. Archive it instead.") % {"name": used.name}
                   if used is not None
                   else _("This template cannot be deleted: A campaign was sent with it. Archive it instead."))
            raise ConflictError(why, code="template_used")
        audit.record(actor, "template.deleted", "template", template.public_id, summary=template.name)
        template.delete()


def draft(template: MailTemplate) -> TemplateVersion | None:
    """The version that is being worked on."""
    return template.versions.filter(published_at=None).first()


def published(template: MailTemplate) -> TemplateVersion | None:
    """The newest published version."""
    return template.versions.exclude(published_at=None).order_by("-number").first()


def newest(template: MailTemplate) -> TemplateVersion | None:
    """The draft, else the newest published version."""
    return template.versions.order_by("-number").first()


def standings(rows: Sequence[MailTemplate]) -> dict[UUID, TemplateStanding]:
    """How each of these templates stands, in two queries for all."""
    versions = TemplateVersion.objects.filter(template__in=rows).order_by("template_id", "-number")
    versions = versions.distinct("template_id")
    newest_of = {row.template_id: row for row in versions}
    live = dict(versions.exclude(published_at=None).values_list("template_id", "number"))
    return {row.pk: TemplateStanding(newest=newest_of.get(row.pk), published=live.get(row.pk)) for row in rows}


def sent_version(template: MailTemplate) -> TemplateVersion | None:
    """What a campaign would send now: the newest published version, or the draft while there is none."""
    return published(template) or newest(template)


def content_of(version: TemplateVersion) -> TemplateInput:
    """What a version says."""
    return TemplateInput(
        kind=version.kind, subject=version.subject, preheader=version.preheader, source=version.source,
        text=version.text,
    )


def source_of(content: TemplateInput, workspace: Workspace, *, subject: str = "") -> compiled.Source:
    """The version as the compiler takes it, in the brand of the workspace; a campaign's own subject comes first."""
    return compiled.Source(
        kind=content.kind, subject=subject or content.subject, source=content.source, text=content.text,
        preheader=content.preheader, brand=brand_of(workspace),
    )


def findings(
    workspace: Workspace, content: TemplateInput, *, subject: str = "", sample: Mapping[str, Any] | None = None
) -> list[Finding]:
    """Everything a person should know of this content before it is sent: errors first.

    Names that `sample` has are variables that single messages bring; they are no surprise.
    """
    parts = _parts(content, subject)
    found = [template_words.finding_told(finding) for finding in rendering.source_findings(parts)]
    if not found:
        try:
            compiled.to_html(source_of(content, workspace))
        except PrepareError as exc:
            found.append(template_words.finding_of(exc))
    known, brought = field_types(workspace), set(sample or ())
    for part, source in parts.items():
        lines = lines_of_fields(source)
        found += [
            Finding(severity=Severity.WARNING, code="unknown_field",
                    message=_("There is no field “%(name)s”.") % {"name": name}, fix=_fix_of_unknown(name, known),
                    line=lines.get(name), part=part, name=name)
            for name in rendering.missing_fields([source], known) if name.split(".", 1)[0] not in brought
        ]
    return found


def _fix_of_unknown(name: str, known: Iterable[str]) -> str:
    wanted = meant(name, known)
    if wanted:
        return _("Did you mean {{ %(wanted)s }}? A campaign with {{ %(name)s }} cannot be launched. "
                 "If single messages bring it as a variable, give it a sample value.") % {
            "wanted": wanted, "name": name}
    return _("Define it under Contacts or write another one; a campaign with it cannot be launched. "
             "If single messages bring it as a variable, give it a sample value.")


def preview(
    workspace: Workspace, content: TemplateInput, contact: Contact | None, *, subject: str = "",
    links: Mapping[str, str] | None = None, campaign: str = "Preview", sample: Mapping[str, Any] | None = None,
) -> rendering.Rendered:
    """What this contact would get; links that only a sent mail has are marked as such, or are the given ones.

    `sample` stands for the variables that a single message would bring; such a message carries no footer of ours.
    """
    footer = None if sample else footer_of(workspace)
    made = compiled.compile_source(source_of(content, workspace, subject=subject), footer, opens=False, clicks=False)
    context = {
        **(sample or {}), "contact": _person(contact), **shared_context(workspace, campaign, made.subject),
        **(links or PREVIEW_LINKS),
    }
    return rendering.render_all(subject=made.subject, html=made.html, text=made.text, context=context)


def subject_for(workspace: Workspace, subject: str, contact: Contact) -> str:
    """A subject merged for this contact; PrepareError where it cannot be."""
    context = {"contact": _person(contact), **shared_context(workspace, "", "")}
    return rendering.render_subject(subject, context)


def somebody() -> dict[str, Any]:
    """What `contact` is for somebody invented."""
    return _person(None)


def _person(contact: Contact | None) -> dict[str, Any]:
    """What `contact` is in a preview; somebody invented where none is given."""
    if contact is None:
        return rendering.contact_context(email="someone@example.com", name="Alex Example", fields={})
    return rendering.contact_context(email=contact.email, name=contact.name, fields=contact.fields)


#: Where links that only a sent mail has lead in a preview.
PREVIEW_LINKS = {"unsubscribe_url": "#unsubscribe", "preferences_url": "#preferences", "view_url": "#view"}


def shared_context(workspace: Workspace, campaign: str, subject: str) -> dict[str, Any]:
    """What templates may read that is the same for everybody."""
    return {
        "workspace": {"name": workspace.name, "company": workspace.company,
                      "postal_address": workspace.postal_address},
        "campaign": {"name": campaign, "subject": subject},
    }


def footer_of(workspace: Workspace) -> compiled.Footer | None:
    """The workspace's footer, or None where it is switched off."""
    if not workspace.adds_footer:
        return None
    return compiled.Footer(
        company=workspace.company or workspace.name, postal_address=workspace.postal_address,
        html=workspace.footer_html,
    )


def published_parts(workspace: Workspace, template_id: str) -> TemplateParts:
    """A published template for a single message (`settings.TEMPLATE_SOURCE`)."""
    try:
        template = get_or_absent(templates_of(workspace), Prefix.TEMPLATE, template_id)
    except AccessError as exc:
        raise InputError(_("There is no such template."), field="template", code="unknown_template") from exc
    version = published(template)
    if version is None:
        raise InputError(_("This template was never published."), field="template", code="unknown_template")
    source = source_of(content_of(version), workspace)
    html = compiled.to_html(source)
    return TemplateParts(
        subject=version.subject, html=html, text=compiled.to_text(source, html),
        shared={"workspace": shared_context(workspace, "", "")["workspace"]},
    )


def _new_version(
    template: MailTemplate, actor: Actor, content: TemplateInput, *, number: int, published: bool = False
) -> TemplateVersion:
    return TemplateVersion.objects.create(
        template=template, number=number, kind=content.kind, subject=content.subject,
        preheader=content.preheader, source=content.source, text=content.text, created_by=actor.user,
        published_at=now() if published else None,
    )


def _parts(content: TemplateInput, subject: str = "") -> dict[str, str]:
    return {"subject": subject or content.subject, "preheader": content.preheader, "html": content.source,
            "text": content.text}


def _refuse_errors(workspace: Workspace, content: TemplateInput) -> None:
    found = rendering.source_findings(_parts(content))
    if found:
        first = template_words.finding_told(found[0])
        said = f"{first.message} {first.fix}".strip()
        if first.line:
            said = _("line %(line)s of the %(part)s: %(problem)s") % {
                "line": first.line, "part": gettext(_PARTS[first.part]), "problem": said}
        raise InputError(said, field=first.part, code=first.code)
    try:
        compiled.to_html(source_of(content, workspace))
    except PrepareError as exc:
        raise InputError(template_words.told(exc.message), field="html", code=exc.code) from exc


def _check(content: TemplateInput) -> None:
    if content.kind not in TemplateKind.values:
        kinds = {"kinds": ", ".join(TemplateKind.values)}
        raise InputError(_("A template is one of: %(kinds)s.") % kinds, field="kind")
    if any(char in content.subject for char in "\r\n\0") or len(content.subject) > 998:
        raise InputError(_("A subject is one line of up to 998 characters."), field="subject")
    if max(len(content.source), len(content.text)) > MAX_SOURCE:
        raise InputError(_("A template has up to %(size)s KiB.") % {"size": number(MAX_SOURCE // 1024)}, field="html")
    if "\0" in content.source or "\0" in content.text:
        raise InputError(_("A template holds no NUL."), field="html")


def _checked_name(name: str) -> str:
    if not 1 <= len(name.strip()) <= 200:
        raise InputError(_("Give the template a name of 1 to 200 characters."), field="name")
    return name.strip()
