"""Suppression: scopes, idempotence, lifting with a reason, many at once."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from deliverability import suppression
from deliverability.models import Suppression
from deliverability.suppression import NewSuppression
from relayhub.core.errors import ForbiddenError, InputError
from relayhub.core.ids import uuid7
from relayhub.core.models import AuditEntry
from tests.support.deliverability_rows import bulk_stream, make_actor

pytestmark = pytest.mark.django_db


def test_each_scope_reaches_as_far_as_it_says() -> None:
    actor, stream, mailing_list = make_actor(), uuid7(), uuid7()
    wid = actor.workspace.pk
    suppression.suppress(wid, "a@x.example", reason="hard_bounce", scope="workspace")
    suppression.suppress(wid, "b@x.example", reason="complaint", scope="stream", stream_id=stream)
    suppression.suppress(wid, "c@x.example", reason="unsubscribe", scope="list", list_id=mailing_list)
    keys = ["a@x.example", "b@x.example", "c@x.example", "d@x.example"]

    assert set(suppression.suppressed_among(wid, keys)) == {"a@x.example"}
    assert set(suppression.suppressed_among(wid, keys, stream_id=stream)) == {"a@x.example", "b@x.example"}
    assert set(suppression.suppressed_among(wid, keys, stream_id=uuid7(), list_ids=[mailing_list])) == {
        "a@x.example", "c@x.example",
    }
    assert suppression.suppressed_among(make_actor("other").workspace.pk, keys) == {}


def test_another_spelling_is_the_same_address() -> None:
    wid = make_actor().workspace.pk

    first = suppression.suppress(wid, "Zoë@Bäcker.example", reason="manual", scope="workspace")
    second = suppression.suppress(wid, "zoë@xn--bcker-gra.example", reason="hard_bounce", scope="workspace")

    assert first == second
    assert second is not None
    assert second.reason == "manual"


def test_a_complaint_outweighs_what_stood_before() -> None:
    wid, stream = make_actor().workspace.pk, uuid7()

    suppression.suppress(wid, "a@x.example", reason="unsubscribe", scope="stream", stream_id=stream)
    row = suppression.suppress(
        wid, "a@x.example", reason="complaint", scope="stream", stream_id=stream, source="yahoo"
    )

    assert row is not None
    assert (row.reason, row.source) == ("complaint", "yahoo")
    assert Suppression.objects.count() == 1


def test_what_is_no_address_is_not_stored() -> None:
    wid = make_actor().workspace.pk

    assert suppression.suppress(wid, "nobody", reason="manual", scope="workspace") is None


def test_a_scope_without_its_target_is_refused() -> None:
    with pytest.raises(InputError):
        suppression.suppress(make_actor().workspace.pk, "a@x.example", reason="manual", scope="stream")


def test_the_database_itself_refuses_a_scope_without_its_target() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Suppression.objects.create(
            workspace=make_actor().workspace, address="a@x.example", address_key="a@x.example",
            reason="manual", scope="list",
        )


def test_lifting_needs_a_reason_and_keeps_the_row() -> None:
    actor = make_actor()
    row = suppression.suppress(actor.workspace.pk, "a@x.example", reason="hard_bounce", scope="workspace")
    assert row is not None

    with pytest.raises(InputError):
        suppression.lift(actor, row, reason="  ")
    assert suppression.lift(actor, row, reason="mailbox is back")
    assert not suppression.lift(actor, row, reason="again")

    row.refresh_from_db()
    assert (row.lift_reason, row.lifted_by) == ("mailbox is back", "system")
    assert suppression.suppressed_among(actor.workspace.pk, ["a@x.example"]) == {}
    assert AuditEntry.objects.filter(action="suppression.lifted").count() == 1


def test_after_lifting_it_can_be_suppressed_again() -> None:
    actor = make_actor()
    row = suppression.suppress(actor.workspace.pk, "a@x.example", reason="hard_bounce", scope="workspace")
    assert row is not None
    suppression.lift(actor, row, reason="mailbox is back")

    again = suppression.suppress(actor.workspace.pk, "a@x.example", reason="hard_bounce", scope="workspace")

    assert again is not None
    assert again.pk != row.pk


def test_a_new_consent_lifts_only_that_list() -> None:
    wid, news, offers = make_actor().workspace.pk, uuid7(), uuid7()
    for list_id in (news, offers):
        suppression.suppress(wid, "a@x.example", reason="unsubscribe", scope="list", list_id=list_id)

    lifted = suppression.lift_unsubscribe(wid, "a@x.example", list_id=news, reason="subscribed again")

    assert lifted == 1
    assert suppression.suppressed_among(wid, ["a@x.example"], list_ids=[news]) == {}
    assert suppression.suppressed_among(wid, ["a@x.example"], list_ids=[offers])


def test_many_at_once_name_what_is_wrong_and_count_what_is_there() -> None:
    actor = make_actor()
    suppression.suppress(actor.workspace.pk, "old@x.example", reason="manual", scope="workspace")

    result = suppression.suppress_many(
        actor,
        [NewSuppression(address=address) for address in
         ("new@x.example", "old@x.example", "NEW@x.example", "nobody", "two@x.example")],
    )

    assert (result.added, result.already) == (2, 2)
    assert [(item.position, item.address) for item in result.rejected] == [(4, "nobody")]
    assert Suppression.objects.get(address_key="new@x.example").source == "added by system"


def test_more_than_ten_thousand_at_once_are_refused() -> None:
    with pytest.raises(InputError):
        suppression.suppress_many(make_actor(), [NewSuppression(address="a@x.example")] * 10_001)


def test_ten_thousand_at_once_are_taken() -> None:
    entries = [NewSuppression(address=f"u{number}@x.example") for number in range(10_000)]

    assert suppression.suppress_many(make_actor(), entries).added == 10_000


def test_only_who_may_write_suppressions_adds_them() -> None:
    actor = make_actor()
    reader = type(actor)(workspace=actor.workspace, permissions=frozenset(), label="reader")

    with pytest.raises(ForbiddenError):
        suppression.suppress_many(reader, [NewSuppression(address="a@x.example")])


def test_check_answers_in_the_order_asked() -> None:
    actor = make_actor()
    suppression.suppress(actor.workspace.pk, "a@x.example", reason="manual", scope="workspace")

    answers = suppression.check(actor.workspace.pk, ["b@x.example", "A@x.example", "nobody"])

    assert [(a.is_valid, a.is_suppressed) for a in answers] == [(True, False), (True, True), (False, False)]


def test_a_target_of_another_workspace_is_refused() -> None:
    actor = make_actor()
    foreign = bulk_stream(make_actor("other"))

    result = suppression.suppress_many(
        actor, [NewSuppression(address="a@x.example", scope="stream", stream_id=foreign.pk)]
    )

    assert [item.message for item in result.rejected] == ["There is no such stream in this workspace."]
    assert not Suppression.objects.exists()


def test_a_lift_can_be_undone_once() -> None:
    actor = make_actor()
    row = suppression.suppress(actor.workspace.pk, "a@x.example", reason="hard_bounce", scope="workspace")
    assert row is not None
    suppression.lift(actor, row, reason="mailbox is back")

    assert suppression.restore(actor, row)
    assert not suppression.restore(actor, row)
    assert suppression.rows_for_address(actor.workspace.pk, "a@x.example") == [row]
    assert AuditEntry.objects.filter(action="suppression.restored").count() == 1


def test_a_lift_is_not_undone_where_the_address_is_suppressed_anew() -> None:
    actor = make_actor()
    row = suppression.suppress(actor.workspace.pk, "a@x.example", reason="hard_bounce", scope="workspace")
    assert row is not None
    suppression.lift(actor, row, reason="mailbox is back")
    again = suppression.suppress(actor.workspace.pk, "a@x.example", reason="manual", scope="workspace")

    assert not suppression.restore(actor, row)
    assert suppression.rows_for_address(actor.workspace.pk, "a@x.example") == [again]
