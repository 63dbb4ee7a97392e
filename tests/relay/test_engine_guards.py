"""What may stop a claimed row before its final dot: each guard, at the last moment it can act."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from django.db import connection

from relayhub.core import system
from relayhub.core.clock import now
from relayhub.core.models import Workspace
from relayhub.relay import controls, deliver, events_move, events_outcome, managers
from relayhub.relay.events_move import Pick
from relayhub.relay.events_outcome import Held, Release
from relayhub.relay.history import Statement
from relayhub.relay.loop_commit import GroupCommit
from relayhub.relay.loop_db import LoopConnection
from relayhub.relay.loop_engine import Engine
from relayhub.relay.models import Lane, Recipient, Stream
from tests.support.relay_process import test_database_url as database_url
from tests.support.relay_rows import (
    event_types,
    make_control,
    make_lane,
    make_message,
    make_recipients,
    make_stream,
    make_waiting,
    make_workspace,
    statuses,
)
from tests.support.relay_script import Script

pytestmark = pytest.mark.django_db(transaction=True)


def execute(sql: str, *params: object) -> None:
    """Change the database from outside the loop, as another process would."""
    with psycopg.connect(database_url(), autocommit=True) as other:
        other.execute(sql, params)


def drain_with(before_dot: Callable[[str], None] | None = None) -> Script:
    """Deliver what is due; `before_dot` runs when a body is out and its intent not yet asked for."""

    async def main() -> Script:
        script = Script(before_dot=before_dot)
        await Engine(lambda _: script, lease_seconds=60).run_until_idle()
        return script

    return asyncio.run(main())


def test_suppressed_between_claim_and_intent_sends_no_dot() -> None:
    (row,) = make_waiting(["ok@b.example"])

    script = drain_with(
        lambda _: execute(
            "INSERT INTO deliverability_suppression (id, workspace_id, address, address_key, reason, scope,"
            " source, created_at, lifted_by, lift_reason)"
            " VALUES (rh_uuid7(), %s, 'ok@b.example', 'ok@b.example', 'manual', 'workspace',"
            " '', now(), '', '')",
            row.workspace_id,
        )
    )

    assert script.dots == {}
    assert event_types(row.id) == ["accepted", "suppressed"]
    row.refresh_from_db()
    assert (row.status, row.attempts) == ("suppressed", 0)


@pytest.mark.parametrize(
    "stop",
    [
        "UPDATE relay_lane SET paused_at = now()",
        "UPDATE relay_stream SET paused_at = now()",
        "UPDATE core_workspace SET sending_stopped_at = now()",
        "INSERT INTO core_systemstate (key, value, changed_at) VALUES ('sending_paused', '{}', now())",
    ],
)
def test_paused_between_claim_and_intent_goes_back_untried(stop: str) -> None:
    rows = make_waiting([f"ok{n}@b.example" for n in range(20)])

    script = drain_with(lambda _: execute(stop))

    assert script.dots == {}
    assert set(statuses(rows).values()) == {"queued"}
    assert {row.attempts for row in Recipient.objects.all()} == {0}


def test_a_message_cancelled_while_claimed_sends_no_dot() -> None:
    (row,) = make_waiting(["ok@b.example"])
    pick = Pick(where="r.id = %(id)s", params={"id": row.id})
    moved: list[int] = []

    def cancel(_: str) -> None:
        from threading import Thread

        def other() -> None:
            moved.append(events_move.cancel(pick, why="test"))
            connection.close()

        thread = Thread(target=other)
        thread.start()
        thread.join()

    script = drain_with(cancel)

    assert (moved, script.dots) == ([1], {})
    assert event_types(row.id) == ["accepted", "cancelled"]


def test_a_cancelled_broadcast_sends_nothing_more() -> None:
    stream = make_stream(make_workspace(), "broadcast")
    control = make_control(stream)
    lane = make_lane(stream, broadcast_id=control.broadcast_id)
    rows = make_recipients(make_message(stream), lane, [f"ok{n}@b.example" for n in range(40)])

    script = drain_with(lambda _: execute("UPDATE relay_broadcastcontrol SET cancelled_at = now()"))
    cancelled = controls.cancel_broadcast(control.broadcast_id)

    assert script.dots == {}
    assert set(statuses(rows).values()) == {"cancelled"}
    assert 0 < cancelled < 40


@pytest.mark.parametrize("field", ["paused_at", "cancelled_at"])
def test_a_stopped_broadcast_is_not_claimed(field: str) -> None:
    stream = make_stream(make_workspace(), "broadcast")
    control = make_control(stream, **{field: now()})
    rows = make_recipients(
        make_message(stream), make_lane(stream, broadcast_id=control.broadcast_id), ["ok@b.example"]
    )

    script = drain_with()

    assert script.tries == {}
    assert set(statuses(rows).values()) == {"queued"}


@pytest.mark.parametrize("what", ["lane", "stream", "workspace", "installation", "backoff"])
def test_a_stopped_lane_is_not_claimed(what: str) -> None:
    rows = make_waiting(["ok@b.example"])
    match what:
        case "lane":
            Lane.objects.update(paused_at=now())
        case "stream":
            Stream.objects.update(paused_at=now())
        case "workspace":
            Workspace.objects.update(sending_stopped_at=now())
        case "installation":
            system.pause_sending("restored")
        case _:
            Lane.objects.update(backoff_until=now() + timedelta(minutes=1), backoff_reason="too fast")

    script = drain_with()

    assert script.tries == {}
    assert set(statuses(rows).values()) == {"queued"}


def in_loop(work: Callable[[LoopConnection], Awaitable[None]]) -> None:
    """Run something with a connection of the loop's kind."""

    async def main() -> None:
        held = LoopConnection("test")
        await work(held)
        await held.close()

    asyncio.run(main())


