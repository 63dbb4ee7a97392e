"""The message list: one box that understands ids, addresses, domains, states and subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from relayhub.core import formats, spoken
from relayhub.core.models import Scope, Workspace
from relayhub.core.pages import PageRequest, page
from relayhub.core.paging import TablePage, table_page
from relayhub.core.vocabulary import status_look
from relayhub.relay import queries, search, subjects
from relayhub.relay.models import Message, Recipient
from relayhub.relay.search import STATES, Look, Wanted
from relayhub.relay.search_words import Kind, Reading
from relayhub.relay.subjects import Subject
from relayhub.relay.views import search_box
from relayhub.relay.views.common import PERIODS, once_of_page, period_since, stream_options


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row."""

    id: str
    url: str
    subject: str
    sender: str
    status: str
    to: str
    more: int
    note: str
    at: datetime
    stream: str
    reply: dict[str, Any] | None = None
    #: Whether the subject is that of the first recipient, and others have their own.
    is_personal: bool = False


@require_GET
@page(Scope.MESSAGES_READ)
def message_list(request: PageRequest) -> HttpResponse:
    """What happened to this mail? An id leads straight to its page."""
    workspace, reading = request.actor.workspace, search_box.reading_of(request)
    straight = _straight(request, reading)
    if straight:
        return redirect(straight)
    reading = search.resolved(workspace, reading)
    context = _rows(request, reading)
    context |= {
        "selects": _selects(workspace, reading), "period": _period_words(request, reading),
        "has_any": bool(context["lines"]) or Message.objects.filter(workspace=workspace).exists(),
        "hints": search_box.hints(request, workspace), **search_box.read_context(request, reading),
        "once": once_of_page(),
    }
    return render(request, "relay/message_list.html", context)


def _selects(workspace: Workspace, reading: Reading) -> list[dict[str, Any]]:
    """The filters beside the box; the period is left out where the text names one."""
    selects: list[dict[str, Any]] = [
        {"key": "status", "label": _("Any status"), "options": [(value, status_look(value).word) for value in STATES]},
        {"key": "stream", "label": _("All streams"), "options": stream_options(workspace)},
    ]
    if reading.names_period or reading.is_exact:
        return selects
    options = [(name, words) for name, (words, _span) in PERIODS.items() if name]
    return [*selects, {"key": "period", "label": PERIODS[""][0], "options": options}]


def _period_words(request: PageRequest, reading: Reading) -> str:
    if reading.names_period:
        return " · ".join(part.words for part in reading.of(Kind.PERIOD))
    return _("All that is kept") if reading.is_exact else str(PERIODS.get(_period(request), PERIODS[""])[0])


def _period(request: PageRequest) -> str:
    return request.GET.get("period", "")


def _straight(request: PageRequest, reading: Reading) -> str:
    """The page of the one row that an id names, where it is of this workspace."""
    workspace, part = request.actor.workspace, reading.single
    if part is not None and part.kind is Kind.MESSAGE:
        message = Message.objects.filter(workspace=workspace, pk=part.id).first()
        return reverse("message-detail", args=[message.public_id]) if message else ""
    if part is not None and part.kind is Kind.RECIPIENT:
        recipient = Recipient.objects.filter(workspace=workspace, pk=part.id).first()
        return reverse("message-detail", args=[recipient.public_id]) if recipient else ""
    return ""


def _wanted(request: PageRequest, reading: Reading) -> Wanted:
    state = request.GET.get("status", "")
    is_timed = reading.is_exact or reading.names_period
    return Wanted(
        reading=reading, state=state if state in STATES or state == "quarantined" else "",
        stream=request.GET.get("stream", ""), since=None if is_timed else period_since(_period(request)),
        below=search_box.below(request), is_upward="newer" in request.GET,
    )


def _rows(request: PageRequest, reading: Reading) -> dict[str, Any]:
    workspace, wanted = request.actor.workspace, _wanted(request, reading)
    if reading.finds_recipients:
        people = search.recipients(workspace, wanted)
        found = table_page(request, people.rows)
        return _table(request, found, people, wanted, "recipient", recipient_lines(found.rows))
    look = search.messages(workspace, wanted)
    table = table_page(request, look.rows)
    return _table(request, table, look, wanted, "message", message_lines(table.rows))


def _table(
    request: PageRequest, table: TablePage[Any], look: Look[Any], wanted: Wanted, noun: str, lines: list[Line]
) -> dict[str, Any]:
    return {
        "table": table, "lines": lines, "noun": noun,
        "total": search_box.counted(table.total, table.count, noun, look, wanted),
        **search_box.further_context(request, look, wanted, older_url=table.older_url),
    }


def message_lines(rows: Sequence[Message]) -> list[Line]:
    """Rows of messages with their first recipient and how all stand."""
    ids = [row.pk for row in rows]
    counts, firsts = queries.counts_apart(rows), queries.recipients_of(ids, limit_each=1)
    named = subjects.of_messages(rows, firsts)
    return [_of_message(row, counts[row.pk], firsts.get(row.pk, []), named[row.pk]) for row in rows]


def recipient_lines(rows: Sequence[Recipient]) -> list[Line]:
    """Rows of recipients, each with the subject of their copy."""
    named = subjects.of_recipients(rows)
    return [_of_recipient(row, named[row.pk]) for row in rows]


def _of_message(row: Message, counts: Mapping[str, int], firsts: Sequence[Recipient], subject: Subject) -> Line:
    first = firsts[0] if firsts else None
    total = sum(counts.values())
    alone = first if total == 1 else None
    return Line(
        id=row.public_id, url=reverse("message-detail", args=[row.public_id]), subject=str(subject),
        is_personal=subject.is_personal and total > 1, sender=row.from_address, status=queries.told_status(counts),
        to=first.address if first else "", more=max(0, total - 1), note="" if alone is not None else _told(counts),
        at=row.created_at, stream=row.stream.title,
        reply=alone.reply if alone is not None and alone.status != "delivered" else None,
    )


def _of_recipient(row: Recipient, subject: Subject) -> Line:
    return Line(
        id=row.public_id, url=reverse("message-detail", args=[row.public_id]), subject=str(subject),
        sender=row.message.from_address, status=queries.shown_status(row), to=row.address, more=0, note="",
        at=row.accepted_at, stream=row.stream.title, reply=row.reply if row.status != "delivered" else None,
    )


def _told(counts: Mapping[str, int]) -> str:
    """“1,203 delivered, 12 bounced”."""
    shown = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(
        f"{formats.number(count)} {spoken.within(status_look(status).word)}" for status, count in shown[:3] if count
    )
