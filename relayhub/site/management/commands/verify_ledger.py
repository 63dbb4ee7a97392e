"""`manage.py verify_ledger`: whether every invariant of the relay holds, over one snapshot."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from relayhub.core import audit
from relayhub.core.models import Workspace
from relayhub.relay import ledger


class Command(BaseCommand):
    """Checks the invariants and the audit log's chain; exit 1 if any is broken."""

    help = "Check that nothing was lost, doubled or miscounted; exact under load."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The form of the answer."""
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Look, print, and exit 1 where something is broken."""
        found = ledger.verify()
        checks = [
            {
                "id": item.invariant.id, "promise": item.invariant.promise, "ok": item.holds,
                "is_notice": item.invariant.is_notice, "breaches": [list(row) for row in item.breaches],
            }
            for item in found.findings
        ]
        broken = [str(w) for w in Workspace.objects.all() if audit.first_broken_link(w) is not None]
        checks.append(
            {"id": "audit", "promise": "The audit log is whole.", "ok": not broken, "is_notice": False,
             "breaches": [[name] for name in broken]}
        )
        is_clean = found.is_clean and not broken
        if options["json"]:
            self.stdout.write(json.dumps({"ok": is_clean, "totals": found.totals, "checks": checks}, default=str))
        else:
            self._print(checks, found.totals, is_clean)
        if not is_clean:
            sys.exit(1)

    def _print(self, checks: list[dict[str, Any]], totals: dict[str, int], is_clean: bool) -> None:
        for check in checks:
            mark = "ok" if check["ok"] else ("look" if check["is_notice"] else "BROKEN")
            self.stdout.write(f"{mark:7}{check['id']:16}{check['promise']}")
            for row in check["breaches"]:
                self.stdout.write(f"{'':23}{', '.join(map(str, row))}")
        counts = ", ".join(f"{count:,} {status}" for status, count in totals.items()) or "no recipients"
        self.stdout.write(f"\n{counts}\n{'The ledger is clean.' if is_clean else 'The ledger is BROKEN.'}")
