"""Run long work as rows: start, move on, cancel, resume after a kill.

A runner is a function registered under the job's kind. It is called with a `JobRun` and moves it with
`advance`, which is fenced by a token: a worker that was thought dead and comes back finds its token
replaced and stops. A job whose heartbeat is older than STALE_AFTER is handed to the next worker, which
begins at the checkpoint in `state`; so is one whose batch the database gave up, as in a deadlock. Celery only
rings; `resume_stale` finds what a lost bell left.

What a kind leaves when its job ends, however it ends, is put in order by the kind's `at_end`, in the transaction
that writes the end: a job may be stopped before any worker had it, or fail on its twentieth worker.

Whoever started a job is told of its end: on any page that is open, by a mark beside Jobs until they looked at
it, and by mail where they asked for that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext, gettext_noop

from relayhub.core import audit, live_feed
from relayhub.core.access import Actor, require
from relayhub.core.clock import now
from relayhub.core.errors import ConflictError, ForbiddenError, InputError, RelayHubError
from relayhub.core.models import Job, JobStatus, Scope, User, Workspace
from relayhub.core.retelling import KnownSentences
from relayhub.core.system_mail import SystemLetter, send_letter

log = logging.getLogger(__name__)

#: A running job that said nothing for this long lost its worker.
STALE_AFTER = timedelta(seconds=60)
#: A job that killed this many workers is not tried again.
MAX_RUNS = 20
UNFINISHED = (JobStatus.WAITING, JobStatus.RUNNING)
_INTERNAL_FAULT = gettext_noop(
    "It stopped with an internal fault (%(fault)s). Nothing after it was changed; "
    "start it again, and look at the log if it stops again."
)
_TOO_OFTEN = gettext_noop("It stopped its worker too often and is not tried again.")
_NO_RUNNER = gettext_noop("Nothing here knows how to run a job of the kind “%(kind)s”.")
#: How a job of any kind may fail.
_FAULTS = KnownSentences(_INTERNAL_FAULT, _TOO_OFTEN, _NO_RUNNER)

#: A job that takes longer than this offers to tell its end by mail.
MAIL_AFTER = timedelta(minutes=2)

Runner = Callable[["JobRun"], None]


@dataclass(frozen=True, kw_only=True)
class JobKind:
    """What all jobs of one kind have in common."""

    runner: Runner
    #: In a word or two, for lists: "Import". English, as `stopping` is; what is shown is `label` and `on_cancel`.
    name: str
    icon: str
    #: Who may stop it: who may start it. "" = nobody stops it here, and `stopping` says where that is done.
    cancel_scope: str
    #: What stopping leaves and what it does not undo, in a sentence.
    stopping: str
    #: How its jobs are titled; see `title_of`.
    titles: KnownSentences
    #: How its runs may fail; see `error_of`.
    ends: KnownSentences
    #: Called with the ended job, done, failed or cancelled, within the transaction of its end.
    at_end: Callable[[Job], None] | None

    @property
    def label(self) -> str:
        """The name in the present language."""
        return gettext(self.name)

    @property
    def on_cancel(self) -> str:
        """What stopping leaves, in the present language."""
        return gettext(self.stopping)


_kinds: dict[str, JobKind] = {}


class JobCancelled(Exception):
    """A person asked for the job to end."""


class JobLost(Exception):
    """Another worker holds the job now; stop without writing anything."""


def job_runner(
    kind: str,
    *,
    label: str = "",
    icon: str = "clock",
    cancel_scope: str = Scope.CONTACTS_WRITE,
    on_cancel: str = gettext_noop("What is done stays; the rest is not begun."),
    titles: Sequence[str] = (),
    ends: Sequence[str] = (),
    at_end: Callable[[Job], None] | None = None,
) -> Callable[[Runner], Runner]:
    """Register the decorated function as what runs jobs of this kind; see `JobKind` for the rest."""

    def register(runner: Runner) -> Runner:
        _kinds[kind] = JobKind(
            runner=runner, name=label or kind.replace("_", " ").capitalize(), icon=icon,
            cancel_scope=str(cancel_scope), stopping=on_cancel, at_end=at_end,
            titles=KnownSentences(*titles, nested=("sentence",)), ends=KnownSentences(*ends),
        )
        return runner

    return register


def kind_of(job: Job) -> JobKind | None:
    """What is known of the job's kind; None for one that nothing here runs any more."""
    return _kinds.get(job.kind)


def title_of(job: Job) -> str:
    """The job's title, which is stored in English, in the present language."""
    about = kind_of(job)
    return about.titles.told(job.title) if about else job.title


def error_of(job: Job) -> str:
    """Why the job failed, which is stored in English, in the present language; "" where it did not."""
    about = kind_of(job)
    for sentences in (_FAULTS, *([about.ends] if about else [])):
        told = sentences.told(job.error)
        if told != job.error:
            return told
    return gettext(job.error) if job.error else ""


