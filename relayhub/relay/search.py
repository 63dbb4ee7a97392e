"""The rows that fit what somebody typed into the search of messages; `search_words` says what was meant.

An id, an address, a Message-ID and a state that few have are found by an index, however old they are. A domain, a
tag, words of a subject and a sender are read for, row by row from the newest on: an index for each would be paid
for by every message that is handed in and, of recipients, by every change of a status. One look reads at most so
many rows that it takes no time to speak of, and says how far back it came; the next look goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from relayhub.core.errors import InputError
from relayhub.core.ids import uuid7_floor, uuid7_time
from relayhub.core.models import Workspace
from relayhub.core.paging import COUNT_LIMIT
from relayhub.relay.models import BroadcastControl, Lane, Message, Recipient, RecipientStatus
from relayhub.relay.search_words import DONE_TO, NO_ID, Kind, Part, Reading

RowT = TypeVar("RowT", bound=Model)

#: Words for a recipient's state -> the statuses that they cover; the keys are what `?status=` takes.
STATES: dict[str, tuple[str, ...]] = {
    "queued": ("queued",), "sending": ("leased", "attempting"), "deferred": ("deferred",), "held": ("held",),
    "unknown": ("unknown", "quarantined"), "delivered": ("delivered",), "sandboxed": ("delivered",),
    "bounced": ("bounced",), "suppressed": ("suppressed",), "expired": ("expired",), "cancelled": ("cancelled",),
}
#: A word that begins many addresses finds the newest of their messages.
MAX_BY_BEGINNING = 300
#: How many rows the first look reads for what no index finds, and how many each further one.
FIRST_LOOK = 50_000
FURTHER_LOOK = 100_000
#: Statuses that an index by lane finds, and those that most recipients have.
_IN_LANES = frozenset({"queued", "deferred"})
_WELL = frozenset({"delivered"})
#: What is read for row by row, of messages and of recipients; and what spares a look that.
_READ_OF_MESSAGES = (Kind.TAG, Kind.SUBJECT, Kind.WORD, Kind.SENDER, Kind.DOMAIN)
_SPARES_MESSAGES = (Kind.MESSAGE, Kind.RECIPIENT, Kind.HEADER, Kind.CAMPAIGN, Kind.ADDRESS, Kind.BEGINNING)
_SPARES_RECIPIENTS = (Kind.MESSAGE, Kind.RECIPIENT, Kind.ADDRESS, Kind.BEGINNING)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A reading, and what the filters beside the box add to it; `below` is where a further look begins."""

    reading: Reading
    state: str = ""
    stream: str = ""
    since: datetime | None = None
    until: datetime | None = None
    below: UUID | None = None
    #: Going back to newer rows: what lies above was looked through already.
    is_upward: bool = False
    #: Whether a filter that no index serves narrows the messages already: then they are read for as well.
    is_read: bool = False

    @property
    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """From and before when, the periods of the text within that of the filter."""
        parts = self.reading.of(Kind.PERIOD)
        sinces = [moment for moment in (self.since, *(part.since for part in parts)) if moment is not None]
        untils = [moment for moment in (self.until, *(part.until for part in parts)) if moment is not None]
        return max(sinces, default=None), min(untils, default=None)


@dataclass(frozen=True, kw_only=True)
class Look(Generic[RowT]):
    """Rows that fit, newest first; `back_to` is the row at which the reading stopped, None where it read all."""

    rows: QuerySet[RowT]
    back_to: UUID | None = None

    @property
    def back_to_time(self) -> datetime | None:
        """Since when all were looked through, None where none is left."""
        return uuid7_time(self.back_to) if self.back_to is not None else None


def recipients(
    workspace: Workspace, wanted: Wanted, *, within: QuerySet[Recipient] | None = None
) -> Look[Recipient]:
    """Recipients that fit, among those of `within` (rows of the workspace) where given."""
    of_workspace = Recipient.objects.filter(workspace=workspace) if within is None else within
    found = _bounded(of_workspace, wanted).select_related("message", "stream").order_by("-id")
    back_to = None
    if wanted.reading.parts and not wanted.reading.of(*_SPARES_RECIPIENTS):
        # Without an index by workspace the look goes through the newest of all workspaces.
        back_to = _back_to(_bounded(Recipient.objects.all() if within is None else within, wanted), wanted)
    for part in wanted.reading.parts:
        found = found.filter(_of_recipient(workspace, part))
    if wanted.state:
        found = found.filter(state_condition(wanted.state))
    if wanted.stream:
        found = found.filter(stream__slug=wanted.stream)
    return Look(rows=found.filter(id__gte=back_to) if back_to else found, back_to=back_to)


