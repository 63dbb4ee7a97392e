"""One commit for the messages of many sessions: what gathered while the last commit ran goes next.

Self-clocking, no timer: a lone message waits for nobody, and a crowd shares the cost of the sync. Work runs on
threads with database connections of their own; a session hears of its message only after the commit.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db import close_old_connections

from relayhub.protocol.reply import FAULT_OURS, SmtpReply

log = logging.getLogger(__name__)

ItemT = TypeVar("ItemT")
#: So that one commit stays short however many sessions there are.
MAX_BATCH_ITEMS = 200
MAX_BATCH_BYTES = 16 * 1024 * 1024
#: One commit may be written while the next batch is being checked.
THREADS = 2


@dataclass(frozen=True)
class _Waiting(Generic[ItemT]):
    item: ItemT
    size_bytes: int
    future: asyncio.Future[SmtpReply]


class GroupCommit(Generic[ItemT]):
    """Gathers items and hands them to `work` in batches; `work` answers one reply an item."""

    def __init__(self, work: Callable[[Sequence[ItemT]], list[SmtpReply]]) -> None:
        self._work = work
        self._waiting: list[_Waiting[ItemT]] = []
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="commit")
        self._running = 0
        self.waiting_bytes = 0

    async def submit(self, item: ItemT, *, size_bytes: int) -> SmtpReply:
        """The reply of an item, after the commit that holds it."""
        future: asyncio.Future[SmtpReply] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(item, size_bytes, future))
        self.waiting_bytes += size_bytes
        self._start()
        return await future

    def close(self) -> None:
        """Let the threads go once their work is done."""
        self._threads.shutdown(wait=True)

    def _start(self) -> None:
        if not self._waiting or self._running >= THREADS:
            return
        batch = self._take()
        self._running += 1
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._threads, self._carry_out, [waiting.item for waiting in batch])
        running.add_done_callback(lambda done: self._finish(batch, done))

    def _take(self) -> list[_Waiting[ItemT]]:
        size, count = 0, 0
        for waiting in self._waiting[:MAX_BATCH_ITEMS]:
            size += waiting.size_bytes
            count += 1
            if size >= MAX_BATCH_BYTES:
                break
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch

    def _carry_out(self, items: Sequence[ItemT]) -> list[SmtpReply]:
        """On a thread: whatever goes wrong is our fault and temporary."""
        try:
            return self._work(items)
        except Exception:
            log.exception("smtpd.batch_failed")
            close_old_connections()
            return [FAULT_OURS] * len(items)

    def _finish(self, batch: list[_Waiting[ItemT]], done: asyncio.Future[list[SmtpReply]]) -> None:
        self._running -= 1
        replies = [FAULT_OURS] * len(batch) if done.cancelled() or done.exception() else done.result()
        for waiting, reply in zip(batch, replies, strict=True):
            self.waiting_bytes -= waiting.size_bytes
            if not waiting.future.done():
                waiting.future.set_result(reply)
        self._start()
