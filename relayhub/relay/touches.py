"""The last thing that happened between us and an address, for lists of people; one query for a page of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

#: The newest recipient row of each address key; index `recipient_by_address` makes each one look-up.
_SQL = """
SELECT k.address_key, r.status, r.accepted_at, r.finished_at, r.opened_at, r.clicked_at, r.complained_at,
  r.unsubscribed_at
FROM unnest(%s::text[]) AS k(address_key) CROSS JOIN LATERAL (
  SELECT * FROM relay_recipient WHERE workspace_id = %s AND address_key = k.address_key ORDER BY id DESC LIMIT 1) r
"""
_ACTS = ("opened", "clicked", "complained", "unsubscribed")


@dataclass(frozen=True, kw_only=True)
class Touch:
    """What came last of the newest mail to an address: a status of the recipient, or what the person did."""

    status: str
    at: datetime


def last_touches(workspace_id: UUID, keys: Iterable[str]) -> dict[str, Touch]:
    """Address key -> its last touch; addresses never written to are left out."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_SQL, [wanted, workspace_id])
        rows = cursor.fetchall()
    return {row[0]: _touch(row[1], row[3] or row[2], dict(zip(_ACTS, row[4:], strict=True))) for row in rows}


def _touch(status: str, at: datetime, acts: dict[str, datetime | None]) -> Touch:
    """The latest of the status and the acts; a click counts before the opening of the same moment."""
    done = [(moment, name) for name, moment in acts.items() if moment is not None]
    last, name = max(done, key=lambda pair: pair[0], default=(None, ""))
    return Touch(status=name, at=last) if last is not None and last >= at else Touch(status=status, at=at)
