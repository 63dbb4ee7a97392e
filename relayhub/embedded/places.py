"""Where the embedded servers keep their data and sockets, and as which user they run.

PostgreSQL refuses to run as root, so as root both servers run as the system user `relayhub`, made if absent.
Where that user cannot enter the data folder or read the binaries (a clone below a 0700 home), both live in
`/var/lib/relayhub/<hash of the data folder's path>`, named in the data folder; no permission of a folder that
we did not make is changed. Sockets are in a short folder of their own, for their paths are limited.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

SERVER_USER = "relayhub"
SYSTEM_HOME = Path("/var/lib/relayhub")
#: sockaddr_un holds 108 bytes; PostgreSQL adds `/.s.PGSQL.5432` to the folder.
MAX_SOCKET_FOLDER = 76
_ELSEWHERE = "servers-are-in"
_SOCKETS = "socket-folder"


@dataclass(frozen=True, kw_only=True)
class Places:
    """Folders and user of one data folder's servers."""

    data: Path
    #: Holds `postgres/` and `valkey/`.
    servers: Path
    sockets: Path
    #: None = run as whoever starts.
    user: str | None
    uid: int | None
    gid: int | None


def prepare_places(data: Path) -> Places:
    """Make what is missing and say where everything is."""
    data.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return _make(data, data / "servers", None)
    account = _server_account()
    return _make(data, _server_home(data, account), account)


def _make(data: Path, servers: Path, account: pwd.struct_passwd | None) -> Places:
    servers.mkdir(parents=True, exist_ok=True)
    sockets = _socket_folder(data)
    for folder in (servers, sockets):
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        folder.chmod(0o700)
    return Places(
        data=data, servers=servers, sockets=sockets, user=account.pw_name if account else None,
        uid=account.pw_uid if account else None, gid=account.pw_gid if account else None,
    )


def _server_account() -> pwd.struct_passwd:
    """The system user that the servers run as; made when absent, `nobody` when it cannot be made."""
    try:
        return pwd.getpwnam(SERVER_USER)
    except KeyError:
        pass
    useradd = shutil.which("useradd") or "/usr/sbin/useradd"
    subprocess.run(
        [useradd, "--system", "--user-group", "--no-create-home", "--home-dir", str(SYSTEM_HOME),
         "--shell", "/usr/sbin/nologin", SERVER_USER],
        check=False, capture_output=True,
    )
    try:
        return pwd.getpwnam(SERVER_USER)
    except KeyError:
        return pwd.getpwnam("nobody")


def _server_home(data: Path, account: pwd.struct_passwd) -> Path:
    """The data folder's own `servers`, unless its user could not get there."""
    note = data / _ELSEWHERE
    if note.exists():
        return Path(note.read_text(encoding="utf-8").strip())
    own = data / "servers"
    if own.exists() or _may_enter(data, account):
        return own
    digest = hashlib.sha256(str(data).encode()).hexdigest()[:16]
    home = SYSTEM_HOME / digest
    SYSTEM_HOME.mkdir(parents=True, exist_ok=True)
    SYSTEM_HOME.chmod(0o755)
    note.write_text(f"{home}\n", encoding="utf-8")
    return home


def _may_enter(folder: Path, account: pwd.struct_passwd) -> bool:
    """Whether the account may pass through every folder on the way."""
    return all(_may_pass(place, account) for place in (folder, *folder.parents))


def _may_pass(folder: Path, account: pwd.struct_passwd) -> bool:
    facts = folder.stat()
    if facts.st_uid == account.pw_uid:
        return bool(facts.st_mode & 0o100)
    if facts.st_gid == account.pw_gid:
        return bool(facts.st_mode & 0o010)
    return bool(facts.st_mode & 0o001)


def may_read_binaries(folder: Path, places: Places) -> bool:
    """Whether the servers' user can reach and run the binaries in this folder."""
    if places.user is None:
        return True
    return _may_enter(folder.resolve(), pwd.getpwnam(places.user))


def reachable_binaries(folder: Path, places: Places, *, name: str) -> Path:
    """The folder itself, or a copy of its installation that the servers' user can reach.

    `folder` is `…/bin` of an installation with `lib` and `share` beside it.
    """
    if may_read_binaries(folder, places):
        return folder
    root = folder.parent
    package = root.parent
    copy = places.servers.parent / f"{places.servers.name}-{name}-{_fingerprint(root)}"
    if not copy.exists():
        making = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copytree(root, making / package.name / root.name, symlinks=True)
        # Shared libraries that a wheel's binaries look for beside their package.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, making / libraries.name)
        making.chmod(0o755)
        making.rename(copy)
    return copy / package.name / root.name / folder.name


def _fingerprint(root: Path) -> str:
    return hashlib.sha256(f"{root}{root.stat().st_mtime_ns}".encode()).hexdigest()[:10]


def _socket_folder(data: Path) -> Path:
    """A short folder for sockets, made once and remembered; a new one where it is gone."""
    note = data / _SOCKETS
    try:
        known = Path(note.read_text(encoding="utf-8").strip())
        if known.is_dir() and known.stat().st_uid in {os.geteuid(), _known_uid()}:
            return known
    except OSError:
        pass
    base = tempfile.gettempdir()
    if len(base) > MAX_SOCKET_FOLDER - 20:
        base = "/tmp"
    made = Path(tempfile.mkdtemp(prefix="relayhub-", dir=base))
    note.write_text(f"{made}\n", encoding="utf-8")
    return made


def _known_uid() -> int:
    try:
        return pwd.getpwnam(SERVER_USER).pw_uid
    except KeyError:
        return os.geteuid()
