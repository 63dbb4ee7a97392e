"""`manage.py doctor [--json]`: the self-check; exit 1 if anything fails."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from relayhub.site import doctor


class Command(BaseCommand):
    """Looks at everything mail depends on."""

    help = "Check the installation: one line a check, exit 1 if any fails."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The form of the answer."""
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Look, print, and exit 1 where something fails."""
        checks = doctor.run()
        if options["json"]:
            self.stdout.write(json.dumps({"checks": [asdict(check) for check in checks]}))
        else:
            for check in checks:
                mark = "FAIL" if not check.ok else "look" if check.message else "ok"
                self.stdout.write(f"{mark:5}{check.name:30}{check.value:24}{check.message}".rstrip())
        if not all(check.ok for check in checks):
            sys.exit(1)
