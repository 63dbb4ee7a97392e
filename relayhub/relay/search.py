"""The search box of the message list: what somebody means who types into it, and the rows that fit.

An id, an address or a Message-ID is found by an index, however old it is. A domain, a tag and words of a subject
are looked for within a period and among the newest MAX_SCANNED rows, so that no search takes long. With an
address the rows are recipients, otherwise messages: a broadcast of a million is one row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from relayhub.core.errors import InputError
from relayhub.core.ids import Prefix, decode_id, uuid7_floor
from relayhub.core.models import Workspace
from relayhub.core.paging import COUNT_LIMIT
from relayhub.protocol.address import AddressError, normalise, normalise_domain
from relayhub.relay.models import Lane, Message, Recipient, RecipientStatus

#: Words for a recipient's state -> the statuses that they cover; the keys are what `?status=` takes.
STATES: dict[str, tuple[str, ...]] = {
    "queued": ("queued",), "sending": ("leased", "attempting"), "deferred": ("deferred",), "held": ("held",),
    "unknown": ("unknown", "quarantined"), "delivered": ("delivered",), "bounced": ("bounced",),
    "suppressed": ("suppressed",), "expired": ("expired",), "cancelled": ("cancelled",),
}
NO_ID = UUID(int=0)
#: A word that begins many addresses finds the newest of their messages.
MAX_BY_BEGINNING = 300
#: How many of the newest rows are read for what no index finds: words of a subject, tags, domains.
MAX_SCANNED = 50_000
#: Statuses that an index by lane finds, and those that most recipients have.
_IN_LANES = frozenset({"queued", "deferred"})
_WELL = frozenset({"delivered"})


class Kind(StrEnum):
    """What a text was taken for."""

    NOTHING = "nothing"
    MESSAGE = "message"
    RECIPIENT = "recipient"
    ADDRESS = "address"
    BEGINNING = "beginning"
    DOMAIN = "domain"
    HEADER = "header"
    STATE = "state"
    TAG = "tag"
    WORD = "word"
    SUBJECT = "subject"


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """A text and what it was taken for; `id` of messages and recipients."""

    kind: Kind
    value: str = ""
    id: UUID = NO_ID

    @property
    def is_exact(self) -> bool:
        """Whether an index finds it, so that no period is needed."""
        return self.kind in (Kind.MESSAGE, Kind.RECIPIENT, Kind.ADDRESS, Kind.HEADER)

    @property
    def is_scanned(self) -> bool:
        """Whether rows have to be read for it, so that only the newest are."""
        return self.kind in (Kind.TAG, Kind.SUBJECT, Kind.WORD)

    @property
    def finds_recipients(self) -> bool:
        """Whether the rows are recipients."""
        return self.kind in (Kind.ADDRESS, Kind.BEGINNING, Kind.DOMAIN)


def understand(text: str) -> Meaning:
    """What is meant: an id, a Message-ID, an address, a domain, a state, `tag:x`, a word, or words of the subject."""
    plain = " ".join(text.replace("\0", "").split())[:1000]
    if not plain:
        return Meaning(kind=Kind.NOTHING)
    by_id = _id(plain)
    if by_id is not None:
        return by_id
    if plain.startswith("<") and plain.endswith(">"):
        return Meaning(kind=Kind.HEADER, value=plain)
    if plain.lower() in STATES:
        return Meaning(kind=Kind.STATE, value=plain.lower())
    if plain.lower().startswith("tag:") and len(plain) > 4:
        return Meaning(kind=Kind.TAG, value=plain[4:].strip())
    if " " not in plain:
        return _word(plain)
    return Meaning(kind=Kind.SUBJECT, value=plain)


def _id(text: str) -> Meaning | None:
    # A copy of a broadcast carries its recipient's id as the left part of its Message-ID.
    left = text.strip("<>").split("@")[0]
    recipient = decode_id(Prefix.RECIPIENT, left)
    if recipient is not None:
        return Meaning(kind=Kind.RECIPIENT, value=left, id=recipient)
    message = decode_id(Prefix.MESSAGE, text)
    return Meaning(kind=Kind.MESSAGE, value=text, id=message) if message is not None else None


def _word(text: str) -> Meaning:
    if text.startswith("@") or ("@" not in text and "." in text.strip(".") and not text.endswith(".")):
        try:
            return Meaning(kind=Kind.DOMAIN, value=normalise_domain(text.lstrip("@")))
        except AddressError:
            return Meaning(kind=Kind.SUBJECT, value=text)
    if text.endswith("@"):
        return Meaning(kind=Kind.BEGINNING, value=text.lower())
    if "@" in text:
        try:
            return Meaning(kind=Kind.ADDRESS, value=normalise(text))
        except AddressError:
            return Meaning(kind=Kind.HEADER, value=f"<{text}>")
    return Meaning(kind=Kind.WORD, value=text)


def recipients(
    workspace: Workspace, meaning: Meaning, *, state: str = "", stream: str = "", since: datetime | None = None
) -> QuerySet[Recipient]:
    """Recipients that fit, newest first; for meanings that find recipients."""
    found = Recipient.objects.filter(workspace=workspace).select_related("message", "stream").order_by("-id")
    if meaning.kind is Kind.ADDRESS:
        found = found.filter(address_key=meaning.value)
    elif meaning.kind is Kind.BEGINNING:
        found = found.filter(address_key__startswith=meaning.value)
    else:
        found = found.filter(domain=meaning.value, id__gte=newest_floor(Recipient.objects.all()))
    if state:
        found = found.filter(status__in=_statuses(state))
    if stream:
        found = found.filter(stream__slug=stream)
    return found.filter(id__gte=uuid7_floor(since)) if since is not None else found


def messages(
    workspace: Workspace, meaning: Meaning, *, state: str = "", stream: str = "", since: datetime | None = None
) -> QuerySet[Message]:
    """Messages that fit, newest first; with `state` those with at least one recipient in it."""
    of_workspace = Message.objects.filter(workspace=workspace)
    found = of_workspace.select_related("stream").order_by("-id")
    condition = _condition(workspace, meaning)
    if condition is not None:
        found = found.filter(condition)
    if meaning.is_scanned:
        found = found.filter(id__gte=newest_floor(of_workspace))
    state = meaning.value if meaning.kind is Kind.STATE else state
    if state:
        found = found.filter(having(workspace, _statuses(state), since=since))
    if stream:
        found = found.filter(stream__slug=stream)
    return found.filter(id__gte=uuid7_floor(since)) if since is not None else found


def _condition(workspace: Workspace, meaning: Meaning) -> Q | None:
    match meaning.kind:
        case Kind.MESSAGE:
            return Q(pk=meaning.id)
        case Kind.RECIPIENT:
            return Q(recipients__pk=meaning.id)
        case Kind.HEADER:
            return Q(message_id_header=meaning.value)
        case Kind.TAG:
            return Q(tags__contains=[meaning.value])
        case Kind.SUBJECT:
            return Q(subject__icontains=meaning.value)
        case Kind.WORD:
            begins = Recipient.objects.filter(workspace=workspace, address_key__startswith=meaning.value.lower())
            newest = begins.order_by("-id").values_list("message_id", flat=True)[:MAX_BY_BEGINNING]
            return Q(subject__icontains=meaning.value) | Q(pk__in=list(newest))
        case _:
            return None


def newest_floor(rows: QuerySet[Any], count: int = MAX_SCANNED) -> UUID:
    """The id from which on the newest of these rows are: what no index finds is looked for there."""
    ids = rows.order_by("-id").values_list("id", flat=True)
    return next(iter(ids[count : count + 1]), NO_ID)


def having(workspace: Workspace, statuses: tuple[str, ...], *, since: datetime | None = None) -> Q:
    """Messages with a recipient in one of these statuses; beyond COUNT_LIMIT messages only the newest."""
    if set(statuses) <= _WELL:
        return Q(Exists(Recipient.objects.filter(message_id=OuterRef("pk"), status__in=statuses)))
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
