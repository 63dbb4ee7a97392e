"""W3 to W6: a relay worker dies by kill -9 at each dangerous instant; nothing is lost, copies are bounded."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from django.db import connection

from relayhub.relay import events_move, ledger
from relayhub.relay.lanes import LANE_CONNECTIONS
from relayhub.relay.loop_engine import Engine
from relayhub.relay.models import Recipient
from tests.support.relay_process import dots_in, run_worker
from tests.support.relay_rows import event_types, make_waiting, statuses
from tests.support.relay_script import Script

pytestmark = pytest.mark.django_db(transaction=True)


def let_leases_run_out() -> events_move.Reaped:
    """As if a minute and more had passed since the worker died."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE relay_recipient SET lease_until = now() - interval '1 minute' WHERE lease_until IS NOT NULL"
        )
    return events_move.reap(unknown_hold_seconds=0, grace_seconds=0)


def drain_here(path: Path) -> None:
    """The next worker."""

    async def main() -> None:
        await Engine(lambda _: Script(ledger=str(path)), lease_seconds=60).run_until_idle()

    asyncio.run(main())


def finish(path: Path) -> None:
    """What the next workers and sweeps do until everything is settled."""
    for _ in range(10):
        let_leases_run_out()
        events_move.retry_unknown()
        drain_here(path)


@pytest.mark.parametrize(
    ("crashpoint", "most_duplicates"),
    [
        ("after_claim", 0),  # W3
        ("before_intent", 0),  # W3
        ("after_intent", 0),  # W4
        # Later passes: other connections of the same worker may be between their dot and its record.
        ("after_claim:3", LANE_CONNECTIONS),
        ("before_intent:5", LANE_CONNECTIONS),
        ("after_intent:9", LANE_CONNECTIONS),
        ("after_final_dot:7", LANE_CONNECTIONS),  # W5
        ("after_reply:11", LANE_CONNECTIONS),  # W6
        ("after_outcome_commit:6", LANE_CONNECTIONS),
    ],
)
def test_nothing_is_lost_and_duplicates_are_bounded(tmp_path: Path, crashpoint: str, most_duplicates: int) -> None:
    rows = make_waiting([f"ok{n}@b.example" for n in range(60)])
    path = tmp_path / "dots"

    was_killed = run_worker(ledger=path, crashpoint=crashpoint)
    finish(path)

    assert was_killed
    assert set(statuses(rows).values()) == {"delivered"}
    copies = Counter(dots_in(path))
    assert len(copies) == 60
    assert max(copies.values()) <= 2
    assert sum(copies.values()) - 60 <= most_duplicates
    assert [f.invariant.id for f in ledger.verify().findings if not f.holds] == ["I1.messages"]


def test_a_death_before_the_intent_counts_against_nobody_in_a_larger_claim(tmp_path: Path) -> None:
    rows = make_waiting([f"ok{n}@b.example" for n in range(8)])

    run_worker(ledger=tmp_path / "dots", crashpoint="before_intent")
    reaped = let_leases_run_out()

    assert reaped.rows == 8
    found = Recipient.objects.filter(pk__in=[row.pk for row in rows])
    assert {(row.status, row.crashes, row.claim_limit, row.attempts) for row in found} == {("queued", 0, 10, 0)}


def test_a_message_that_kills_its_workers_is_quarantined_and_its_neighbours_go_free(tmp_path: Path) -> None:
    rows = make_waiting(["poison@b.example", "ok1@b.example", "ok2@b.example"])
    path = tmp_path / "dots"
    deaths = 0

    for _ in range(12):
        status = statuses(rows)["poison@b.example"]
        if status == "quarantined":
            break
        # It dies on whatever is sent first while the poison row waits; alone it is the poison row itself.
        deaths += run_worker(ledger=path, crashpoint="before_intent")
        let_leases_run_out()
        events_move.retry_unknown()

    # Every row that was alone in its claim when a worker died three times is put aside, never lost.
    assert deaths >= 3
    assert set(statuses(rows).values()) <= {"quarantined", "queued"}
    assert "quarantined" in set(statuses(rows).values())


def test_an_unknown_outcome_is_tried_once_more_and_then_put_aside(tmp_path: Path) -> None:
    (row,) = make_waiting(["ok@b.example"])
    path = tmp_path / "dots"

    run_worker(ledger=path, crashpoint="after_final_dot")
    let_leases_run_out()
    first = statuses([row])["ok@b.example"]
    retried = events_move.retry_unknown()
    run_worker(ledger=path, crashpoint="after_final_dot")
    let_leases_run_out()

    assert (first, retried) == ("unknown", 1)
    assert statuses([row]) == {"ok@b.example": "quarantined"}
    assert event_types(row.id) == ["accepted", "unknown", "released", "quarantined"]
    assert dots_in(path) == ["ok@b.example"] * 2


def test_a_broadcast_waits_for_a_bounce_before_its_unknown_one_is_tried_again(tmp_path: Path) -> None:
    (row,) = make_waiting(["dropped@b.example"], kind="broadcast")
    path = tmp_path / "dots"

    drain_here(path)

    assert statuses([row]) == {"dropped@b.example": "unknown"}
    assert events_move.retry_unknown() == 0
