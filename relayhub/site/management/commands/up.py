"""`manage.py up`: the whole product on one machine, under one supervisor. `make run` calls it.

What is here prepares: it runs as a child of the supervisor in `embedded.up`, writes the plan and ends.
"""

from __future__ import annotations

import os
from argparse import SUPPRESS, ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from relayhub.core.errors import RelayHubError
from relayhub.embedded.steps import Steps
from relayhub.embedded.up import PLAN_OPTION, Plan
from relayhub.site.services import check_ports, check_settings, services
from relayhub.site.setup import ensure_first_run, first_run_path


class Command(BaseCommand):
    """Migrates, sets up the first run, starts and supervises every process until stopped."""

    help = "Run everything on this machine: web, workers, beat, SMTP listeners. Ctrl-C stops it in order."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How long to run; for checks."""
        parser.add_argument("--stop-when-ready", action="store_true", help="stop in order once everything is ready")
        parser.add_argument(PLAN_OPTION, required=True, help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare, and say what is to run."""
        steps = Steps()
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relayhub.settings")
        try:
            check_settings()
            check_ports()
            call_command("check", verbosity=0)
            call_command("migrate", verbosity=0, interactive=False)
            steps.say("the database is migrated")
            if ensure_first_run():
                steps.say("the first workspaces are made")
            _collect_static()
            steps.say("static files are collected")
        except RelayHubError as exc:
            raise CommandError(exc.message) from exc
        _plan(stops_when_ready=options["stop_when_ready"]).write(Path(options["plan"]))


def _plan(*, stops_when_ready: bool) -> Plan:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.RELAYHUB_BIND, settings.RELAYHUB_BIND)
    return Plan(
        services=tuple(services()), logs=str(Path(settings.RELAYHUB_DATA) / "logs"),
        readiness_url=f"http://{host}:{settings.RELAYHUB_HTTP_PORT}/readyz", host=settings.ALLOWED_HOSTS[0],
        ready_line=f"ready: {settings.RELAYHUB_BASE_URL} (credentials of the first run: {first_run_path()})",
        stops_when_ready=stops_when_ready,
    )


def _collect_static() -> None:
    """Collect and compress static files unless they are those of the last start."""
    root = Path(settings.STATIC_ROOT)
    stamp = root / ".stamp"
    newest = max((path.stat().st_mtime_ns for path in Path(settings.BASE_DIR, "static").rglob("*")), default=0)
    wanted = f"{settings.BASE_DIR} {newest}"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    call_command("collectstatic", verbosity=0, interactive=False)
    root.mkdir(parents=True, exist_ok=True)
    stamp.write_text(wanted, encoding="utf-8")
