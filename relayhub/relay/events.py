"""The single writer of a recipient's status and of its history.

ARCHITECTURE section 3: append the event, move the status by a guarded update, suppress where the answer says
so, all in one statement. A guarded update that matches zero rows means that another worker won, and is not
an error. This module is the front; the statements live by noun:

    relay.history            how events, counter deltas and outbox rows are written
    relay.events_outcome     intents and outcomes of attempts (the relay loop's group commit)
    relay.events_move        set-based moves: cancel, hold, release, expire, suppress, reap
    relay.events_feedback    what comes back: opens, clicks, bounces by DSN, complaints, unsubscribes

Nothing else writes `relay_event`, `relay_counterdelta`, `relay_reactionoutbox`, or changes `status`, but the
claim statements of `relay.managers`.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_noop

from relayhub.core.facts import EventType
from relayhub.core.ids import derived_uuid7
from relayhub.relay.history import (
    DELTA_COLUMNS,
    EVENT_COLUMNS,
    OUTBOX_COLUMNS,
    UNTOLD_TYPES,
    Statement,
    has_reactors,
    insert_statement,
    to_json,
)
from relayhub.relay.models.message import RecipientStatus

#: Why a recipient is held. The first kind is let go by itself once the domain is verified.
HOLD_DOMAIN = gettext_noop("The From domain is not verified at present; released by itself once it is.")
HOLD_PERSON = gettext_noop("Held by a person.")
#: Every way in which a domain's state is written as a reason to hold; the last two are codes of `routing`.
HOLDS_FOR_DOMAIN = (HOLD_DOMAIN, "domain_broken", "domain_unverified")

_EVENT_TYPES = (
    "uuid",
    "uuid",
    "uuid",
    "uuid",
    "uuid",
    "uuid",
    "uuid",
    "uuid",
    "text",
    "timestamptz",
    "text",
    "text",
)
_DELTA_TYPES = ("uuid", "text", "uuid", "text", "timestamptz", "bigint")
_OUTBOX_TYPES = ("uuid", "text", "timestamptz")

#: What a recipient may be stored as, and the event that says why it is not queued.
_STORED_EVENTS: Mapping[str, EventType | None] = {
    RecipientStatus.QUEUED: None,
    RecipientStatus.SUPPRESSED: EventType.SUPPRESSED,
    RecipientStatus.HELD: EventType.HELD,
}


@dataclass(frozen=True, kw_only=True)
class NewRecipient:
    """What history needs to know of a recipient that is being stored."""

    id: UUID
    workspace_id: UUID
    stream_id: UUID
    message_id: UUID
    address: str
    status: str
    at: datetime
    broadcast_id: UUID | None = None
    contact_id: UUID | None = None
    #: Of the accepted event, such as {"source": "smtp"}.
    detail: Mapping[str, Any] = field(default_factory=dict)
    #: Of the suppressed or held event.
    status_detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class HistoryRows:
    """Rows for the three tables of history, in the order of their COLUMNS."""

    events: list[tuple[Any, ...]]
    deltas: list[tuple[Any, ...]]
    outbox: list[tuple[Any, ...]]

    def tables(self) -> list[tuple[str, Sequence[str], list[tuple[Any, ...]]]]:
        """Table, columns and rows, for COPY in the transaction that stores the recipients; empty ones left out."""
        found = (
            ("relay_event", EVENT_COLUMNS, self.events), ("relay_counterdelta", DELTA_COLUMNS, self.deltas),
            ("relay_reactionoutbox", OUTBOX_COLUMNS, self.outbox),
        )
        return [(table, columns, rows) for table, columns, rows in found if rows]

    def statements(self) -> list[Statement]:
        """Set-based inserts, to be run in the transaction that stores the recipients."""
        made = []
        if self.events:
            made.append(insert_statement("relay_event", EVENT_COLUMNS, _EVENT_TYPES, self.events))
        if self.deltas:
            made.append(insert_statement("relay_counterdelta", DELTA_COLUMNS, _DELTA_TYPES, self.deltas))
        if self.outbox:
            made.append(insert_statement("relay_reactionoutbox", OUTBOX_COLUMNS, _OUTBOX_TYPES, self.outbox))
        return made


def rows_for_accept(recipients: Iterable[NewRecipient]) -> HistoryRows:
    """The history of recipients at the moment they are stored: accepted, and suppressed or held at once."""
    events: list[tuple[Any, ...]] = []
    outbox: list[tuple[Any, ...]] = []
    tally: Tally[tuple[Any, ...]] = Tally()
    tells = has_reactors()
    for recipient in recipients:
        for kind, at, detail in _stored_events(recipient):
            event_id = derived_uuid7(recipient.id, recipient.id, kind.value)
            events.append(_event_row(recipient, event_id, kind, at, detail))
            for key in _delta_keys(recipient, kind, at):
                tally[key] += 1
            if tells and kind.value not in UNTOLD_TYPES:
                outbox.append((event_id, "{}", at))
    deltas = [(*key, count) for key, count in sorted(tally.items(), key=str)]
    return HistoryRows(events=events, deltas=deltas, outbox=outbox)


def _stored_events(
    recipient: NewRecipient,
) -> Iterable[tuple[EventType, datetime, Mapping[str, Any]]]:
    yield EventType.ACCEPTED, recipient.at, recipient.detail
    follows = _STORED_EVENTS[recipient.status]
    if follows is not None:
        # A microsecond later, so that every list sorted by time tells it in this order.
        yield follows, recipient.at + timedelta(microseconds=1), recipient.status_detail


def _event_row(
    recipient: NewRecipient, event_id: UUID, kind: EventType, at: datetime, detail: Mapping[str, Any]
) -> tuple[Any, ...]:
    return (
        event_id,
        recipient.workspace_id,
        recipient.stream_id,
        recipient.message_id,
        recipient.id,
        recipient.broadcast_id,
        recipient.contact_id,
        None,
        kind.value,
        at,
        None,
        to_json(dict(detail)),
    )


def _delta_keys(recipient: NewRecipient, kind: EventType, at: datetime) -> Iterable[tuple[Any, ...]]:
    hour = at.replace(minute=0, second=0, microsecond=0)
    yield recipient.workspace_id, "stream", recipient.stream_id, kind.value, hour
    if recipient.broadcast_id is not None:
        yield recipient.workspace_id, "broadcast", recipient.broadcast_id, kind.value, hour
