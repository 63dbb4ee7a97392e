"""A pytest plugin: starts one embedded PostgreSQL and Valkey a run; every worker has a database of its own.

It is named in `addopts` so that it comes before the settings are read. With `DATABASE_URL` and `REDIS_URL` set
(as `make test-servers` does) those servers are used instead.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from relayhub import catalogs

if TYPE_CHECKING:
    from relayhub.embedded.servers import Servers

#: Far above what any test takes; only a hang reaches it.
HANGS_AFTER_SECONDS = 300
CHAOS_HANGS_AFTER_SECONDS = 1500
_OWNER = "RELAYHUB_TEST_DATA"
#: The servers that this process started: what a test that restarts them takes hold of.
started: list[Servers] = []


def _start_servers() -> None:
    """In the controller only: start both servers in a temporary folder and tell the workers by environment."""
    from relayhub.embedded.servers import start_servers

    folder = Path(tempfile.mkdtemp(prefix="relayhub-test-"))
    folder.chmod(0o755)
    # Tests make and drop databases all the time; what they must prove is not that the disk keeps them.
    servers = start_servers(folder, with_postgres=True, with_valkey=True, say=lambda text: None)
    os.environ[_OWNER] = str(folder)
    started.append(servers)

    def stop() -> None:
        servers.stop()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)


def _own_redis_number() -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    number = int(worker.removeprefix("gw")) + 1
    if "REDIS_URL" in os.environ:
        base = os.environ["REDIS_URL"].rsplit("/", 1)[0]
        os.environ["REDIS_URL"] = f"{base}/{number}"


catalogs.compile_all()
if "DATABASE_URL" not in os.environ and _OWNER not in os.environ:
    _start_servers()
if _OWNER in os.environ:
    os.environ["RELAYHUB_DATA"] = os.environ[_OWNER]
else:
    _own_redis_number()
    os.environ.setdefault("RELAYHUB_DATA", tempfile.mkdtemp(prefix="relayhub-test-data-"))
os.environ.setdefault("RELAYHUB_HOSTNAME", "mail.relayhub.example")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """End a test that hangs, so that the run says which one it was and goes on."""

    seconds = CHAOS_HANGS_AFTER_SECONDS if item.get_closest_marker("chaos") else HANGS_AFTER_SECONDS

    def too_long(*_: object) -> None:
        raise TimeoutError(f"{item.nodeid} ran for more than {seconds} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
