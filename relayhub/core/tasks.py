"""Celery's door to core: run a job, find jobs that lost their worker."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from relayhub.core import (
    audit_check,  # noqa: F401  (registers the runner of checks)
    files,
    jobs,
    periodic,
    refusals,
)


@shared_task(name="core.run_job", queue="imports")
def run_job_task(job_id: str) -> None:
    """Run one job; a second ring for a job that somebody runs does nothing."""
    jobs.run_job(UUID(job_id))


@shared_task(name="core.resume_stale_jobs", queue="housekeeping")
def resume_stale_jobs_task() -> None:
    """Ring again for jobs whose worker died."""
    jobs.resume_stale()


@shared_task(name="core.forget_old_slots", queue="housekeeping")
def forget_old_slots_task() -> None:
    """Keep the table of claimed slots small, and remove uploads and exports that were kept long enough."""
    periodic.forget_old_slots()
    files.delete_expired()


@shared_task(name="core.forget_refusals", queue="housekeeping")
def forget_refusals_task() -> None:
    """Keep the log of refused requests to its days and its size."""
    refusals.forget_old()
