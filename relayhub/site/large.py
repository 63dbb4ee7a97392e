"""A workspace as large as the dashboard is measured with: 1,000,000 contacts, 500 campaigns, 10,000,000 events.

Invented like the demo and as true to its counts: each campaign is one transaction with its counters, so a run that
is broken off leaves a smaller workspace, not a wrong one. Made by set-based statements (`large_sql`). What it leaves
out, to be made in minutes: attempts with their conversation exist only for mail that something went wrong with, and
receipts share their content.
"""

from __future__ import annotations

import dataclasses
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from campaigns.models import (
    Broadcast,
    BroadcastStatus,
    Campaign,
    CampaignStatus,
    FieldDefinition,
    MailingList,
    MailTemplate,
    TemplateVersion,
)
from relayhub.core import formats
from relayhub.core.clock import now
from relayhub.core.ids import uuid7_at
from relayhub.core.models import Workspace
from relayhub.protocol.address import parse_mailbox
from relayhub.relay import broadcast_figures, compiled, lanes
from relayhub.relay.models import BroadcastControl, Content, ContentFormat, Message, Stream, StreamKind, TrackedLink
from relayhub.site import demo_mail, large_sql
from relayhub.site import demo_texts as texts
from relayhub.site.demo_people import SITES
from relayhub.site.demo_rows import count_events, count_without_broadcast

