"""One lane in one process: its claimed rows, how many are sent at once, and what the peer's answers teach.

A lane begins with one delivery at a time and doubles with each conversation that works, up to its limit, so
a dead or slow receiver sees one connection and costs one slot. When no conversation comes about the lane is
backed off in its row, for all processes, and everything in hand goes back to the queue untouched. The next
try after that is a probe: one row, by one process.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from relayhub.relay.deliver import (
    BRAKE_SECONDS,
    Commits,
    Job,
    Services,
    Signal,
    close_without_attempt,
    deliver,
    give_back,
    give_back_stale,
    monotonic_seconds,
    sandbox_outcome,
    settle_abandoned,
    unknown_wait_seconds,
)
from relayhub.relay.events_outcome import Fault, Verdict
from relayhub.relay.lanes import LANE_CONNECTIONS, LaneInfo, Shares

log = logging.getLogger(__name__)

MIN_CLAIM = 10
MAX_CLAIM = 500
#: Deliveries after which a lane leaves its slot to another lane that waits for one.
SLOT_TURN = 50
#: A claim used up faster than this may be followed by one twice as large.
QUICK_CLAIM_SECONDS = 2.0
#: Rows that a dead worker had go in small claims, one claim after the other; a receiver that is silent to
#: them keeps the lane for no longer than this.
NARROW_CLAIM_SECONDS = 5.0


class LaneRunner:
    """Delivers what is in hand of one lane."""

    def __init__(
        self,
        info: LaneInfo,
        *,
        shares: Shares,
        commits: Commits,
        services: Services,
        on_done: Callable[[Job], None],
        on_backoff: Callable[[LaneRunner, Signal], None],
        on_recovered: Callable[[LaneRunner], None],
        on_hungry: Callable[[LaneRunner], None],
    ) -> None:
        self.info = info
        self.is_claiming = False
        self.claim_size = MIN_CLAIM
        self.last_served = 0.0
        #: The last claim brought as much as was asked for: there is probably more.
        self.is_hungry = False
        #: The last claim was cut short: its rows were in the hands of a worker that died.
        self._is_narrow = False
        self._queue: deque[Job] = deque()
        self._window = 1
        self._limit = LANE_CONNECTIONS
        self._workers = 0
        self._is_waiting_for_slot = False
        self._is_backing_off = False
        self._backed_off_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._shares = shares
        self._commits = commits
        self._services = services
        self._on_done = on_done
        self._on_backoff = on_backoff
        self._on_recovered = on_recovered
        self._on_hungry = on_hungry

    @property
    def in_hand(self) -> int:
        """Rows claimed and not finished."""
        return len(self._queue) + self._workers

    @property
    def sending(self) -> int:
        """Deliveries going on, one connection each."""
        return self._workers

    @property
    def slots(self) -> int:
        """How many it may have going on at once."""
        return self._limit

    @property
    def is_idle(self) -> bool:
        """Whether nothing of this lane is going on here."""
        return not self._queue and not self._workers and not self.is_claiming

    @property
    def is_backing_off(self) -> bool:
        """Whether nothing may be claimed: the lane's row does not say yet that it is backed off."""
        return self._is_backing_off

    @property
    def appetite(self) -> int:
        """How many rows to claim next: nothing while half of the last claim is still waiting."""
        if self.is_claiming or self._is_backing_off or self._has_enough:
            return 0
        return 1 if self.info.is_probing else self.claim_size

    @property
    def _has_enough(self) -> bool:
        """Whether to wait with the next claim.

        After a narrow one until all of it is done: whoever dies of one of its rows must not have others in hand
        that would be blamed for it.
        """
        if self._is_narrow:
            return self.in_hand > 0 and monotonic_seconds() - self.last_served < NARROW_CLAIM_SECONDS
        return len(self._queue) > self.claim_size // 2

    def learn_claim(self, *, asked: int, got: int, is_narrow: bool = False, seconds_since_last: float) -> None:
        """Claim more next time where claims are used up quickly, less where they lie about."""
        self._is_narrow = is_narrow
        self.is_hungry = got >= asked or is_narrow
        if is_narrow:
            return
        if self.is_hungry and seconds_since_last < QUICK_CLAIM_SECONDS:
            self.claim_size = min(MAX_CLAIM, self.claim_size * 2)
        elif seconds_since_last > QUICK_CLAIM_SECONDS * 5:
            self.claim_size = max(MIN_CLAIM, self.claim_size // 2)

    def add(self, jobs: Iterable[Job], *, is_stopping: bool = False) -> None:
        """Take claimed rows in hand and begin; give them back while stopping."""
        for job in jobs:
            self._limit = job.way.max_connections or LANE_CONNECTIONS
            self._queue.append(job)
        # Rows asked for before the back-off was known are not begun either.
        if is_stopping or (self._queue and self._queue[-1].hold.taken_at <= self._backed_off_at):
            self.give_back_waiting()
        self._pump()

    def backoff_is_stored(self) -> None:
        """The lane's row says so now: claims ask it, for all processes."""
        self._is_backing_off = False

    def give_back_waiting(self, *, older_than: float | None = None) -> int:
        """Release rows that were not begun: all of them, or those claimed before that moment."""
        kept: deque[Job] = deque()
        released = 0
        while self._queue:
            job = self._queue.popleft()
            if older_than is not None and job.hold.taken_at > older_than:
                kept.append(job)
                continue
            give_back(job, self._commits)
            self._on_done(job)
            released += 1
        self._queue = kept
        return released

    async def finished(self) -> None:
        """Wait until what was begun has ended."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    def cancel(self) -> None:
        """Break off what is still going on."""
        for task in self._tasks:
            task.cancel()

    def _pump(self) -> None:
        while self._queue and self._workers < min(self._window, self._limit):
            if self._is_waiting_for_slot:
                return
            if not self._shares.take_slot(is_bulk=self.info.is_broadcast, when_free=self._slot_is_free):
                self._is_waiting_for_slot = True
                return
            self._workers += 1
            task = asyncio.get_running_loop().create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _slot_is_free(self) -> None:
        self._is_waiting_for_slot = False
        self._pump()

    async def _work(self) -> None:
        served = 0
        try:
            while self._queue and self._workers <= min(self._window, self._limit):
                job = self._queue.popleft()
                try:
                    signal = await deliver_safely(job, self._commits, self._services)
                finally:
                    self._on_done(job)
                self._learn(signal)
                served += 1
                self._ask_for_more()
                if served >= SLOT_TURN and self._shares.is_contended(is_bulk=self.info.is_broadcast):
                    break
        finally:
            self._workers -= 1
            self._shares.free_slot(is_bulk=self.info.is_broadcast)
            self._pump()
            self._ask_for_more()

    def _ask_for_more(self) -> None:
        if self.is_hungry and not self._has_enough:
            self.is_hungry = False
            self._on_hungry(self)

    def _learn(self, signal: Signal) -> None:
        if signal is Signal.GOOD:
            self._window = min(self._window * 2, MAX_CLAIM)
            if self.info.is_probing:
                self._on_recovered(self)
            self._pump()
        elif signal in (Signal.UNREACHABLE, Signal.SLOW_DOWN):
            self._window = 1 if signal is Signal.UNREACHABLE else max(1, self._window // 2)
            if not self._is_backing_off:
                self._is_backing_off = True
                self._backed_off_at = monotonic_seconds()
                self._on_backoff(self, signal)
            self.give_back_waiting()
        elif signal is Signal.STOPPED:
            self.give_back_waiting()


async def deliver_safely(job: Job, commits: Commits, services: Services) -> Signal:
    """Deliver; a fault of ours counts against the row, and the third puts it in quarantine."""
    try:
        return await deliver(job, commits, services)
    except asyncio.CancelledError:
        _settle_broken_off(job, commits)
        raise
    except Exception as error:  # the edge of one delivery: whatever it is must not stop the lane
        log.exception("relay.delivery_fault", extra={"recipient": str(job.recipient.id)})
        commits.submit(_fault(job, type(error).__name__))
        return Signal.NOTHING


def _settle_broken_off(job: Job, commits: Commits) -> None:
    if job.has_intent:
        commits.submit(_fault(job, "stopped while waiting for the answer"))
    else:
        give_back(job, commits)


def _fault(job: Job, why: str) -> Fault:
    return Fault(
        recipient_id=job.recipient.id,
        token=job.recipient.token,
        why=why,
        had_intent=job.has_intent,
        retry_in_seconds=unknown_wait_seconds(job.message) if job.has_intent else BRAKE_SECONDS,
    )


async def keep_in_sandbox(jobs: list[Job], commits: Commits, on_done: Callable[[Job], None]) -> None:
    """Deliver to the sandbox inbox: the same checks and records, in batches, with no conversation."""
    going: list[tuple[Job, Awaitable[Any]]] = []
    for job in jobs:
        if give_back_stale(job, commits) or close_without_attempt(job, commits):
            on_done(job)
        else:
            going.append((job, commits.submit(job.held)))
    for job, intent in going:
        verdict = Verdict(await intent)
        if verdict is Verdict.GO:
            commits.submit(sandbox_outcome(job))
        else:
            settle_abandoned(job, commits, verdict)
        on_done(job)
