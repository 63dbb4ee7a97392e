"""A scripted way out for the engine: what happens to a recipient is its local part.

`ok`, `greylisted`, `refused`, `unreachable`, `dropped` (after the dot, without an answer), `hang`, `raise`,
`unprepared`, `held`; anything else is delivered. Final dots are noted in `dots`, and in a file with fsync
where one is named, so that they outlive a killed process.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from relayhub.core.clock import now
from relayhub.core.crashpoints import crashpoint
from relayhub.core.errors import PrepareError
from relayhub.protocol.reply import SmtpReply, make_reply
from relayhub.relay.deliver import Job, Judgement, Signal, Way, unknown_wait_seconds
from relayhub.relay.models.message import RecipientStatus

REPLIES: dict[str, SmtpReply] = {
    "greylisted": make_reply(451, "4.7.1", "Greylisted"),
    "refused": make_reply(550, "5.1.1", "No such user"),
}


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a transport answers, as far as the engine reads it."""

    disposition: str
    reply: SmtpReply | None = None
    phase: str = "dot"
    peer_host: str = "mx.example.net"
    peer_address: str = "192.0.2.1"
    source_address: str = "192.0.2.9"
    tls: dict[str, Any] | None = None
    transcript: tuple[Any, ...] = ()
    started_at: Any = field(default_factory=now)
    ended_at: Any = field(default_factory=now)
    detail: dict[str, Any] = field(default_factory=dict)


class Script:
    """Services, transport and sink in one."""

    def __init__(self, *, ledger: str = "", before_dot: Callable[[str], None] | None = None) -> None:
        self.dots: Counter[str] = Counter()
        self.sent_at: dict[str, float] = {}
        self.tries: Counter[str] = Counter()
        self.sending = 0
        self.most_sending = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self._ledger = ledger
        self._before_dot = before_dot
        self.way = Way(transport="smtp://mx.example.net:25")

    async def ways_for(self, info: Any, batch: Sequence[Any]) -> list[Way]:
        """The scripted way; `held` is held back, and lanes of the sandbox stay there."""
        if info.site == "sandbox":
            return [Way(transport="sandbox", is_sandbox=True)] * len(batch)
        return [
            Way(transport=self.way.transport, hold_reason="scripted")
            if recipient.address.startswith("held")
            else self.way
            for recipient, _ in batch
        ]

    async def preload(self, messages: Sequence[Any]) -> None:
        """Nothing to read."""

    async def lanes_of_sites(self, info: Any, domains: Sequence[str]) -> dict[str, int]:
        """No domain is known."""
        return {}

    async def close(self) -> None:
        """Nothing is open."""

    async def prepare(self, job: Job) -> Job:
        """The job itself stands for its bytes."""
        kind = job.recipient.address.partition("@")[0].rstrip("0123456789")
        if kind == "unprepared":
            raise PrepareError("A merge field is missing.", temporary=False)
        if kind == "raise":
            raise RuntimeError("scripted fault")
        return job

    def transport_for(self, way: Way) -> Script:
        """This script."""
        return self

    async def send(self, job: Any, *, before_dot: Callable[[], Awaitable[bool]]) -> Any:
        """Play the recipient's part."""
        address = job.recipient.address
        kind = address.partition("@")[0].rstrip("0123456789")
        self.tries[address] += 1
        self.sending += 1
        self.most_sending = max(self.most_sending, self.sending)
        try:
            return await self._play(kind, address, before_dot)
        finally:
            self.sending -= 1

    async def _play(self, kind: str, address: str, before_dot: Callable[[], Awaitable[bool]]) -> Result:
        if kind == "unreachable":
            return Result(disposition="deferred", phase="connect")
        if kind == "refused":
            return Result(disposition="bounced", phase="rcpt", reply=REPLIES[kind])
        await self.gate.wait()
        if self._before_dot is not None:
            self._before_dot(address)
        if not await before_dot():
            return Result(disposition="abandoned")
        self._note(address)
        crashpoint("after_final_dot")
        if kind == "hang":
            await asyncio.Event().wait()
        if kind == "dropped":
            return Result(disposition="unknown")
        if kind == "greylisted":
            return Result(disposition="deferred", reply=REPLIES[kind])
        return Result(disposition="delivered", reply=make_reply(250, "2.0.0", "Ok"))

    def _note(self, address: str) -> None:
        self.dots[address] += 1
        if self._ledger:
            with open(self._ledger, "a", encoding="utf-8") as ledger:
                ledger.write(address + "\n")
                ledger.flush()
                os.fsync(ledger.fileno())

    def judge(self, job: Job, result: Result) -> Judgement:
        """What the scripted answers come to."""
        status = RecipientStatus(result.disposition)
        unreachable = result.phase == "connect"
        wait = unknown_wait_seconds(job.message) if status is RecipientStatus.UNKNOWN else 300.0
        return Judgement(
            status=status,
            retry_in_seconds=wait,
            bounce_class="hard" if status is RecipientStatus.BOUNCED else "",
            bounce_category="recipient" if status is RecipientStatus.BOUNCED else "",
            suppresses=status is RecipientStatus.BOUNCED,
            signal=Signal.UNREACHABLE if unreachable else Signal.GOOD,
        )

    def judge_unprepared(self, job: Job, error: PrepareError) -> Judgement:
        """A message that cannot be made bounces."""
        return Judgement(status=RecipientStatus.BOUNCED, bounce_class="hard", bounce_category="content")
