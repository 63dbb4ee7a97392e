"""The relay's rows: what was accepted, for whom, what was tried, what happened, and which way it may go."""

from relayhub.relay.models.access import SmtpCredential
from relayhub.relay.models.attempt import Attempt
from relayhub.relay.models.broadcast import BroadcastControl, BroadcastFigures, TrackedLink
from relayhub.relay.models.counter import Counter, CounterDelta
from relayhub.relay.models.event import Event, EventType, ReactionOutbox
from relayhub.relay.models.lane import Lane, SiteRecord
from relayhub.relay.models.message import (
    CLAIMABLE,
    FINAL,
    IN_FLIGHT,
    UNDECIDED,
    WAITING,
    Content,
    ContentFormat,
    Message,
    Recipient,
    RecipientStatus,
    Source,
    Tracking,
)
from relayhub.relay.models.pace import Pace
from relayhub.relay.models.routing import Route, Stream, StreamKind
from relayhub.relay.models.sandbox import SandboxInbox, SandboxMark, SandboxReader

__all__ = [
    "CLAIMABLE",
    "FINAL",
    "IN_FLIGHT",
    "UNDECIDED",
    "WAITING",
    "Attempt",
    "BroadcastControl",
    "BroadcastFigures",
    "Content",
    "ContentFormat",
    "Counter",
    "CounterDelta",
    "Event",
    "EventType",
    "Lane",
    "Message",
    "Pace",
    "ReactionOutbox",
    "Recipient",
    "RecipientStatus",
    "Route",
    "SandboxInbox",
    "SandboxMark",
    "SandboxReader",
    "SiteRecord",
    "SmtpCredential",
    "Source",
    "Stream",
    "StreamKind",
    "TrackedLink",
    "Tracking",
]
