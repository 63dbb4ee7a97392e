"""Cursor pages: `{"data": […], "next": "…" or null}`, by id, newest first, `limit` up to 200.

`next` is the address of the next page. Its `cursor` may be passed alone as well; a whole `next` given
as `cursor` is understood too, so that a client which treats it as opaque works either way.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID

from relayhub.core.errors import InputError

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from rest_framework.request import Request

RowT = TypeVar("RowT", bound="Model")

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


def page_limit(request: Request) -> int:
    """The asked page size; InputError unless 1 to 200."""
    text = request.query_params.get("limit", "")
    if not text:
        return DEFAULT_LIMIT
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not 1 <= int(text) <= MAX_LIMIT:
        raise InputError(f"“{text[:20]}” is not a page size. Write 1 to {MAX_LIMIT}.", field="limit")
    return int(text)


def page_cursor(request: Request) -> str | None:
    """What the cursor stands for, or None on the first page; InputError when it is none of ours."""
    text = request.query_params.get("cursor", "")
    if not text:
        return None
    if "cursor=" in text:
        text = parse_qs(urlsplit(text).query).get("cursor", [""])[0]
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as exc:
        raise InputError("This cursor is none of ours. Begin again without it.", field="cursor") from exc


def next_address(request: Request, position: object) -> str:
    """The address of the page after `position`."""
    cursor = base64.urlsafe_b64encode(str(position).encode()).decode().rstrip("=")
    query = {key: value for key, value in request.query_params.lists() if key != "cursor"}
    return request.build_absolute_uri("?" + urlencode({**query, "cursor": [cursor]}, doseq=True))


def answer(request: Request, rows: Iterable[Any], position: object | None) -> dict[str, Any]:
    """The page's body; `position` is where the next page begins, None on the last."""
    return {"data": list(rows), "next": None if position is None else next_address(request, position)}


def page_by_id(
    request: Request,
    queryset: QuerySet[RowT],
    render: Callable[[list[RowT]], Iterable[Any]],
    *,
    field: str = "id",
    ascending: bool = False,
    back_to: UUID | None = None,
) -> dict[str, Any]:
    """One page of a queryset ordered by its UUIDv7 (or integer) key; `render` gets the page's rows.

    `back_to` is where the reading of the queryset stopped: older rows are left for the next page, so that a page
    may hold fewer rows than asked for, or none, and still name a next one.
    """
    limit, cursor = page_limit(request), page_cursor(request)
    if cursor is not None:
        queryset = queryset.filter(**{f"{field}__{'gt' if ascending else 'lt'}": key_of_cursor(cursor)})
    rows = list(queryset.order_by(field if ascending else f"-{field}")[: limit + 1])
    more = len(rows) > limit
    rows = rows[:limit]
    return answer(request, render(rows), getattr(rows[-1], field) if more else back_to)


def key_of_cursor(cursor: str) -> UUID | int:
    """The key that a cursor stands for; InputError where it is none of ours."""
    try:
        # More digits than a bigint has are no id of ours either.
        return int(cursor) if cursor.isdecimal() and len(cursor) <= 18 else UUID(cursor)
    except ValueError as exc:
        raise InputError("This cursor is none of ours. Begin again without it.", field="cursor") from exc
