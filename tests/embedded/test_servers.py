"""The embedded servers: started, killed, started again where clients look for them."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from relayhub.embedded import postgres, processes
from relayhub.embedded.servers import Servers, start_servers


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
