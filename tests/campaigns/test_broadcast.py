"""Launch, expansion, cancellation and the clock: once, whatever dies or runs beside it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from campaigns import audience, broadcast, editing, lists, subscriptions
from campaigns.contacts import Evidence, add_contact
from campaigns.models import Broadcast, Campaign, CampaignStatus, MailingList
from relayhub.core import jobs
from relayhub.core.access import Actor, system_actor
from relayhub.core.clock import now
from relayhub.core.errors import ConflictError, ForbiddenError
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.models import AuditEntry, Job
from relayhub.core.system import pause_sending, resume_sending
from relayhub.relay import controls, ledger, routes
from relayhub.relay.models import BroadcastControl, Recipient
from relayhub.site import needs, setup
from tests.api.test_campaigns import make_campaign
from tests.api.test_smoke import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.servers]
SAID = Evidence(channel="api", source="test")


@pytest.fixture
def actor() -> Actor:
    routes.forget()
    return system_actor(setup.new_workspace("Shop"))


def campaign_of(actor: Actor, people: int = 3, html: str = "<p>Hi</p>") -> Campaign:
    public_id = make_campaign(client_of(actor.workspace), people=people, html=html)
    return Campaign.objects.get(pk=decode_id(Prefix.CAMPAIGN, public_id))


def test_an_expansion_killed_between_batches_goes_on_where_it_stood(
    actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "BATCH", 3)
    campaign = campaign_of(actor, people=10)
    row = broadcast.launch(actor, campaign)
    passes: list[str] = []

    def dies(name: str) -> None:
        passes.append(name)
        if len(passes) == 2:
            raise SystemExit

    monkeypatch.setattr(broadcast, "crashpoint", dies)
    with pytest.raises(SystemExit):
        broadcast.expand(row.pk)
    stored = Recipient.objects.filter(broadcast_id=row.pk).count()
    monkeypatch.setattr(broadcast, "crashpoint", lambda name: None)

    assert 0 < stored < 10
    assert broadcast.expand(row.pk) == 10 - stored
    row.refresh_from_db()
    assert (row.status, row.expanded_count) == ("expanded", 10)
    assert Recipient.objects.filter(broadcast_id=row.pk).count() == 10
    assert ledger.verify().is_clean


def test_a_contact_on_several_lists_is_reached_once(actor: Actor) -> None:
    first, second, banned = (lists.create_list(actor, name=name) for name in ("A", "B", "C"))
    add_contact(actor, email="both@x.example", lists=[first, second], evidence=SAID)
    add_contact(actor, email="out@x.example", lists=[first, banned], evidence=SAID)
    gone = add_contact(actor, email="gone@x.example", lists=[first], evidence=SAID)
    subscriptions.unsubscribe(gone, [first.pk], evidence=Evidence(channel="link"))
    double: MailingList = lists.create_list(actor, name="D", opt_in="double")
    add_contact(actor, email="waits@x.example", lists=[double], evidence=SAID)

    found = audience.count(actor.workspace, [first.pk, second.pk, double.pk], excluded=[banned.pk])

    assert found.reached == 1
    assert found.left_out == {"excluded": 1, "unsubscribed": 1, "unconfirmed": 1}


def test_merge_values_are_those_of_the_contact(actor: Actor) -> None:
    row = broadcast.launch(actor, campaign_of(actor, people=1))
    broadcast.expand(row.pk)

    merge = Recipient.objects.get(broadcast_id=row.pk).merge

    assert merge["contact"]["email"] == "p0@x.example"
    assert (merge["contact"]["name"], merge["contact"]["first_name"]) == ("P 0", "P")
    assert merge["contact"]["fields"] == {}


def test_a_cancelled_draft_is_never_launched(actor: Actor) -> None:
    campaign = campaign_of(actor)
    broadcast.cancel(actor, campaign)
    campaign.refresh_from_db()

    with pytest.raises(ConflictError):
        broadcast.launch(actor, campaign)

    assert not Broadcast.objects.exists()


def test_what_was_changed_after_the_look_is_not_launched(actor: Actor) -> None:
    campaign = campaign_of(actor)
    editing.change_campaign(actor, campaign, editing.CampaignChanges(subject="Other"))

    with pytest.raises(ConflictError) as caught:
        broadcast.launch(actor, campaign)

    assert caught.value.code == "campaign_changed"
    assert not Broadcast.objects.exists()


def test_a_cancel_that_died_halfway_stops_the_mail_and_can_be_finished(
    actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = campaign_of(actor)
    row = broadcast.launch(actor, campaign)
    broadcast.expand(row.pk)
    real = controls.cancel_broadcast

    def dies(broadcast_id: UUID, *, by: str = "") -> int:
        raise SystemExit

    monkeypatch.setattr(controls, "cancel_broadcast", dies)
    with pytest.raises(SystemExit):
        broadcast.cancel(actor, campaign)
    assert BroadcastControl.objects.get(pk=row.pk).cancelled_at is not None
    monkeypatch.setattr(controls, "cancel_broadcast", real)

    broadcast.finish_sent()

    assert set(Recipient.objects.values_list("status", flat=True)) == {"cancelled"}


def test_what_is_due_is_launched_and_what_cannot_be_becomes_a_draft(actor: Actor) -> None:
    good = campaign_of(actor)
    bad = editing.create_campaign(actor, editing.CampaignChanges(name="Empty"))
    Campaign.objects.update(status=CampaignStatus.SCHEDULED, scheduled_at=now() - timedelta(minutes=1))

    assert broadcast.launch_due() == 1
    assert broadcast.launch_due() == 0

    good.refresh_from_db()
    bad.refresh_from_db()
    assert (good.status, bad.status) == ("sending", "draft")
    assert AuditEntry.objects.filter(action="campaign.launch_blocked").count() == 1


def test_a_launch_that_is_hours_late_waits_for_a_person(actor: Actor) -> None:
    campaign = campaign_of(actor)
    Campaign.objects.update(status=CampaignStatus.SCHEDULED, scheduled_at=now() - timedelta(hours=2))

    pause_sending("Restored.")
    assert broadcast.launch_due() == 0
    campaign.refresh_from_db()
    assert campaign.status == "scheduled"
    resume_sending()
    assert broadcast.launch_due() == 0

    campaign.refresh_from_db()
    assert campaign.status == "draft"
    (need,) = [need for need in needs.needs(actor.workspace) if "not launched" in need.title]
    assert "more than an hour ago" in need.text


def test_a_campaign_is_sent_only_when_nobody_waits(actor: Actor) -> None:
    campaign = campaign_of(actor, people=2)
    row = broadcast.launch(actor, campaign)
    assert broadcast.finish_sent() == 0
    broadcast.expand(row.pk)
    assert broadcast.finish_sent() == 0

    Recipient.objects.filter(broadcast_id=row.pk).update(status="quarantined")

    assert broadcast.finish_sent() == 1
    campaign.refresh_from_db()
    assert campaign.status == "sent"


def test_a_launch_is_a_job_that_is_stopped_on_the_campaign_only(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "BATCH", 3)
    row = broadcast.launch(actor, campaign_of(actor, people=10))
    job = Job.objects.get(kind=broadcast.JOB_KIND)
    assert (job.status, job.total, job.unit) == ("waiting", 10, "recipients")
    with pytest.raises(ForbiddenError, match="on its own page"):
        jobs.cancel(actor, job)
    real, asked = broadcast._expand_batch, []

    def somebody_else_is_at_it(broadcast_id: UUID) -> int | None:
        asked.append(1)
        return real(broadcast_id) if len(asked) != 2 else None

    monkeypatch.setattr(broadcast, "_expand_batch", somebody_else_is_at_it)
    monkeypatch.setattr(broadcast.time, "sleep", lambda seconds: None)
    jobs.run_job(job.pk)

    job.refresh_from_db()
    assert (job.status, job.done, job.total, job.result) == ("done", 10, 10, {"recipients": 10})
    assert Recipient.objects.filter(broadcast_id=row.pk).count() == 10


def test_the_job_of_a_cancelled_campaign_ends(actor: Actor) -> None:
    campaign = campaign_of(actor)
    broadcast.launch(actor, campaign)
    broadcast.cancel(actor, campaign)
    job = Job.objects.get(kind=broadcast.JOB_KIND)

    jobs.run_job(job.pk)

    job.refresh_from_db()
    assert job.status == "cancelled"
