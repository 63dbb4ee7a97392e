"""`manage.py workers`: every Celery worker of one host under one supervisor, for hosts that run nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from relayhub.embedded.steps import Steps
from relayhub.embedded.supervisor import Supervisor
from relayhub.site.services import worker_services


class Command(BaseCommand):
    """One relay worker a core (RELAYHUB_WORKERS), one for imports and reports, one for housekeeping."""

    help = "Run the Celery workers of this host; SIGTERM stops them in order, what is in flight is finished."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Start, look after, stop."""
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relayhub.settings")
        steps = Steps()
        supervisor = Supervisor(worker_services(), logs=Path(settings.RELAYHUB_DATA) / "logs", steps=steps)
        supervisor.start()
        steps.say("the workers are started")
        try:
            supervisor.watch()
        finally:
            supervisor.stop()
