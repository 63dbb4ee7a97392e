"""A backup put back is the same installation, with sending paused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from relayhub.core import crashpoints
from relayhub.core.errors import ConfigurationError
from relayhub.site import backup

ROOT = Path(__file__).resolve().parents[2]


def test_a_file_that_is_no_backup_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(b"no tar at all")

    with pytest.raises(ConfigurationError, match="no RelayHub backup"):
        backup.read_manifest(path)


def test_a_manifest_alone_is_no_backup(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as tar:
        backup._add(tar, "manifest.json", b'{"format": 1}')

    with pytest.raises(ConfigurationError, match="no RelayHub backup"):
        backup.read_manifest(path)


@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
def test_there_and_back(tmp_path: Path, django_db_blocker: object) -> None:
    from django.conf import settings
    from django.db import connection

    # Two databases of their own: the commands need whole ones, with nobody else connected.
    names = [f"backup_{os.getpid()}_{number}" for number in (1, 2)]
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"CREATE DATABASE {name}")
    database = connection.settings_dict
    connection.close()
    path = tmp_path / "all.tar"

    def url(name: str) -> str:
        login = f"{database['USER']}:{database['PASSWORD']}"
        return f"postgresql://{login}@/{name}?host={database['HOST']}&port={database['PORT']}"

    def manage(name: str, *arguments: str, key: str = "k" * 40, dies_at: str = "") -> subprocess.CompletedProcess[str]:
        query = url(name) if str(database["HOST"]).startswith("/") else (
            f"postgresql://{database['USER']}:{database['PASSWORD']}@{database['HOST'] or '127.0.0.1'}:"
            f"{database['PORT'] or 5432}/{name}"
        )
        environment = {
            **os.environ, "DATABASE_URL": query, "REDIS_URL": settings.REDIS_URL, "RELAYHUB_SECRET_KEY": key,
            "RELAYHUB_DATA": str(tmp_path / "data"), crashpoints.VARIABLE: dies_at,
        }
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments], env=environment, capture_output=True, text=True,
            check=False, timeout=120,
        )

    try:
        assert manage(names[0], "migrate", "-v0").returncode == 0
        made = manage(names[0], "create_workspace", "Bakery")
        assert made.returncode == 0, made.stderr
        saved = manage(names[0], "backup", str(path))
        assert saved.returncode == 0, saved.stderr
        assert path.stat().st_mode & 0o777 == 0o600
        again = manage(names[0], "backup", str(path))
        assert again.returncode == 1
        assert "is there already" in again.stderr

        other = manage(names[1], "restore", str(path), key="z" * 40)
        assert other.returncode == 1
        assert "another RELAYHUB_SECRET_KEY" in other.stderr
        killed = manage(names[1], "restore", str(path), dies_at="restore_before_pause")
        assert killed.returncode == -signal.SIGKILL
        # All rows are there and sending is not paused yet: nothing may take the database for a whole one.
        assert manage(names[1], "migrate", "--check").returncode != 0
        assert manage(names[1], "migrate", "-v0").returncode != 0
        back = manage(names[1], "restore", "--replace", str(path))
        assert back.returncode == 0, back.stderr
        assert "Sending is paused" in back.stdout
        twice = manage(names[1], "restore", str(path))
        assert twice.returncode == 1
        assert "not empty" in twice.stderr
        assert manage(names[1], "restore", "--replace", str(path)).returncode == 0

        shown = manage(names[1], "shell", "-v0", "-c",
                       "from relayhub.core.models import Workspace as W;"
                       "from relayhub.core.system import sending_paused as p;"
                       "print('names', [w.name for w in W.objects.all()], bool(p()))")
        assert "names ['Bakery'] True" in shown.stdout, shown.stderr
        assert manage(names[1], "migrate", "--check").returncode == 0
        assert manage(names[1], "verify_ledger").returncode == 0
        assert "Sending goes on" in manage(names[1], "resume_sending").stdout
    finally:
        with connection.cursor() as cursor:
            for name in names:
                cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.django_db
def test_what_waits_is_shown_and_resumed_by_staff_only() -> None:
    from relayhub.core.models import User
    from relayhub.core.system import pause_sending, sending_paused
    from tests.pages.marketer_rows import desk

    pause_sending("Restored.")
    at = desk()
    User.objects.filter(pk=at.user.pk).update(is_staff=False)
    assert at.client.get("/sending").status_code == 403
    assert at.client.post("/sending").status_code == 403
    User.objects.filter(pk=at.user.pk).update(is_staff=True)

    page = at.client.get("/sending").content.decode()
    assert "Restored." in page
    assert "No mail waits" in page
    assert "See what waits" in at.client.get("/").content.decode()
    at.client.post("/sending")

    assert sending_paused() == ""
