"""One dry run or import: how far it is, what it came to or would come to, and every refused row with its reason."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Min
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext
from django.views.decorators.http import require_GET

from campaigns import exporter, import_undo, importer
from campaigns.column_answers import Answer
from campaigns.models import ContactImport, FieldDefinition, ImportReject, OptIn
from campaigns.retold import reason_told, source_told
from campaigns.views import import_answers
from campaigns.views.import_wizard import run_of, steps
from relayhub.core import formats, jobs, spoken
from relayhub.core.access import EXPORTS
from relayhub.core.languages import name_of
from relayhub.core.models import JobStatus, Scope
from relayhub.core.pages import PageRequest, is_partial, page
from relayhub.core.streaming import download
from relayhub.core.vocabulary import status_look

#: Rows at first, so that the whole answer is seen on one or two screens, and rows of a page once somebody looks closer.
_AT_FIRST = 6
_ON_A_PAGE = 25
#: Why rows are refused, grouped: title, and what to know.
REASONS = {
    "invalid_address": (gettext_lazy("Address is not valid"), ""),
    "duplicate": (
        gettext_lazy("Same address earlier in the file"),
        gettext_lazy("The first row counts; only a clear no to the list counts wherever it stands."),
    ),
    "no_address": (gettext_lazy("No e-mail address"), ""),
    "unreadable_row": (gettext_lazy("Row cannot be read"), ""),
    "too_many_cells": (gettext_lazy("More cells than columns"), ""),
    "invalid_value": (gettext_lazy("A value does not fit its field"), ""),
    "unknown_language": (
        gettext_lazy("Not a language"), gettext_lazy("Write tags such as de or pt-BR, or names such as German."),
    ),
}


@require_GET
@page(Scope.CONTACTS_READ)
def import_run(request: PageRequest, import_id: str) -> HttpResponse:
    """The run; htmx gets its progress alone."""
    run = run_of(request, import_id)
    if is_partial(request):
        answer = render(request, "campaigns/_import_progress.html", {"run": run})
        if run.job.is_finished:
            # The whole page says more than the bar once the work has ended.
            answer["HX-Refresh"] = "true"
        return answer
    jobs.mark_seen(run.job, request.user)
    return render(request, "campaigns/import_run.html", {"nav": "contact", "run": run, **_context(request, run)})


def _context(request: PageRequest, run: ContactImport) -> dict[str, Any]:
    usable = run.created + run.updated + run.unchanged
    is_done = run.job.status == JobStatus.DONE
    here = "dry_run" if run.is_dry_run else "import"
    columns = run.dialect["columns"]
    used = sum(1 for target in run.mapping.values() if target)
    return {
        "usable": usable, "is_done": is_done, "stats": _stats(run),
        **(_changes(request, run) if run.is_dry_run and is_done else {}),
        "reasons": _reasons(run) if run.job.is_finished else [], **_rejects(request, run),
        "steps": steps(
            here, file=run.file, query=f"?from={run.public_id}", may_change=request.actor.may(Scope.CONTACTS_WRITE),
            notes={
                "upload": run.file_name,
                "columns": _("%(used)s of %(count)s used") % {"used": used, "count": len(columns)},
                "dry_run": _("Nothing written yet") if run.is_dry_run else _("Done"),
                "import": status_look(run.job.status, of="job").word if not run.is_dry_run else _("Not started"),
            },
        ),
        "contacts_url": f"{reverse('contact-list')}?import={run.public_id}",
        "joins": _joins(run), "evidence": source_told(run.consent_source), "error": jobs.error_of(run.job),
        "left_off": import_answers.told(run), "unused": import_answers.unused_told(run),
        "columns_url": _columns_url(request, run),
        "undo": import_undo.state_of(run), "undo_days": import_undo.KEPT.days,
    }


def _columns_url(request: PageRequest, run: ContactImport) -> str:
    """The columns step with what was chosen, while its file is there; "" for those who may not change it."""
    if run.file is None or not request.actor.may(Scope.CONTACTS_WRITE):
        return ""
    return f"{reverse('import-columns', args=[run.file.pk])}?from={run.public_id}"


def _joins(run: ContactImport) -> str:
    """What the import does with the list, in a sentence."""
    mailing_list, asks = run.mailing_list, importer.asks_rows(run)
    if mailing_list is None:
        return _("Contacts are added or changed; nobody is put on a list, so campaigns do not reach the new ones yet.")
    if mailing_list.opt_in == OptIn.DOUBLE:
        return (_(
            "New people who agreed are unconfirmed on “%(list)s” and get nothing by themselves: “ask unconfirmed to "
            "confirm” on the list is a step of its own. Nobody else is put on it."
        ) if asks else _(
            "New people are unconfirmed on “%(list)s” and get nothing by themselves: “ask unconfirmed to confirm” on "
            "the list is a step of its own."
        )) % {"list": mailing_list.name}
    words = _(
        "People who agreed and are without any state on “%(list)s” are put on it; who left it stays away."
    ) if asks else _("People without any state on “%(list)s” are put on it; who left it stays away.")
    return words % {"list": mailing_list.name}


def _stats(run: ContactImport) -> list[dict[str, Any]]:
    of_rows = ngettext("of %(count)s row", "of %(count)s rows", run.rows) % {"count": formats.number(run.rows)}
    share = _("%(share)s, each with its reason") % {"share": formats.share(run.rejected, run.rows)}
    return [
        _stat(_("New"), run.created, of_rows), _stat(_("Changed"), run.updated, _("empty cells change nothing")),
        _stat(_("Unchanged"), run.unchanged, _("all is there already")),
        {**_stat(_("Rejected"), run.rejected, share), "unit": ngettext("row", "rows", run.rejected),
         "url": "#rejected"},
        *([_stat(
            _("Still not written to"), int(run.job.state.get("not_written_to", 0)),
            _("left or suppressed; a file cannot change that"),
        )] if run.is_dry_run else []),
        *([{
            **_stat(_("Not put on the list"), importer.not_joined_count(run), _("by what the file says")),
            "url": "#left-off",
        }] if importer.asks_rows(run) and not run.is_dry_run else []),
    ]


def _stat(label: str, count: int, note: str) -> dict[str, Any]:
    unit = ngettext("contact", "contacts", count)
    return {"label": label, "value": formats.number(count), "unit": unit, "note": note}


def _changes(request: PageRequest, run: ContactImport) -> dict[str, Any]:
    """A few of each kind, or one kind page by page."""
    rows = FieldDefinition.objects.filter(workspace=request.actor.workspace)
    labels = {row.key: row.label or row.key for row in rows}
    kind, start = request.GET.get("show", ""), _number(request.GET.get("from", ""))
    if kind:
        of_kind = [sample for sample in run.samples if sample["kind"] == kind]
        start = start if start < len(of_kind) else 0
        shown, end = of_kind[start : start + _ON_A_PAGE], start + _ON_A_PAGE
        return {"changes": _told(run, shown, labels), "changes_from": start,
                "next_changes": end if end < len(of_kind) else None}
    # What stays as it is is shown only to whoever asks for it.
    shown = [
        sample for of_kind in ("new", "changed")
        for sample in [each for each in run.samples if each["kind"] == of_kind][:_AT_FIRST]
    ]
    return {"changes": _told(run, sorted(shown, key=lambda sample: int(sample["row"])), labels)}


def _number(text: str) -> int:
    return int(text[:18]) if text.isascii() and text.isdigit() else 0


def _told(run: ContactImport, samples: list[dict[str, Any]], labels: dict[str, str]) -> list[dict[str, Any]]:
    found = []
    for sample in samples:
        is_new = sample["before"] is None
        found.append({
            "row": sample["row"], "email": sample["email"], "is_new": is_new,
            "parts": _parts(sample["before"], sample["after"], labels),
            **_subscription(run, sample.get("subscription"), sample.get("answer", Answer.YES)),
        })
    return found


def _parts(before: dict[str, Any] | None, after: dict[str, Any], labels: dict[str, str]) -> list[dict[str, str]]:
    """What differs, field by field."""
    old = before or {"name": "", "language": "", "fields": {}}
    parts = []
    if after["name"] and after["name"] != old["name"]:
        parts.append({"label": pgettext("of a person", "Name"), "old": old["name"], "new": after["name"]})
    if after.get("language") and after["language"] != old.get("language"):
        parts.append({"label": _("Language"), "old": name_of(old.get("language", "")),
                      "new": name_of(after["language"])})
    for key, value in after["fields"].items():
        if old["fields"].get(key) != value:
            parts.append({"label": labels.get(key, key), "old": _text(old["fields"].get(key)), "new": _text(value)})
    return parts


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return "" if value is None else str(value)[:200]


def _subscription(run: ContactImport, status: str | None, answer: str) -> dict[str, Any]:
    if run.mailing_list is None:
        return {"joins": "", "stays": ""}
    if status is not None:
        is_against = answer == Answer.NO and status != "unsubscribed"
        words = _("%(status)s, stays; the file says no") if is_against else _("%(status)s, stays")
        stays = words % {"status": status_look(status).word}
        return {"joins": "", "stays": stays, "is_away": is_against or status == "unsubscribed"}
    if answer != Answer.YES:
        return {"joins": "", "stays": import_answers.stays_off(answer), "is_away": True}
    joins = "unconfirmed" if run.mailing_list.opt_in == OptIn.DOUBLE else "confirmed"
    return {"joins": spoken.within(status_look(joins).word), "stays": ""}


def _reasons(run: ContactImport) -> list[dict[str, Any]]:
    rows = ImportReject.objects.filter(contact_import=run).values("code").annotate(count=Count("pk"), first=Min("row"))
    found = []
    for row in rows.order_by("-count"):
        title, note = REASONS.get(row["code"], (row["code"].replace("_", " ").capitalize(), ""))
        example = ImportReject.objects.filter(contact_import=run, row=row["first"]).first()
        found.append({"code": row["code"], "count": row["count"], "title": title, "note": note, "example": example})
    return found


def _rejects(request: PageRequest, run: ContactImport) -> dict[str, Any]:
    rows = ImportReject.objects.filter(contact_import=run)
    code, after = request.GET.get("code", ""), request.GET.get("after", "")
    if code:
        rows = rows.filter(code=code)
    if after.isascii() and after.isdigit():
        rows = rows.filter(row__gt=_number(after))
    size = _ON_A_PAGE if code or after else _AT_FIRST
    found = list(rows.order_by("row", "pk")[: size + 1])
    shown = found[:size]
    for reject in shown:
        reject.reason = reason_told(reject.reason)
    return {
        "rejects": shown, "code": code, "after": after,
        "next_row": shown[-1].row if len(found) > size else None,
        "code_title": REASONS.get(code, (code, ""))[0],
    }


@require_GET
@page(EXPORTS)
def import_rejects(request: PageRequest, import_id: str) -> StreamingHttpResponse:
    """The refused rows as CSV: row, address, reason, and the cells as they stood."""
    run = run_of(request, import_id)
    return download(request, exporter.reject_lines(run.rejects.all()), name=f"{run.public_id}-rejected.csv")


@require_GET
@page(EXPORTS)
def import_left_off(request: PageRequest, import_id: str) -> StreamingHttpResponse:
    """Who is not put on the list by the file's own word, as CSV; `?reason=` takes one reason alone."""
    run = run_of(request, import_id)
    rows = importer.left_off(run, request.GET.get("reason", ""))
    return download(request, exporter.left_off_lines(rows), name=f"{run.public_id}-not-on-the-list.csv")
