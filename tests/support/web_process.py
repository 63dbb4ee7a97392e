"""The web application as a process of its own, for tests that kill it: uvicorn on a port the system chose."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from tests.support.listener_process import free_ports
from tests.support.relay_process import ROOT
from tests.support.relay_workers import worker_environment
from tests.support.waiting import until


@dataclass(frozen=True)
class Answer:
    """What the API said; status 0 where it said nothing."""

    status: int
    body: Any


class WebProcess:
    """Started as `up` starts it; ends with the block."""

    def __init__(self, *, crashpoint: str = "") -> None:
        (self.port,) = free_ports(1)
        command = [
            sys.executable, "-m", "uvicorn", "relayhub.asgi:application", "--host", "127.0.0.1", "--port",
            str(self.port), "--no-access-log", "--lifespan", "off", "--log-level", "warning",
        ]
        self.process = subprocess.Popen(command, env=worker_environment(RELAYHUB_CRASHPOINT=crashpoint), cwd=ROOT)
        until(lambda: self.ask("/healthz").status == 200, "the web process answers")

    def __enter__(self) -> WebProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(20)

    def ask(self, path: str, body: Any = None, **headers: str) -> Answer:
        """GET, or POST where there is a body."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **headers},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return Answer(answer.status, _body(answer.read()))
        except urllib.error.HTTPError as error:
            return Answer(error.code, _body(error.read()))
        except OSError:
            return Answer(0, None)


def _body(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw
