"""One recipient's way from claim to outcome, as a list of named steps.

    check_claim_fresh, check_expiry, check_suppression, choose_route, wait_for_slot, prepare,
    send_up_to_the_dot, record_intent, send_the_dot, classify, record_outcome

The final dot is sent only when the intent is durable and the claim's deadline, taken on a monotonic clock
that counts suspension from before the claim was asked for, has not passed. Whatever goes wrong before the
dot gives the row back or defers it; whatever goes wrong after the dot without an answer is `unknown`. Peers'
answers are values. This module opens no connection and knows no SQL.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from django.conf import settings

from relayhub.core import clock
from relayhub.core.crashpoints import crashpoint
from relayhub.core.errors import PrepareError
from relayhub.core.ids import uuid7
from relayhub.relay.events_outcome import Closing, Held, Outcome, Release, Verdict
from relayhub.relay.managers import ClaimedRecipient, MessageRow
from relayhub.relay.models.message import RecipientStatus
from relayhub.relay.models.routing import StreamKind

if TYPE_CHECKING:
    from relayhub.relay.transports.base import OutgoingMessage, SendResult, Transport

log = logging.getLogger(__name__)

#: A connection that cannot be made or kept is tried again for one recipient a minute (FAULTS N6).
BRAKE_SECONDS = 60.0
#: What a claim's deadline keeps back for the clocks' drift and the way of the last octets.
DEADLINE_MARGIN_SECONDS = 0.25


def monotonic_seconds() -> float:
    """A clock that never goes back and goes on while the machine sleeps."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def unknown_wait_seconds(message: MessageRow) -> float:
    """How long a recipient with an unknown outcome waits for its one retry.

    Transactional mail goes again at once; of a broadcast, a bounce or a report may still settle it.
    """
    if message.stream_kind == StreamKind.BROADCAST:
        return float(settings.RELAYHUB_UNKNOWN_HOLD.total_seconds())
    return 0.0


class Signal(StrEnum):
    """What one delivery tells of its lane."""

    GOOD = "good"  # the peer talks to us, whatever it said of this recipient
    UNREACHABLE = "unreachable"  # no conversation came about, or it broke
    SLOW_DOWN = "slow_down"  # the peer asks for fewer or slower
    STOPPED = "stopped"  # paused or cancelled
    NOTHING = "nothing"  # nothing was said to anybody


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What an attempt came to, once its reply was classified."""

    status: RecipientStatus
    bounce_class: str = ""
    bounce_category: str = ""
    suppresses: bool = False
    retry_in_seconds: float = 0.0
    signal: Signal = Signal.GOOD
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """The route chosen for one recipient: a transport, or why it is held back."""

    #: Public text of the transport, such as `sandbox` or `smtp://host:25`; never a secret.
    transport: str
    is_sandbox: bool = False
    hold_reason: str = ""
    max_connections: int | None = None
    #: What `Services` made of it for its own use.
    choice: Any = None
    #: Which rule, and the losing alternatives with why.
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Hold:
    """One claim's lease as this process keeps it."""

    lane_id: int
    token: UUID
    #: On `monotonic_seconds`, from before the claim or its last renewal was asked for.
    deadline: float
    #: The database's clock at the claim, and ours: together they tell the time of the database now.
    database_now: datetime
    taken_at: float

    @property
    def seconds_left(self) -> float:
        """How long a dot may still be sent."""
        return self.deadline - DEADLINE_MARGIN_SECONDS - monotonic_seconds()

    def now(self) -> datetime:
        """The database's present time, as well as this process can tell it."""
        return self.database_now + timedelta(seconds=monotonic_seconds() - self.taken_at)


@dataclass(eq=False, slots=True)
class Job:
    """A claimed recipient with what its delivery needs."""

    recipient: ClaimedRecipient
    message: MessageRow
    hold: Hold
    way: Way
    #: Set by the loop when a renewal did not bring this row back.
    is_lost: bool = False
    has_started: bool = False
    has_intent: bool = False

    @property
    def held(self) -> Held:
        """The row as its fenced statements name it."""
        return Held(recipient_id=self.recipient.id, token=self.recipient.token)


class Commits(Protocol):
    """The group commit as deliveries use it."""

    def submit(self, entry: Any) -> Awaitable[Any]:
        """Hand in an outcome, closing or release."""
        ...

    async def intent(self, held: Held, *, timeout_seconds: float) -> Verdict:
        """Record an intent."""
        ...


class Services(Protocol):
    """What delivery asks of the rest of the relay."""

    async def prepare(self, job: Job) -> OutgoingMessage:
        """The exact bytes and envelope; raises PrepareError."""
        ...

    def transport_for(self, way: Way) -> Transport:
        """The pooled transport of a way."""
        ...

    def judge(self, job: Job, result: SendResult) -> Judgement:
        """Classify an answer and say when to try again."""
        ...

    def judge_unprepared(self, job: Job, error: PrepareError) -> Judgement:
        """What a message that cannot be made comes to."""
        ...


async def deliver(job: Job, commits: Commits, services: Services) -> Signal:
    """Bring one claimed recipient to an outcome or give it back; returns what its lane should know."""
    job.has_started = True
    if give_back_stale(job, commits) or close_without_attempt(job, commits):
        return Signal.NOTHING
    attempt_id, started_at = uuid7(), clock.now()
    try:
        outgoing = await services.prepare(job)
    except PrepareError as error:
        judgement = services.judge_unprepared(job, error)
        commits.submit(_unprepared(job, attempt_id, started_at, judgement, error))
        return Signal.NOTHING
    refusal: list[Verdict] = []
    result = await services.transport_for(job.way).send(
        outgoing, before_dot=_record_intent(job, commits, refusal)
    )
    crashpoint("after_reply")
    if result.disposition == "abandoned":
        settle_abandoned(job, commits, refusal[0] if refusal else Verdict.LOST)
        return Signal.STOPPED if refusal and refusal[0] is Verdict.PAUSED else Signal.NOTHING
    judgement = services.judge(job, result)
    commits.submit(_outcome(job, attempt_id, judgement, result))
    return judgement.signal


