"""Mailing lists: who is on them and in which state, how people join, and what they see of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns import confirmation, contact_filter, contact_story, contacts, list_members, lists
from campaigns.contacts import Evidence
from campaigns.forms.list import ListForm, SubscriberForm
from campaigns.models import ConsentAction, ConsentEntry, MailingList, OptIn, Subscription, SubscriptionStatus
from campaigns.views.common import contact_of, list_of, refuse
from deliverability.models import DomainStatus, SendingDomain
from relayhub.core import formats
from relayhub.core.access import get_or_absent
from relayhub.core.errors import RelayHubError
from relayhub.core.ids import Prefix
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, page
from relayhub.core.paging import table_page
from relayhub.protocol.address import AddressError, parse_mailbox


@require_GET
@page(Scope.LISTS_READ)
def list_list(request: PageRequest) -> HttpResponse:
    """The lists, with their people by state; `?archived=1` those put away."""
    workspace = request.actor.workspace
    archived = lists.archived_lists_of(workspace)
    is_archive = bool(request.GET.get("archived"))
    found = archived if is_archive else lists.lists_of(workspace)
    text = request.GET.get("q", "").strip().replace("\0", "")
    if text:
        found = found.filter(Q(name__icontains=text) | Q(description__icontains=text))
    table = table_page(request, found, size=25)
    counts = lists.counts_by_status([row.pk for row in table.rows])
    away = archived.count()
    return render(
        request, "campaigns/list_list.html",
        {
            "table": table, "lines": [{"row": row, "counts": counts[row.pk]} for row in table.rows],
            "is_archive": is_archive, "has_any": bool(away) or lists.lists_of(workspace).exists(),
            "chips": [{"key": "archived", "value": "1", "label": _("Archived"), "count": away}] if away else [],
        },
    )


def _verified_domains(request: PageRequest) -> list[str]:
    rows = SendingDomain.objects.filter(
        workspace=request.actor.workspace, status=DomainStatus.VERIFIED, deleted_at=None
    )
    return list(rows.order_by("name").values_list("name", flat=True)[:10])


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.LISTS_WRITE)
def list_new(request: PageRequest) -> HttpResponse:
    """Make one."""
    form = ListForm(request.POST or None, initial={"opt_in": OptIn.SINGLE.value, "is_public": True})
    if request.method == "POST" and form.is_valid():
        try:
            row = lists.create_list(request.actor, **form.cleaned_data)
        except RelayHubError as exc:
            _refuse(form, exc)
        else:
            messages.success(request, _("Made the list “%(name)s”.") % {"name": row.name})
            return redirect("list-detail", row.public_id)
    return render(
        request, "campaigns/list_edit.html", {"form": form, "domains": _verified_domains(request)},
        status=422 if form.is_bound else 200,
    )


def _refuse(form: ListForm, error: RelayHubError) -> None:
    if error.code == "list_exists":
        form.add_error("name", error.message)
    else:
        refuse(form, error)


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.LISTS_READ, write=Scope.LISTS_WRITE)
def list_edit(request: PageRequest, list_id: str) -> HttpResponse:
    """Change one."""
    row = list_of(request, list_id)
    form = ListForm(request.POST or None, initial=ListForm.initial_of(row))
    if request.method == "POST" and form.is_valid():
        try:
            lists.change_list(request.actor, row, **form.cleaned_data)
        except RelayHubError as exc:
            _refuse(form, exc)
            row = list_of(request, list_id)
        else:
            messages.success(request, _("Saved."))
            return redirect("list-detail", list_id)
    return render(
        request, "campaigns/list_edit.html", {"form": form, "list": row, "domains": _verified_domains(request)},
        status=422 if form.is_bound else 200,
    )


@require_GET
@page(Scope.LISTS_READ)
def list_detail(request: PageRequest, list_id: str) -> HttpResponse:
    """Who is on it, and how people join."""
    return _shown(request, list_of(request, list_id), SubscriberForm())


def _shown(request: PageRequest, row: MailingList, form: SubscriberForm) -> HttpResponse:
    counts = lists.counts_by_status([row.pk])[row.pk]
    table = table_page(request, _subscribers(request, row), size=25)
    waiting = confirmation.waiting_about(row, counts.get("unconfirmed", 0))
    trouble = _from_trouble(request, row)
    return render(
        request, "campaigns/list_detail.html",
        {
            "list": row, "form": form, "table": table, "counts": counts, "total": sum(counts.values()),
            "lines": _lines(row, list(table.rows)), "stats": _stats(row, counts, waiting), "waiting": waiting,
            "trouble": trouble, "forms": list(lists.forms_of(request.actor.workspace).filter(mailing_list=row)),
            "chips": [
                {"key": "status", "value": value, "label": label, "count": counts.get(value, 0)}
                for value, label in SubscriptionStatus.choices
            ],
            "ask_lines": _ask_lines(row, waiting),
        },
        status=422 if form.is_bound else 200,
    )


def _subscribers(request: PageRequest, row: MailingList) -> QuerySet[Subscription]:
    found = Subscription.objects.filter(mailing_list=row).select_related("contact")
    status, text = request.GET.get("status", ""), request.GET.get("q", "").strip()
    if status in SubscriptionStatus.values:
        found = found.filter(status=status)
    if text:
        found = found.filter(contact__in=contact_filter.search(request.actor.workspace, text).order_by().values("pk"))
    return found


def _lines(row: MailingList, rows: list[Subscription]) -> list[dict[str, Any]]:
    newest: dict[Any, str] = {}
    entries = ConsentEntry.objects.filter(mailing_list=row, contact_id__in=[item.contact_id for item in rows])
    for entry in entries.exclude(action=ConsentAction.CONFIRMATION_SENT):
        newest.setdefault(entry.contact_id, contact_story.evidence_of(entry))
    return [
        {"row": item, "evidence": newest.get(item.contact_id, ""),
         "since": item.unsubscribed_at or item.confirmed_at or item.created_at}
        for item in rows
    ]


def _stats(row: MailingList, counts: dict[str, int], waiting: int) -> list[dict[str, Any]]:
    total = sum(counts.values())

    def part(status: str, label: str, note: str) -> dict[str, Any]:
        count = counts.get(status, 0)
        return {"label": label, "value": formats.number(count), "unit": formats.share(count, total), "note": note,
                "url": f"?status={status}#subscribers"}

    return [
        part("confirmed", _("May be written to"), pgettext("contacts", "confirmed")),
        part("unconfirmed", _("Not confirmed"),
             _("%(count)s can be asked now") % {"count": formats.number(waiting)}),
        part("unsubscribed", _("Unsubscribed"), _("left this list")),
    ]


def _from_trouble(request: PageRequest, row: MailingList) -> str:
    """Why confirmation mails of the list cannot leave; "" where they can."""
    if row.opt_in != OptIn.DOUBLE:
        return ""
    if not row.from_header:
        return _("The list has no From address, so no confirmation mail can be sent.")
    try:
        domain = parse_mailbox(row.from_header).domain
    except AddressError:
        return _("The From address of the list cannot be read.")
    if SendingDomain.objects.filter(
        workspace=request.actor.workspace, name=domain, status=DomainStatus.VERIFIED, deleted_at=None
    ).exists():
        return ""
    return _("%(domain)s is not verified, so confirmation mails reach nobody outside the sandbox.") % {
        "domain": domain
    }


def _ask_lines(row: MailingList, waiting: int) -> list[str]:
    minutes = max(1, -(-waiting // confirmation.PER_MINUTE))
    return [
        ngettext(
            "%(count)s person of “%(list)s” get one confirmation mail each.",
            "%(count)s people of “%(list)s” get one confirmation mail each.", waiting,
        ) % {"count": formats.number(waiting), "list": row.name},
        ngettext(
            "It goes out over %(count)s minute, %(rate)s a minute.",
            "It goes out over %(count)s minutes, %(rate)s a minute.", minutes,
        ) % {"count": formats.number(minutes), "rate": formats.number(confirmation.PER_MINUTE)},
        _("Nobody is asked by this again within 30 days."),
    ]


@require_POST
@page(Scope.LISTS_WRITE)
def list_archive(request: PageRequest, list_id: str) -> HttpResponse:
    """Put it away."""
    row = list_of(request, list_id)
    lists.archive_list(request.actor, row)
    undo = reverse("list-restore", args=[row.public_id])
    messages.success(request, _("Archived “%(name)s”.") % {"name": row.name}, extra_tags=f"undo={undo}")
    return redirect("list-list")


@require_POST
@page(Scope.LISTS_WRITE)
def list_restore(request: PageRequest, list_id: str) -> HttpResponse:
    """Take it back into use."""
    row = get_or_absent(lists.archived_lists_of(request.actor.workspace), Prefix.LIST, list_id)
    lists.restore_list(request.actor, row)
    messages.success(
        request, _("“%(name)s” is in use again. Its sign-up forms are closed until you open them.") % {"name": row.name}
    )
    return redirect("list-detail", row.public_id)


@require_POST
@page(Scope.LISTS_WRITE)
def list_ask(request: PageRequest, list_id: str) -> HttpResponse:
    """Ask everybody who has not confirmed; a job, paced."""
    job = confirmation.ask_unconfirmed(request.actor, list_of(request, list_id))
    return redirect("job-detail", job.public_id)


@require_POST
@page(Scope.CONTACTS_WRITE)
def list_subscribe(request: PageRequest, list_id: str) -> HttpResponse:
    """Put somebody on the list by address; an unknown address becomes a contact."""
    row = list_of(request, list_id)
    form = SubscriberForm(request.POST)
    if form.is_valid():
        try:
            status = _subscribe(request, row, form.cleaned_data["email"], form.cleaned_data["consent"])
        except RelayHubError as exc:
            refuse(form, exc)
        else:
            said = _("%(email)s was asked to confirm.") if status == "unconfirmed" else _("%(email)s is on the list.")
            messages.success(request, said % {"email": form.cleaned_data["email"]})
            return redirect("list-detail", list_id)
    return _shown(request, row, form)


def _subscribe(request: PageRequest, row: MailingList, email: str, consent: str) -> str:
    evidence = Evidence(channel="dashboard", source=consent, detail={"by": request.actor.label})
    contact = contacts.find(request.actor.workspace, email)
    if contact is None:
        contact = list_members.add_and_ask(
            request.actor, email=email, name="", fields={}, lists=[row], evidence=evidence
        )
        return str(Subscription.objects.get(contact=contact, mailing_list=row).status)
    return str(list_members.subscribe(request.actor, contact, row, evidence=evidence, asks=True).status)


@require_POST
@page(Scope.CONTACTS_WRITE)
def list_unsubscribe(request: PageRequest, list_id: str) -> HttpResponse:
    """Record that a contact wants nothing more of the list."""
    row = list_of(request, list_id)
    contact = contact_of(request, request.POST.get("contact", ""))
    evidence = Evidence(
        channel="dashboard", source=f"unsubscribed by {request.actor.label}", detail={"by": request.actor.label}
    )
    list_members.unsubscribe(request.actor, contact, row, evidence=evidence)
    messages.success(request, _("%(email)s is unsubscribed.") % {"email": contact.email})
    return redirect("list-detail", list_id)
