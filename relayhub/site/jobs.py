"""Long work: found again after the browser was closed, watched, stopped; its end is told on any open page."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_GET, require_POST

from campaigns import bulk_undo, exporter
from relayhub.core import files, formats, jobs
from relayhub.core.access import EXPORTS, get_or_absent
from relayhub.core.errors import ForbiddenError
from relayhub.core.ids import Prefix
from relayhub.core.live_feed import Feed
from relayhub.core.live_response import live_response
from relayhub.core.models import Job, JobStatus, Scope
from relayhub.core.pages import PageRequest, is_partial, page
from relayhub.core.paging import table_page
from relayhub.core.streaming import download
from relayhub.site import job_notices
from relayhub.site.needs import address

_RUNNING_SHOWN = 10


def _job(request: PageRequest, job_id: str) -> Job:
    return get_or_absent(jobs.jobs_of(request.actor.workspace), Prefix.JOB, job_id)


@require_GET
@page(Scope.WORKSPACE_READ)
def job_list(request: PageRequest) -> HttpResponse:
    """What runs now with its progress, then everything long, newest first."""
    workspace = request.actor.workspace
    kind, status = request.GET.get("kind", "").replace("\0", ""), request.GET.get("status", "")
    unfinished = jobs.jobs_of(workspace, status="unfinished")
    table = table_page(request, jobs.jobs_of(workspace, kind=kind, status=status if status in _STATUSES else ""))
    rows = [
        {"job": row, "about": jobs.kind_of(row), "is_news": job_notices.is_news(row, request.user),
         "amount": formats.progress(row.done, None if row.total == row.done else row.total, row.unit)}
        for row in table.rows
    ]
    return render(request, "site/jobs.html", {
        "table": table, "rows": rows, "running": unfinished[:_RUNNING_SHOWN],
        "unfinished": unfinished.count(),
        "news": job_notices.news_of(workspace, request.user).count(), "is_filtered": bool(kind or status),
        "selects": [
            {"key": "kind", "label": _("Every kind"), "options": list(jobs.kind_labels().items())},
            {"key": "status", "label": _("Every status"), "options": list(_STATUSES.items())},
        ],
    })


_STATUSES = {
    "unfinished": gettext_lazy("Not finished"), "done": pgettext_lazy("status of a job", "Done"),
    "failed": pgettext_lazy("status of a job", "Failed"), "cancelled": pgettext_lazy("status of a job", "Cancelled"),
}
#: What a job's result counts, by its key.
_FACTS = {
    "rows": gettext_lazy("Rows"), "created": gettext_lazy("Created"), "updated": gettext_lazy("Updated"),
    "unchanged": gettext_lazy("Unchanged"), "rejected": gettext_lazy("Rejected"), "asked": gettext_lazy("Asked"),
    "refused": gettext_lazy("Refused"), "added": gettext_lazy("Added"), "already": gettext_lazy("Already there"),
    "restored": gettext_lazy("Restored"), "removed": gettext_lazy("Removed"), "kept": gettext_lazy("Kept as they are"),
    "taken_off": gettext_lazy("Taken off the list"), "places_kept": gettext_lazy("Kept on the list"),
    "changed": gettext_lazy("Changed"), "left_alone": gettext_lazy("Left alone"),
    "joined": gettext_lazy("Put on the list"), "not_joined": gettext_lazy("Not put on the list"),
    "contacts": gettext_lazy("Contacts"), "recipients": gettext_lazy("Recipients"),
}


@require_GET
@page(Scope.WORKSPACE_READ)
def job_detail(request: PageRequest, job_id: str) -> HttpResponse:
    """One job; htmx gets its progress alone."""
    job = _job(request, job_id)
    context = {"job": job, "way_on": job_notices.way_on(job), "file_url": _file_url(request, job),
               "is_alone": bool(request.GET.get("alone"))}
    if is_partial(request):
        answer = render(request, "site/_job_progress.html", context)
        if job.is_finished:
            # The whole page says more than the bar once the work has ended.
            answer["HX-Refresh"] = "true"
        return answer
    jobs.mark_seen(job, request.user)
    return render(
        request, "site/job.html",
        context | {"about": jobs.kind_of(job), "facts": _facts(job), "act": bulk_undo.told_of(job, request.actor)},
    )


def _facts(job: Job) -> list[tuple[str, str]]:
    """What the work came to, in numbers; ids and structures are for programs."""
    found = [
        (str(_FACTS.get(key, key.replace("_", " ").capitalize())), formats.number(value))
        for key, value in job.result.items() if isinstance(value, int) and not isinstance(value, bool)
    ]
    if job.started_at and job.finished_at:
        found.append((_("Took"), formats.duration((job.finished_at - job.started_at).total_seconds())))
    return found


@require_GET
@page()
def jobs_live(request: PageRequest) -> HttpResponseBase:
    """How many run, and what has just ended of what this person started; for the frame of every page."""
    workspace, user = request.actor.workspace, request.user
    feed = Feed(
        key=f"jobs:{workspace.pk}:{user.pk}", workspace_id=workspace.pk, every_seconds=1.0, floor_seconds=10.0,
        render=lambda: job_notices.payload(workspace, user),
    )
    return live_response(request, feed)


@require_POST
@page(Scope.WORKSPACE_READ)
def jobs_seen(request: PageRequest) -> HttpResponse:
    """Take the mark of every finished job of this person away."""
    job_notices.see_all(request.actor.workspace, request.user)
    return redirect("job-list")


@require_POST
@page(Scope.WORKSPACE_READ)
def job_cancel(request: PageRequest, job_id: str) -> HttpResponse:
    """Ask the worker to stop; `jobs.cancel` knows who may."""
    job = _job(request, job_id)
    jobs.cancel(request.actor, job)
    messages.info(request, _("It stops after the part that is being worked on."))
    return redirect("job-detail", job.public_id)


@require_POST
@page(Scope.WORKSPACE_READ)
def job_mail(request: PageRequest, job_id: str) -> HttpResponse:
    """Be told of its end by mail, or not."""
    job, wanted = _job(request, job_id), bool(request.POST.get("wanted"))
    jobs.mail_when_done(request.actor, job, wanted=wanted)
    words = _("You get a mail at %(address)s when it ends.") % {"address": request.user.email}
    messages.success(request, words if wanted else _("No mail then."))
    return redirect(job_notices.address_of(job))


@require_GET
@page(EXPORTS)
def job_file(request: PageRequest, job_id: str) -> HttpResponseBase:
    """The finished file of an export."""
    job = _job(request, job_id)
    if job.kind not in exporter.FILE_KINDS:
        raise ForbiddenError(_("This job made no file."))
    file = exporter.exported_file(job)
    return download(
        request, files.iterate_file(file), name=file.name, content_type=file.content_type, size_bytes=file.size_bytes
    )


def _file_url(request: PageRequest, job: Job) -> str:
    is_there = job.kind in exporter.FILE_KINDS and job.status == JobStatus.DONE and request.actor.may(EXPORTS)
    return address("job-file", job.public_id) if is_there else ""
