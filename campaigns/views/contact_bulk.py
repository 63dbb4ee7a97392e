"""Acts on many contacts from the list: at once or as a job, with an undo where there is one; deletion asks first."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from campaigns import bulk, bulk_undo, exporter, list_choice
from campaigns.bulk import Chosen
from campaigns.contact_filter import PARAMETERS
from campaigns.models import BulkAct, BulkKind, MailingList
from campaigns.views import contact_filter as asking
from campaigns.views.common import list_of
from relayhub.core.access import EXPORTS, get_or_absent
from relayhub.core.errors import InputError
from relayhub.core.ids import Prefix
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, back_to, page

#: How many addresses a confirmation names.
_NAMED = 10
_EXPORT = "export"
#: What people put between thousands, which a number that is typed may have.
_GROUPING = str.maketrans("", "", " .,'’\u00a0\u202f")
#: What the page calls them -> the act.
_SHORT = {"add": BulkKind.ADD_TO_LIST, "remove": BulkKind.REMOVE_FROM_LIST}


def chosen_by(request: PageRequest) -> Chosen:
    """Whom the form is for: the ticked ones, or everybody that matches the filters it carries."""
    query = asking.query_in_form(request)
    if query is None:
        return Chosen(ids=asking.chosen_ids(request))
    return Chosen(query=query, zone=str(asking.zone_of(request)))


@require_POST
@page(Scope.CONTACTS_WRITE)
def contact_bulk(request: PageRequest) -> HttpResponse:
    """Do it, or ask first where it cannot be undone. The services ask for what else an act needs."""
    act, chosen = request.POST.get("act", ""), chosen_by(request)
    if act == _EXPORT:
        job = exporter.start_export(request.actor, chosen=chosen)
        return redirect("job-detail", job.public_id)
    kind = _SHORT.get(act, act)
    if kind == BulkKind.DELETE and not _is_confirmed(request, chosen):
        return _asked(request, chosen)
    done = bulk.start(request.actor, _order(request, str(kind)), chosen)
    if done.job is not None:
        return redirect("job-detail", done.job.public_id)
    _say(request, done)
    return redirect(_same_list(request) if kind == BulkKind.DELETE else back_to(request, reverse("contact-list")))


def _order(request: PageRequest, kind: str) -> bulk.Order:
    given = request.POST
    return bulk.Order(
        kind=kind, mailing_list=_list(request, kind) if kind in bulk.ON_LISTS else None,
        field=given.get("set_field", ""), value=given.get("set_value", ""),
        source=given.get(f"source_{kind}", ""),
    )


def _list(request: PageRequest, kind: str) -> MailingList | None:
    """The list of the act's own dialog; named in words where no script gave its id."""
    for name in (f"to_{kind}", "to"):
        if request.POST.get(name):
            return list_of(request, request.POST[name])
    return list_choice.named(request.actor.workspace, request.POST.get(f"to_{kind}_name", ""))


def _say(request: PageRequest, act: BulkAct) -> None:
    if not act.changed:
        messages.info(request, bulk.words_of(act))
    elif bulk_undo.undo_until(act) is None:
        messages.success(request, bulk.words_of(act))
    else:
        undo = reverse("contact-undo", args=[act.public_id])
        messages.success(request, bulk.words_of(act), extra_tags=f"undo={undo}")


@require_POST
@page(Scope.CONTACTS_WRITE)
def contact_undo(request: PageRequest, act_id: str) -> HttpResponse:
    """Take back what was done to many."""
    act = get_or_absent(bulk_undo.acts_of(request.actor.workspace), Prefix.BULK_ACT, act_id)
    job = bulk_undo.undo(request.actor, act)
    if job is not None:
        return redirect("job-detail", job.public_id)
    messages.success(request, bulk_undo.undone_words(act))
    return redirect(back_to(request, reverse("contact-list")))


@require_POST
@page(EXPORTS)
def contact_export(request: PageRequest) -> HttpResponse:
    """Queue an export of everybody, of one list, or of those that match."""
    mailing_list = list_of(request, request.POST["list"]) if request.POST.get("list") else None
    chosen = chosen_by(request) if request.POST.get("all") else None
    job = exporter.start_export(request.actor, None if chosen else mailing_list, chosen=chosen)
    return redirect("job-detail", job.public_id)


# -- deletion ------------------------------------------------------------------------------------------------


def _is_confirmed(request: PageRequest, chosen: Chosen) -> bool:
    typed = request.POST.get("typed", "").translate(_GROUPING)
    return bool(typed) and typed == str(bulk.count_chosen(request.actor, chosen))


def _carried(request: PageRequest) -> list[tuple[str, str]]:
    """The filters of the list that somebody comes from."""
    return [(name, value) for name in PARAMETERS for value in request.POST.getlist(name)]


def _same_list(request: PageRequest) -> str:
    """The list as it was narrowed before the question, from its first page."""
    query = urlencode(_carried(request))
    return reverse("contact-list") + (f"?{query}" if query else "")


def _asked(request: PageRequest, chosen: Chosen) -> HttpResponse:
    actor = request.actor
    rows = bulk.chosen_rows(actor, chosen)
    count = bulk.count_chosen(actor, chosen)
    if count == 0:
        raise InputError(_("Choose at least one contact."), field="contact")
    everyone = chosen.query is not None
    return render(
        request, "campaigns/contact_delete.html",
        {
            "count": count, "named": list(rows[:_NAMED]), "more": max(0, count - _NAMED), "everyone": everyone,
            "ids": [] if everyone else request.POST.getlist("contact"), "may_export": actor.may(EXPORTS),
            "carried": _carried(request), "back_url": _same_list(request),
            "problem": bool(request.POST.get("typed")),
        },
        status=422 if request.POST.get("typed") else 200,
    )
