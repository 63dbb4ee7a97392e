"""The Demo workspace: a bakery's newsletters, receipts and resets of the last weeks, for looking around.

Everything in it uses `.example` names, nothing waits to be sent, and every count is the count of its rows:
the same ledger that checks real mail checks it. Rows are made by the same shapes the relay writes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from campaigns.models import (
    Broadcast,
    BroadcastAudience,
    BroadcastStatus,
    Campaign,
    CampaignStatus,
    ConsentAction,
    ConsentEntry,
    Contact,
    FieldDefinition,
    MailingList,
    MailTemplate,
    OptIn,
    Subscription,
    SubscriptionStatus,
    TemplateVersion,
)
from deliverability.models import Suppression, SuppressionReason, SuppressionScope
from relayhub.core.clock import now
from relayhub.core.ids import derived_uuid7, uuid7_at
from relayhub.core.models import Workspace
from relayhub.protocol.address import parse_addr_spec, parse_mailbox
from relayhub.protocol.compose import Composition, compose
from relayhub.relay import compiled, lanes, rendering
from relayhub.relay.models import (
    Attempt,
    BroadcastControl,
    Content,
    ContentFormat,
    Event,
    EventType,
    Message,
    Recipient,
    RecipientStatus,
    Source,
    Stream,
    StreamKind,
    TrackedLink,
)
from relayhub.site import demo_texts as texts
from relayhub.site.demo_domains import add_demo_domains

DOMAIN = "northwind-bakery.example"
CONTACTS = 480
DAYS = 30
RECEIPTS = 420
_SITES = (("google.example", "Google", 44), ("microsoft.example", "Microsoft consumer", 24),
          ("yahoo.example", "Yahoo", 12), ("posteo.example", "Posteo", 8), ("harbour-mail.example", "", 12))
_USER_UNKNOWN = {"code": 550, "enhanced": "5.1.1", "text": "No such user here"}
_RATE = {"code": 421, "enhanced": "4.7.28", "text": "Receiving mail from this address at an unusual rate; try later"}
_TAKEN = {"code": 250, "enhanced": "2.0.0", "text": "Ok: queued"}


@dataclass
class _Rows:
    """Everything that is inserted in bulk."""

    recipients: list[Recipient] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


class DemoSeeder:
    """Fills one workspace; the same seed makes the same story."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.random = random.Random(20)
        self.now = now().replace(microsecond=0)
        self.begin = self.now - timedelta(days=DAYS)
        self.rows = _Rows()
        streams = {row.kind: row for row in Stream.objects.filter(workspace=workspace, is_default=True)}
        self.transactional = streams[StreamKind.TRANSACTIONAL]
        self.broadcast_stream = streams[StreamKind.BROADCAST]

    def fill(self) -> None:
        """Make everything."""
        self._particulars()
        self._domains()
        self._contacts()
        self._lists()
        self._campaigns()
        self._receipts()
        self._store()
        _count_events(self.workspace)

    # -- who and what --------------------------------------------------------------------------------------

    def _particulars(self) -> None:
        self.workspace.company = "Northwind Bakery"
        self.workspace.postal_address = "4 Mill Lane\n2100 Harbour Town"
        self.workspace.save(update_fields=["company", "postal_address"])

    def _domains(self) -> None:
        add_demo_domains(self.workspace, DOMAIN, begin=self.begin, now=self.now)

    def _contacts(self) -> None:
        FieldDefinition.objects.create(workspace=self.workspace, key="city", label="Town")
        FieldDefinition.objects.create(workspace=self.workspace, key="favourite", label="Favourite bread")
        made = []
        for number in range(CONTACTS):
            first, last = self.random.choice(texts.FIRST_NAMES), self.random.choice(texts.LAST_NAMES)
            site = self.random.choices(_SITES, [weight for *_, weight in _SITES])[0][0]
            email = f"{first}.{last}{number}@{site}".lower()
            joined = self.begin + timedelta(minutes=self.random.randrange(60 * 24 * 3))
            made.append(
                Contact(
                    id=uuid7_at(joined), workspace=self.workspace, email=email, email_key=email,
                    name=f"{first} {last}", source="form", created_at=joined, updated_at=joined,
                    fields={"city": self.random.choice(texts.TOWNS), "favourite": self.random.choice(texts.BREADS)},
                )
            )
        self.contacts = Contact.objects.bulk_create(made)

    def _lists(self) -> None:
        sender = f"Northwind Bakery <hello@{DOMAIN}>"
        self.newsletter = MailingList.objects.create(
            workspace=self.workspace, name="Newsletter", description="What is in the oven, once a week",
            opt_in=OptIn.DOUBLE, from_header=sender, is_public=True, created_at=self.begin,
        )
        self.preorders = MailingList.objects.create(
            workspace=self.workspace, name="Pre-orders", description="Holiday bread before everybody else",
            opt_in=OptIn.SINGLE, from_header=sender, is_public=True, created_at=self.begin,
        )
        subscriptions, consents = [], []
        for number, contact in enumerate(self.contacts):
            for mailing_list in (self.newsletter, self.preorders)[: 2 if number % 3 == 0 else 1]:
                is_open = number % 19 == 0 and mailing_list is self.newsletter
                subscriptions.append(
                    Subscription(
                        id=uuid7_at(contact.created_at), workspace=self.workspace, mailing_list=mailing_list,
                        contact=contact, created_at=contact.created_at,
                        status=SubscriptionStatus.UNCONFIRMED if is_open else SubscriptionStatus.CONFIRMED,
                        confirmed_at=None if is_open else contact.created_at + timedelta(minutes=4),
                    )
                )
                consents.append(
                    ConsentEntry(
                        contact=contact, mailing_list=mailing_list, channel="form", at=contact.created_at,
                        action=ConsentAction.SUBSCRIBED, source=f"https://{DOMAIN}/newsletter", ip="192.0.2.17",
                    )
                )
        Subscription.objects.bulk_create(subscriptions)
        ConsentEntry.objects.bulk_create(consents)

    # -- campaigns -----------------------------------------------------------------------------------------

    def _campaigns(self) -> None:
        for number, (name, subject, body) in enumerate(texts.CAMPAIGNS):
            launched = self.now - timedelta(days=26 - 7 * number, hours=self.random.randrange(3, 6))
            self._campaign(name, subject, body, launched)
        template = self._template("Spring menu", "Spring is here", texts.CAMPAIGNS[0][2], self.now)
        draft = Campaign.objects.create(
            workspace=self.workspace, name="Spring menu", from_header=f"Northwind Bakery <hello@{DOMAIN}>",
            template=template, created_at=self.now - timedelta(hours=5), updated_at=self.now - timedelta(hours=5),
        )
        draft.lists.set([self.newsletter])

    def _template(self, name: str, subject: str, body: str, at: datetime) -> MailTemplate:
        template = MailTemplate.objects.create(workspace=self.workspace, name=name, created_at=at, updated_at=at)
        TemplateVersion.objects.create(
            template=template, number=1, kind="html", subject=subject, source=texts.page(subject, body),
            created_at=at, updated_at=at, published_at=at,
        )
        return template

    def _campaign(self, name: str, subject: str, body: str, launched: datetime) -> None:
        template = self._template(name, subject, body, launched - timedelta(days=1))
        version = template.versions.get()
        campaign = Campaign.objects.create(
            id=uuid7_at(launched - timedelta(hours=2)), workspace=self.workspace, name=name,
            status=CampaignStatus.SENT, from_header=f"Northwind Bakery <hello@{DOMAIN}>", template=template,
            stream_id=self.broadcast_stream.pk, created_at=launched - timedelta(hours=2), launched_at=launched,
            updated_at=launched, finished_at=launched + timedelta(minutes=9), step="schedule",
        )
        campaign.lists.set([self.newsletter])
        message, links = self._broadcast_message(campaign, version, launched)
        audience = [contact for number, contact in enumerate(self.contacts) if number % 19]
        broadcast = Broadcast.objects.create(
            id=message.broadcast_id, campaign=campaign, workspace=self.workspace, template_version=version,
            status=BroadcastStatus.EXPANDED, message_id=message.pk, list_ids=[str(self.newsletter.pk)],
            audience_count=len(audience), expanded_count=len(audience),
            left_out={"unconfirmed": len(self.contacts) - len(audience)}, launched_by="maja@" + DOMAIN,
            created_at=launched, expanded_at=launched + timedelta(seconds=4),
        )
        BroadcastAudience.objects.bulk_create(
            BroadcastAudience(
                broadcast=broadcast, contact_id=contact.pk, address=contact.email, address_key=contact.email_key,
                left_out="" if number % 19 else "unconfirmed",
            )
            for number, contact in enumerate(self.contacts)
        )
        for contact in audience:
            self._recipient(message, self.broadcast_stream, contact, launched, links=links)
        Message.objects.filter(pk=message.pk).update(recipient_count=len(audience))

    def _broadcast_message(
        self, campaign: Campaign, version: TemplateVersion, at: datetime
    ) -> tuple[Message, list[int]]:
        footer = compiled.Footer(company=self.workspace.company, postal_address=self.workspace.postal_address)
        source = compiled.Source(kind="html", subject=version.subject, source=version.source)
        made = dataclasses.replace(
            compiled.compile_source(source, footer, opens=True, clicks=True), from_header=campaign.from_header,
            list_identity={"label": self.newsletter.public_id.replace("_", "-"), "domain": DOMAIN,
                           "name": self.newsletter.name},
            feedback={"campaign": campaign.public_id},
            shared={"workspace": {"name": self.workspace.name, "company": self.workspace.company},
                    "campaign": {"name": campaign.name, "subject": version.subject}},
        )
        data = made.dump()
        content = Content.objects.create(
            workspace=self.workspace, format=ContentFormat.COMPILED, data=data, size_bytes=len(data), created_at=at
        )
        TrackedLink.objects.bulk_create(
            TrackedLink(content_id=content.pk, number=number, url=url)
            for number, url in enumerate(made.links, start=1)
        )
        broadcast_id = uuid7_at(at)
        message = Message.objects.create(
            id=uuid7_at(at), workspace=self.workspace, stream=self.broadcast_stream, content=content,
            source=Source.CAMPAIGN, from_header=campaign.from_header, from_address=f"hello@{DOMAIN}",
            from_domain=DOMAIN, subject=version.subject, track="all", broadcast_id=broadcast_id,
            size_bytes=len(data), options={"list_ids": [str(self.newsletter.pk)]},
            expires_at=at + timedelta(days=5), created_at=at,
        )
        BroadcastControl.objects.create(
            broadcast_id=broadcast_id, workspace=self.workspace, stream=self.broadcast_stream,
            message_id=message.pk, campaign_id=campaign.pk, created_at=at,
        )
        return message, [number for number, url in enumerate(made.links, start=1) if url.startswith("http")]

    # -- transactional mail --------------------------------------------------------------------------------

    def _receipts(self) -> None:
        """Receipts and password resets, each a message of its own."""
        messages, contents = [], []
        for number in range(RECEIPTS):
            at = self.begin + timedelta(minutes=self.random.randrange(60 * 24 * DAYS - 120))
            contact = self.random.choice(self.contacts)
            is_reset = number % 7 == 0
            subject = "Set a new password" if is_reset else f"Your order {1200 + number} at Northwind Bakery"
            text = texts.RESET if is_reset else texts.receipt(contact.name, 1200 + number)
            seed = hashlib.sha256(f"demo{number}".encode()).digest()
            raw = compose(
                Composition(
                    author=parse_mailbox(f"Northwind Bakery <orders@{DOMAIN}>"), subject=subject, date=at,
                    to=(parse_addr_spec(contact.email),), message_id=f"<{seed.hex()[:24]}@{DOMAIN}>", seed=seed,
                    text=text,
                )
            )
            content = Content(
                id=uuid7_at(at), workspace=self.workspace, data=raw, size_bytes=len(raw), created_at=at
            )
            message = Message(
                id=uuid7_at(at), workspace=self.workspace, stream=self.transactional, content=content,
                source=Source.HTTP, from_header=f"Northwind Bakery <orders@{DOMAIN}>",
                from_address=f"orders@{DOMAIN}", from_domain=DOMAIN, subject=subject,
                message_id_header=f"<{seed.hex()[:24]}@{DOMAIN}>", size_bytes=len(raw), recipient_count=1,
                tags=["reset" if is_reset else "receipt"], expires_at=at + timedelta(days=5), created_at=at,
            )
            contents.append(content)
            messages.append(message)
            self._recipient(message, self.transactional, contact, at)
        Content.objects.bulk_create(contents)
        Message.objects.bulk_create(messages)

    # -- what happened to each -----------------------------------------------------------------------------

    def _recipient(
        self, message: Message, stream: Stream, contact: Contact, at: datetime, *, links: Sequence[int] = ()
    ) -> None:
        site = contact.email_key.partition("@")[2]
        provider = next(name for host, name, _ in _SITES if host == site)
        recipient = Recipient(
            id=uuid7_at(at), message=message, workspace=self.workspace, stream=stream, lane_id=0,
            broadcast_id=message.broadcast_id, contact_id=contact.pk if message.broadcast_id else None,
            address=contact.email, address_key=contact.email_key, domain=site, accepted_at=at,
            next_attempt_at=at, transport="direct", provider=provider, status=RecipientStatus.DELIVERED,
            merge={"contact": rendering.contact_context(email=contact.email, name=contact.name,
                                                        fields=contact.fields)} if message.broadcast_id else None,
        )
        self._event(recipient, EventType.ACCEPTED, at, {"source": message.source})
        tried = at + timedelta(seconds=self.random.randrange(1, 240 if links else 4))
        chance = self.random.random()
        if provider == "Microsoft consumer" and links and chance < 0.16:
            self._attempt(recipient, tried, "deferred", _RATE, site)
            tried += timedelta(minutes=self.random.randrange(6, 40))
        if self.random.random() < 0.011:
            self._bounce(recipient, tried, site)
        else:
            self._attempt(recipient, tried, "delivered", _TAKEN, site)
            recipient.finished_at = tried
            recipient.reply = _TAKEN
            if links:
                self._engagement(recipient, tried, links)
        self.rows.recipients.append(recipient)

    def _bounce(self, recipient: Recipient, at: datetime, site: str) -> None:
        recipient.status, recipient.finished_at = RecipientStatus.BOUNCED, at
        recipient.bounce_class, recipient.bounce_category = "hard", "recipient"
        recipient.reply = _USER_UNKNOWN
        self._attempt(recipient, at, "bounced", _USER_UNKNOWN, site, {"suppresses": True})
        Suppression.objects.bulk_create(
            [
                Suppression(
                    id=uuid7_at(at), workspace=self.workspace, address=recipient.address,
                    address_key=recipient.address_key, reason=SuppressionReason.HARD_BOUNCE,
                    scope=SuppressionScope.WORKSPACE, source=f"550 5.1.1 from mx.{site}",
                    # After everything of the story, which does not look at it again.
                    recipient_id=recipient.pk, created_at=self.now,
                )
            ],
            ignore_conflicts=True,
        )

    def _attempt(
        self, recipient: Recipient, at: datetime, disposition: str, reply: dict[str, Any], site: str,
        detail: dict[str, Any] | None = None,
    ) -> None:
        recipient.attempts += 1
        attempt = Attempt(
            id=uuid7_at(at), workspace_id=self.workspace.pk, recipient_id=recipient.pk,
            message_id=recipient.message_id, number=recipient.attempts, started_at=at,
            ended_at=at + timedelta(milliseconds=self.random.randrange(90, 900)), disposition=disposition,
            transport="direct", site=site, peer_host=f"mx.{site}", peer_address="192.0.2.25",
            source_address="198.51.100.10", tls={"version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384",
                                                 "verified": True},
            phase="dot" if disposition == "delivered" else "rcpt", reply=reply,
            transcript=_conversation(recipient, reply, site),
        )
        self.rows.attempts.append(attempt)
        self._event(recipient, EventType.ATTEMPTED, at, {"number": attempt.number}, attempt=attempt)
        self._event(recipient, EventType(disposition), attempt.ended_at, {"transport": "direct", **(detail or {})},
                    attempt=attempt, reply=reply)

    def _engagement(self, recipient: Recipient, at: datetime, links: Sequence[int]) -> None:
        provider = recipient.provider
        if provider == "Google" and self.random.random() < 0.3:
            seen = at + timedelta(seconds=4)
            recipient.machine_opened_at = seen
            self._event(recipient, EventType.OPENED, seen, {"machine": True, "first": False})
        if self.random.random() > 0.31:
            return
        opened = at + timedelta(minutes=self.random.randrange(2, 60 * 30))
        if opened > self.now:
            return
        recipient.opened_at = opened
        self._event(recipient, EventType.OPENED, opened, {"machine": False, "first": True})
        if self.random.random() < 0.17:
            clicked = opened + timedelta(seconds=self.random.randrange(5, 200))
            recipient.clicked_at = clicked
            self._event(recipient, EventType.CLICKED, clicked,
                        {"machine": False, "first": True, "link": self.random.choice(links)})

    def _event(
        self, recipient: Recipient, kind: EventType, at: datetime | None, detail: dict[str, Any], *,
        attempt: Attempt | None = None, reply: dict[str, Any] | None = None,
    ) -> None:
        moment = at or self.now
        base = attempt.pk if attempt else uuid7_at(moment)
        self.rows.events.append(
            Event(
                id=derived_uuid7(base, recipient.pk, kind.value), workspace_id=self.workspace.pk,
                stream_id=recipient.stream_id, message_id=recipient.message_id, recipient_id=recipient.pk,
                broadcast_id=recipient.broadcast_id, contact_id=recipient.contact_id,
                attempt_id=attempt.pk if attempt else None, type=kind, at=moment, reply=reply, detail=detail,
            )
        )

    def _store(self) -> None:
        self._name_lanes()
        Recipient.objects.bulk_create(self.rows.recipients, batch_size=1000)
        Attempt.objects.bulk_create(self.rows.attempts, batch_size=1000)
        Event.objects.bulk_create(self.rows.events, batch_size=2000)

    def _name_lanes(self) -> None:
        """Lanes as they would be: one a stream, broadcast and site."""
        for (stream_id, broadcast_id), members in _grouped(self.rows.recipients):
            found = lanes.lane_ids_by_site(
                self.workspace.pk, stream_id, broadcast_id, {recipient.domain for recipient in members}
            )
            for recipient in members:
                recipient.lane_id = found[recipient.domain]


