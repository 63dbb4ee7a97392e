"""Celery's door to campaigns: each task finds by itself what there is to do."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from campaigns import (  # noqa: F401  (registers the runners of jobs)
    broadcast,
    bulk_undo,
    confirmation,
    exporter,
    field_removal,
    import_undo,
    importer,
    recipient_export,
)


@shared_task(name="campaigns.expand", queue="imports")
def expand_task(broadcast_id: str) -> None:
    """Move a frozen audience into the queue; a second ring meanwhile does nothing."""
    broadcast.expand(UUID(broadcast_id))


@shared_task(name="campaigns.finish_cancel", queue="imports")
def finish_cancel_task(broadcast_id: str, by: str = "") -> None:
    """Cancel the many rows that a cancelled campaign left waiting."""
    broadcast.finish_cancel(UUID(broadcast_id), by)


@shared_task(name="campaigns.launch_due", queue="housekeeping")
def launch_due_task() -> None:
    """Launch campaigns whose time has come."""
    broadcast.launch_due()


@shared_task(name="campaigns.resume_expansions", queue="housekeeping")
def resume_expansions_task() -> None:
    """Ring again for broadcasts that a dead worker left half-expanded."""
    broadcast.resume_expansions()


@shared_task(name="campaigns.finish_sent", queue="housekeeping")
def finish_sent_task() -> None:
    """Mark campaigns that are through."""
    broadcast.finish_sent()


@shared_task(name="campaigns.forget_values", queue="housekeeping")
def forget_values_task() -> None:
    """Remove what was kept for undoing imports whose time is over."""
    import_undo.forget_values()


@shared_task(name="campaigns.forget_undo", queue="housekeeping")
def forget_undo_task() -> None:
    """Remove what nobody can undo any more."""
    bulk_undo.forget_old()
