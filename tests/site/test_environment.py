"""An unclear variable stops the start with one line that names it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError

from relayhub.core.errors import ConfigurationError
from relayhub.embedded import commandline
from relayhub.env import Environment, EnvironmentProblem
from relayhub.site.services import check_settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RELAYHUB_MODE", "prod"), ("RELAYHUB_HTTP_PORT", "0"), ("RELAYHUB_BASE_URL", "ftp://x"),
        ("RELAYHUB_HOSTNAME", "-x.example"), ("RELAYHUB_HOSTNAME", "x..y"), ("RELAYHUB_HOSTNAME", "a b"),
        ("RELAYHUB_ALLOWED_HOSTS", "http://x"), ("RELAYHUB_ALLOWED_HOSTS", "a b"),
        ("RELAYHUB_DNS_SERVERS", "localhost:53"), ("RELAYHUB_DNS_SERVERS", "192.0.2.1:99999"),
        ("RELAYHUB_TRUSTED_SUBMITTERS", "0.0.0.0/0"), ("RELAYHUB_TRUSTED_SUBMITTERS", "::/0"),
        ("RELAYHUB_TLS_CERT", "/nowhere/at.pem"), ("RELAYHUB_LEASE", "60"),
    ],
)
def test_settings_name_what_they_cannot_use(name: str, value: str, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import relayhub.settings"], cwd=settings.BASE_DIR, capture_output=True, text=True,
        env={**os.environ, "RELAYHUB_DATA": str(tmp_path), name: value}, check=False,
    )

    assert run.returncode == 1
    assert run.stderr.startswith(f"relayhub: {name} ")
    assert run.stderr.count("\n") == 1


def test_clear_values_are_taken() -> None:
    environment = Environment(values={
        "HOSTS": "mail.example.com, .example.org,[::1]", "DNS": "192.0.2.1,192.0.2.1:5353,[2001:db8::1]:53,::1",
        "NETWORKS": "127.0.0.1/32,192.0.2.0/24",
    })

    assert environment.hosts("HOSTS") == ("mail.example.com", ".example.org", "[::1]")
    assert len(environment.name_servers("DNS")) == 4
    assert len(environment.submitters("NETWORKS")) == 2
    with pytest.raises(EnvironmentProblem, match="HOSTS_FILE"):
        Environment(values={"HOSTS_FILE": "/nowhere"}).hosts("HOSTS")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RELAYHUB_DEFAULT_ROUTE", "somewhere"), ("RELAYHUB_DEFAULT_ROUTE", "smtp://"),
        ("RELAYHUB_DEFAULT_ROUTE", "smtp://host:99999"), ("RELAYHUB_DEFAULT_ROUTE", "anymail:nobody"),
        ("RELAYHUB_SYSTEM_FROM", "nobody"), ("RELAYHUB_ENCRYPTION_KEYS", "x"),
        ("RELAYHUB_ENCRYPTION_KEYS", "1:not base64"), ("RELAYHUB_TLS_CERT", __file__),
    ],
)
def test_up_names_what_it_cannot_use(settings: Any, tmp_path: Path, name: str, value: str) -> None:
    settings.RELAYHUB_DATA = tmp_path
    check_settings()
    setattr(settings, name, value)

    with pytest.raises(ConfigurationError, match=name):
        check_settings()


def test_a_database_that_cannot_be_used_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(argv: list[str]) -> None:
        raise OperationalError("couldn't get a connection after 10.00 sec\nmore")

    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@192.0.2.1/x")
    monkeypatch.setenv("REDIS_URL", "redis://192.0.2.1/0")
    monkeypatch.setattr("django.core.management.execute_from_command_line", fails)

    with pytest.raises(SystemExit) as told:
        commandline.run(["manage.py", "doctor"])

    assert told.value.code == (
        "relayhub: The database of DATABASE_URL cannot be used: couldn't get a connection after 10.00 sec."
    )
