"""When a deferred recipient is tried again."""

from datetime import UTC, datetime, timedelta

from relayhub.protocol.retry import JITTER, WAITS, next_attempt_at, wait_after

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_waits_grow_and_then_stay_level():
    waits = [wait_after(attempts=attempts, jitter_key=b"rcp_1") for attempts in (1, 2, 3, 4, 5, 50)]

    for wait, base in zip(waits, [*WAITS, WAITS[-1], WAITS[-1]], strict=True):
        assert base <= wait <= base * (1 + JITTER)


def test_the_first_wait_is_about_five_minutes():
    at = next_attempt_at(attempts=1, now=NOW, expires_at=NOW + DAY, jitter_key=b"x")

    assert at is not None
    assert timedelta(minutes=5) <= at - NOW <= timedelta(minutes=6)


def test_it_is_the_same_every_time_and_another_for_others():
    one = wait_after(attempts=2, jitter_key=b"a")

    assert one == wait_after(attempts=2, jitter_key=b"a")
    assert len({wait_after(attempts=2, jitter_key=bytes([n])) for n in range(20)}) > 15


def test_it_gives_up_after_the_lifetime():
    assert next_attempt_at(attempts=9, now=NOW, expires_at=NOW, jitter_key=b"x") is None
    assert next_attempt_at(attempts=9, now=NOW, expires_at=NOW - DAY, jitter_key=b"x") is None


def test_the_last_try_is_at_the_end_of_the_lifetime():
    end = NOW + timedelta(minutes=30)

    assert next_attempt_at(attempts=8, now=NOW, expires_at=end, jitter_key=b"x") == end


def test_odd_counts_do_no_harm():
    assert wait_after(attempts=0, jitter_key=b"") >= WAITS[0]
