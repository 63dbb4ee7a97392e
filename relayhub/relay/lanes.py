"""Lanes: which there are, which one a recipient waits in, and how much of a process each may use.

A lane is stream class, workspace, broadcast or none, and site. `lane_ids_for` names the lane at accept,
without DNS: where the first matching rule is not `direct`, the site is that transport; otherwise the cached
site of the domain; a domain not known yet waits in the `resolve` lane. `Shares` keeps a part of every
process for transactional mail, whatever broadcasts are waiting.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from relayhub.relay.history import Statement
from relayhub.relay.models.lane import RESOLVE_SITE
from relayhub.relay.models.routing import StreamKind

#: Recipients in the hands of one process, and the part that only transactional mail may use.
MAX_IN_HAND = 2000
RESERVED_IN_HAND = 500
#: Deliveries going on at once in one process, and the part that only transactional mail may use.
MAX_SENDING = 200
RESERVED_SENDING = 50
#: Connections one lane uses at once where its route says nothing.
LANE_CONNECTIONS = 50

_UPSERT_SQL = """
WITH wanted AS (
  SELECT site FROM unnest(%(sites)s::text[]) AS t(site)
), made AS (
  INSERT INTO relay_lane (workspace_id, stream_id, broadcast_id, site, paused_reason, backoff_reason,
    created_at)
  SELECT %(workspace_id)s, %(stream_id)s, %(broadcast_id)s, site, '', '', now() FROM wanted
  WHERE NOT EXISTS (SELECT 1 FROM relay_lane l WHERE l.stream_id = %(stream_id)s
    AND l.broadcast_id IS NOT DISTINCT FROM %(broadcast_id)s AND l.site = wanted.site)
  ON CONFLICT DO NOTHING RETURNING id, site
)
SELECT id, site FROM made
UNION ALL
SELECT l.id, l.site FROM relay_lane l JOIN wanted USING (site)
WHERE l.stream_id = %(stream_id)s AND l.broadcast_id IS NOT DISTINCT FROM %(broadcast_id)s
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneInfo:
    """A lane with something due, as the loop sees it."""

    id: int
    workspace_id: UUID
    stream_id: UUID
    stream_slug: str
    stream_kind: str
    broadcast_id: UUID | None
    site: str
    max_per_minute: int | None
    broadcast_max_per_minute: int | None
    is_probing: bool

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> LaneInfo:
        """Read one row of `managers.due_lanes_statement`."""
        return cls(
            id=row[0],
            workspace_id=row[1],
            stream_id=row[2],
            stream_slug=row[3],
            stream_kind=row[4],
            broadcast_id=row[5],
            site=row[6],
            max_per_minute=row[7],
            broadcast_max_per_minute=row[8],
            is_probing=row[9],
        )

    @property
    def is_broadcast(self) -> bool:
        """Whether it is bulk: everything else may use the reserved share."""
        return self.stream_kind == StreamKind.BROADCAST

    @property
    def paces(self) -> dict[str, int]:
        """What limits it, by the key of its token bucket, in recipients a minute."""
        paces: dict[str, int] = {}
        if self.max_per_minute is not None:
            paces[f"lane:{self.id}"] = self.max_per_minute
        if self.broadcast_id is not None and self.broadcast_max_per_minute is not None:
            paces[f"broadcast:{self.broadcast_id}"] = self.broadcast_max_per_minute
        return paces


