"""The embedded PostgreSQL: made once, started as a foreground child, recovered after any crash.

Durability is never traded away: `fsync`, `synchronous_commit` and `full_page_writes` are on and checked
after each start. It listens on a unix socket only, with scram and a random password. Data of another major
version is refused, for it needs a dump and restore.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from relayhub.embedded import processes
from relayhub.embedded.binaries import postgres_folder
from relayhub.embedded.places import Places, reachable_binaries

PORT = 5432
ROLE = "relayhub"
DATABASE = "relayhub"
#: Replaying the log after a crash takes as long as it takes; beyond this something else is wrong.
START_SECONDS = 120.0
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


class ServerProblem(Exception):
    """An embedded server cannot be started; one line that says why and what to do."""


@dataclass(kw_only=True)
class Postgres:
    """One running server."""

    child: subprocess.Popen[bytes]
    socket_folder: Path
    password: str = field(repr=False)

    def stop(self, *, seconds: float = 20.0) -> None:
        """Fast shutdown: sessions are ended, a checkpoint is written."""
        processes.end(self.child, by=signal.SIGINT, seconds=seconds)


def start(places: Places, *, settings: Sequence[str] = ()) -> Postgres:
    """Start the server of these places, making its data first where there is none."""
    folder = reachable_binaries(postgres_folder(), places, name="postgres")
    data = places.servers / "postgres"
    password = _password(places)
    if not (data / "PG_VERSION").exists():
        _initialise(folder, data, places, password)
    _check_version(folder, data)
    _remove_stale_lock(data / "postmaster.pid", data)
    _remove_stale_lock(places.sockets / f".s.PGSQL.{PORT}.lock", data)
    child = _spawn(folder, data, places, settings)
    server = Postgres(child=child, socket_folder=places.sockets, password=password)
    _wait_until_it_answers(server, data)
    _ensure_database(server)
    _check_durable(server)
    return server


def connect(socket_folder: Path, password: str, *, database: str = DATABASE) -> psycopg.Connection[tuple[object, ...]]:
    """A connection in autocommit."""
    return psycopg.connect(
        host=str(socket_folder), port=PORT, user=ROLE, password=password, dbname=database, autocommit=True,
        connect_timeout=5,
    )


def _password(places: Places) -> str:
    path = places.data / "postgres-password"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="utf-8").strip()
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(secrets.token_urlsafe(32))
    return path.read_text(encoding="utf-8").strip()


def _initialise(folder: Path, data: Path, places: Places, password: str) -> None:
    """initdb into a folder beside, then rename: a kill in the middle leaves nothing half-made."""
    making = data.with_name("postgres.making")
    shutil.rmtree(making, ignore_errors=True)
    secret = places.sockets / "initdb-password"
    secret.write_text(password, encoding="utf-8")
    secret.chmod(0o600)
    if places.uid is not None:
        os.chown(secret, places.uid, places.gid or 0)
    command = [
        str(folder / "initdb"), "--pgdata", str(making), "--username", ROLE, "--pwfile", str(secret),
        "--auth", "scram-sha-256", "--encoding", "UTF8", *_locale(folder), "--no-instructions",
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/",
        **({} if places.uid is None else {"user": places.uid, "group": places.gid, "extra_groups": []}),  # type: ignore[call-overload]
    )
    secret.unlink(missing_ok=True)
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise ServerProblem(f"The embedded PostgreSQL cannot make its data in {data}: {' '.join(last)}")
    making.rename(data)


def _locale(folder: Path) -> list[str]:
    """Code-point order, the same on every machine; the built-in provider exists since version 17."""
    if major_version(folder) >= 17:
        return ["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"]
    return ["--locale", "C.UTF-8"]


def major_version(folder: Path) -> int:
    """The major version of the binaries."""
    text = subprocess.run(
        [str(folder / "postgres"), "--version"], capture_output=True, text=True, check=True
    ).stdout
    return int(text.split()[2].split(".")[0])


def _check_version(folder: Path, data: Path) -> None:
    made_by = int((data / "PG_VERSION").read_text(encoding="ascii").strip())
    present = major_version(folder)
    if made_by != present:
        raise ServerProblem(
            f"The data in {data} was made by PostgreSQL {made_by}, and the binaries are of version {present}. Set "
            f"RELAYHUB_PG_BIN to binaries of version {made_by}, make a backup with `manage.py backup`, and restore "
            "it into a new data folder."
        )


def _remove_stale_lock(lock: Path, data: Path) -> None:
    """Remove a lock file whose owner is gone: its process id is soon used again, or still waits to be reaped."""
    try:
        pid = int(lock.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return
    if processes.is_alive(pid) and "postgres" in processes.command_line(pid):
        processes.wait_until(lambda: not processes.is_alive(pid), seconds=15)
        if processes.is_alive(pid):
            raise ServerProblem(
                f"A PostgreSQL server (process {pid}) already works on {data}. Another `up` may be running;"
                " stop it first."
            )
    lock.unlink(missing_ok=True)


def _spawn(folder: Path, data: Path, places: Places, settings: Sequence[str]) -> subprocess.Popen[bytes]:
    values = [
        "listen_addresses=", f"unix_socket_directories={places.sockets}", f"port={PORT}",
        "unix_socket_permissions=0777", "max_connections=100", "shared_buffers=96MB", "wal_buffers=8MB",
        "max_wal_size=2GB", "checkpoint_timeout=15min", "checkpoint_completion_target=0.9",
        "idle_in_transaction_session_timeout=10min", "log_min_messages=warning", "log_timezone=UTC",
        "timezone=UTC", "autovacuum_naptime=20s", "jit=off",
        *(f"{name}={value}" for name, value in DURABLE.items()), *settings,
    ]
    arguments = [item for value in values for item in ("-c", value)]
    log = (places.data / "postgres.log").open("ab")
    with log:
        return processes.start(
            [str(folder / "postgres"), "-D", str(data), *arguments], death_signal=signal.SIGINT,
            uid=places.uid, gid=places.gid, folder=Path("/"), output=log,
        )


def _wait_until_it_answers(server: Postgres, data: Path) -> None:
    def answers() -> bool:
        if server.child.poll() is not None:
            return True
        try:
            connect(server.socket_folder, server.password, database="postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    came = processes.wait_until(answers, seconds=START_SECONDS)
    if server.child.poll() is not None or not came:
        server.stop()
        raise ServerProblem(f"The embedded PostgreSQL did not start. {_last_words(data)}")


def _last_words(data: Path) -> str:
    log = data.parent.parent / "postgres.log"
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    telling = [line for line in lines[-30:] if any(word in line for word in ("FATAL", "PANIC", "ERROR"))]
    return f"Its log says: {(telling or lines or [''])[-1]}"


def _ensure_database(server: Postgres) -> None:
    with connect(server.socket_folder, server.password, database="postgres") as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if found is None:
            connection.execute(f"CREATE DATABASE {DATABASE}")


def _check_durable(server: Postgres) -> None:
    with connect(server.socket_folder, server.password) as connection:
        for name, wanted in DURABLE.items():
            row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
            if row is None or row[0] != wanted:
                server.stop()
                raise ServerProblem(
                    f"The embedded PostgreSQL runs with {name} = {row and row[0]}; mail is not safe there. Remove "
                    "the setting from its postgresql.auto.conf."
                )
