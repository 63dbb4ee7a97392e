"""The engine of a relay process: finds due lanes, claims, renews, and lets the lanes' runners deliver.

It polls the table every second, bell or no bell, so that nothing depends on Celery or Redis. It holds no
transaction and no lock while anything talks to a network. Every row it holds is in `_jobs`; a renewal that
does not bring a row back takes it out of our hands, and its dot is not sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol
from uuid import UUID, uuid4

from django.utils.translation import gettext_noop

from relayhub.core.crashpoints import crashpoint
from relayhub.relay import managers, paces
from relayhub.relay.deliver import (
    BRAKE_SECONDS,
    Hold,
    Job,
    Services,
    Signal,
    Way,
    give_back,
    monotonic_seconds,
)
from relayhub.relay.drain import LaneRunner, keep_in_sandbox
from relayhub.relay.events_outcome import Release
from relayhub.relay.history import Statement
from relayhub.relay.lanes import LaneInfo, Shares
from relayhub.relay.loop_commit import GroupCommit
from relayhub.relay.loop_db import DatabaseAway, LoopConnection, Row
from relayhub.relay.managers import ClaimedRecipient, MessageRow

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
#: In-flight deliveries get this long when the process is asked to stop; the whole stop stays under 30 s.
STOP_SECONDS = 20.0
IDLE_RUNNER_SECONDS = 120.0
RESOLVE_BATCH = 2000
RESOLVE_GROUP = 25

_BACK_OFF_SQL = """
UPDATE relay_lane SET backoff_until = now() + %s * interval '1 second', backoff_reason = %s WHERE id = %s
"""
_RECOVER_SQL = "UPDATE relay_lane SET backoff_until = NULL, backoff_reason = '' WHERE id = %s"


class BatchServices(Services, Protocol):
    """What the engine asks of the rest of the relay beside single deliveries."""

    async def ways_for(self, info: LaneInfo, batch: Sequence[tuple[ClaimedRecipient, MessageRow]]) -> list[Way]:
        """The route of each claimed recipient."""
        ...

    async def preload(self, messages: Sequence[MessageRow]) -> None:
        """Read the contents of a claim in one go."""
        ...

    async def lanes_of_sites(self, info: LaneInfo, domains: Sequence[str]) -> dict[str, int]:
        """Look up each domain's site once and name the lane its mail waits in."""
        ...

    async def close(self) -> None:
        """Close pooled connections."""
        ...


