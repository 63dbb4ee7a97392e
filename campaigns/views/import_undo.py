"""Undo an import: count what that would do, see it, do it, find it again."""

from __future__ import annotations

from itertools import islice
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns import exporter, import_undo
from campaigns.models import ContactImport, KeptReason
from campaigns.views.import_wizard import run_of
from relayhub.core import formats, jobs
from relayhub.core.access import EXPORTS
from relayhub.core.models import Job, JobStatus, Scope
from relayhub.core.pages import PageRequest, is_partial, page
from relayhub.core.streaming import download

_KEPT_SHOWN = 50
_REASON_NOTES = {
    KeptReason.WRITTEN_TO: gettext_lazy("Their messages stay with them; the import takes them off the list only."),
    KeptReason.ANSWERED: gettext_lazy("What they said about the list counts, whoever put them there."),
    KeptReason.OTHER_LIST: gettext_lazy("They joined another list, or somebody put them on one."),
    KeptReason.CHANGED: gettext_lazy("Somebody, a form or a later import wrote into them."),
}


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.CONTACTS_READ, write=Scope.CONTACTS_WRITE)
def import_undo_page(request: PageRequest, import_id: str) -> HttpResponse:
    """What an undo would do or did; POST does it. htmx gets the progress alone."""
    run = run_of(request, import_id)
    if request.method == "POST":
        import_undo.start_undo(request.actor, run)
        return redirect("contact-import-undo", run.public_id)
    state = import_undo.state_of(run)
    going = next((job for job in (state.undo, state.count) if job is not None and not job.is_finished), None)
    if is_partial(request):
        answer = render(request, "campaigns/_import_undo_progress.html", {"run": run, "job": going or _latest(state)})
        if going is None:
            answer["HX-Refresh"] = "true"
        return answer
    for job in (state.undo, state.count):
        if job is not None:
            jobs.mark_seen(job, request.user)
    return render(request, "campaigns/import_undo.html", _context(run, state, going))


def _latest(state: import_undo.UndoState) -> Job | None:
    return state.undo or state.count


def _context(run: ContactImport, state: import_undo.UndoState, going: Job | None) -> dict[str, Any]:
    shown = _shown(state)
    counts = import_undo.counts_of(shown) if shown else None
    return {
        "nav": "contact", "run": run, "state": state, "job": going, "counts": counts, "is_undo": shown is state.undo,
        "stats": _stats(run, counts) if counts and not going else [],
        "reasons": _reasons(counts) if counts else [],
        "sentence": import_undo.sentence_of(counts) if counts else "",
        "kept": list(islice(import_undo.kept_of(run), _KEPT_SHOWN)) if counts and not going else [],
        "kept_count": sum(counts[key] for key in ("kept", "values_kept", "places_kept")) if counts else 0,
        "days": import_undo.KEPT.days, "undo_error": jobs.error_of(state.undo) if state.undo else "",
        "count_error": jobs.error_of(state.count) if state.count else "",
        "anything": bool(counts and (counts["removed"] or counts["restored"] or counts["taken_off"])),
    }


def _shown(state: import_undo.UndoState) -> Job | None:
    """What the figures are of: the undo once there is one, else the finished count."""
    if state.undo is not None and (state.undo.is_finished or state.is_running):
        is_older = state.count is not None and state.count.pk > state.undo.pk
        if state.is_done or state.is_running or not is_older:
            return state.undo
    return state.count if state.count is not None and state.count.status == JobStatus.DONE else None


def _stats(run: ContactImport, counts: dict[str, int]) -> list[dict[str, Any]]:
    def stat(label: str, key: str, note: str) -> dict[str, Any]:
        unit = ngettext("contact", "contacts", counts[key])
        return {"label": label, "value": formats.number(counts[key]), "unit": unit, "note": note}

    made, changed, joined = (formats.number(count) for count in (run.created, run.updated, run.joined))
    found = [
        stat(_("Removed"), "removed", _("of %(count)s it made") % {"count": made}),
        stat(_("Restored"), "restored", _("of %(count)s it changed") % {"count": changed}),
    ]
    if run.joined:
        found.append(stat(_("Taken off the list"), "taken_off", _("of %(count)s it put there") % {"count": joined}))
    found.append({**stat(_("Kept"), "kept", _("did something since")), "url": "#kept" if counts["kept"] else ""})
    return found


def _reasons(counts: dict[str, int]) -> list[dict[str, Any]]:
    """Why things stay, with how many; only what there is."""
    found = [
        {"title": KeptReason(reason).label, "count": counts[reason], "note": note}
        for reason, note in _REASON_NOTES.items() if counts[reason]
    ]
    if counts["values_kept"]:
        found.append({"title": KeptReason.VALUE_CHANGED.label, "count": counts["values_kept"],
                      "note": _("The newer values stay; what is still the import's goes back.")})
    known = counts["places_kept"] - counts[KeptReason.ANSWERED]
    if known > 0:
        found.append({"title": _("Stay as they are on the list"), "count": known,
                      "note": _("Contacts from before the import that confirmed or left by themselves.")})
    return found


@require_POST
@page(Scope.CONTACTS_WRITE)
def import_undo_count(request: PageRequest, import_id: str) -> HttpResponse:
    """Count what an undo would do; nothing is changed."""
    run = run_of(request, import_id)
    import_undo.start_count(request.actor, run)
    return redirect("contact-import-undo", run.public_id)


@require_GET
@page(EXPORTS)
def import_kept(request: PageRequest, import_id: str) -> StreamingHttpResponse:
    """Everything that the count or the undo keeps, as CSV: address and why."""
    run = run_of(request, import_id)
    return download(request, exporter.kept_lines(import_undo.kept_of(run)), name=f"{run.public_id}-kept.csv")
