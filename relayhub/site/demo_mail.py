"""What happened to each mail of the Demo workspace: taken, put off, refused, read, left, called spam.

One teller goes through the mail in the order in which it was accepted, so that an address that was refused or
left is written to no more: the ledger checks that.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from campaigns.models import ConsentAction, MailingList, SubscriptionStatus
from deliverability.models import Suppression, SuppressionReason, SuppressionScope
from relayhub.core.models import Workspace
from relayhub.relay import rendering
from relayhub.site.demo_people import PROVIDERS, People, Person
from relayhub.site.demo_rows import MessageRow, RecipientRow, Rows, Try
from relayhub.site.demo_texts import DOMAIN

USER_UNKNOWN = {"code": 550, "enhanced": "5.1.1", "text": "No such user here"}
RATE = {"code": 421, "enhanced": "4.7.28",
        "text": "Receiving mail from this address at an unusual rate; try again later"}
GREYLISTED = {"code": 451, "enhanced": "4.7.1", "text": "Greylisted, please come back in a few minutes"}
MAILBOX_FULL = {"code": 452, "enhanced": "4.2.2", "text": "The mailbox is full"}
TAKEN = {"code": 250, "enhanced": "2.0.0", "text": "Ok: queued"}
THROTTLER = "Microsoft consumer"
_ROUTE = {"route": "the default route", "route_why": "no rule before it applies"}
_FIRST_RETRY = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Reception:
    """How receivers and people took one mailing."""

    #: Numbers of the links that people may follow.
    links: Sequence[int] = ()
    #: How much more, or less, it is opened than usual.
    appeal: float = 1.0
    #: Share of recipients at the throttling provider that are put off at first.
    throttled: float = 0.0
    #: The list that somebody leaves who follows the link in the footer.
    mailing_list: MailingList | None = None


class Teller:
    """Tells each recipient's story, and keeps what follows from it."""

    def __init__(self, people: People, rows: Rows, *, rng: random.Random, now: datetime) -> None:
        self.people, self.rows, self.random, self.now = people, rows, rng, now
        self.workspace: Workspace = people.workspace
        self._suppressions: dict[tuple[str, str, UUID | None], Suppression] = {}

    def write(self) -> None:
        """Store the suppressions."""
        Suppression.objects.bulk_create(self._suppressions.values())

    # -- on its way ------------------------------------------------------------------------------------------

    def accept(self, message: MessageRow, person: Person, at: datetime) -> RecipientRow:
        """A recipient in the queue."""
        contact = person.contact
        is_broadcast = message.broadcast_id is not None
        merge = rendering.contact_context(email=contact.email, name=contact.name, fields=contact.fields)
        return self.rows.recipient(
            RecipientRow(
                id=self.rows.new_id(at), message=message, address=contact.email, accepted_at=at,
                provider=PROVIDERS.get(contact.email.rpartition("@")[2], ""), transport="direct",
                contact_id=contact.pk if is_broadcast else None, merge={"contact": merge} if is_broadcast else None,
            )
        )

    def send(self, message: MessageRow, person: Person, at: datetime, tried: datetime, how: Reception) -> datetime:
        """Accept, try, and what came of it; returns when it ended."""
        recipient = self.accept(message, person, at)
        stop = person.suppressed_at or (person.quiet_at if message.broadcast_id else None)
        if stop is not None and stop <= at:
            self._end(recipient, "suppressed", at, {"found": "accept"})
            recipient.transport = ""
            return at
        tried = self._put_off(recipient, tried, how)
        if person.dies_at is not None and tried >= person.dies_at:
            self._refuse(recipient, person, tried)
        else:
            self._take(recipient, tried)
            self._react(recipient, person, recipient.finished_at or tried, how)
        return recipient.finished_at or tried

    def hold(self, message: MessageRow, person: Person, at: datetime, *, held_at: datetime, reason: str) -> None:
        """Accept and keep back."""
        recipient = self.accept(message, person, at)
        recipient.status, recipient.hold_reason, recipient.transport = "held", reason, ""
        self.rows.event(recipient, "held", held_at, {"reason": reason})

    def cancel(self, message: MessageRow, person: Person, at: datetime, *, cancelled_at: datetime, by: str) -> None:
        """Accept, and stop before the first try."""
        recipient = self.accept(message, person, at)
        recipient.transport = ""
        self._end(recipient, "cancelled", cancelled_at, {"by": by, "why": "The campaign was cancelled."})

    def keep(self, message: MessageRow, address: str, at: datetime) -> None:
        """Accept into the sandbox inbox."""
        recipient = self.rows.recipient(
            RecipientRow(id=self.rows.new_id(at), message=message, address=address, accepted_at=at,
                         provider=PROVIDERS.get(address.rpartition("@")[2], ""), transport="sandbox")
        )
        recipient.status, recipient.finished_at = "delivered", at + timedelta(milliseconds=40)
        detail = {"route": "Sandbox", "route_why": "The workspace is pinned to the sandbox."}
        self.rows.attempt(recipient, Try(at=at + timedelta(milliseconds=40), took=timedelta(0), transcript="[]",
                                         disposition="delivered", reply=None, detail=detail))

    def _end(self, recipient: RecipientRow, status: str, at: datetime, detail: dict[str, Any]) -> None:
        recipient.status, recipient.finished_at = status, at
        self.rows.event(recipient, status, at + timedelta(microseconds=1), detail)

    def _put_off(self, recipient: RecipientRow, tried: datetime, how: Reception) -> datetime:
        """Deferrals before the last try; returns when that one is."""
        chance, waits = self.random.random(), []
        if recipient.provider == THROTTLER and chance < how.throttled:
            waits = [_FIRST_RETRY, _FIRST_RETRY * 3, _FIRST_RETRY * 9][: self.random.choices((1, 2, 3), (5, 3, 2))[0]]
            reply = RATE
        elif recipient.provider == "Posteo" and chance < 0.08:
            waits, reply = [_FIRST_RETRY], GREYLISTED
        elif chance > 0.997:
            waits, reply = [_FIRST_RETRY, _FIRST_RETRY * 3], MAILBOX_FULL
        for wait in waits:
            next_at = tried + wait * self.random.uniform(0.9, 1.1)
            if next_at >= self.now:
                break
            self._attempt(recipient, tried, "deferred", reply, {"next_attempt_at": f"{next_at:%Y-%m-%dT%H:%M:%SZ}"})
            tried = next_at
        return tried

    def _take(self, recipient: RecipientRow, at: datetime) -> None:
        recipient.status, recipient.reply = "delivered", TAKEN
        recipient.finished_at = self._attempt(recipient, at, "delivered", TAKEN, {})

    def _refuse(self, recipient: RecipientRow, person: Person, at: datetime) -> None:
        recipient.status, recipient.reply = "bounced", USER_UNKNOWN
        recipient.bounce_class, recipient.bounce_category = "hard", "recipient"
        ended = self._attempt(recipient, at, "bounced", USER_UNKNOWN, {"suppresses": True})
        recipient.finished_at = ended
        person.suppressed_at = min(ended, person.suppressed_at or ended)
        self._suppress(recipient, SuppressionReason.HARD_BOUNCE, SuppressionScope.WORKSPACE, ended,
                       source=f"550 5.1.1 from mx.{recipient.domain}")

    def _attempt(
        self, recipient: RecipientRow, at: datetime, disposition: str, reply: dict[str, Any], detail: dict[str, Any]
    ) -> datetime:
        took = timedelta(milliseconds=self.random.randrange(90, 900))
        self.rows.attempt(
            recipient, Try(at=at, took=took, disposition=disposition, reply=reply, detail={**_ROUTE, **detail},
                           transcript=_conversation(recipient, reply)),
        )
        return at + took

    # -- what people and machines did -------------------------------------------------------------------------

    def _react(self, recipient: RecipientRow, person: Person, at: datetime, how: Reception) -> None:
        if recipient.message.track == "none":
            return
        self._machines(recipient, at, how)
        if self.random.random() > min(0.95, person.keenness * how.appeal * 0.75):
            self._call_spam(recipient, person, at)
            return
        opened = self._awake(at + timedelta(hours=self.random.expovariate(1 / 5)))
        if opened > self.now:
            return
        self._mark(recipient, "opened", opened, {"machine": False, "first": True})
        if self.random.random() < 0.22:
            again = self._awake(opened + timedelta(hours=self.random.uniform(1, 30)))
            if again <= self.now:
                self.rows.event(recipient, "opened", again, {"machine": False, "first": False})
        self._click(recipient, opened, how)
        self._leave(recipient, person, opened, how)
        self._call_spam(recipient, person, opened)

    def _machines(self, recipient: RecipientRow, at: datetime, how: Reception) -> None:
        """Proxies that fetch every picture, scanners that follow every link, within seconds."""
        fetches = {"Apple": 0.85, "Google": 0.25, "Yahoo": 0.1}.get(recipient.provider, 0.0)
        seen = at + timedelta(seconds=self.random.randrange(2, 9))
        if seen < self.now and self.random.random() < fetches:
            self._mark(recipient, "opened", seen, {"machine": True, "first": False}, field="machine_opened_at")
        if seen < self.now and recipient.provider == THROTTLER and self.random.random() < 0.06:
            for link in how.links:
                self._mark(recipient, "clicked", seen, {"machine": True, "first": False, "link": link},
                           field="machine_clicked_at")

    def _awake(self, at: datetime) -> datetime:
        """A time at which people look at their mail: few do at night."""
        if at.hour < 5 and self.random.random() < 0.9:
            return at + timedelta(hours=self.random.uniform(5.5, 8))
        return at

    def _click(self, recipient: RecipientRow, opened: datetime, how: Reception) -> None:
        clicked = opened + timedelta(seconds=self.random.randrange(5, 240))
        if not how.links or clicked > self.now or self.random.random() > 0.16 * how.appeal:
            return
        weights = [6, *([2] * (len(how.links) - 1))]
        self._mark(recipient, "clicked", clicked,
                   {"machine": False, "first": True, "link": self.random.choices(list(how.links), weights)[0]})

    def _leave(self, recipient: RecipientRow, person: Person, opened: datetime, how: Reception) -> None:
        left = opened + timedelta(seconds=self.random.randrange(20, 300))
        mailing_list = how.mailing_list
        row = person.subscriptions.get(mailing_list.pk) if mailing_list is not None else None
        if mailing_list is None or row is None or left > self.now or self.random.random() > 0.008:
            return
        channel = self.random.choice(("one_click", "link", "preferences"))
        row.status, row.unsubscribed_at = SubscriptionStatus.UNSUBSCRIBED, left
        self.people.consent(person, mailing_list, ConsentAction.UNSUBSCRIBED, left, channel=channel,
                            source=recipient.message.subject)
        self._mark(recipient, "unsubscribed", left, {"channel": channel})
        self._suppress(recipient, SuppressionReason.UNSUBSCRIBE, SuppressionScope.LIST, left,
                       source=f"unsubscribed by {channel}", list_id=mailing_list.pk)

    def _call_spam(self, recipient: RecipientRow, person: Person, at: datetime) -> None:
        told = at + timedelta(minutes=self.random.randrange(3, 200))
        wanted = person.complained_at is not None and person.complained_at <= at
        if told > self.now or (not wanted and self.random.random() > 0.0002):
            return
        person.quiet_at, person.complained_at = told, None
        self._mark(recipient, "complained", told, {"feedback_type": "abuse"})
        self._suppress(recipient, SuppressionReason.COMPLAINT, SuppressionScope.STREAM, told,
                       source="feedback report from 192.0.2.44", stream_id=recipient.message.stream_id)

    def _mark(
        self, recipient: RecipientRow, kind: str, at: datetime, detail: dict[str, Any], *, field: str = ""
    ) -> None:
        recipient.marks.setdefault(field or f"{kind}_at", at)
        self.rows.event(recipient, kind, at, detail)

    def _suppress(
        self, recipient: RecipientRow, reason: SuppressionReason, scope: SuppressionScope, at: datetime, *,
        source: str, stream_id: UUID | None = None, list_id: UUID | None = None,
    ) -> None:
        key = recipient.address, scope.value, list_id
        if key in self._suppressions and self._suppressions[key].created_at <= at:
            return
        self._suppressions[key] = Suppression(
            id=self.rows.new_id(at), workspace=self.workspace, address=recipient.address, source=source,
            address_key=recipient.address, reason=reason, scope=scope, stream_id=stream_id, list_id=list_id,
            recipient_id=recipient.id, created_at=at,
        )

    def add_by_hand(self, address: str, at: datetime, why: str) -> None:
        """A suppression that somebody added."""
        self._suppressions[address, SuppressionScope.WORKSPACE.value, None] = Suppression(
            id=self.rows.new_id(at), workspace=self.workspace, address=address, address_key=address, source=why,
            reason=SuppressionReason.MANUAL, scope=SuppressionScope.WORKSPACE, created_at=at,
        )


