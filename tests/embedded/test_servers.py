"""The embedded servers: started, killed, started again where clients look for them."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from relayhub.embedded import postgres, processes, up
from relayhub.embedded.servers import Servers, start_servers
from relayhub.embedded.supervisor import Supervisor


class Done:
    """A child that prepared everything."""

    returncode = 0


@pytest.fixture
def servers() -> Iterator[Servers]:
    with tempfile.TemporaryDirectory(prefix="relayhub-servers-") as folder:
        Path(folder).chmod(0o755)
        running = start_servers(Path(folder), with_postgres=True, with_valkey=True, say=lambda text: None)
        yield running
        running.stop()


def test_killed_servers_come_back_with_their_data_and_passwords(servers: Servers) -> None:
    said: list[str] = []
    assert servers.postgres is not None
    assert servers.valkey is not None
    place, password = servers.postgres.socket_folder, servers.postgres.password
    client = redis.Redis(unix_socket_path=str(servers.valkey.socket), password=servers.valkey.password)
    with postgres.connect(place, password) as connection:
        connection.execute("CREATE TABLE kept (id int)")
    servers.revive(said.append)
    assert said == []

    for child in (servers.postgres.child, servers.valkey.child):
        child.kill()
        child.wait()

    assert processes.wait_until(lambda: servers.revive(said.append) or said[-1:] == ["Valkey is up again"], seconds=60)
    with postgres.connect(place, password) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    assert client.ping()


def test_up_looks_after_the_servers_it_holds(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = up.Plan(
        services=(), logs=str(tmp_path), readiness_url="http://127.0.0.1:1/", host="x", ready_line="ready",
        stops_when_ready=False,
    )
    monkeypatch.setattr(up.subprocess, "run", lambda argv, check: plan.write(Path(argv[-1])) or Done())
    monkeypatch.setattr(up, "_wait_until_ready", lambda plan, supervisor: True)
    assert servers.valkey is not None
    client = redis.Redis(unix_socket_path=str(servers.valkey.socket), password=servers.valkey.password)
    servers.valkey.child.kill()
    servers.valkey.child.wait()

    def watch(supervisor: Supervisor) -> None:
        assert processes.wait_until(lambda: supervisor.look() or "is up again" in capsys.readouterr().err, seconds=60)

    monkeypatch.setattr(Supervisor, "watch", watch)
    before = [signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)]
    try:
        up.run(["manage.py", "up"])
    finally:
        for name, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(name, handler)

    assert client.ping()


def test_locks_of_a_killed_server_that_nobody_reaped_yet_do_not_stop_the_next_one() -> None:
    with tempfile.TemporaryDirectory(prefix="relayhub-servers-") as folder:
        Path(folder).chmod(0o755)
        first = start_servers(Path(folder), with_postgres=True, with_valkey=False, say=lambda text: None)
        assert first.postgres is not None
        child = first.postgres.child
        os.kill(child.pid, signal.SIGKILL)
        # Looked at without reaping: it stays a zombie whose process id answers to signals.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert (first.postgres.socket_folder / f".s.PGSQL.{postgres.PORT}.lock").exists()

        second = start_servers(Path(folder), with_postgres=True, with_valkey=False, say=lambda text: None)

        second.stop()
        child.wait()
