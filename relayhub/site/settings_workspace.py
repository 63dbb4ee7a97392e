"""Settings of the workspace itself: its name, what its bulk mail must carry, its zone; and stopping its sending."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from campaigns import templates
from relayhub.core import logos, workspaces, zones
from relayhub.core.errors import RelayHubError
from relayhub.core.models import BrandFont, Scope, Workspace
from relayhub.core.pages import PageRequest, page
from relayhub.relay import compiled, rendering
from relayhub.site.health_figures import waiting


class WorkspaceForm(forms.Form):
    """What members with the permission may change."""

    name = forms.CharField(max_length=200, label=_("Name"), help_text=_("What members see in the switcher."))
    timezone = forms.ChoiceField(
        choices=zones.choices, label=_("Time zone"),
        help_text=_("Schedules and days are counted in it."),
    )
    language = forms.ChoiceField(
        choices=settings.LANGUAGES, label=_("Language of public pages"),
        help_text=_("For people whose own language neither their contact nor their browser says."),
    )
    brand_colour = forms.RegexField(
        r"^#[0-9a-fA-F]{6}$", label=_("Colour"), widget=forms.TextInput(attrs={"type": "color"}),
        help_text=_("Public pages, Markdown mails, new templates."),
        error_messages={"invalid": _("Write it as #0b6470.")},
    )
    brand_font = forms.ChoiceField(
        choices=BrandFont.choices, label=_("Typeface"),
        help_text=_("Only those that mail programs have: none is loaded."),
    )
    company = forms.CharField(
        max_length=200, required=False, label=_("Company"), help_text=_("As it is registered.")
    )
    postal_address = forms.CharField(
        max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 3}), label=_("Postal address"),
        help_text=_("Bulk mail must carry it in many places."),
    )
    adds_footer = forms.BooleanField(
        required=False, label=_("Add the footer where a mail has no unsubscribe link of its own"),
        help_text=_("Off: a campaign whose template has no {{ unsubscribe_url }} cannot be launched."),
    )
    footer_html = forms.CharField(
        max_length=20_000, required=False, widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
        label=_("Footer of your own, as HTML"),
        help_text=_("Needs {{ unsubscribe_url }}. Empty: the one shown on this page."),
    )
    refused_attachments = forms.CharField(
        max_length=4000, required=False, widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        label=_("Types that are not taken"),
        help_text=_("Endings of file names. Receivers refuse the whole mail for one."),
    )
    max_attachment_mib = forms.IntegerField(
        min_value=1, max_value=workspaces.MAX_MESSAGE_MIB, required=False,
        label=_("Largest file, in MiB"),
        help_text=_("Empty: as large as a message may be, 25 MiB with everything in it."),
    )


_FIELDS = tuple(WorkspaceForm.base_fields)


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.WORKSPACE_READ, write=Scope.WORKSPACE_WRITE)
def settings_home(request: PageRequest) -> HttpResponse:
    """Name, footer, zone."""
    workspace = request.actor.workspace
    present = {field: getattr(workspace, field) for field in _FIELDS}
    present["refused_attachments"] = " ".join(workspace.refused_attachments)
    form = WorkspaceForm(request.POST if request.method == "POST" else None, initial=present)
    if form.is_bound and form.is_valid():
        try:
            workspaces.change_workspace(request.actor, **form.cleaned_data)
        except RelayHubError as exc:
            field = getattr(exc, "field", "")
            form.add_error(field if field in form.fields else None, exc.message)
        else:
            messages.success(request, gettext("Saved."))
            return redirect("settings-home")
    return render(
        request, "site/settings/workspace.html",
        {"here": "workspace", "form": form, "footer_lines": _footer_lines(workspace),
         "is_footer_done": bool(workspace.company and workspace.postal_address)},
        status=422 if form.is_bound else 200,
    )


@require_POST
@page(Scope.WORKSPACE_WRITE)
def settings_logo(request: PageRequest) -> HttpResponse:
    """Take a logo, or remove it."""
    given = request.FILES.get("logo")
    try:
        if request.POST.get("remove"):
            logos.remove_logo(request.actor)
            messages.success(request, gettext("The logo is removed."))
        elif isinstance(given, UploadedFile):
            logos.set_logo(request.actor, given.read(logos.MAX_BYTES + 1))
            words = gettext("Public pages, confirmation and Markdown mails and new templates carry it.")
            messages.success(request, words)
        else:
            messages.error(request, gettext("Choose a picture first."))
    except RelayHubError as exc:
        messages.error(request, exc.message)
    return redirect("settings-home")


def _footer_lines(workspace: Workspace) -> list[str]:
    """The footer as text, as it stands under a mail without a link of its own; [] where none is added."""
    footer = templates.footer_of(workspace)
    if footer is None:
        return []
    _, text = compiled.with_footer(None, "", footer)
    shown = rendering.render(text or "", _sample(workspace), is_html=False)
    return [line for line in shown.splitlines() if line.strip() and line.strip() != "--"]


def _sample(workspace: Workspace) -> dict[str, Any]:
    link = gettext("(link)")
    person = rendering.contact_context(email="someone@example.com", name="Alex Example", fields={})
    return {"contact": person, "unsubscribe_url": link, "preferences_url": link, "view_url": link,
            **templates.shared_context(workspace, "Example", "Example")}


class StopForm(forms.Form):
    """Why sending stops."""

    reason = forms.CharField(
        max_length=300, label=_("Reason"), help_text=_("Everybody in the workspace reads it on every page.")
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.WORKSPACE_READ, write=Scope.WORKSPACE_WRITE)
def settings_sending(request: PageRequest) -> HttpResponse:
    """The emergency stop: nothing of the workspace goes out until it is resumed."""
    form = StopForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            workspaces.stop_sending(request.actor, form.cleaned_data["reason"])
        except RelayHubError as exc:
            form.add_error(None, exc.message)
        else:
            words = gettext("Stopped. Nothing of this workspace goes out until somebody resumes it.")
            messages.success(request, words)
            return redirect("settings-sending")
    return render(
        request, "site/settings/sending.html",
        {"here": "sending", "form": form, "waiting": waiting(request.actor.workspace)},
        status=422 if form.is_bound else 200,
    )


@require_POST
@page(Scope.WORKSPACE_WRITE)
def settings_resume(request: PageRequest) -> HttpResponse:
    """Let mail go on."""
    workspaces.resume_sending(request.actor)
    messages.success(request, gettext("Sending goes on."))
    return redirect("settings-sending")
