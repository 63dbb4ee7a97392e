"""What waits, where, and why it does not go."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from relayhub.relay.queue_view import queue_lanes, queue_totals


class Command(BaseCommand):
    """Prints totals by status and the fullest lanes."""

    help = "Show how many recipients stand in each status, and the fullest lanes with what stops them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """--json, --limit."""
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
        parser.add_argument("--limit", type=int, default=20, help="how many lanes (default 20)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the queue."""
        totals, lanes = queue_totals(), queue_lanes(limit=max(1, options["limit"]))
        if options["json"]:
            self.stdout.write(json.dumps({"totals": totals, "lanes": [lane.as_dict() for lane in lanes]}))
            return
        for status, count in totals.items():
            self.stdout.write(f"{status:12} {count:>10}")
        for lane in lanes:
            why = f"  ({lane.stopped_by})" if lane.stopped_by else ""
            self.stdout.write(
                f"{lane.workspace}/{lane.stream} -> {lane.site}: {lane.waiting} waiting,"
                f" {lane.due} due, oldest due for {lane.oldest_due_seconds:.0f} s{why}"
            )
