"""From claim to record: each kind of answer moves the row, tells its story, and is counted once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from deliverability.models import Suppression
from relayhub.core.clock import now
from relayhub.core.ids import uuid7
from relayhub.relay.loop_engine import Engine
from relayhub.relay.models import Attempt, Lane, Recipient
from tests.support.relay_rows import (
    event_types,
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


def drain(script: Script | None = None, *, lease_seconds: float = 60.0) -> Script:
    """Deliver whatever is due."""

    async def main() -> Script:
        used = script or Script()
        await Engine(lambda _: used, lease_seconds=lease_seconds).run_until_idle()
        return used

    return asyncio.run(main())


def test_it_delivers_and_tells_the_whole_story() -> None:
    (row,) = make_waiting(["ok@b.example"])

    script = drain()

    assert script.dots == {"ok@b.example": 1}
    assert event_types(row.id) == ["accepted", "attempted", "delivered"]
    row.refresh_from_db()
    assert (row.status, row.attempts, row.lease_token) == ("delivered", 1, None)
    assert row.reply == {"code": 250, "enhanced": "2.0.0", "text": "Ok"}
    assert row.finished_at is not None
    attempt = Attempt.objects.get(recipient_id=row.id)
    assert (attempt.number, attempt.disposition, attempt.peer_host) == (1, "delivered", "mx.example.net")


def test_it_defers_on_a_temporary_refusal_and_waits() -> None:
    (row,) = make_waiting(["greylisted@b.example"])

    drain()

    row.refresh_from_db()
    assert (row.status, row.attempts) == ("deferred", 1)
    assert row.next_attempt_at > now() + timedelta(seconds=200)
    assert event_types(row.id) == ["accepted", "attempted", "deferred"]


def test_a_hard_bounce_suppresses_the_address_in_the_whole_workspace() -> None:
    (row,) = make_waiting(["refused@b.example"])

    drain()

    row.refresh_from_db()
    assert (row.status, row.bounce_class, row.attempts) == ("bounced", "hard", 1)
    found = Suppression.objects.get()
    assert (found.address_key, found.reason, found.scope) == ("refused@b.example", "hard_bounce", "workspace")
    assert found.source.startswith("550 5.1.1")


def test_a_refusal_before_the_dot_counts_as_an_attempt_without_an_intent() -> None:
    (row,) = make_waiting(["refused@b.example"])

    script = drain()

    assert script.dots == {}
    assert Attempt.objects.get(recipient_id=row.id).number == 1


def test_a_drop_after_the_dot_is_unknown_and_not_deferred() -> None:
    (row,) = make_waiting(["dropped@b.example"])

    drain()

    row.refresh_from_db()
    assert (row.status, row.attempts) == ("unknown", 1)


def test_a_message_that_cannot_be_made_bounces_without_a_connection() -> None:
    (row,) = make_waiting(["unprepared@b.example"])

    script = drain()

    assert script.tries == {}
    row.refresh_from_db()
    assert row.status == "bounced"


def test_a_fault_of_ours_gives_the_row_back_and_the_third_puts_it_aside() -> None:
    (row,) = make_waiting(["raise@b.example"])

    for _ in range(3):
        Recipient.objects.update(next_attempt_at=now() - timedelta(seconds=1))
        drain()

    row.refresh_from_db()
    assert (row.status, row.crashes, row.attempts) == ("quarantined", 3, 0)
    assert event_types(row.id) == ["accepted", "quarantined"]


def test_suppressed_since_accept_is_not_sent() -> None:
    (row,) = make_waiting(["ok@b.example"])
    Suppression.objects.create(
        workspace=row.workspace,
        address="ok@b.example",
        address_key="ok@b.example",
        reason="manual",
        scope="workspace",
    )

    script = drain()

    assert script.tries == {}
    assert statuses([row]) == {"ok@b.example": "suppressed"}
    assert event_types(row.id) == ["accepted", "suppressed"]


def test_a_complaint_of_another_stream_does_not_stop_it() -> None:
    (row,) = make_waiting(["ok@b.example"])
    other = make_stream(row.workspace, "broadcast")
    Suppression.objects.create(
        workspace=row.workspace,
        address="ok@b.example",
        address_key="ok@b.example",
        reason="complaint",
        scope="stream",
        stream_id=other.pk,
    )

    drain()

    assert statuses([row]) == {"ok@b.example": "delivered"}


def test_a_list_scope_stops_the_broadcast_to_that_list_only() -> None:
    stream = make_stream(make_workspace(), "broadcast")
    left, other = uuid7(), uuid7()
    rows = []
    for number, list_id in enumerate((left, other)):
        message = make_message(stream, options={"list_ids": [str(list_id)]})
        lane = make_lane(stream, "mx.example.net", broadcast_id=uuid7())
        rows += make_recipients(
            message,
            lane,
            [f"ok{number}@b.example"],
        )
    for row in rows:
        Suppression.objects.create(
            workspace=row.workspace,
            address=row.address,
            address_key=row.address_key,
            reason="unsubscribe",
            scope="list",
            list_id=left,
        )

    drain()

    assert statuses(rows) == {"ok0@b.example": "suppressed", "ok1@b.example": "delivered"}


def test_past_its_lifetime_it_expires_without_an_attempt() -> None:
    (row,) = make_waiting(["ok@b.example"])
    row.message.expires_at = now() - timedelta(seconds=1)
    row.message.save(update_fields=["expires_at"])

    script = drain()

    assert script.tries == {}
    assert event_types(row.id) == ["accepted", "expired"]


def test_what_no_route_lets_out_is_held_with_its_reason() -> None:
    (row,) = make_waiting(["held@b.example"])

    drain()

    row.refresh_from_db()
    assert (row.status, row.hold_reason, row.attempts) == ("held", "scripted", 0)


def test_mail_for_later_is_not_claimed() -> None:
    (row,) = make_waiting(["ok@b.example"])
    Recipient.objects.update(next_attempt_at=now() + timedelta(minutes=5))

    drain()

    assert statuses([row]) == {"ok@b.example": "queued"}


def test_the_sandbox_keeps_mail_in_batches_without_a_conversation() -> None:
    rows = make_waiting([f"ok{n}@b.example" for n in range(700)], site="sandbox")

    script = drain()

    assert script.tries == {}
    assert set(statuses(rows).values()) == {"delivered"}
    assert event_types(rows[0].id) == ["accepted", "attempted", "delivered"]
    row = Recipient.objects.get(pk=rows[0].pk)
    assert (row.transport, row.reply) == ("sandbox", None)


def test_a_dead_receiver_sees_one_try_and_its_lane_backs_off() -> None:
    rows = make_waiting([f"unreachable{n}@b.example" for n in range(30)])

    script = drain()

    assert sum(script.tries.values()) == 1
    lane = Lane.objects.get()
    assert lane.backoff_until is not None
    assert lane.backoff_until > now()
    waiting = [row for row in Recipient.objects.filter(pk__in=[r.pk for r in rows]) if row.status == "queued"]
    assert len(waiting) == 29
    assert {row.attempts for row in waiting} == {0}


def test_after_a_backoff_one_row_probes_and_success_opens_the_lane() -> None:
    rows = make_waiting([f"ok{n}@b.example" for n in range(30)])
    Lane.objects.update(
        backoff_until=now() - timedelta(seconds=1), backoff_reason="No conversation came about."
    )

    drain()

    assert set(statuses(rows).values()) == {"delivered"}
    assert Lane.objects.get().backoff_reason == ""


def test_many_at_once_are_each_tried_exactly_once() -> None:
    rows = make_waiting([f"ok{n}@b.example" for n in range(300)])

    script = drain()

    assert set(statuses(rows).values()) == {"delivered"}
    assert set(script.dots.values()) == {1}
    assert set(script.tries.values()) == {1}