NAME = "Large"
CONTACTS, CAMPAIGNS, RECIPIENTS, RECEIPTS = 1_000_000, 500, 2_800_000, 150_000
LISTS, TEMPLATES = 20, 13
_DAYS = 110
_DRAFTS = 12
_SLICE = 50_000
#: How uneven campaigns are: the largest has a tenth of all recipients, the smallest a thousand.
_SKEW = 0.9
#: Tables whose statistics a planner needs, and whose visibility map spares index scans the rows.
_TABLES = (
    "campaigns_contact", "campaigns_subscription", "campaigns_consententry", "campaigns_broadcastaudience",
    "relay_message", "relay_recipient", "relay_event", "relay_attempt", "relay_counter", "deliverability_suppression",
)

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much of everything."""

    contacts: int
    campaigns: int
    recipients: int
    receipts: int

    @classmethod
    def of(cls, part: float) -> Size:
        """A part of the full size; campaigns are as many at any size from a twentieth on."""
        return cls(
            contacts=max(200, int(CONTACTS * part)), recipients=max(400, int(RECIPIENTS * part)),
            campaigns=max(20, int(CAMPAIGNS * min(1.0, part * 20))), receipts=max(50, int(RECEIPTS * part)),
        )


class LargeSeeder:
    """Fills one workspace."""

    def __init__(self, workspace: Workspace, size: Size, say: Say) -> None:
        self.workspace, self.size, self.say = workspace, size, say
        self.random = random.Random(500)
        self.now = now().replace(microsecond=0)
        self.begin = self.now - timedelta(days=_DAYS)
        streams = {row.kind: row for row in Stream.objects.filter(workspace=workspace, is_default=True)}
        self.broadcast, self.transactional = streams[StreamKind.BROADCAST], streams[StreamKind.TRANSACTIONAL]
        self.base: dict[str, Any] = {
            "workspace": str(workspace.pk), "contacts": size.contacts, "list_count": LISTS,
            "first": self.begin - timedelta(days=600), "every": timedelta(days=599) / size.contacts,
            "taken": json.dumps(demo_mail.TAKEN), "unknown": json.dumps(demo_mail.USER_UNKNOWN),
            "rate": json.dumps(demo_mail.RATE),
        }
        self.events = 0

    def fill(self) -> None:
        """Make everything, a transaction for each campaign."""
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off; SET work_mem = '64MB'")
            cursor.execute(large_sql.SET_UP)
            cursor.execute("SELECT setseed(0.5)")
        self._lists()
        self._people()
        self._templates()
        self._launch_all()
        self._drafts()
        self._receipts()
        self._analyse()

    def _run(self, sql: str, **parameters: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql, {**self.base, **parameters})

    # -- people ------------------------------------------------------------------------------------------------

    def _lists(self) -> None:
        self.workspace.company, self.workspace.postal_address = "Northwind Bakery", "4 Mill Lane\n2100 Harbour Town"
        self.workspace.save(update_fields=["company", "postal_address"])
        for key, label in (("city", "Town"), ("favourite", "Favourite bread"), ("loaves", "Loaves bought")):
            FieldDefinition.objects.create(workspace=self.workspace, key=key, label=label)
        at = self.begin - timedelta(days=601)
        self.lists = MailingList.objects.bulk_create(
            MailingList(id=uuid7_at(at + timedelta(minutes=number)), workspace=self.workspace, created_at=at,
                        name="Newsletter" if number == 0 else f"Shop {number}", from_header=texts.NEWSLETTER_FROM)
            for number in range(LISTS)
        )
        self.base["lists"] = [row.pk for row in self.lists]

    def _people(self) -> None:
        for start in range(0, self.size.contacts, _SLICE):
            span: dict[str, Any] = {"from": start, "to": min(start + _SLICE, self.size.contacts) - 1}
            with transaction.atomic():
                for sql in (large_sql.CONTACTS, large_sql.SUBSCRIPTIONS, large_sql.CONSENTS):
                    self._run(sql, **span)
            self.say(f"{formats.number(span['to'] + 1)} contacts")

    # -- campaigns ---------------------------------------------------------------------------------------------

    def _templates(self) -> None:
        self.written: list[tuple[TemplateVersion, Content, list[str]]] = []
        letters = (texts.WEDNESDAYS, texts.ROLLS, texts.STARTER, texts.RYE, texts.MORNING, texts.FAIR, texts.SEEDS,
                   texts.BAGUETTES, texts.HOURS, texts.COURSE, texts.APPLES, texts.OVEN, texts.HAMPERS)
        for letter in letters[:TEMPLATES]:
            template = MailTemplate.objects.create(workspace=self.workspace, name=letter.name, created_at=self.begin,
                                                   updated_at=self.begin)
            version = TemplateVersion.objects.create(
                template=template, number=1, subject=letter.subject, preheader=letter.preheader,
                source=texts.newsletter(letter), created_at=self.begin, updated_at=self.begin, published_at=self.begin,
            )
            self.written.append((version, *self._content(version)))

    def _content(self, version: TemplateVersion) -> tuple[Content, list[str]]:
        footer = compiled.Footer(company=self.workspace.company, postal_address=self.workspace.postal_address)
        source = compiled.Source(kind="html", subject=version.subject, source=version.source)
        made = dataclasses.replace(
            compiled.compile_source(source, footer, opens=True, clicks=True), from_header=texts.NEWSLETTER_FROM
        )
        data = made.dump()
        content = Content.objects.create(workspace=self.workspace, format=ContentFormat.COMPILED, data=data,
                                         size_bytes=len(data), created_at=self.begin)
        TrackedLink.objects.bulk_create(
            TrackedLink(content_id=content.pk, number=number, url=url)
            for number, url in enumerate(made.links, start=1)
        )
        return content, list(made.links)

    def _plan(self) -> Iterator[tuple[int, datetime, int]]:
        """(number, launch, size) of each campaign, oldest first: a few very large, many small."""
        count = self.size.campaigns - min(_DRAFTS, self.size.campaigns // 5)
        shares = [1 / (rank + 1) ** _SKEW for rank in range(count)]
        sizes = [max(5, int(self.size.recipients * share / sum(shares))) for share in shares]
        self.random.shuffle(sizes)
        span = timedelta(days=_DAYS - 3)
        for number, size in enumerate(sizes):
            yield number, self.begin + span * (number / count), min(size, self.size.contacts)

    def _launch_all(self) -> None:
        plan, began, offset = list(self._plan()), time.monotonic(), 0
        for number, at, size in plan:
            with transaction.atomic():
                self.events += self._launch(number, at, size, offset)
            offset = (offset + size) % self.size.contacts
            if number % 20 == 19 or number + 1 == len(plan):
                took = time.monotonic() - began
                done = sum(size for _, _, size in plan[: number + 1]) / sum(size for _, _, size in plan)
                left = formats.duration(round(took / done - took))
                self.say(f"{number + 1} of {len(plan)} campaigns, {formats.number(self.events)} events, {left} left")

    def _launch(self, number: int, at: datetime, size: int, offset: int) -> int:
        """One campaign with everything that became of it; returns how many events."""
        version, content, links = self.written[number % len(self.written)]
        campaign = self._campaign(f"{version.template.name}, no. {number + 1}", version, at)
        broadcast_id, message_id = uuid7_at(at), uuid7_at(at)
        lanes.lane_ids_by_site(self.workspace.pk, self.broadcast.pk, broadcast_id, [host for host, *_ in SITES])
        given: dict[str, Any] = {
            "broadcast": broadcast_id, "message": message_id, "stream": self.broadcast.pk, "at": at, "size": size,
            "offset": offset, "list": self.lists[0].pk, "a_second": max(1.0, size / 1800), "links": len(links),
        }
        self._run(large_sql.MAIL, **given)
        with connection.cursor() as cursor:
            cursor.execute(large_sql.LEFT_OUT, {**self.base, **given})
            unconfirmed, unsubscribed = cursor.fetchone()
            cursor.execute("SELECT count(*), max(ended) FROM large_mail")
            reached, ended = cursor.fetchone()
        left_out = {"unconfirmed": unconfirmed, "unsubscribed": unsubscribed}
        self._broadcast(campaign, version, content, given, reached, {key: n for key, n in left_out.items() if n})
        for sql in (large_sql.AUDIENCE, large_sql.RECIPIENTS, large_sql.EVENTS, large_sql.ATTEMPTS,
                    large_sql.SUPPRESSIONS, large_sql.LEAVE, large_sql.LEFT_CONSENTS, large_sql.STOP):
            self._run(sql, **given)
        count_events(self.workspace, broadcast_id=broadcast_id)
        Campaign.objects.filter(pk=campaign.pk).update(finished_at=ended)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM relay_event WHERE broadcast_id = %s", [broadcast_id])
            return int(cursor.fetchone()[0])

    def _campaign(self, name: str, version: TemplateVersion, at: datetime) -> Campaign:
        campaign = Campaign.objects.create(
            id=uuid7_at(at - timedelta(hours=2)), workspace=self.workspace, name=name, status=CampaignStatus.SENT,
            from_header=texts.NEWSLETTER_FROM, template=version.template, stream_id=self.broadcast.pk, step="schedule",
            created_at=at - timedelta(hours=2), updated_at=at, launched_at=at,
        )
        campaign.lists.set([self.lists[0]])
        return campaign

    def _broadcast(
        self, campaign: Campaign, version: TemplateVersion, content: Content, given: dict[str, Any], reached: int,
        left_out: dict[str, int],
    ) -> None:
        at, message_id, broadcast_id = given["at"], given["message"], given["broadcast"]
        sender = parse_mailbox(texts.NEWSLETTER_FROM)
        Message.objects.create(
            id=message_id, workspace=self.workspace, stream=self.broadcast, content=content, source="campaign",
            from_header=texts.NEWSLETTER_FROM, from_address=sender.spec, from_domain=sender.ascii_domain,
            subject=version.subject, track="all", broadcast_id=broadcast_id, size_bytes=content.size_bytes,
            options={"list_ids": [str(self.lists[0].pk)]}, recipient_count=reached, created_at=at,
            expires_at=at + timedelta(days=5),
        )
        Broadcast.objects.create(
            id=broadcast_id, campaign=campaign, workspace=self.workspace, status=BroadcastStatus.EXPANDED,
            template_version=version, message_id=message_id, list_ids=[str(self.lists[0].pk)], created_at=at,
            audience_count=reached, expanded_count=reached, left_out=left_out, launched_by="Maja Lindqvist",
            expanded_at=at + timedelta(seconds=20),
        )
        BroadcastControl.objects.create(
            broadcast_id=broadcast_id, workspace=self.workspace, stream=self.broadcast, message_id=message_id,
            campaign_id=campaign.pk, created_at=at,
        )

    def _drafts(self) -> None:
        version, *_ = self.written[0]
        for number in range(min(_DRAFTS, self.size.campaigns // 5)):
            at = self.now - timedelta(hours=number + 1)
            draft = Campaign.objects.create(
                id=uuid7_at(at), workspace=self.workspace, name=f"Draft {number + 1}", template=version.template,
                from_header=texts.NEWSLETTER_FROM, stream_id=self.broadcast.pk, created_at=at, updated_at=at,
            )
            draft.lists.set([self.lists[0]])

    # -- receipts ----------------------------------------------------------------------------------------------

    def _receipts(self) -> None:
        raw = f"From: {texts.ORDERS_FROM}\r\nSubject: Your order\r\n\r\n{texts.RESET}".encode()
        content = Content.objects.create(workspace=self.workspace, data=raw, size_bytes=len(raw), created_at=self.begin)
        sender = parse_mailbox(texts.ORDERS_FROM)
        lanes.lane_ids_by_site(self.workspace.pk, self.transactional.pk, None, [host for host, *_ in SITES])
        count = self.size.receipts
        with transaction.atomic():
            for start in range(0, count, _SLICE):
                self._run(
                    large_sql.RECEIPTS, stream=self.transactional.pk, content=content.pk, size=len(raw), count=count,
                    from_header=texts.ORDERS_FROM, from_address=sender.spec, from_domain=sender.ascii_domain,
                    begin=self.begin, span=self.now - self.begin - timedelta(minutes=2),
                    **dict[str, Any]({"from": start + 1, "to": min(start + _SLICE, count)}),
                )
            count_without_broadcast(self.workspace)
        self.events += count * 3
        self.say(f"{formats.number(count)} receipts")

    def _analyse(self) -> None:
        """Statistics and visibility for the planner, where vacuum may run (not within a test's transaction)."""
        verb = "ANALYZE" if connection.in_atomic_block else "VACUUM (ANALYZE)"
        with connection.cursor() as cursor:
            for table in _TABLES:
                cursor.execute(f"{verb} {table}")
        self.say("statistics")
        while broadcast_figures.count_changed():
            pass
        self.say("figures of reports")


def seed(workspace: Workspace, *, part: float = 1.0, say: Say = lambda text: None) -> int:
    """Fill an empty workspace with a part of the full size; returns how many events it has."""
    seeder = LargeSeeder(workspace, Size.of(part), say)
    seeder.fill()
    return seeder.events


def campaign_ids(workspace: Workspace) -> list[UUID]:
    """Ids of its campaigns, the largest first: what a look at the slowest pages begins with."""
    rows = Broadcast.objects.filter(workspace=workspace).order_by("-audience_count")
    return list(rows.values_list("campaign_id", flat=True))
