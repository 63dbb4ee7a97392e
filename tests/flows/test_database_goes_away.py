"""D1 in small: the connections of a relay worker are cut again and again while it delivers."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from relayhub.relay import ledger
from relayhub.relay.loop_engine import Engine
from tests.support.relay_process import test_database_url as database_url
from tests.support.relay_rows import make_waiting, statuses
from tests.support.relay_script import Script

pytestmark = pytest.mark.django_db(transaction=True)


def cut_all() -> None:
    """End every session of the relay's loop."""
    with psycopg.connect(database_url(), autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'relayhub relay%'"
        )


def test_nothing_is_lost_or_sent_twice_when_connections_are_cut() -> None:
    rows = make_waiting([f"ok{n}@b.example" for n in range(120)])

    async def main() -> Script:
        script = Script(before_dot=lambda address: cut_all() if address.endswith("7@b.example") else None)
        engine = Engine(lambda _: script, lease_seconds=60)
        running = asyncio.create_task(engine.run())
        while len(script.dots) < len(rows):
            await asyncio.sleep(0.01)
        engine.stop()
        await running
        return script

    script = asyncio.run(main())

    assert set(statuses(rows).values()) == {"delivered"}
    assert set(script.dots.values()) == {1}
    assert [f.invariant.id for f in ledger.verify().findings if not f.holds] == ["I1.messages"]