class Shares:
    """How much of this process is in use, and what is left for whom."""

    def __init__(
        self,
        *,
        max_in_hand: int = MAX_IN_HAND,
        reserved_in_hand: int = RESERVED_IN_HAND,
        max_sending: int = MAX_SENDING,
        reserved_sending: int = RESERVED_SENDING,
    ) -> None:
        self._max_in_hand = max_in_hand
        self._bulk_in_hand_limit = max_in_hand - reserved_in_hand
        self._max_sending = max_sending
        self._bulk_sending_limit = max_sending - reserved_sending
        self._in_hand = 0
        self._bulk_in_hand = 0
        self._sending = 0
        self._bulk_sending = 0
        self._starved: deque[Callable[[], None]] = deque()
        self._bulk_starved: deque[Callable[[], None]] = deque()

    def room(self, *, is_bulk: bool) -> int:
        """How many more recipients may be claimed."""
        room = self._max_in_hand - self._in_hand
        if is_bulk:
            room = min(room, self._bulk_in_hand_limit - self._bulk_in_hand)
        return max(0, room)

    def take_in_hand(self, count: int, *, is_bulk: bool) -> None:
        """Note claimed recipients; a negative count gives them up."""
        self._in_hand += count
        if is_bulk:
            self._bulk_in_hand += count

    def take_slot(self, *, is_bulk: bool, when_free: Callable[[], None]) -> bool:
        """Begin a delivery if there is a slot; otherwise `when_free` is called once there is one."""
        has_slot = self._sending < self._max_sending and (
            not is_bulk or self._bulk_sending < self._bulk_sending_limit
        )
        if not has_slot:
            (self._bulk_starved if is_bulk else self._starved).append(when_free)
            return False
        self._sending += 1
        if is_bulk:
            self._bulk_sending += 1
        return True

    def free_slot(self, *, is_bulk: bool) -> None:
        """End a delivery and let one that waits begin: transactional first."""
        self._sending -= 1
        if is_bulk:
            self._bulk_sending -= 1
        if self._starved:
            self._starved.popleft()()
        elif self._bulk_starved and self._bulk_sending < self._bulk_sending_limit:
            self._bulk_starved.popleft()()

    def is_contended(self, *, is_bulk: bool) -> bool:
        """Whether another lane waits for a slot that this one could leave."""
        return bool(self._starved) or (is_bulk and bool(self._bulk_starved))


def lane_upsert_statement(
    *, workspace_id: UUID, stream_id: UUID, broadcast_id: UUID | None, sites: Iterable[str]
) -> Statement:
    """Find or make the lanes of these sites; answers (id, site)."""
    return Statement(
        sql=_UPSERT_SQL,
        params={
            "workspace_id": workspace_id,
            "stream_id": stream_id,
            "broadcast_id": broadcast_id,
            "sites": sorted(set(sites)),
        },
    )


def lane_ids_by_site(
    workspace_id: UUID, stream_id: UUID, broadcast_id: UUID | None, sites: Iterable[str]
) -> dict[str, int]:
    """The ids of the lanes of these sites, making those that are missing."""
    wanted = set(sites)
    found: dict[str, int] = {}
    for _ in range(3):  # a twin that made the same lane at the same instant is seen the second time
        statement = lane_upsert_statement(
            workspace_id=workspace_id,
            stream_id=stream_id,
            broadcast_id=broadcast_id,
            sites=wanted - found.keys(),
        )
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, statement.params)
            found.update({site: lane_id for lane_id, site in cursor.fetchall()})
        if len(found) == len(wanted):
            break
    return found


def lane_ids_for(
    workspace_id: UUID, stream_id: UUID, broadcast_id: UUID | None, domains: Iterable[str]
) -> dict[str, int]:
    """The lane of each recipient domain, without asking DNS; makes lanes that are missing."""
    sites = sites_for(workspace_id, stream_id, domains)
    lanes = lane_ids_by_site(workspace_id, stream_id, broadcast_id, sites.values())
    return {domain: lanes[site] for domain, site in sites.items()}


def sites_for(workspace_id: UUID, stream_id: UUID, domains: Iterable[str]) -> Mapping[str, str]:
    """The site of each domain's mail: a transport's text, a cached MX site, or `resolve`."""
    from relayhub.relay import routes, sites  # both look at lanes when rules change

    wanted = sorted(set(domains))
    named = routes.fixed_sites(workspace_id, stream_id, wanted)
    cached = sites.cached_sites([domain for domain in wanted if domain not in named])
    return {domain: named.get(domain) or cached.get(domain) or RESOLVE_SITE for domain in wanted}
