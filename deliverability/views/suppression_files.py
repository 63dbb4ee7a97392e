"""Importing suppressions from a file: choose it, watch the work, fetch what was refused."""

from __future__ import annotations

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from deliverability import suppression_import
from deliverability.forms import FileForm
from relayhub.core import jobs
from relayhub.core.access import get_or_absent
from relayhub.core.errors import InputError, RelayHubError
from relayhub.core.ids import Prefix
from relayhub.core.models import Job, Scope
from relayhub.core.pages import PageRequest, is_partial, page
from relayhub.core.streaming import download

_CHUNK_BYTES = 1024 * 1024


def _job(request: PageRequest, job_id: str) -> Job:
    return get_or_absent(suppression_import.imports_of(request.actor.workspace), Prefix.JOB, job_id)


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.SUPPRESSIONS_WRITE)
def import_file(request: PageRequest) -> HttpResponse:
    """Take a file of addresses."""
    form = FileForm(request.POST or None, request.FILES or None, workspace_id=request.actor.workspace.pk)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect("suppression-import-run", _start(request, form).public_id)
        except RelayHubError as exc:
            field = exc.field if isinstance(exc, InputError) and exc.field in form.fields else "file"
            form.add_error(field, exc.message)
    recent = suppression_import.imports_of(request.actor.workspace)[:5]
    return render(
        request, "deliverability/suppression_import.html", {"form": form, "recent": recent},
        status=422 if form.is_bound else 200,
    )


def _start(request: PageRequest, form: FileForm) -> Job:
    file = form.cleaned_data["file"]
    assert isinstance(file, UploadedFile)
    chosen = suppression_import.ImportOf(
        file_name=file.name or "addresses.csv", reason=form.cleaned_data["reason"], **form.reach()
    )
    return suppression_import.start_import(request.actor, chosen, file.chunks(_CHUNK_BYTES))


@require_GET
@page(Scope.SUPPRESSIONS_READ)
def import_run(request: PageRequest, job_id: str) -> HttpResponse:
    """One import; htmx gets its progress alone."""
    job = _job(request, job_id)
    counts = job.result or job.state
    context = {"job": job, "counts": {key: int(counts.get(key, 0)) for key in ("added", "already", "rejected")}}
    if not is_partial(request):
        jobs.mark_seen(job, request.user)
        return render(request, "deliverability/suppression_import_run.html", context)
    answer = render(request, "deliverability/_suppression_import_progress.html", context)
    if job.is_finished:
        answer["HX-Refresh"] = "true"  # the whole page says more than the bar once the work has ended
    return answer


@require_POST
@page(Scope.SUPPRESSIONS_WRITE)
def import_cancel(request: PageRequest, job_id: str) -> HttpResponse:
    """Ask the worker to stop; what was added stays."""
    job = _job(request, job_id)
    jobs.cancel(request.actor, job)
    messages.info(request, _("It stops after the part that is being worked on. What was added stays."))
    return redirect("suppression-import-run", job.public_id)


@require_GET
@page(Scope.SUPPRESSIONS_READ)
def import_rejects(request: PageRequest, job_id: str) -> StreamingHttpResponse:
    """What was refused and why, as CSV."""
    job = _job(request, job_id)
    return download(request, suppression_import.reject_lines(request.actor, job), name=f"{job.public_id}-refused.csv")
