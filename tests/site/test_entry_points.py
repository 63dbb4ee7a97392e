"""The production shape as processes: the image's entry points on servers named by environment alone."""

from __future__ import annotations

import json
import os
import signal
import smtplib
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from relayhub.embedded import processes
from relayhub.relay.smtpd.tls import own_certificate
from tests.support import relay_process
from tests.support.listener_process import free_ports

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.servers]

SERVICES = ("web", "workers", "beat", "smtpd", "mx")


class Production:
    """Every service of the compose file as a process of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.http, self.submission, submissions, mx = free_ports(4)
        self.certificate = own_certificate(folder, "mail.example.com")
        self.environment = {
            **os.environ, "DATABASE_URL": relay_process.test_database_url(), "REDIS_URL": settings.REDIS_URL,
            "DJANGO_SETTINGS_MODULE": "relayhub.settings", "RELAYHUB_MODE": "production",
            "RELAYHUB_SECRET_KEY": "for-tests-only-" * 3, "RELAYHUB_BASE_URL": "https://mail.example.com",
            "RELAYHUB_ALLOWED_HOSTS": "mail.example.com,127.0.0.1", "RELAYHUB_HOSTNAME": "mail.example.com",
            "RELAYHUB_TLS_CERT": str(self.certificate), "RELAYHUB_TLS_KEY": str(self.certificate),
            "RELAYHUB_DATA": str(folder),
            "RELAYHUB_BIND": "127.0.0.1", "RELAYHUB_HTTP_PORT": str(self.http), "RELAYHUB_WEB_PROCESSES": "1",
            "RELAYHUB_SUBMISSION_PORT": str(self.submission), "RELAYHUB_SUBMISSIONS_PORT": str(submissions),
            "RELAYHUB_MX_PORT": str(mx), "RELAYHUB_WORKERS": "1", "TMPDIR": str(folder),
            "PATH": f"{relay_process.ROOT / '.venv/bin'}:{os.environ['PATH']}",
        }
        self.running: list[subprocess.Popen[bytes]] = []

    def run(self, service: str) -> None:
        """Run one that ends."""
        subprocess.run([self._entry(), service], env=self.environment, check=True, cwd="/", timeout=120)

    def start(self) -> None:
        """Start all that stay."""
        for service in SERVICES:
            with (self.folder / f"{service}.log").open("wb") as log:
                self.running.append(processes.start([self._entry(), service], environment=self.environment, output=log))

    def stop(self) -> list[int]:
        """End all by SIGTERM; their exit codes."""
        for child in self.running:
            child.send_signal(signal.SIGTERM)
        return [processes.end(child, by=signal.SIGTERM, seconds=40) for child in self.running]

    def get(self, path: str, key: str = "") -> tuple[int, Any]:
        """Ask the web service as the proxy in front of it would."""
        headers = {"Host": "mail.example.com"} | ({"Authorization": f"Bearer {key}"} if key else {})
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as exc:
            return exc.code, None
        except OSError:
            return 0, None

    def logs(self) -> str:
        """The end of every service's log."""
        return "\n".join(f"{path.name}: {path.read_text()[-1500:]}" for path in self.folder.rglob("*.log"))

    @staticmethod
    def _entry() -> str:
        return str(relay_process.ROOT / "relayhub/deploy/entrypoint.sh")


@pytest.fixture
def production(tmp_path: Path) -> Iterator[Production]:
    shape = Production(tmp_path)
    yield shape
    shape.stop()


def test_a_message_goes_through_every_service_and_all_stop_in_order(production: Production) -> None:
    production.run("migrate")
    first = json.loads((production.folder / "first-run.json").read_text())
    production.start()
    assert processes.wait_until(lambda: production.get("/readyz")[0] == 200, seconds=90), production.logs()

    trust = ssl.create_default_context(cafile=str(production.certificate))
    with smtplib.SMTP("localhost", production.submission, timeout=20) as client:
        client.starttls(context=trust)
        client.login(first["smtp"]["username"], first["smtp"]["password"])
        client.sendmail("a@shop.example", ["b@there.example"], "From: a@shop.example\r\nSubject: s\r\n\r\nx\r\n")

    def delivered() -> bool:
        found = production.get("/api/v1/messages?status=done", first["api_key"])[1]
        return bool(found and found["data"])

    assert processes.wait_until(delivered, seconds=60), production.logs()
    assert set(production.stop()) <= {0, -signal.SIGTERM, 143}
