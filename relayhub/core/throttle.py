"""Token buckets that all processes share in Valkey, with a bucket of each process where Valkey is away.

A bucket fills at a steady rate up to its burst; taking more than it holds is refused with the time until it
would be there. A limit that cannot be asked must never stop accepting: the fall-back lets each process have
the whole rate, and says so once in the log.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings

log = logging.getLogger(__name__)

_PREFIX = "relayhub:bucket:"
_CALL_TIMEOUT_SECONDS = 0.25
#: After a failure Valkey is not asked again for this long: a dead server must not cost every request a wait.
_AWAY_FOR_SECONDS = 2.0
_MAX_LOCAL_BUCKETS = 20_000

#: KEYS[1] bucket; ARGV rate a second, burst, cost. Answers {taken, tokens left * 1000}. The server's clock counts,
#: so that hosts whose clocks differ share one bucket.
_TAKE_SCRIPT = """
local now = redis.call('TIME')
local at = tonumber(now[1]) + tonumber(now[2]) / 1000000
local rate, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(kept[1]) or burst
tokens = math.min(burst, tokens + math.max(0, at - (tonumber(kept[2]) or at)) * rate)
local taken = 0
if tokens >= cost then
  tokens = tokens - cost
  taken = 1
end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(at))
redis.call('PEXPIRE', KEYS[1], math.ceil((burst / rate) * 1000) + 1000)
return {taken, math.floor(tokens * 1000)}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """How much in how long: `burst` at once, refilled at `per_second`."""

    per_second: float
    burst: float

    def __post_init__(self) -> None:
        if self.per_second <= 0 or self.burst < 1:
            raise ValueError("a limit lets at least one through at some time")


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """The answer: whether it was taken, what is left, and when to come again."""

    is_allowed: bool
    remaining: int
    #: Until what was asked for would be there; 0 where it was taken.
    retry_after_seconds: float
    #: Until the bucket is full again.
    reset_seconds: float


class LocalBuckets:
    """Buckets of this process; safe for threads. The least recently used are forgotten first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, max_buckets: int = _MAX_LOCAL_BUCKETS) -> None:
        self._clock = clock
        self._max_buckets = max_buckets
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str, limit: Limit, *, cost: float = 1.0) -> Allowance:
        """Take from a bucket, full at first."""
        moment = self._clock()
        with self._lock:
            tokens, at = self._buckets.get(key, (limit.burst, moment))
            tokens = min(limit.burst, tokens + max(0.0, moment - at) * limit.per_second)
            is_taken = tokens >= cost
            if is_taken:
                tokens -= cost
            self._buckets[key] = (tokens, moment)
            self._buckets.move_to_end(key)
            while len(self._buckets) > self._max_buckets:
                self._buckets.popitem(last=False)
        return _allowance(limit, cost, is_taken=is_taken, tokens=tokens)


_local = LocalBuckets()
_away_until = 0.0


def take(key: str, limit: Limit, *, cost: float = 1.0) -> Allowance:
    """Take from the bucket that all processes share; never raises. One round trip."""
    global _away_until
    if time.monotonic() >= _away_until:
        try:
            taken, left = _script()(
                keys=[_PREFIX + key], args=[limit.per_second, limit.burst, cost]
            )
            return _allowance(limit, cost, is_taken=bool(taken), tokens=left / 1000)
        except (redis.RedisError, OSError):
            _away_until = time.monotonic() + _AWAY_FOR_SECONDS
            log.warning("throttle.away")
    return _local.take(key, limit, cost=cost)


def forget(key: str) -> None:
    """Empty a bucket's memory: the next taker finds it full."""
    with _local._lock:
        _local._buckets.pop(key, None)
    try:
        _client(settings.REDIS_URL).delete(_PREFIX + key)
    except (redis.RedisError, OSError):
        log.warning("throttle.away")


def _allowance(limit: Limit, cost: float, *, is_taken: bool, tokens: float) -> Allowance:
    return Allowance(
        is_allowed=is_taken, remaining=max(0, math.floor(tokens)),
        retry_after_seconds=0.0 if is_taken else max(0.0, (min(cost, limit.burst) - tokens) / limit.per_second),
        reset_seconds=max(0.0, (limit.burst - tokens) / limit.per_second),
    )


def _script() -> Any:
    return _registered(settings.REDIS_URL)


@lru_cache(maxsize=4)
def _client(url: str) -> Any:
    return redis.Redis.from_url(
        url, socket_timeout=_CALL_TIMEOUT_SECONDS, socket_connect_timeout=_CALL_TIMEOUT_SECONDS
    )


@lru_cache(maxsize=4)
def _registered(url: str) -> Any:
    return _client(url).register_script(_TAKE_SCRIPT)
