"""What the bakery's programs did in the Demo workspace: keys, credentials, receipts, resets, and sandbox mail.

The secrets of keys and credentials are drawn and thrown away as they are made: nobody can sign in with them.
"""

from __future__ import annotations

import base64
import hashlib
import random
from datetime import datetime, timedelta

from relayhub.core.access import ALL_SCOPES
from relayhub.core.crypto import hash_secret, random_secret
from relayhub.core.models import ApiKey, Scope
from relayhub.protocol.address import parse_addr_spec, parse_mailbox
from relayhub.protocol.compose import Attachment, Composition, compose
from relayhub.relay.models import SmtpCredential, Stream
from relayhub.site import demo_texts as texts
from relayhub.site.demo_mail import Reception, Teller
from relayhub.site.demo_people import DAYS, People, Person
from relayhub.site.demo_refused import RefusedRequests
from relayhub.site.demo_rows import MessageRow, Rows

#: Orders by the hour of the day (UTC), and by the weekday from Monday.
_HOURS = (0, 0, 0, 0, 1, 4, 9, 12, 11, 9, 8, 9, 10, 8, 7, 8, 9, 9, 7, 4, 3, 2, 1, 1)
_WEEKDAYS = (0.8, 0.8, 0.9, 1.0, 1.5, 1.6, 0.85)
#: Orders on an ordinary day at the beginning of the story and at its end: the shop grows.
_FIRST_DAY, _LAST_DAY = 10, 72
_HELD_FOR = timedelta(days=3650)
_LIFETIME = timedelta(days=5)


