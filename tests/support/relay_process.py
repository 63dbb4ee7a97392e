"""A relay worker as a process, for tests that kill it: the real engine over the scripted way out."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, urlencode

ROOT = Path(__file__).resolve().parents[2]


def test_database_url() -> str:
    """The URL of the database that the running test uses."""
    from django.db import connection

    settings = connection.settings_dict
    query = {"host": settings["HOST"]} if settings["HOST"] else {}
    if settings["PORT"]:
        query["port"] = str(settings["PORT"])
    user, password = quote(settings["USER"]), quote(settings["PASSWORD"])
    return f"postgresql://{user}:{password}@/{settings['NAME']}?{urlencode(query)}"


def start_worker(
    *, ledger: Path, crashpoint: str = "", lease_seconds: float = 60.0
) -> subprocess.Popen[bytes]:
    """Start a worker that drains what is due and ends, or dies at the crash point."""
    environment = {
        **os.environ,
        "DATABASE_URL": test_database_url(),
        "DJANGO_SETTINGS_MODULE": "relayhub.settings",
        "RELAYHUB_SECRET_KEY": "0" * 40,
        "RELAYHUB_CRASHPOINT": crashpoint,
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "tests.support.relay_process", str(ledger), str(lease_seconds)]
    return subprocess.Popen(command, env=environment, cwd=ROOT)


def run_worker(*, ledger: Path, crashpoint: str = "", lease_seconds: float = 60.0) -> bool:
    """Run a worker to its end; whether it was killed."""
    worker = start_worker(ledger=ledger, crashpoint=crashpoint, lease_seconds=lease_seconds)
    return worker.wait(60) == -signal.SIGKILL


def dots_in(ledger: Path) -> list[str]:
    """The addresses whose final dot went out, in order."""
    return ledger.read_text(encoding="utf-8").split() if ledger.exists() else []


def main() -> None:
    """Drain until idle."""
    import django

    django.setup()
    from relayhub.relay.loop_engine import Engine
    from tests.support.relay_script import Script

    ledger, lease_seconds = sys.argv[1], float(sys.argv[2])

    async def drain() -> None:
        await Engine(lambda _: Script(ledger=ledger), lease_seconds=lease_seconds).run_until_idle()

    asyncio.run(drain())


if __name__ == "__main__":
    main()
