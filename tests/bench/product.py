"""RelayHub as `make run` runs it, on a data folder and ports of its own, with the sink as its way out."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench import machine

ROOT = Path(__file__).resolve().parents[2]
_READY_SECONDS = 240.0
FORM_BOUNDARY = "relayhub-bench-boundary"
#: A multipart body: its length and its pieces.
Form = tuple[int, Iterator[bytes]]


class Product:
    """Everything under one supervisor; `pid` is the root of its processes."""

    def __init__(self, folder: Path, *, sink_port: int) -> None:
        self.folder = folder
        http, submission, submissions, mx, dns = machine.free_ports(5)
        self.http_port, self.submission_port = http, submission
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RELAYHUB_")},
            "DJANGO_SETTINGS_MODULE": "relayhub.settings", "RELAYHUB_DATA": str(folder),
            "RELAYHUB_HTTP_PORT": str(http), "RELAYHUB_SUBMISSION_PORT": str(submission),
            "RELAYHUB_SUBMISSIONS_PORT": str(submissions), "RELAYHUB_MX_PORT": str(mx), "RELAYHUB_DNS_PORT": str(dns),
            "RELAYHUB_BASE_URL": f"http://127.0.0.1:{http}", "RELAYHUB_HOSTNAME": "mail.bench.example",
            "RELAYHUB_TRUSTED_SUBMITTERS": "127.0.0.1/32",
            "RELAYHUB_DEFAULT_ROUTE": f"smtp://127.0.0.1:{sink_port}",
        }
        for name in ("DATABASE_URL", "REDIS_URL"):
            self.environment.pop(name, None)
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The supervisor's process."""
        assert self._child is not None
        return self._child.pid

    @property
    def is_running(self) -> bool:
        """Whether it was started and did not end."""
        return self._child is not None and self._child.poll() is None

    def start(self) -> float:
        """Start and wait until it is ready; returns the seconds that took."""
        began = time.perf_counter()
        with (self.folder / "up.log").open("ab") as log:
            self._child = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "up"], cwd=ROOT, env=self.environment,
                stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            )
        while not self._says("ready:"):
            if not self.is_running or time.perf_counter() - began > _READY_SECONDS:
                self.stop()
                raise RuntimeError(f"RelayHub did not start: {self._log()[-800:]}")
            time.sleep(0.05)
        return time.perf_counter() - began

    def stop(self) -> None:
        """Ctrl-C."""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(signal.SIGINT)
            try:
                self._child.wait(45)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait(10)

    def migrate(self) -> None:
        """Make the database and nothing else."""
        self._manage("migrate")

    def collect_static(self) -> None:
        """Gather the files that pages name."""
        self._manage("collectstatic", "--no-input")

    def _manage(self, *command: str) -> None:
        subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *command, "--verbosity", "0"], cwd=ROOT,
            env=self.environment, check=True, capture_output=True, timeout=600,
        )

    def ask(
        self, verb: str, path: str, *, body: dict[str, Any] | None = None, form: Form | None = None
    ) -> dict[str, Any]:
        """The API's answer, with the key of the first run; RuntimeError where it refuses."""
        first_run = json.loads((self.folder / "first-run.json").read_text(encoding="utf-8"))
        headers = {"Authorization": f"Bearer {first_run['api_key']}", "Content-Type": "application/json"}
        if form is not None:
            headers["Content-Type"] = f"multipart/form-data; boundary={FORM_BOUNDARY}"
            headers["Content-Length"] = str(form[0])
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=300)
        connection.request(verb, path, body=form[1] if form else json.dumps(body or {}), headers=headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"{verb} {path}: {answer.status} {text[:300]!r}")
        found: dict[str, Any] = json.loads(text)
        return found

    def workers(self, name: str) -> list[int]:
        """The processes whose command line holds this text."""
        return [pid for pid in machine.family([self.pid]) if name in machine.command_line(pid)]

    def enter(self) -> None:
        """Have Django in this process look at the same database."""
        import django
        from django.apps import apps

        if not apps.ready:
            os.environ.update(self.environment)
            django.setup()

    def remove(self) -> None:
        """Delete the data, wherever its servers kept it."""
        note = self.folder / "servers-are-in"
        if note.exists():
            shutil.rmtree(note.read_text(encoding="utf-8").strip(), ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _says(self, word: str) -> bool:
        return word in self._log()

    def _log(self) -> str:
        return (self.folder / "up.log").read_text(encoding="utf-8", errors="replace")