def kind_labels() -> dict[str, str]:
    """Kind -> its word, in the order of the words."""
    return dict(sorted(((kind, about.label) for kind, about in _kinds.items()), key=lambda pair: pair[1]))


class JobRun:
    """One worker's hold on a job."""

    def __init__(self, job: Job, token: UUID) -> None:
        self.job = job
        self.token = token

    @property
    def state(self) -> dict[str, Any]:
        """The checkpoint of the run before; change it through `advance`."""
        return dict(self.job.state)

    def advance(self, *, done: int | None = None, total: int | None = None, **state: Any) -> None:
        """Store progress and checkpoint; raises JobCancelled or JobLost.

        Called inside the transaction that did the work, both become true together.
        """
        values: dict[str, Any] = {"heartbeat_at": now()}
        if done is not None:
            values["done"] = done
        if total is not None:
            values["total"] = total
        if state:
            values["state"] = {**self.job.state, **state}
        self._write(values)
        self.job.refresh_from_db(fields=["cancel_requested_at"])
        if self.job.cancel_requested_at is not None:
            raise JobCancelled

    def finish(self, **result: Any) -> None:
        """Mark the job done."""
        self._end({"status": JobStatus.DONE, "result": result})

    def fail(self, error: str, **result: Any) -> None:
        """Mark the job failed, in words that say what to do."""
        self._end({"status": JobStatus.FAILED, "error": error[:500], "result": result})

    def cancelled(self, **result: Any) -> None:
        """Mark the job cancelled."""
        self._end({"status": JobStatus.CANCELLED, **({"result": result} if result else {})})

    def let_go(self) -> None:
        """Leave the job to the next worker, which goes on at the checkpoint."""
        self._write({"status": JobStatus.WAITING, "token": None})

    def _end(self, values: dict[str, Any]) -> None:
        with transaction.atomic():
            self._write({**values, "finished_at": now(), "token": None})
            _put_in_order(self.job)
            live_feed.announce(self.job.workspace_id)
            transaction.on_commit(lambda: _mail_the_end(self.job.pk))

    def _write(self, values: dict[str, Any]) -> None:
        held = Job.objects.filter(pk=self.job.pk, token=self.token)
        if held.update(**values) == 0:
            raise JobLost
        for name, value in values.items():
            setattr(self.job, name, value)


def start_job(
    workspace: Workspace,
    *,
    kind: str,
    title: str,
    state: dict[str, Any] | None = None,
    created_by: User | None = None,
    total: int | None = None,
    unit: str = "rows",
    job_id: UUID | None = None,
) -> Job:
    """Store a job and ring for a worker once the caller's transaction commits."""
    job = Job(
        workspace=workspace, kind=kind, title=title[:300], state=state or {}, created_by=created_by,
        total=total, unit=unit,
    )
    if job_id is not None:
        job.id = job_id
    job.save(force_insert=True)
    live_feed.announce(workspace.pk)
    transaction.on_commit(lambda: ring(job.pk))
    return job


def jobs_of(workspace: Workspace, *, kind: str = "", status: str = "") -> QuerySet[Job]:
    """The workspace's jobs, newest first; InputError where a status is none. `status` may be `unfinished`."""
    found = Job.objects.filter(workspace=workspace).select_related("created_by").order_by("-id")
    if kind:
        found = found.filter(kind=kind)
    if status == "unfinished":
        return found.filter(status__in=UNFINISHED)
    if status and status not in JobStatus.values:
        raise InputError(f"A status is one of: {', '.join(JobStatus.values)}, unfinished.", field="status")
    return found.filter(status=status) if status else found


def ring(job_id: UUID) -> None:
    """Tell the workers; a broker that is away costs only time, for the sweep finds the row."""
    from relayhub.core.tasks import run_job_task

    try:
        run_job_task.apply_async(args=[str(job_id)], retry=False)
    except Exception:  # the broker's client raises its own kinds; the row is safe either way
        log.warning("job.bell_failed", extra={"job": str(job_id)})


def may_cancel(actor: Actor, job: Job) -> bool:
    """Whether the actor may stop the job now."""
    about = kind_of(job)
    if about is None or job.is_finished or job.cancel_requested_at is not None:
        return False
    return bool(about.cancel_scope) and actor.may(about.cancel_scope)


def cancel(actor: Actor, job: Job) -> None:
    """Stop the job for a person or a program: whoever may start its kind may stop it; pages and API ask here."""
    about = kind_of(job)
    require(actor, about.cancel_scope or Scope.WORKSPACE_READ if about else Scope.WORKSPACE_WRITE)
    if about is not None and not about.cancel_scope:
        raise ForbiddenError(
            gettext("It is not stopped here. %(instead)s") % {"instead": about.on_cancel}, code="not_stopped_here"
        )
    with transaction.atomic():
        request_cancel(job)
        audit.record(actor, "job.cancelled", "job", job.public_id, summary=job.title)


