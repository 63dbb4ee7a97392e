"""One file that holds an installation, and putting it back without sending anything twice.

A backup is a tar file with `manifest.json`, `database.dump` (pg_dump's custom format: one snapshot, taken while
mail flows) and, where the secret key was generated into the data folder, `secret-key`; with a key from the
environment only its fingerprint is kept, so that a restore under another key is refused before it starts.
A restored installation is in the past: what it holds as waiting may long be delivered. So a restore leaves sending
paused, and a person looks at what would go out before resuming it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from relayhub.core.clock import now
from relayhub.core.crashpoints import crashpoint
from relayhub.core.errors import ConfigurationError, ConflictError
from relayhub.core.system import pause_sending
from relayhub.embedded.binaries import NoBinaries, postgres_folder

FORMAT = 1
_MANIFEST, _DUMP, _KEY = "manifest.json", "database.dump", "secret-key"
_MAX_MANIFEST_BYTES = 1_000_000
#: The rows that say which migrations were made, in the list of a dump's contents.
_MIGRATIONS = " TABLE DATA public django_migrations "
_REASON = "This installation was restored from the backup of {taken}. Look at what would go out, then resume sending."

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup says of itself."""

    format: int
    taken_at: str
    server_version: int
    #: SHA-256 over a label and the secret key; tells keys apart and gives none away.
    key_fingerprint: str
    has_key: bool
    recipients: int


def back_up(path: Path, say: Say = lambda text: None) -> Manifest:
    """Write a backup to `path` (0600), which appears only when it is whole; ConflictError if it exists."""
    if path.exists():
        raise ConflictError(f"{path} is there already. Name another file.", code="exists")
    path.parent.mkdir(parents=True, exist_ok=True)
    own_key = settings.RELAYHUB_DATA / _KEY
    manifest = Manifest(
        format=FORMAT, taken_at=now().isoformat(timespec="seconds"), server_version=_server_version(),
        key_fingerprint=_fingerprint(), has_key=_key_is_generated(own_key), recipients=_count("relay_recipient"),
    )
    unfinished = path.with_name(f".{path.name}.part")
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".backup-") as folder:
            dump = Path(folder) / _DUMP
            say("dumping the database")
            _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={dump}", _database()["NAME"])
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as raw:
                with tarfile.open(fileobj=raw, mode="w") as tar:
                    _add(tar, _MANIFEST, json.dumps(asdict(manifest), indent=2).encode())
                    if manifest.has_key:
                        _add(tar, _KEY, own_key.read_bytes())
                    tar.add(dump, arcname=_DUMP)
                raw.flush()
                os.fsync(raw.fileno())
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return manifest


def read_manifest(path: Path) -> Manifest:
    """What the file says of itself; ConfigurationError where it is no backup of ours."""
    try:
        with tarfile.open(path, mode="r:") as tar:
            member = _member(tar, _MANIFEST)
            if member.size > _MAX_MANIFEST_BYTES:
                raise ValueError("the manifest is too large")
            manifest = Manifest(**json.loads(_content(tar, _MANIFEST).read()))
            _member(tar, _DUMP)
    except OSError as exc:
        raise ConfigurationError(f"{path} cannot be read: {exc.strerror or exc}.") from exc
    except (tarfile.TarError, ValueError, TypeError, KeyError) as exc:
        raise ConfigurationError(f"{path} is no RelayHub backup, or it was cut short: {exc}.") from exc
    if manifest.format != FORMAT:
        raise ConfigurationError(f"{path} has format {manifest.format}; this version reads format {FORMAT}.")
    return manifest


def restore(path: Path, *, is_replacing: bool = False, say: Say = lambda text: None) -> dict[str, Any]:
    """Put a backup back and leave sending paused; answers what would go out. ConflictError where it must not run.

    It runs on an empty database, or with `is_replacing` on one whose content goes. No other process may use it.
    """
    manifest = read_manifest(path)
    _refuse_unless_alone()
    if _has_tables() and not is_replacing:
        raise ConflictError(
            "The database is not empty. Use an empty one, or --replace to throw away what it holds.", code="not_empty"
        )
    _check_key(manifest)
    if _server_version() // 10_000 < manifest.server_version // 10_000:
        raise ConflictError(
            f"The backup is of PostgreSQL {manifest.server_version // 10_000}; this server is older.", code="too_old"
        )
    # A backup may lie where nothing can be written.
    place = path.parent if os.access(path.parent, os.W_OK) else settings.RELAYHUB_DATA
    with tempfile.TemporaryDirectory(dir=place, prefix=".restore-") as folder:
        dump = Path(folder) / _DUMP
        with tarfile.open(path, mode="r:") as tar, dump.open("wb") as target:
            shutil.copyfileobj(_content(tar, _DUMP), target, 1024 * 1024)
            key = _content(tar, _KEY).read() if manifest.has_key else None
        _empty_database()
        say("putting the database back")
        first, last = _parts_of(dump)
        try:
            _put_back(dump, first)
        except ConfigurationError:
            _empty_database()
            raise
        crashpoint("restore_before_pause")
        if key is not None:
            _keep_key(key)
        pause_sending(_REASON.format(taken=manifest.taken_at))
        _put_back(dump, last)
    say("bringing its tables up to date")
    call_command("migrate", interactive=False, verbosity=0)
    return what_would_go_out()


