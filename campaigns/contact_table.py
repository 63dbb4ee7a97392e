"""One page of the contact list, at any size: filtered, sorted, and counted where that costs little.

A filter is answered in one of two ways, for PostgreSQL knows too little to choose between them. In the order in which
contacts were added a walk over the nearest of them shows whether it has to gather (`contact_walk`). In the order of
names few matches are gathered first and then sorted, and so are those of words, which stand together in that order;
many others are met soon when the index on names is walked: there the count chooses. What still takes too long is
given up, and said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, tzinfo

from django.db import OperationalError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from psycopg.errors import QueryCanceled

from campaigns import contact_filter, contact_order
from campaigns.contact_count import EXACT_UP_TO, Counted, count_of
from campaigns.contact_filter import ContactFilter
from campaigns.contact_order import Sort
from campaigns.contact_walk import NONE_REACHES, page_by_walk
from campaigns.fields import field_types
from campaigns.models import Contact
from campaigns.standing import is_quickly_counted
from relayhub.core.errors import InputError
from relayhub.core.formats import number
from relayhub.core.keyset import KeysetPage, Order, Place, keyset_page
from relayhub.core.models import Workspace
from relayhub.core.planning import planned

#: Nobody waits longer for a page.
_PATIENCE_MS = 4000


@dataclass(frozen=True, kw_only=True)
class ContactPage:
    """A page of contacts; `counted` None: counting would have kept it waiting, ask `count_of` apart.

    `is_there` False: so would finding them, ask again with `waits`.
    """

    page: KeysetPage[Contact]
    sort: Sort
    counted: Counted | None
    is_there: bool = True


def page_of(
    workspace: Workspace, wanted: ContactFilter, sort: Sort, *, size: int, zone: tzinfo = UTC,
    after: Place | None = None, before: Place | None = None, waits: bool = True,
) -> ContactPage:
    """The page after or before a place, or the first; InputError where the filter or order cannot be used.

    `waits` False: it may come without contacts (`is_there`) where finding them takes long.
    """
    found = contact_filter.matching(workspace, wanted, zone=zone)
    is_small = is_quickly_counted(workspace)
    counted = None
    if is_small:
        counted = count_of(workspace, wanted, found, exactly=True)
    elif sort.key != "added" and not wanted.is_empty:
        counted = _count_in_time(workspace, wanted, found)
    if sort.field and (counted is None or counted.count > EXACT_UP_TO):
        raise InputError(
            _("More than %(most)s contacts match, too many to sort by a field. Narrow the filters, or sort by name or "
              "by time.") % {"most": number(EXACT_UP_TO)}, field="sort", code="too_many_to_sort",
        )
    order = contact_order.order_of(sort, field_types(workspace))
    gathers = order.by is not None and (bool(wanted.text) or (counted is not None and counted.count <= EXACT_UP_TO))
    if gathers:
        # The limit, which none reaches, makes the matches a step of their own, done once, before they are sorted.
        found = Contact.objects.filter(pk__in=found.order_by().values("pk")[:NONE_REACHES])
    page: KeysetPage[Contact] | None
    with _in_time(walks=order.by is not None and not gathers):
        if order.by is None and not is_small and not wanted.is_empty:
            everybody = contact_filter.added(workspace, wanted, zone=zone)
            page = page_by_walk(found, everybody, order, size=size, after=after, before=before, waits=waits)
        else:
            page = keyset_page(found, order, size=size, after=after, before=before)
    if page is None:
        return ContactPage(page=KeysetPage(rows=[], before=None, after=None), sort=sort, counted=None, is_there=False)
    if counted is None and after is None and before is None and page.after is None:
        counted = Counted(count=len(page.rows), is_exact=True)
    return ContactPage(page=page, sort=sort, counted=counted)


def newest_of(workspace: Workspace, text: str, count: int) -> Sequence[Contact]:
    """The newest contacts that the words of an address or a name lead to."""
    found = contact_filter.search(workspace, text)
    if is_quickly_counted(workspace):
        return list(found.order_by("-pk")[:count])
    everybody = contact_filter.added(workspace, ContactFilter())
    page = page_by_walk(found, everybody, Order(), size=count)
    return page.rows if page is not None else []


def _count_in_time(workspace: Workspace, wanted: ContactFilter, found: QuerySet[Contact]) -> Counted | None:
    """How many there are, or None where that is not to be found in time."""
    try:
        with _in_time(walks=False):
            return count_of(workspace, wanted, found)
    except InputError:
        return None


@contextmanager
def _in_time(*, walks: bool) -> Iterator[None]:
    """Give the query within so long, or InputError (`too_slow`); `walks`: in the order of an index, unsorted."""
    try:
        with planned(statement_timeout=_PATIENCE_MS, enable_sort="off" if walks else "on"):
            yield
    except OperationalError as exc:
        if not isinstance(exc.__cause__, QueryCanceled):
            raise
        raise InputError(
            _("Looking through this many contacts for these few takes too long. Add a filter that narrows them, such "
              "as a list or when they were added, or sort by time."), field="sort", code="too_slow",
        ) from exc