def messages(
    workspace: Workspace, wanted: Wanted, *, within: QuerySet[Message] | None = None
) -> Look[Message]:
    """Messages that fit, among those of `within` where given; of recipients one has to fit in all that is asked."""
    of_workspace = Message.objects.filter(workspace=workspace)
    found = _bounded(of_workspace if within is None else within, wanted).select_related("stream").order_by("-id")
    back_to = None
    if _is_read(wanted) and not wanted.reading.of(*_SPARES_MESSAGES):
        back_to = _back_to(_bounded(of_workspace, wanted), wanted)
    for condition in _of_messages(workspace, wanted):
        found = found.filter(condition)
    if wanted.stream:
        found = found.filter(stream__slug=wanted.stream)
    return Look(rows=found.filter(id__gte=back_to) if back_to else found, back_to=back_to)


def _is_read(wanted: Wanted) -> bool:
    """Whether messages are read one by one: no index finds what most have, nor what a text is made of."""
    states = [part.value for part in wanted.reading.of(Kind.STATE)] + [wanted.state]
    is_usual = any(set(STATES.get(state, ())) == _WELL for state in states)
    return is_usual or wanted.is_read or bool(wanted.reading.of(*_READ_OF_MESSAGES))


def _bounded(rows: QuerySet[RowT], wanted: Wanted) -> QuerySet[RowT]:
    since, until = wanted.bounds
    if since is not None:
        rows = rows.filter(id__gte=uuid7_floor(since))
    if until is not None:
        rows = rows.filter(id__lt=uuid7_floor(until))
    return rows.filter(id__lt=wanted.below) if wanted.below is not None else rows


def _back_to(rows: QuerySet[Any], wanted: Wanted) -> UUID | None:
    if wanted.is_upward:
        return None
    count = FIRST_LOOK if wanted.below is None else FURTHER_LOOK
    return newest_floor(rows, count)


def newest_floor(rows: QuerySet[Any], count: int) -> UUID | None:
    """The oldest of the newest `count` rows; None where there are no more than those."""
    ids = list(rows.order_by("-id").values_list("id", flat=True)[count - 1 : count + 1])
    return ids[0] if len(ids) > 1 else None


def resolved(workspace: Workspace, reading: Reading) -> Reading:
    """`left@right` may be a Message-ID whose angle brackets were left out: then it is read as one."""
    part = reading.single
    if part is None or part.kind is not Kind.ADDRESS:
        return reading
    header = f"<{part.text}>"
    if not Message.objects.filter(workspace=workspace, message_id_header=header).exists():
        return reading
    return Reading(parts=(Part(kind=Kind.HEADER, value=header, text=part.text),))


# -- conditions ----------------------------------------------------------------------------------------------


def _of_recipient(workspace: Workspace, part: Part) -> Q:
    """What a part asks of a recipient."""
    match part.kind:
        case Kind.ADDRESS:
            return Q(address_key=part.value)
        case Kind.BEGINNING:
            return Q(address_key__startswith=part.value)
        case Kind.DOMAIN:
            return Q(domain=part.value)
        case Kind.RECIPIENT:
            return Q(pk=part.id)
        case Kind.MESSAGE:
            return Q(message_id=part.id)
        case Kind.STATE:
            return state_condition(part.value)
        case Kind.STREAM:
            return Q(stream__slug=part.value)
        case Kind.PERIOD:
            return Q()
        case Kind.WORD:
            return Q(message__subject__icontains=part.value) | Q(address_key__contains=part.value.lower())
        case _:
            return _of_message(workspace, part, "message__")


def _of_message(workspace: Workspace, part: Part, path: str = "") -> Q:
    """What a part asks of the message itself."""
    match part.kind:
        case Kind.TAG:
            return Q(**{f"{path}tags__contains": [part.value]})
        case Kind.SUBJECT if not part.is_explicit:
            return _all(Q(**{f"{path}subject__icontains": word}) for word in part.value.split())
        case Kind.SUBJECT | Kind.WORD:
            return Q(**{f"{path}subject__icontains": part.value})
        case Kind.SENDER:
            is_address = "@" in part.value
            field = "from_address__iexact" if is_address else "from_domain__iexact"
            return Q(**{f"{path}{field}": part.value})
        case Kind.HEADER:
            return Q(**{f"{path}message_id_header": part.value})
        case Kind.CAMPAIGN:
            controls = BroadcastControl.objects.filter(workspace=workspace, campaign_id=part.id)
            return Q(**{f"{path.removesuffix('__') or 'pk'}__in": controls.values("message_id")})
        case _:
            return Q()


