"""The refused requests of the API page: what was sent, what was wrong with it, what to do."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from relayhub.core import refusals
from relayhub.core.access import get_or_absent
from relayhub.core.errors import InputError
from relayhub.core.ids import Prefix
from relayhub.core.models import Door, RefusedRequest, Scope
from relayhub.core.pages import PageRequest, page
from relayhub.core.paging import table_page
from relayhub.relay import refusal_words
from relayhub.relay.views import program

#: The statuses that programs meet, to choose from.
_STATUSES = ("400", "401", "403", "404", "405", "409", "413", "415", "422", "429")

#: Of the same mistake, on the page of one.
_SAME_SHOWN = 6


@require_GET
@never_cache
@page(Scope.KEYS_READ)
def refused(request: PageRequest) -> HttpResponse:
    """What was refused in the last seven days, newest first."""
    workspace, given = request.actor.workspace, request.GET
    caller, status, text = given.get("caller", ""), given.get("status", ""), given.get("q", "")
    try:
        found = refusals.refused_of(workspace, caller=caller, status=status, text=text)
    except InputError:  # an address that somebody wrote: all there is, rather than an error
        found = refusals.refused_of(workspace, caller=caller, text=text)
    table = table_page(request, found)
    # Of what was only counted nobody knows the status or the words.
    more = {} if status or text else refusals.more_beside(table.rows)
    return render(
        request, "relay/api/refused.html",
        {
            **program.shared(request, "refused"), "table": table,
            "lines": [_line(row, more.get(row.pk, 0)) for row in table.rows],
            "is_narrowed": bool(caller or status or text),
            "selects": [
                {"key": "caller", "label": gettext("Every key"), "options": refusals.callers_of(workspace)},
                {"key": "status", "label": gettext("Every status"), "options": _statuses()},
            ],
        },
    )


def _statuses() -> list[tuple[str, str]]:
    return [*((status, status) for status in _STATUSES), ("5xx", gettext("500 and above")), (Door.SMTP.value, "SMTP")]


def _line(row: RefusedRequest, more: int) -> dict[str, Any]:
    return {"row": row, "more": more, "reason": refusal_words.REASONS.get(row.reason, "")}


@require_GET
@never_cache
@page(Scope.KEYS_READ)
def refused_one(request: PageRequest, refusal_id: str) -> HttpResponse:
    """What was sent, what was wrong with it, and what to do."""
    row = get_or_absent(refusals.refused_of(request.actor.workspace), Prefix.REFUSAL, refusal_id)
    same = refusals.same_as(request.actor.workspace, row)
    return render(
        request, "relay/api/refused_one.html",
        {
            **_line(row, 0), "advice": refusal_words.advice_for(row), "help_page": refusal_words.HELP_PAGE,
            "same": same[:_SAME_SHOWN], "same_count": same.count(), "said": _said(row),
            "is_smtp": row.door == Door.SMTP, "is_ours": row.door == Door.HTTP and row.status >= 500,
            "request_line": f"{row.path}?{row.query}" if row.query else row.path,
        },
    )


def _said(row: RefusedRequest) -> str:
    """What was said of the whole; "" where it only repeats what is said of its first field."""
    first = row.errors[0] if row.errors else None
    is_repeated = first is not None and row.detail in (first["detail"], f"{first['pointer']}: {first['detail']}")
    return "" if is_repeated else row.detail
