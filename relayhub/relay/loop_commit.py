"""The group commit of a relay process: intents, outcomes, closings and releases, together.

Self-clocking: what gathered while the last commit ran goes next, there is no timer (ARCHITECTURE rule 4).
Order is kept: everything handed in earlier is durable before or with what came later, so a connection's next
intent can never become durable before its previous outcome. Outcomes wait in memory through an outage of the
database and are written when it is back; the statements are fenced, so a lease that ran out meanwhile makes
them match nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from relayhub.core.crashpoints import crashpoint
from relayhub.relay.events_outcome import (
    Closing,
    Fault,
    Held,
    Outcome,
    Release,
    Verdict,
    closing_statement,
    fault_statement,
    intent_statement,
    outcome_statement,
    release_statement,
)
from relayhub.relay.history import Statement
from relayhub.relay.loop_db import DatabaseAway, LoopConnection, Row

log = logging.getLogger(__name__)

#: Entries in one commit: large enough for throughput, small enough that an intent waits for milliseconds.
MAX_GROUP = 500

Entry = Held | Outcome | Closing | Release | Fault
Result = Verdict | bool

#: In this order within one transaction: what ended first, then what begins.
_STATEMENTS: tuple[tuple[type, Callable[[Sequence[Any]], Statement]], ...] = (
    (Outcome, outcome_statement),
    (Closing, closing_statement),
    (Release, release_statement),
    (Fault, fault_statement),
    (Held, intent_statement),
)


@dataclass(eq=False, slots=True)
class _Waiting:
    entry: Entry
    done: asyncio.Future[Result]


class GroupCommit:
    """Takes entries from any task of the loop and answers each once it is durable."""

    def __init__(self, connection: LoopConnection) -> None:
        self._connection = connection
        self._waiting: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._is_closing = False
        #: For figures: commits made and entries in them.
        self.commits = 0
        self.entries = 0

    def submit(self, entry: Entry) -> asyncio.Future[Result]:
        """Hand in one entry; the answer is a Verdict for an intent, else whether the row was still ours."""
        waiting = _Waiting(entry=entry, done=asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._idle.clear()
        self._wake.set()
        return waiting.done

    async def intent(self, held: Held, *, timeout_seconds: float) -> Verdict:
        """Record an intent; LOST when it is not durable in time, and then it never becomes so unseen."""
        future = self.submit(held)
        try:
            verdict = await asyncio.wait_for(future, timeout_seconds)
        except TimeoutError:
            # Cancelling the future takes an entry that is not on its way yet out of the queue; one that is
            # on its way is taken back by the release that the caller hands in behind it.
            return Verdict.LOST
        return Verdict(str(verdict))

    async def run(self) -> None:
        """Commit groups until closed and empty."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._commit(self._take())
            self._idle.set()
            if self._is_closing:
                return

    async def drained(self) -> None:
        """Wait until nothing is left to commit."""
        await self._idle.wait()

    def close(self) -> None:
        """Let `run` end once everything is committed."""
        self._is_closing = True
        self._wake.set()

    def _take(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        while self._waiting and len(group) < MAX_GROUP:
            waiting = self._waiting.popleft()
            if not waiting.done.cancelled():
                group.append(waiting)
        return group

    async def _commit(self, group: list[_Waiting]) -> None:
        if not group:
            return
        try:
            answers = await self._connection.run([s for _, s in _by_kind(group)])
        except DatabaseAway:
            self._waiting.extendleft(reversed(group))
            await self._connection.wait()
            return
        except Exception:  # bad data or a fault of ours: it must not take its neighbours with it
            await self._isolate(group)
            return
        crashpoint("after_outcome_commit")
        self.commits += 1
        self.entries += len(group)
        for (members, _), rows in zip(_by_kind_members(group), answers, strict=True):
            _answer(members, rows)

    async def _isolate(self, group: list[_Waiting]) -> None:
        """Halve a group that the database refuses, until the entry at fault is alone."""
        if len(group) > 1:
            middle = len(group) // 2
            await self._commit(group[:middle])
            await self._commit(group[middle:])
            return
        log.exception("relay.entry_refused", extra={"recipient": str(group[0].entry.recipient_id)})
        if not group[0].done.done():
            group[0].done.set_result(Verdict.LOST if isinstance(group[0].entry, Held) else False)


def _by_kind_members(group: Sequence[_Waiting]) -> list[tuple[list[_Waiting], Callable[..., Statement]]]:
    kinds = []
    for kind, build in _STATEMENTS:
        members = [waiting for waiting in group if isinstance(waiting.entry, kind)]
        if members:
            # In the order of ids, as every other statement locks them: no two can wait for each other.
            members.sort(key=lambda waiting: waiting.entry.recipient_id)
            kinds.append((members, build))
    return kinds


def _by_kind(group: Sequence[_Waiting]) -> list[tuple[list[_Waiting], Statement]]:
    return [(members, build([waiting.entry for waiting in members])) for members, build in _by_kind_members(group)]


def _answer(members: Sequence[_Waiting], rows: Sequence[Row]) -> None:
    verdicts: dict[UUID, str] = {row[0]: row[1] if len(row) > 1 else "" for row in rows}
    for waiting in members:
        if waiting.done.done():
            continue
        answer = verdicts.get(waiting.entry.recipient_id)
        if isinstance(waiting.entry, Held):
            waiting.done.set_result(Verdict.LOST if answer is None else Verdict(answer))
        else:
            waiting.done.set_result(answer is not None)
