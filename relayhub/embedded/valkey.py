"""The embedded Valkey: the bell, limits and the live feed. Nothing in it must survive, though it mostly does.

A unix socket only, with a password; no eviction, for a broker that forgets at random is worse than a full one.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import redis

from relayhub.embedded import processes
from relayhub.embedded.binaries import valkey_binary
from relayhub.embedded.places import Places, reachable_binaries
from relayhub.embedded.postgres import ServerProblem

START_SECONDS = 30.0


@dataclass(kw_only=True)
class Valkey:
    """One running server."""

    child: subprocess.Popen[bytes]
    socket: Path
    password: str = field(repr=False)

    def stop(self, *, seconds: float = 10.0) -> None:
        """Write the log out and end."""
        processes.end(self.child, by=signal.SIGTERM, seconds=seconds)


def start(places: Places, *, password: str | None = None) -> Valkey:
    """Start the server of these places; with a password made now unless one is given."""
    binary = _reachable(places)
    folder = places.servers / "valkey"
    folder.mkdir(exist_ok=True)
    socket = places.sockets / "valkey.sock"
    socket.unlink(missing_ok=True)
    password = password or secrets.token_urlsafe(32)
    config = _write_config(folder, socket, password, places)
    if places.uid is not None:
        for path in (folder, config, *folder.rglob("*")):
            os.chown(path, places.uid, places.gid or 0)
    with (places.data / "valkey.log").open("ab") as log:
        child = processes.start(
            [str(binary), str(config)], uid=places.uid, gid=places.gid, folder=Path("/"), output=log
        )
    server = Valkey(child=child, socket=socket, password=password)
    _wait_until_it_answers(server, places)
    return server


def _reachable(places: Places) -> Path:
    binary = valkey_binary()
    # The binary stands alone: its folder plays the part of `bin`.
    return reachable_binaries(binary.parent, places, name="valkey") / binary.name


def _write_config(folder: Path, socket: Path, password: str, places: Places) -> Path:
    """A new password at each start: whoever may connect reads it from the data folder."""
    path = folder / "valkey.conf"
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(
            f'port 0\nunixsocket "{socket}"\nunixsocketperm 777\nrequirepass {password}\ndir "{folder}"\n'
            "appendonly yes\nappendfsync everysec\nsave \"\"\nmaxmemory-policy noeviction\ndaemonize no\n"
            "tcp-keepalive 60\nloglevel warning\n"
            # A rewritten title would overwrite the arguments and the environment that the process shows.
            "set-proc-title no\n"
        )
    return path


def _wait_until_it_answers(server: Valkey, places: Places) -> None:
    client = redis.Redis(unix_socket_path=str(server.socket), password=server.password, socket_timeout=5)

    def answers() -> bool:
        if server.child.poll() is not None:
            return True
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False

    came = processes.wait_until(answers, seconds=START_SECONDS)
    client.close()
    if server.child.poll() is not None or not came:
        server.stop()
        raise ServerProblem(f"The embedded Valkey did not start; its log is {places.data / 'valkey.log'}.")
