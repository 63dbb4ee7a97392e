"""Addresses we will not send to: look up, add, lift, import, export.

Scopes (CONTRACT 4): `workspace` stops everything, `stream` one stream, `list` mail to one mailing list. An
address is the same when its normalised form is. Lifting keeps the row, with who and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from deliverability.models import Suppression, SuppressionReason, SuppressionScope
from relayhub.core import audit
from relayhub.core.access import Actor, require
from relayhub.core.clock import now
from relayhub.core.errors import AccessError, InputError
from relayhub.core.ids import uuid7
from relayhub.core.models import Scope, User, Workspace
from relayhub.protocol.address import AddressError, normalise

MAX_AT_ONCE = 10_000  # CONTRACT 4
_INSERT_SQL = """
INSERT INTO deliverability_suppression (id, workspace_id, address, address_key, reason, scope, stream_id, list_id,
  source, recipient_id, created_by_id, created_at, lifted_by, lift_reason)
SELECT id, %(workspace_id)s, address, address_key, reason, scope, stream_id, list_id, source, %(recipient_id)s,
  %(created_by)s, %(now)s, '', ''
FROM unnest(%(ids)s::uuid[], %(addresses)s::text[], %(keys)s::text[], %(reasons)s::text[], %(scopes)s::text[],
  %(streams)s::uuid[], %(lists)s::uuid[], %(sources)s::text[])
  AS t(id, address, address_key, reason, scope, stream_id, list_id, source)
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, kw_only=True)
class SuppressionHit:
    """Why an address is not written to."""

    reason: str
    scope: str


@dataclass(frozen=True, kw_only=True)
class NewSuppression:
    """One address to suppress."""

    address: str
    reason: str = SuppressionReason.MANUAL
    scope: str = SuppressionScope.WORKSPACE
    stream_id: UUID | None = None
    list_id: UUID | None = None
    source: str = ""


def suppressed_among(
    workspace_id: UUID,
    keys: Iterable[str],
    *,
    stream_id: UUID | None = None,
    list_ids: Sequence[UUID] = (),
) -> dict[str, SuppressionHit]:
    """Normalised address -> why, for those that may not be written to in this stream and on these lists."""
    wanted = list(set(keys))
    if not wanted:
        return {}
    reaches = Q(scope=SuppressionScope.WORKSPACE)
    if stream_id is not None:
        reaches |= Q(scope=SuppressionScope.STREAM, stream_id=stream_id)
    if list_ids:
        reaches |= Q(scope=SuppressionScope.LIST, list_id__in=list_ids)
    rows = Suppression.objects.filter(
        reaches, workspace_id=workspace_id, address_key__in=wanted, lifted_at=None
    ).values_list("address_key", "reason", "scope")
    return {key: SuppressionHit(reason=reason, scope=scope) for key, reason, scope in rows}


def active(workspace: Workspace) -> QuerySet[Suppression]:
    """What is suppressed now, newest first."""
    return Suppression.objects.filter(workspace=workspace, lifted_at=None).order_by("-id")


def rows_of(workspace: Workspace, address: str) -> list[Suppression]:
    """Every active row of an address, of any scope; InputError for what is no address."""
    return list(active(workspace).filter(address_key=_key(address, "address")))


def suppress(
    workspace_id: UUID,
    address: str,
    *,
    reason: str,
    scope: str,
    stream_id: UUID | None = None,
    list_id: UUID | None = None,
    source: str = "",
    recipient_id: UUID | None = None,
) -> bool:
    """Suppress an address in the caller's transaction; False where it was already."""
    item = NewSuppression(
        address=address, reason=reason, scope=scope, stream_id=stream_id, list_id=list_id, source=source
    )
    return _insert(workspace_id, [item], recipient_id=recipient_id) == 1


def suppress_many(actor: Actor, items: Sequence[NewSuppression]) -> int:
    """Suppress up to 10,000 addresses; returns how many are new. InputError names the first bad one."""
    require(actor, Scope.SUPPRESSIONS_WRITE)
    if not 1 <= len(items) <= MAX_AT_ONCE:
        raise InputError(f"Give 1 to {MAX_AT_ONCE:,} addresses at once.", field="data")
    for index, item in enumerate(items):
        _check(item, index)
    with transaction.atomic():
        count = _insert(actor.workspace.pk, items, created_by=actor.user)
        if count:
            audit.record(actor, "suppressions.added", "suppression", "", summary=f"{count} addresses",
                         after={"reason": items[0].reason, "scope": items[0].scope})
    return count


