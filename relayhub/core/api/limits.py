"""How many requests a caller may make: each key its own rate, each person one, unknown keys one an address.

Every answer of the API carries `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` (seconds) and
`RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-07); a refused one is 429 with `Retry-After`. The limit
is a bucket that all processes share; where Valkey is away each process keeps its own.
"""

from __future__ import annotations

import math

from rest_framework.exceptions import Throttled

from relayhub.core.access import Actor
from relayhub.core.throttle import Allowance, Limit, take

#: A person clicks; a page may ask for several parts at once.
_PERSON_PER_SECOND = 100
#: Wrong keys from one address: enough for a deployment with a typo, too few to search or to load the database.
_WRONG_KEY = Limit(per_second=1, burst=30)
#: A burst is this many seconds' worth.
_BURST_SECONDS = 2


def limit_of(actor: Actor) -> Limit:
    """The caller's limit: of its key, or the one of people."""
    rate = actor.api_key.requests_per_second if actor.api_key is not None else _PERSON_PER_SECOND
    return Limit(per_second=rate, burst=rate * _BURST_SECONDS)


def take_request(actor: Actor) -> tuple[Limit, Allowance]:
    """Count one request of the caller."""
    limit = limit_of(actor)
    holder = actor.api_key.pk if actor.api_key is not None else getattr(actor.user, "pk", actor.workspace.pk)
    return limit, take(f"api:{holder}", limit)


def headers_of(limit: Limit, allowance: Allowance) -> dict[str, str]:
    """The headers that tell a program how far it may go."""
    return {
        "RateLimit-Limit": str(int(limit.burst)),
        "RateLimit-Remaining": str(allowance.remaining),
        "RateLimit-Reset": str(math.ceil(allowance.reset_seconds)),
        "RateLimit-Policy": f"{int(limit.burst)};w={_BURST_SECONDS}",
    }


def refuse_wrong_keys(ip: str | None) -> None:
    """Count a wrong key from the address; Throttled when it sends too many."""
    allowance = take(f"wrong-key:{ip or 'unknown'}", _WRONG_KEY)
    if not allowance.is_allowed:
        raise Throttled(
            wait=allowance.retry_after_seconds, detail="Too many unknown API keys came from here. Wait a little."
        )
