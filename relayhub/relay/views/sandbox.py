"""The sandbox inbox: what people would get, mail by mail, with a reading pane beside the list.

Every recipient that the sandbox route kept is one mail here. Looking at it measures nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from relayhub.core import formats
from relayhub.core.access import MESSAGE_BODY, SANDBOX, Actor, require
from relayhub.core.clock import now
from relayhub.core.errors import AccessError, PrepareError
from relayhub.core.live_feed import Feed
from relayhub.core.live_response import live_response
from relayhub.core.models import Scope, Workspace
from relayhub.core.pages import PageRequest, page
from relayhub.core.paging import table_page
from relayhub.relay import display, header_words, identity, sandbox, search, subjects
from relayhub.relay.models import Recipient
from relayhub.relay.search import Wanted
from relayhub.relay.views import search_box
from relayhub.relay.views.common import Shown, recipient_of, stream_options
from relayhub.relay.views.message_detail import raw_of, readable_of, source_of

#: What the reading pane can show, in the order of its tabs.
VIEWS = {
    "html": "HTML", "text": gettext_lazy("Text"), "links": gettext_lazy("Links"), "checks": gettext_lazy("Checks"),
    "headers": gettext_lazy("Headers"), "source": gettext_lazy("Source"),
}
_KEPT = ("q", "stream", "only", "cursor", "newer")
#: More than this many new ones are told as "100+".
_MAX_NEW = 100

@dataclass(frozen=True, kw_only=True)
class Line:
    """One mail of the list."""

    row: Recipient
    subject: str
    url: str
    is_current: bool
    is_unread: bool


@require_GET
@page(SANDBOX)
def sandbox_inbox(request: PageRequest) -> HttpResponse:
    """The list, and the newest mail beside it; only who opens a mail has read it."""
    return _inbox(request, None)


def _mail(request: PageRequest, public_id: str) -> Recipient:
    """A mail that the sandbox kept, or AccessError: what left is read on its own page."""
    mail = recipient_of(request, public_id)
    if mail.transport != "sandbox":
        raise AccessError
    return mail


@require_GET
@page(SANDBOX)
def sandbox_message(request: PageRequest, public_id: str) -> HttpResponse:
    """The list, with this mail beside it, which counts as read then."""
    mail = _mail(request, public_id)
    if request.GET.get("as") != "unread":
        sandbox.mark(request.actor.workspace, request.user, mail, is_read=True)
    return _inbox(request, mail)


@require_POST
@page(SANDBOX)
def sandbox_unread(request: PageRequest, public_id: str) -> HttpResponse:
    """Mark a mail as unread."""
    mail = _mail(request, public_id)
    sandbox.mark(request.actor.workspace, request.user, mail, is_read=False)
    messages.success(request, _("Marked as unread."))
    return redirect("sandbox-inbox")


@require_POST
@page(SANDBOX)
def sandbox_read_all(request: PageRequest) -> HttpResponse:
    """Mark all mails as read."""
    count = sandbox.mark_all_read(request.actor.workspace, request.user)
    told = ngettext("Marked %(count)s as read.", "Marked %(count)s as read.", count) % {"count": _unread_words(count)}
    messages.success(request, told if count else _("All were read already."))
    return redirect("sandbox-inbox")


@require_POST
@page(SANDBOX, write=Scope.MESSAGES_WRITE)
def sandbox_clear(request: PageRequest) -> HttpResponse:
    """Take all mails out of the inbox; an undo brings them back."""
    count = sandbox.clear(request.actor)
    told = ngettext(
        "Cleared %(count)s mail. They stay among the messages.",
        "Cleared %(count)s mails. They stay among the messages.", count,
    )
    messages.success(
        request, told % {"count": formats.number(count)}, extra_tags=f"undo={reverse('sandbox-restore')}"
    )
    return redirect("sandbox-inbox")


@require_POST
@page(SANDBOX, write=Scope.MESSAGES_WRITE)
def sandbox_restore(request: PageRequest) -> HttpResponse:
    """Undo the last clearing."""
    sandbox.restore(request.actor)
    messages.success(request, _("The mails are back."))
    return redirect("sandbox-inbox")


@require_GET
@page(SANDBOX)
def sandbox_new(request: PageRequest) -> HttpResponseBase:
    """How many came since the page was made, for live.js: as events, or once as JSON."""
    workspace, since = request.actor.workspace, _since(request)
    feed = Feed(
        key=f"sandbox:{workspace.pk}:{since.isoformat()}", workspace_id=workspace.pk,
        every_seconds=2.0, render=lambda: _new(workspace, since),
    )
    return live_response(request, feed)


def _since(request: PageRequest) -> datetime:
    try:
        found = datetime.fromisoformat(request.GET.get("since", ""))
    except ValueError:
        return now()
    return found if found.tzinfo is not None else now()


def _new(workspace: Workspace, since: datetime) -> dict[str, Any]:
    count = sandbox.kept_after(workspace, since)[: _MAX_NEW + 1].count()
    told = f"{_MAX_NEW}+" if count > _MAX_NEW else str(count)
    html = render_to_string("relay/_sandbox_new.html", {"count": count, "told": told})
    return {"html": {"sandbox-new": html}}


def _unread_words(count: int) -> str:
    return f"{sandbox.MAX_UNREAD}+" if count > sandbox.MAX_UNREAD else formats.number(count)


def _unread(count: int) -> str:
    return ngettext("%(count)s unread", "%(count)s unread", count) % {"count": _unread_words(count)}


def _wanted(request: PageRequest) -> Wanted:
    reading = search.resolved(request.actor.workspace, search_box.reading_of(request))
    return Wanted(
        reading=reading, stream=request.GET.get("stream", ""), below=search_box.below(request),
        is_upward="newer" in request.GET,
    )


def _inbox(request: PageRequest, chosen: Recipient | None) -> HttpResponse:
    workspace, user, made_at, wanted = request.actor.workspace, request.user, now(), _wanted(request)
    only_unread = request.GET.get("only") == "unread"
    shown_rows = sandbox.unread(workspace, user) if only_unread else sandbox.kept(workspace)
    look = search.recipients(workspace, wanted, within=shown_rows)
    table = table_page(request, look.rows, size=30)
    shown = chosen or (table.rows[0] if table.rows else None)
    query = {key: request.GET[key] for key in _KEPT if request.GET.get(key)}
    context: dict[str, Any] = {
        "table": table, "told": search_box.counted(table.total, table.count, "mail", look, wanted),
        **search_box.read_context(request, wanted.reading),
        **search_box.further_context(request, look, wanted, older_url=table.older_url),
        **_list(request, list(table.rows), shown, query),
        "is_reading": chosen is not None, "mail": shown, "made_at": made_at.isoformat(),
        "selects": [{"key": "stream", "label": _("All streams"), "options": stream_options(workspace)}],
        "back_url": _with(reverse("sandbox-inbox"), query), "only_unread": only_unread,
        "has_any": bool(table.rows) or sandbox.kept(workspace).exists(),
        "was_cleared": sandbox.ever_kept(workspace).exists(), "is_newest": not request.GET.get("cursor"),
    }
    if shown is not None:
        require(request.actor, MESSAGE_BODY)
        context |= _reading(request.actor, shown, request.GET.get("show", ""), query)
    return render(request, "relay/sandbox_inbox.html", context)


def _list(
    request: PageRequest, rows: list[Recipient], shown: Recipient | None, query: dict[str, str]
) -> dict[str, Any]:
    """The lines of the list, the subject of the mail that is shown, and how many are unread."""
    workspace, user = request.actor.workspace, request.user
    named = subjects.of_recipients([*rows, *([shown] if shown is not None else [])])
    new = sandbox.unread_ids(workspace, user, rows)
    count = sandbox.count_unread(workspace, user)
    return {
        "lines": [
            Line(row=row, subject=str(named[row.pk]), url=_url(row, query), is_unread=row.pk in new,
                 is_current=shown is not None and row.pk == shown.pk)
            for row in rows
        ],
        "subject": named[shown.pk] if shown is not None else "",
        "unread": count, "unread_words": _unread(count) if count else "",
    }


def _reading(actor: Actor, mail: Recipient, wanted: str, query: dict[str, str]) -> dict[str, Any]:
    """What the pane shows of one mail: its parts, and what the open tab needs."""
    shown = Shown(message=mail.message, recipient=mail)
    context: dict[str, Any] = {"problem": str(display.OWNERS_ONLY)}
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
        {"name": name, "label": label, "url": _url(mail, {**query, "show": name}), "is_current": name == view,
         "count": len(context.get("links", ())) if name == "links" else None}
        for name, label in VIEWS.items() if not absent.get(name)
    ]


def _url(row: Recipient, query: dict[str, str]) -> str:
    return _with(reverse("sandbox-message", args=[row.public_id]), query)


def _with(path: str, query: dict[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path
