"""A campaign from file to inbox through the services people use, and the count of both sides at its end."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from django.db import connection, connections

from campaigns import broadcast, editing, importer, lists, templates
from campaigns.models import Broadcast, Campaign, ContactImport
from deliverability.models import SendingDomain
from deliverability.signing import forget, make_keys, note_seen
from deliverability.suppression import NewSuppression, suppress_many
from relayhub.core import jobs
from relayhub.core.clock import now
from relayhub.core.models import Job
from relayhub.relay import events_move, ledger, queries
from relayhub.relay.models import Recipient
from tests.support.door_rows import Sender
from tests.support.relay_workers import Workers
from tests.support.smtp_sink import SmtpSink
from tests.support.waiting import until

REFUSED = "550 5.1.1 No such user here"
HTML = (
    "<h1>Hello {{ contact.name }}</h1><p>News from {{ contact.fields.city }}: "
    '<a href="https://shop.example/new">look</a>.</p><p><a href="{{ unsubscribe_url }}">Leave</a></p>'
)


@dataclass(frozen=True, kw_only=True)
class Audience:
    """Who is on the list, by what is to become of them."""

    valid: frozenset[str]
    refused: frozenset[str]
    suppressed: frozenset[str]
    #: Lines that an import must refuse.
    unusable: int

    @property
    def size(self) -> int:
        """Everybody who gets a recipient row."""
        return len(self.valid) + len(self.refused) + len(self.suppressed)


def make_audience(size: int, *, domains: tuple[str, ...] = ("town.example",)) -> Audience:
    """`size` people: one in a hundred unknown to the receiver, one in two hundred suppressed by us."""
    refused, suppressed, valid = set(), set(), set()
    for number in range(size):
        domain = domains[number % len(domains)]
        if number % 100 == 7:
            refused.add(f"gone{number}@{domain}")
        elif number % 200 == 11:
            suppressed.add(f"left{number}@{domain}")
        else:
            valid.add(f"p{number}@{domain}")
    return Audience(
        valid=frozenset(valid), refused=frozenset(refused), suppressed=frozenset(suppressed), unusable=3
    )


def csv_of(audience: Audience) -> bytes:
    """The file a person uploads; a few of its lines are no good."""
    people = sorted(audience.valid | audience.refused | audience.suppressed)
    lines = ["email,name,city", *(f"{address},Person {n},Oslo" for n, address in enumerate(people))]
    return "\n".join([*lines, "nonsense,X,Y", ",No Address,Y", f"{people[0].upper()},Twin,Y", ""]).encode()


def sign_with_keys(sender: Sender) -> None:
    """Give the sender's domain its published keys."""
    domain = SendingDomain.objects.get(workspace=sender.workspace)
    note_seen(domain, {key.selector: True for key in make_keys(domain)}, now())
    forget(sender.workspace.pk, domain.name)


def start_import(sender: Sender, audience: Audience) -> ContactImport:
    """Upload the file for a new list."""
    mailing_list = lists.create_list(sender.actor, name="News")
    request = importer.ImportRequest(file_name="people.csv", mailing_list=mailing_list)
    return importer.start_import(sender.actor, request, [csv_of(audience)])


def make_campaign(sender: Sender, audience: Audience, sink: SmtpSink) -> Campaign:
    """Import the people, write the mail, teach the receiver whom it does not know; ready to launch."""
    row = start_import(sender, audience)
    jobs.run_job(row.pk)
    check_import(row, audience)
    return make_campaign_to(sender, audience, sink, row)


def check_import(row: ContactImport, audience: Audience) -> None:
    """Everybody once, the bad lines named."""
    row.refresh_from_db()
    assert Job.objects.get(pk=row.pk).status == "done"
    assert (row.created, row.rejected) == (audience.size, audience.unusable)


