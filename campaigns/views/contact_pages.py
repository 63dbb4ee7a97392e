"""One contact: where it stands on each list and why, its story; making one and removing it."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns import contact_story, contacts, list_choice, list_members, standing
from campaigns.contacts import Evidence
from campaigns.forms.contact import ContactForm, NewContactForm, SubscribeForm, name_of
from campaigns.models import ConsentAction, ConsentEntry, Contact, FieldDefinition, MailingList, Subscription
from campaigns.views import contact_particulars
from campaigns.views.common import chosen_lists, contact_of, list_of, picked_list, refuse
from campaigns.views.contact_filter import zone_of
from campaigns.views.contact_list import look_of
from deliverability import suppression_list
from deliverability.models import Suppression
from relayhub.core import formats, spoken
from relayhub.core.clock import now
from relayhub.core.errors import InputError, RelayHubError
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, page
from relayhub.relay.touches import mail_count

_EVIDENCE_SHOWN = 100
_MAIL_COUNTED = 1_000
#: What a host says when it takes a mail tells nothing in a story of many; the message's own page has it.
_TAKEN = frozenset({"delivered", "sandboxed"})


def _definitions(request: PageRequest) -> list[FieldDefinition]:
    return list(FieldDefinition.objects.filter(workspace=request.actor.workspace))


def _refuse(form: ContactForm, error: RelayHubError) -> None:
    """Show a refusal at the form's field: the service calls a custom one `fields.key`."""
    key = getattr(error, "field", "").removeprefix("fields.")
    refuse(form, error, **{f"fields.{key}": name_of(key)}, contact_exists="email")
    if error.code == "contact_exists":
        form.errors.pop("__all__", None)
        form.add_error("email", error.message)


def _evidence(request: PageRequest, source: str) -> Evidence:
    """A colleague's word: who said it is part of it; their own IP address is not the person's and stays out."""
    return Evidence(channel="dashboard", source=source, detail={"by": request.actor.label})


def _chosen(request: PageRequest, *, is_searched: bool) -> list[MailingList]:
    """The lists a new contact joins; of very many, one that was searched for."""
    if request.method != "POST":
        return chosen_lists(request, "list", source=request.GET)
    if not is_searched:
        return chosen_lists(request, "lists")
    found = picked_list(request, "list")
    return [found] if found is not None else []


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.CONTACTS_WRITE)
def contact_new(request: PageRequest) -> HttpResponse:
    """Add one by hand."""
    definitions = _definitions(request)
    choices = list_choice.choices(request.actor.workspace)
    chosen = _chosen(request, is_searched=choices is None)
    preset = {"lists": [row.public_id for row in chosen]}
    form = NewContactForm(
        request.POST or None, definitions=definitions, lists=choices or [], initial=preset, is_on_lists=bool(chosen)
    )
    typed = request.POST.get("list_name", "").strip() if choices is None else ""
    if typed and not chosen:
        form.add_error(None, _("“%(name)s” is the name of no list, or of several. Choose one of those found.") % {
            "name": typed[:60]
        })
    if request.method == "POST" and form.is_valid():
        try:
            contact = list_members.add_and_ask(
                request.actor, email=form.cleaned_data["email"], name=form.cleaned_data["name"],
                language=form.cleaned_data["language"],
                fields={key: value for key, value in form.values().items() if value}, lists=chosen,
                evidence=_evidence(request, form.cleaned_data["consent"] or f"added by {request.actor.label}"),
            )
        except RelayHubError as exc:
            _refuse(form, exc)
        else:
            messages.success(request, _("Added %(email)s.") % {"email": contact.email})
            return redirect("contact-detail", contact.public_id)
    return render(
        request, "campaigns/contact_new.html",
        {"form": form, "has_lists": choices is None or bool(choices), "is_searched": choices is None,
         "chosen_list": chosen[0] if chosen else None, "typed_list": typed},
        status=422 if form.is_bound else 200,
    )


@require_GET
@page(Scope.CONTACTS_READ)
def contact_detail(request: PageRequest, contact_id: str) -> HttpResponse:
    """Who is this, and may I write to them?"""
    return _shown(request, contact_of(request, contact_id))


