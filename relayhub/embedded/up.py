"""The long-running part of `manage.py up`: prepare through a child process, then supervise without Django.

The child migrates, makes the first run and writes a plan: what to run, and where readiness is asked. What it
loaded goes with it, so that the supervisor, which lives as long as the product, takes a fifth of the memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from relayhub.embedded import servers
from relayhub.embedded.steps import Steps
from relayhub.embedded.supervisor import Service, Supervisor

#: How the child is told where to write the plan; nobody types it.
PLAN_OPTION = "--plan"
_READY_SECONDS = 110.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to run and how to know that it is ready."""

    services: tuple[Service, ...]
    logs: str
    #: Asked until it answers 200, with this Host.
    readiness_url: str
    host: str
    #: Printed once it is.
    ready_line: str
    stops_when_ready: bool

    def write(self, path: Path) -> None:
        """Store it."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Plan:
        """Read what `write` stored."""
        found = json.loads(path.read_text(encoding="utf-8"))
        services = [Service(**{**item, "command": tuple(item["command"])}) for item in found.pop("services")]
        return cls(services=tuple(services), **found)


def run(argv: Sequence[str]) -> None:
    """Prepare and run everything until asked to stop. Ends the process with the child's code where that fails."""
    steps = Steps()
    with tempfile.TemporaryDirectory(prefix="relayhub-up-") as folder:
        path = Path(folder) / "plan.json"
        prepared = subprocess.run([sys.executable, *argv, PLAN_OPTION, str(path)], check=False)
        if prepared.returncode != 0:
            sys.exit(abs(prepared.returncode))
        plan = Plan.read(path)
    supervisor = Supervisor(plan.services, logs=Path(plan.logs), steps=steps, first=lambda: _revive(steps))
    supervisor.start()
    try:
        if _wait_until_ready(plan, supervisor):
            steps.say(plan.ready_line)
        if not plan.stops_when_ready:
            supervisor.watch()
    finally:
        supervisor.stop()


def _revive(steps: Steps) -> None:
    held = servers.held()
    if held is not None:
        held.revive(steps.warn)


def _wait_until_ready(plan: Plan, supervisor: Supervisor) -> bool:
    deadline = time.monotonic() + _READY_SECONDS
    reason = ""
    while time.monotonic() < deadline and not supervisor.is_stopping:
        supervisor.look()
        reason = _why_not_ready(plan)
        if not reason:
            return True
        time.sleep(0.1)
    if not supervisor.is_stopping:
        sys.stderr.write(f"Not ready after {_READY_SECONDS:g} s: {reason}. It keeps trying.\n")
    return False


def _why_not_ready(plan: Plan) -> str:
    request = urllib.request.Request(plan.readiness_url, headers={"Host": plan.host})
    try:
        with urllib.request.urlopen(request, timeout=3) as answer:
            return "" if answer.status == 200 else f"/readyz answers {answer.status}"
    except urllib.error.HTTPError as exc:
        return exc.read(500).decode(errors="replace")
    except OSError as exc:
        return str(exc)
