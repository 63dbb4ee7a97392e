"""The Celery application, its queues, and the static schedule in one place.

Celery is a bell: what must happen is a row, and every task finds by itself what there is to do. The
schedule is in UTC and keeps no state that matters; slots that must not run twice are claimed as rows
(`core.periodic`).
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from celery import Celery
from celery.signals import setup_logging
from kombu import Exchange, Queue  # type: ignore[attr-defined]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relayhub.settings")

#: The relay loops listen here (threads pool); nothing else does.
RELAY_QUEUE = "relay"
#: Imports, exports and other jobs.
IMPORTS_QUEUE = "imports"
REPORTS_QUEUE = "reports"
HOUSEKEEPING_QUEUE = "housekeeping"

#: name -> (task, every). A task that was missed or run twice does no harm.
SCHEDULE: dict[str, tuple[str, timedelta]] = {
    "relay.sweep": ("relay.sweep", timedelta(seconds=5)),
    "relay.fold_counters": ("relay.fold_counters", timedelta(seconds=15)),
    "relay.react": ("relay.react", timedelta(seconds=5)),
    "relay.housekeeping": ("relay.housekeeping", timedelta(hours=1)),
    "core.resume_stale_jobs": ("core.resume_stale_jobs", timedelta(seconds=15)),
    "core.forget_old_slots": ("core.forget_old_slots", timedelta(days=1)),
    "deliverability.recheck_domains": ("deliverability.recheck_domains", timedelta(minutes=1)),
    "campaigns.launch_due": ("campaigns.launch_due", timedelta(seconds=5)),
    "campaigns.resume_expansions": ("campaigns.resume_expansions", timedelta(seconds=10)),
    "campaigns.finish_sent": ("campaigns.finish_sent", timedelta(seconds=5)),
}


def _beat_table() -> dict[str, dict[str, Any]]:
    return {
        name: {"task": task, "schedule": every, "options": {"expires": max(5.0, every.total_seconds())}}
        for name, (task, every) in SCHEDULE.items()
    }


app = Celery("relayhub")
app.config_from_object("django.conf:settings", namespace="CELERY")
# An exchange and a key of its own each: queues that share the default ones would all get every task.
app.conf.task_queues = [
    Queue(name, Exchange(name, type="direct"), routing_key=name)
    for name in (RELAY_QUEUE, IMPORTS_QUEUE, REPORTS_QUEUE, HOUSEKEEPING_QUEUE)
]
app.conf.beat_schedule = _beat_table()
app.autodiscover_tasks()


@setup_logging.connect
def _use_our_logging(**_: object) -> None:
    """Keep Celery from replacing the logging that the settings configured."""
    import logging.config

    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)
