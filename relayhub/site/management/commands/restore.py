"""`manage.py restore FILE [--replace]`: put a backup back, with sending paused."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from relayhub.core.errors import RelayHubError
from relayhub.site import backup


class Command(BaseCommand):
    """Restores a backup."""

    help = "Put a backup back. Sending stays paused until somebody resumes it."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which one, and whether what is there may go."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--replace", action="store_true", help="throw away what the database holds now")

    def handle(self, *args: Any, **options: Any) -> None:
        """Put it back and say what would go out."""
        path: Path = options["file"].expanduser().absolute()
        try:
            waiting = backup.restore(path, is_replacing=options["replace"], say=self.stdout.write)
        except RelayHubError as exc:
            raise CommandError(exc.message) from exc
        except OSError as exc:
            raise CommandError(f"{path} cannot be put back: {exc.filename or 'the disk'}: {exc.strerror}.") from exc
        self.stdout.write("Restored. Sending is paused; it would send:")
        for row in waiting["waiting"]:
            self.stdout.write(f"  {row['workspace']}: {row['recipients']:,} recipients, oldest of {row['oldest']}")
        for row in waiting["campaigns"]:
            self.stdout.write(f"  {row['workspace']}: campaign “{row['campaign']}”, scheduled for {row['at']}")
        if not waiting["waiting"] and not waiting["campaigns"]:
            self.stdout.write("  nothing")
        self.stdout.write("Resume it in the dashboard (/sending), or with: manage.py resume_sending")
