"""`manage.py first_run`: the first user and workspaces, where there are none; what `up` does by itself."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from relayhub.site.setup import ensure_first_run, first_run_path


class Command(BaseCommand):
    """Makes the first run's rows and file; repeating it changes nothing."""

    help = "Make the first user and workspaces unless there are any; their credentials go into first-run.json."

    def handle(self, *args: Any, **options: Any) -> None:
        """Make them."""
        if ensure_first_run():
            self.stdout.write(f"The credentials of the first run are in {first_run_path()}.")
        else:
            self.stdout.write("There are workspaces already; nothing was changed.")
