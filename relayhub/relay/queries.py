"""The read side of messages for pages and API: find them, say how they stand, tell what happened.

Every query starts from a workspace. Status of a message follows CONTRACT section 4: the first that applies
to any recipient of queued, sending, deferred, held, unknown; else done, cancelled or failed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Value, When

from relayhub.core.address_faults import fault_told
from relayhub.core.clock import now
from relayhub.core.errors import InputError
from relayhub.core.ids import uuid7_floor
from relayhub.core.models import Workspace
from relayhub.protocol.address import AddressError, normalise
from relayhub.relay.models import BroadcastControl, Event, Message, Recipient, RecipientStatus

_SENDING = ("leased", "attempting")
_UNDECIDED = ("unknown", "quarantined")
#: Message status -> the recipient statuses that make it so, in the order they are looked for.
_OPEN_STATUSES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("queued", ("queued",)), ("sending", _SENDING), ("deferred", ("deferred",)), ("held", ("held",)),
    ("unknown", _UNDECIDED),
)
MESSAGE_STATUSES = ("queued", "sending", "deferred", "held", "unknown", "done", "cancelled", "failed")


@dataclass(frozen=True, kw_only=True)
class MessageFilter:
    """What a list of messages is narrowed to; empty means all."""

    status: str = ""
    stream: str = ""
    domain: str = ""
    recipient: str = ""
    tag: str = ""
    campaign: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_read(self) -> bool:
        """Whether messages are read for one by one, because no index finds what it asks for."""
        is_found = self.recipient or self.campaign is not None
        return bool(self.status or self.domain or self.tag) and not is_found


#: How "delivered" is worded and counted where the sandbox kept it (CONTRACT 2, RELAYHUB_DEFAULT_ROUTE).
SANDBOXED = "sandboxed"


def shown_status(recipient: Recipient) -> str:
    """A recipient's status as pages word it: what the sandbox kept is told apart."""
    is_kept = recipient.status == "delivered" and recipient.transport == "sandbox"
    return SANDBOXED if is_kept else recipient.status


def message_status(counts: Mapping[str, int]) -> str:
    """The status of a message from how many of its recipients stand where."""
    for status, members in _OPEN_STATUSES:
        if any(counts.get(member) for member in members):
            return status
    if counts.get("delivered") or counts.get(SANDBOXED):
        return "done"
    present = {status for status, count in counts.items() if count}
    return "cancelled" if present == {"cancelled"} else "failed"


def told_status(counts: Mapping[str, int]) -> str:
    """How pages word where a message stands: the status that all recipients share, else the message's own."""
    present = [status for status, count in counts.items() if count]
    return present[0] if len(present) == 1 else message_status(counts)


def messages(workspace: Workspace, wanted: MessageFilter) -> QuerySet[Message]:
    """Messages that fit, newest first."""
    found = Message.objects.filter(workspace=workspace).select_related("stream").order_by("-id")
    if wanted.stream:
        found = found.filter(stream__slug=wanted.stream)
    if wanted.tag:
        found = found.filter(tags__contains=[wanted.tag])
    if wanted.campaign is not None:
        controls = BroadcastControl.objects.filter(workspace=workspace, campaign_id=wanted.campaign)
        found = found.filter(pk__in=controls.values("message_id"))
    if wanted.since is not None:
        found = found.filter(id__gte=uuid7_floor(wanted.since))
    if wanted.until is not None:
        found = found.filter(id__lt=uuid7_floor(wanted.until))
    narrowed = _recipient_conditions(wanted)
    if narrowed:
        recipients = Recipient.objects.filter(message_id=OuterRef("pk"), workspace=workspace)
        for condition in narrowed:
            found = found.filter(Exists(recipients.filter(condition)))
    return _with_status(found, wanted.status) if wanted.status else found


def _recipient_conditions(wanted: MessageFilter) -> list[Q]:
    conditions: list[Q] = []
    if wanted.domain:
        conditions.append(Q(domain=wanted.domain.lower()))
    if wanted.recipient:
        conditions.append(Q(address_key=_address_key(wanted.recipient)))
    return conditions


def _address_key(text: str) -> str:
    try:
        return normalise(text.strip())
    except AddressError as exc:
        raise InputError(fault_told(exc.message), field="recipient") from exc


def _with_status(found: QuerySet[Message], status: str) -> QuerySet[Message]:
    if status not in MESSAGE_STATUSES:
        raise InputError(f"A status is one of: {', '.join(MESSAGE_STATUSES)}.", field="status")

    def any_of(*statuses: str) -> Exists:
        return Exists(Recipient.objects.filter(message_id=OuterRef("pk"), status__in=statuses))

    for name, members in _OPEN_STATUSES:
        if name == status:
            return found.filter(any_of(*members))
        found = found.exclude(any_of(*members))
    if status == "done":
        return found.filter(any_of("delivered"))
    found = found.exclude(any_of("delivered"))
    others = [value for value in RecipientStatus.values if value != "cancelled"]
    if status == "cancelled":
        return found.filter(any_of("cancelled")).exclude(any_of(*others))
    return found.filter(any_of(*others))


