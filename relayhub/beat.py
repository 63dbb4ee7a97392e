"""The Celery application of the beat process: the broker and the schedule, without Django and without tasks.

The beat sends names on time and nothing else; loading the whole product for that would cost it 60 MB.
"""

from __future__ import annotations

import logging.config

from celery import Celery
from celery.signals import setup_logging

from relayhub import settings
from relayhub.logs import LOGGING
from relayhub.schedule import beat_table, queues

app = Celery("relayhub", fixups=[])
app.config_from_object(settings, namespace="CELERY")
app.conf.task_queues = queues()
app.conf.beat_schedule = beat_table()


@setup_logging.connect
def _use_our_logging(**_: object) -> None:
    """Log as every other process does."""
    logging.config.dictConfig(LOGGING)
