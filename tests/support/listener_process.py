"""A listener as a process of its own, for tests that kill it: `smtpd` on ports the system chose."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from tests.support.relay_process import ROOT, test_database_url
from tests.support.smtp_listener import RawClient


class ListenerProcess:
    """Started with the command an operator uses; ends with the block."""

    def __init__(
        self, role: str = "submission", *, crashpoint: str = "", ports: list[int] | None = None
    ) -> None:
        ports = ports or free_ports(3)
        self.port = ports[2] if role == "mx" else ports[0]
        environment = {
            **os.environ, "DATABASE_URL": test_database_url(), "DJANGO_SETTINGS_MODULE": "relayhub.settings",
            "RELAYHUB_SECRET_KEY": "0" * 40, "RELAYHUB_CRASHPOINT": crashpoint, "RELAYHUB_BIND": "127.0.0.1",
            "RELAYHUB_SUBMISSION_PORT": str(ports[0]), "RELAYHUB_SUBMISSIONS_PORT": str(ports[1]),
            "RELAYHUB_MX_PORT": str(ports[2]), "RELAYHUB_TRUSTED_SUBMITTERS": "127.0.0.0/8",
        }
        self.process = subprocess.Popen(
            [sys.executable, str(Path(ROOT) / "manage.py"), "smtpd", "--role", role], env=environment, cwd=ROOT,
            stderr=subprocess.PIPE,
        )
        # The line that says it listens; whatever comes before and after is drained by the pipe's end.
        for line in self.process.stderr or ():
            if b"smtpd.listening" in line:
                break

    def __enter__(self) -> ListenerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(20)
        if self.process.stderr is not None:
            self.process.stderr.close()

    def client(self) -> RawClient:
        """A client that has said EHLO."""
        client = RawClient(self.port)
        client.say("EHLO client.example")
        return client


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in held]
    for sock in held:
        sock.close()
    return ports
