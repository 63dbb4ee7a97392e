"""The one place where the application asks what time it is.

Everything that stores or compares a time calls `now()`, so that tests can stop the clock and
no naive value ever enters the database. Leases and due times use the database's own clock instead.
"""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)
