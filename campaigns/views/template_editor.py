"""The editor of a template: save, publish, test, and what is said of the text while it is written.

A save carries the stamp of the version the person saw. Where somebody else saved meanwhile, nothing is written:
the page comes back with both texts, and the person decides.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any
from uuid import UUID

from csp.constants import NONCE
from csp.decorators import csp_update
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from campaigns import contacts, pictures, template_diff, template_review, templates, test_send, visual
from campaigns.forms.template import TemplateForm, sample_text
from campaigns.merge_fields import MergeField, merge_fields
from campaigns.models import Campaign, MailTemplate, TemplateVersion
from campaigns.views import last_editor
from campaigns.views.common import addresses_in, refuse, template_of
from campaigns.views.template_preview import chosen
from relayhub.core import formats
from relayhub.core.errors import AccessError, ConflictError, RelayHubError
from relayhub.core.ids import Prefix, decode_id, encode_id
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, page
from relayhub.core.spoken import within
from relayhub.core.vocabulary import status_look
from relayhub.relay.causes import hold_words
from relayhub.relay.models import FINAL
from relayhub.relay.template_source import ALLOWED_FILTERS

#: Campaigns that a dialog names.
MAX_NAMED = 8


# -- the page ------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@csp_update({"style-src": [NONCE]})
@page(Scope.TEMPLATES_READ, write=Scope.TEMPLATES_WRITE)
def template_editor(request: PageRequest, template_id: str) -> HttpResponse:
    """Write a template; POST saves, and publishes or sends a test where that button was pressed.

    Whoever built last is led to the builder, where it opens the template; `in=code` stays, and is remembered.
    """
    template = template_of(request, template_id)
    if request.method == "POST":
        last_editor.remember(request, last_editor.CODE)
        return _save(request, template)
    version = templates.newest(template)
    content = templates.content_of(version) if version else templates.TemplateInput()
    if request.GET.get("in") == last_editor.CODE:
        last_editor.remember(request, last_editor.CODE)
    elif not request.GET and content.source and last_editor.is_builder(request) and not visual.why_not(content):
        return redirect("template-visual", template.public_id)
    form = TemplateForm(initial={"name": template.name, "sample": sample_text(template.sample), **_values(content)})
    return _page(request, template, form, content)


def _values(content: templates.TemplateInput) -> dict[str, str]:
    return {"kind": content.kind, "subject": content.subject, "preheader": content.preheader,
            "source": content.source, "text": content.text}


def _save(request: PageRequest, template: MailTemplate) -> HttpResponse:
    form, act = TemplateForm(request.POST), request.POST.get("act", "save")
    if not form.is_valid():
        return _page(request, template, form, form.content(), status=422)
    content = form.content()
    seen = request.POST.get("overwrite") or request.POST.get("seen", "")
    try:
        stored = _store(request, template, form, seen)
        if act == "publish" and templates.draft(template) is None:
            messages.info(request, _("Nothing to publish: nothing was changed since the last time."))
        elif act == "publish":
            version = templates.publish(request.actor, template, seen=templates.stamp(stored))
            messages.success(request, published_words(version))
        elif act == "test":
            return _send_test(request, template)
        elif act == "previews":
            return redirect("template-previews", template.public_id)
        else:
            messages.success(request, _("Saved as a draft.") if templates.draft(template) else _("Saved."))
    except ConflictError as exc:
        if exc.code == "template_changed":
            return _page(request, template, form, content, status=409, theirs=templates.newest(template))
        refuse(form, exc)
    except RelayHubError as exc:
        refuse(form, exc, html="source")
    else:
        return redirect("template-detail", template.public_id)
    return _page(request, template, form, content, status=422)


def published_words(version: TemplateVersion) -> str:
    """What a page says after a publish."""
    return _("Version %(number)s is published. Campaigns launched from now on send it.") % {"number": version.number}


def _store(request: PageRequest, template: MailTemplate, form: TemplateForm, seen: str) -> TemplateVersion | None:
    """Save what differs from what is stored, and return that version; looking and pressing Save makes no draft."""
    content, name = form.content(), form.cleaned_data["name"]
    newest = templates.newest(template)
    is_same = newest is not None and not template_diff.diff(templates.content_of(newest), content)
    stored = newest if is_same else templates.save_draft(request.actor, template, content, seen=seen)
    if name != template.name:
        templates.rename(request.actor, template, name)
    if "sample" in form.data:
        templates.set_sample(request.actor, template, form.sample_values())
    return stored


def _page(
    request: PageRequest, template: MailTemplate, form: TemplateForm, content: templates.TemplateInput, *,
    status: int = 200, theirs: TemplateVersion | None = None,
) -> HttpResponse:
    workspace = request.actor.workspace
    newest, live = templates.newest(template), templates.published(template)
    fields = merge_fields(workspace)
    sample = form.sample_values() if form.is_bound else template.sample
    context: dict[str, Any] = {
        "template": template, "form": form, "version": newest, "live": live,
        "version_text": str(newest.number) if newest else "",
        "is_draft": newest is not None and newest.published_at is None,
        "seen": request.POST.get("seen", "") if theirs is not None else templates.stamp(newest),
        "review": template_review.review(workspace, content, chosen(request), sample=sample), "kind": content.kind,
        "groups": _field_groups(fields), "code_words": code_words(fields),
        "as_text": request.POST.get("as", request.GET.get("as", "")),
        "people": contacts.contacts_of(workspace).order_by("-id").values_list("email", flat=True)[:20],
        **_uses(template), "draft_campaign": _draft_campaign(request, template),
        "has_sample": bool(template.sample) or bool(form["sample"].errors),
        "picture_limits": pictures.limits(),
        "test_to": request.POST.get("test_to", request.user.email),
        "test_from": request.POST.get("test_from", "") or test_send.usual_sender(workspace),
        "tested": request.GET.get("tested", ""), "test_rows": test_rows(request, request.GET.get("tested", "")),
    }
    if theirs is not None:
        context |= {"theirs": theirs, "their_stamp": templates.stamp(theirs),
                    "their_diff": template_diff.diff(templates.content_of(theirs), content)}
    return render(request, "campaigns/template_editor.html", context, status=status)


def _draft_campaign(request: PageRequest, template: MailTemplate) -> Campaign | None:
    return templates.draft_campaign_of(template) if request.actor.may(Scope.CAMPAIGNS_WRITE) else None


def _uses(template: MailTemplate) -> dict[str, Any]:
    """The campaigns that use it, by name, as far as a dialog can show them."""
    used = templates.campaigns_using(template)
    count = used.count()
    lines = [f"{row.name} ({within(status_look(row.status, of='campaign').word)})" for row in used[:MAX_NAMED]]
    if count > MAX_NAMED:
        lines.append(_("and %(count)s more") % {"count": formats.number(count - MAX_NAMED)})
    return {"campaign_count": count, "campaign_lines": lines}


def _field_groups(fields: list[MergeField]) -> list[dict[str, Any]]:
    """Merge fields to pick from, and what else can stand between braces."""
    groups = [
        {"label": label, "fields": [{"label": field.label, "code": field.code} for field in rows]}
        for label, rows in groupby(fields, key=lambda field: field.group)
    ]
    conditions = [{"label": _("Only for some"), "code": "{% if contact.first_name %}…{% else %}…{% endif %}"}]
    return [*groups, {"label": _("Conditions"), "fields": conditions}]


def code_words(fields: list[MergeField]) -> dict[str, Any]:
    """What the code editor completes."""
    return {
        "fields": [{"name": field.name, "label": field.label, "group": field.group, "fallback": field.fallback}
                   for field in fields],
        "filters": sorted(ALLOWED_FILTERS - {"d", "e", "count"}),
    }


# -- a test --------------------------------------------------------------------------------------------------


def _send_test(request: PageRequest, template: MailTemplate) -> HttpResponse:
    to = addresses_in(request.POST.get("test_to", ""))
    accepted = test_send.send_template_test(
        request.actor, template, to, chosen(request), sender=request.POST.get("test_from", "")
    )
    message = encode_id(Prefix.MESSAGE, accepted.message_id)
    response = redirect("template-detail", template.public_id)
    response["Location"] += f"?tested={message}#test"
    return response


@require_GET
@page(Scope.TEMPLATES_READ)
def template_test_result(request: PageRequest, message_id: str) -> HttpResponse:
    """Where a test stands, asked for again while it is on its way."""
    rows = test_rows(request, message_id)
    if not rows:
        raise AccessError
    return render(request, "campaigns/_template_test.html", {"tested": message_id, "test_rows": rows})


def test_rows(request: PageRequest, message_id: str) -> dict[str, Any] | None:
    """The addresses of a test and where each stands; None where there is no such test here."""
    value: UUID | None = decode_id(Prefix.MESSAGE, message_id) if message_id else None
    rows = test_send.recipients_of_test(request.actor.workspace, value) if value else []
    if not rows:
        return None
    shown = [{"address": row.address, "status": row.status, "reply": row.reply,
              "hold_reason": hold_words(row.hold_reason) if row.hold_reason else ""} for row in rows]
    return {"rows": shown, "is_final": all(row.status in FINAL for row in rows)}
