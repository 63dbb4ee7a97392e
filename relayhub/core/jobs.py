"""Run long work as rows: start, move on, cancel, resume after a kill.

A runner is a function registered under the job's kind. It is called with a `JobRun` and moves it with
`advance`, which is fenced by a token: a worker that was thought dead and comes back finds its token
replaced and stops. A job whose heartbeat is older than STALE_AFTER is handed to the next worker, which
begins at the checkpoint in `state`. Celery only rings; `resume_stale` finds what a lost bell left.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import Q

from relayhub.core.clock import now
from relayhub.core.errors import ConflictError, RelayHubError
from relayhub.core.models import Job, JobStatus, User, Workspace

log = logging.getLogger(__name__)

#: A running job that said nothing for this long lost its worker.
STALE_AFTER = timedelta(seconds=60)
#: A job that killed this many workers is not tried again.
MAX_RUNS = 20
UNFINISHED = (JobStatus.WAITING, JobStatus.RUNNING)

Runner = Callable[["JobRun"], None]
_runners: dict[str, Runner] = {}


class JobCancelled(Exception):
    """A person asked for the job to end."""


class JobLost(Exception):
    """Another worker holds the job now; stop without writing anything."""


def job_runner(kind: str) -> Callable[[Runner], Runner]:
    """Register the decorated function as what runs jobs of this kind."""

    def register(runner: Runner) -> Runner:
        _runners[kind] = runner
        return runner

    return register


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
        self._write({"status": JobStatus.DONE, "result": result, "finished_at": now(), "token": None})

    def fail(self, error: str, **result: Any) -> None:
        """Mark the job failed, in words that say what to do."""
        self._write(
            {"status": JobStatus.FAILED, "error": error[:500], "result": result, "finished_at": now(),
             "token": None}
        )

    def cancelled(self) -> None:
        """Mark the job cancelled."""
        self._write({"status": JobStatus.CANCELLED, "finished_at": now(), "token": None})

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
    transaction.on_commit(lambda: ring(job.pk))
    return job


def ring(job_id: UUID) -> None:
    """Tell the workers; a broker that is away costs only time, for the sweep finds the row."""
    from relayhub.core.tasks import run_job_task

    try:
        run_job_task.apply_async(args=[str(job_id)], retry=False)
    except Exception:  # the broker's client raises its own kinds; the row is safe either way
        log.warning("job.bell_failed", extra={"job": str(job_id)})


def request_cancel(job: Job) -> None:
    """Ask the worker to stop; a job that nobody runs ends at once."""
    stopped = Job.objects.filter(pk=job.pk, status=JobStatus.WAITING).update(
        status=JobStatus.CANCELLED, finished_at=now(), cancel_requested_at=now()
    )
    if not stopped:
        asked = Job.objects.filter(pk=job.pk, status=JobStatus.RUNNING).update(cancel_requested_at=now())
        if not asked:
            raise ConflictError("This job has already ended.", code="job_ended")


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
    except Exception as exc:
        log.exception("job.failed", extra={"job": str(job_id), "kind": run.job.kind})
        run.fail(f"It stopped with an internal fault ({type(exc).__name__}). Nothing after it was changed; "
                 "start it again, and look at the log if it stops again.")


def _run(run: JobRun) -> None:
    if run.job.runs > MAX_RUNS:
        run.fail("It stopped its worker too often and is not tried again.")
        return
    runner = _runners.get(run.job.kind)
    if runner is None:
        run.fail(f"Nothing here knows how to run a job of the kind “{run.job.kind}”.")
        return
    runner(run)


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
