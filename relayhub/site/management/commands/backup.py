"""`manage.py backup FILE`: the whole installation in one file, taken while mail flows."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from relayhub.core.errors import RelayHubError
from relayhub.site import backup


class Command(BaseCommand):
    """Writes a backup."""

    help = "Write the database, and the secret key where it was generated, to one file (mode 0600)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to."""
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Write it and say what is in it."""
        path: Path = options["file"].expanduser().absolute()
        try:
            manifest = backup.back_up(path, self.stdout.write)
        except RelayHubError as exc:
            raise CommandError(exc.message) from exc
        except OSError as exc:
            raise CommandError(f"{path} cannot be written: {exc.strerror}.") from exc
        size = path.stat().st_size
        self.stdout.write(f"{path}: {size:,} bytes, {manifest.recipients:,} recipients, taken at {manifest.taken_at}")
        if manifest.has_key:
            self.stdout.write("It holds the secret key: whoever has this file can open what is encrypted in it.")
        else:
            self.stdout.write("RELAYHUB_SECRET_KEY is not in it: keep that apart, or the file cannot be used.")
