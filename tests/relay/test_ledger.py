"""The ledger is clean after honest work, and each invariant is able to fail."""

from __future__ import annotations

import asyncio
import json

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from relayhub.core import audit
from relayhub.core.access import system_actor
from relayhub.relay import ledger, sweeps
from relayhub.relay.loop_engine import Engine
from tests.support.relay_rows import make_waiting, make_workspace
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


EVENT_AGAIN = (
    "INSERT INTO relay_event SELECT rh_uuid7(), workspace_id, stream_id, message_id, recipient_id,"
    " broadcast_id, contact_id, attempt_id, type, at, reply, detail FROM relay_event WHERE type = '{}'"
)
SUPPRESS_DELIVERED = (
    "UPDATE deliverability_suppression SET address_key = 'ok1@b.example', created_at = now() - interval '1 hour'"
)
#: By hand in SQL, what each invariant forbids.
BREACHES: dict[str, tuple[str, ...]] = {
    "I1": (
        "ALTER TABLE relay_recipient DROP CONSTRAINT recipient_status_known;"
        "UPDATE relay_recipient SET status = 'gone' WHERE status = 'deferred'",
    ),
    "I1.messages": ("UPDATE relay_message SET recipient_count = 9", "DELETE FROM relay_message"),
    "I2": (
        "DELETE FROM relay_recipient WHERE status = 'deferred'",
        "DELETE FROM relay_event WHERE type = 'accepted' AND recipient_id IN"
        " (SELECT id FROM relay_recipient WHERE status = 'delivered')",
        EVENT_AGAIN.format("accepted"),
    ),
    "I3": (
        "UPDATE relay_recipient SET status = 'delivered' WHERE status = 'deferred'",
        "DELETE FROM relay_event WHERE type = 'delivered'",
    ),
    "I4": (EVENT_AGAIN.format("delivered"),),
    "I4.final": (EVENT_AGAIN.format("bounced"),),
    "I5": (
        SUPPRESS_DELIVERED,
        SUPPRESS_DELIVERED + ", scope = 'stream', stream_id = (SELECT id FROM relay_stream)",
        "UPDATE relay_message SET options = '{\"list_ids\": [\"019d0000-0000-7000-8000-000000000001\"]}';"
        "UPDATE relay_recipient SET broadcast_id = rh_uuid7(), accepted_at = now() - interval '2 hours';"
        + SUPPRESS_DELIVERED + ", scope = 'list', list_id = '019d0000-0000-7000-8000-000000000001'",
    ),
    "I5.cancelled": (
        "UPDATE relay_recipient SET broadcast_id = '019d0000-0000-7000-8000-000000000002';"
        "INSERT INTO relay_broadcastcontrol (broadcast_id, workspace_id, stream_id, message_id, campaign_id,"
        " created_at, cancelled_at) SELECT '019d0000-0000-7000-8000-000000000002', workspace_id, id, rh_uuid7(),"
        " rh_uuid7(), now(), now() - interval '1 hour' FROM relay_stream",
    ),
    "I6": (
        "UPDATE relay_recipient SET status = 'leased', lease_token = NULL WHERE status = 'deferred'",
        "UPDATE relay_recipient SET status = 'attempting', lease_token = rh_uuid7(),"
        " lease_until = now() - interval '2 minutes' WHERE status = 'deferred'",
        "UPDATE relay_recipient SET lease_token = rh_uuid7() WHERE status = 'delivered'",
    ),
    "I6.lanes": ("UPDATE relay_recipient SET lane_id = 0", "DELETE FROM relay_lane"),
    "I7": (
        "UPDATE relay_recipient SET status = 'expired' WHERE status = 'deferred'",
        "DELETE FROM relay_event WHERE type = 'attempted'",
        "DELETE FROM relay_event WHERE type = 'unknown'",
    ),
    "I7.attempts": ("UPDATE relay_recipient SET attempts = 0",),
    "I7.suppression": ("DELETE FROM deliverability_suppression",),
    "I8": (
        "DELETE FROM relay_counterdelta WHERE metric = 'delivered'",
        "UPDATE relay_counterdelta SET delta = delta + 1 WHERE metric = 'bounced'",
        "UPDATE relay_counterdelta SET bucket = bucket - interval '1 hour' WHERE metric = 'bounced'",
        "DELETE FROM relay_event WHERE type = 'attempted'",
        "INSERT INTO relay_counterdelta (workspace_id, subject, subject_id, metric, bucket, delta)"
        " SELECT workspace_id, 'link', rh_uuid7(), 'clicked:1', bucket, 1 FROM relay_counterdelta LIMIT 1",
    ),
    "I8.figures": (
        "INSERT INTO relay_broadcastfigures (broadcast_id, version, cells, counted_at, took_ms)"
        """ VALUES (rh_uuid7(), 0, '[["", "delivered", "", 1, 0, 0, 0, 0, 0, 0, 0]]', now(), 0)""",
    ),
    "I8.tenants": (
        "UPDATE relay_event SET workspace_id = rh_uuid7() WHERE type = 'deferred'",
        "UPDATE relay_recipient SET workspace_id = rh_uuid7() WHERE status = 'deferred'",
    ),
    "N1": ("UPDATE relay_recipient SET status = 'quarantined', attempts = 0 WHERE status = 'deferred'",),
    "N2": (
        "INSERT INTO relay_event SELECT '00000000-0000-7000-8000-000000000001', workspace_id, stream_id, message_id,"
        " recipient_id, broadcast_id, contact_id, attempt_id, type, at, reply, detail FROM relay_event LIMIT 1",
    ),
}


def test_each_invariant_has_its_breaches() -> None:
    assert set(BREACHES) == {invariant.id for invariant in ledger.INVARIANTS}


@pytest.mark.parametrize(
    ("expected", "number"), [(name, number) for name, found in BREACHES.items() for number in range(len(found))]
)
def test_each_invariant_can_fail(expected: str, number: int) -> None:
    worked()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(BREACHES[expected][number])
        found = {f.invariant.id: f for f in ledger.verify().findings if not f.holds}
        transaction.set_rollback(True)

    assert expected in found
    assert found[expected].breaches
    if not found[expected].invariant.is_notice:
        assert not ledger.Ledger(findings=list(found.values()), totals={}).is_clean


def test_the_command_says_so_and_exits_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    worked()
    call_command("verify_ledger")
    assert "The ledger is clean." in capsys.readouterr().out
    with connection.cursor() as cursor:
        cursor.execute("UPDATE relay_message SET recipient_count = 9")

    with pytest.raises(SystemExit) as ended:
        call_command("verify_ledger", "--json")

    assert ended.value.code == 1
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    assert [check["id"] for check in told["checks"] if not check["ok"]] == ["I1.messages"]


def test_a_changed_audit_entry_breaks_the_chain(capsys: pytest.CaptureFixture[str]) -> None:
    actor = system_actor(make_workspace())
    for number in range(3):
        audit.record(actor, "test.done", "test", str(number), summary=f"{number}")
    call_command("verify_ledger")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE core_auditentry DISABLE TRIGGER USER")
        cursor.execute("UPDATE core_auditentry SET summary = 'nothing' WHERE object_id = '1'")
        cursor.execute("ALTER TABLE core_auditentry ENABLE TRIGGER USER")

    with pytest.raises(SystemExit):
        call_command("verify_ledger")

    assert "BROKEN audit" in capsys.readouterr().out