class Programs:
    """Keys, credentials, and the mail that came through them."""

    def __init__(self, people: People, teller: Teller, rows: Rows, stream: Stream, *, rng: random.Random) -> None:
        self.people, self.teller, self.rows, self.stream, self.random = people, teller, rows, stream, rng
        self.workspace, self.now = people.workspace, people.now
        self._order = 1200

    def access(self) -> None:
        """Keys and credentials, as used as the mail says."""
        self.shop_key = self._key("Shop checkout", (Scope.MESSAGES_WRITE, Scope.MESSAGES_READ), made=200,
                                  used=timedelta(minutes=3), domains=[texts.DOMAIN, texts.SHOP_DOMAIN])
        self._key("Sales board", (Scope.STATS_READ, Scope.CAMPAIGNS_READ), made=84, used=timedelta(hours=1),
                  expires=self.now + timedelta(days=6, hours=12))
        self.staging_key = self._key("Staging", (Scope.MESSAGES_WRITE,), made=40, used=timedelta(days=1))
        old = self._key("Old web shop", ALL_SCOPES, made=410, used=timedelta(days=71),
                        revoked=self.now - timedelta(days=70))
        self.till = self._credential("Till in the shop", made=150, used=timedelta(minutes=11))
        self._credential("Old web shop", made=400, used=timedelta(days=73), revoked=self.now - timedelta(days=70))
        RefusedRequests(self.workspace, self.now).add(
            shop=self.shop_key, staging=self.staging_key, old=old, till=self.till
        )

    def _key(
        self, name: str, scopes: tuple[str, ...], *, made: int, used: timedelta, expires: datetime | None = None,
        revoked: datetime | None = None, domains: list[str] | None = None,
    ) -> ApiKey:
        text = random_secret()
        return ApiKey.objects.create(
            workspace=self.workspace, name=name, prefix=f"rh_live_{_drawn(8)}", secret_hash=hash_secret(text),
            last_four=text[-4:], scopes=sorted(str(scope) for scope in scopes), domains=domains or [],
            created_at=self.now - timedelta(days=made), last_used_at=self.now - used, expires_at=expires,
            revoked_at=revoked,
        )

    def _credential(
        self, name: str, *, made: int, used: timedelta, revoked: datetime | None = None
    ) -> SmtpCredential:
        return SmtpCredential.objects.create(
            workspace=self.workspace, name=name, username=f"rh-{_drawn(16)}", secret_hash=hash_secret(random_secret()),
            created_at=self.now - timedelta(days=made), last_used_at=self.now - used, revoked_at=revoked,
        )

    # -- receipts and resets ---------------------------------------------------------------------------------

    def days(self) -> list[datetime]:
        """When each receipt and reset was handed in, oldest first."""
        found = []
        for day in range(DAYS + 1):
            midnight = (self.now - timedelta(days=DAYS - day)).replace(hour=0, minute=0, second=0)
            usual = _FIRST_DAY + (_LAST_DAY - _FIRST_DAY) * day / DAYS
            for _ in range(round(usual * _WEEKDAYS[midnight.weekday()] * self.random.uniform(0.85, 1.15))):
                hour = self.random.choices(range(24), _HOURS)[0]
                found.append(midnight + timedelta(hours=hour, seconds=self.random.randrange(3600)))
        lately = [self.now - timedelta(minutes=minute, seconds=20) for minute in (3, 8, 11, 12, 17, 21, 26, 28)]
        return sorted(at for at in [*found, *lately] if self.people.begin < at <= self.now - timedelta(minutes=2))

    def send(self, at: datetime, person: Person, *, held_from: datetime) -> None:
        """One receipt or reset; now and then of the shop's own domain, which is held since that is broken."""
        is_reset = self.random.random() < 0.12
        if not is_reset:
            self._order += 1
        is_shop = not is_reset and self._order % 60 == 0
        sender = texts.SHOP_FROM if is_shop else texts.ORDERS_FROM
        is_held = is_shop and at >= held_from
        message = self._message(at, person, sender, is_reset=is_reset, keeps=is_held)
        if is_held:
            self.teller.hold(message, person, at, held_at=at + timedelta(seconds=1), reason="domain_broken")
            return
        tried = at + timedelta(milliseconds=self.random.randrange(300, 2500))
        self.teller.send(message, person, at, tried, Reception(throttled=0.012))

    def _message(self, at: datetime, person: Person, sender: str, *, is_reset: bool, keeps: bool) -> MessageRow:
        contact, is_till = person.contact, not is_reset and self._order % 3 == 0
        items = tuple(self.random.sample(texts.PRICES, self.random.choice((1, 2, 2, 3))))
        subject = "Set a new password" if is_reset else f"Your order {self._order} at Northwind Bakery"
        text = texts.RESET if is_reset else texts.receipt(contact.name, self._order, items)
        written = texts.RESET_HTML if is_reset else texts.receipt_html(contact.name, self._order, items)
        html = None if is_till else written
        return self._stored(
            at, sender, contact.email, subject, text, html, tags=["reset" if is_reset else "receipt"],
            expires_at=self.now + _HELD_FOR if keeps else at + _LIFETIME, is_till=is_till, key=self.shop_key,
        )

    def _stored(
        self, at: datetime, sender: str, to: str, subject: str, text: str, html: str | None, *, tags: list[str],
        expires_at: datetime, is_till: bool, key: ApiKey, attachments: tuple[Attachment, ...] = (),
    ) -> MessageRow:
        message_id = self.rows.new_id(at)
        seed, author = hashlib.sha256(message_id.bytes).digest(), parse_mailbox(sender)
        header = f"<{seed.hex()[:24]}@{author.ascii_domain}>"
        raw = compose(
            Composition(author=author, subject=subject, date=at, to=(parse_addr_spec(to),), message_id=header,
                        seed=seed, text=text, html=html, attachments=attachments)
        )
        return self.rows.message(
            MessageRow(
                id=message_id, stream_id=self.stream.pk, content_id=self.rows.content(raw, at),
                source="smtp" if is_till else "http", from_header=sender, from_address=author.spec, subject=subject,
                message_id_header=header, tags=tags, size_bytes=len(raw), created_at=at, expires_at=expires_at,
                api_key_id=None if is_till else key.pk, credential_id=self.till.pk if is_till else None,
                client_ip="198.51.100.24" if is_till else "198.51.100.40",
            )
        )

    # -- the sandbox inbox -----------------------------------------------------------------------------------

    def sandbox(self) -> None:
        """What the developer tried out: it never left."""
        prices = (Attachment(content=texts.price_list(), filename="price-list.pdf", content_type="application/pdf"),)
        calendar = (Attachment(content=_INVITATION, filename="pick-up.ics", content_type="text/calendar"),)
        items = texts.PRICES[:3]
        tests: tuple[tuple[timedelta, str, str, str, str | None, tuple[Attachment, ...]], ...] = (
            (timedelta(days=9), "ada.test@posteo.example", "Your order 1 at Northwind Bakery",
             texts.receipt("Ada Test", 1, items), None, ()),
            (timedelta(days=8, hours=23), "ada.test@posteo.example", "Your order 2 at Northwind Bakery",
             texts.receipt("Ada Test", 2, items), texts.receipt_html("Ada Test", 2, items), ()),
            (timedelta(days=8, hours=22), "bo.test@google.example", "Set a new password", texts.RESET,
             texts.RESET_HTML, ()),
            (timedelta(days=6), "ada.test@posteo.example", "Your order 3, with our price list",
             texts.receipt("Ada Test", 3, items), texts.receipt_html("Ada Test", 3, items), prices),
            (timedelta(days=5, hours=3), "zoë.test@harbour-mail.example", "Zażółć gęślą jaźń 🥐 größer, plus long: "
             + "a subject that goes on and on to see where it is cut " * 2, texts.RESET, texts.RESET_HTML, ()),
            (timedelta(days=3), "bo.test@google.example", "Pick up your order 4 on Saturday",
             texts.receipt("Bo Test", 4, items), texts.receipt_html("Bo Test", 4, items), calendar),
            *((timedelta(days=2 - number / 2), f"preview{number + 1}@icloud.example",
               f"[Test] {_plain(letter.subject)}", letter.text, _as_read(letter), ())
              for number, letter in enumerate((texts.ROLLS, texts.APPLES))),
            (timedelta(hours=26), "bo.test@google.example", "Your order 5, with price list and date",
             texts.receipt("Bo Test", 5, items), texts.receipt_html("Bo Test", 5, items), (*prices, *calendar)),
            (timedelta(hours=25), "clara.test@yahoo.example", "Set a new password", texts.RESET, texts.RESET_HTML, ()),
        )
        for back, to, subject, text, html, attachments in tests:
            at = self.now - back
            is_till = html is None
            message = self._stored(
                at, texts.ORDERS_FROM, to.replace("ë", "e"), subject, text, html, tags=["staging"],
                expires_at=at + _LIFETIME, is_till=is_till, key=self.staging_key, attachments=attachments,
            )
            self.teller.keep(message, to.replace("ë", "e"), at)


