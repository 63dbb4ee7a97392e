"""The Demo workspace: 90 days of a bakery's newsletters, receipts and password resets, for looking around.

The story: a list of old addresses was imported after a fair; its mail was refused by the dozen, was stopped, and
kept the next newsletter from being launched until the week was over. Later Microsoft throttled a newsletter, and
a fortnight ago somebody overwrote the shop's DKIM record, so its domain broke and its mail is held since.

Everything in it uses `.example` names, nothing is queued or scheduled and nothing ever leaves (the workspace is
pinned to the sandbox), and every count is the count of its rows: the same ledger that checks real mail checks it.
The same seed tells the same story, relative to now.
"""

from __future__ import annotations

import bisect
import random
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from campaigns.models import CampaignStatus, MailTemplate
from deliverability.models import SendingDomain, Suppression
from relayhub.core import audit
from relayhub.core.clock import now
from relayhub.core.models import Workspace
from relayhub.relay.models import BroadcastControl, Lane, SiteRecord, Stream, StreamKind
from relayhub.site import demo_texts as texts
from relayhub.site.demo_campaigns import AUTHOR, Campaigns, Launch
from relayhub.site.demo_domains import DomainTimes, add_demo_domains
from relayhub.site.demo_mail import THROTTLER, Teller
from relayhub.site.demo_people import PROVIDERS, People, Person
from relayhub.site.demo_programs import Programs
from relayhub.site.demo_rows import Rows

SEED = 20
_COLLEAGUE = "Jonas Berg"
#: A newsletter goes out at one of these times (UTC), the latest that lies at least two hours back.
_LAUNCH_TIMES = ((7, 30), (12, 15), (17, 0))
_PACED_TO = 60


