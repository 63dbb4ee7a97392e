"""`manage.py up`: the whole product on one machine, under one supervisor. `make run` calls it."""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from relayhub.core.errors import RelayHubError
from relayhub.embedded import servers
from relayhub.embedded.steps import Steps
from relayhub.embedded.supervisor import Supervisor
from relayhub.site.services import check_ports, services
from relayhub.site.setup import ensure_first_run, first_run_path

_READY_SECONDS = 110.0


class Command(BaseCommand):
    """Migrates, sets up the first run, starts and supervises every process until stopped."""

    help = "Run everything on this machine: web, workers, beat, SMTP listeners. Ctrl-C stops it in order."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How long to run; for checks."""
        parser.add_argument("--stop-when-ready", action="store_true", help="stop in order once everything is ready")

    def handle(self, *args: Any, **options: Any) -> None:
        """Start, supervise, stop."""
        steps = Steps()
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relayhub.settings")
        try:
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
        connections.close_all()
        supervisor = Supervisor(
            services(), logs=Path(settings.RELAYHUB_DATA) / "logs", steps=steps, first=lambda: _revive(steps)
        )
        supervisor.start()
        try:
            if self._wait_until_ready(supervisor):
                steps.say(f"ready: {settings.RELAYHUB_BASE_URL} (credentials of the first run: {first_run_path()})")
            if not options["stop_when_ready"]:
                supervisor.watch()
        finally:
            supervisor.stop()

    def _wait_until_ready(self, supervisor: Supervisor) -> bool:
        deadline = time.monotonic() + _READY_SECONDS
        reason = ""
        while time.monotonic() < deadline and not supervisor.is_stopping:
            supervisor.look()
            reason = _why_not_ready()
            if not reason:
                return True
            time.sleep(0.1)
        if not supervisor.is_stopping:
            self.stderr.write(f"Not ready after {_READY_SECONDS:g} s: {reason}. It keeps trying.")
        return False


def _revive(steps: Steps) -> None:
    own = servers.held()
    if own is not None:
        own.revive(steps.warn)


def _why_not_ready() -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.RELAYHUB_BIND, settings.RELAYHUB_BIND)
    request = urllib.request.Request(
        f"http://{host}:{settings.RELAYHUB_HTTP_PORT}/readyz", headers={"Host": settings.ALLOWED_HOSTS[0]}
    )
    try:
        with urllib.request.urlopen(request, timeout=3) as answer:
            return "" if answer.status == 200 else f"/readyz answers {answer.status}"
    except urllib.error.HTTPError as exc:
        return exc.read(500).decode(errors="replace")
    except OSError as exc:
        return str(exc)


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
