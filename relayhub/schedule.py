"""Queues and the static schedule, in one place, for the Celery application of workers and for that of the beat.

The schedule is in UTC and keeps no state that matters; slots that must not run twice are claimed as rows
(`core.periodic`). Importing this module loads no Django and no task.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from kombu import Exchange, Queue  # type: ignore[attr-defined]

#: The relay loops listen here (threads pool); nothing else does.
RELAY_QUEUE = "relay"
#: Imports, exports and other jobs.
IMPORTS_QUEUE = "imports"
REPORTS_QUEUE = "reports"
#: Everything in the schedule.
HOUSEKEEPING_QUEUE = "housekeeping"

#: name -> (task, every). A task that was missed or run twice does no harm.
SCHEDULE: dict[str, tuple[str, timedelta]] = {
    "relay.sweep": ("relay.sweep", timedelta(seconds=5)),
    "relay.fold_counters": ("relay.fold_counters", timedelta(seconds=15)),
    "relay.count_broadcasts": ("relay.count_broadcasts", timedelta(seconds=5)),
    "relay.react": ("relay.react", timedelta(seconds=5)),
    "relay.housekeeping": ("relay.housekeeping", timedelta(hours=1)),
    "core.resume_stale_jobs": ("core.resume_stale_jobs", timedelta(seconds=15)),
    "core.forget_old_slots": ("core.forget_old_slots", timedelta(days=1)),
    "core.forget_refusals": ("core.forget_refusals", timedelta(hours=1)),
    "deliverability.recheck_domains": ("deliverability.recheck_domains", timedelta(seconds=15)),
    "campaigns.launch_due": ("campaigns.launch_due", timedelta(seconds=5)),
    "campaigns.resume_expansions": ("campaigns.resume_expansions", timedelta(seconds=10)),
    "campaigns.forget_values": ("campaigns.forget_values", timedelta(days=1)),
    "campaigns.forget_undo": ("campaigns.forget_undo", timedelta(hours=1)),
    "campaigns.finish_sent": ("campaigns.finish_sent", timedelta(seconds=5)),
}


def queues() -> list[Queue]:
    """An exchange and a key of its own each: queues that share the default ones would all get every task."""
    return [
        Queue(name, Exchange(name, type="direct"), routing_key=name)
        for name in (RELAY_QUEUE, IMPORTS_QUEUE, REPORTS_QUEUE, HOUSEKEEPING_QUEUE)
    ]


def beat_table() -> dict[str, dict[str, Any]]:
    """The schedule in Celery's terms; the queue is named here, for the beat knows no tasks."""
    return {
        name: {
            "task": task, "schedule": every,
            "options": {"expires": max(5.0, every.total_seconds()), "queue": HOUSEKEEPING_QUEUE},
        }
        for name, (task, every) in SCHEDULE.items()
    }