def _shown(request: PageRequest, contact: Contact, subscribe_form: SubscribeForm | None = None) -> HttpResponse:
    workspace = request.actor.workspace
    stands = standing.standings_of([contact], workspace)[contact.pk]
    on = list(
        Subscription.objects.filter(contact=contact, mailing_list__archived_at=None)
        .select_related("mailing_list").order_by("mailing_list__name")
    )
    choices = list_choice.choices(workspace)
    here = {row.mailing_list_id for row in on if row.status != "unsubscribed"}
    free = [row for row in choices if row.pk not in here] if choices is not None else None
    stopped = contact_story.suppressions_of(contact)
    story = contact_story.story_of(contact, before=_before(request))
    consents = list(ConsentEntry.objects.filter(contact=contact).select_related("mailing_list")[:_EVIDENCE_SHOWN])
    definitions = _definitions(request)
    return render(
        request, "campaigns/contact_detail.html",
        {
            "contact": contact, "source": contact_story.origin_of(contact),
            "standing": stands.value, "look": look_of(stands),
            "standing_word": stands.label, "why": _why(stands, on, stopped),
            "particulars": contact_particulars.rows_of(request, contact, definitions),
            "lost": _lost(contact, on, stopped) if request.actor.may(Scope.CONTACTS_WRITE) else None,
            "subscriptions": _with_evidence(on, consents), "stopped": stopped, "list_choices": free,
            "subscribe_form": (subscribe_form or SubscribeForm()) if free is None or free else None, "consents": [
                {"row": row, "evidence": contact_story.evidence_of(row)} for row in consents
            ],
            "story": story, "is_first": _before(request) is None,
            "items": _items(story.entries, zone_of(request)),
        },
        status=422 if subscribe_form is not None and subscribe_form.is_bound else 200,
    )


def _items(entries: list[contact_story.Entry], zone: tzinfo) -> list[dict[str, Any]]:
    """The story for the timeline; that a mail was accepted stands with what became of it where nothing lies between."""
    items: list[dict[str, Any]] = []
    for entry in entries:
        last: contact_story.Entry | None = items[-1]["entry"] if items else None
        if last and entry.status == "accepted" and last.message_id == entry.message_id and not items[-1]["since"]:
            is_same_day = entry.at.astimezone(zone).date() == last.at.astimezone(zone).date()
            when = formats.moment_text(entry.at, now=now(), zone=zone, style="clock" if is_same_day else "inline")
            items[-1]["since"] = _("accepted %(when)s") % {"when": when}
            continue
        items.append({
            "at": entry.at, "style": "smart", "status": entry.status, "title": entry.title, "text": entry.text,
            "reply": None if entry.status in _TAKEN else entry.reply, "entry": entry, "since": "",
            "title_template": "campaigns/_contact_event.html" if entry.message_id else "",
        })
    return items


def _lost(contact: Contact, on: list[Subscription], stopped: list[Suppression]) -> dict[str, Any]:
    """What deleting it takes, and what stays."""
    mail = mail_count(contact.workspace_id, contact.email_key, up_to=_MAIL_COUNTED + 1)
    return {
        "values": len(contact.fields), "lists": len(on), "stopped": len(stopped),
        "consents": ConsentEntry.objects.filter(contact=contact).count(),
        "messages": _("more than %(count)s") % {"count": formats.number(_MAIL_COUNTED)} if mail > _MAIL_COUNTED
        else formats.number(mail) if mail else "",
    }


def _before(request: PageRequest) -> datetime | None:
    try:
        moment = datetime.fromisoformat(request.GET.get("before", ""))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _why(stands: standing.Standing, on: list[Subscription], stopped: list[Suppression]) -> str:
    """The sentence behind the answer."""
    if stands == "suppressed":
        return _why_suppressed(stopped)
    if stands == "may":
        confirmed = [row.mailing_list.name for row in on if row.status == "confirmed"]
        return _("Campaigns to %(lists)s reach this contact.") % {"lists": _joined(confirmed)}
    if stands == "unconfirmed":
        return _("Nothing goes out before they have answered the confirmation mail.")
    if stands == "unsubscribed":
        return _("They left. Only an act of their own, or new evidence of consent, brings them back.")
    return _("Campaigns go to lists, and this contact is on none.")


def _why_suppressed(stopped: list[Suppression]) -> str:
    row = next((row for row in stopped if row.scope != "list"), None)
    if row is None:  # lifted between the two looks
        return _("The address was suppressed until a moment ago. Reload the page.")
    reason = spoken.within(str(row.get_reason_display()))
    why = f"{reason}, {suppression_list.evidence_of(row)}" if row.source else reason
    if row.scope == "workspace":
        return _("No mail of this workspace goes to this address: %(why)s.") % {"why": why}
    return _("No campaign of that stream goes to this address: %(why)s.") % {"why": why}


