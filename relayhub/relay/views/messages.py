"""The message list: one box that understands ids, addresses, domains, states and subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from relayhub.core import formats
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, page
from relayhub.core.paging import TablePage, table_page
from relayhub.core.vocabulary import status_look
from relayhub.relay import queries, search, subjects
from relayhub.relay.models import Message, Recipient
from relayhub.relay.search import Kind, Meaning
from relayhub.relay.subjects import Subject
from relayhub.relay.views.common import PERIODS, period_since, stream_options

#: How a search was understood, shown above the rows.
_TOLD = {
    Kind.ADDRESS: "Mail to {}", Kind.BEGINNING: "Mail to addresses that begin with {}",
    Kind.DOMAIN: "Mail to addresses at {}", Kind.HEADER: "The message with the Message-ID {}",
    Kind.STATE: "Messages with a recipient that is {}", Kind.TAG: "Messages tagged {}",
    Kind.SUBJECT: "Messages with “{}” in the subject",
    Kind.WORD: "Messages with “{0}” in the subject, or to addresses that begin with {0}",
}


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
    meaning = search.understand(request.GET.get("q", ""))
    straight = _straight(request, meaning)
    if straight:
        return redirect(straight)
    context = _rows(request, meaning)
    workspace = request.actor.workspace
    context |= {
        "selects": [
            {"key": "status", "label": "Any status",
             "options": [(value, status_look(value).word) for value in search.STATES]},
            {"key": "stream", "label": "All streams", "options": stream_options(workspace)},
            {"key": "period", "label": PERIODS[""][0],
             "options": [(name, words) for name, (words, _) in PERIODS.items() if name]},
        ],
        "told": _TOLD.get(meaning.kind, "").format(meaning.value), "meaning": meaning,
        "period": "All that is kept" if meaning.is_exact else PERIODS.get(_period(request), PERIODS[""])[0],
        "has_any": bool(context["lines"]) or Message.objects.filter(workspace=workspace).exists(),
    }
    return render(request, "relay/message_list.html", context)


def _period(request: PageRequest) -> str:
    return request.GET.get("period", "")


def _straight(request: PageRequest, meaning: Meaning) -> str:
    """The page of the one row that an id names, where it is of this workspace."""
    workspace = request.actor.workspace
    if meaning.kind is Kind.MESSAGE:
        message = Message.objects.filter(workspace=workspace, pk=meaning.id).first()
        return reverse("message-detail", args=[message.public_id]) if message else ""
    if meaning.kind is Kind.RECIPIENT:
        recipient = Recipient.objects.filter(workspace=workspace, pk=meaning.id).first()
        return reverse("message-detail", args=[recipient.public_id]) if recipient else ""
    return ""


def _rows(request: PageRequest, meaning: Meaning) -> dict[str, Any]:
    workspace = request.actor.workspace
    state, stream = request.GET.get("status", ""), request.GET.get("stream", "")
    if state and state not in search.STATES and state != "quarantined":
        state = ""
    since = None if meaning.is_exact else period_since(_period(request))
    if meaning.kind is Kind.ADDRESS:
        # `left@right` may be a Message-ID whose angle brackets were left out.
        header = Meaning(kind=Kind.HEADER, value=f"<{request.GET.get('q', '').strip()}>")
        if search.messages(workspace, header).exists():
            meaning = header
    if meaning.finds_recipients:
        people = table_page(request, search.recipients(workspace, meaning, state=state, stream=stream, since=since))
        noun = "recipient" if people.count == 1 else "recipients"
        return {"table": people, "lines": recipient_lines(people.rows), "noun": noun}
    found = search.messages(workspace, meaning, state=state, stream=stream, since=since)
    table: TablePage[Message] = table_page(request, found)
    noun = "message" if table.count == 1 else "messages"
    return {"table": table, "lines": message_lines(table.rows), "noun": noun}


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
        at=row.created_at, stream=row.stream.name,
        reply=alone.reply if alone is not None and alone.status != "delivered" else None,
    )


def _of_recipient(row: Recipient, subject: Subject) -> Line:
    return Line(
        id=row.public_id, url=reverse("message-detail", args=[row.public_id]), subject=str(subject),
        sender=row.message.from_address, status=queries.shown_status(row), to=row.address, more=0, note="",
        at=row.accepted_at, stream=row.stream.name, reply=row.reply if row.status != "delivered" else None,
    )


def _told(counts: Mapping[str, int]) -> str:
    """“1,203 delivered, 12 bounced”."""
    shown = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(
        f"{formats.number(count)} {status_look(status).word.lower()}" for status, count in shown[:3] if count
    )
