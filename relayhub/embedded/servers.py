"""Both embedded servers of one data folder: who holds them, start, stop, and use by several commands.

One process holds a data folder at a time, by a lock that the kernel drops when the process dies, however it
dies. Other commands find the running servers in `embedded.json` and hold a shared lock while they use them,
so that a command which started servers for itself stops them only when nobody else needs them.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from relayhub.embedded import addresses, postgres, valkey
from relayhub.embedded.binaries import NoBinaries
from relayhub.embedded.places import Places, prepare_places
from relayhub.embedded.postgres import Postgres, ServerProblem
from relayhub.embedded.valkey import Valkey

_HOLDER = "holder.lock"
_USERS = "users.lock"
#: How long a start waits for a short command that holds the folder.
_HOLDER_PATIENCE_SECONDS = 20.0
#: A server that cannot be started again is tried again after this; what a killed one left may still be ending.
_REVIVE_PAUSE_SECONDS = 1.0

Say = Callable[[str], None]


@dataclass(kw_only=True)
class Servers:
    """The servers this process started; None where an outside one is used."""

    places: Places | None = None
    postgres: Postgres | None = None
    valkey: Valkey | None = None
    _pause_until: float = 0.0

    def revive(self, warn: Say) -> None:
        """Start again what died, at the same place and with the same password; clients come back by themselves.

        Called again and again by whoever holds the folder, from its main thread.
        """
        if self.places is None or time.monotonic() < self._pause_until:
            return
        try:
            if self.postgres is not None and self.postgres.child.poll() is not None:
                warn("PostgreSQL ended; starting it again")
                self.postgres = postgres.start(self.places)
                warn("PostgreSQL is up again")
            if self.valkey is not None and self.valkey.child.poll() is not None:
                warn("Valkey ended; starting it again")
                self.valkey = valkey.start(self.places, password=self.valkey.password)
                warn("Valkey is up again")
        except (ServerProblem, OSError) as exc:
            warn(str(exc))
            self._pause_until = time.monotonic() + _REVIVE_PAUSE_SECONDS

    def stop(self) -> None:
        """Stop what runs, PostgreSQL last."""
        if self.valkey is not None:
            self.valkey.stop()
        if self.postgres is not None:
            self.postgres.stop()


_held: Servers | None = None


class Hold:
    """The exclusive lock on a data folder."""

    def __init__(self, data: Path) -> None:
        self._path = data / _HOLDER
        self._file = self._path.open("a+", encoding="utf-8")

    def take(self) -> bool:
        """Whether the folder is ours now."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        self._file.seek(0)
        self._file.truncate()
        json.dump({"pid": os.getpid(), "command": " ".join(sys.argv[1:3])}, self._file)
        self._file.flush()
        return True

    def holder(self) -> str:
        """Who holds the folder, in words."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            return f"process {found['pid']} (manage.py {found['command']})"
        except (OSError, ValueError, KeyError):
            return "another process"

    def release(self) -> None:
        """Let the folder go."""
        self._file.close()


def take_hold(data: Path) -> Hold:
    """Hold the data folder; ServerProblem names who does when another `up` has it."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        hold = Hold(data)
    except OSError as exc:
        raise ServerProblem(
            f"The data folder {data} cannot be used: {exc.strerror}. Set RELAYHUB_DATA to a folder this user may "
            "write to."
        ) from exc
    deadline = time.monotonic() + _HOLDER_PATIENCE_SECONDS
    while not hold.take():
        if " up" in hold.holder() or time.monotonic() > deadline:
            who = hold.holder()
            hold.release()
            raise ServerProblem(f"The data folder {data} is held by {who}. Stop it first, or set RELAYHUB_DATA.")
        time.sleep(0.1)
    return hold


def start_servers(data: Path, *, with_postgres: bool, with_valkey: bool, say: Say) -> Servers:
    """Start what is wanted and write where it listens; ServerProblem in one line where that fails."""
    servers = Servers()
    try:
        places = servers.places = prepare_places(data)
        if with_postgres:
            servers.postgres = postgres.start(places)
            say("PostgreSQL is up")
        if with_valkey:
            servers.valkey = valkey.start(places)
            say("Valkey is up")
    except (NoBinaries, OSError) as exc:
        servers.stop()
        raise ServerProblem(str(exc)) from exc
    except BaseException:
        servers.stop()
        raise
    addresses.write(
        data,
        addresses.EmbeddedAddresses(
            socket_folder=str(places.sockets),
            postgres_password=servers.postgres.password if servers.postgres else "",
            valkey_socket=str(servers.valkey.socket) if servers.valkey else "",
            valkey_password=servers.valkey.password if servers.valkey else "",
        ),
    )
    global _held
    _held = servers
    return servers


def held() -> Servers | None:
    """The servers that this process started, if any."""
    return _held


def is_running(data: Path) -> bool:
    """Whether the embedded PostgreSQL of this folder answers."""
    found = addresses.read(data)
    if found is None:
        return False
    try:
        postgres.connect(Path(found.socket_folder), found.postgres_password).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def in_use(data: Path) -> Iterator[None]:
    """Mark the running servers as used, so that whoever started them waits."""
    with (data / _USERS).open("a", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield


def wait_for_users(data: Path) -> None:
    """Wait until no other command uses the servers."""
    with (data / _USERS).open("a", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
