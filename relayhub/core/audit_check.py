"""Checking that the audit log is whole, as a job: every entry's hash, from the first to the newest."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_noop

from relayhub.core import audit, jobs
from relayhub.core.access import AUDIT_READ, Actor, require
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.models import AuditEntry, Job, Workspace

JOB_KIND = "audit_check"
_BATCH = 5000


def start(actor: Actor) -> Job:
    """Check the workspace's log; the check that runs already, where there is one."""
    require(actor, AUDIT_READ)
    with transaction.atomic():
        Workspace.objects.select_for_update(no_key=True).only("pk").get(pk=actor.workspace.pk)
        running = _checks_of(actor.workspace).filter(status__in=jobs.UNFINISHED).first()
        if running is not None:
            return running
        return jobs.start_job(
            actor.workspace, kind=JOB_KIND, title="Check of the audit log", created_by=actor.user, unit="entries",
            total=AuditEntry.objects.filter(workspace=actor.workspace).count(),
        )


def last_of(workspace: Workspace) -> Job | None:
    """The newest check, running or ended; None where it was never asked for."""
    return _checks_of(workspace).first()


def broken_in(job: Job) -> AuditEntry | None:
    """The first entry that a finished check found not to fit."""
    found = decode_id(Prefix.AUDIT, job.result.get("broken") or "") if job.result else None
    return AuditEntry.objects.filter(workspace_id=job.workspace_id, pk=found).first() if found else None


@jobs.job_runner(
    JOB_KIND, label=gettext_noop("Check of the audit log"), icon="shield-check", cancel_scope=AUDIT_READ,
    on_cancel=gettext_noop("Nothing is changed by a check."), titles=[gettext_noop("Check of the audit log")],
)
def run_check(run: jobs.JobRun) -> None:
    """Go through the chain from the checkpoint on; the result names the first entry that does not fit."""
    rows = AuditEntry.objects.filter(workspace=run.job.workspace).order_by("pk")
    done, previous = int(run.job.done), str(run.state.get("previous", ""))
    last = UUID(run.state["last"]) if run.state.get("last") else None
    while batch := list((rows.filter(pk__gt=last) if last else rows)[:_BATCH]):
        broken = audit.first_misfit(batch, previous)
        if broken is not None:
            run.finish(entries=done + batch.index(broken) + 1, broken=broken.public_id)
            return
        last, previous, done = batch[-1].pk, batch[-1].entry_hash, done + len(batch)
        run.advance(done=done, last=str(last), previous=previous)
    run.finish(entries=done, broken=None)


def _checks_of(workspace: Workspace) -> QuerySet[Job]:
    return Job.objects.filter(workspace=workspace, kind=JOB_KIND).order_by("-id")
