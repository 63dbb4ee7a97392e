"""Search everywhere: one box for pages, contacts, campaigns, messages, domains, settings, and the help.

An id leads straight to its page. Everything else is looked for in each part that the person may read and that
has pages; each part shows its first hits and leads to its own list for the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from campaigns import contact_table, editing, lists, templates
from campaigns.overview import overview_of
from deliverability import managers
from deliverability.models import Suppression
from relayhub.core import spoken
from relayhub.core.access import Actor
from relayhub.core.clock import now
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, page
from relayhub.core.templatetags.relayhub_extras import nav_url
from relayhub.core.vocabulary import status_look
from relayhub.relay import queries, search_words, subjects
from relayhub.relay import search as messages
from relayhub.relay.models import Message, Recipient
from relayhub.site import help_library
from relayhub.site.places import places_for

SHOWN_EACH = 5
#: Pages that are offered before anything is typed.
PLACES_SHOWN = 12
MAX_TEXT = 300
#: Messages are looked for this far back, where an index does not find them anyway.
_MESSAGES_WITHIN = timedelta(days=30)
#: Kind of id -> the page of one.
_PAGES = {
    Prefix.MESSAGE: "message-detail", Prefix.RECIPIENT: "message-detail", Prefix.CONTACT: "contact-detail",
    Prefix.CAMPAIGN: "campaign-detail", Prefix.DOMAIN: "domain-detail", Prefix.TEMPLATE: "template-detail",
    Prefix.LIST: "list-detail", Prefix.JOB: "job-detail",
    Prefix.REFUSAL: "api-refused-one",
}


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One line: where it leads, its name, what tells it from others; `status` is shown as a pill."""

    url: str
    title: str
    note: str = ""
    status: str = ""
    status_text: str = ""
    at: datetime | None = None
    #: Its own icon, instead of its group's.
    icon: str = ""


@dataclass(frozen=True, kw_only=True)
class Group:
    """The hits of one part, and its list with the same search."""

    label: str
    icon: str
    hits: list[Hit]
    more_url: str


@dataclass(frozen=True, kw_only=True)
class _Part:
    label: Promise
    icon: str
    scope: str
    list_page: str
    find: Callable[[Actor, str], list[Hit]]


@require_GET
@page()
def search(request: PageRequest) -> HttpResponse:
    """What is meant, or what fits."""
    text = _asked(request)
    straight = page_of_id(text)
    if straight:
        return redirect(straight)
    groups = groups_for(request.actor, text) if text else []
    return render(
        request, "site/search.html",
        {"search_text": text, "groups": groups, "count": sum(len(group.hits) for group in groups)},
    )


@require_GET
@page()
def search_hits(request: PageRequest) -> HttpResponse:
    """The same as a part of a page, for the box that opens over every page; without a text, pages to go to."""
    text = _asked(request)
    straight = page_of_id(text)
    if straight:
        groups = [Group(label=_("Go to"), icon="arrow-right", hits=[Hit(url=straight, title=text)], more_url="")]
    elif text:
        groups = groups_for(request.actor, text)
    else:
        groups = [_places(request.actor, "", PLACES_SHOWN)]
    return render(
        request, "site/_search_hits.html",
        {"groups": groups, "search_text": text, "count": sum(len(group.hits) for group in groups)},
    )


def _asked(request: PageRequest) -> str:
    return " ".join(request.GET.get("q", "").replace("\0", "").split())[:MAX_TEXT]


def page_of_id(text: str) -> str:
    """The page of an id, which itself says where there is nothing; "" where no page shows one of its kind."""
    for prefix, name in _PAGES.items():
        if decode_id(prefix, text) is not None:
            return nav_url(name, text)
    return ""


def groups_for(actor: Actor, text: str) -> list[Group]:
    """The parts with hits: pages first, then what people and programs made in the order of the navigation, help."""
    groups = [_places(actor, text, SHOWN_EACH)]
    for part in _PARTS:
        list_url = nav_url(part.list_page)
        if not list_url or not actor.may(part.scope):
            continue
        hits = part.find(actor, text)
        if hits:
            more = f"{list_url}?{urlencode({'q': text})}" if len(hits) > SHOWN_EACH else ""
            groups.append(Group(label=str(part.label), icon=part.icon, hits=hits[:SHOWN_EACH], more_url=more))
    groups.append(_help(text))
    return [group for group in groups if group.hits]


def _places(actor: Actor, text: str, most: int) -> Group:
    hits = [Hit(url=place.url, title=place.label, icon=place.icon) for place in places_for(actor, text)[:most]]
    return Group(label=_("Go to"), icon="arrow-right", hits=hits, more_url="")


def _help(text: str) -> Group:
    found = help_library.search(text)
    hits = [
        Hit(url=hit.section.url, title=hit.section.title,
            note=hit.section.document if hit.section.document != hit.section.title else "")
        for hit in found[:SHOWN_EACH]
    ]
    more = f"{nav_url('help-home')}?{urlencode({'q': text})}" if len(found) > SHOWN_EACH else ""
    return Group(label=_("Help"), icon="help-circle", hits=hits, more_url=more)


def _contacts(actor: Actor, text: str) -> list[Hit]:
    rows = contact_table.newest_of(actor.workspace, text, SHOWN_EACH + 1)
    return [
        Hit(url=nav_url("contact-detail", row.public_id), title=row.email, note=row.name, at=row.created_at)
        for row in rows
    ]