def _parts_of(dump: Path) -> tuple[Path, Path]:
    """Lists of what to put back: everything but which migrations were made, and that.

    Until the second is back no process takes the database for a migrated one. So a restore that is killed before
    sending is paused leaves nothing that could send.
    """
    whole, first, last = (dump.with_name(f"{name}.list") for name in ("whole", "first", "last"))
    _run("pg_restore", "--list", f"--file={whole}", str(dump))
    lines = whole.read_text(encoding="utf-8").splitlines(keepends=True)
    first.write_text("".join(line for line in lines if _MIGRATIONS not in line), encoding="utf-8")
    last.write_text("".join(line for line in lines if _MIGRATIONS in line), encoding="utf-8")
    return first, last


def _put_back(dump: Path, contents: Path) -> None:
    """Put back what a list names, all of it or nothing."""
    _run("pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction",
         f"--use-list={contents}", f"--dbname={_database()['NAME']}", str(dump))


def what_would_go_out() -> dict[str, Any]:
    """Waiting recipients by workspace and age, and campaigns with a time: what resuming would let go."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT w.name, count(*), min(r.accepted_at) FROM relay_recipient r JOIN core_workspace w "
            "ON w.id = r.workspace_id WHERE r.status IN ('queued', 'deferred', 'leased', 'attempting', 'unknown') "
            "GROUP BY 1 ORDER BY 2 DESC"
        )
        waiting = [{"workspace": name, "recipients": count, "oldest": oldest} for name, count, oldest in cursor]
        cursor.execute(
            "SELECT w.name, c.name, c.scheduled_at FROM campaigns_campaign c JOIN core_workspace w "
            "ON w.id = c.workspace_id WHERE c.status = 'scheduled' ORDER BY c.scheduled_at"
        )
        campaigns = [{"workspace": owner, "campaign": name, "at": at} for owner, name, at in cursor]
    return {"waiting": waiting, "campaigns": campaigns}


# -- the key -------------------------------------------------------------------------------------------------
def _fingerprint(key: str | None = None) -> str:
    return hashlib.sha256(b"relayhub-backup:" + (key or settings.SECRET_KEY).encode()).hexdigest()


def _key_is_generated(path: Path) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8").strip() == settings.SECRET_KEY


def _check_key(manifest: Manifest) -> None:
    if manifest.has_key or manifest.key_fingerprint == _fingerprint():
        return
    raise ConflictError(
        "The backup was made under another RELAYHUB_SECRET_KEY; with this one the DKIM keys and passwords in it could "
        "not be opened. Set the key of the installation that it came from.", code="other_key",
    )


def _keep_key(key: bytes) -> None:
    path = settings.RELAYHUB_DATA / _KEY
    if path.exists() and path.read_bytes().strip() != key.strip():
        path.rename(path.with_name(f"{_KEY}.before-restore"))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(key)


# -- the database --------------------------------------------------------------------------------------------
def _database() -> dict[str, Any]:
    return dict(connection.settings_dict)


def _server_version() -> int:
    connection.ensure_connection()
    return int(connection.connection.info.server_version)


def _count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT count(*) FROM "{table}"')
        return int(cursor.fetchone()[0])


def _has_tables() -> bool:
    return bool(connection.introspection.table_names())


def _refuse_unless_alone() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        )
        others = int(cursor.fetchone()[0])
    if others:
        raise ConflictError(
            f"{others} other connections use this database. Stop every RelayHub process first.", code="in_use"
        )


def _empty_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")


def _run(tool: str, *arguments: str) -> None:
    """Run one of PostgreSQL's tools against our database; ConfigurationError with its last words if it fails."""
    found = _tool(tool)
    database = _database()
    environment = {
        **os.environ, "PGHOST": str(database["HOST"] or ""), "PGPORT": str(database["PORT"] or ""),
        "PGUSER": str(database["USER"] or ""), "PGPASSWORD": str(database["PASSWORD"] or ""),
    }
    options = database.get("OPTIONS", {})
    environment |= {f"PG{name.upper()}": str(options[name]) for name in ("sslmode", "sslrootcert") if name in options}
    done = subprocess.run([str(found), *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        words = done.stderr.strip().splitlines()
        raise ConfigurationError(f"{tool} failed: {words[-1] if words else f'exit {done.returncode}'}")


def _tool(name: str) -> Path:
    """The tool of at least the server's version: of PATH, Debian's folders or the wheel."""
    wanted = _server_version() // 10_000
    candidates = [Path(found) for found in (shutil.which(name),) if found]
    candidates += sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    try:
        candidates.append(postgres_folder() / name)
    except NoBinaries:
        pass
    for path in candidates:
        if os.access(path, os.X_OK) and _major_of(path) >= wanted:
            return path
    raise ConfigurationError(
        f"{name} of PostgreSQL {wanted} or newer was not found; install postgresql-client-{wanted}."
    )


def _major_of(path: Path) -> int:
    said = subprocess.run([str(path), "--version"], capture_output=True, text=True, check=False).stdout
    digits = "".join(char if char.isdigit() else " " for char in said).split()
    return int(digits[0]) if digits else 0


# -- the file ------------------------------------------------------------------------------------------------
def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o600
    tar.addfile(member, io.BytesIO(data))


def _member(tar: tarfile.TarFile, name: str) -> tarfile.TarInfo:
    member = tar.getmember(name)
    if not member.isfile():
        raise ValueError(f"{name} is no file")
    return member


def _content(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    handle = tar.extractfile(_member(tar, name))
    if handle is None:
        raise ValueError(f"{name} cannot be read")
    return handle
