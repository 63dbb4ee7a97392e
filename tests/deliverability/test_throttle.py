"""Token buckets: shared through Valkey, and of each process where it is away."""

from __future__ import annotations

from typing import Any

import pytest

from relayhub.core import throttle
from relayhub.core.ids import uuid7
from relayhub.core.throttle import Limit, LocalBuckets

SLOW = Limit(per_second=0.001, burst=3)


def test_a_bucket_gives_its_burst_and_then_says_when() -> None:
    key = str(uuid7())

    answers = [throttle.take(key, SLOW) for _ in range(4)]

    assert [answer.is_allowed for answer in answers] == [True, True, True, False]
    assert [answer.remaining for answer in answers] == [2, 1, 0, 0]
    assert answers[-1].retry_after_seconds == pytest.approx(1000, rel=0.05)


def test_another_key_has_its_own_bucket() -> None:
    throttle.take("one" + str(uuid7()), SLOW, cost=3)

    assert throttle.take("two" + str(uuid7()), SLOW).is_allowed


def test_it_fills_with_time_up_to_its_burst() -> None:
    moment = [100.0]
    buckets = LocalBuckets(clock=lambda: moment[0])
    limit = Limit(per_second=2, burst=4)
    buckets.take("k", limit, cost=4)

    moment[0] += 0.5
    first = buckets.take("k", limit)
    second = buckets.take("k", limit)
    moment[0] += 100
    third = buckets.take("k", limit)

    assert (first.is_allowed, second.is_allowed) == (True, False)
    assert second.retry_after_seconds == pytest.approx(0.5)
    assert third.remaining == 3


def test_without_valkey_each_process_keeps_its_own(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "_away_until", 0.0)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    key = str(uuid7())

    answers = [throttle.take(key, SLOW).is_allowed for _ in range(4)]

    assert answers == [True, True, True, False]
    monkeypatch.setattr(throttle, "_away_until", 0.0)


def test_forgetting_fills_it_again() -> None:
    key = str(uuid7())
    throttle.take(key, SLOW, cost=3)

    throttle.forget(key)

    assert throttle.take(key, SLOW).is_allowed


def test_only_so_many_buckets_are_kept() -> None:
    buckets = LocalBuckets(max_buckets=2)
    for key in ("a", "b", "c"):
        buckets.take(key, SLOW, cost=3)

    assert buckets.take("a", SLOW).is_allowed
    assert not buckets.take("c", SLOW).is_allowed


def test_a_limit_that_lets_nothing_through_is_a_mistake() -> None:
    with pytest.raises(ValueError):
        Limit(per_second=0, burst=1)
