"""The ledger is clean after honest work, and each invariant is able to fail."""

from __future__ import annotations

import asyncio

import pytest
from django.db import connection

from relayhub.relay import ledger, sweeps
from relayhub.relay.loop_engine import Engine
from tests.support.relay_rows import make_waiting
from tests.support.relay_script import Script

pytestmark = pytest.mark.django_db(transaction=True)


def worked() -> None:
    """Some mail of every fate."""
    make_waiting(["ok1@b.example", "refused@b.example", "greylisted@b.example", "dropped@b.example"])

    async def main() -> None:
        await Engine(lambda _: Script(), lease_seconds=60).run_until_idle()

    asyncio.run(main())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE relay_message SET recipient_count = 4")


def broken_ids() -> set[str]:
    return {f.invariant.id for f in ledger.verify().findings if not f.holds and not f.invariant.is_notice}


def test_it_is_clean_after_honest_work_folded_or_not() -> None:
    worked()

    before = broken_ids()
    sweeps.fold_counters()

    assert before == set()
    assert broken_ids() == set()
    assert ledger.verify().totals == {"bounced": 1, "deferred": 1, "delivered": 1, "unknown": 1}


@pytest.mark.parametrize(
    ("breach", "expected"),
    [
        ("DELETE FROM relay_recipient WHERE status = 'deferred'", "I2"),
        ("UPDATE relay_message SET recipient_count = 9", "I1.messages"),
        ("UPDATE relay_recipient SET status = 'delivered' WHERE status = 'deferred'", "I3"),
        (
            "INSERT INTO relay_event SELECT rh_uuid7(), workspace_id, stream_id, message_id, recipient_id,"
            " broadcast_id, contact_id, attempt_id, type, at, reply, detail FROM relay_event"
            " WHERE type = 'delivered'",
            "I4",
        ),
        (
            "UPDATE deliverability_suppression SET address_key = 'ok1@b.example',"
            " created_at = now() - interval '1 hour'",
            "I5",
        ),
        ("UPDATE relay_recipient SET status = 'leased', lease_token = NULL WHERE status = 'deferred'", "I6"),
        ("UPDATE relay_recipient SET lane_id = 0", "I6.lanes"),
        ("UPDATE relay_recipient SET status = 'expired' WHERE status = 'deferred'", "I7"),
        ("UPDATE relay_recipient SET attempts = 0", "I7.attempts"),
        ("DELETE FROM relay_counterdelta WHERE metric = 'delivered'", "I8"),
        ("UPDATE relay_event SET workspace_id = rh_uuid7() WHERE type = 'deferred'", "I8.tenants"),
    ],
)
def test_each_invariant_can_fail(breach: str, expected: str) -> None:
    worked()

    with connection.cursor() as cursor:
        cursor.execute(breach)

    assert expected in broken_ids()
