"""Where each job's own page is, and what the frame of every page says of jobs: running ones, ends not seen yet."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from campaigns import broadcast, import_undo, importer
from deliverability import suppression_import
from relayhub.core import formats, jobs
from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.models import Job, JobStatus, User, Workspace
from relayhub.site.needs import address

#: An end that is older than this when a page opens is no news for a toast; the mark beside Jobs stays.
_TOLD_WITHIN = timedelta(seconds=60)
_WORDS = {JobStatus.DONE: "done", JobStatus.FAILED: "failed", JobStatus.CANCELLED: "stopped"}
_TONES = {JobStatus.DONE: "ok", JobStatus.FAILED: "bad", JobStatus.CANCELLED: "info"}


def address_of(job: Job) -> str:
    """The page that says most about the job: that of its kind, else the job's own."""
    return _own_page(job) or address("job-detail", job.public_id)


def result_address(job: Job) -> str:
    """Where the result of a finished job is shown; "" where the job's own page says all."""
    if job.kind == broadcast.JOB_KIND:
        return address("campaign-detail", str(job.state.get("campaign", "")))
    return _own_page(job) if job.is_finished else ""


def _own_page(job: Job) -> str:
    if job.kind == suppression_import.JOB_KIND:
        return address("suppression-import-run", job.public_id)
    if job.kind == importer.JOB_KIND:
        return address("contact-import-run", encode_id(Prefix.IMPORT, job.pk))
    if job.kind in (import_undo.JOB_KIND, import_undo.COUNT_KIND) and job.state.get("import"):
        return address("contact-import-undo", encode_id(Prefix.IMPORT, UUID(job.state["import"])))
    return ""


def news_of(workspace: Workspace, user: User) -> QuerySet[Job]:
    """Finished jobs that the person started and has not looked at since."""
    return Job.objects.filter(workspace=workspace, created_by=user, seen_at=None, finished_at__isnull=False)


def is_news(job: Job, user: User) -> bool:
    """Whether this one is."""
    return job.is_finished and job.seen_at is None and job.created_by_id == user.pk


def see_all(workspace: Workspace, user: User) -> int:
    """Take every mark away; returns how many there were."""
    return news_of(workspace, user).update(seen_at=now())


def state(workspace: Workspace, user: User) -> dict[str, Any]:
    """`running`, `news` and `note` (the words beside Jobs), and whether a page should listen; one query."""
    unfinished = Q(status__in=jobs.UNFINISHED)
    unseen = Q(created_by=user, seen_at=None, finished_at__isnull=False)
    found = Job.objects.filter(unfinished | unseen, workspace=workspace).aggregate(
        running=Count("pk", filter=unfinished), news=Count("pk", filter=unseen),
        just=Count("pk", filter=unseen & Q(finished_at__gte=now() - _TOLD_WITHIN)),
    )
    return {"running": found["running"], "news": found["news"], "listens": bool(found["running"] or found["just"]),
            "note": _note(found["running"], found["news"])}


def _note(running: int, news: int) -> str:
    if running:
        return f"{formats.number(running)} running"
    return f"{formats.number(news)} new" if news else ""


def payload(workspace: Workspace, user: User) -> dict[str, Any]:
    """What live.js takes: the words beside Jobs, and a notice for each job that has just ended."""
    found = state(workspace, user)
    ended = news_of(workspace, user).filter(finished_at__gte=now() - _TOLD_WITHIN).order_by("finished_at")
    return {
        "values": {"jobs": found["note"]}, "notices": [_notice(job) for job in ended[:5]],
        "end": not found["running"],
    }


def _notice(job: Job) -> dict[str, str]:
    of = f" of {formats.number(job.total)}" if job.total is not None else ""
    return {
        "id": job.public_id, "kind": _TONES[JobStatus(job.status)],
        "text": f"{job.title}: {_WORDS[JobStatus(job.status)]}", "url": address_of(job), "label": "See it",
        "detail": job.error or f"{formats.number(job.done)}{of} {job.unit}",
    }
