"""W9: the expander, the importer and its undo are killed again and again in the middle; counts stay exact."""

from __future__ import annotations

import signal
from collections import Counter

import pytest
from django.db.models import Count

from campaigns import broadcast, import_undo
from campaigns.models import Broadcast, BroadcastAudience, Contact, Subscription
from relayhub.core.models import Job
from relayhub.relay.models import Event, Message, Recipient
from tests.support.acts import act
from tests.support.campaign_run import (
    at_once,
    check_import,
    check_ledger,
    launch_twice,
    make_audience,
    make_campaign,
    start_import,
)
from tests.support.door_rows import Sender
from tests.support.smtp_sink import SmtpSink

pytestmark = [pytest.mark.chaos, pytest.mark.django_db(transaction=True)]

KILLED = -signal.SIGKILL


@pytest.mark.parametrize("passes", [1, 2, 5])
@pytest.mark.parametrize("crashpoint", ["expand_mid_batch", "after_expand_batch"])
def test_an_expander_killed_mid_batch_stores_everybody_once(
    sender: Sender, sink: SmtpSink, crashpoint: str, passes: int
) -> None:
    people = make_audience(1500)
    row = launch_twice(sender, make_campaign(sender, people, sink))

    # Before its commit a batch leaves nothing; behind it, the next run goes on from there.
    assert act("expand", row.pk, crashpoint=f"{crashpoint}:{passes}") == KILLED
    kept = Recipient.objects.filter(broadcast_id=row.pk).count()
    assert kept == 100 * (passes if crashpoint == "after_expand_batch" else passes - 1)
    assert act("expand", row.pk, crashpoint=f"{crashpoint}:2") == KILLED
    at_once(lambda: act("expand", row.pk), lambda: act("expand", row.pk), lambda: broadcast.expand(row.pk))
    broadcast.expand(row.pk)

    found = Broadcast.objects.get(pk=row.pk)
    assert (found.status, found.expanded_count) == ("expanded", people.size)
    rows = Recipient.objects.filter(broadcast_id=row.pk)
    assert Counter(rows.values_list("address", flat=True)) == Counter(
        people.valid | people.refused | people.suppressed
    )
    assert not rows.values("contact_id").annotate(n=Count("id")).filter(n__gt=1).exists()
    assert Message.objects.get(pk=found.message_id).recipient_count == people.size
    assert Event.objects.filter(broadcast_id=row.pk, type="accepted").count() == people.size
    check_ledger()


def test_a_process_killed_before_the_audience_of_very_many_is_frozen_leaves_nothing(
    sender: Sender, sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "FROZEN_AT_ONCE", 0)
    people = make_audience(300)
    row = launch_twice(sender, make_campaign(sender, people, sink))

    for _ in range(2):
        assert act("expand", row.pk, crashpoint="freeze_before_commit") == KILLED
        assert not BroadcastAudience.objects.filter(broadcast=row).exists()
    at_once(lambda: act("expand", row.pk), lambda: act("expand", row.pk))
    broadcast.expand(row.pk)

    found = Broadcast.objects.get(pk=row.pk)
    assert (found.status, found.audience_count, found.expanded_count) == ("expanded", people.size, people.size)
    addresses = Recipient.objects.filter(broadcast_id=row.pk).values_list("address", flat=True)
    assert Counter(addresses) == Counter(people.valid | people.refused | people.suppressed)
    check_ledger()


@pytest.mark.parametrize("passes", [1, 3, 9])
def test_an_importer_killed_mid_file_counts_every_line_once(sender: Sender, passes: int) -> None:
    people = make_audience(1200)
    row = start_import(sender, people)

    assert act("import", row.pk, crashpoint=f"import_mid_batch:{passes}") == KILLED
    assert Contact.objects.count() == 100 * (passes - 1)
    # Nobody takes it while its dead worker may still be alive; then the next one goes on.
    assert act("import", row.pk) == 0
    assert Contact.objects.count() == 100 * (passes - 1)
    for _ in range(2):
        Job.objects.filter(pk=row.pk).update(heartbeat_at="2020-01-01T00:00:00Z")
        assert act("import", row.pk, crashpoint="import_mid_batch:2") == KILLED
    Job.objects.filter(pk=row.pk).update(heartbeat_at="2020-01-01T00:00:00Z")
    assert act("import", row.pk) == 0

    check_import(row, people)
    assert Contact.objects.count() == people.size
    assert Subscription.objects.filter(mailing_list=row.mailing_list, status="confirmed").count() == people.size
    assert row.rejects.count() == people.unusable


@pytest.mark.parametrize("passes", [1, 4, 12])
def test_an_undo_killed_mid_batch_takes_everything_back_once(sender: Sender, passes: int) -> None:
    people = make_audience(1200)
    row = start_import(sender, people)
    assert act("import", row.pk) == 0
    row.refresh_from_db()
    job = import_undo.start_undo(sender.actor, row)

    assert act("import", job.pk, crashpoint=f"undo_mid_batch:{passes}") == KILLED
    assert Contact.objects.count() == max(0, people.size - 100 * (passes - 1))
    for _ in range(2):
        Job.objects.filter(pk=job.pk).update(heartbeat_at="2020-01-01T00:00:00Z")
        if act("import", job.pk, crashpoint="undo_mid_batch:3") == 0:
            break
    Job.objects.filter(pk=job.pk).update(heartbeat_at="2020-01-01T00:00:00Z")
    act("import", job.pk)

    job.refresh_from_db()
    assert (job.status, job.result["removed"], job.result["taken_off"]) == ("done", people.size, people.size)
    assert not Contact.objects.exists()
    assert not Subscription.objects.exists()
