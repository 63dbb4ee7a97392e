"""Templates as a gallery or a list, a new one, and what can be done to one as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns import beginning, starters, template_looks, templates
from campaigns.models import Campaign, MailTemplate, TemplateVersion
from campaigns.public.content import caged
from campaigns.views.common import template_of
from campaigns.views.template_preview import framed, stored, text_page
from relayhub.core.access import get_or_absent
from relayhub.core.errors import AccessError, PrepareError
from relayhub.core.ids import Prefix
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, page
from relayhub.core.paging import table_page
from relayhub.core.vocabulary import status_look
from relayhub.relay import template_words

PAGE_SIZE = 24


@dataclass(frozen=True, kw_only=True)
class TemplateLine:
    """One template of the gallery."""

    template: MailTemplate
    newest: TemplateVersion | None
    published: int | None
    campaigns: int

    @property
    def status(self) -> str:
        """`draft` where something waits to be published."""
        return "draft" if self.newest is not None and self.newest.published_at is None else "published"

    @property
    def status_text(self) -> str:
        """The words of the pill."""
        if self.newest is None:
            return _("Empty")
        number = self.newest.number
        if self.status == "published":
            return _("Version %(number)s") % {"number": number}
        if self.published is None:
            return _("Draft %(number)s") % {"number": number}
        return _("Draft %(number)s, %(published)s published") % {"number": number, "published": self.published}

    @property
    def at(self) -> datetime:
        """When it was changed last."""
        return self.newest.updated_at if self.newest else self.template.updated_at


def lines_of(rows: Sequence[MailTemplate]) -> list[TemplateLine]:
    """The lines of these templates, in three queries."""
    newest: dict[object, TemplateVersion] = {}
    published: dict[object, int] = {}
    versions = TemplateVersion.objects.filter(template__in=rows).order_by("template", "-number")
    for version in versions.defer("source", "text"):
        newest.setdefault(version.template_id, version)
        if version.published_at is not None:
            published.setdefault(version.template_id, version.number)
    used = dict(
        Campaign.objects.filter(template__in=rows).order_by().values_list("template").annotate(count=Count("pk"))
    )
    return [
        TemplateLine(template=row, newest=newest.get(row.pk), published=published.get(row.pk),
                     campaigns=used.get(row.pk, 0))
        for row in rows
    ]


@require_GET
@page(Scope.TEMPLATES_READ)
def template_list(request: PageRequest) -> HttpResponse:
    """What do our mails look like?"""
    workspace = request.actor.workspace
    is_archive = request.GET.get("show") == "archived"
    kept, archived = templates.templates_of(workspace), templates.archived_templates_of(workspace)
    found = archived if is_archive else kept
    text = request.GET.get("q", "").strip()
    if text:
        found = found.filter(name__icontains=text)
    table = table_page(request, found, size=PAGE_SIZE)
    return render(
        request, "campaigns/template_list.html",
        {
            "table": table, "lines": lines_of(list(table.rows)), "is_archive": is_archive,
            "view": "list" if request.GET.get("view") == "list" else "gallery",
            "has_any": kept.exists() or archived.exists(), "starter_groups": starter_groups(),
            "chips": [
                {"key": "view", "value": "list", "label": _("As a list")},
                *([{"key": "show", "value": "archived", "label": status_look("archived", of="template").word}]
                  if archived.exists() else []),
            ],
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.TEMPLATES_WRITE)
def template_new(request: PageRequest) -> HttpResponse:
    """Begin a template, from one of ours or from nothing: one click."""
    error = ""
    if request.method == "POST":
        chosen = starters.starter(request.POST.get("starter", ""))
        if chosen is not None:
            in_builder = request.POST.get("open", request.GET.get("open", "")) == "builder"
            template, page_name = beginning.begin(
                request.actor, chosen, in_builder=in_builder, for_campaign=_waiting_campaign(request)
            )
            messages.success(request, _("It is a draft. Give it a name, and publish it when it says what you mean."))
            return redirect(page_name, template.public_id)
        error = _("There is no such beginning. Choose one of these.")
    context = {"starter_groups": starter_groups(), "error": error, "for_campaign": _waiting_campaign(request)}
    return render(request, "campaigns/template_new.html", context, status=422 if error else 200)


def _waiting_campaign(request: PageRequest) -> Campaign | None:
    """The draft campaign that this template is begun for, if the person came from one and may change it."""
    asked = request.POST.get("campaign", request.GET.get("campaign", ""))
    if not asked or not request.actor.may(Scope.CAMPAIGNS_WRITE):
        return None
    try:
        return get_or_absent(beginning.waiting_campaigns(request.actor.workspace), Prefix.CAMPAIGN, asked)
    except AccessError:
        return None


def starter_groups() -> list[tuple[str, str, list[starters.Starter]]]:
    """Our beginnings by what sends them: heading, purpose, starters."""
    for_messages = [item for item in starters.STARTERS if item.is_for_messages]
    others = [item for item in starters.STARTERS if not item.is_for_messages]
    return [
        (_("For campaigns"), _("With an unsubscribe link and your address under each."), others),
        (_("For single messages"), _("Your programs send them by API, with values for their variables."), for_messages),
    ]


@require_GET
@xframe_options_sameorigin
@page(Scope.TEMPLATES_READ)
def starter_preview(request: PageRequest, key: str) -> HttpResponse:
    """What one of our beginnings looks like, for a sandboxed frame."""
    chosen = starters.starter(key)
    if chosen is None:
        raise AccessError
    return caged(shown_html(request, chosen.content(request.actor.workspace), chosen.sample))


@require_GET
@xframe_options_sameorigin
@page(Scope.TEMPLATES_READ)
def template_thumbnail(request: PageRequest, template_id: str) -> HttpResponse:
    """The newest version for nobody in particular, for a sandboxed frame; archived ones as well."""
    template = get_or_absent(templates.all_templates_of(request.actor.workspace), Prefix.TEMPLATE, template_id)
    return caged(shown_html(request, stored(template), template.sample))


def shown_html(request: PageRequest, content: templates.TemplateInput, sample: Mapping[str, Any]) -> str:
    """The content as a page: HTML as it is, text in its lines, what is wrong in words."""
    try:
        shown = templates.preview(request.actor.workspace, content, None, sample=sample)
    except PrepareError as exc:
        return framed(template_words.told(exc.message))
    if shown.html:
        return template_looks.in_the_light(shown.html)
    return text_page(shown.text or "") if shown.text else framed(_("Empty"))


@require_POST
@page(Scope.TEMPLATES_WRITE)
def template_copy(request: PageRequest, template_id: str) -> HttpResponse:
    """Begin another one with the same text."""
    made = templates.copy(request.actor, template_of(request, template_id))
    messages.success(request, _("Copied as “%(name)s”.") % {"name": made.name})
    return redirect("template-detail", made.public_id)


@require_POST
@page(Scope.TEMPLATES_WRITE)
def template_archive(request: PageRequest, template_id: str) -> HttpResponse:
    """Put it away."""
    template = template_of(request, template_id)
    templates.archive(request.actor, template)
    undo = reverse("template-unarchive", args=[template.public_id])
    messages.success(request, _("Archived “%(name)s”.") % {"name": template.name}, extra_tags=f"undo={undo}")
    return redirect("template-list")


@require_POST
@page(Scope.TEMPLATES_WRITE)
def template_unarchive(request: PageRequest, template_id: str) -> HttpResponse:
    """Offer it again."""
    template = _archived(request, template_id)
    templates.unarchive(request.actor, template)
    messages.success(request, _("“%(name)s” is back.") % {"name": template.name})
    return redirect("template-detail", template.public_id)


@require_POST
@page(Scope.TEMPLATES_WRITE)
def template_delete(request: PageRequest, template_id: str) -> HttpResponse:
    """Remove one that no campaign uses."""
    template = get_or_absent(templates.all_templates_of(request.actor.workspace), Prefix.TEMPLATE, template_id)
    templates.delete_template(request.actor, template)
    messages.success(request, _("Deleted “%(name)s”.") % {"name": template.name})
    return redirect("template-list")


def _archived(request: PageRequest, template_id: str) -> MailTemplate:
    return get_or_absent(templates.archived_templates_of(request.actor.workspace), Prefix.TEMPLATE, template_id)
