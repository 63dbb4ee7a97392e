"""Long work: found again after the browser was closed, watched, stopped."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import QuerySet
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from campaigns import exporter
from campaigns.models import ContactImport
from deliverability import suppression_import
from relayhub.core import files, jobs
from relayhub.core.access import EXPORTS, get_or_absent
from relayhub.core.errors import ForbiddenError
from relayhub.core.ids import Prefix
from relayhub.core.models import Job, JobStatus, Scope
from relayhub.core.pages import PageRequest, is_partial, page
from relayhub.core.paging import table_page
from relayhub.site.needs import address


def _jobs(request: PageRequest) -> QuerySet[Job]:
    return Job.objects.filter(workspace=request.actor.workspace).select_related("created_by")


def _job(request: PageRequest, job_id: str) -> Job:
    return get_or_absent(_jobs(request), Prefix.JOB, job_id)


@require_GET
@page(Scope.WORKSPACE_READ)
def job_list(request: PageRequest) -> HttpResponse:
    """Everything long, newest first."""
    return render(request, "site/jobs.html", {"table": table_page(request, _jobs(request))})


@require_GET
@page(Scope.WORKSPACE_READ)
def job_detail(request: PageRequest, job_id: str) -> HttpResponse:
    """One job; htmx gets its progress alone."""
    job = _job(request, job_id)
    done_url = _result_url(job)
    context = {"job": job, "done_url": done_url, "file_url": _file_url(request, job)}
    if is_partial(request):
        answer = render(request, "site/_job_progress.html", context)
        if job.is_finished:
            # The whole page says more than the bar once the work has ended.
            answer["HX-Refresh"] = "true"
        return answer
    return render(request, "site/job.html", context)


@require_POST
@page(Scope.CONTACTS_WRITE)
def job_cancel(request: PageRequest, job_id: str) -> HttpResponse:
    """Ask the worker to stop."""
    job = _job(request, job_id)
    jobs.request_cancel(job)
    messages.info(request, "It stops after the part that is being worked on.")
    return redirect("job-detail", job.public_id)


@require_GET
@page(EXPORTS)
def job_file(request: PageRequest, job_id: str) -> HttpResponseBase:
    """The finished file of an export."""
    job = _job(request, job_id)
    if job.kind != exporter.JOB_KIND:
        raise ForbiddenError("This job made no file.")
    file = exporter.exported_file(job)
    return FileResponse(
        files.open_file(file), as_attachment=True, filename=file.name, content_type=file.content_type
    )


def _result_url(job: Job) -> str:
    if job.status not in {JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED}:
        return ""
    if job.kind == suppression_import.JOB_KIND:
        return address("suppression-import-run", job.public_id)
    run = ContactImport.objects.filter(job=job).first()
    return address("contact-import-run", run.public_id) if run else ""


def _file_url(request: PageRequest, job: Job) -> str:
    is_there = job.kind == exporter.JOB_KIND and job.status == JobStatus.DONE and request.actor.may(EXPORTS)
    return address("job-file", job.public_id) if is_there else ""