class DemoSeeder:
    """Fills one workspace; the same seed makes the same story."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.now = now().replace(microsecond=0)
        self.rng = random.Random(SEED)
        self.rows = Rows(workspace)
        streams = {row.kind: row for row in Stream.objects.filter(workspace=workspace, is_default=True)}
        self.people = People(workspace, self.rows, rng=self.rng, now=self.now)
        self.teller = Teller(self.people, self.rows, rng=self.rng, now=self.now)
        self.campaigns = Campaigns(self.people, self.teller, self.rows, streams[StreamKind.BROADCAST], rng=self.rng)
        self.programs = Programs(self.people, self.teller, self.rows, streams[StreamKind.TRANSACTIONAL], rng=self.rng)
        self._entries: list[audit.PastEntry] = []
        self._plan()

    def fill(self) -> None:
        """Make everything."""
        self.workspace.company = "Northwind Bakery"
        self.workspace.postal_address = "4 Mill Lane\n2100 Harbour Town"
        self.workspace.brand_colour = "#8a3b12"
        self.workspace.save(update_fields=["company", "postal_address", "brand_colour"])
        self.people.make(fair_at=self.fair_at)
        self.programs.access()
        self.domains = add_demo_domains(
            self.workspace,
            DomainTimes(begin=self.people.begin, now=self.now, drifted_at=self.broken_at - timedelta(days=3, hours=1),
                        broken_at=self.broken_at),
        )
        self.campaigns.standing_templates(self.people.begin + timedelta(hours=2))
        self._tell()
        self.campaigns.drafts()
        self._by_hand()
        self.programs.sandbox()
        self.people.store()
        self.rows.write()
        self.teller.write()
        self._slow_the_throttler()
        self._audit()

    # -- when -------------------------------------------------------------------------------------------------

    def _plan(self) -> None:
        """The times that the story hangs on."""
        midnight = self.now.replace(hour=0, minute=0, second=0)
        times = [midnight - timedelta(days=back) + timedelta(hours=hour, minutes=minute)
                 for back in (0, 1) for hour, minute in _LAUNCH_TIMES]
        self.latest = max(at for at in times if at <= self.now - timedelta(hours=2))
        self.fair_at = self._ago(46).replace(hour=10, minute=0)
        self.blocked_at = self._ago(41.9)  # a week and more after the newsletter before the fair
        self.broken_at = self._ago(10.2) + timedelta(minutes=44)

    def _ago(self, days: float) -> datetime:
        return self.latest - timedelta(days=days)

    def _launches(self) -> list[Launch]:
        news, preorders = self.people.newsletter, self.people.preorders
        weekly = (
            (84, texts.WEDNESDAYS, 0.02), (77, texts.ROLLS, 0.02), (63, texts.STARTER, 0.03), (56, texts.MORNING, 0.02),
            (49, texts.HOURS, 0.02), (38, texts.SEEDS, 0.04), (35, texts.BAGUETTES, 0.78), (28, texts.COURSE, 0.12),
            (14, texts.OVEN, 0.05), (0, texts.APPLES, 0.06),
        )
        stopped = self.fair_at + timedelta(minutes=20)
        return [
            *(Launch(letter=letter, at=self._ago(days), mailing_list=news, throttled=share)
              for days, letter, share in weekly),
            *(Launch(letter=texts.RYE, at=self._ago(days), mailing_list=preorders, throttled=0.03) for days in (60, 6)),
            Launch(letter=texts.FAIR, at=self.fair_at, mailing_list=self.people.fair, max_per_minute=12,
                   paused_at=stopped, cancelled_at=stopped + timedelta(minutes=32)),
            Launch(letter=texts.HAMPERS, at=self._ago(10.2), mailing_list=preorders, sender=texts.SHOP_FROM,
                   max_per_minute=1, held_from=self.broken_at, paused_at=self.broken_at + timedelta(hours=6)),
        ]

    # -- what happened ----------------------------------------------------------------------------------------

    def _tell(self) -> None:
        """All mail in the order in which it was accepted: what stops an address stops what comes after."""
        self.launches = sorted(self._launches(), key=lambda launch: launch.at)
        joined = sorted(
            (person for person in self.people.everybody if self.people.fair.pk not in person.subscriptions),
            key=lambda person: person.contact.created_at,
        )
        since = [person.contact.created_at for person in joined]
        waiting = list(self.launches)
        for at in [*self.programs.days(), self.now]:
            while waiting and waiting[0].at <= at:
                self.campaigns.launch(waiting.pop(0))
            if at < self.now:
                self.programs.send(at, self._customer(joined, bisect.bisect(since, at)), held_from=self.broken_at)

    def _customer(self, joined: list[Person], known: int) -> Person:
        return joined[self.rng.randrange(known)]

    def _by_hand(self) -> None:
        self.teller.add_by_hand(f"press@{texts.SHOP_DOMAIN}", self._ago(20), "Asked by telephone")
        self.teller.add_by_hand("no-reply@harbour-mail.example", self._ago(66), "A robot, it answers everything")

    def _slow_the_throttler(self) -> None:
        """What was set on Live after the throttling: it still holds."""
        site = next(host for host, provider in PROVIDERS.items() if provider == THROTTLER)
        limited = BroadcastControl.objects.filter(workspace=self.workspace).exclude(max_per_minute=None)
        paced = Lane.objects.filter(workspace=self.workspace, stream=self.campaigns.stream, site=site).exclude(
            broadcast_id__in=limited.values("broadcast_id")
        )
        paced.update(max_per_minute=_PACED_TO)
        self.paced = paced.latest("pk")
        # What Live calls the sites; over at once, so that routing never takes them for an answer of DNS.
        SiteRecord.objects.bulk_create(
            (SiteRecord(domain=host, site=host, provider=provider, outcome="ok", looked_up_at=self.now,
                        expires_at=self.now) for host, provider in PROVIDERS.items()),
            ignore_conflicts=True,
        )

    # -- the audit log ----------------------------------------------------------------------------------------

    def _note(
        self, at: datetime, action: str, object_id: str, summary: str, *, by: str = AUTHOR, **after: Any
    ) -> None:
        kind = action.partition(".")[0]
        self._entries.append(
            audit.PastEntry(at=at, actor=by, action=action, object_type=kind, object_id=object_id, summary=summary,
                            after=after)
        )

    def _audit(self) -> None:
        self._note_beginnings()
        self._note_fair()
        for launch in self.launches:
            self._note_campaign(launch)
        self._note(self._ago(35) + timedelta(minutes=22), "lane.paced", str(self.paced.pk),
                   f"{self.campaigns.stream.slug} to {self.paced.site}: {_PACED_TO} a minute", by=_COLLEAGUE)
        for row in Suppression.objects.filter(workspace=self.workspace, reason="manual"):
            self._note(row.created_at, "suppression.added", row.public_id, row.address, by=_COLLEAGUE)
        audit.record_past(self.workspace, self._entries)

    def _note_beginnings(self) -> None:
        at = self.people.begin
        for name, row in self.domains.items():
            added = SendingDomain.objects.get(pk=row.pk)
            self._note(added.created_at, "domain.added", row.public_id, name, by=_COLLEAGUE)
            if added.verified_at is not None:
                self._note(added.verified_at + timedelta(minutes=9), "domain.verified", row.public_id, name,
                           by="system")
        self._note(self.broken_at, "domain.broken", self.domains[texts.SHOP_DOMAIN].public_id, texts.SHOP_DOMAIN,
                   by="system", status="broken")
        self._note(at + timedelta(hours=1), "list.changed", self.people.newsletter.public_id, "Newsletter")
        self._note(self.programs.shop_key.created_at, "key.created", self.programs.shop_key.public_id,
                   "API key Shop checkout", by=_COLLEAGUE)
        for template in MailTemplate.objects.filter(workspace=self.workspace):
            self._note(template.created_at, "template.created", template.public_id, template.name)

    def _note_fair(self) -> None:
        fair, at = self.people.fair, self.fair_at
        self._note(at - timedelta(hours=3), "list.created", fair.public_id, fair.name)
        self._note(at - timedelta(hours=2), "import.started", self.people.fair_import, "guest-book-fair.csv",
                   list=fair.public_id)
        if fair.archived_at is not None:
            self._note(fair.archived_at, "list.archived", fair.public_id, fair.name, by=_COLLEAGUE)

    def _note_campaign(self, launch: Launch) -> None:
        campaign = self.campaigns.made[f"{launch.letter.name} {launch.at:%Y-%m-%d}"]
        of, name = campaign.public_id, campaign.name
        self._note(campaign.created_at, "campaign.created", of, name)
        if launch.letter is texts.SEEDS:
            self._note(self.blocked_at, "campaign.launch_blocked", of, self.finding(), by="system")
        self._note(launch.at, "campaign.launched", of, name)
        if launch.paused_at is not None:
            self._note(launch.paused_at, "campaign.paused", of, name)
        if launch.status == CampaignStatus.CANCELLED and launch.cancelled_at is not None:
            self._note(launch.cancelled_at, "campaign.cancelled", of, name)

    def finding(self) -> str:
        """What pre-flight said of the newsletter after the fair: true of the rows."""
        since = self.blocked_at - timedelta(days=7)
        ends = [row for row in self.rows.recipients
                if row.message.stream_id == self.campaigns.stream.pk and row.status in ("delivered", "bounced")
                and row.finished_at is not None and since <= row.finished_at <= self.blocked_at]
        bounced = sum(row.status == "bounced" for row in ends)
        share = bounced / len(ends) if ends else 0.0
        return (f"{share:.1%} of the last {len(ends):,} recipients bounced (7 days); from 10% on receivers stop taking"
                " mail. Remove old addresses, send to a smaller and newer list first.")


def seed(workspace: Workspace) -> None:
    """Fill an empty workspace in one transaction."""
    with transaction.atomic():
        DemoSeeder(workspace).fill()
