"""The list of contacts: find them, see who may be written to, choose what it shows, and count what matches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.http import require_GET, require_POST

from campaigns import (
    bulk_undo,
    contact_filter,
    contact_order,
    contact_story,
    contact_table,
    contacts,
    list_choice,
    saved_views,
    standing,
)
from campaigns.bulk import AT_ONCE, words_of
from campaigns.contact_count import count_of
from campaigns.contact_table import ContactPage
from campaigns.models import Contact, FieldType, SavedView, Subscription
from campaigns.views import contact_filter as asking
from campaigns.views.contact_filter import Asked
from relayhub.core import formats
from relayhub.core.errors import InputError
from relayhub.core.keyset import KeysetPage, Place, decode_place, encode_place
from relayhub.core.models import Scope, Workspace
from relayhub.core.pages import PageRequest, back_to, is_partial, page
from relayhub.relay.touches import last_touches

SIZE = 50
#: Beyond this many, what a page has more to say of a contact than a line would not be read.
_NAMES_SHOWN = 3
#: Acts on many that the page offers to undo.
_ACTS_SHOWN = 5


def look_of(stands: standing.Standing) -> str:
    """The status whose icon and colour a standing has."""
    return "confirmed" if stands == standing.Standing.MAY else stands.value


@require_GET
@page(Scope.CONTACTS_READ)
def contact_list(request: PageRequest) -> HttpResponse:
    """Who are these people, and may I write to them? htmx gets the rows alone, where the page did not wait for them."""
    asked = asking.asked_by(request)
    elsewhere = _elsewhere(request, asked)
    if elsewhere:
        return redirect(f"{reverse('contact-list')}{elsewhere}")
    workspace = request.actor.workspace
    found = _found(request, asked)
    shown, every = asking.columns_of(asked)
    rows = {
        "table": found, "columns": shown, "asked": asked, "lines": _lines(workspace, found.page.rows, shown, asked),
        "pager": _pager(request, found.page), "sorted_by": found.sort.text, "carried": _carried(asked),
        "sorts_fields": found.counted is not None and found.counted.count <= contact_order.FIELD_SORT_UP_TO,
    }
    if is_partial(request):
        answer = render(request, "campaigns/_contact_rows.html", rows)
    else:
        around = {**_around(request, asked, has_rows=bool(found.page.rows)), "every_column": every}
        answer = render(request, "campaigns/contact_list.html", rows | around)
    # Two things under one address: who comes back to the page must not be shown its rows alone.
    patch_vary_headers(answer, ["HX-Request"])
    return answer


def _around(request: PageRequest, asked: Asked, *, has_rows: bool) -> dict[str, Any]:
    """What stands around the rows."""
    workspace = request.actor.workspace
    has_any = has_rows or contacts.contacts_of(workspace).exists()
    return {
        "has_any": has_any, "panel": asking.panel_of(request, asked), "filter_chips": asking.chips_of(request, asked),
        "list_choices": list_choice.choices(workspace), "views": _views(request, asked), "job_above": AT_ONCE,
        "stats": _stats(workspace) if has_any else None,
        "undoable": [(act, words_of(act)) for act in bulk_undo.undoable(request.actor, _ACTS_SHOWN)],
    }


def _elsewhere(request: PageRequest, asked: Asked) -> str:
    """The parameters that a bare address, or one with a view alone, stands for."""
    given = [name for name in request.GET if name != "view"]
    if given:
        return ""
    if asked.view is not None and asked.view.query:
        return asking.address_of(asked.view)
    if "view" in request.GET:
        return ""
    first = saved_views.default_view_of(request.actor, asked.taste)
    return asking.address_of(first) if first is not None else ""


def _found(request: PageRequest, asked: Asked) -> ContactPage:
    """The page of contacts; where the filter cannot be used, none, and `asked.problem` says why."""
    empty: KeysetPage[Contact] = KeysetPage(rows=[], before=None, after=None)
    if not asked.problem:
        try:
            return contact_table.page_of(
                request.actor.workspace, asked.wanted, asked.sort, size=SIZE, zone=asking.zone_of(request),
                after=_place(request, "cursor"), before=_place(request, "newer"),
                waits=is_partial(request) or "whole" in request.GET,
            )
        except InputError as exc:
            asked.problem = exc.message
    return ContactPage(page=empty, sort=asked.sort, counted=None)


def _place(request: PageRequest, name: str) -> Place | None:
    text = request.GET.get(name, "")
    try:
        return Place(value=None, key=UUID(text))
    except ValueError:
        return decode_place(text)


def _pager(request: PageRequest, found: KeysetPage[Contact]) -> dict[str, str]:
    def url(name: str, place: Place | None) -> str:
        if place is None:
            return ""
        query = request.GET.copy()
        for key in ("cursor", "newer"):
            query.pop(key, None)
        query[name] = encode_place(place)
        return f"?{query.urlencode()}"

    return {"before": url("newer", found.before), "after": url("cursor", found.after)}


def _carried(asked: Asked) -> list[tuple[str, str]]:
    """The filters as fields of a form."""
    return [(name, value) for name, values in contact_filter.to_query(asked.wanted).items() for value in values]


def _views(request: PageRequest, asked: Asked) -> dict[str, Any]:
    """The saved views of the menu, which one is open, and whether it still says what is shown."""
    rows = list(saved_views.views_of(request.actor).order_by("name")[: saved_views.MAX_VIEWS])
    first = saved_views.default_view_of(request.actor, asked.taste)
    view = asked.view
    return {
        "mine": _links([row for row in rows if not row.is_shared], view, first),
        "shared": _links([row for row in rows if row.is_shared], view, first),
        "open": view, "is_first": view is not None and first is not None and first.pk == view.pk,
        "has_first": first is not None,
        "is_changed": view is not None and dict(view.query) != asked.query,
        "may_change": view is not None and saved_views.may_change(request.actor, view),
        "asked": [(name, value) for name, values in asked.query.items() for value in values],
    }


def _links(rows: list[SavedView], present: SavedView | None, first: SavedView | None) -> list[dict[str, Any]]:
    return [
        {"row": row, "url": asking.address_of(row), "is_on": present is not None and present.pk == row.pk,
         "is_first": first is not None and first.pk == row.pk}
        for row in rows
    ]


@require_GET
@page(Scope.CONTACTS_READ)
def contact_count(request: PageRequest) -> HttpResponse:
    """How many match, for a page that did not wait for it; `exactly=1` counts them all."""
    asked = asking.asked_by(request)
    exactly = bool(request.GET.get("exactly"))
    counted, problem = None, asked.problem
    if not problem:
        try:
            found = contact_filter.matching(request.actor.workspace, asked.wanted, zone=asking.zone_of(request))
            counted = count_of(request.actor.workspace, asked.wanted, found, exactly=exactly)
        except InputError as exc:
            problem = exc.message
    return render(request, "campaigns/_contact_count.html",
                  {"counted": counted, "problem": problem, "was_asked": exactly})


@require_GET
@page(Scope.CONTACTS_READ)
def contact_figures(request: PageRequest) -> HttpResponse:
    """The figures on top, for a page that did not wait for them."""
    found = standing.figures(request.actor.workspace)
    return render(request, "partials/_stat_strip.html", {"stats": _strip(found), "is_head": True})


@require_GET
@page(Scope.LISTS_READ)
def list_pick(request: PageRequest) -> HttpResponse:
    """Lists whose name holds the text, for a field that searches them."""
    rows = list_choice.find(request.actor.workspace, request.GET.get("q", ""))
    return JsonResponse({"data": [
        {"id": row.public_id, "name": row.name, "note": row.get_opt_in_display()} for row in rows
    ]})


# -- figures -------------------------------------------------------------------------------------------------


def _stats(workspace: Workspace) -> list[dict[str, Any]] | None:
    found = standing.figures_at_hand(workspace)
    return _strip(found) if found is not None else None


def _strip(found: standing.Figures) -> list[dict[str, Any]]:
    path = reverse("contact-list")

    def part(name: str, label: str, note: str) -> dict[str, Any]:
        count = found.by_standing.get(name, 0)
        return {"label": label, "value": formats.number(count), "unit": formats.share(count, found.total),
                "note": note, "url": f"{path}?standing={name}"}

    return [
        {"label": _("Contacts"), "value": formats.number(found.total), "url": f"{path}?view={asking.EVERYBODY}",
         "note": ngettext("%(count)s added in %(days)s days", "%(count)s added in %(days)s days", found.added) % {
             "count": formats.number(found.added), "days": standing.LATELY.days}},
        part("may", _("May be written to"), _("confirmed on a list")),
        part("unconfirmed", _("Not confirmed"), _("asked, no answer yet")),
        part("unsubscribed", _("Unsubscribed"), _("left every list")),
        part("suppressed", pgettext("contact", "Suppressed"), _("the address is stopped")),
    ]


# -- lines ---------------------------------------------------------------------------------------------------


def _lines(
    workspace: Workspace, rows: Sequence[Contact], columns: list[dict[str, Any]], asked: Asked
) -> list[dict[str, Any]]:
    kinds = {column["type"] for column in columns}
    touches = last_touches(workspace.pk, [row.email_key for row in rows]) if "last" in kinds else {}
    on = _list_names(rows) if "lists" in kinds else {}
    stands = standing.standings_of(rows, workspace, asked.mailing_list.pk if asked.mailing_list else None)
    return [
        {
            "contact": row, "look": look_of(stands[row.pk]), "standing": str(stands[row.pk].label),
            "cells": [
                {"label": column["label"], **_cell(row, column, touches.get(row.email_key), on.get(row.pk, []))}
                for column in columns
            ],
        }
        for row in rows if row.pk in stands
    ]


def _list_names(rows: Sequence[Contact]) -> dict[Any, list[str]]:
    names: dict[Any, list[str]] = {}
    found = Subscription.objects.filter(contact__in=rows, mailing_list__archived_at=None).exclude(
        status="unsubscribed"
    )
    for contact_id, name in found.order_by("mailing_list__name").values_list("contact_id", "mailing_list__name"):
        names.setdefault(contact_id, []).append(name)
    return names


def _cell(row: Contact, column: dict[str, Any], touch: Any, on: list[str]) -> dict[str, Any]:
    kind = column["type"]
    if kind == "last":
        return {"kind": "touch", "value": touch}
    if kind == "lists":
        names = ", ".join(on[:_NAMES_SHOWN])
        if len(on) > _NAMES_SHOWN:
            names = _("%(names)s and %(count)s more") % {"names": names, "count": len(on) - _NAMES_SHOWN}
        return {"kind": "text", "value": names}
    if kind == "source":
        return {"kind": "text", "value": contact_story.origin_of(row)}
    if kind == "added":
        return {"kind": "when", "value": row.created_at}
    value = row.fields.get(column["key"].removeprefix("field:"))
    if isinstance(value, bool):
        value = _("Yes") if value else _("No")
    return {"kind": "number" if kind == FieldType.NUMBER else "text", "value": "" if value is None else str(value)}


@require_POST
@page(Scope.CONTACTS_READ)
def contact_columns(request: PageRequest) -> HttpResponse:
    """Choose what the table shows."""
    view = asking.view_of(request, request.POST.get("view", ""))
    saved_views.keep_columns(request.actor, request.POST.getlist("column"), view)
    return redirect(back_to(request, reverse("contact-list")))
