"""Saved views from the list: keep, change, remove, and choose the one the list opens with."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from campaigns import saved_views
from campaigns.models import SavedView
from campaigns.views import contact_filter as asking
from relayhub.core.access import get_or_absent
from relayhub.core.ids import Prefix
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, page


def _view(request: PageRequest, view_id: str) -> SavedView:
    return get_or_absent(saved_views.views_of(request.actor), Prefix.VIEW, view_id)


def _list_under(view: SavedView) -> HttpResponse:
    return redirect(f"{reverse('contact-list')}{asking.address_of(view)}")


@require_POST
@page(Scope.CONTACTS_READ)
def view_new(request: PageRequest) -> HttpResponse:
    """Keep the filters, the order and the columns that the page shows."""
    view = saved_views.save_view(
        request.actor, name=request.POST.get("name", ""), query=asking.given_in(request, request.POST),
        columns=request.POST.getlist("column"), is_shared=bool(request.POST.get("shared")),
    )
    if request.POST.get("first"):
        saved_views.open_with(request.actor, view)
    messages.success(request, _("Saved the view “%(name)s”.") % {"name": view.name})
    return _list_under(view)


@require_POST
@page(Scope.CONTACTS_READ)
def view_change(request: PageRequest, view_id: str) -> HttpResponse:
    """Take over what the page shows now, or another name and reach."""
    view = _view(request, view_id)
    if request.POST.get("what") == "name":
        saved_views.change_view(
            request.actor, view, name=request.POST.get("name", ""), is_shared=bool(request.POST.get("shared"))
        )
    else:
        saved_views.change_view(
            request.actor, view, query=asking.given_in(request, request.POST),
            columns=request.POST.getlist("column"),
        )
    messages.success(request, _("Saved the view “%(name)s”.") % {"name": view.name})
    return _list_under(view)


@require_POST
@page(Scope.CONTACTS_READ)
def view_delete(request: PageRequest, view_id: str) -> HttpResponse:
    """Remove it; the contacts stay."""
    view = _view(request, view_id)
    saved_views.delete_view(request.actor, view)
    messages.success(request, _("Removed the view “%(name)s”. Its contacts are as they were.") % {"name": view.name})
    return redirect(f"{reverse('contact-list')}?view={asking.EVERYBODY}")


@require_POST
@page(Scope.CONTACTS_READ)
def view_first(request: PageRequest) -> HttpResponse:
    """Let the list open with this view; without one, with all contacts."""
    text = request.POST.get("view", "")
    view = _view(request, text) if text else None
    saved_views.open_with(request.actor, view)
    if view is None:
        messages.success(request, _("Contacts opens with everybody."))
        return redirect(f"{reverse('contact-list')}?view={asking.EVERYBODY}")
    messages.success(request, _("Contacts opens with “%(name)s”.") % {"name": view.name})
    return _list_under(view)
