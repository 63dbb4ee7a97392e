"""Set-based expansion of broadcasts, and the switches that people and programs hold."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import connection, transaction

from deliverability.models import Suppression
from relayhub.core.access import Actor, system_actor
from relayhub.core.errors import ConflictError
from relayhub.core.ids import uuid7
from relayhub.core.models import AuditEntry, Workspace
from relayhub.relay import acts, bulk, controls, lanes, ledger
from relayhub.relay.models import BroadcastControl, Message, Recipient, Stream, TrackedLink
from tests.support.relay_rows import event_types, make_stream, make_waiting, make_workspace, statuses

pytestmark = pytest.mark.django_db(transaction=True)

AUDIENCE = """
SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS contact_id,
  'p' || n || '@d' || (n %% 3) || '.example' AS address,
  'p' || n || '@d' || (n %% 3) || '.example' AS address_key,
  'd' || (n %% 3) || '.example' AS domain, jsonb_build_object('n', n) AS merge
FROM generate_series(%(first)s::int, %(last)s::int) AS n
"""


@pytest.fixture(autouse=True)
def _lanes_without_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every domain is its own site: rules and DNS are tested elsewhere."""
    monkeypatch.setattr(lanes, "sites_for", lambda workspace_id, stream_id, domains: {d: d for d in domains})


def make_broadcast(stream: Stream, broadcast_id: UUID | None = None) -> BroadcastControl:
    """A broadcast without recipients."""
    wanted = bulk.BroadcastMessage(
        workspace=stream.workspace,
        stream=stream,
        broadcast_id=broadcast_id or uuid7(),
        campaign_id=uuid7(),
        content=b"{}",
        links=["https://a.example/", "https://b.example/"],
        from_header="a@acme.example",
        from_address="a@acme.example",
        from_domain="acme.example",
        subject="News",
        list_ids=[uuid7()],
    )
    message = bulk.create_broadcast_message(wanted)
    assert bulk.create_broadcast_message(wanted) == message
    return BroadcastControl.objects.get(pk=wanted.broadcast_id)


def expand(control: BroadcastControl, first: int, last: int) -> int:
    """Store a part of the audience."""
    return bulk.insert_recipients_from(AUDIENCE, {"first": first, "last": last}, control=control)


def actor_of(workspace: Workspace) -> Actor:
    """Somebody who may do everything."""
    return system_actor(workspace)


def test_it_stores_each_contact_once_however_often_a_part_is_expanded() -> None:
    control = make_broadcast(make_stream(make_workspace(), "broadcast"))

    stored = [expand(control, 1, 3000), expand(control, 2001, 4000), expand(control, 1, 4000)]

    assert stored == [3000, 1000, 0]
    assert Recipient.objects.count() == 4000
    assert Message.objects.get(pk=control.message_id).recipient_count == 4000
    assert TrackedLink.objects.count() == 2
    assert [f.invariant.id for f in ledger.verify().findings if not f.holds] == []


def test_suppressed_ones_come_in_as_such() -> None:
    control = make_broadcast(make_stream(make_workspace(), "broadcast"))
    Suppression.objects.create(
        workspace=control.workspace,
        address="p1@d1.example",
        address_key="p1@d1.example",
        reason="manual",
        scope="workspace",
    )

    expand(control, 1, 3)

    row = Recipient.objects.get(address="p1@d1.example")
    assert row.status == "suppressed"
    assert event_types(row.id) == ["accepted", "suppressed"]
    assert Recipient.objects.filter(status="queued").count() == 2


def test_a_failed_transaction_leaves_nothing() -> None:
    control = make_broadcast(make_stream(make_workspace(), "broadcast"))

    with transaction.atomic():
        expand(control, 1, 100)
        transaction.set_rollback(True)

    assert Recipient.objects.count() == 0
    assert expand(control, 1, 100) == 100


def test_a_cancelled_broadcast_takes_no_more_and_loses_what_waits() -> None:
    control = make_broadcast(make_stream(make_workspace(), "broadcast"))
    expand(control, 1, 50)

    cancelled = controls.cancel_broadcast(control.broadcast_id)

    assert (cancelled, expand(control, 51, 60)) == (50, 0)
    assert set(Recipient.objects.values_list("status", flat=True)) == {"cancelled"}
    assert controls.cancel_broadcast(control.broadcast_id) == 0
    assert [f.invariant.id for f in ledger.verify().findings if not f.holds] == []


def test_pausing_and_resuming_a_broadcast_say_whether_they_did_something() -> None:
    control = make_broadcast(make_stream(make_workspace(), "broadcast"))

    answers = [
        controls.pause_broadcast(control.broadcast_id),
        controls.pause_broadcast(control.broadcast_id),
        controls.resume_broadcast(control.broadcast_id),
        controls.resume_broadcast(control.broadcast_id),
    ]

    assert answers == [True, False, True, False]


def test_a_message_can_be_cancelled_once_and_says_so_in_the_audit_log() -> None:
    rows = make_waiting(["a@b.example", "b@b.example"])
    message, actor = rows[0].message, actor_of(rows[0].workspace)

    cancelled = controls.cancel_message(actor, message)

    assert cancelled == 2
    assert set(statuses(rows).values()) == {"cancelled"}
    assert AuditEntry.objects.filter(action="message.cancelled").count() == 1
    with pytest.raises(ConflictError):
        controls.cancel_message(actor, message)


def test_held_mail_goes_again_once_released() -> None:
    (row,) = make_waiting(["a@b.example"])
    actor = actor_of(row.workspace)

    controls.hold_message(actor, row.message)
    held = statuses([row])
    controls.release_message(actor, row.message)

    assert (held, statuses([row])) == ({"a@b.example": "held"}, {"a@b.example": "queued"})
    assert event_types(row.id) == ["accepted", "held", "released"]


def test_a_whole_campaign_is_paused_and_not_held() -> None:
    control = make_broadcast(make_stream(make_workspace(), "broadcast"))
    expand(control, 1, 2)
    message = Message.objects.get(pk=control.message_id)
    first, second = Recipient.objects.filter(message=message).order_by("id")
    actor = actor_of(message.workspace)

    with pytest.raises(ConflictError, match="pause the campaign"):
        controls.hold_message(actor, message)
    controls.hold_message(actor, message, [first])

    assert statuses([first, second]) == {first.address: "held", second.address: "queued"}
    assert acts.open_to(actor, message, {"queued": 2}).hold == 0


def test_a_stream_is_paused_and_resumed_with_a_reason() -> None:
    stream = make_stream(make_workspace())
    actor = actor_of(stream.workspace)

    controls.pause_stream(actor, stream, reason="Complaints")
    paused = (stream.paused_at is not None, stream.paused_reason)
    controls.resume_stream(actor, stream)

    assert paused == (True, "Complaints")
    assert stream.paused_at is None


def test_expanding_a_hundred_thousand_is_a_few_statements() -> None:
    control = make_broadcast(make_stream(make_workspace(), "broadcast"))

    with connection.execute_wrapper(_Count()) as _:
        expand(control, 1, 5000)

    assert _Count.calls < 25


class _Count:
    """Counts statements."""

    calls = 0

    def __call__(self, execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        type(self).calls += 1
        return execute(sql, params, many, context)
