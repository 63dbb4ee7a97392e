"""The Celery application of workers, web and listeners.

Celery is a bell: what must happen is a row, and every task finds by itself what there is to do. Queues and
schedule are in `relayhub.schedule`; the beat process loads `relayhub.beat` instead, which knows no tasks.
"""

from __future__ import annotations

import os

from celery import Celery
from celery.signals import setup_logging

from relayhub.schedule import (
    HOUSEKEEPING_QUEUE,
    IMPORTS_QUEUE,
    RELAY_QUEUE,
    REPORTS_QUEUE,
    SCHEDULE,
    beat_table,
    queues,
)

__all__ = ["HOUSEKEEPING_QUEUE", "IMPORTS_QUEUE", "RELAY_QUEUE", "REPORTS_QUEUE", "SCHEDULE", "app"]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relayhub.settings")
# Django's checks would load every page into every worker; `up` and `migrate` run them.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

app = Celery("relayhub")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_queues = queues()
app.conf.beat_schedule = beat_table()
app.autodiscover_tasks()


@setup_logging.connect
def _use_our_logging(**_: object) -> None:
    """Keep Celery from replacing the logging that the settings configured."""
    import logging.config

    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)
