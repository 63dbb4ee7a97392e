"""Templates as a gallery or a list, a new one, and what can be done to one as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns import starters, templates, visual
from campaigns.forms.template import NewTemplateForm
from campaigns.models import Campaign, MailTemplate, TemplateVersion
from campaigns.public.content import caged
from campaigns.views.common import refuse, template_of
from campaigns.views.template_preview import framed, text_page
from relayhub.core.access import get_or_absent
from relayhub.core.errors import AccessError, PrepareError, RelayHubError
from relayhub.core.ids import Prefix
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, page
from relayhub.core.paging import table_page

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
            return "Empty"
        number = self.newest.number
        if self.status == "published":
            return f"Version {number}"
        return f"Draft {number}" if self.published is None else f"Draft {number}, {self.published} published"

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
            "has_any": kept.exists() or archived.exists(),
            "chips": [
                {"key": "view", "value": "list", "label": "As a list"},
                *([{"key": "show", "value": "archived", "label": "Archived"}] if archived.exists() else []),
            ],
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.TEMPLATES_WRITE)
def template_new(request: PageRequest) -> HttpResponse:
    """Begin a template, from one of ours or from nothing."""
    form = NewTemplateForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        chosen = starters.starter(form.cleaned_data["starter"]) or starters.STARTERS[-1]
        content, page_name = visual.beginning(
            request.actor.workspace, chosen, in_builder=request.POST.get("open") == "builder"
        )
        try:
            template = templates.create_template(
                request.actor, name=form.cleaned_data["name"], content=content, is_published=False
            )
        except RelayHubError as exc:
            refuse(form, exc)
        else:
            messages.success(request, "It is a draft. Publish it when it says what you mean.")
            return redirect(page_name, template.public_id)
    picked = form["starter"].value() or starters.STARTERS[0].key
    return render(
        request, "campaigns/template_new.html",
        {"form": form, "starters": starters.STARTERS, "picked": picked}, status=422 if form.is_bound else 200,
    )


@require_GET
@xframe_options_sameorigin
@page(Scope.TEMPLATES_READ)
def starter_preview(request: PageRequest, key: str) -> HttpResponse:
    """What one of our beginnings looks like, for a sandboxed frame."""
    chosen = starters.starter(key)
    if chosen is None:
        raise AccessError
    return caged(shown_html(request, chosen.content(request.actor.workspace)))


@require_GET
@xframe_options_sameorigin
@page(Scope.TEMPLATES_READ)
def template_thumbnail(request: PageRequest, template_id: str) -> HttpResponse:
    """The newest version for nobody in particular, for a sandboxed frame; archived ones as well."""
    workspace = request.actor.workspace
    rows = templates.templates_of(workspace) | templates.archived_templates_of(workspace)
    version = templates.newest(get_or_absent(rows, Prefix.TEMPLATE, template_id))
    return caged(shown_html(request, templates.content_of(version) if version else templates.TemplateInput()))


def shown_html(request: PageRequest, content: templates.TemplateInput) -> str:
    """The content as a page: HTML as it is, text in its lines, what is wrong in words."""
    try:
        shown = templates.preview(request.actor.workspace, content, None)
    except PrepareError as exc:
        return framed(exc.message)
    return shown.html or text_page(shown.text or "") if shown.html or shown.text else framed("Empty")


@require_POST
@page(Scope.TEMPLATES_WRITE)
def template_copy(request: PageRequest, template_id: str) -> HttpResponse:
    """Begin another one with the same text."""
    made = templates.copy(request.actor, template_of(request, template_id))
    messages.success(request, f"Copied as “{made.name}”.")
    return redirect("template-detail", made.public_id)


@require_POST
@page(Scope.TEMPLATES_WRITE)
def template_archive(request: PageRequest, template_id: str) -> HttpResponse:
    """Put it away."""
    template = template_of(request, template_id)
    templates.archive(request.actor, template)
    messages.success(request, f"Archived “{template.name}”.", extra_tags=f"undo=/templates/{template_id}/unarchive")
    return redirect("template-list")


@require_POST
@page(Scope.TEMPLATES_WRITE)
def template_unarchive(request: PageRequest, template_id: str) -> HttpResponse:
    """Offer it again."""
    template = _archived(request, template_id)
    templates.unarchive(request.actor, template)
    messages.success(request, f"“{template.name}” is back.")
    return redirect("template-detail", template.public_id)


@require_POST
@page(Scope.TEMPLATES_WRITE)
def template_delete(request: PageRequest, template_id: str) -> HttpResponse:
    """Remove one that no campaign uses."""
    workspace = request.actor.workspace
    rows = templates.templates_of(workspace) | templates.archived_templates_of(workspace)
    template = get_or_absent(rows, Prefix.TEMPLATE, template_id)
    templates.delete_template(request.actor, template)
    messages.success(request, f"Deleted “{template.name}”.")
    return redirect("template-list")


def _archived(request: PageRequest, template_id: str) -> MailTemplate:
    return get_or_absent(templates.archived_templates_of(request.actor.workspace), Prefix.TEMPLATE, template_id)
