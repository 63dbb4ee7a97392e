"""Launch, expansion, cancellation and the clock: once, whatever dies or runs beside it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from campaigns import audience, broadcast, editing, lists, preflight, subscriptions, templates
from campaigns.contacts import Evidence, add_contact
from campaigns.models import Broadcast, BroadcastAudience, Campaign, CampaignStatus, ConsentEntry, MailingList
from deliverability import suppression
from relayhub.core import jobs
from relayhub.core.access import Actor, system_actor
from relayhub.core.clock import now
from relayhub.core.errors import ConflictError, ForbiddenError
from relayhub.core.ids import Prefix, decode_id, uuid7
from relayhub.core.models import AuditEntry, Job
from relayhub.core.system import pause_sending, resume_sending
from relayhub.relay import controls, events_move, ledger, routes
from relayhub.relay.events_move import Pick
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


def test_the_audience_of_very_many_is_frozen_behind_the_answer(
    actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "FROZEN_AT_ONCE", 4)
    campaign = campaign_of(actor, people=5)
    suppression.suppress(actor.workspace.pk, "p1@x.example", reason="manual", scope="workspace")
    row = broadcast.launch(actor, campaign)
    job = Job.objects.get(kind=broadcast.JOB_KIND)

    assert (row.status, row.audience_count, job.total) == ("freezing", 5, 5)
    assert not BroadcastAudience.objects.exists()
    assert broadcast.launch(actor, campaign).pk == row.pk
    # Whoever dies before the commit leaves nothing; the next look rings for it again.
    monkeypatch.setattr(broadcast, "crashpoint", _dies)
    with pytest.raises(SystemExit):
        broadcast.expand(row.pk)
    monkeypatch.setattr(broadcast, "crashpoint", lambda name: None)
    assert (BroadcastAudience.objects.count(), broadcast.resume_expansions()) == (0, 1)

    assert broadcast.expand(row.pk) == 5

    row.refresh_from_db()
    assert (row.status, row.audience_count, row.expanded_count) == ("expanded", 5, 5)
    statuses = Recipient.objects.filter(broadcast_id=row.pk).values_list("status", flat=True)
    assert sorted(statuses) == ["queued", "queued", "queued", "queued", "suppressed"]
    assert ledger.verify().is_clean


def test_a_launch_cancelled_before_its_audience_is_frozen_writes_to_nobody(
    actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "FROZEN_AT_ONCE", 2)
    campaign = campaign_of(actor)
    row = broadcast.launch(actor, campaign)
    broadcast.cancel(actor, campaign)

    assert broadcast.expand(row.pk) == 0

    row.refresh_from_db()
    assert (row.status, Recipient.objects.count(), BroadcastAudience.objects.count()) == ("cancelled", 0, 0)


def _dies(name: str) -> None:
    raise SystemExit(name)


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

    def dies(broadcast_id: UUID, *, by: str = "", most: int | None = None) -> int:
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


# -- what happens while a launch looks ---------------------------------------------------------------------------


@pytest.mark.parametrize("html", ["<p>Hi</p>", "<p>{{ contact.nam }}</p>"], ids=["good", "blocked"])
def test_what_got_another_time_while_it_was_looked_at_waits_for_it(
    actor: Actor, html: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = campaign_of(actor, html=html)
    Campaign.objects.update(status=CampaignStatus.SCHEDULED, scheduled_at=now() - timedelta(minutes=1))
    real, tomorrow = preflight.look, now() + timedelta(days=1)

    def looks(seen: Campaign) -> preflight.Preflight:
        editing.schedule(actor, campaign, tomorrow)
        return real(seen)

    monkeypatch.setattr(preflight, "look", looks)
    assert broadcast.launch_due() == 0

    campaign.refresh_from_db()
    assert (campaign.status, campaign.scheduled_at) == ("scheduled", tomorrow)
    assert not Broadcast.objects.exists()
    assert not AuditEntry.objects.filter(action="campaign.launch_blocked").exists()


def test_what_was_published_while_a_launch_looked_is_not_sent_unseen(
    actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = campaign_of(actor)
    template, real = campaign.template, preflight.look
    assert template is not None

    def looks(seen: Campaign) -> preflight.Preflight:
        found = real(seen)
        templates.save_draft(actor, template, templates.TemplateInput(source="<p>{{ contact.nam }}</p>"))
        templates.publish(actor, template)
        return found

    monkeypatch.setattr(preflight, "look", looks)
    with pytest.raises(ConflictError) as caught:
        broadcast.launch(actor, campaign)

    assert caught.value.code == "campaign_changed"
    assert not Broadcast.objects.exists()


def test_a_fault_in_one_scheduled_campaign_keeps_no_other_waiting(
    actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = campaign_of(actor)
    second = editing.copy_campaign(actor, first)
    Campaign.objects.update(status=CampaignStatus.SCHEDULED, scheduled_at=now() - timedelta(minutes=1))
    real = preflight.look

    def breaks(seen: Campaign) -> preflight.Preflight:
        if seen.pk == first.pk:
            raise RuntimeError("a fault of ours")
        return real(seen)

    monkeypatch.setattr(preflight, "look", breaks)

    assert broadcast.launch_due() == 1
    second.refresh_from_db()
    first.refresh_from_db()
    assert (first.status, second.status) == ("scheduled", "sending")


def test_a_reason_does_not_launch_what_is_from_nobody(actor: Actor) -> None:
    campaign = campaign_of(actor)
    Campaign.objects.update(from_header="")
    campaign.refresh_from_db()

    with pytest.raises(broadcast.PreflightBlocked, match="no From address"):
        broadcast.launch(actor, campaign, override="All the same")


def test_that_a_confirmation_was_sent_is_no_evidence_of_consent(actor: Actor) -> None:
    campaign = campaign_of(actor)
    before = {item.rule for item in preflight.look(campaign).findings if item.severity == "block"}
    ConsentEntry.objects.filter(contact__workspace=actor.workspace).update(action="confirmation_sent")
    after = {item.rule for item in preflight.look(campaign).findings if item.severity == "block"}

    assert after - before == {"consent"}


def test_a_stream_that_is_gone_is_told_and_the_default_taken(actor: Actor) -> None:
    campaign = campaign_of(actor)
    campaign.stream_id = uuid7()
    campaign.save(update_fields=["stream_id"])

    found = preflight.look(campaign)
    row = broadcast.launch(actor, campaign)

    rules = {item.rule for item in found.findings}
    assert "stream" in rules
    assert "stream_paused" not in rules
    assert BroadcastControl.objects.get(pk=row.pk).stream.is_default
    controls.pause_stream(actor, BroadcastControl.objects.get(pk=row.pk).stream)
    paused = preflight.look(editing.copy_campaign(actor, campaign))
    assert "stream_paused" in {item.rule for item in paused.findings}


def test_nobody_is_written_to_through_an_archived_list_and_who_is_left_out_stays_so(actor: Actor) -> None:
    kept, gone, banned = (lists.create_list(actor, name=name) for name in ("Kept", "Gone", "Banned"))
    add_contact(actor, email="kept@x.example", lists=[kept], evidence=SAID)
    add_contact(actor, email="gone@x.example", lists=[gone], evidence=SAID)
    add_contact(actor, email="banned@x.example", lists=[kept, banned], evidence=SAID)
    campaign = campaign_of(actor)
    campaign.lists.set([kept, gone])
    campaign.excluded_lists.set([banned])
    lists.archive_list(actor, gone)
    lists.archive_list(actor, banned)

    found = preflight.look(campaign)
    row = broadcast.launch(actor, campaign)
    broadcast.expand(row.pk)

    assert [item.message for item in found.findings if item.rule == "archived_list"] == [
        "The list “Gone” is archived: nobody is written to through it."]
    assert list(Recipient.objects.values_list("address", flat=True)) == ["kept@x.example"]
    assert row.list_ids == [str(kept.pk)]


def test_the_walk_through_an_audience_begins_at_its_own_rows(actor: Actor) -> None:
    first = campaign_of(actor)
    broadcast.launch(actor, first)
    second = editing.copy_campaign(actor, first)

    row = broadcast.launch(actor, second)

    own = BroadcastAudience.objects.filter(broadcast=row).order_by("id")
    assert row.checkpoint == own[0].pk - 1 > 0
    assert broadcast.expand(row.pk) == 3


def test_a_pace_at_which_the_last_would_expire_is_told(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = campaign_of(actor)
    monkeypatch.setattr(preflight, "LIFETIME", timedelta(minutes=2))
    campaign.max_per_minute = 1
    slow = preflight.look(campaign)
    campaign.max_per_minute = 2
    quick = preflight.look(campaign)

    (told,) = [item for item in slow.findings if item.rule == "pace"]
    assert "3 recipients take 3 min; what is not out after 2 min expires" in told.message
    assert told.fix == "Allow at least 2 a minute."
    assert "pace" not in {item.rule for item in quick.findings}


# -- cancelling many ---------------------------------------------------------------------------------------------


def test_the_rows_of_a_large_cancelled_campaign_are_moved_behind_the_answer(
    actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = campaign_of(actor)
    row = broadcast.launch(actor, campaign)
    broadcast.expand(row.pk)
    rung: list[tuple[object, ...]] = []
    monkeypatch.setattr(broadcast, "_ring", lambda *given: rung.append(given))
    monkeypatch.setattr(broadcast, "CANCELLED_AT_ONCE", 1)
    monkeypatch.setattr(controls, "cancel_broadcast", lambda broadcast_id, *, by="", most=None: most or 0)

    broadcast.cancel(actor, campaign)
    monkeypatch.undo()
    waits = Recipient.objects.filter(status="queued").count()
    broadcast.finish_cancel(row.pk, actor.label)

    assert rung == [("cancel", row.pk, actor.label)]
    assert waits == 3
    assert set(Recipient.objects.values_list("status", flat=True)) == {"cancelled"}


def test_cancelling_some_stops_after_the_statement_that_reaches_them(actor: Actor) -> None:
    row = broadcast.launch(actor, campaign_of(actor, people=5))
    broadcast.expand(row.pk)
    pick = Pick(where="r.broadcast_id = %(id)s", params={"id": row.pk})

    moved = events_move._move(
        pick, from_statuses=("queued",), sets="status = 'cancelled'", event="cancelled", detail={}, limit=2, most=3,
    )

    assert moved == 4


def test_what_came_back_after_a_cancel_is_cancelled_as_well(actor: Actor) -> None:
    campaign = campaign_of(actor)
    row = broadcast.launch(actor, campaign)
    broadcast.expand(row.pk)
    broadcast.cancel(actor, campaign)
    Recipient.objects.filter(address="p0@x.example").update(status="deferred", finished_at=None)

    broadcast.finish_sent()

    assert set(Recipient.objects.values_list("status", flat=True)) == {"cancelled"}
