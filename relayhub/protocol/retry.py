"""When to try a deferred recipient again: pure, deterministic, never a timer.

Waits grow and then stay level until the message's lifetime has passed. The jitter comes from the recipient,
so that mail deferred together does not come back together, and a test knows the time beforehand.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

#: RFC 5321 §4.5.4.1 says SHOULD wait 30 minutes and give up after 4 to 5 days; our first waits are shorter
#: because greylisting usually opens within 15 minutes.
WAITS = (timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=45), timedelta(hours=4))
LIFETIME = timedelta(days=5)
#: Part of a wait that the jitter may add.
JITTER = 0.2


def wait_after(*, attempts: int, jitter_key: bytes) -> timedelta:
    """How long to wait after `attempts` finished tries (from 1), jitter included."""
    base = WAITS[min(max(attempts, 1), len(WAITS)) - 1]
    digest = hashlib.sha256(jitter_key + attempts.to_bytes(4, "big")).digest()
    share = int.from_bytes(digest[:4], "big") / 0xFFFFFFFF
    return base * (1 + JITTER * share)


def next_attempt_at(
    *, attempts: int, now: datetime, expires_at: datetime, jitter_key: bytes
) -> datetime | None:
    """When to try again, or None once the queue lifetime has passed.

    A wait that would end after the lifetime is cut to its last moment, so that the message is tried once
    more before it is given up.
    """
    if now >= expires_at:
        return None
    return min(now + wait_after(attempts=attempts, jitter_key=jitter_key), expires_at)
