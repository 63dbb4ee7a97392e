"""A launched campaign whose recipients met every fate, without a relay running."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import connection

from campaigns import broadcast, editing
from campaigns.contacts import add_contact
from campaigns.models import Broadcast, Campaign, MailingList
from deliverability.models import SendingDomain
from relayhub.core.clock import now
from relayhub.core.ids import uuid7
from relayhub.relay import events_feedback
from relayhub.relay.events_move import run
from relayhub.relay.events_outcome import Outcome, outcome_statement
from relayhub.relay.models import Recipient
from tests.pages.marketer_rows import Desk
from tests.pages.wizard_rows import SAID, SENDER, make_list, make_template
from tests.support.door_rows import make_domain

HTML = (
    '<p>Hi {{ contact.name }}</p><p><a href="https://shop.example/rye">Rye</a> and '
    '<a href="https://shop.example/rolls">rolls</a>, once more <a href="https://shop.example/rye">rye</a></p>'
)
REFUSED = {"code": 550, "enhanced": "5.1.1", "text": "No such user"}
BUSY = {"code": 451, "enhanced": "4.7.1", "text": "Try later"}


def launched(at: Desk, addresses: list[str], *, also: dict[str, MailingList] | None = None, **more: object) -> Campaign:
    """A campaign that is launched and stored for these; `also`: whoever is on another list as well."""
    chosen = make_list(at.actor, f"Weekly letter {Campaign.objects.count()}", people=0)
    for address in addresses:
        others = [also[address]] if also and address in also else []
        add_contact(at.actor, email=address, name="Ada Rye", lists=[chosen, *others], evidence=SAID)
    if not SendingDomain.objects.filter(workspace=at.workspace, name="shop.example").exists():
        make_domain(at.workspace, "shop.example")
    campaign = editing.create_campaign(at.actor, editing.CampaignChanges(**{  # type: ignore[arg-type]
        "name": "Saturday rye", "from_header": SENDER, "step": "schedule", "lists": [chosen],
        "template": make_template(at, html=HTML), **more,
    }))
    broadcast.expand(broadcast.launch(at.actor, campaign).pk)
    campaign.refresh_from_db()
    return campaign


def recipient(campaign: Campaign, address: str) -> UUID:
    run_id = Broadcast.objects.get(campaign=campaign).pk
    return Recipient.objects.get(broadcast_id=run_id, address=address).pk


def ends(campaign: Campaign, *addresses: str, status: str = "delivered", provider: str = "Google") -> None:
    """One attempt on each of these ends so, written as the relay writes it."""
    rows = list(Recipient.objects.filter(broadcast_id=Broadcast.objects.get(campaign=campaign).pk,
                                         address__in=addresses))
    token = uuid7()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE relay_recipient SET status = 'attempting', attempts = attempts + 1, lease_token = %s,"
            " lease_until = now() + interval '1 minute' WHERE id = ANY(%s)", [token, [row.pk for row in rows]],
        )
    run(outcome_statement([
        Outcome(
            recipient_id=row.pk, token=token, attempt_id=uuid7(), status=status, started_at=now(), ended_at=now(),
            retry_in_seconds=3600.0, reply={"bounced": REFUSED, "deferred": BUSY}.get(status), provider=provider,
            bounce_category={"bounced": "recipient", "deferred": "capacity"}.get(status, ""),
            transport="smtp://mx.example.net:25",
        )
        for row in rows
    ]))


def opens(campaign: Campaign, address: str, *, is_machine: bool = False) -> None:
    events_feedback.record_open(recipient(campaign, address), is_machine=is_machine)


def clicks(campaign: Campaign, address: str, link: int, *, is_machine: bool = False) -> None:
    events_feedback.record_click(recipient(campaign, address), link=link, url="https://shop.example/rye",
                                 is_machine=is_machine)


def make_ripe(campaign: Campaign, *, days: int = 3) -> None:
    """As if it had been launched days ago, and ended."""
    then = now() - timedelta(days=days)
    Campaign.objects.filter(pk=campaign.pk).update(launched_at=then, finished_at=then, status="sent")
    campaign.refresh_from_db()
