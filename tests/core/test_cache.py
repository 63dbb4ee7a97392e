"""A cache whose server is away is an empty one, whatever is asked of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from relayhub.core.cache import FallbackRedisCache


@pytest.fixture
def away(tmp_path: Path) -> FallbackRedisCache:
    return FallbackRedisCache(f"unix://{tmp_path}/nobody.sock", {})


def test_what_is_asked_of_it_is_answered_as_if_it_were_empty(away: FallbackRedisCache) -> None:
    away.set("a", 1)

    assert away.get("a", 7) == 7
    assert away.add("a", 1)
    assert away.get_many(["a", "b"]) == {}
    assert away.set_many({"a": 1, "b": 2}, 60) == ["a", "b"]
    assert not away.delete("a")


def test_counting_says_that_there_is_nothing_to_count_on(away: FallbackRedisCache) -> None:
    away.add("visits", 0)

    with pytest.raises(ValueError, match="visits"):
        away.incr("visits")