def _joined(names: list[str]) -> str:
    quoted = [_("“%(name)s”") % {"name": name} for name in names]
    if len(quoted) > 3:
        more = len(quoted) - 3
        return ngettext("%(names)s and %(count)s more list", "%(names)s and %(count)s more lists", more) % {
            "names": ", ".join(quoted[:3]), "count": more
        }
    if len(quoted) > 1:
        return _("%(names)s and %(last)s") % {"names": ", ".join(quoted[:-1]), "last": quoted[-1]}
    return "".join(quoted)


def _with_evidence(on: list[Subscription], consents: list[ConsentEntry]) -> list[dict[str, Any]]:
    """Each subscription with the newest evidence of its list; that somebody was asked is none."""
    newest: dict[Any, ConsentEntry] = {}
    for entry in consents:
        if entry.action == ConsentAction.CONFIRMATION_SENT:
            continue
        newest.setdefault(entry.mailing_list_id, entry)
    return [
        {
            "row": row, "since": row.unsubscribed_at or row.confirmed_at or row.created_at,
            "evidence": contact_story.evidence_of(newest[row.mailing_list_id])
            if row.mailing_list_id in newest else "",
        }
        for row in on
    ]


@require_POST
@page(Scope.CONTACTS_WRITE)
def contact_delete(request: PageRequest, contact_id: str) -> HttpResponse:
    """Remove it with its fields, subscriptions and consents."""
    contact = contact_of(request, contact_id)
    contacts.delete_contact(request.actor, contact)
    messages.success(request, _("Deleted %(email)s.") % {"email": contact.email})
    return redirect("contact-list")


@require_POST
@page(Scope.CONTACTS_WRITE)
def contact_subscribe(request: PageRequest, contact_id: str) -> HttpResponse:
    """Put it on a list, with evidence."""
    contact = contact_of(request, contact_id)
    form, mailing_list = SubscribeForm(request.POST), picked_list(request, "list")
    if mailing_list is None:
        form.add_error("list", _("Choose a list."))
    if form.is_valid() and mailing_list is not None:
        try:
            row = list_members.subscribe(
                request.actor, contact, mailing_list, asks=True,
                evidence=_evidence(request, form.cleaned_data["consent"]),
            )
        except RelayHubError as exc:
            refuse(form, exc, from_header="list")
        else:
            messages.success(request, _subscribed_words(row.status, mailing_list))
            return redirect("contact-detail", contact.public_id)
    return _shown(request, contact, form)


def _subscribed_words(status: str, mailing_list: MailingList) -> str:
    if status == "unconfirmed":
        return _("Asked to confirm “%(list)s”. Nothing else goes out before they answer.") % {"list": mailing_list.name}
    return _("On “%(list)s” now.") % {"list": mailing_list.name}


def _subscription(request: PageRequest, contact: Contact) -> Subscription:
    mailing_list = list_of(request, request.POST.get("list", ""))
    row = Subscription.objects.select_related("mailing_list", "mailing_list__workspace", "contact").filter(
        contact=contact, mailing_list=mailing_list
    ).first()
    if row is None:
        raise InputError(_("This contact is not on that list any more."), field="list")
    return row


@require_POST
@page(Scope.CONTACTS_WRITE)
def contact_unsubscribe(request: PageRequest, contact_id: str) -> HttpResponse:
    """Record that it wants nothing more of a list."""
    contact = contact_of(request, contact_id)
    row = _subscription(request, contact)
    list_members.unsubscribe(
        request.actor, contact, row.mailing_list,
        evidence=_evidence(request, f"unsubscribed by {request.actor.label}"),
    )
    messages.success(request, _("Unsubscribed from “%(list)s”.") % {"list": row.mailing_list.name})
    return redirect("contact-detail", contact.public_id)


@require_POST
@page(Scope.LISTS_WRITE)
def contact_ask(request: PageRequest, contact_id: str) -> HttpResponse:
    """Send the confirmation mail once more."""
    contact = contact_of(request, contact_id)
    row = _subscription(request, contact)
    list_members.ask_again(request.actor, row)
    messages.success(
        request, _("Asked %(email)s to confirm “%(list)s”.") % {"email": contact.email, "list": row.mailing_list.name}
    )
    return redirect("contact-detail", contact.public_id)
