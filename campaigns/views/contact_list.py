"""The list of contacts: find them, see who may be written to, act on many of them, export them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from campaigns import contacts, exporter, list_members, lists, standing
from campaigns.models import Contact, FieldDefinition, FieldType, MailingList, Subscription
from campaigns.views import contact_filter
from campaigns.views.common import list_of
from relayhub.core import formats
from relayhub.core.access import EXPORTS
from relayhub.core.errors import InputError
from relayhub.core.models import Scope, Workspace
from relayhub.core.pages import PageRequest, back_to, page
from relayhub.core.paging import table_page
from relayhub.relay.touches import last_touches

#: How many addresses a confirmation names.
_NAMED = 10


def look_of(stands: standing.Standing) -> str:
    """The status whose icon and colour a standing has."""
    return "confirmed" if stands == standing.Standing.MAY else stands.value


@require_GET
@page(Scope.CONTACTS_READ)
def contact_list(request: PageRequest) -> HttpResponse:
    """Who are these people, and may I write to them?"""
    workspace = request.actor.workspace
    found = contact_filter.found_by(request, request.GET)
    table = table_page(request, contact_filter.annotated(request, found))
    shown, every = contact_filter.columns_of(request)
    has_any = contacts.contacts_of(workspace).exists()
    given = {name: request.GET[name] for name in contact_filter.FILTERS if request.GET.get(name)}
    return render(
        request, "campaigns/contact_list.html",
        {
            "table": table, "lines": _lines(workspace, list(table.rows), shown), "columns": shown,
            "every_column": every, "has_any": has_any, "problem": found.problem, "given": given,
            "selects": contact_filter.selects_of(request), "fields": _filterable(workspace),
            "lists": lists.lists_of(workspace).order_by("name"), "on_list": found.mailing_list,
            "has_more": bool(table.newer_url or table.older_url), "stats": _stats(workspace) if has_any else None,
        },
    )


@require_GET
@page(Scope.CONTACTS_READ)
def contact_figures(request: PageRequest) -> HttpResponse:
    """The figures on top, for a page that did not wait for them."""
    found = standing.figures(request.actor.workspace)
    return render(request, "partials/_stat_strip.html", {"stats": _strip(found)})


def _filterable(workspace: Workspace) -> list[FieldDefinition]:
    return list(FieldDefinition.objects.filter(workspace=workspace))


def _stats(workspace: Workspace) -> list[dict[str, Any]] | None:
    found = standing.figures_at_hand(workspace)
    return _strip(found) if found is not None else None


def _strip(found: standing.Figures) -> list[dict[str, Any]]:
    path = reverse("contact-list")

    def part(name: str, label: str, note: str) -> dict[str, Any]:
        count = found.by_standing.get(name, 0)
        return {"label": label, "value": formats.number(count), "unit": formats.share(count, found.total),
                "note": note, "url": f"{path}?status={name}"}

    return [
        {"label": "Contacts", "value": formats.number(found.total), "url": path,
         "note": f"{formats.number(found.added)} added in {standing.LATELY.days} days"},
        part("may", "May be written to", "confirmed on a list"),
        part("unconfirmed", "Not confirmed", "asked, no answer yet"),
        part("unsubscribed", "Unsubscribed", "left every list"),
        part("suppressed", "Suppressed", "the address is stopped"),
    ]


def _lines(workspace: Workspace, rows: list[Contact], columns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kinds = {column["type"] for column in columns}
    touches = last_touches(workspace.pk, [row.email_key for row in rows]) if "last" in kinds else {}
    on = _list_names(rows) if "lists" in kinds else {}
    return [
        {
            "contact": row, "look": look_of(standing.standing_of(row)), "standing": standing.standing_of(row).label,
            "cells": [
                {"label": column["label"], **_cell(row, column, touches.get(row.email_key), on.get(row.pk, []))}
                for column in columns
            ],
        }
        for row in rows
    ]


def _list_names(rows: list[Contact]) -> dict[Any, list[str]]:
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
        return {"kind": "text", "value": ", ".join(on)}
    if kind == "source":
        return {"kind": "text", "value": row.source}
    if kind == "added":
        return {"kind": "when", "value": row.created_at}
    value = row.fields.get(column["key"].removeprefix("field:"))
    if isinstance(value, bool):
        value = "Yes" if value else "No"
    return {"kind": "number" if kind == FieldType.NUMBER else "text", "value": "" if value is None else str(value)}


@require_POST
@page(Scope.CONTACTS_READ)
def contact_columns(request: PageRequest) -> HttpResponse:
    """Choose what the table shows."""
    contact_filter.keep_columns(request, request.POST.getlist("column"))
    return redirect(back_to(request, reverse("contact-list")))


@require_POST
@page(EXPORTS)
def contact_export(request: PageRequest) -> HttpResponse:
    """Queue an export of everybody, or of one list."""
    mailing_list = list_of(request, request.POST["list"]) if request.POST.get("list") else None
    job = exporter.start_export(request.actor, mailing_list)
    return redirect("job-detail", job.public_id)


# -- many at once --------------------------------------------------------------------------------------------


@require_POST
@page(Scope.CONTACTS_WRITE)
def contact_bulk(request: PageRequest) -> HttpResponse:
    """Add to a list or take off one, at once and with an undo; deletion asks first."""
    chosen = contact_filter.chosen_by(request)
    act = request.POST.get("act", "")
    if act == "delete":
        return _delete(request, contact_filter.chosen_by(request))
    if act not in {"add", "remove"}:
        raise InputError("Choose what to do with these contacts.", field="act")
    if not request.POST.get("to"):
        raise InputError("Choose a list first.", field="to")
    return _move(request, chosen, list_of(request, request.POST["to"]), adds=act == "add")


def _move(request: PageRequest, chosen: Any, mailing_list: MailingList, *, adds: bool) -> HttpResponse:
    change = list_members.add_many if adds else list_members.take_off_many
    moved = change(request.actor, chosen, mailing_list)
    verb = ("Added {} to", "Nobody was added to") if adds else ("Took {} off", "Nobody was taken off")
    words = verb[0].format(formats.counted(moved.count, "contact")) if moved.count else verb[1]
    words += f" “{mailing_list.name}”."
    if moved.left_alone and adds:
        words += f" {formats.number(moved.left_alone)} left alone: on it already, or they had left it."
    elif moved.left_alone:
        words += f" {formats.number(moved.left_alone)} left alone: not on it, or they had left it."
    if moved.count:
        undo = reverse("contact-undo", args=[moved.undo_token])
        messages.success(request, words, extra_tags=f"undo={undo}")
    else:
        messages.info(request, words)
    return redirect(back_to(request, reverse("contact-list")))


@require_POST
@page(Scope.CONTACTS_WRITE)
def contact_undo(request: PageRequest, token: str) -> HttpResponse:
    """Take back what was done to many."""
    moved = list_members.undo(request.actor, token)
    messages.success(request, f"Undone for {formats.counted(moved.count, 'contact')}.")
    return redirect(back_to(request, reverse("contact-list")))


def _delete(request: PageRequest, chosen: Any) -> HttpResponse:
    count = chosen.count()
    if count == 0:
        raise InputError("Choose at least one contact.", field="contact")
    if request.POST.get("typed", "").replace(",", "").strip() == str(count):
        contacts.delete_contacts(request.actor, chosen)
        messages.success(request, f"Deleted {formats.counted(count, 'contact')}.")
        return redirect("contact-list")
    everyone = bool(request.POST.get("all"))
    return render(
        request, "campaigns/contact_delete.html",
        {
            "count": count, "named": list(chosen[:_NAMED]), "more": max(0, count - _NAMED), "everyone": everyone,
            "ids": [] if everyone else request.POST.getlist("contact"),
            "given": {name: request.POST[name] for name in contact_filter.FILTERS if request.POST.get(name)},
            "problem": "That was not the number." if request.POST.get("typed") else "",
        },
        status=422 if request.POST.get("typed") else 200,
    )