def _put_in_order(job: Job) -> None:
    """Let the kind see to what its ended job leaves, in the caller's transaction."""
    about = kind_of(job)
    if about is not None and about.at_end is not None:
        about.at_end(job)


def request_cancel(job: Job) -> None:
    """Ask the worker to stop; a job that nobody runs ends at once."""
    with transaction.atomic():
        stopped = Job.objects.filter(pk=job.pk, status=JobStatus.WAITING).update(
            status=JobStatus.CANCELLED, finished_at=now(), cancel_requested_at=now()
        )
        if stopped:
            _put_in_order(Job.objects.select_related("workspace", "created_by").get(pk=job.pk))
    if not stopped:
        asked = Job.objects.filter(pk=job.pk, status=JobStatus.RUNNING).update(cancel_requested_at=now())
        if not asked:
            raise ConflictError(gettext("This job has already ended."), code="job_ended")
    live_feed.announce(job.workspace_id)


def mark_seen(job: Job, user: User | None) -> None:
    """Take the mark of a finished job away once whoever started it looked at it."""
    if user is None or not job.is_finished or job.seen_at is not None or job.created_by_id != user.pk:
        return
    Job.objects.filter(pk=job.pk, seen_at=None).update(seen_at=now())


def mail_when_done(actor: Actor, job: Job, *, wanted: bool) -> None:
    """Tell whoever started the job of its end by mail, or not; only they may ask for it."""
    if actor.user is None or job.created_by_id != actor.user.pk:
        raise ForbiddenError(gettext("Only whoever started the job is told of its end by mail."))
    if wanted and job.is_finished:
        raise ConflictError(gettext("This job has already ended."), code="job_ended")
    Job.objects.filter(pk=job.pk).update(mail_when_done=wanted)


def _mail_the_end(job_id: UUID) -> None:
    job = Job.objects.filter(pk=job_id, mail_when_done=True).select_related("created_by", "workspace").first()
    if job is None or job.created_by is None:
        return
    context = {
        "job": job, "workspace": job.workspace.name,
        "link": f"{settings.RELAYHUB_BASE_URL}/jobs/{job.public_id}",
    }
    send_letter(SystemLetter(
        name="job_done", to=job.created_by.email, context=context, language=job.created_by.language
    ))


def take(job_id: UUID) -> JobRun | None:
    """Take a job that waits or lost its worker; None when somebody else has it."""
    token = uuid4()
    stale = now() - STALE_AFTER
    free = Q(status=JobStatus.WAITING) | Q(status=JobStatus.RUNNING, heartbeat_at__lt=stale)
    taken = Job.objects.filter(free, pk=job_id).update(
        status=JobStatus.RUNNING, token=token, heartbeat_at=now()
    )
    if not taken:
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE core_job SET runs = runs + 1, started_at = COALESCE(started_at, now()) WHERE id = %s",
            [job_id],
        )
    return JobRun(Job.objects.select_related("workspace", "created_by").get(pk=job_id), token)


def run_job(job_id: UUID) -> None:
    """Take the job and run it to its end; every fault ends in words on its page."""
    run = take(job_id)
    if run is None:
        return
    try:
        _run(run)
    except JobLost:
        log.warning("job.lost", extra={"job": str(job_id)})
    except JobCancelled:
        run.cancelled()
    except RelayHubError as exc:
        run.fail(exc.message)
    except OperationalError:
        # A deadlock, a full disk, a server that stopped: the batch is undone, so the next worker does it again.
        log.warning("job.interrupted", extra={"job": str(job_id), "kind": run.job.kind}, exc_info=True)
        run.let_go()
    except Exception as exc:
        log.exception("job.failed", extra={"job": str(job_id), "kind": run.job.kind})
        run.fail(_INTERNAL_FAULT % {"fault": type(exc).__name__})


def _run(run: JobRun) -> None:
    if run.job.runs > MAX_RUNS:
        run.fail(_TOO_OFTEN)
        return
    about = kind_of(run.job)
    if about is None:
        run.fail(_NO_RUNNER % {"kind": run.job.kind})
        return
    about.runner(run)


def resume_stale() -> int:
    """Ring for every job that waits or lost its worker; returns how many."""
    stale = now() - STALE_AFTER
    left = Job.objects.filter(
        Q(status=JobStatus.WAITING, created_at__lt=now() - timedelta(seconds=5))
        | Q(status=JobStatus.RUNNING, heartbeat_at__lt=stale)
    )
    ids = list(left.order_by("id").values_list("pk", flat=True)[:100])
    for job_id in ids:
        ring(job_id)
    return len(ids)
