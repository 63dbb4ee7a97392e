"""Contacts that match in the order in which they were added, quickly whether many match or few.

PostgreSQL knows little of how many match and takes them to be many, spread evenly: it walks from the newest on and
looks each up, which for the few takes a million look-ups. So it may walk only so far. Where that does not fill the
page, all that match are gathered, by whatever way is cheapest for all of them, and the page is taken from those.
Both ways give the same page.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import OperationalError, connection
from django.db.models import QuerySet
from psycopg.errors import QueryCanceled

from campaigns.models import Contact
from relayhub.core.keyset import KeysetPage, Order, Place, keyset_page
from relayhub.core.planning import planned

#: How many contacts are walked through: a filter that one in a hundred fits fills a page by then.
WALK = 5_000
#: How long a page waits for those who are gathered before it comes without them; 0: not at all.
SOON_MS = 100
#: A limit that none reaches makes a step of its own of what is limited, planned to be done whole.
NONE_REACHES = 100_000_000


def page_by_walk(
    found: QuerySet[Contact], everybody: QuerySet[Contact], order: Order, *, size: int, after: Place | None = None,
    before: Place | None = None, waits: bool = True,
) -> KeysetPage[Contact] | None:
    """The page of those `found` among `everybody`, who are walked through; `order` is by id.

    `waits` False: None where gathering takes longer than `SOON_MS`; at a million contacts it may be most of a second.
    """
    turns = before is not None
    place, descends = before if turns else after, order.is_descending != turns
    last = _last_of_walk(everybody, place, descends)
    if last is not None:
        near = found.filter(**{"pk__gte" if descends else "pk__lte": last})
        with _walk():
            page = keyset_page(near, order, size=size, after=after, before=before)
        if (page.before if turns else page.after) is not None:
            return page
        ids = (_gathered if waits else _gathered_soon)(_beyond(found, place, descends), descends, size + 1)
        if ids is None:
            return None
        found = Contact.objects.filter(pk__in=ids)
    return keyset_page(found, order, size=size, after=after, before=before)


def _last_of_walk(everybody: QuerySet[Contact], place: Place | None, descends: bool) -> UUID | None:
    """The id at which the walk ends, or None where it comes to the end of all."""
    ids = _beyond(everybody, place, descends).order_by("-pk" if descends else "pk").values_list("pk", flat=True)
    found = list(ids[WALK - 1 : WALK + 1])
    return found[0] if len(found) > 1 else None


def _beyond(rows: QuerySet[Contact], place: Place | None, descends: bool) -> QuerySet[Contact]:
    return rows if place is None else rows.filter(**{"pk__lt" if descends else "pk__gt": place.key})


def _gathered(found: QuerySet[Contact], descends: bool, count: int) -> list[UUID]:
    """The first ids of those found, all of whom are gathered before they are sorted."""
    try:
        sql, parameters = found.order_by().values("pk")[:NONE_REACHES].query.sql_with_params()
    except EmptyResultSet:
        return []
    with read_whole(), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM ({sql}) AS found(id) ORDER BY id {'DESC' if descends else 'ASC'} LIMIT %s",
            [*parameters, count],
        )
        return [row[0] for row in cursor.fetchall()]


def _gathered_soon(found: QuerySet[Contact], descends: bool, count: int) -> list[UUID] | None:
    """The same, or None where that is not done soon."""
    if not SOON_MS:
        return None
    try:
        with planned(statement_timeout=SOON_MS):
            return _gathered(found, descends, count)
    except OperationalError as exc:
        if not isinstance(exc.__cause__, QueryCanceled):
            raise
        return None


def read_whole() -> AbstractContextManager[None]:
    """Plan queries for going through all contacts: two indexes side by side rather than two whole tables.

    The planner takes each page of an index to be fetched from a disk that seeks, which at a million contacts made it
    read 54,000 pages of tables where 22,000 of indexes have the answer, in order and without a table of hashes. And
    it would divide the tables among processes that the mail needs.
    """
    return planned(random_page_cost=1.1, max_parallel_workers_per_gather=0)


def _walk() -> AbstractContextManager[None]:
    """Plan queries for going from contact to contact, whatever else could find them.

    An index of words or values gives all who have them: of two words that 140,000 have the planner expects 400, and
    would fetch them all for a page.
    """
    return planned(enable_bitmapscan="off")