def make_campaign_to(sender: Sender, audience: Audience, sink: SmtpSink, row: ContactImport) -> Campaign:
    """A campaign to the list of an import that is done."""
    sink.recipients.update(dict.fromkeys(audience.refused, REFUSED))
    suppress_many(sender.actor, [NewSuppression(address=address) for address in sorted(audience.suppressed)])
    template = templates.create_template(
        sender.actor, name="News", content=templates.TemplateInput(subject="News for {{ contact.name }}", source=HTML)
    )
    assert row.mailing_list is not None
    changes = editing.CampaignChanges(
        name="News", from_header="News <news@acme.example>", template=template, lists=[row.mailing_list]
    )
    return editing.create_campaign(sender.actor, changes)


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Do these things at the same time, each with database connections of its own; their answers."""
    answers: list[Any] = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def run(number: int) -> None:
        start.wait(20)
        try:
            answers[number] = acts[number]()
        except Exception as error:  # told to the test by the answer
            answers[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return answers


def launch_twice(sender: Sender, campaign: Campaign) -> Broadcast:
    """Two people press the button in the same instant; there is one broadcast."""

    def press() -> Broadcast:
        return broadcast.launch(sender.actor, Campaign.objects.get(pk=campaign.pk))

    first, second = at_once(press, press)
    assert isinstance(first, Broadcast), first
    assert isinstance(second, Broadcast), second
    assert first.pk == second.pk
    return Broadcast.objects.get(campaign=campaign)


def bury(sink: SmtpSink) -> None:
    """After all workers died: the receiver has seen every connection end, and a lease's time has passed."""
    until(lambda: sink.open_now == 0, "the killed workers' connections have ended")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE relay_recipient SET lease_until = now() - interval '1 minute' WHERE lease_until IS NOT NULL"
        )
    events_move.reap(unknown_hold_seconds=0, grace_seconds=0)
    events_move.retry_unknown()


def in_flight(broadcast_id: Any) -> int:
    """Recipients that a worker has in hand."""
    return Recipient.objects.filter(broadcast_id=broadcast_id, status__in=("leased", "attempting")).count()


def is_sent(campaign: Campaign) -> bool:
    """Whether everybody is through, as the beat finds out."""
    broadcast.finish_sent()
    campaign.refresh_from_db()
    return bool(campaign.status == "sent")


def check_both_sides(
    audience: Audience, row: Broadcast, sink: SmtpSink, workers: Workers, *, doomed: AbstractSet[int] = frozenset()
) -> int:
    """Our rows, the receiver's list and the ledger agree; returns how many copies were made by kills.

    `doomed` are connections that may have made one beside those that were open at a kill.
    """
    counts = queries.broadcast_counts(row.pk)
    assert counts == {
        "delivered": len(audience.valid), "bounced": len(audience.refused), "suppressed": len(audience.suppressed)
    }
    by_status: dict[str, set[str]] = defaultdict(set)
    for address, status in Recipient.objects.filter(broadcast_id=row.pk).values_list("address", "status"):
        by_status[status].add(address)
    assert by_status["bounced"] == audience.refused
    assert by_status["suppressed"] == audience.suppressed
    taken = [address for message in sink.messages for address in message.rcpt_to]
    assert set(taken) == audience.valid
    copies = check_copies(sink, workers, doomed)
    assert copies == len(taken) - len(audience.valid)
    check_ledger()
    return copies


def check_copies(sink: SmtpSink, workers: Workers, doomed: AbstractSet[int] = frozenset()) -> int:
    """Nobody got a copy but over a connection that was open at a kill, and none of those made two."""
    doomed = set(doomed).union(*(sink.open_between(kill.first, kill.last) for kill in workers.kills))
    connections_of: dict[str, list[int]] = defaultdict(list)
    for message in sink.messages:
        for address in message.rcpt_to:
            connections_of[address].append(message.connection)
    lost_replies = Counter(
        number for numbers in connections_of.values() if len(numbers) > 1 for number in numbers[:-1]
    )
    assert set(lost_replies) <= doomed, "a copy without a kill"
    assert all(count == 1 for count in lost_replies.values()), "two copies over one connection"
    return lost_replies.total()


def check_ledger() -> None:
    """Every invariant holds."""
    found = ledger.verify()
    assert found.is_clean, [(f.invariant.id, f.breaches) for f in found.findings if not f.holds]
