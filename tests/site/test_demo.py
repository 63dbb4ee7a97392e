"""The Demo workspace tells a story that the ledger believes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import override_settings

from campaigns import preflight, stats
from campaigns.models import Campaign, CampaignStatus, ContactImport, ImportReject
from deliverability import domain_history
from deliverability.models import DomainStatus, SendingDomain, Suppression
from relayhub.core import audit, keys
from relayhub.core.clock import now
from relayhub.core.models import ApiKey, AuditEntry, Workspace
from relayhub.relay import ledger, queries
from relayhub.relay.models import Attempt, Event, Lane, Message, Recipient
from relayhub.site import demo, needs, setup

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def told_at() -> datetime:
    """The moment that the story is told from."""
    return now()


@pytest.fixture(scope="module")
def filled(django_db_setup: None, django_db_blocker: Any, told_at: datetime) -> Iterator[Workspace]:
    """The demo, made once for the module; each test's own transaction lies within this one."""
    with django_db_blocker.unblock(), transaction.atomic():
        workspace = setup.new_workspace("Demo", is_demo=True, is_pinned_to_sandbox=True)
        with mock.patch.object(demo, "now", return_value=told_at):
            demo.seed(workspace)
        yield workspace
        transaction.set_rollback(True)


def _campaign(workspace: Workspace, name: str) -> Campaign:
    return Campaign.objects.filter(workspace=workspace, name=name).earliest("id")


@pytest.mark.servers
def test_it_satisfies_every_invariant(filled: Workspace) -> None:
    found = ledger.verify()

    assert [(item.invariant.id, list(item.breaches)) for item in found.findings if not item.holds] == []
    assert audit.first_broken_link(filled) is None
    assert found.totals["delivered"] > 5000


def test_nothing_in_it_waits_to_be_sent_and_every_address_is_an_example(filled: Workspace) -> None:
    recipients = Recipient.objects.filter(workspace=filled)

    assert set(recipients.values_list("status", flat=True)) == {
        "delivered", "bounced", "suppressed", "cancelled", "held"
    }
    assert not recipients.exclude(address_key__endswith=".example").exists()
    assert not Campaign.objects.filter(workspace=filled, status__in=("scheduled", "sending")).exists()
    held = Message.objects.filter(recipients__workspace=filled, recipients__status="held")
    assert held.earliest("expires_at").expires_at > now() + timedelta(days=365)


def test_nothing_in_it_lies_ahead_and_it_reaches_back_ninety_days(filled: Workspace) -> None:
    events = Event.objects.filter(workspace_id=filled.pk)

    assert not events.filter(at__gt=now()).exists()
    assert timedelta(days=88) < now() - events.earliest("at").at < timedelta(days=91)
    assert events.filter(at__gt=now() - timedelta(minutes=30), type="delivered").count() >= 5


def test_the_same_seed_tells_the_same_story_of_a_moment(filled: Workspace, told_at: datetime) -> None:
    other = setup.new_workspace("Again", is_demo=True, is_pinned_to_sandbox=True)
    with mock.patch.object(demo, "now", return_value=told_at):
        demo.seed(other)

    def figures(workspace: Workspace) -> Counter[str]:
        return Counter(Event.objects.filter(workspace_id=workspace.pk).values_list("type", flat=True))

    assert figures(filled) == figures(other)


def test_the_bad_import_was_refused_stopped_and_blocked_the_next_launch(filled: Workspace) -> None:
    run = ContactImport.objects.get(workspace=filled, file_name="guest-book-fair.csv", is_dry_run=False)
    fair = _campaign(filled, "Nice to meet you at the fair")
    counts = stats.counts(fair)
    finished = counts["delivered"] + counts["bounced"]
    actions = AuditEntry.objects.filter(workspace=filled, object_id=fair.public_id).values_list("action", flat=True)
    blocked = AuditEntry.objects.get(workspace=filled, action="campaign.launch_blocked")

    assert run.rejected == ImportReject.objects.filter(contact_import=run).count() == 60
    assert run.rows == run.created + run.updated + run.unchanged + run.rejected
    assert finished >= preflight.MIN_SAMPLE
    assert counts["bounced"] / finished > preflight.STOP_BOUNCED
    assert fair.status == CampaignStatus.CANCELLED
    assert counts["cancelled"] > 100
    assert {"campaign.launched", "campaign.paused", "campaign.cancelled"} <= set(actions)
    assert f"{counts['bounced'] / finished:.1%} of the last {finished:,} recipients" in blocked.summary
    assert Suppression.objects.filter(workspace=filled, reason="hard_bounce").count() >= counts["bounced"]


def test_the_provider_that_throttled_took_the_mail_later(filled: Workspace) -> None:
    campaign = _campaign(filled, "Baguettes twice a day")
    deferred = Event.objects.filter(broadcast_id=campaign.broadcast.pk, type="deferred", reply__enhanced="4.7.28")
    put_off = Recipient.objects.filter(pk__in=deferred.values("recipient_id"))

    assert put_off.count() > 40
    assert set(put_off.values_list("status", flat=True)) <= {"delivered", "bounced"}
    assert Attempt.objects.filter(recipient_id=put_off.latest("attempts").pk).count() > 2
    assert Lane.objects.filter(workspace=filled, max_per_minute=60, site="microsoft.example").exists()


def test_one_domain_drifted_and_broke_and_its_mail_is_held(filled: Workspace) -> None:
    shop = SendingDomain.objects.get(workspace=filled, name__startswith="shop.")
    titles = [item.title for item in domain_history.history_of(shop)]
    hampers = _campaign(filled, "Hampers from the shop")

    assert shop.status == DomainStatus.BROKEN
    assert [title for title in titles if "wrong" in title or "broken" in title.lower()]
    assert stats.counts(hampers)["held"] > 100
    assert any(shop.name in need.title for need in needs.needs(filled))


def test_machines_are_told_apart_and_campaigns_differ(filled: Workspace) -> None:
    # The newest may be two hours old: most who will open it have not yet.
    sent = Campaign.objects.filter(
        workspace=filled, status=CampaignStatus.SENT, launched_at__lt=now() - timedelta(days=2)
    )
    rates = set()
    for campaign in sent:
        found = stats.engagement(stats.figures_of(campaign.broadcast))
        rates.add(round(found["opened"] / campaign.broadcast.audience_count, 2))
        assert found["opened_by_machines_only"] > 0

    assert max(rates) - min(rates) > 0.12
    assert all(0.15 < rate < 0.6 for rate in rates)


def test_nobody_can_sign_in_with_its_keys_and_the_sandbox_holds_attachments(filled: Workspace) -> None:
    used = ApiKey.objects.filter(workspace=filled, last_used_at__isnull=False)
    kept = Recipient.objects.filter(workspace=filled, transport="sandbox").select_related("message__content")

    assert used.count() >= 3
    assert used.filter(expires_at__isnull=False).exists()
    assert not any(keys.find_key(f"{key.prefix}_{'a' * 32}") for key in used)
    assert kept.count() >= 8
    assert any(b"application/pdf" in bytes(row.message.content.data) for row in kept)


def test_a_quick_day_is_judged(filled: Workspace) -> None:
    day = queries.totals(filled, since=now() - timedelta(hours=24))

    assert day["delivered"] > 50


@override_settings(IS_PRODUCTION=True)
def test_production_asks_for_a_yes() -> None:
    with pytest.raises(CommandError, match="--yes"):
        call_command("seed_demo", name="Bakery")

    assert not Workspace.objects.filter(name="Bakery").exists()