def _campaigns(actor: Actor, text: str) -> list[Hit]:
    found = editing.campaigns_of(actor.workspace).filter(
        Q(name__icontains=text) | Q(subject__icontains=text) | Q(template__versions__subject__icontains=text)
    )
    rows = list(editing.campaigns_of(actor.workspace).filter(pk__in=found.values("pk"))[: SHOWN_EACH + 1])
    return [
        Hit(url=nav_url("campaign-detail", line.campaign.public_id), title=line.campaign.name,
            note=line.campaign.subject, status=line.campaign.status, status_text=line.status_text, at=line.at)
        for line in overview_of(rows)
    ]


def _zone_of(actor: Actor) -> tzinfo:
    """Where the person's days begin."""
    try:
        return ZoneInfo(actor.user.timezone) if actor.user is not None else UTC
    except (KeyError, ValueError, OSError):
        return UTC


def _messages(actor: Actor, text: str) -> list[Hit]:
    reading = search_words.read(text, now=now(), zone=_zone_of(actor))
    is_timed = reading.is_exact or reading.names_period
    wanted = messages.Wanted(reading=reading, since=None if is_timed else now() - _MESSAGES_WITHIN)
    if reading.finds_recipients:
        rows = list(messages.recipients(actor.workspace, wanted).rows[: SHOWN_EACH + 1])
        named = subjects.of_recipients(rows)
        return [
            Hit(url=nav_url("message-detail", row.public_id), title=str(named[row.pk]),
                note=_("to %(address)s") % {"address": row.address}, status=queries.shown_status(row),
                at=row.accepted_at)
            for row in rows
        ]
    found = list(messages.messages(actor.workspace, wanted).rows[: SHOWN_EACH + 1])
    # Counting a broadcast's recipients takes time that a search must not take.
    firsts = queries.recipients_of([row.pk for row in found], limit_each=1)
    named = subjects.of_messages(found, firsts)
    counts = queries.counts_apart([row for row in found if row.broadcast_id is None])
    return [
        Hit(url=nav_url("message-detail", row.public_id), title=str(named[row.pk]),
            note=_message_note(row, firsts[row.pk], counts.get(row.pk)), at=row.created_at,
            status=queries.told_status(counts[row.pk]) if row.pk in counts else "")
        for row in found
    ]


def _message_note(row: Message, firsts: list[Recipient], counts: dict[str, int] | None) -> str:
    """Whom it went to where that is one person, for orders differ in nothing else; else who sent it."""
    if firsts and counts and sum(counts.values()) == 1:
        return _("to %(address)s") % {"address": firsts[0].address}
    return _("from %(address)s") % {"address": row.from_address}


def _domains(actor: Actor, text: str) -> list[Hit]:
    name = text.rpartition("@")[2].lower()
    rows = managers.live_domains(actor.workspace.pk).filter(name__contains=name)[: SHOWN_EACH + 1] if name else []
    return [Hit(url=nav_url("domain-detail", row.public_id), title=row.name, status=row.status,
                status_text=status_look(row.status, of="domain").word) for row in rows]


def _templates(actor: Actor, text: str) -> list[Hit]:
    rows = templates.templates_of(actor.workspace).filter(name__icontains=text)[: SHOWN_EACH + 1]
    return [Hit(url=nav_url("template-detail", row.public_id), title=row.name, at=row.updated_at) for row in rows]


def _lists(actor: Actor, text: str) -> list[Hit]:
    rows = lists.lists_of(actor.workspace).filter(name__icontains=text)[: SHOWN_EACH + 1]
    return [
        Hit(url=nav_url("list-detail", row.public_id), title=row.name, note=row.get_opt_in_display()) for row in rows
    ]


def _suppressions(actor: Actor, text: str) -> list[Hit]:
    found = Suppression.objects.filter(
        workspace=actor.workspace, lifted_at=None, address_key__startswith=text.lower()
    )
    address = nav_url("suppression-list")
    return [
        Hit(url=f"{address}?{urlencode({'q': row.address})}", title=row.address,
            note=f"{row.get_reason_display()}, {spoken.within(row.get_scope_display())}", status="suppressed",
            at=row.created_at)
        for row in found.order_by("-id")[: SHOWN_EACH + 1]
    ]


_PARTS = (
    _Part(label=gettext_lazy("Contacts"), icon="users", scope=Scope.CONTACTS_READ, list_page="contact-list",
          find=_contacts),
    _Part(label=gettext_lazy("Campaigns"), icon="send", scope=Scope.CAMPAIGNS_READ, list_page="campaign-list",
          find=_campaigns),
    _Part(label=gettext_lazy("Messages"), icon="mail", scope=Scope.MESSAGES_READ, list_page="message-list",
          find=_messages),
    _Part(label=gettext_lazy("Templates"), icon="template", scope=Scope.TEMPLATES_READ, list_page="template-list",
          find=_templates),
    _Part(label=gettext_lazy("Lists"), icon="list-check", scope=Scope.LISTS_READ, list_page="list-list", find=_lists),
    _Part(label=gettext_lazy("Domains"), icon="world", scope=Scope.DOMAINS_READ, list_page="domain-list",
          find=_domains),
    _Part(label=gettext_lazy("Suppressions"), icon="ban", scope=Scope.SUPPRESSIONS_READ, list_page="suppression-list",
          find=_suppressions),
)