def test_a_stale_owner_changes_nothing() -> None:
    (row,) = make_waiting(["ok@b.example"])
    token, stale = uuid4(), uuid4()
    answers: list[object] = []

    async def work(held: LoopConnection) -> None:
        await held.fetch(
            managers.claim_statement(lane_id=row.lane_id, token=token, limit=1, lease_seconds=60)
        )
        at = now()
        answers.append(
            await held.fetch(events_outcome.intent_statement([Held(recipient_id=row.id, token=stale)]))
        )
        answers.append(
            await held.fetch(
                events_outcome.outcome_statement(
                    [
                        events_outcome.Outcome(
                            recipient_id=row.id,
                            token=stale,
                            attempt_id=uuid4(),
                            status="delivered",
                            started_at=at,
                            ended_at=at,
                        )
                    ]
                )
            )
        )
        answers.append(
            await held.fetch(events_outcome.release_statement([Release(recipient_id=row.id, token=stale)]))
        )
        answers.append(
            await held.fetch(managers.renew_statement(ids=[row.id], tokens=[stale], lease_seconds=60))
        )

    in_loop(work)

    assert answers == [[], [], [], []]
    assert statuses([row]) == {"ok@b.example": "leased"}
    assert event_types(row.id) == ["accepted"]


def test_an_intent_after_the_lease_ran_out_is_lost() -> None:
    (row,) = make_waiting(["ok@b.example"])
    token = uuid4()
    answers: list[object] = []

    async def work(held: LoopConnection) -> None:
        await held.fetch(
            managers.claim_statement(lane_id=row.lane_id, token=token, limit=1, lease_seconds=60)
        )
        await held.fetch(Statement(sql="UPDATE relay_recipient SET lease_until = now()"))
        answers.append(
            await held.fetch(events_outcome.intent_statement([Held(recipient_id=row.id, token=token)]))
        )

    in_loop(work)

    assert answers == [[]]


def test_no_dot_goes_out_past_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after SIGSTOP for five minutes: the clock that counts suspension has moved on."""
    (row,) = make_waiting(["ok@b.example"])
    real = deliver.monotonic_seconds
    late = {"seconds": 0.0}
    monkeypatch.setattr(deliver, "monotonic_seconds", lambda: real() + late["seconds"])

    def stopped(_: str) -> None:
        late["seconds"] = 300.0

    async def main() -> Script:
        script = Script(before_dot=stopped)
        engine = Engine(lambda _: script, lease_seconds=60)
        running = asyncio.create_task(engine.run())
        while not script.tries:
            await asyncio.sleep(0)
        engine.stop()
        await running
        return script

    script = asyncio.run(main())

    assert script.dots == {}
    assert statuses([row]) == {"ok@b.example": "queued"}


def test_stopping_finishes_what_is_begun_and_gives_back_the_rest() -> None:
    rows = make_waiting([f"ok{n}@b.example" for n in range(10)])

    async def main() -> Script:
        script = Script()
        script.gate.clear()
        engine = Engine(lambda _: script, lease_seconds=60)
        running = asyncio.create_task(engine.run())
        while not script.tries:
            await asyncio.sleep(0)
        engine.stop()
        script.gate.set()
        await running
        return script

    script = asyncio.run(main())

    assert sum(script.dots.values()) == 1
    assert sorted(statuses(rows).values()) == ["delivered"] + ["queued"] * 9
    assert {row.lease_token for row in Recipient.objects.all()} == {None}
    assert {row.crashes for row in Recipient.objects.all()} == {0}


def test_the_group_commit_survives_a_lost_connection() -> None:
    rows = make_waiting([f"ok{n}@b.example" for n in range(5)])
    verdicts: list[object] = []

    async def work(held: LoopConnection) -> None:
        token = uuid4()
        await held.fetch(
            managers.claim_statement(lane_id=rows[0].lane_id, token=token, limit=5, lease_seconds=60)
        )
        commits = GroupCommit(held)
        running = asyncio.create_task(commits.run())
        execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'relayhub relay test'"
        )
        verdicts.extend(
            await asyncio.gather(*(commits.submit(Held(recipient_id=row.id, token=token)) for row in rows))
        )
        commits.close()
        await running

    in_loop(work)

    assert [str(verdict) for verdict in verdicts] == ["go"] * 5


def test_one_bad_entry_does_not_take_its_group_with_it() -> None:
    rows = make_waiting([f"ok{n}@b.example" for n in range(3)])
    answers: list[object] = []

    async def work(held: LoopConnection) -> None:
        token = uuid4()
        await held.fetch(
            managers.claim_statement(lane_id=rows[0].lane_id, token=token, limit=3, lease_seconds=60)
        )
        commits = GroupCommit(held)
        at = now()
        entries = [
            events_outcome.Outcome(
                recipient_id=row.id,
                token=token,
                attempt_id=uuid4(),
                started_at=at,
                ended_at=at,
                peer_host="mx\x00evil",
                status="nonsense" if number == 1 else "delivered",
            )
            for number, row in enumerate(rows)
        ]
        futures = [commits.submit(entry) for entry in entries]
        commits.close()
        await commits.run()
        answers.extend(await asyncio.gather(*futures))

    in_loop(work)

    assert sorted(map(bool, answers)) == [False, True, True]
    assert sorted(statuses(rows).values()) == ["delivered", "delivered", "leased"]