def _all(conditions: Iterable[Q]) -> Q:
    joined = Q()
    for condition in conditions:
        joined &= condition
    return joined


def _of_messages(workspace: Workspace, wanted: Wanted) -> list[Q]:
    reading = wanted.reading
    conditions = [_of_message(workspace, part) for part in reading.of(
        Kind.TAG, Kind.SUBJECT, Kind.SENDER, Kind.HEADER, Kind.CAMPAIGN)]
    conditions += [Q(pk=part.id) for part in reading.of(Kind.MESSAGE)]
    conditions += [_word(workspace, part) for part in reading.of(Kind.WORD)]
    conditions += [Q(stream__slug=part.value) for part in reading.of(Kind.STREAM)]
    states = [part.value for part in reading.of(Kind.STATE)] + ([wanted.state] if wanted.state else [])
    people = reading.of(Kind.ADDRESS, Kind.BEGINNING, Kind.DOMAIN, Kind.RECIPIENT)
    if people or any(state in DONE_TO for state in states):
        asked = _all([*(_of_recipient(workspace, part) for part in people), *map(state_condition, states)])
        return [*conditions, _by_recipient(workspace, reading, asked)]
    return conditions + [having(workspace, state, since=wanted.bounds[0]) for state in states]


def _by_recipient(workspace: Workspace, reading: Reading, asked: Q) -> Q:
    """Messages with a recipient that fits: by the index of addresses where one is named."""
    rows = Recipient.objects.filter(asked, workspace=workspace)
    if reading.of(Kind.ADDRESS, Kind.RECIPIENT):
        return Q(pk__in=rows.values("message_id"))
    if reading.of(Kind.BEGINNING):
        return Q(pk__in=list(rows.order_by("-id").values_list("message_id", flat=True)[:MAX_BY_BEGINNING]))
    return Q(Exists(rows.filter(message_id=OuterRef("pk"))))


def _word(workspace: Workspace, part: Part) -> Q:
    begins = Recipient.objects.filter(workspace=workspace, address_key__startswith=part.value.lower())
    newest = begins.order_by("-id").values_list("message_id", flat=True)[:MAX_BY_BEGINNING]
    return Q(subject__icontains=part.value) | Q(pk__in=list(newest))


def state_condition(state: str) -> Q:
    """Recipients in a state; InputError for a word that is none. What the sandbox kept is not delivered."""
    if state in DONE_TO:
        return Q(**{f"{state}_at__isnull": False})
    if state == "sandboxed":
        return Q(status="delivered", transport="sandbox")
    if state == "delivered":
        return Q(status="delivered") & ~Q(transport="sandbox")
    return Q(status__in=_statuses(state))


def having(workspace: Workspace, state: str, *, since: datetime | None = None) -> Q:
    """Messages with a recipient in this state; beyond COUNT_LIMIT messages only the newest."""
    statuses = _statuses(state)
    if set(statuses) <= _WELL:
        return Q(Exists(Recipient.objects.filter(state_condition(state), message_id=OuterRef("pk"))))
    rows = Recipient.objects.filter(workspace=workspace, status__in=statuses)
    if set(statuses) <= _IN_LANES:
        rows = rows.filter(lane_id__in=Lane.objects.filter(workspace=workspace).values("pk"))
    if since is not None:
        rows = rows.filter(message_id__gte=uuid7_floor(since))
    newest = rows.order_by("-message_id").values("message_id").distinct()[: COUNT_LIMIT + 1]
    return Q(pk__in=newest)


def _statuses(state: str) -> tuple[str, ...]:
    if state in RecipientStatus.values and state not in STATES:
        return (state,)
    if state not in STATES:
        raise InputError(f"A state is one of: {', '.join(STATES)}.", field="status")
    return STATES[state]


__all__ = [
    "FIRST_LOOK", "FURTHER_LOOK", "NO_ID", "STATES", "Look", "Wanted", "having", "messages", "newest_floor",
    "recipients", "resolved", "state_condition",
]
