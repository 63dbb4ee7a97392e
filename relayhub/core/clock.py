"""The one place where the application asks what time it is.

Everything that stores or compares a time calls `now()`, so that tests can stop the clock and
no naive value ever enters the database. Leases and due times use the database's own clock instead.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_REACH = timedelta(days=36525)


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)


def is_within_reach(at: datetime) -> bool:
    """Whether a time that somebody wrote is at most a hundred years from now, either way.

    A year such as 9999 cannot be counted on from, nor be shown in every time zone.
    """
    return abs(at - now()) <= _REACH