def _plain(text: str) -> str:
    return text.replace("{{ contact.first_name }}", "Maja")


def _as_read(letter: texts.Letter) -> str:
    """The newsletter as one person reads it."""
    page = _plain(texts.newsletter(letter)).replace("{{ contact.email }}", f"maja@{texts.DOMAIN}")
    for name, path in (("unsubscribe_url", "leave"), ("preferences_url", "choose"), ("view_url", "letters")):
        page = page.replace(f"{{{{ {name} }}}}", f"https://{texts.DOMAIN}/{path}")
    return page


def _drawn(length: int) -> str:
    """Characters of a name that cannot be guessed."""
    return base64.b32encode(hashlib.sha256(random_secret().encode()).digest()).decode().lower()[:length]


_INVITATION = "\r\n".join(
    ("BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:-//{texts.DOMAIN}//EN", "BEGIN:VEVENT", f"UID:pick-up-4@{texts.DOMAIN}",
     "DTSTAMP:20260101T080000Z", "DTSTART:20260103T080000Z", "DTEND:20260103T083000Z",
     "SUMMARY:Pick up order 4 at Northwind Bakery", "LOCATION:4 Mill Lane\\, 2100 Harbour Town", "END:VEVENT",
     "END:VCALENDAR", "")
).encode()
