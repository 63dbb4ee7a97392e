"""The visual builder of a template: a page that saves, and in it a frame that draws.

GrapesJS cannot draw without inline styles and pictures of other hosts. Both are allowed in the frame alone, whose
own policy in turn lets it send nothing anywhere: it talks to the page around it, which keeps the strict policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from csp.decorators import csp_replace
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_http_methods

from campaigns import blocks, contacts, pictures, template_diff, template_presence, template_review, templates, visual
from campaigns.blocks import Block
from campaigns.forms.template import TemplateForm, sample_text
from campaigns.merge_fields import MergeField, merge_fields
from campaigns.models import MailTemplate, TemplateVersion
from campaigns.views import last_editor
from campaigns.views.common import template_of
from campaigns.views.template_editor import published_words
from relayhub.core.clock import now
from relayhub.core.errors import ConflictError, RelayHubError
from relayhub.core.formats import moment_text
from relayhub.core.models import Scope, Workspace
from relayhub.core.pages import PageRequest, page

_FRAME_POLICY = {
    "script-src": ["'self'"], "style-src": ["'self'", "'unsafe-inline'"], "font-src": ["'self'"],
    "img-src": ["'self'", "data:", "https:", "http:"], "connect-src": ["'none'"], "form-action": ["'none'"],
    "frame-ancestors": ["'self'"],
}
#: Icons of the kinds of blocks in the list of layers.
_LAYER_ICONS = {
    "mj-body": "mail", "mj-wrapper": "stack-2", "mj-section": "section", "mj-group": "columns-2", "mj-column": "square",
    "mj-hero": "section", "mj-text": "typography", "mj-button": "rectangle", "mj-image": "photo",
    "mj-divider": "separator-horizontal", "mj-spacer": "spacing-vertical", "rh-code": "code",
}


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.TEMPLATES_WRITE)
def template_visual(request: PageRequest, template_id: str) -> HttpResponse:
    """Build a template of blocks; POST saves, and publishes where that button was pressed, and answers JSON."""
    template = template_of(request, template_id)
    if request.method == "POST":
        return _save(request, template)
    version = templates.newest(template)
    content = templates.content_of(version) if version else templates.TemplateInput()
    may_go_on = request.actor.may(Scope.CAMPAIGNS_WRITE)
    if content.source.strip():
        why_not = visual.why_not(content)
    else:
        why_not, content = "", visual.begun(request.actor.workspace, content)
    if not why_not:
        last_editor.remember(request, last_editor.BUILDER)
    return render(request, "campaigns/template_visual.html", {
        "content": content, "why_not": why_not, "kind": content.kind,
        "draft_campaign": templates.draft_campaign_of(template) if may_go_on else None,
        "review": template_review.review(request.actor.workspace, content, sample=template.sample),
        "sample": sample_text(template.sample), "others": template_presence.note(template, request.user),
        "people": contacts.contacts_of(request.actor.workspace).order_by("-id").values_list("email", flat=True)[:20],
        "picture_limits": pictures.limits(), **_standing(template, version),
    })


def _standing(template: MailTemplate, version: TemplateVersion | None) -> dict[str, Any]:
    """Which version is shown, and what of it is published."""
    return {
        "template": template, "version": version, "version_text": str(version.number) if version else "",
        "is_draft": version is not None and version.published_at is None,
        "live": templates.published(template), "seen": templates.stamp(version),
    }


def _save(request: PageRequest, template: MailTemplate) -> JsonResponse:
    form = TemplateForm(request.POST)
    form.is_valid()
    if form.errors:
        return JsonResponse({"message": " ".join(str(line) for lines in form.errors.values() for line in lines)},
                            status=422)
    content = visual.with_source(template, form.content())
    seen = request.POST.get("overwrite") or request.POST.get("seen", "")
    try:
        version = visual.save(request.actor, template, content, seen=seen)
        if form.cleaned_data["name"] != template.name:
            templates.rename(request.actor, template, form.cleaned_data["name"])
    except ConflictError:
        return _conflict(request, template, content)
    except RelayHubError as exc:
        return JsonResponse({"message": exc.message}, status=422)
    told: dict[str, Any] = {}
    if request.POST.get("act") == "publish":
        told = _published(request, template, version)
    status = 422 if "message" in told else 200
    return JsonResponse({"version": version.number, **_told(request, template), **told}, status=status)


def _published(request: PageRequest, template: MailTemplate, saved: TemplateVersion) -> dict[str, Any]:
    """Publish the saved draft: what the page says of it, or why it could not be; the draft stays either way."""
    if templates.draft(template) is None:
        return {"toast": _("Nothing to publish: nothing was changed since the last time.")}
    try:
        version = templates.publish(request.actor, template, seen=templates.stamp(saved))
    except RelayHubError as exc:
        return {"message": exc.message[:1].upper() + exc.message[1:]}
    return {"toast": published_words(version)}


def _told(request: PageRequest, template: MailTemplate) -> dict[str, Any]:
    """What the page shows after a save: when it was, and its new heading."""
    standing = _standing(template, templates.newest(template))
    return {
        "seen": standing["seen"],
        "saved": moment_text(now(), now=now(), zone=ZoneInfo(request.user.timezone), style="clock"),
        "standing": {
            part: render_to_string("campaigns/_visual_standing.html", {"part": part, **standing}, request)
            for part in ("name", "pill", "sub", "publish")
        },
    }


def _conflict(request: PageRequest, template: MailTemplate, content: templates.TemplateInput) -> JsonResponse:
    """Nothing was written: both texts, and the person decides."""
    theirs = templates.newest(template)
    assert theirs is not None
    context = {
        "template": template, "theirs": theirs, "their_stamp": templates.stamp(theirs),
        "their_diff": template_diff.diff(templates.content_of(theirs), content),
    }
    return JsonResponse({
        "message": _("Somebody else saved this template meanwhile."),
        "conflict": render_to_string("campaigns/_visual_conflict.html", context, request),
    }, status=409)


@require_GET
@xframe_options_sameorigin
@csp_replace(_FRAME_POLICY)
@page(Scope.TEMPLATES_WRITE)
def template_workbench(request: PageRequest, template_id: str) -> HttpResponse:
    """The frame of the builder: blocks, settings, layers and the mail itself; it holds no content of its own."""
    template = template_of(request, template_id)
    fields = merge_fields(request.actor.workspace)
    response = render(request, "campaigns/template_workbench.html", {
        "template": template, "block_groups": _grouped(blocks.BLOCKS), "field_groups": _grouped(fields),
        "condition": "{% if contact.first_name %}…{% else %}…{% endif %}",
        "kit": _kit(request.actor.workspace, fields),
    })
    response["Referrer-Policy"] = "no-referrer"
    return response


def _grouped(rows: Sequence[Block] | Sequence[MergeField]) -> list[dict[str, Any]]:
    """The rows under the name of their group, in their order."""
    return [{"name": name, "rows": list(of)} for name, of in groupby(rows, key=lambda row: row.group)]


def _kit(workspace: Workspace, fields: list[MergeField]) -> dict[str, Any]:
    """What the script of the frame works with: the brand, its blocks, and what merge fields are called."""
    brand = blocks.brand_kit(workspace)
    return {
        "blocks": [
            {"key": block.key, "name": block.label, "place": block.place, "mjml": block.mjml(brand)}
            for block in blocks.BLOCKS
        ],
        "swatches": [
            {"name": _("Brand colour"), "value": brand.colour},
            {"name": _("Goes with it"), "value": brand.on_colour},
        ],
        "names": {field.name: field.label for field in fields}, "icons": _LAYER_ICONS,
    }