def lift(actor: Actor, rows: QuerySet[Suppression], *, reason: str) -> int:
    """Let addresses be written to again, with a reason; AccessError where nothing is suppressed."""
    require(actor, Scope.SUPPRESSIONS_WRITE)
    with transaction.atomic():
        found = list(rows.filter(workspace=actor.workspace, lifted_at=None).select_for_update())
        if not found:
            raise AccessError("This address is not suppressed.")
        for row in found:
            row.lifted_at, row.lifted_by, row.lift_reason = now(), actor.label[:300], reason.strip()[:500]
            row.save(update_fields=["lifted_at", "lifted_by", "lift_reason"])
            audit.record(actor, "suppression.lifted", "suppression", row.public_id, summary=reason,
                         before={"address": row.address, "reason": row.reason, "scope": row.scope})
    return len(found)


def lift_address(actor: Actor, address: str, *, reason: str) -> int:
    """Lift every scope of an address."""
    return lift(actor, active(actor.workspace).filter(address_key=_key(address, "address")), reason=reason)


def lift_unsubscribe(workspace_id: UUID, address_key: str, *, list_id: UUID, reason: str) -> None:
    """Undo a list's unsubscribe because the person joined again: a new consent, not an operator's act."""
    Suppression.objects.filter(
        workspace_id=workspace_id, address_key=address_key, scope=SuppressionScope.LIST, list_id=list_id,
        reason=SuppressionReason.UNSUBSCRIBE, lifted_at=None,
    ).update(lifted_at=now(), lifted_by="the person", lift_reason=reason[:500])


def export_rows(workspace: Workspace) -> Iterator[list[str]]:
    """Heading and rows of what is suppressed now, for a CSV file."""
    yield ["address", "reason", "scope", "source", "created_at"]
    for row in active(workspace).iterator(chunk_size=2000):
        yield [row.address, row.reason, row.scope, row.source, row.created_at.isoformat()]


def _insert(
    workspace_id: UUID,
    items: Sequence[NewSuppression],
    *,
    recipient_id: UUID | None = None,
    created_by: User | None = None,
) -> int:
    rows = sorted({(normalise(i.address), i.scope, str(i.stream_id), str(i.list_id)): i for i in items}.items(),
                  key=lambda pair: pair[0])
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT_SQL,
            {
                "workspace_id": workspace_id, "recipient_id": recipient_id,
                "created_by": created_by.pk if created_by else None, "now": now(),
                "ids": [uuid7() for _ in rows],
                "addresses": [item.address.strip() for _, item in rows],
                "keys": [key[0] for key, _ in rows],
                "reasons": [str(item.reason) for _, item in rows],
                "scopes": [str(item.scope) for _, item in rows],
                "streams": [item.stream_id for _, item in rows],
                "lists": [item.list_id for _, item in rows],
                "sources": [item.source[:500] for _, item in rows],
            },
        )
        return int(cursor.rowcount)


def _check(item: NewSuppression, index: int) -> None:
    _key(item.address, f"{index}.address")
    if item.reason not in SuppressionReason.values:
        raise InputError(f"A reason is one of: {', '.join(SuppressionReason.values)}.", field=f"{index}.reason")
    if item.scope not in SuppressionScope.values:
        raise InputError(f"A scope is one of: {', '.join(SuppressionScope.values)}.", field=f"{index}.scope")
    has_stream, has_list = item.stream_id is not None, item.list_id is not None
    wanted = (item.scope == SuppressionScope.STREAM, item.scope == SuppressionScope.LIST)
    if (has_stream, has_list) != wanted:
        raise InputError("Name the stream for the scope “stream”, the list for the scope “list”.",
                         field=f"{index}.scope")


def _key(address: str, field: str) -> str:
    try:
        return normalise(address.strip())
    except AddressError as exc:
        raise InputError(f"“{address[:80]}” is not an address. {exc.message}", field=field,
                         code="invalid_address") from exc