def _grouped(
    recipients: list[Recipient],
) -> Iterator[tuple[tuple[UUID, UUID | None], list[Recipient]]]:
    groups: dict[tuple[UUID, UUID | None], list[Recipient]] = {}
    for recipient in recipients:
        groups.setdefault((recipient.stream_id, recipient.broadcast_id), []).append(recipient)
    yield from groups.items()


def _conversation(recipient: Recipient, reply: dict[str, Any], site: str) -> list[list[Any]]:
    answer = f"{reply['code']} {reply['enhanced']} {reply['text']}"
    lines = [
        [12, "S", f"220 mx.{site} ESMTP"], [12, "C", "EHLO mail." + DOMAIN], [25, "S", f"250-mx.{site}"],
        [25, "S", "250 STARTTLS"], [26, "C", "STARTTLS"], [38, "S", "220 2.0.0 Ready"],
        [71, "C", f"MAIL FROM:<…@rp.{DOMAIN}>"], [84, "S", "250 2.1.0 Ok"],
        [84, "C", f"RCPT TO:<{recipient.address}>"],
    ]
    if reply["code"] != 250:
        return [*lines, [97, "S", answer]]
    return [*lines, [97, "S", "250 2.1.5 Ok"], [97, "C", "DATA"], [109, "S", "354 End with ."], [151, "C", "."],
            [188, "S", answer]]