def give_back_stale(job: Job, commits: Commits) -> bool:
    """check_claim_fresh: a row whose time is up or that was lost is not begun."""
    if job.is_lost:
        return True
    if job.hold.seconds_left <= 0:
        give_back(job, commits)
        return True
    return False


def close_without_attempt(job: Job, commits: Commits) -> bool:
    """check_expiry, check_suppression, and mail that no route lets out."""
    closing = _closing(job)
    if closing is not None:
        commits.submit(closing)
    return closing is not None


def _closing(job: Job) -> Closing | None:
    recipient = job.recipient
    if recipient.is_suppressed:
        return _close(job, RecipientStatus.SUPPRESSED, {"found": "claim"})
    if job.message.expires_at <= job.hold.now():
        return _close(job, RecipientStatus.EXPIRED, {"attempts": recipient.attempts})
    if job.way.hold_reason:
        return Closing(
            recipient_id=recipient.id,
            token=recipient.token,
            status=RecipientStatus.HELD.value,
            detail={"reason": job.way.hold_reason},
            hold_reason=job.way.hold_reason,
        )
    return None


def _close(job: Job, status: RecipientStatus, detail: dict[str, Any]) -> Closing:
    return Closing(
        recipient_id=job.recipient.id, token=job.recipient.token, status=status.value, detail=detail
    )


def give_back(job: Job, commits: Commits, *, delay_seconds: float = 0.0) -> None:
    """Release a row untried; an intent whose dot was not sent is taken back."""
    commits.submit(
        Release(recipient_id=job.recipient.id, token=job.recipient.token, delay_seconds=delay_seconds)
    )


def _record_intent(job: Job, commits: Commits, refusal: list[Verdict]) -> Callable[[], Awaitable[bool]]:
    async def before_dot() -> bool:
        crashpoint("before_intent")
        seconds_left = job.hold.seconds_left
        if job.is_lost or seconds_left <= 0:
            return False
        verdict = await commits.intent(job.held, timeout_seconds=seconds_left)
        crashpoint("after_intent")
        if verdict is not Verdict.GO:
            refusal.append(verdict)
            return False
        job.has_intent = True
        # The commit took its time: the deadline holds for the dot itself.
        return not job.is_lost and job.hold.seconds_left > 0

    return before_dot


def settle_abandoned(job: Job, commits: Commits, verdict: Verdict) -> None:
    """What becomes of a row whose dot was not sent."""
    if verdict is Verdict.SUPPRESSED:
        commits.submit(_close(job, RecipientStatus.SUPPRESSED, {"found": "intent"}))
    elif verdict is Verdict.CANCELLED:
        commits.submit(_close(job, RecipientStatus.CANCELLED, {"found": "intent"}))
    else:
        give_back(job, commits)


def _outcome(job: Job, attempt_id: UUID, judgement: Judgement, result: SendResult) -> Outcome:
    reply = result.reply
    ended_at = result.ended_at or clock.now()
    return Outcome(
        recipient_id=job.recipient.id,
        token=job.recipient.token,
        attempt_id=attempt_id,
        status=judgement.status.value,
        retry_in_seconds=judgement.retry_in_seconds,
        started_at=result.started_at or ended_at,
        ended_at=ended_at,
        reply=None if reply is None else reply_dict(reply),
        bounce_class=judgement.bounce_class,
        bounce_category=judgement.bounce_category,
        transport=job.way.transport,
        site=result.peer_host or "",
        provider=job.recipient.provider,
        peer_host=result.peer_host or "",
        peer_address=result.peer_address or "",
        source_address=result.source_address or "",
        tls=_plain(result.tls),
        phase=str(result.phase or ""),
        detail={
            "transport": job.way.transport,
            **job.way.detail,
            **dict(result.detail or {}),
            **judgement.detail,
        },
        transcript=list(result.transcript or ()),
        suppresses=judgement.suppresses,
    )


def _plain(value: Any) -> dict[str, Any] | None:
    if value is None or isinstance(value, dict):
        return value
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _unprepared(
    job: Job, attempt_id: UUID, started_at: datetime, judgement: Judgement, error: PrepareError
) -> Outcome:
    return Outcome(
        recipient_id=job.recipient.id,
        token=job.recipient.token,
        attempt_id=attempt_id,
        status=judgement.status.value,
        retry_in_seconds=judgement.retry_in_seconds,
        started_at=started_at,
        ended_at=clock.now(),
        bounce_class=judgement.bounce_class,
        bounce_category=judgement.bounce_category,
        transport=job.way.transport,
        phase="prepare",
        detail={"code": error.code, "message": error.message, **judgement.detail},
    )


def sandbox_outcome(job: Job) -> Outcome:
    """The outcome of a recipient that is kept in the sandbox: delivered, with no reply of anybody."""
    at = clock.now()
    return Outcome(
        recipient_id=job.recipient.id,
        token=job.recipient.token,
        attempt_id=uuid7(),
        status=RecipientStatus.DELIVERED.value,
        started_at=at,
        ended_at=at,
        transport="sandbox",
        provider=job.recipient.provider,
        detail={"transport": "sandbox", **job.way.detail},
    )


def reply_dict(reply: Any) -> dict[str, Any]:
    """A reply as events and pages know it."""
    return {
        "code": reply.code,
        "enhanced": str(reply.enhanced) if reply.enhanced else None,
        "text": reply.text[:2000],
    }
