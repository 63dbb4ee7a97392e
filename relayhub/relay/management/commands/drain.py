"""Deliver what is due without Celery: until nothing is due, or until stopped."""

from __future__ import annotations

import asyncio
import signal
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from relayhub.relay.loop import default_services
from relayhub.relay.loop_engine import Engine


class Command(BaseCommand):
    """Runs one relay loop in the foreground."""

    help = (
        "Deliver what is due in this process, without Celery. With --once it ends when nothing is due;"
        " otherwise it runs until SIGTERM or Ctrl-C and finishes what is in flight."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """--once."""
        parser.add_argument("--once", action="store_true", help="end when nothing is due")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the engine."""
        asyncio.run(_drain(is_once=bool(options["once"])))
        self.stdout.write("drained" if options["once"] else "stopped")


async def _drain(*, is_once: bool) -> None:
    engine = Engine(default_services, lease_seconds=settings.RELAYHUB_LEASE.total_seconds())
    if is_once:
        await engine.run_until_idle()
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, engine.stop)
    await engine.run()
