"""Settings: the audit log. Who changed what, when, from where; and whether the log itself is whole."""

from __future__ import annotations

from datetime import timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from relayhub.core import audit, audit_check
from relayhub.core.access import AUDIT_READ
from relayhub.core.clock import now
from relayhub.core.models import AuditEntry
from relayhub.core.pages import PageRequest, page
from relayhub.core.paging import table_page
from relayhub.site import audit_words
from relayhub.site.search import page_of_id

_PERIODS = {"day": (_("Last 24 hours"), 1), "week": (_("Last 7 days"), 7), "month": (_("Last 30 days"), 30)}


@require_GET
@page(AUDIT_READ)
def settings_audit(request: PageRequest) -> HttpResponse:
    """The log, newest first."""
    workspace, zone = request.actor.workspace, ZoneInfo(request.user.timezone)
    period = _PERIODS.get(request.GET.get("period", ""))
    found = audit.entries(
        workspace, text=request.GET.get("q", ""), kind=request.GET.get("kind", ""),
        since=now() - timedelta(days=period[1]) if period else None,
    )
    table = table_page(request, found)
    check = audit_check.last_of(workspace)
    return render(
        request, "site/settings/audit.html",
        {
            "here": "audit", "table": table, "lines": [_line(row, zone) for row in table.rows],
            "has_any": table.count > 0 or audit.entries(workspace).exists(),
            "selects": [
                {"key": "kind", "label": gettext("Everything"),
                 "options": [(kind, audit_words.words(kind)) for kind in audit.kinds(workspace)]},
                {"key": "period", "label": gettext("All that is kept"),
                 "options": [(name, words) for name, (words, _days) in _PERIODS.items()]},
            ],
            "check": check, "broken": audit_check.broken_in(check) if check else None,
        },
    )


@require_POST
@page(AUDIT_READ)
def audit_check_start(request: PageRequest) -> HttpResponse:
    """Check that the log is whole; the page of the job shows how far it is."""
    return redirect("job-detail", audit_check.start(request.actor).public_id)


def _line(row: AuditEntry, zone: tzinfo) -> dict[str, Any]:
    changes = [
        {"field": audit_words.words(field), "before": audit_words.value(field, row.before.get(field), zone),
         "after": audit_words.value(field, row.after.get(field), zone), "was": field in row.before}
        for field in {**row.before, **row.after}
        if field in row.before or not audit_words.is_empty(row.after[field])
    ]
    is_gone = row.action.endswith((".deleted", ".removed"))
    return {"row": row, "action": audit_words.words(row.action), "changes": changes,
            "url": "" if is_gone else page_of_id(row.object_id)}
