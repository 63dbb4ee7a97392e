"""What time brings about, and limits that hold over any minute."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection

from relayhub.core.clock import now
from relayhub.core.facts import OutcomeFact
from relayhub.core.models import IdempotencyRecord
from relayhub.relay import events_feedback, events_move, paces, reactions, sweeps
from relayhub.relay.events import HOLD_DOMAIN, HOLD_PERSON
from relayhub.relay.events_move import Pick
from relayhub.relay.loop_engine import Engine
from relayhub.relay.models import Counter, CounterDelta, EventType, Lane, Message, Recipient
from tests.support.relay_rows import event_types, make_waiting, statuses
from tests.support.relay_script import Script

pytestmark = pytest.mark.django_db(transaction=True)

told: list[OutcomeFact] = []


def listen(facts: list[OutcomeFact]) -> None:
    """A reactor."""
    told.extend(facts)


def fail(facts: list[OutcomeFact]) -> None:
    """A reactor that cannot."""
    raise RuntimeError("scripted")


def drain() -> None:
    """Deliver what is due."""

    async def main() -> None:
        await Engine(lambda _: Script(), lease_seconds=60).run_until_idle()

    asyncio.run(main())


def run_sql(sql: str, params: list[object] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def test_a_lease_that_still_runs_is_left_alone() -> None:
    rows = make_waiting(["ok@b.example"])
    run_sql(
        "UPDATE relay_recipient SET status = 'leased', lease_token = rh_uuid7(),"
        " lease_until = now() + interval '1 second'"
    )

    reaped = events_move.reap(unknown_hold_seconds=0, grace_seconds=0)

    assert reaped.rows == 0
    assert statuses(rows) == {"ok@b.example": "leased"}


@pytest.mark.parametrize(
    ("was", "claim_limit", "crashes", "becomes", "crashes_after"),
    [
        ("leased", None, 0, "queued", 0),  # of a larger claim: nobody is to blame yet
        ("leased", 10, 0, "queued", 0),
        ("leased", 1, 0, "queued", 1),  # alone: it counts
        ("leased", 1, 2, "quarantined", 3),
        ("attempting", None, 0, "unknown", 1),
        ("attempting", 1, 2, "quarantined", 3),
    ],
)
def test_what_a_died_claim_leaves(
    was: str, claim_limit: int | None, crashes: int, becomes: str, crashes_after: int
) -> None:
    (row,) = make_waiting(["ok@b.example"])
    run_sql(
        "UPDATE relay_recipient SET status = %s, claim_limit = %s, crashes = %s, lease_token = rh_uuid7(),"
        " lease_until = now() - interval '1 minute'",
        [was, claim_limit, crashes],
    )

    events_move.reap(unknown_hold_seconds=0, grace_seconds=0)

    row.refresh_from_db()
    assert (row.status, row.crashes, row.lease_token) == (becomes, crashes_after, None)
    assert row.claim_limit == (10 if claim_limit is None else 1)


def test_after_a_death_rows_are_claimed_ten_at_a_time_and_then_alone() -> None:
    from uuid import uuid4

    from relayhub.relay import managers

    rows = make_waiting([f"ok{n}@b.example" for n in range(30)])
    sizes = []
    for limit in (None, 10, 1):
        run_sql("UPDATE relay_recipient SET status = 'queued', claim_limit = %s", [limit])
        statement = managers.claim_statement(
            lane_id=rows[0].lane_id, token=uuid4(), limit=25, lease_seconds=60
        )
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, statement.params)
            sizes.append(len(cursor.fetchall()))

    assert sizes == [25, 10, 1]


def test_held_and_paused_mail_expires_too() -> None:
    (held, waiting) = make_waiting(["a@b.example", "b@b.example"])
    Recipient.objects.filter(pk=held.pk).update(status="held", hold_reason=HOLD_PERSON)
    Lane.objects.update(paused_at=now())
    Message.objects.update(expires_at=now() - timedelta(minutes=1))

    expired = sweeps.expire_unclaimed()

    assert expired == 2
    assert set(statuses([held, waiting]).values()) == {"expired"}
    assert event_types(held.id) == ["accepted", "expired"]


def test_mail_held_for_its_domain_goes_by_itself_and_mail_held_by_a_person_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = make_waiting(["a@b.example", "b@b.example", "c@b.example"])
    for row, reason in zip(rows, (HOLD_DOMAIN, "domain_broken", HOLD_PERSON), strict=True):
        Recipient.objects.filter(pk=row.pk).update(status="held", hold_reason=reason)
    monkeypatch.setattr(sweeps, "_is_verified", lambda workspace_id, domain: domain == "acme.example")

    released = sweeps.release_verified_domains()

    assert released == 2
    assert statuses(rows) == {"a@b.example": "queued", "b@b.example": "queued", "c@b.example": "held"}
    assert event_types(rows[0].id) == ["accepted", "released"]


def test_folding_keeps_every_count() -> None:
    make_waiting([f"ok{n}@b.example" for n in range(7)])
    drain()

    folded = sweeps.fold_counters()

    assert folded > 0
    assert CounterDelta.objects.count() == 0
    values = {(c.subject, c.metric): c.value for c in Counter.objects.all()}
    assert values == {("stream", "accepted"): 7, ("stream", "attempted"): 7, ("stream", "delivered"): 7}


def test_reactors_hear_of_each_outcome_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "OUTCOME_REACTORS", (f"{__name__}.listen",))
    told.clear()
    (row,) = make_waiting(["ok@b.example"])
    drain()

    reactions.react()
    reactions.react()

    assert [(fact.type, fact.address) for fact in told] == [(EventType.DELIVERED, row.address)]


def test_a_failing_reactor_loses_no_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "OUTCOME_REACTORS", (f"{__name__}.fail",))
    told.clear()
    make_waiting(["ok@b.example"])
    drain()
    with pytest.raises(RuntimeError):
        reactions.react()

    monkeypatch.setattr(settings, "OUTCOME_REACTORS", (f"{__name__}.listen",))
    reactions.react()

    assert len(told) == 1


def test_idle_lanes_go_and_used_ones_stay() -> None:
    make_waiting(["ok@b.example"])
    used = Lane.objects.get()
    idle = Lane.objects.create(workspace=used.workspace, stream=used.stream, site="old.example")
    Lane.objects.update(created_at=now() - timedelta(days=3))

    sweeps.remove_idle_lanes()

    assert set(Lane.objects.values_list("pk", flat=True)) == {used.pk}
    assert idle.pk != used.pk


def test_housekeeping_makes_partitions_and_forgets_old_answers() -> None:
    (row,) = make_waiting(["ok@b.example"])
    IdempotencyRecord.objects.create(
        workspace=row.workspace, key="old", fingerprint="x", expires_at=now() - timedelta(hours=1)
    )

    sweeps.housekeep()

    assert IdempotencyRecord.objects.count() == 0
    assert sweeps.ensure_partitions() == 0


@pytest.mark.parametrize("limit", [1, 2, 59, 60, 61, 600, 100_000])
def test_a_bucket_never_gives_more_than_the_limit_in_any_minute(limit: int) -> None:
    burst, rate = paces.bucket(limit)

    if burst == 1.0:
        assert rate * 60 <= limit  # evenly spaced, so a minute holds at most the limit
    else:
        assert burst + rate * 60 <= limit + 1e-6


def take(limit: int, wanted: int) -> int:
    """What one claim may have."""
    statement = paces.take_statement(key="lane:1", max_per_minute=limit, wanted=wanted)
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, statement.params)
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def test_a_bucket_gives_its_size_and_then_only_what_time_brings() -> None:
    grants = [take(120, 50) for _ in range(5)]
    run_sql("UPDATE relay_pace SET tokens = 0, refilled_at = now() - interval '30 seconds'")

    assert grants == [0, 2, 0, 0, 0]
    assert take(120, 50) == 2


def test_what_a_claim_does_not_use_is_put_back() -> None:
    take(6000, 50)
    granted = take(6000, 50)
    statement = paces.put_back_statement(key="lane:1", unused=granted)
    run_sql(statement.sql, statement.params)

    assert take(6000, 100) >= 50


def test_a_paced_lane_sends_only_its_share() -> None:
    rows = make_waiting([f"ok{n}@b.example" for n in range(50)])
    Lane.objects.update(max_per_minute=1)

    async def main() -> None:
        script = Script()
        engine = Engine(lambda _: script, lease_seconds=60)
        running = asyncio.create_task(engine.run())
        polls: set[float] = set()
        while not script.dots or len(polls) < 30:
            polls.add(engine.last_poll)
            engine.ring([rows[0].lane_id])
            await asyncio.sleep(0)
        engine.stop()
        await running

    asyncio.run(main())

    assert sorted(statuses(rows).values()) == ["delivered"] + ["queued"] * 49


def test_a_click_is_counted_once_a_minute_by_stream_and_link() -> None:
    (row,) = make_waiting(["ok@b.example"], kind="broadcast")
    Recipient.objects.update(broadcast_id=row.message_id, contact_id=row.id)

    stored = [
        events_feedback.record_click(row.id, link=2, url="https://x.example/", is_machine=machine)
        for machine in (False, False, True)
    ]

    assert stored == [True, False, True]
    metrics = set(CounterDelta.objects.values_list("subject", "metric"))
    assert {
        ("link", "clicked:2"),
        ("stream", "clicked"),
        ("stream", "clicked:machine"),
        ("broadcast", "clicked:first"),
    } <= metrics
    row.refresh_from_db()
    assert row.clicked_at is not None
    assert row.machine_clicked_at is not None


def test_a_complaint_counts_once_and_closes_the_stream_only() -> None:
    from deliverability.models import Suppression

    (row,) = make_waiting(["ok@b.example"])
    drain()

    first = events_feedback.record_complaint(row.id, source="feedback report")
    second = events_feedback.record_complaint(row.id, source="feedback report")

    assert (first, second) == (True, False)
    assert Suppression.objects.get().scope == "stream"


def test_a_bounce_report_counts_once_and_suppresses() -> None:
    from deliverability.models import Suppression

    (row,) = make_waiting(["ok@b.example"])
    drain()
    report = events_feedback.Report(
        recipient_id=row.id,
        status=EventType.BOUNCED,
        key="abc",
        bounce_class="hard",
        bounce_category="recipient",
        suppresses=True,
        source="550 5.1.1",
        reply={"code": 550, "enhanced": "5.1.1", "text": "gone"},
    )

    first, second = events_feedback.record_report(report), events_feedback.record_report(report)

    assert (first, second) == (True, False)
    assert statuses([row]) == {"ok@b.example": "bounced"}
    assert Suppression.objects.get().reason == "hard_bounce"


def test_a_delay_report_is_noted_once_and_changes_nothing() -> None:
    (row,) = make_waiting(["ok@b.example"])
    drain()
    report = events_feedback.Report(recipient_id=row.id, status=EventType.DEFERRED, key="abc")

    first, second = events_feedback.record_report(report), events_feedback.record_report(report)

    assert (first, second) == (True, False)
    assert statuses([row]) == {"ok@b.example": "delivered"}


def test_a_delivery_report_settles_an_unknown_outcome() -> None:
    (row,) = make_waiting(["dropped@b.example"])
    drain()

    settled = events_feedback.record_report(
        events_feedback.Report(recipient_id=row.id, status=EventType.DELIVERED, key="abc")
    )

    assert settled
    assert statuses([row]) == {"dropped@b.example": "delivered"}


def test_released_quarantine_is_tried_alone() -> None:
    (row,) = make_waiting(["ok@b.example"])
    Recipient.objects.update(status="quarantined", crashes=3)

    events_move.release(Pick(where="true", params={}), why="A person looked.")

    row.refresh_from_db()
    assert (row.status, row.crashes, row.claim_limit) == ("queued", 0, 1)
