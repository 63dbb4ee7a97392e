"""The log of refused requests: what a program sent and what was wrong with it, for seven days.

Accepted requests leave messages, jobs and rows that are found already, and are not written here. Never kept are the
body and the key. Writing is limited, for a program that repeats a mistake in a loop must not become a flood of
writes: what goes beyond is counted by minute, in the cache, and lost with it. Nothing here raises: whoever was
refused is told so whether or not it could be written down.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.core.cache import cache
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest

from relayhub.core.clock import now
from relayhub.core.errors import InputError
from relayhub.core.ids import uuid7_floor
from relayhub.core.models import ApiKey, Door, RefusedRequest, Workspace
from relayhub.core.net import client_ip
from relayhub.core.throttle import Limit, take

log = logging.getLogger(__name__)

KEPT = timedelta(days=7)
#: Of one workspace, held to every hour.
MAX_ROWS = 10_000
MAX_ERRORS = 10
MAX_TEXT = 500
#: The same mistake of the same program: the first ten show what is wrong, then one now and then that it goes on.
_SAME = Limit(per_second=1 / 6, burst=10)
#: All of a workspace together.
_ALL = Limit(per_second=10, burst=50)
_KEY_TEXT = re.compile(r"rh_live_[a-z2-7]{8}_[a-z2-7]+")


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The key or credential that was used, as it is kept."""

    workspace_id: UUID
    id: str
    name: str

    @classmethod
    def of_key(cls, key: ApiKey) -> Caller:
        """An API key."""
        return cls(workspace_id=key.workspace_id, id=key.public_id, name=key.name)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One refused request; texts are cut where they are written."""

    caller: Caller
    door: Door
    method: str
    path: str
    status: int
    code: str
    detail: str
    query: str = ""
    errors: Sequence[dict[str, str]] = ()
    reason: str = ""
    request_id: str = ""
    ip: str | None = None
    user_agent: str = ""
    at: datetime = field(default_factory=now)


def of_request(
    request: HttpRequest, caller: Caller, *, status: int, problem: dict[str, object], reason: str = "",
    request_id: str = "",
) -> Refusal:
    """A refused HTTP request; `problem` is the RFC 9457 document that it was answered with."""
    errors = problem.get("errors")
    return Refusal(
        caller=caller, door=Door.HTTP, method=request.method or "", path=request.path,
        query=request.META.get("QUERY_STRING", ""), status=status, code=str(problem.get("code", "")),
        detail=str(problem.get("detail", "")), errors=errors if isinstance(errors, list) else (), reason=reason,
        request_id=request_id, ip=client_ip(request), user_agent=request.headers.get("User-Agent", ""),
    )


def note(refused: Sequence[Refusal]) -> None:
    """Write these down, or count them where they are too many; never raises."""
    try:
        kept, more = [], Counter[str]()
        for one in refused:
            if _is_kept(one):
                kept.append(_row(one))
            else:
                more[_minute_key(one.caller.id, one.at)] += 1
        if kept:
            with transaction.atomic():
                RefusedRequest.objects.bulk_create(kept)
        for name, count in more.items():
            cache.add(name, 0, timeout=int(KEPT.total_seconds()))
            cache.incr(name, count)
    except Exception:
        # The program is answered all the same: losing a line of this log must cost nobody their answer.
        log.warning("refusals.not_kept", exc_info=True)


def _is_kept(one: Refusal) -> bool:
    pointer = one.errors[0].get("pointer", "") if one.errors else ""
    told = "\0".join((one.caller.id, one.method, one.path, str(one.status), one.code, pointer))
    same = hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:24]
    return take(f"refused:{same}", _SAME).is_allowed and take(f"refused:{one.caller.workspace_id}", _ALL).is_allowed


def _row(one: Refusal) -> RefusedRequest:
    errors = [{name: plain(str(text), MAX_TEXT) for name, text in error.items()} for error in one.errors[:MAX_ERRORS]]
    return RefusedRequest(
        workspace_id=one.caller.workspace_id, at=one.at, door=one.door, caller_id=one.caller.id,
        caller_name=plain(one.caller.name, 120), method=plain(one.method, 10), path=plain(one.path, MAX_TEXT),
        query=plain(one.query, MAX_TEXT), status=one.status, code=plain(one.code, 80),
        detail=plain(one.detail, 1000), errors=errors, reason=one.reason, request_id=plain(one.request_id, 100),
        ip=_address(one.ip), user_agent=plain(one.user_agent, 300),
    )


def plain(text: str, most: int) -> str:
    """A text that the database can hold, cut, with keys that were sent in a wrong place taken out."""
    clean = _KEY_TEXT.sub("[key]", text.replace("\0", "").encode("utf-8", "replace").decode())
    return clean if len(clean) <= most else f"{clean[: most - 1]}…"


def _address(text: str | None) -> str | None:
    try:
        return str(ipaddress.ip_address((text or "").partition("%")[0]))
    except ValueError:
        return None


# -- reading -------------------------------------------------------------------------------------------------


def refused_of(workspace: Workspace, *, caller: str = "", status: str = "", text: str = "") -> QuerySet[RefusedRequest]:
    """Refused requests that are kept, narrowed; InputError for a status that is none.

    `status` is a number of HTTP, `4xx`, `5xx`, or `smtp` for all that came by SMTP. `text` is looked for in the path,
    the code and what was said; a whole request id finds its request.
    """
    found = RefusedRequest.objects.filter(workspace=workspace, id__gte=uuid7_floor(now() - KEPT))
    if caller:
        found = found.filter(caller_id=caller)
    if status:
        found = found.filter(_of_status(status))
    words = text.replace("\0", "").strip()[:200]
    if words:
        found = found.filter(
            Q(path__icontains=words) | Q(code__icontains=words) | Q(detail__icontains=words) | Q(request_id=words)
        )
    return found


def _of_status(text: str) -> Q:
    if text == Door.SMTP:
        return Q(door=Door.SMTP)
    if text in {"4xx", "5xx"}:
        first = int(text[0]) * 100
        return Q(door=Door.HTTP, status__gte=first, status__lt=first + 100)
    if len(text) == 3 and text.isascii() and text.isdigit():
        return Q(door=Door.HTTP, status=int(text))
    raise InputError(f"“{text[:20]}” is not a status. Write one such as 422, or 4xx, 5xx or smtp.", field="status")


def same_as(workspace: Workspace, row: RefusedRequest) -> QuerySet[RefusedRequest]:
    """What is kept of the same request, by the same key or credential, with the same answer; `row` is among it."""
    first = {"errors__0__pointer": row.errors[0].get("pointer", "")} if row.errors else {"errors": []}
    return refused_of(workspace, caller=row.caller_id).filter(
        door=row.door, method=row.method, path=row.path, status=row.status, code=row.code, **first,
    )


def callers_of(workspace: Workspace) -> list[tuple[str, str]]:
    """(id, name as last used) of the keys and credentials that were refused, by name; one query."""
    rows = refused_of(workspace).order_by("id").values_list("caller_id", "caller_name")
    return sorted(dict(rows).items(), key=lambda pair: (pair[1].casefold(), pair[0]))


def counts_of(workspace: Workspace, callers: Iterable[str]) -> dict[str, int]:
    """How many requests of each of these keys or credentials are kept; those without one are left out. One query."""
    rows = refused_of(workspace).filter(caller_id__in=list(callers)).order_by()
    return dict(rows.values_list("caller_id").annotate(count=Count("pk")))


def count_of(workspace: Workspace, *, most: int) -> int:
    """How many are kept, counted no further than `most`."""
    return refused_of(workspace).order_by().values("pk")[:most].count()


def more_beside(rows: Sequence[RefusedRequest]) -> dict[UUID, int]:
    """What was counted and not kept, by the newest of these rows of its caller and minute. One look at the cache."""
    newest: dict[str, UUID] = {}
    for row in rows:
        newest.setdefault(_minute_key(row.caller_id, row.at), row.pk)
    found = cache.get_many(list(newest)) if newest else {}
    return {newest[name]: int(count) for name, count in found.items() if count}


def _minute_key(caller_id: str, at: datetime) -> str:
    return f"refused-more:{caller_id}:{int(at.timestamp()) // 60}"


# -- forgetting ----------------------------------------------------------------------------------------------


def forget_old() -> int:
    """Remove what was kept for seven days, and the oldest beyond MAX_ROWS of a workspace; returns how many."""
    count = RefusedRequest.objects.filter(id__lt=uuid7_floor(now() - KEPT)).delete()[0]
    full = RefusedRequest.objects.order_by().values("workspace_id").annotate(rows=Count("pk")).filter(rows__gt=MAX_ROWS)
    for workspace_id in list(full.values_list("workspace_id", flat=True)):
        mine = RefusedRequest.objects.filter(workspace_id=workspace_id)
        last = mine.order_by("-id").values_list("pk", flat=True)[MAX_ROWS - 1]
        count += mine.filter(id__lt=last).delete()[0]
    return count
