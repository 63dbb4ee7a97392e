"""The time zones that people choose among, each with what its clocks show at present."""

from __future__ import annotations

import zoneinfo
from datetime import datetime, timedelta
from functools import lru_cache

from relayhub.core.clock import now

#: Every name of the tz database, sorted.
ZONES = sorted(zoneinfo.available_timezones())


def choices() -> list[tuple[str, str]]:
    """(name, `Europe/Berlin (UTC+1)`) of each, for a field to choose from; of UTC its name alone."""
    return _choices(now().replace(minute=0, second=0, microsecond=0))


@lru_cache(maxsize=1)
def _choices(hour: datetime) -> list[tuple[str, str]]:
    return [(name, name if name == "UTC" else f"{name} ({offset_text(name, hour)})") for name in ZONES]


def offset_text(name: str, at: datetime) -> str:
    """How far a zone's clocks are from UTC at a time: `UTC`, `UTC+1`, `UTC−3:30`."""
    offset = at.astimezone(zoneinfo.ZoneInfo(name)).utcoffset() or timedelta()
    minutes = abs(int(offset.total_seconds())) // 60
    if minutes == 0:
        return "UTC"
    sign = "+" if offset > timedelta() else "−"
    return f"UTC{sign}{minutes // 60}" + (f":{minutes % 60:02}" if minutes % 60 else "")
