"""The people of the Demo workspace: contacts and how they came, lists, consents, and the imports that brought them."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from campaigns.models import (
    ConsentAction,
    ConsentEntry,
    Contact,
    ContactImport,
    FieldDefinition,
    FieldType,
    ImportReject,
    MailingList,
    OptIn,
    SignUpForm,
    Subscription,
    SubscriptionStatus,
)
from relayhub.core.folding import folded
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.models import Job, JobStatus, Workspace
from relayhub.protocol.address import AddressError, parse_addr_spec
from relayhub.site import demo_texts as texts
from relayhub.site.demo_rows import Rows

#: Domain, provider as RelayHub names it, share of people.
SITES = (("google.example", "Google", 40), ("microsoft.example", "Microsoft consumer", 24),
         ("icloud.example", "Apple", 14), ("yahoo.example", "Yahoo", 9), ("posteo.example", "Posteo", 6),
         ("harbour-mail.example", "", 7))
PROVIDERS = {host: provider for host, provider, _ in SITES}
SUBSCRIBERS, TILL_CUSTOMERS, FAIR_GUESTS, SHOPPERS = 560, 130, 420, 70
#: Of the addresses written down at the fair, how many no longer exist.
FAIR_DEAD = 0.25
DAYS = 90


@dataclass(kw_only=True)
class Person:
    """A contact, and what the story knows of them."""

    contact: Contact
    #: How likely they open: some read everything, some nothing.
    keenness: float
    #: From when on the address is refused.
    dies_at: datetime | None = None
    subscriptions: dict[UUID, Subscription] = field(default_factory=dict)
    #: From when nothing is sent to the address any more, and from when no broadcasts.
    suppressed_at: datetime | None = None
    quiet_at: datetime | None = None
    #: From when on the person calls the next broadcast spam.
    complained_at: datetime | None = None


class People:
    """Makes them; `everybody` is in the order in which they came."""

    def __init__(self, workspace: Workspace, rows: Rows, *, rng: random.Random, now: datetime) -> None:
        self.workspace, self.rows, self.random, self.now = workspace, rows, rng, now
        self.begin = now - timedelta(days=DAYS)
        self.everybody: list[Person] = []
        self.consents: list[ConsentEntry] = []
        self._rejects: list[ImportReject] = []
        self._taken: set[str] = set()

    def make(self, *, fair_at: datetime) -> None:
        """Fields, lists, people; the rows of contacts are stored by `store`."""
        for key, label, kind in (
            ("city", "Town", FieldType.TEXT), ("favourite", "Favourite bread", FieldType.TEXT),
            ("birthday", "Birthday", FieldType.DATE), ("loaves", "Loaves bought", FieldType.NUMBER),
        ):
            FieldDefinition.objects.create(workspace=self.workspace, key=key, label=label, type=kind,
                                           created_at=self.begin - timedelta(days=300))
        self._lists(fair_at)
        self._subscribers()
        self._till_customers()
        self._shoppers()
        self._fair_guests(fair_at)

    def store(self) -> None:
        """Write the contacts with what became of them."""
        Contact.objects.bulk_create([person.contact for person in self.everybody], batch_size=2000)
        Subscription.objects.bulk_create(
            [row for person in self.everybody for row in person.subscriptions.values()], batch_size=2000
        )
        ConsentEntry.objects.bulk_create(self.consents, batch_size=2000)
        ImportReject.objects.bulk_create(self._rejects)

    def _lists(self, fair_at: datetime) -> None:
        at = self.begin - timedelta(days=300)

        def made(
            name: str, description: str, opt_in: OptIn, at: datetime, *, is_public: bool = True
        ) -> MailingList:
            return MailingList.objects.create(
                id=self.rows.new_id(at), workspace=self.workspace, name=name, description=description, opt_in=opt_in,
                from_header=texts.NEWSLETTER_FROM, is_public=is_public, has_archive=name == "Newsletter", created_at=at,
            )

        self.newsletter = made("Newsletter", "What is in the oven, once a week", OptIn.DOUBLE, at)
        self.preorders = made("Pre-orders", "Holiday bread and rye before everybody else", OptIn.SINGLE,
                              at + timedelta(days=9))
        self.fair = made("Market fair", "Addresses from the guest book at the market fair", OptIn.SINGLE,
                         fair_at - timedelta(hours=3), is_public=False)
        self.fair.archived_at = fair_at + timedelta(hours=5)
        self.fair.save(update_fields=["archived_at"])
        SignUpForm.objects.create(
            workspace=self.workspace, mailing_list=self.newsletter, title="What is in the oven",
            text="Once a week, on a good day with a recipe. Leave whenever you like.", button="Put me on the list",
            field_keys=["name", "city"], created_at=at,
        )

    # -- who ------------------------------------------------------------------------------------------------

    def _person(self, joined: datetime, source: str) -> Person:
        first, last = self.random.choice(texts.FIRST_NAMES), self.random.choice(texts.LAST_NAMES)
        host = self.random.choices(SITES, [share for *_, share in SITES])[0][0]
        local = folded(f"{first}.{last}").encode("ascii", "ignore").decode()
        email = next(
            text for number in range(1000)
            if (text := f"{local}{number or ''}@{host}") not in self._taken
        )
        self._taken.add(email)
        fields: dict[str, object] = {"city": self.random.choice(texts.TOWNS)}
        if self.random.random() < 0.7:
            fields["favourite"] = self.random.choice(texts.BREADS)
        if self.random.random() < 0.3:
            fields["birthday"] = f"19{self.random.randrange(50, 99)}-{self.random.randrange(1, 13):02}-15"
        if source != "form":
            fields["loaves"] = self.random.randrange(1, 60)
        contact = Contact(
            id=self.rows.new_id(joined), workspace=self.workspace, email=email, email_key=email,
            name=f"{first} {last}", source=source, fields=fields, created_at=joined, updated_at=joined,
            language=self.random.choice(texts.LANGUAGES),
        )
        person = Person(contact=contact, keenness=self.random.betavariate(0.9, 1.5))
        self.everybody.append(person)
        return person

    def _subscribe(
        self, person: Person, mailing_list: MailingList, at: datetime, *, channel: str, source: str,
        is_confirmed: bool = True,
    ) -> None:
        is_double = mailing_list.opt_in == OptIn.DOUBLE
        answered = at + timedelta(minutes=self.random.randrange(1, 90)) if is_double else at
        row = Subscription(
            id=self.rows.new_id(at), workspace=self.workspace, mailing_list=mailing_list, contact=person.contact,
            created_at=at, confirmation_sent_at=at if is_double else None,
            status=SubscriptionStatus.CONFIRMED if is_confirmed else SubscriptionStatus.UNCONFIRMED,
            confirmed_at=answered if is_confirmed else None,
        )
        person.subscriptions[mailing_list.pk] = row
        ip = f"203.0.113.{self.random.randrange(1, 255)}" if channel == "form" else None
        self.consent(person, mailing_list, ConsentAction.SUBSCRIBED, at, channel=channel, source=source, ip=ip)
        if is_double:
            self.consent(person, mailing_list, ConsentAction.CONFIRMATION_SENT, at, channel="mail",
                         source=mailing_list.name)
        if is_double and is_confirmed:
            self.consent(person, mailing_list, ConsentAction.CONFIRMED, answered, channel="confirmation",
                         source=mailing_list.name, ip=ip)

    def consent(
        self, person: Person, mailing_list: MailingList, action: ConsentAction, at: datetime, *, channel: str,
        source: str = "", ip: str | None = None,
    ) -> None:
        """Note one piece of evidence."""
        self.consents.append(
            ConsentEntry(id=self.rows.new_id(at), contact=person.contact, mailing_list=mailing_list, action=action,
                         channel=channel, source=source, ip=ip, at=at)
        )

    # -- how they came ---------------------------------------------------------------------------------------

    def _subscribers(self) -> None:
        """Through the form: most of them before the story begins, some every week since."""
        for number in range(SUBSCRIBERS):
            days = self.random.uniform(0.05, DAYS) if number % 4 == 0 else self.random.uniform(DAYS, DAYS + 280)
            joined = self.now - timedelta(days=days)
            person = self._person(joined, "form")
            self._subscribe(person, self.newsletter, joined, channel="form",
                            source=f"https://{texts.DOMAIN}/newsletter", is_confirmed=number % 17 != 0)
            if number % 3 == 0:
                self._subscribe(person, self.preorders, joined + timedelta(minutes=1), channel="preferences",
                                source="the preference page")
            if number % 90 == 50:  # mailboxes are given up; a letter is the first to find out
                person.dies_at = self.begin + timedelta(days=self.random.uniform(1, DAYS - 1))

    def _till_customers(self) -> None:
        at = self.now - timedelta(days=78, hours=4)
        run = self._import(at, "till-customers.csv", self.preorders, "Ticked the box at the till, March to May")
        for _ in range(TILL_CUSTOMERS):
            person = self._person(at, f"import {run.public_id}")
            self._subscribe(person, self.preorders, at, channel="import", source=run.consent_source)
        self._reject(run, (("duplicate", 3), ("invalid_address", 2)), created=TILL_CUSTOMERS, unchanged=4)

    def _shoppers(self) -> None:
        """Accounts of the web shop, on no list; some mistyped their address."""
        for number in range(SHOPPERS):
            person = self._person(self.begin + timedelta(days=self.random.uniform(0, DAYS / 2)), "api")
            person.dies_at = person.contact.created_at if number % 20 == 3 else None

    def _fair_guests(self, fair_at: datetime) -> None:
        """The bad import: an old guest book, typed in from paper."""
        at = fair_at - timedelta(hours=2)
        tried = self._import(at - timedelta(minutes=6), "guest-book-fair.csv", self.fair, "", is_dry_run=True)
        run = self._import(at, "guest-book-fair.csv", self.fair, "Guest book at the market fair")
        self.fair_import = run.public_id
        for number in range(FAIR_GUESTS):
            person = self._person(at, f"import {run.public_id}")
            person.keenness *= 0.4
            person.dies_at = at if self.random.random() < FAIR_DEAD else None
            if number % 60 == 7:
                person.complained_at = fair_at  # they will, once it reaches them
            self._subscribe(person, self.fair, at, channel="import", source=run.consent_source)
        refused = (("invalid_address", 31), ("no_address", 12), ("duplicate", 14), ("too_many_cells", 3))
        for each in (tried, run):
            self._reject(each, refused, created=FAIR_GUESTS, unchanged=6)

    def _import(
        self, at: datetime, name: str, mailing_list: MailingList, consent: str, *, is_dry_run: bool = False
    ) -> ContactImport:
        ended = at + timedelta(seconds=3)
        job = Job.objects.create(
            id=self.rows.new_id(at), workspace=self.workspace, kind="import", status=JobStatus.DONE,
            title=f"{'Dry run of' if is_dry_run else 'Import'} {name}", created_at=at, started_at=at,
            heartbeat_at=ended, finished_at=ended, runs=1,
        )
        public_id = encode_id(Prefix.IMPORT, job.pk)
        return ContactImport.objects.create(
            job=job, workspace=self.workspace, mailing_list=mailing_list, file_name=name, is_dry_run=is_dry_run,
            mapping={"E-mail": "email", "Name": "name", "Town": "city"}, created_at=at,
            consent_source=consent or f"import {public_id} by Maja Lindqvist on {at:%Y-%m-%d %H:%M} UTC",
            dialect={"encoding": "cp1252", "delimiter": ";", "has_header": True, "columns": ["E-mail", "Name", "Town"]},
        )

    def _reject(
        self, run: ContactImport, refused: tuple[tuple[str, int], ...], *, created: int, unchanged: int
    ) -> None:
        """Note refused rows, and the counts that add up to the rows of the file."""
        codes = [code for code, count in refused for _ in range(count)]
        rng = random.Random(len(codes))  # the dry run and the import refuse the same rows
        rows = created + unchanged + len(codes)
        for row, code in zip(sorted(rng.sample(range(2, rows + 2), len(codes))), rng.sample(codes, len(codes)),
                             strict=True):
            name = f"{rng.choice(texts.FIRST_NAMES)} {rng.choice(texts.LAST_NAMES)}"
            address, reason = _refusal(code, name, row)
            self._rejects.append(
                ImportReject(contact_import=run, row=row, address=address, code=code, reason=reason,
                             cells=[address, name, rng.choice(texts.TOWNS)] + ["", "?"] * (code == "too_many_cells"))
            )
        run.rows, run.created, run.unchanged, run.rejected = rows, created, unchanged, len(codes)
        run.checkpoint_row = rows
        run.save(update_fields=["rows", "created", "unchanged", "rejected", "checkpoint_row"])
        result = {"rows": rows, "created": created, "updated": 0, "unchanged": unchanged, "rejected": len(codes)}
        Job.objects.filter(pk=run.job_id).update(done=rows, total=rows, result=result)

    def count_of(self, mailing_list: MailingList) -> Counter[str]:
        """Subscriptions of a list by status."""
        return Counter(
            row.status for person in self.everybody
            if (row := person.subscriptions.get(mailing_list.pk)) is not None
        )


def _refusal(code: str, name: str, row: int) -> tuple[str, str]:
    first = name.partition(" ")[0].lower()
    match code:
        case "invalid_address":
            return f"{first} at google.example", _why_invalid(f"{first} at google.example")
        case "no_address":
            return "", "no e-mail address"
        case "duplicate":
            return f"{first}@posteo.example", f"duplicate of row {max(2, row - 7)}"
        case _:
            return f"{first}@yahoo.example", "it has 5 cells, the file 3 columns"


def _why_invalid(address: str) -> str:
    """What an import says of it."""
    try:
        parse_addr_spec(address)
    except AddressError as exc:
        return exc.message
    raise AssertionError(f"{address} is an address")
