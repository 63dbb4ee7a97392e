"""The shared commit at the door: what arrives while one commit runs goes into the next one together.

Self-clocking, without a timer: a lone message waits for nobody, and fifty sessions share a commit. The work
runs in threads of its own, so that sockets are read meanwhile; each thread keeps one database connection.
Every submitted job is answered exactly once, whatever happens; an answer comes in the event loop's thread.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db import connection

log = logging.getLogger(__name__)

JobT = TypeVar("JobT")
AnswerT = TypeVar("AnswerT")

#: A connection that was idle so long is tried before it is used: its server may have been restarted.
_PROBE_AFTER_SECONDS = 5.0
#: Jobs for which another commit begins while one runs: fewer cost more than they gain.
_WORTH_A_SECOND_COMMIT = 16


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[JobT, AnswerT]):
    job: JobT
    size_bytes: int
    done: Callable[[AnswerT], None]


class GroupCommit(Generic[JobT, AnswerT]):
    """Collects jobs and hands them to `work` in batches; `work` answers in the same order.

    `fault` is the answer to every job of a batch whose work raised.
    """

    def __init__(
        self, work: Callable[[Sequence[JobT]], Sequence[AnswerT]], *, fault: AnswerT,
        threads: int = 1, max_jobs: int = 500, max_bytes: int = 32 * 1024 * 1024,
    ) -> None:
        self._work = work
        self._fault = fault
        self._max_jobs = max_jobs
        self._max_bytes = max_bytes
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Waiting[JobT, AnswerT]] = deque()
        self._batches: queue.SimpleQueue[list[_Waiting[JobT, AnswerT]] | None] = queue.SimpleQueue()
        self._idle_threads = threads
        self._in_work = 0
        self._emptied = asyncio.Event()
        self._emptied.set()
        self._threads = [
            threading.Thread(target=self._run, name=f"commit-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pending(self) -> int:
        """Jobs that are not answered yet."""
        return len(self._waiting) + self._in_work

    def submit(self, job: JobT, size_bytes: int, done: Callable[[AnswerT], None]) -> None:
        """Add a job; `done` is called once with its answer. From the event loop's thread."""
        self._waiting.append(_Waiting(job, size_bytes, done))
        self._emptied.clear()
        self._launch()

    async def drain(self) -> None:
        """Wait until everything submitted is answered."""
        await self._emptied.wait()

    def stop(self) -> None:
        """End the threads after what they hold; nothing may be submitted afterwards."""
        for _ in self._threads:
            self._batches.put(None)
        for thread in self._threads:
            thread.join(timeout=15)

    def _launch(self) -> None:
        while self._waiting and self._idle_threads:
            if self._in_work and len(self._waiting) < _WORTH_A_SECOND_COMMIT:
                return  # the commit that runs now is soon over, and these few then go together
            batch = [self._waiting.popleft()]
            size = batch[0].size_bytes
            while self._waiting and len(batch) < self._max_jobs:
                size += self._waiting[0].size_bytes
                if size > self._max_bytes:
                    break
                batch.append(self._waiting.popleft())
            self._idle_threads -= 1
            self._in_work += len(batch)
            self._batches.put(batch)

    def _finished(self, batch: list[_Waiting[JobT, AnswerT]], answers: Sequence[AnswerT]) -> None:
        self._idle_threads += 1
        self._in_work -= len(batch)
        # First the next commit, then the answers: the database works while they are written.
        self._launch()
        for waiting, answer in zip(batch, answers, strict=True):
            try:
                waiting.done(answer)
            except Exception:
                log.exception("smtpd.answer_failed")
        if not self.pending:
            self._emptied.set()

    # In a commit thread

    def _run(self) -> None:
        used_at = time.monotonic()
        while (batch := self._batches.get()) is not None:
            if time.monotonic() - used_at > _PROBE_AFTER_SECONDS:
                _drop_dead_connection()
            answers = self._answers(batch)
            used_at = time.monotonic()
            try:
                self._loop.call_soon_threadsafe(self._finished, batch, answers)
            except RuntimeError:  # the loop is closed: nobody is left to tell
                break
        connection.close()

    def _answers(self, batch: list[_Waiting[JobT, AnswerT]]) -> Sequence[AnswerT]:
        try:
            answers = self._work([waiting.job for waiting in batch])
            if len(answers) == len(batch):
                return answers
            log.error("smtpd.answers_missing", extra={"jobs": len(batch), "answers": len(answers)})
        except Exception:
            log.exception("smtpd.work_failed", extra={"jobs": len(batch)})
            _drop_dead_connection()
        return [self._fault] * len(batch)


def _drop_dead_connection() -> None:
    try:
        if connection.connection is not None and not connection.is_usable():
            connection.close()
    except Exception:
        log.warning("smtpd.connection_dropped")
        connection.close()