def counts_of(message_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """Recipients by status of each message; one query."""
    counts: dict[UUID, dict[str, int]] = {message_id: {} for message_id in message_ids}
    rows = Recipient.objects.filter(message_id__in=message_ids).values_list("message_id", "status")
    for message_id, status, count in rows.annotate(count=Count("pk")):
        counts[message_id][status] = count
    return counts


def counts_apart(rows: Sequence[Message]) -> dict[UUID, dict[str, int]]:
    """Recipients by status of each message, those that the sandbox kept apart.

    One query for all messages, and two quick ones a broadcast, whose recipients may be a million.
    """
    counts: dict[UUID, dict[str, int]] = {row.pk: {} for row in rows}
    kept = Case(When(status="delivered", transport="sandbox", then=Value(SANDBOXED)), default=F("status"))
    small = Recipient.objects.filter(message_id__in=[row.pk for row in rows if row.broadcast_id is None])
    found = small.annotate(shown=kept).values_list("message_id", "shown").annotate(count=Count("pk"))
    for message_id, status, count in found:
        counts[message_id][status] = count
    return counts | {row.pk: _broadcast_apart(row.broadcast_id) for row in rows if row.broadcast_id is not None}


def _broadcast_apart(broadcast_id: UUID) -> dict[str, int]:
    counts = broadcast_counts(broadcast_id)
    delivered = counts.pop("delivered", 0)
    kept = min(delivered, broadcast_events(broadcast_id).get("delivered:sandbox", 0))
    apart = {"delivered": delivered - kept, SANDBOXED: kept}
    return {**counts, **{status: count for status, count in apart.items() if count}}


def recipients_of(message_ids: Sequence[UUID], *, limit_each: int = 50) -> dict[UUID, list[Recipient]]:
    """The first recipients of each message, in the order they were given."""
    found: dict[UUID, list[Recipient]] = defaultdict(list)
    if not message_ids:
        return found
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.id FROM unnest(%s::uuid[]) AS m(id) CROSS JOIN LATERAL ("
            " SELECT id FROM relay_recipient WHERE message_id = m.id ORDER BY id LIMIT %s) r",
            [list(message_ids), limit_each],
        )
        ids = [row[0] for row in cursor.fetchall()]
    for recipient in Recipient.objects.filter(pk__in=ids).order_by("id"):
        found[recipient.message_id].append(recipient)
    return found


def timeline(message: Message, *, after: UUID | None = None, limit: int = 1000) -> list[Event]:
    """What happened to a message's recipients, oldest first; `after` is the last event seen.

    Of a broadcast in the order of their ids: millions are not sorted for one page.
    """
    events = Event.objects.filter(workspace_id=message.workspace_id, id__gte=_earliest(message))
    if message.broadcast_id is not None:
        events = events.filter(broadcast_id=message.broadcast_id).order_by("id")
        return list((events.filter(id__gt=after) if after is not None else events)[:limit])
    ids = list(Recipient.objects.filter(message=message).values_list("pk", flat=True))
    events = events.filter(recipient_id__in=ids)
    if after is not None:
        last = Event.objects.filter(pk=after).first()
        if last is not None:
            events = events.filter(Q(at__gt=last.at) | Q(at=last.at, id__gt=after))
    return list(events.order_by("at", "id")[:limit])


def _earliest(message: Message) -> UUID:
    """A bound that lets PostgreSQL skip the months before the message."""
    return uuid7_floor(message.created_at - timedelta(days=1))


def events(workspace: Workspace, *, kinds: Iterable[str] = (), since: datetime | None = None) -> QuerySet[Event]:
    """Events of a workspace, newest first."""
    found = Event.objects.filter(workspace_id=workspace.pk).order_by("-id")
    wanted = list(kinds)
    if wanted:
        found = found.filter(type__in=wanted)
    return found.filter(id__gte=uuid7_floor(since)) if since is not None else found


def addresses_of(recipient_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Recipient -> address; one query."""
    rows = Recipient.objects.filter(pk__in=set(recipient_ids)).values_list("pk", "address")
    return dict(rows)


_STATS_SQL = """
SELECT metric, date_bin(%(bucket)s::interval, bucket, %(since)s) AS start, sum(value)::bigint FROM (
  SELECT metric, bucket, value FROM relay_counter
  WHERE workspace_id = %(workspace)s AND subject = %(subject)s AND bucket >= %(since)s
    AND (%(subject_id)s::uuid IS NULL OR subject_id = %(subject_id)s)
    AND (%(kinds)s::text[] IS NULL OR subject_id IN (SELECT id FROM relay_stream WHERE kind = ANY(%(kinds)s)))
  UNION ALL
  SELECT metric, bucket, delta FROM relay_counterdelta
  WHERE workspace_id = %(workspace)s AND subject = %(subject)s AND bucket >= %(since)s
    AND (%(subject_id)s::uuid IS NULL OR subject_id = %(subject_id)s)
    AND (%(kinds)s::text[] IS NULL OR subject_id IN (SELECT id FROM relay_stream WHERE kind = ANY(%(kinds)s)))
) c GROUP BY 1, 2 ORDER BY 2, 1
"""


def stats(
    workspace: Workspace,
    *,
    since: datetime,
    bucket: timedelta = timedelta(hours=1),
    stream_id: UUID | None = None,
    kinds: Sequence[str] | None = None,
) -> list[tuple[datetime, str, int]]:
    """(start of the bucket, metric, count) of a workspace's streams, or of those of some kinds.

    Exact: roll-up and deltas together.
    """
    start = since.replace(minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(
            _STATS_SQL,
            {"workspace": workspace.pk, "subject": "stream", "subject_id": stream_id, "since": start,
             "kinds": None if kinds is None else [str(kind) for kind in kinds],
             "bucket": f"{int(bucket.total_seconds())} seconds"},
        )
        return [(row[1], row[0], row[2]) for row in cursor.fetchall()]


def totals(workspace: Workspace, *, since: datetime, stream_id: UUID | None = None) -> dict[str, int]:
    """Metric -> count since a time, to the hour."""
    found: dict[str, int] = defaultdict(int)
    span = max(now() - since + timedelta(hours=2), timedelta(hours=1))
    for _, metric, count in stats(workspace, since=since, bucket=span, stream_id=stream_id):
        found[metric] += count
    return dict(found)


def broadcast_counts(broadcast_id: UUID) -> dict[str, int]:
    """Recipients of a broadcast by status, from the rows themselves."""
    rows = Recipient.objects.filter(broadcast_id=broadcast_id).values_list("status")
    return dict(rows.annotate(count=Count("pk")))


def has_status(broadcast_id: UUID, statuses: Sequence[str]) -> bool:
    """Whether any recipient of a broadcast stands in one of these; quick however many there are."""
    return Recipient.objects.filter(broadcast_id=broadcast_id, status__in=statuses).exists()


def broadcast_events(broadcast_id: UUID) -> dict[str, int]:
    """Metric -> count of a broadcast's events, such as `opened:first`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT metric, sum(value)::bigint FROM ("
            " SELECT metric, value FROM relay_counter WHERE subject = 'broadcast' AND subject_id = %s"
            " UNION ALL SELECT metric, delta FROM relay_counterdelta WHERE subject = 'broadcast'"
            " AND subject_id = %s) c GROUP BY 1",
            [broadcast_id, broadcast_id],
        )
        return {metric: int(count) for metric, count in cursor.fetchall()}


def timeline_entry(event: Event, address: str) -> dict[str, Any]:
    """An event as CONTRACT 4 writes it."""
    return {
        "type": event.type, "at": event.at, "recipient": address, "reply": event.reply, "detail": event.detail
    }


def events_of_address(workspace: Workspace, address_key: str) -> QuerySet[Event]:
    """Every event of mail to one address, newest first."""
    recipients = Recipient.objects.filter(workspace=workspace, address_key=address_key)
    ids = list(recipients.order_by("-id").values_list("pk", flat=True)[:1000])
    return Event.objects.filter(workspace_id=workspace.pk, recipient_id__in=ids).order_by("-id")


def totals_of_stream(workspace: Workspace, stream_id: UUID, *, days: int) -> dict[str, int]:
    """Metric -> count of one stream over the last days."""
    return totals(workspace, since=now() - timedelta(days=days), stream_id=stream_id)


def link_clicks(broadcast_id: UUID) -> dict[int, tuple[int, int]]:
    """Link number -> clicks by people, clicks by machines."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT split_part(metric, ':', 2)::int, sum(value) FILTER (WHERE metric NOT LIKE '%%:machine')::bigint,"
            " sum(value) FILTER (WHERE metric LIKE '%%:machine')::bigint FROM ("
            " SELECT metric, value FROM relay_counter WHERE subject = 'link' AND subject_id = %s"
            " UNION ALL SELECT metric, delta FROM relay_counterdelta WHERE subject = 'link' AND subject_id = %s"
            ") c GROUP BY 1",
            [broadcast_id, broadcast_id],
        )
        return {number: (int(everyone or 0) - int(machines or 0), int(machines or 0))
                for number, everyone, machines in cursor.fetchall()}
