"""The campaigns of the Demo workspace: thirteen that were launched, two that are still written, and their templates."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.models import (
    Broadcast,
    BroadcastAudience,
    BroadcastStatus,
    Campaign,
    CampaignStatus,
    MailingList,
    MailTemplate,
    TemplateVersion,
)
from relayhub.protocol.address import parse_mailbox
from relayhub.relay import compiled
from relayhub.relay.models import BroadcastControl, ContentFormat, Stream, TrackedLink
from relayhub.site import demo_texts as texts
from relayhub.site.demo_mail import Reception, Teller
from relayhub.site.demo_people import People, Person
from relayhub.site.demo_rows import MessageRow, Rows

AUTHOR = "Maja Lindqvist"
_LIFETIME = timedelta(days=5)
#: What is held by an unverified domain stays held for as long as somebody looks at the demo.
_HELD_FOR = timedelta(days=3650)
_A_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Launch:
    """One campaign that was launched."""

    letter: texts.Letter
    at: datetime
    mailing_list: MailingList
    sender: str = texts.NEWSLETTER_FROM
    throttled: float = 0.0
    max_per_minute: int | None = None
    #: From when on the rest was cancelled, or held because the From domain was broken.
    cancelled_at: datetime | None = None
    paused_at: datetime | None = None
    held_from: datetime | None = None

    @property
    def status(self) -> CampaignStatus:
        """Where it stands today."""
        if self.held_from is not None:
            return CampaignStatus.PAUSED
        return CampaignStatus.CANCELLED if self.cancelled_at is not None else CampaignStatus.SENT


class Campaigns:
    """Makes them one by one, in the order of their launches."""

    def __init__(self, people: People, teller: Teller, rows: Rows, stream: Stream, *, rng: random.Random) -> None:
        self.people, self.teller, self.rows, self.stream, self.random = people, teller, rows, stream, rng
        self.workspace, self.now = people.workspace, people.now
        self.made: dict[str, Campaign] = {}
        self._templates: dict[str, MailTemplate] = {}

    # -- what is written -----------------------------------------------------------------------------------

    def template(self, letter: texts.Letter, at: datetime) -> MailTemplate:
        """The template of a letter, published; the same letter sent again has the same one."""
        known = self._templates.get(letter.name)
        if known is not None:
            return known
        row = self._template(letter.name, at)
        source = texts.newsletter(letter)
        self._version(row, 1, source.replace(letter.text, "To be written."), letter, at, published=True)
        self._version(row, 2, source, letter, at + timedelta(hours=3), published=True)
        self._templates[letter.name] = row
        return row

    def _template(self, name: str, at: datetime) -> MailTemplate:
        return MailTemplate.objects.create(
            id=self.rows.new_id(at), workspace=self.workspace, name=name, created_at=at, updated_at=at
        )

    def _version(
        self, template: MailTemplate, number: int, source: str, letter: texts.Letter, at: datetime, *,
        published: bool, kind: str = "html",
    ) -> None:
        TemplateVersion.objects.create(
            template=template, number=number, kind=kind, subject=letter.subject, preheader=letter.preheader,
            source=source, created_at=at, updated_at=at, published_at=at if published else None,
        )

    def standing_templates(self, at: datetime) -> None:
        """What programs send, and a welcome that nothing sends yet."""
        welcome = texts.Letter(name="Welcome", subject="Welcome to Northwind Bakery", preheader="Once a week, and warm",
                               title="", text="", button="", path="")
        self._version(self._template("Welcome", at), 1, texts.WELCOME_SOURCE, welcome, at, published=True, kind="mjml")
        reset = dataclasses.replace(welcome, subject="Set a new password", preheader="The link works for an hour")
        self._version(self._template("Password reset", at), 1, texts.RESET_HTML, reset, at, published=True)
        receipt = dataclasses.replace(welcome, subject="Thank you for your order", preheader="")
        source = texts.receipt_html("{{ contact.first_name }}", 1200, texts.PRICES[:2])
        self._version(self._template("Receipt", at), 1, source, receipt, at, published=True)

    def drafts(self) -> None:
        """One that is half written, and one that only waits for a time."""
        at = self.now - timedelta(hours=5)
        row = self._template(texts.HOLIDAYS.name, at)
        self._version(row, 1, texts.newsletter(texts.HOLIDAYS), texts.HOLIDAYS, at, published=False)
        self._draft(texts.HOLIDAYS.name, row, at, step="content", lists=(self.people.preorders,))
        at = self.now - timedelta(days=1, hours=2)
        template = self.template(texts.COURSE, at)
        self._draft("Bread course, the places left", template, at, step="schedule",
                    lists=(self.people.newsletter, self.people.preorders))

    def _draft(
        self, name: str, template: MailTemplate, at: datetime, *, step: str, lists: Sequence[MailingList]
    ) -> None:
        draft = Campaign.objects.create(
            id=self.rows.new_id(at), workspace=self.workspace, name=name, from_header=texts.NEWSLETTER_FROM,
            template=template, step=step, stream_id=self.stream.pk, created_at=at, updated_at=at,
        )
        draft.lists.set(lists)

    # -- what went out -------------------------------------------------------------------------------------

    def launch(self, wanted: Launch) -> None:
        """One campaign from its template to what became of everybody."""
        template = self.template(wanted.letter, wanted.at - timedelta(days=2))
        version = template.versions.get(number=2)
        campaign = self._campaign(wanted, template)
        campaign.lists.set([wanted.mailing_list])
        audience, left_out = self._audience(wanted)
        message, links = self._message(wanted, campaign, version)
        self._broadcast(wanted, campaign, version, message, audience, left_out)
        how = Reception(links=links, appeal=wanted.letter.appeal, throttled=wanted.throttled,
                        mailing_list=wanted.mailing_list)
        ended = self._send(wanted, message, audience, how)
        if wanted.status == CampaignStatus.SENT:
            Campaign.objects.filter(pk=campaign.pk).update(finished_at=ended)
        self.made.setdefault(f"{wanted.letter.name} {wanted.at:%Y-%m-%d}", campaign)

    def _campaign(self, wanted: Launch, template: MailTemplate) -> Campaign:
        begun = wanted.at - timedelta(hours=2)
        return Campaign.objects.create(
            id=self.rows.new_id(begun), workspace=self.workspace, name=wanted.letter.name, status=wanted.status,
            from_header=wanted.sender, template=template, stream_id=self.stream.pk, created_at=begun,
            max_per_minute=wanted.max_per_minute, launched_at=wanted.at, updated_at=wanted.at, step="schedule",
            finished_at=wanted.cancelled_at,
        )

    def _audience(self, wanted: Launch) -> tuple[list[Person], list[tuple[Person, str]]]:
        """Who is reached, and who of the list is not and why; as it was at the launch."""
        reached, left_out = [], []
        for person in self.people.everybody:
            row = person.subscriptions.get(wanted.mailing_list.pk)
            if row is None or row.created_at > wanted.at:
                continue
            if row.unsubscribed_at is not None and row.unsubscribed_at <= wanted.at:
                left_out.append((person, "unsubscribed"))
            elif row.confirmed_at is None or row.confirmed_at > wanted.at:
                left_out.append((person, "unconfirmed"))
            else:
                reached.append(person)
        return reached, left_out

    def _message(self, wanted: Launch, campaign: Campaign, version: TemplateVersion) -> tuple[MessageRow, list[int]]:
        footer = compiled.Footer(company=self.workspace.company, postal_address=self.workspace.postal_address)
        source = compiled.Source(kind="html", subject=version.subject, preheader=version.preheader,
                                 source=version.source)
        sender = parse_mailbox(wanted.sender)
        made = dataclasses.replace(
            compiled.compile_source(source, footer, opens=True, clicks=True), from_header=wanted.sender,
            list_identity={"label": wanted.mailing_list.pk.hex, "domain": sender.ascii_domain,
                           "name": wanted.mailing_list.name},
            feedback={"campaign": campaign.public_id.replace("_", "")},
            shared={"workspace": {"name": self.workspace.name, "company": self.workspace.company},
                    "campaign": {"name": campaign.name, "subject": version.subject}},
        )
        data = made.dump()
        content_id = self.rows.content(data, wanted.at, form=ContentFormat.COMPILED.value)
        TrackedLink.objects.bulk_create(
            TrackedLink(content_id=content_id, number=number, url=url)
            for number, url in enumerate(made.links, start=1)
        )
        message = self.rows.message(
            MessageRow(
                id=self.rows.new_id(wanted.at), stream_id=self.stream.pk, content_id=content_id, source="campaign",
                from_header=wanted.sender, from_address=sender.spec, subject=version.subject, track="all",
                options={"list_ids": [str(wanted.mailing_list.pk)]}, broadcast_id=self.rows.new_id(wanted.at),
                size_bytes=len(data), created_at=wanted.at,
                expires_at=self.now + _HELD_FOR if wanted.held_from else wanted.at + _LIFETIME,
            )
        )
        return message, [number for number, url in enumerate(made.links, start=1) if url.startswith("http")]

    def _broadcast(
        self, wanted: Launch, campaign: Campaign, version: TemplateVersion, message: MessageRow,
        audience: Sequence[Person], left_out: Sequence[tuple[Person, str]],
    ) -> None:
        assert message.broadcast_id is not None
        broadcast = Broadcast.objects.create(
            id=message.broadcast_id, campaign=campaign, workspace=self.workspace, template_version=version,
            status=BroadcastStatus.EXPANDED, message_id=message.id, list_ids=[str(wanted.mailing_list.pk)],
            audience_count=len(audience), expanded_count=len(audience), launched_by=AUTHOR,
            left_out=dict(Counter(why for _, why in left_out)), created_at=wanted.at,
            expanded_at=wanted.at + timedelta(seconds=2),
        )
        everybody = [*((person, self._stopped(person, wanted.at)) for person in audience), *left_out]
        BroadcastAudience.objects.bulk_create(
            BroadcastAudience(broadcast=broadcast, contact_id=person.contact.pk, address=person.contact.email,
                              address_key=person.contact.email_key, left_out=why)
            for person, why in everybody
        )
        BroadcastControl.objects.create(
            broadcast_id=broadcast.pk, workspace=self.workspace, stream=self.stream, message_id=message.id,
            campaign_id=campaign.pk, created_at=wanted.at, paused_at=wanted.paused_at,
            cancelled_at=wanted.cancelled_at, max_per_minute=wanted.max_per_minute,
        )

    def _stopped(self, person: Person, at: datetime) -> str:
        stop = person.suppressed_at or person.quiet_at
        return "suppressed" if stop is not None and stop <= at else ""

    def _send(self, wanted: Launch, message: MessageRow, audience: Sequence[Person], how: Reception) -> datetime:
        """Everybody in turn, as fast as the limit lets; returns when the last one was through."""
        order, ended = list(audience), wanted.at
        self.random.shuffle(order)
        for number, person in enumerate(order):
            tried = wanted.at + self._wait(wanted, number)
            if wanted.cancelled_at is not None and tried >= (wanted.paused_at or wanted.cancelled_at):
                self.teller.cancel(message, person, wanted.at, cancelled_at=wanted.cancelled_at, by=AUTHOR)
            elif wanted.held_from is not None and tried >= wanted.held_from:
                self.teller.hold(message, person, wanted.at, held_at=tried, reason="domain_broken")
            else:
                last = self.teller.send(message, person, wanted.at, tried, how)
                ended = max(ended, last)
        return ended

    def _wait(self, wanted: Launch, number: int) -> timedelta:
        if wanted.max_per_minute is None:
            return timedelta(seconds=3 + number * 0.35 + self.random.uniform(0, 2))
        return _A_MINUTE * (number / wanted.max_per_minute) + timedelta(seconds=2)
