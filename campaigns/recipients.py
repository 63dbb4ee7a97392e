"""The rows behind every number of a report: recipients by state, reason, provider and what they did; who was left out.

A number on the page and the rows it leads to are one filter. No filter goes through a million rows where an index
answers: those who did something and each status have one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q, QuerySet

from campaigns.models import Broadcast, BroadcastAudience, Contact, LeftOutReason
from relayhub.core.errors import InputError
from relayhub.core.ids import uuid7_floor
from relayhub.protocol.address import AddressError, parse_addr_spec
from relayhub.relay.broadcast_figures import EXACT_UP_TO, Figures
from relayhub.relay.models import Recipient, RecipientStatus, SiteRecord

#: What somebody did -> the condition; `…_by_machines`: nobody but machines did it.
ACTS: dict[str, Q] = {
    "opened": Q(opened_at__isnull=False),
    "clicked": Q(clicked_at__isnull=False),
    "unsubscribed": Q(unsubscribed_at__isnull=False),
    "complained": Q(complained_at__isnull=False),
    "opened_by_machines": Q(machine_opened_at__isnull=False, opened_at__isnull=True),
    "clicked_by_machines": Q(machine_clicked_at__isnull=False, clicked_at__isnull=True),
}
#: Status -> those it stands for on pages: a claim is on its way out.
_STATUSES = {"sending": ("leased", "attempting"),
             "waiting": ("queued", "leased", "attempting", "deferred", "held", "unknown", "quarantined")}
OTHER_PROVIDERS = "other"
#: Act -> the figure that counts it.
_FIGURE_OF = {
    "opened": "opened", "clicked": "clicked", "unsubscribed": "unsubscribed", "complained": "complained",
    "opened_by_machines": "machine_opened", "clicked_by_machines": "machine_clicked",
}


@dataclass(frozen=True, kw_only=True)
class RecipientFilter:
    """What a list of recipients is narrowed to; empty means all."""

    status: str = ""
    did: str = ""
    #: Of those that bounced or were put off: what it lies at.
    reason: str = ""
    provider: str = ""
    #: An address or a domain; a part of an address where there are not too many.
    text: str = ""
    #: Those who were on the lists and were not written to, for this reason; they are no recipients (`left_out_of`).
    left_out: str = ""

    def __bool__(self) -> bool:
        return any((self.status, self.did, self.reason, self.provider, self.text, self.left_out))

    def checked(self) -> RecipientFilter:
        """Itself; InputError for a status or an act that does not exist."""
        if self.status and self.status not in (*RecipientStatus.values, *_STATUSES):
            raise InputError(f"A status is one of: {', '.join(RecipientStatus.values)}.", field="status")
        if self.did and self.did not in ACTS:
            raise InputError(f"`did` is one of: {', '.join(ACTS)}.", field="did")
        if self.left_out and self.left_out not in LeftOutReason.values:
            raise InputError(f"`left_out` is one of: {', '.join(LeftOutReason.values)}.", field="left_out")
        return self


def recipients_of(run: Broadcast, wanted: RecipientFilter) -> QuerySet[Recipient]:
    """The recipients that fit; unknown values fit nobody."""
    found = Recipient.objects.filter(broadcast_id=run.pk, workspace_id=run.workspace_id, **_stored_within(run))
    if wanted.status:
        found = found.filter(status__in=_STATUSES.get(wanted.status, (wanted.status,)))
    if wanted.did:
        found = found.filter(ACTS[wanted.did]) if wanted.did in ACTS else found.none()
    if wanted.reason:
        found = found.filter(bounce_category=wanted.reason)
    if wanted.provider:
        found = found.filter(_of_provider(wanted.provider))
    return _matching(found, run, wanted.text.strip().lower()) if wanted.text.strip() else found


def count_at_hand(figures: Figures, wanted: RecipientFilter) -> int | None:
    """How many fit, from what was counted already; None where the rows must be counted.

    The figures hold a reason only for those it still lies at, and no addresses.
    """
    if wanted.text or wanted.reason or (wanted.did and wanted.did not in _FIGURE_OF):
        return None
    where = {} if not wanted.provider else {"provider": "" if wanted.provider == OTHER_PROVIDERS else wanted.provider}
    name = _FIGURE_OF[wanted.did] if wanted.did else "count"
    if not wanted.status:
        return figures.total(name, **where)
    statuses = _STATUSES.get(wanted.status, (wanted.status,))
    return sum(figures.total(name, status=status, **where) for status in statuses)


def _stored_within(run: Broadcast) -> dict[str, object]:
    """Ids tell when a row was stored, so that a list newest first begins where the broadcast's rows end."""
    bounds: dict[str, object] = {"pk__gte": uuid7_floor(run.created_at - timedelta(minutes=5))}
    if run.expanded_at is not None:
        bounds["pk__lt"] = uuid7_floor(run.expanded_at + timedelta(minutes=5))
    return bounds


def _of_provider(name: str) -> Q:
    """What was tried says so itself; what waits is told by its domain."""
    if name == OTHER_PROVIDERS:
        known = SiteRecord.objects.exclude(provider="").values("domain")
        return Q(provider="") & ~Q(domain__in=known)
    return Q(provider=name) | Q(provider="", domain__in=SiteRecord.objects.filter(provider=name).values("domain"))


def _matching(found: QuerySet[Recipient], run: Broadcast, text: str) -> QuerySet[Recipient]:
    try:
        return found.filter(address_key=parse_addr_spec(text).key)
    except AddressError:
        pass
    if run.audience_count <= EXACT_UP_TO:
        return found.filter(address_key__icontains=text)
    return found.filter(domain=text.removeprefix("@"))


def left_out_of(run: Broadcast, reason: str, text: str = "") -> QuerySet[BroadcastAudience]:
    """Those who were on the lists at the launch and were not written to, for one reason; `text` as in the filter."""
    if reason not in LeftOutReason.values:
        raise InputError(f"A reason is one of: {', '.join(LeftOutReason.values)}.", field="reason")
    found = BroadcastAudience.objects.filter(broadcast=run, left_out=reason)
    wanted = text.strip().lower()
    if not wanted:
        return found
    try:
        # By the contact, whom an index finds among a million.
        contacts = Contact.objects.filter(workspace=run.workspace_id, email_key=parse_addr_spec(wanted).key)
        return found.filter(contact_id__in=contacts.values("pk"))
    except AddressError:
        pass
    if run.audience_count <= EXACT_UP_TO:
        return found.filter(address_key__icontains=wanted)
    return found.filter(address_key__endswith="@" + wanted.removeprefix("@"))
