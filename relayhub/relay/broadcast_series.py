"""What happened to a broadcast over time: deliveries, people and machines by bucket, and how fast it moves.

From exact counters: by the minute while those are kept (`history.MINUTES_KEPT`), then by the hour. People are
counted when they did it first, so a whole series adds up to the recipients who did; machines each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import connection

from relayhub.core.clock import now
from relayhub.relay.history import MINUTES_KEPT

METRICS = ("delivered", "opened:people", "clicked:people", "opened:machine", "clicked:machine")
#: More columns than this nobody tells apart.
MAX_BUCKETS = 96
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_STEPS = (_MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE, _HOUR, 2 * _HOUR, 3 * _HOUR,
          6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 7 * _DAY, 30 * _DAY)
#: A rate is taken over so many whole minutes: fewer jump, more lag.
RATE_MINUTES = 3
_SPARK_MINUTES = 30

_SERIES_SQL = """
SELECT metric, bucket, sum(value)::bigint FROM (
  SELECT metric, bucket, value FROM relay_counter
  WHERE subject_id = %(id)s AND subject = %(subject)s AND metric = ANY(%(metrics)s) AND bucket >= %(since)s
  UNION ALL
  SELECT metric, bucket, delta FROM relay_counterdelta
  WHERE subject_id = %(id)s AND subject = %(subject)s AND metric = ANY(%(metrics)s) AND bucket >= %(since)s
) c GROUP BY 1, 2
"""


@dataclass(frozen=True, kw_only=True)
class Series:
    """Counts of each metric in equal buckets, from the bucket of the launch to that of the last thing known."""

    starts: Sequence[datetime]
    step: timedelta
    values: dict[str, list[int]]


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast a broadcast comes to its end."""

    #: Recipients a minute that were delivered or bounced, over the last whole minutes; None: too new to tell.
    per_minute: float | None
    #: The last half hour by the minute, oldest first.
    minutes: Sequence[int]

    def seconds_left(self, waiting: int) -> float | None:
        """Until nothing waits at this pace; None where that cannot be told."""
        return waiting / self.per_minute * 60 if self.per_minute and waiting else None


def series(broadcast_id: UUID, launched_at: datetime, *, step: timedelta | None = None) -> Series:
    """Everything since the launch; `step` None: the smallest that gives few enough buckets."""
    is_by_minute = now() - launched_at < MINUTES_KEPT - _DAY
    unit = _MINUTE if is_by_minute else _HOUR
    first = _floor(launched_at, unit)
    # Events have the database's clock, the launch that of a process: they need not agree on the minute.
    counts = _read(broadcast_id, "minute" if is_by_minute else "broadcast", METRICS, first - _HOUR)
    buckets = [first, *(bucket for _, bucket in counts)]
    first, last = min(buckets), max(buckets)
    width = _width(last - first + unit, unit, step)
    start = _floor(first, width)
    starts = [start + width * index for index in range((last - start) // width + 1)]
    values = {metric: [0] * len(starts) for metric in METRICS}
    for (metric, bucket), count in counts.items():
        values[metric][(bucket - start) // width] += count
    return Series(starts=starts, step=width, values=values)


def pace(broadcast_id: UUID, launched_at: datetime) -> Pace:
    """How fast it went lately, from whole minutes."""
    present = _floor(now(), _MINUTE)
    since = present - _SPARK_MINUTES * _MINUTE
    counts = _read(broadcast_id, "minute", ("delivered", "bounced"), since)
    by_minute: dict[datetime, int] = {}
    for (_, bucket), count in counts.items():
        by_minute[bucket] = by_minute.get(bucket, 0) + count
    begun = max(since, _floor(launched_at, _MINUTE))
    minutes = [by_minute.get(begun + _MINUTE * index, 0) for index in range((present - begun) // _MINUTE)]
    # The first minute is not a whole one.
    whole = minutes[1:][-RATE_MINUTES:] if begun > since else minutes[-RATE_MINUTES:]
    return Pace(per_minute=sum(whole) / len(whole) if whole else None, minutes=minutes)


def _read(
    broadcast_id: UUID, subject: str, metrics: Sequence[str], since: datetime
) -> dict[tuple[str, datetime], int]:
    with connection.cursor() as cursor:
        cursor.execute(
            _SERIES_SQL, {"id": broadcast_id, "subject": subject, "metrics": list(metrics), "since": since}
        )
        return {(metric, bucket): count for metric, bucket, count in cursor.fetchall()}


def _width(span: timedelta, unit: timedelta, wanted: timedelta | None) -> timedelta:
    least = max(unit, wanted or unit)
    return next((step for step in _STEPS if step >= least and span / step <= MAX_BUCKETS), _STEPS[-1])


def _floor(moment: datetime, step: timedelta) -> datetime:
    since_epoch = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return datetime(1970, 1, 1, tzinfo=UTC) + (since_epoch // step) * step
