"""Sign-up forms of a list with the HTML to embed, and what people see on the preference page."""

from __future__ import annotations

from typing import Any

from csp.decorators import csp_replace
from django.conf import settings
from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns import lists
from campaigns.forms.list import SignUpFormForm
from campaigns.leaving import Choice
from campaigns.models import FieldDefinition, SignUpForm
from campaigns.views.common import list_of, refuse
from relayhub.core import languages
from relayhub.core.access import get_or_absent
from relayhub.core.errors import RelayHubError
from relayhub.core.ids import Prefix
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, page


def _form_of(request: PageRequest, form_id: str) -> SignUpForm:
    rows = lists.forms_of(request.actor.workspace).select_related("mailing_list")
    return get_or_absent(rows, Prefix.FORM, form_id)


def _definitions(request: PageRequest) -> list[FieldDefinition]:
    return list(FieldDefinition.objects.filter(workspace=request.actor.workspace))


def _button(request: PageRequest) -> str:
    with languages.speaking(request.actor.workspace.language):
        return gettext("Subscribe")


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.LISTS_WRITE)
def list_form_new(request: PageRequest, list_id: str) -> HttpResponse:
    """Make a sign-up form of the list."""
    row = list_of(request, list_id)
    form = SignUpFormForm(
        request.POST or None, definitions=_definitions(request),
        initial={"title": row.name, "text": row.description, "button": _button(request), "field_keys": ["name"]},
    )
    if request.method == "POST" and form.is_valid():
        try:
            made = lists.create_form(request.actor, row, **form.cleaned_data)
        except RelayHubError as exc:
            refuse(form, exc)
        else:
            messages.success(request, gettext("Made the form. It takes sign-ups at once."))
            return redirect("list-form", made.public_id)
    return render(
        request, "campaigns/list_form.html", {"list": row, "form": form}, status=422 if form.is_bound else 200
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.LISTS_READ, write=Scope.LISTS_WRITE)
def list_form(request: PageRequest, form_id: str) -> HttpResponse:
    """A form: its link, the HTML to embed, what it asks; POST changes it."""
    row = _form_of(request, form_id)
    initial = {name: getattr(row, name) for name in ("title", "text", "button", "field_keys")}
    form = SignUpFormForm(request.POST or None, definitions=_definitions(request), initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            lists.change_form(request.actor, row, **form.cleaned_data)
        except RelayHubError as exc:
            refuse(form, exc)
        else:
            messages.success(request, gettext("Saved."))
            return redirect("list-form", form_id)
        row = _form_of(request, form_id)
    return render(
        request, "campaigns/list_form.html",
        {"list": row.mailing_list, "form": form, "row": row, **_addresses(row)},
        status=422 if form.is_bound else 200,
    )


def _addresses(row: SignUpForm) -> dict[str, Any]:
    url = f"{settings.RELAYHUB_BASE_URL}/f/{row.public_id}"
    context = {"row": row, "url": url, "asks_name": "name" in row.field_keys, "asked": lists.asked_fields(row)}
    with languages.speaking(row.workspace.language):
        return {"url": url, "embed": render_to_string("campaigns/list_embed.txt", context).strip()}


@require_POST
@page(Scope.LISTS_WRITE)
def list_form_toggle(request: PageRequest, form_id: str) -> HttpResponse:
    """Open or close it."""
    row = _form_of(request, form_id)
    is_open = not row.is_enabled
    lists.change_form(request.actor, row, is_enabled=is_open)
    messages.success(
        request, gettext("The form takes sign-ups.") if is_open else gettext("The form is closed: its link says so.")
    )
    return redirect("list-form", form_id)


@require_GET
@page(Scope.LISTS_READ)
def list_preferences(request: PageRequest, list_id: str) -> HttpResponse:
    """What somebody on the list finds behind “choose what you get”."""
    return render(request, "campaigns/list_preferences.html", {"list": list_of(request, list_id)})


@require_GET
@xframe_options_sameorigin
@csp_replace({"frame-ancestors": ["'self'"]})
@page(Scope.LISTS_READ)
def list_preferences_frame(request: PageRequest, list_id: str) -> HttpResponse:
    """The page itself, with invented choices, for a frame that can send nothing."""
    row = list_of(request, list_id)
    rows = lists.lists_of(request.actor.workspace).filter(Q(is_public=True) | Q(pk=row.pk)).order_by("name")
    choices = [Choice(mailing_list=item, is_on=item.pk == row.pk) for item in rows]
    workspace = request.actor.workspace
    with languages.speaking(workspace.language):
        return render(
            request, "public/preferences.html",
            {
                "workspace": workspace, "address": "ines.moreau@example.com", "choices": choices,
                "languages": languages.shipped().items(), "present_language": workspace.language,
            },
        )