_COUNT_SQL = """
INSERT INTO relay_counter (workspace_id, subject, subject_id, metric, bucket, value)
SELECT e.workspace_id, s.subject, s.subject_id, m.metric,
  date_trunc('hour', e.at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', count(*)
FROM relay_event e
CROSS JOIN LATERAL (VALUES ('stream', e.stream_id), ('broadcast', e.broadcast_id)) AS s(subject, subject_id)
CROSS JOIN LATERAL (VALUES (e.type::text),
  (CASE WHEN e.type = 'delivered' AND e.detail->>'transport' = 'sandbox' THEN 'delivered:sandbox' END),
  (CASE WHEN e.type IN ('opened', 'clicked') AND (e.detail->>'machine')::boolean THEN e.type || ':machine' END),
  (CASE WHEN e.type IN ('opened', 'clicked') AND (e.detail->>'first')::boolean THEN e.type || ':first' END)
) AS m(metric)
WHERE e.workspace_id = %(workspace)s AND s.subject_id IS NOT NULL AND m.metric IS NOT NULL
GROUP BY 1, 2, 3, 4, 5
UNION ALL
SELECT workspace_id, 'link', broadcast_id, 'clicked:' || (detail->>'link'),
  date_trunc('hour', at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', count(*)
FROM relay_event
WHERE workspace_id = %(workspace)s AND type = 'clicked' AND broadcast_id IS NOT NULL AND detail ? 'link'
GROUP BY 1, 3, 4, 5
"""


def _count_events(workspace: Workspace) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_SQL, {"workspace": workspace.pk})


def seed(workspace: Workspace) -> None:
    """Fill an empty workspace in one transaction."""
    with transaction.atomic():
        DemoSeeder(workspace).fill()
