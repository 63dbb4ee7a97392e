"""Where each job's own page is, and what the frame of every page says of jobs: running ones, ends not seen yet."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns import broadcast, bulk, confirmation, exporter, field_removal, import_undo, importer
from deliverability import suppression_import
from relayhub.core import audit_check, formats, jobs
from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.models import Job, JobStatus, User, Workspace
from relayhub.relay import relaning, rest_of_act
from relayhub.site.needs import address

#: An end that is older than this when a page opens is no news for a toast; the mark beside Jobs stays.
_TOLD_WITHIN = timedelta(seconds=60)
_WORDS = {
    JobStatus.DONE: gettext_lazy("%(job)s: done"), JobStatus.FAILED: gettext_lazy("%(job)s: failed"),
    JobStatus.CANCELLED: gettext_lazy("%(job)s: stopped"),
}
_TONES = {JobStatus.DONE: "ok", JobStatus.FAILED: "bad", JobStatus.CANCELLED: "info"}


def address_of(job: Job) -> str:
    """The page that says most about the job: that of its kind, else the job's own."""
    return _own_page(job) or address("job-detail", job.public_id)


def way_on(job: Job) -> dict[str, str] | None:
    """`url` and `label` of the page where one goes on after a finished job; None where its own page says all."""
    if job.kind == broadcast.JOB_KIND:
        return _way(address("campaign-detail", str(job.state.get("campaign", ""))), _("See the campaign"))
    if not job.is_finished:
        return None
    if own := _own_page(job):
        return _way(own, _("See the result"))
    if job.kind == confirmation.JOB_KIND and job.state.get("list"):
        return _way(address("list-detail", encode_id(Prefix.LIST, UUID(job.state["list"]))), _("See the list"))
    if job.kind == field_removal.JOB_KIND:
        return _way(address("contact-fields"), _("See the fields"))
    if job.kind == audit_check.JOB_KIND:
        return _way(address("settings-audit"), _("See the result"))
    if job.kind == rest_of_act.JOB_KIND:
        message_id = encode_id(Prefix.MESSAGE, UUID(job.state["message"]))
        return _way(address("message-detail", message_id), _("See the message"))
    if job.kind == relaning.JOB_KIND:
        return _way(address("route-list"), _("See the routes"))
    if job.kind in (bulk.JOB_KIND, bulk.UNDO_JOB_KIND, exporter.JOB_KIND):
        return _way(address("contact-list"), _("See the contacts"))
    return None


def _way(url: str, label: str) -> dict[str, str] | None:
    return {"url": url, "label": label} if url else None


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
        words = ngettext("%(count)s running", "%(count)s running", running)
        return words % {"count": formats.number(running)}
    return ngettext("%(count)s new", "%(count)s new", news) % {"count": formats.number(news)} if news else ""


def payload(workspace: Workspace, user: User) -> dict[str, Any]:
    """What live.js takes: the words beside Jobs, and a notice for each job that has just ended."""
    found = state(workspace, user)
    ended = news_of(workspace, user).filter(finished_at__gte=now() - _TOLD_WITHIN).order_by("finished_at")
    return {
        "values": {"jobs": found["note"]}, "notices": [_notice(job) for job in ended[:5]],
        "end": not found["running"],
    }


def _notice(job: Job) -> dict[str, Any]:
    return {
        "id": job.public_id, "kind": _TONES[JobStatus(job.status)], "url": address_of(job), "label": _("See it"),
        "rest": {"text": _("and {count} more"), "url": address("job-list")},
        "text": _WORDS[JobStatus(job.status)] % {"job": jobs.title_of(job)},
        "detail": jobs.error_of(job) or formats.progress(job.done, job.total, job.unit),
    }
