"""Pages of a table: newest first, found by the id of the row before, never by counting off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from relayhub.core.formats import number

RowT = TypeVar("RowT", bound=Model)
#: Beyond this a total is not counted: “10,000+” says enough and costs little.
COUNT_LIMIT = 10_000


@dataclass(frozen=True, kw_only=True)
class TablePage(Generic[RowT]):
    """Rows, and the addresses of the pages beside them ("" where there is none)."""

    rows: Sequence[RowT]
    newer_url: str
    older_url: str
    count: int

    @property
    def total(self) -> str:
        """How many there are in words: `3,418`, or `10,000+`."""
        return f"{number(COUNT_LIMIT)}+" if self.count > COUNT_LIMIT else number(self.count)


def table_page(
    request: HttpRequest, found: QuerySet[RowT], *, size: int = 50, count: int | None = None
) -> TablePage[RowT]:
    """The page that `?cursor=` (older than) or `?newer=` (newer than) asks for; `count` where it is known already."""
    older_than, newer_than = _id(request, "cursor"), _id(request, "newer")
    if count is None:
        count = found.order_by().values("pk")[: COUNT_LIMIT + 1].count()
    if count == 0:
        found = found.none()
    if newer_than is not None:
        rows = list(found.filter(pk__gt=newer_than).order_by("pk")[: size + 1])
        has_newer, has_older = len(rows) > size, True
        rows = rows[:size][::-1]
    else:
        chosen = found.order_by("-pk")
        rows = list((chosen.filter(pk__lt=older_than) if older_than else chosen)[: size + 1])
        has_newer, has_older = older_than is not None, len(rows) > size
        rows = rows[:size]
    return TablePage(
        rows=rows, count=count,
        newer_url=_url(request, "newer", rows[0].pk) if has_newer and rows else "",
        older_url=_url(request, "cursor", rows[-1].pk) if has_older and rows else "",
    )


def _id(request: HttpRequest, name: str) -> UUID | int | None:
    text = request.GET.get(name, "")
    if text.isascii() and text.isdecimal() and len(text) < 19:  # of tables whose rows are numbered
        return int(text)
    try:
        return UUID(text)
    except ValueError:
        return None


def _url(request: HttpRequest, name: str, value: object) -> str:
    query = request.GET.copy()
    for key in ("cursor", "newer"):
        query.pop(key, None)
    query[name] = str(value)
    return f"?{query.urlencode()}"