class Engine:
    """Everything of one relay process that runs on its event loop."""

    def __init__(
        self,
        services_factory: Callable[[LoopConnection], BatchServices],
        *,
        lease_seconds: float,
        shares: Shares | None = None,
    ) -> None:
        self._lease_seconds = lease_seconds
        self._claims = LoopConnection("claim")
        self._reads = LoopConnection("read")
        self._writes = LoopConnection("commit", generic_plans=True)
        self.commits = GroupCommit(self._writes)
        self.services = services_factory(self._reads)
        self.shares = shares or Shares()
        self._runners: dict[int, LaneRunner] = {}
        self._jobs: dict[UUID, Job] = {}
        self._messages: dict[UUID, MessageRow] = {}
        self._bell: set[int] = set()
        self._wake = asyncio.Event()
        self._is_stopping = False
        self._resolving: set[int] = set()
        self._background: set[asyncio.Task[None]] = set()
        #: When the table was last asked: the watchdog's measure of progress.
        self.last_poll = monotonic_seconds()

    @property
    def runners(self) -> list[LaneRunner]:
        """Lanes that this process serves, for reports; from any thread."""
        return list(self._runners.values())

    def ring(self, lane_ids: Iterable[int]) -> None:
        """Look at these lanes now; call it on the loop's thread."""
        self._bell.update(lane_ids)
        self._wake.set()

    async def run(self) -> None:
        """Poll, claim and deliver until `stop`."""
        commit_task = asyncio.create_task(self.commits.run())
        renewals = asyncio.create_task(self._keep_leases())
        try:
            await self._poll_until_stopped()
            await self._wind_down()
        finally:
            renewals.cancel()
            self.commits.close()
            await asyncio.wait({commit_task}, timeout=3.0)
            commit_task.cancel()
            await asyncio.gather(commit_task, renewals, return_exceptions=True)
            await self.services.close()
            for connection in (self._claims, self._reads, self._writes):
                await connection.close()

    def stop(self) -> None:
        """Claim nothing more, give back what is not begun, finish what is; call it on the loop's thread."""
        self._is_stopping = True
        self._wake.set()

    async def run_until_idle(self) -> None:
        """Deliver whatever is due now, then wind down: for the `drain` command and for tests."""
        commit_task = asyncio.create_task(self.commits.run())
        renewals = asyncio.create_task(self._keep_leases())
        try:
            while await self._poll(None) or not self._is_quiet():
                await asyncio.sleep(0.01)
            await self.commits.drained()
            await self._finish_background()
        finally:
            renewals.cancel()
            self.commits.close()
            await asyncio.gather(commit_task, renewals, return_exceptions=True)
            await self.services.close()
            for connection in (self._claims, self._reads, self._writes):
                await connection.close()

    def _is_quiet(self) -> bool:
        is_at_rest = not (self._jobs or self._resolving or self._background)
        return is_at_rest and all(runner.is_idle for runner in self._runners.values())

    # -- finding work ----------------------------------------------------------------------------------

    async def _poll_until_stopped(self) -> None:
        next_full = 0.0
        while not self._is_stopping:
            bell, self._bell = self._bell, set()
            is_full = monotonic_seconds() >= next_full
            if is_full:
                next_full = monotonic_seconds() + POLL_SECONDS
                self._forget_idle_runners()
            if is_full or bell:
                try:
                    await self._poll(None if is_full else sorted(bell))
                except DatabaseAway:
                    await self._claims.wait()
                    continue
                except Exception:  # a loop that ended would leave mail lying; the next second tries again
                    log.exception("relay.poll_fault")
            await self._wait_for_bell(next_full - monotonic_seconds())

    async def _wait_for_bell(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), max(0.001, seconds))
        except TimeoutError:
            return
        self._wake.clear()

    async def _poll(self, lane_ids: Sequence[int] | None) -> int:
        """Look for due lanes and begin to claim on them; returns how many were served."""
        self.last_poll = monotonic_seconds()
        rows = await self._claims.fetch(managers.due_lanes_statement(lane_ids))
        due = [LaneInfo.from_row(row) for row in rows]
        return sum(self._serve(info, len(due)) for info in self._in_fair_order(due))

    def _in_fair_order(self, due: Sequence[LaneInfo]) -> list[LaneInfo]:
        """Transactional first; then the workspace that has least in hand; then who waited longest."""
        held: Counter[UUID] = Counter()
        for runner in self._runners.values():
            held[runner.info.workspace_id] += runner.in_hand

        def rank(info: LaneInfo) -> tuple[bool, int, float]:
            runner = self._runners.get(info.id)
            return info.is_broadcast, held[info.workspace_id], runner.last_served if runner else 0.0

        return sorted(due, key=rank)

    def _serve(self, info: LaneInfo, competitors: int) -> int:
        if self._is_stopping:
            return 0
        if info.site == managers.RESOLVE_SITE:
            if info.id not in self._resolving:
                self._resolving.add(info.id)
                self._spawn(self._resolve(info))
            return 1
        runner = self._runners.get(info.id) or self._new_runner(info)
        runner.info = info
        room = self.shares.room(is_bulk=info.is_broadcast)
        limit = min(runner.appetite, max(10, room // competitors), room)
        if limit <= 0:
            return 0
        runner.is_claiming = True
        self.shares.take_in_hand(limit, is_bulk=info.is_broadcast)
        self._spawn(self._claim(runner, limit))
        return 1

    def _new_runner(self, info: LaneInfo) -> LaneRunner:
        runner = self._runners[info.id] = LaneRunner(
            info,
            shares=self.shares,
            commits=self.commits,
            services=self.services,
            on_done=self._forget_job,
            on_backoff=self._back_off,
            on_recovered=self._recover,
            on_hungry=lambda hungry: self.ring([hungry.info.id]),
        )
        return runner

    # -- claiming --------------------------------------------------------------------------------------

    async def _claim(self, runner: LaneRunner, limit: int) -> None:
        got = 0
        try:
            granted = await self._granted(runner.info, limit)
            # Without a grant there is nothing to be hungry for until the next poll.
            got = await self._claim_granted(runner, granted) if granted > 0 else 0
            runner.is_hungry = runner.is_hungry and granted > 0
        except DatabaseAway:
            await self._claims.wait()
        finally:
            runner.is_claiming = False
            # What was not got is given up; what was got is given up job by job.
            self.shares.take_in_hand(got - limit, is_bulk=runner.info.is_broadcast)
            if runner.is_hungry and runner.appetite:
                self.ring([runner.info.id])

    async def _granted(self, info: LaneInfo, limit: int) -> int:
        if info.is_probing:
            won = await self._claims.fetch(managers.probe_statement(lane_id=info.id, seconds=BRAKE_SECONDS))
            limit = min(limit, len(won))
        if not info.paces or limit <= 0:
            return limit
        answers = await self._claims.run(paces.take_statements(info.paces, limit))
        counts = {key: rows[0][0] if rows else 0 for key, rows in zip(sorted(info.paces), answers, strict=True)}
        granted = min(counts.values())
        await self._put_back(counts, granted)
        return granted

    async def _put_back(self, counts: dict[str, int], used: int) -> None:
        unused = [
            paces.put_back_statement(key=key, unused=count - used)
            for key, count in sorted(counts.items())
            if count > used
        ]
        if unused:
            await self._claims.run(unused)

    async def _claim_granted(self, runner: LaneRunner, limit: int) -> int:
        info, token = runner.info, uuid4()
        asked_at = monotonic_seconds()
        since_last = asked_at - runner.last_served if runner.last_served else 0.0
        statement = managers.claim_statement(
            lane_id=info.id,
            token=token,
            limit=limit,
            lease_seconds=self._lease_seconds,
            is_probe=info.is_probing,
        )
        try:
            # Since the lane asked for rows a conversation may have failed: until its row says so, nothing is claimed.
            rows = [] if runner.is_backing_off else await self._claims.fetch(statement)
        except DatabaseAway:
            self._spawn(self._unclaim(token, asked_at))
            raise
        crashpoint("after_claim")
        if info.paces and len(rows) < limit:
            await self._put_back(dict.fromkeys(info.paces, limit), len(rows))
        if not rows:
            runner.is_hungry = False
            return 0
        runner.last_served = asked_at
        runner.learn_claim(asked=limit, got=len(rows), is_narrow=rows[0][-2], seconds_since_last=since_last)
        hold = Hold(
            lane_id=info.id,
            token=token,
            deadline=asked_at + self._lease_seconds,
            database_now=rows[0][-1],
            taken_at=asked_at,
        )
        await self._take_in_hand(runner, hold, [managers.claimed_from_row(row, token) for row in rows])
        return len(rows)

    async def _unclaim(self, token: UUID, asked_at: float) -> None:
        """The claim may have been made although its answer was lost: take it back while it runs."""
        while not self._is_stopping and monotonic_seconds() < asked_at + self._lease_seconds:
            await self._claims.wait()
            try:
                await self._claims.fetch(managers.unclaim_statement(token))
            except DatabaseAway:
                continue
            return

    async def _take_in_hand(self, runner: LaneRunner, hold: Hold, claimed: list[ClaimedRecipient]) -> None:
        try:
            jobs = await self._jobs_for(runner.info, hold, claimed)
        except Exception:  # a fault of ours in routing: the rows go back, and wait before it shows again
            log.exception("relay.batch_fault", extra={"lane": runner.info.id})
            jobs = []
        for job in jobs:
            self._jobs[job.recipient.id] = job
        self._give_back_unread([r for r in claimed if r.id not in self._jobs], runner.info)
        sandbox = [job for job in jobs if job.way.is_sandbox and not job.way.hold_reason]
        others = [job for job in jobs if not job.way.is_sandbox or job.way.hold_reason]
        if sandbox:
            await keep_in_sandbox(sandbox, self.commits, self._forget_job)
        if others and not self._is_stopping:
            await self.services.preload([job.message for job in others])
        runner.add(others, is_stopping=self._is_stopping)

    def _give_back_unread(self, claimed: Sequence[ClaimedRecipient], info: LaneInfo) -> None:
        self.shares.take_in_hand(-len(claimed), is_bulk=info.is_broadcast)
        for recipient in claimed:
            self.commits.submit(Release(recipient_id=recipient.id, token=recipient.token, delay_seconds=BRAKE_SECONDS))

    async def _jobs_for(self, info: LaneInfo, hold: Hold, claimed: list[ClaimedRecipient]) -> list[Job]:
        """Messages and routes of a claim, asked for until there is no time left to use them."""
        while hold.seconds_left > self._lease_seconds / 4:
            try:
                messages = await self._read_messages({recipient.message_id for recipient in claimed})
                pairs = [(r, messages[r.message_id]) for r in claimed if r.message_id in messages]
                ways = await self.services.ways_for(info, pairs)
            except DatabaseAway:
                await self._reads.wait()
                continue
            return [
                Job(recipient=recipient, message=message, hold=hold, way=way)
                for (recipient, message), way in zip(pairs, ways, strict=True)
            ]
        return []

    async def _read_messages(self, ids: set[UUID]) -> dict[UUID, MessageRow]:
        missing = [message_id for message_id in ids if message_id not in self._messages]
        if missing:
            if len(self._messages) > 5000:
                self._messages.clear()
            for row in await self._reads.fetch(managers.messages_statement(missing)):
                self._messages[row[0]] = managers.message_from_row(row)
        return {message_id: self._messages[message_id] for message_id in ids if message_id in self._messages}

    def _forget_job(self, job: Job) -> None:
        if self._jobs.pop(job.recipient.id, None) is not None:
            self.shares.take_in_hand(-1, is_bulk=job.message.stream_kind == "broadcast")

    # -- leases ----------------------------------------------------------------------------------------

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 6)
            for runner in list(self._runners.values()):
                runner.give_back_waiting(older_than=monotonic_seconds() - self._lease_seconds / 2)
            try:
                await self._renew()
            except DatabaseAway:
                await self._claims.wait()
            except Exception:  # renewals must go on: without them work in hand is lost to the reaper
                log.exception("relay.renewal_fault")

    async def _renew(self) -> None:
        due = [job for job in self._jobs.values() if job.hold.seconds_left < self._lease_seconds * 2 / 3]
        if not due:
            return
        due.sort(key=lambda job: job.recipient.id)
        asked_at = monotonic_seconds()
        rows = await self._claims.fetch(
            managers.renew_statement(
                ids=[job.recipient.id for job in due],
                tokens=[job.recipient.token for job in due],
                lease_seconds=self._lease_seconds,
            )
        )
        kept = {row[0] for row in rows}
        for job in due:
            if job.recipient.id not in kept:
                job.is_lost = True
        for hold in {id(job.hold): job.hold for job in due}.values():
            hold.deadline = asked_at + self._lease_seconds

    # -- lanes -----------------------------------------------------------------------------------------

    def _back_off(self, runner: LaneRunner, signal: Signal) -> None:
        # Kept in English; whoever shows it translates it.
        unreachable, slow = gettext_noop("No conversation came about."), gettext_noop("Asked to slow down.")
        reason = unreachable if signal is Signal.UNREACHABLE else slow
        statement = Statement(sql=_BACK_OFF_SQL, params=[BRAKE_SECONDS, reason, runner.info.id])

        async def store() -> None:
            await self._write(statement)
            runner.backoff_is_stored()

        self._spawn(store())

    def _recover(self, runner: LaneRunner) -> None:
        self._spawn(self._write(Statement(sql=_RECOVER_SQL, params=[runner.info.id]), ring=runner.info.id))

    async def _write(self, statement: Statement, *, ring: int | None = None) -> None:
        try:
            await self._claims.fetch(statement)
        except DatabaseAway:
            return
        if ring is not None:
            self.ring([ring])

    async def _resolve(self, info: LaneInfo) -> None:
        """Move the rows of a lane of unknown domains to the lanes of their sites."""
        try:
            rows = await self._reads.fetch(managers.unresolved_statement(lane_id=info.id, limit=RESOLVE_BATCH))
            domains = sorted({row[1] for row in rows})
            # In groups, so that a domain whose DNS is silent keeps few others waiting.
            groups = [domains[at : at + RESOLVE_GROUP] for at in range(0, len(domains), RESOLVE_GROUP)]
            await asyncio.gather(*(self._resolve_group(info, rows, group) for group in groups))
        except DatabaseAway:
            await self._reads.wait()
        finally:
            self._resolving.discard(info.id)

    async def _resolve_group(self, info: LaneInfo, rows: Sequence[Row], domains: Sequence[str]) -> None:
        lanes = await self.services.lanes_of_sites(info, domains)
        moving = [(row[0], lanes[row[1]]) for row in rows if row[1] in lanes]
        if moving:
            ids, lane_ids = zip(*sorted(moving), strict=True)
            await self._claims.fetch(managers.move_lane_statement(from_lane_id=info.id, ids=ids, lane_ids=lane_ids))
            self.ring({info.id, *lane_ids})

    # -- housekeeping of this process ------------------------------------------------------------------

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(_logged(work))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _finish_background(self) -> None:
        while self._background:
            await asyncio.wait(set(self._background))

    def _forget_idle_runners(self) -> None:
        before = monotonic_seconds() - IDLE_RUNNER_SECONDS
        for lane_id, runner in list(self._runners.items()):
            if runner.is_idle and runner.last_served < before:
                del self._runners[lane_id]

    async def _wind_down(self) -> None:
        """Within the stop's time: release, finish, and let the database hear of it."""
        for runner in self._runners.values():
            runner.give_back_waiting()
        if self._background:  # claims under way give back what they get; the sandbox finishes its batch
            await asyncio.wait(set(self._background), timeout=3.0)
        running = [asyncio.ensure_future(runner.finished()) for runner in self._runners.values()]
        if running:
            await asyncio.wait(running, timeout=STOP_SECONDS)
        for runner in self._runners.values():
            runner.give_back_waiting()
            runner.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for job in list(self._jobs.values()):
            if not job.has_started and not job.has_intent:
                give_back(job, self.commits)
        try:
            await asyncio.wait_for(self.commits.drained(), 3.0)
        except TimeoutError:
            log.warning("relay.stopped_with_outcomes_unwritten", extra={"entries": len(self._jobs)})


async def _logged(work: Awaitable[None]) -> None:
    """The edge of a background task: a fault is logged, and the poll finds the work again."""
    try:
        await work
    except Exception:  # whatever it is, the engine goes on
        log.exception("relay.background_fault")
