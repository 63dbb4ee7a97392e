"""How the recipients of broadcasts stand: counted from the rows where that is quick, else as counted last.

A count is kept with the number of events there were (`BroadcastFigures`), which the exact counters tell at once.
While that number stands, the kept count is the rows. A sweep counts anew what changed, so that a report of a
million recipients reads one row; it says when it was counted.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from relayhub.core.clock import now
from relayhub.relay.models import FINAL, BroadcastFigures

#: Up to so many recipients are counted while somebody waits.
EXACT_UP_TO = 20_000
#: At most so many broadcasts are counted for one page; the sweep brings the others within seconds.
_COUNTED_A_LOOK = 4
#: A large broadcast is counted again after this, and at most for a tenth of the time.
_AGAIN = timedelta(seconds=10)
_SHARE_OF_TIME = 10
_MOVING = frozenset({"queued", "leased", "attempting", "deferred"})

CELL = ("provider", "status", "reason", "count", "opened", "machine_opened", "clicked", "machine_clicked",
        "unsubscribed", "complained", "sandboxed")
#: What stands in a cell beside its names; `machine_…`: nobody but machines did it.
ACTS = CELL[4:10]
_CELLS_SQL = """
SELECT CASE WHEN r.provider <> '' THEN r.provider ELSE coalesce(s.provider, '') END, r.status,
  CASE WHEN r.status IN ('bounced', 'deferred') THEN r.bounce_category ELSE '' END,
  count(*), count(r.opened_at), count(*) FILTER (WHERE r.machine_opened_at IS NOT NULL AND r.opened_at IS NULL),
  count(r.clicked_at), count(*) FILTER (WHERE r.machine_clicked_at IS NOT NULL AND r.clicked_at IS NULL),
  count(r.unsubscribed_at), count(r.complained_at),
  count(*) FILTER (WHERE r.status = 'delivered' AND r.transport = 'sandbox')
FROM relay_recipient r LEFT JOIN relay_siterecord s ON s.domain = r.domain
WHERE r.broadcast_id = %s GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3
"""
_VERSIONS_SQL = """
SELECT subject_id, sum(value)::bigint FROM (
  SELECT subject_id, metric, value FROM relay_counter WHERE subject = 'broadcast' AND subject_id = ANY(%(ids)s)
  UNION ALL
  SELECT subject_id, metric, delta FROM relay_counterdelta WHERE subject = 'broadcast' AND subject_id = ANY(%(ids)s)
) c WHERE metric NOT LIKE '%%:%%' GROUP BY 1
"""
_LATELY_SQL = """
SELECT DISTINCT subject_id FROM relay_counter WHERE subject = 'broadcast' AND bucket >= %(since)s
UNION SELECT DISTINCT subject_id FROM relay_counterdelta WHERE subject = 'broadcast'
UNION (SELECT b.broadcast_id FROM relay_broadcastcontrol b WHERE NOT EXISTS (
  SELECT 1 FROM relay_broadcastfigures f WHERE f.broadcast_id = b.broadcast_id) LIMIT 50)
"""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One broadcast's recipients by provider, status and reason, with what they did."""

    cells: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    #: None: counted for this look.
    counted_at: datetime | None = None

    def total(self, name: str = "count", **where: str) -> int:
        """The sum of one figure, of the cells that fit."""
        fitting = (cell for cell in self.cells if all(cell[key] == value for key, value in where.items()))
        return sum(cell[name] for cell in fitting)

    def by(self, key: str, name: str = "count", **where: str) -> dict[str, int]:
        """The sums of one figure by `provider`, `status` or `reason`; empty sums are left out."""
        found: dict[str, int] = {}
        for cell in self.cells:
            if cell[name] and all(cell[part] == value for part, value in where.items()):
                found[cell[key]] = found.get(cell[key], 0) + cell[name]
        return found

    @property
    def statuses(self) -> dict[str, int]:
        """Recipients by status."""
        return self.by("status")

    @property
    def finished(self) -> int:
        """How many will not change any more."""
        return sum(count for status, count in self.statuses.items() if status in FINAL)

    @property
    def is_moving(self) -> bool:
        """Whether rows may be claimed and given back, which no event tells."""
        return bool(_MOVING & self.statuses.keys())


def figures(broadcast_id: UUID, size: int) -> Figures:
    """The figures of one broadcast of `size` recipients."""
    return figures_of({broadcast_id: size})[broadcast_id]


def figures_of(sizes: Mapping[UUID, int]) -> dict[UUID, Figures]:
    """The figures of broadcasts, each given with how many recipients it has; in few queries."""
    kept = {row.pk: row for row in BroadcastFigures.objects.filter(pk__in=sizes)}
    present = versions(sizes)
    found: dict[UUID, Figures] = {}
    left = _COUNTED_A_LOOK
    for broadcast_id, size in sizes.items():
        row = kept.get(broadcast_id)
        last = _kept(row) if row is not None else None
        is_exact = row is not None and row.version == present.get(broadcast_id, 0)
        if row is not None and last is not None and is_exact and not last.is_moving:
            found[broadcast_id] = last
        elif (size <= EXACT_UP_TO and left > 0) or last is None:
            left -= 1
            found[broadcast_id] = Figures(cells=_count(broadcast_id))
        else:
            found[broadcast_id] = Figures(cells=last.cells, counted_at=row.counted_at if row else None)
    return found


def versions(broadcast_ids: Iterable[UUID]) -> dict[UUID, int]:
    """How many events each broadcast has, from the exact counters."""
    with connection.cursor() as cursor:
        cursor.execute(_VERSIONS_SQL, {"ids": list(broadcast_ids)})
        return dict(cursor.fetchall())


def count_changed(*, lately: timedelta = timedelta(hours=2)) -> int:
    """Count anew the broadcasts that changed since they were counted; returns how many.

    Looks at those to which something happened lately (older ones were counted after it), and at those never counted.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LATELY_SQL, {"since": now() - lately})
        ids = [row[0] for row in cursor.fetchall()]
    present = versions(ids)
    kept = {row.pk: row for row in BroadcastFigures.objects.filter(pk__in=ids)}
    counted = 0
    for broadcast_id in ids:
        row = kept.get(broadcast_id)
        if row is not None and not _is_due(row, present.get(broadcast_id, 0)):
            continue
        keep(broadcast_id)
        counted += 1
    return counted


def _is_due(row: BroadcastFigures, version: int) -> bool:
    if row.version == version and not _kept(row).is_moving:
        return False
    rest = max(_AGAIN if row.took_ms > 100 else timedelta(0), timedelta(milliseconds=row.took_ms * _SHARE_OF_TIME))
    return now() - row.counted_at >= rest


def keep(broadcast_id: UUID) -> None:
    # The number is read before the rows: what happens between makes the count look older, never newer.
    version = versions([broadcast_id]).get(broadcast_id, 0)
    began = time.monotonic()
    cells = [[cell[name] for name in CELL] for cell in _count(broadcast_id)]
    took_ms = round((time.monotonic() - began) * 1000)
    BroadcastFigures.objects.update_or_create(
        pk=broadcast_id, defaults={"version": version, "cells": cells, "counted_at": now(), "took_ms": took_ms}
    )


def _kept(row: BroadcastFigures) -> Figures:
    return Figures(cells=[dict(zip(CELL, cell, strict=True)) for cell in row.cells])


def _count(broadcast_id: UUID) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(_CELLS_SQL, [broadcast_id])
        return [dict(zip(CELL, row, strict=True)) for row in cursor.fetchall()]
