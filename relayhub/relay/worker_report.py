"""What relay processes say of themselves every two seconds, kept in Valkey for a few seconds.

For people who look; nothing depends on it. Where Valkey is away nothing is known, and the page says so.
"""

from __future__ import annotations

import json
import logging
import os
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from django.utils.translation import gettext as _

from relayhub.core.clock import now
from relayhub.relay.deliver import monotonic_seconds
from relayhub.relay.loop_engine import Engine

log = logging.getLogger(__name__)

EVERY_SECONDS = 2.0
KEPT_SECONDS = 8
#: A loop that looks at the table every second and did not for this long is in trouble.
LATE_SECONDS = 5.0
_PREFIX = "relayhub:worker:"
_CALL_SECONDS = 0.25


@dataclass(frozen=True, kw_only=True)
class WorkerReport:
    """One relay process."""

    name: str
    in_hand: int
    sending: int
    #: Since it last looked at the table.
    look_seconds: float
    #: Lane -> (connections in use, connections allowed).
    lanes: dict[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def is_well(self) -> bool:
        """Whether its loop turns."""
        return self.look_seconds < LATE_SECONDS


_next_at = 0.0


def is_due() -> bool:
    """Whether this process should report again."""
    global _next_at
    if monotonic_seconds() < _next_at:
        return False
    _next_at = monotonic_seconds() + EVERY_SECONDS
    return True


def tell(engine: Engine) -> None:
    """Say how this process does; never raises."""
    runners = engine.runners
    body = {
        "in_hand": sum(runner.in_hand for runner in runners), "sending": sum(runner.sending for runner in runners),
        "look": round(monotonic_seconds() - engine.last_poll, 2), "at": now().timestamp(),
        "lanes": {runner.info.id: [runner.sending, runner.slots] for runner in runners if runner.sending},
    }
    try:
        _client(settings.REDIS_URL).set(
            f"{_PREFIX}{settings.RELAYHUB_HOSTNAME}:{os.getpid()}", json.dumps(body), ex=KEPT_SECONDS
        )
    except (redis.RedisError, OSError):
        log.debug("relay.report_lost")


def workers() -> list[WorkerReport] | None:
    """All relay processes that reported lately; None where Valkey does not answer."""
    client = _client(settings.REDIS_URL)
    try:
        keys = sorted(client.scan_iter(match=f"{_PREFIX}*", count=1000))
        bodies = client.mget(keys) if keys else []
    except (redis.RedisError, OSError):
        return None
    return [_read(key.decode(), json.loads(body)) for key, body in zip(keys, bodies, strict=True) if body]


def connections_by_lane(found: list[WorkerReport] | None) -> dict[int, tuple[int, int]] | None:
    """Lane -> (connections in use, allowed) over all processes; None where nothing is known."""
    if found is None:
        return None
    sums: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for worker in found:
        for lane_id, (used, allowed) in worker.lanes.items():
            before = sums[lane_id]
            sums[lane_id] = before[0] + used, before[1] + allowed
    return dict(sums)


def _read(key: str, body: dict[str, Any]) -> WorkerReport:
    host, _colon, number = key.removeprefix(_PREFIX).rpartition(":")
    age = max(0.0, now().timestamp() - float(body["at"]) - EVERY_SECONDS)
    return WorkerReport(
        name=_("%(host)s, process %(number)s") % {"host": host, "number": number}, in_hand=int(body["in_hand"]),
        sending=int(body["sending"]), look_seconds=float(body["look"]) + age,
        lanes={int(lane): (int(pair[0]), int(pair[1])) for lane, pair in body["lanes"].items()},
    )


@lru_cache(maxsize=4)
def _client(url: str) -> Any:
    return redis.Redis.from_url(url, socket_timeout=_CALL_SECONDS, socket_connect_timeout=_CALL_SECONDS)
