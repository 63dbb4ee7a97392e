"""`manage.py resume_sending`: let mail go out again after a restore."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from relayhub.core.system import resume_sending, sending_paused


class Command(BaseCommand):
    """Ends the pause of the whole installation."""

    help = "Let mail go out again after a restore."

    def handle(self, *args: Any, **options: Any) -> None:
        """Resume, and say whether there was anything to resume."""
        reason = sending_paused()
        resume_sending()
        self.stdout.write(f"Sending goes on. It was paused: {reason}" if reason else "Sending was not paused.")
