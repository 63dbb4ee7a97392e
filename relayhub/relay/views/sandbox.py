"""The sandbox inbox: what people would get, mail by mail, with a reading pane beside the list.

Every recipient that the sandbox route kept is one mail here. Looking at it measures nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from relayhub.core.access import MESSAGE_BODY, SANDBOX, Actor, require
from relayhub.core.clock import now
from relayhub.core.errors import PrepareError
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.live_feed import Feed
from relayhub.core.live_response import live_response
from relayhub.core.models import Workspace
from relayhub.core.pages import PageRequest, page
from relayhub.core.paging import table_page
from relayhub.relay import display, header_words, identity, search, subjects
from relayhub.relay.models import Recipient
from relayhub.relay.search import Wanted
from relayhub.relay.views import search_box
from relayhub.relay.views.common import Shown, recipient_of, stream_options
from relayhub.relay.views.message_detail import raw_of, readable_of, source_of

#: What the reading pane can show, in the order of its tabs.
VIEWS = {"html": "HTML", "text": "Text", "links": "Links", "checks": "Checks", "headers": "Headers",
         "source": "Source"}
_KEPT = ("q", "stream", "cursor", "newer")
#: More than this many new ones are told as "100+".
_MAX_NEW = 100

@dataclass(frozen=True, kw_only=True)
class Line:
    """One mail of the list."""

    row: Recipient
    subject: str
    url: str
    is_current: bool


@require_GET
@page(SANDBOX)
def sandbox_inbox(request: PageRequest) -> HttpResponse:
    """The list, and the newest mail beside it."""
    return _inbox(request, None)


@require_GET
@page(SANDBOX)
def sandbox_message(request: PageRequest, public_id: str) -> HttpResponse:
    """The list, with this mail beside it."""
    return _inbox(request, recipient_of(request, public_id))


@require_GET
@page(SANDBOX)
def sandbox_new(request: PageRequest) -> HttpResponseBase:
    """How many came since the newest of the page, for live.js: as events, or once as JSON."""
    workspace, newest = request.actor.workspace, decode_id(Prefix.RECIPIENT, request.GET.get("after", ""))
    feed = Feed(
        key=f"sandbox:{workspace.pk}:{newest}", workspace_id=workspace.pk, render=lambda: _new(workspace, newest)
    )
    return live_response(request, feed)


def _new(workspace: Workspace, newest: UUID | None) -> dict[str, Any]:
    found = kept(workspace)
    count = (found.filter(pk__gt=newest) if newest else found)[: _MAX_NEW + 1].count()
    html = render_to_string("relay/_sandbox_new.html", {"count": count, "limit": _MAX_NEW})
    return {"html": {"sandbox-new": html}}


def kept(workspace: Workspace) -> QuerySet[Recipient]:
    """Everything that the sandbox keeps, newest first."""
    rows = Recipient.objects.filter(workspace=workspace, transport="sandbox")
    return rows.select_related("message", "message__stream").order_by("-id")


def _inbox(request: PageRequest, chosen: Recipient | None) -> HttpResponse:
    workspace, text = request.actor.workspace, search_box.reading_of(request)
    wanted = Wanted(
        reading=search.resolved(workspace, text), stream=request.GET.get("stream", ""),
        below=search_box.below(request), is_upward="newer" in request.GET,
    )
    look = search.recipients(workspace, wanted, within=kept(workspace))
    table = table_page(request, look.rows, size=30)
    shown = chosen or (table.rows[0] if table.rows else None)
    named = subjects.of_recipients([*table.rows, *([shown] if shown is not None else [])])
    kept_query = {key: request.GET[key] for key in _KEPT if request.GET.get(key)}
    context: dict[str, Any] = {
        "table": table, "told": search_box.counted(table.total, table.count, "mail", look, wanted),
        **search_box.read_context(request, wanted.reading),
        **search_box.further_context(request, look, wanted, older_url=table.older_url),
        "is_reading": chosen is not None, "mail": shown,
        "subject": named[shown.pk] if shown is not None else "",
        "lines": [
            Line(row=row, subject=str(named[row.pk]), url=_url(row, kept_query),
                 is_current=shown is not None and row.pk == shown.pk)
            for row in table.rows
        ],
        "selects": [
            {"key": "stream", "label": "All streams", "options": stream_options(request.actor.workspace)}
        ],
        "back_url": _with(reverse("sandbox-inbox"), kept_query), "newest": table.rows[0] if table.rows else None,
        "has_any": bool(table.rows) or kept(request.actor.workspace).exists(),
        "is_newest": not request.GET.get("cursor"),
    }
    if shown is not None:
        require(request.actor, MESSAGE_BODY)
        context |= _reading(request.actor, shown, request.GET.get("show", ""), kept_query)
    return render(request, "relay/sandbox_inbox.html", context)


def _reading(actor: Actor, mail: Recipient, wanted: str, query: dict[str, str]) -> dict[str, Any]:
    """What the pane shows of one mail: its parts, and what the open tab needs."""
    shown = Shown(message=mail.message, recipient=mail)
    context: dict[str, Any] = {"problem": display.OWNERS_ONLY}
    if display.may_read(actor, mail.message):
        context = readable_of(shown)
    readable = context.get("readable")
    first = "html" if readable is not None and readable.html is not None else "text"
    view = wanted if wanted in VIEWS else first
    if readable is not None and readable.html is None and view == "html":
        view = "text"
    context |= {"view": view, "tabs": _tabs(mail, view, query, context)}
    if readable is None:
        return context
    if view == "source":
        return context | source_of(shown)
    if view == "headers":
        return context | {"fields": header_words.explained(readable.headers)}
    return context | (_checks(shown) if view == "checks" else {})


def _checks(shown: Shown) -> dict[str, Any]:
    try:
        raw = raw_of(shown)
    except PrepareError:
        return {}
    return {
        "verdicts": identity.signatures_of(shown.message, raw), "records": identity.records_at(shown.message, now()),
        "size_bytes": len(raw),
    }


def _tabs(mail: Recipient, view: str, query: dict[str, str], context: dict[str, Any]) -> list[dict[str, Any]]:
    readable = context.get("readable")
    absent = {"html": readable is None or readable.html is None, "text": readable is None or readable.text is None}
    return [
        {"label": label, "url": _url(mail, {**query, "show": name}), "is_current": name == view,
         "count": len(context.get("links", ())) if name == "links" else None}
        for name, label in VIEWS.items() if not absent.get(name)
    ]


def _url(row: Recipient, query: dict[str, str]) -> str:
    return _with(reverse("sandbox-message", args=[row.public_id]), query)


def _with(path: str, query: dict[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path