def _conversation(recipient: RecipientRow, reply: dict[str, Any]) -> str:
    """What was said, as JSON; the same but for the address with every recipient of a site."""
    answer = f"{reply['code']} {reply['enhanced']} {reply['text']}"
    said = _said(recipient.domain, recipient.message.from_domain, answer, is_taken=reply["code"] == 250)
    return said.replace("@recipient@", recipient.address)


@lru_cache(maxsize=64)
def _said(site: str, from_domain: str, answer: str, *, is_taken: bool) -> str:
    lines = [
        [12, "S", f"220 mx.{site} ESMTP"], [12, "C", f"EHLO mail.{DOMAIN}"], [25, "S", f"250-mx.{site}"],
        [25, "S", "250 STARTTLS"], [26, "C", "STARTTLS"], [38, "S", "220 2.0.0 Ready"],
        [60, "C", f"EHLO mail.{DOMAIN}"], [70, "S", f"250 mx.{site}"],
        [71, "C", f"MAIL FROM:<…@rp.{from_domain}>"], [84, "S", "250 2.1.0 Ok"],
        [84, "C", "RCPT TO:<@recipient@>"],
    ]
    after = [[97, "S", "250 2.1.5 Ok"], [97, "C", "DATA"], [109, "S", "354 End with ."], [151, "C", "."],
             [188, "S", answer]]
    return json.dumps([*lines, *(after if is_taken else [[97, "S", answer]])], ensure_ascii=False)
