"""What `manage.py` runs: Django's commands, with the embedded servers there when one is needed.

A command that needs the database uses the servers that run for this data folder, or starts them for itself
and stops them at its end. `up` holds them for as long as it runs. Nothing is started where `DATABASE_URL` and
`REDIS_URL` name servers elsewhere.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from relayhub import catalogs
from relayhub.embedded import servers
from relayhub.embedded.postgres import ServerProblem
from relayhub.embedded.steps import Steps
from relayhub.embedded.up import PLAN_OPTION
from relayhub.embedded.up import run as run_up
from relayhub.env import Environment, EnvironmentProblem

#: Commands that touch neither database nor Redis.
_NEED_NOTHING = frozenset(
    {"help", "version", "judge", "collectstatic", "makecatalogs", "makemigrations",
     "spectacular", "findstatic", "diffsettings", "startapp"}
)

_ASKS_FOR_HELP = frozenset({"--help", "-h", "--version"})


def run(argv: Sequence[str]) -> None:
    """Run a command line; ends the process with one line where the environment cannot work."""
    try:
        catalogs.compile_all()
        with _servers_for(list(argv)):
            if _is_up(argv):
                run_up(argv)
                return
            _execute(argv)
    except (EnvironmentProblem, ServerProblem, catalogs.CatalogProblem) as exc:
        sys.exit(f"relayhub: {exc}")
    except KeyboardInterrupt:
        sys.exit(130)


def _execute(argv: Sequence[str]) -> None:
    """Hand over to Django; a database that cannot be used is one line too."""
    from django.core.management import execute_from_command_line  # `up` lives long and does without
    from django.db import OperationalError

    try:
        execute_from_command_line(list(argv))
    except OperationalError as exc:
        where = "The embedded database" if Environment().raw("DATABASE_URL") is None else "The database of DATABASE_URL"
        why = (str(exc).strip() or type(exc).__name__).splitlines()[0]
        raise ServerProblem(f"{where} cannot be used: {why}.") from exc


def _is_up(argv: Sequence[str]) -> bool:
    """Whether this is the supervisor: `up` itself, not its child that prepares, nor a question for help."""
    return len(argv) > 1 and argv[1] == "up" and PLAN_OPTION not in argv and not _ASKS_FOR_HELP & set(argv)


def data_folder() -> Path:
    """`RELAYHUB_DATA`, as the settings will read it."""
    base = Path(__file__).resolve().parent.parent.parent
    return Path(Environment().text("RELAYHUB_DATA", str(base / "var"))).expanduser().resolve()


@contextmanager
def _servers_for(argv: list[str]) -> Iterator[None]:
    environment = Environment()
    with_postgres = environment.raw("DATABASE_URL") is None
    with_valkey = environment.raw("REDIS_URL") is None
    command = argv[1] if len(argv) > 1 else "help"
    asks_for_help = bool(_ASKS_FOR_HELP & set(argv[1:]))
    if command in _NEED_NOTHING or asks_for_help or not (with_postgres or with_valkey):
        yield
        return
    data = data_folder()
    with ExitStack() as stack:
        if _is_up(argv) or not _is_available(data, with_postgres):
            stack.enter_context(_own_servers(data, command, with_postgres, with_valkey))
        else:
            stack.enter_context(servers.in_use(data))
        yield


def _is_available(data: Path, with_postgres: bool) -> bool:
    return servers.is_running(data) if with_postgres else (data / "embedded.json").exists()


@contextmanager
def _own_servers(data: Path, command: str, with_postgres: bool, with_valkey: bool) -> Iterator[None]:
    steps = Steps(is_quiet=command != "up")
    hold = servers.take_hold(data)
    try:
        # Ended by SIGTERM the servers are to be stopped in order as well.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        started = servers.start_servers(
            data, with_postgres=with_postgres, with_valkey=with_valkey, say=steps.say
        )
        os.environ["RELAYHUB_STEPS_BEGAN"] = str(steps.began)
        try:
            yield
        finally:
            if command != "up":
                servers.wait_for_users(data)
            started.stop()
            steps.say("stopped")
    finally:
        hold.release()
