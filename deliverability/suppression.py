"""Addresses we will not send to: ask, add, lift.

Scopes (CONTRACT 4): a hard bounce stops everything of a workspace, a complaint one stream, an unsubscribe one
mailing list. A suppressed recipient is accepted and ends `suppressed`; it is never refused. Lifting keeps the
row with who and why. What a cause writes is written in the cause's own transaction, so nothing here opens
one that outlives the caller's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from deliverability import managers
from deliverability.models import Suppression, SuppressionReason, SuppressionScope
from deliverability.surroundings import surroundings
from relayhub.core import audit, formats
from relayhub.core.access import Actor, require
from relayhub.core.clock import now
from relayhub.core.errors import InputError
from relayhub.core.ids import uuid7
from relayhub.core.models import Scope, User
from relayhub.protocol.address import AddressError, normalise

MAX_AT_ONCE = 10_000  # CONTRACT 4, `/suppressions`
NOT_AN_ADDRESS = gettext_noop("This is not an address.")
#: What `lifted_by` says where the person has come back.
THE_PERSON = gettext_noop("the person")

#: For the relay's set-based statements: true where an active suppression stops recipient `r` in its stream.
#: Needs `relay_recipient r`; list scopes are the relay's to add, for it knows a broadcast's lists.
ACTIVE_FOR_RECIPIENT_SQL = """EXISTS (
      SELECT 1 FROM deliverability_suppression sup
      WHERE sup.workspace_id = r.workspace_id AND sup.address_key = r.address_key AND sup.lifted_at IS NULL
        AND (sup.scope = 'workspace' OR (sup.scope = 'stream' AND sup.stream_id = r.stream_id)))"""

#: The strongest active suppression of each key of `%(keys)s` in `%(workspace_id)s`.
_AMONG_SQL = """
SELECT DISTINCT ON (sup.address_key) sup.address_key, sup.id, sup.reason, sup.scope, sup.stream_id,
  sup.list_id, sup.source, sup.created_at
FROM deliverability_suppression sup
WHERE sup.workspace_id = %(workspace_id)s AND sup.address_key = ANY(%(keys)s::text[])
  AND sup.lifted_at IS NULL
  AND (sup.scope = 'workspace'
    OR (sup.scope = 'stream' AND sup.stream_id = %(stream_id)s::uuid)
    OR (sup.scope = 'list' AND sup.list_id = ANY(%(list_ids)s::uuid[])))
ORDER BY sup.address_key, CASE sup.scope WHEN 'workspace' THEN 0 WHEN 'stream' THEN 1 ELSE 2 END, sup.id
"""

#: A complaint outweighs whatever stood in the same scope before; otherwise the first reason stands.
_INSERT_SQL = """
INSERT INTO deliverability_suppression (id, workspace_id, address, address_key, reason, scope, stream_id,
  list_id, source, recipient_id, created_by_id, created_at, lifted_by, lift_reason)
SELECT t.id, %(workspace_id)s, t.address, t.address_key, t.reason, t.scope, t.stream_id, t.list_id, t.source,
  %(recipient_id)s, %(created_by)s, %(now)s, '', ''
FROM unnest(%(ids)s::uuid[], %(addresses)s::text[], %(keys)s::text[], %(reasons)s::text[], %(scopes)s::text[],
  %(stream_ids)s::uuid[], %(list_ids)s::uuid[], %(sources)s::text[])
  AS t(id, address, address_key, reason, scope, stream_id, list_id, source)
ON CONFLICT (workspace_id, address_key, scope, stream_id, list_id) WHERE lifted_at IS NULL
DO UPDATE SET reason = excluded.reason, source = excluded.source, recipient_id = excluded.recipient_id
  WHERE excluded.reason = 'complaint' AND deliverability_suppression.reason <> 'complaint'
RETURNING id, address_key, scope
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class SuppressionHit:
    """Why one address is not to be written to: the widest scope that applies."""

    suppression_id: UUID
    address_key: str
    reason: str
    scope: str
    stream_id: UUID | None
    list_id: UUID | None
    source: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class NewSuppression:
    """One address to suppress, as a person or program says it."""

    address: str
    reason: str = SuppressionReason.MANUAL.value
    scope: str = SuppressionScope.WORKSPACE.value
    stream_id: UUID | None = None
    list_id: UUID | None = None
    source: str = ""

    @property
    def has_target(self) -> bool:
        """Whether it names a stream or a mailing list."""
        return self.stream_id is not None or self.list_id is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """An entry that was not taken; `position` counts from 1."""

    position: int
    address: str
    message: str


@dataclass(frozen=True, kw_only=True)
class ManyResult:
    """What adding many came to; the three add up to what was given."""

    added: int
    already: int
    rejected: tuple[Rejected, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """The answer of `check` for one address."""

    address: str
    is_valid: bool
    hit: SuppressionHit | None

    @property
    def is_suppressed(self) -> bool:
        """Whether mail to it would end suppressed."""
        return self.hit is not None


# -- asking --------------------------------------------------------------------------------------------------


def suppressed_among(
    workspace_id: UUID, keys: Iterable[str], *, stream_id: UUID | None = None, list_ids: Iterable[UUID] = ()
) -> dict[str, SuppressionHit]:
    """Of these address keys, those not to be written to in this stream and on these lists; one query."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            _AMONG_SQL,
            {
                "workspace_id": workspace_id, "keys": wanted, "stream_id": stream_id,
                "list_ids": list(list_ids),
            },
        )
        rows = cursor.fetchall()
    return {
        row[0]: SuppressionHit(
            address_key=row[0], suppression_id=row[1], reason=row[2], scope=row[3], stream_id=row[4],
            list_id=row[5], source=row[6], created_at=row[7],
        )
        for row in rows
    }


def check(
    workspace_id: UUID, addresses: Sequence[str], *, stream_id: UUID | None = None,
    list_ids: Iterable[UUID] = (),
) -> list[Checked]:
    """What would become of mail to each address, in the order given."""
    if len(addresses) > MAX_AT_ONCE:
        raise InputError(_at_most(), field="addresses")
    keys = [_key(address) for address in addresses]
    hits = suppressed_among(
        workspace_id, [key for key in keys if key], stream_id=stream_id, list_ids=list_ids
    )
    return [
        Checked(address=address, is_valid=bool(key), hit=hits.get(key))
        for address, key in zip(addresses, keys, strict=True)
    ]


def rows_for_address(workspace_id: UUID, address: str) -> list[Suppression]:
    """Active rows of every scope for an address; none where the text is no address."""
    key = _key(address)
    return list(managers.suppressions_of(workspace_id, [key])) if key else []


# -- adding --------------------------------------------------------------------------------------------------


def suppress(
    workspace_id: UUID, address: str, *, reason: str, scope: str, stream_id: UUID | None = None,
    list_id: UUID | None = None, source: str = "", recipient_id: UUID | None = None,
    created_by: User | None = None,
) -> Suppression | None:
    """Stop mail to an address in one scope, in the caller's transaction; repeating it changes nothing.

    Returns the row that stands; None where the text is no address. Raises InputError where the scope's
    target is missing.
    """
    entry = NewSuppression(
        address=address, reason=str(reason), scope=str(scope), stream_id=stream_id, list_id=list_id,
        source=source,
    )
    problem = _problem(entry)
    if problem:
        raise InputError(problem, field="scope")
    key = _key(address)
    if not key:
        return None
    _insert(workspace_id, [(key, entry)], recipient_id=recipient_id, created_by=created_by)
    return Suppression.objects.get(
        workspace_id=workspace_id, address_key=key, scope=str(scope), stream_id=stream_id, list_id=list_id,
        lifted_at__isnull=True,
    )


def suppress_many(actor: Actor, entries: Sequence[NewSuppression], *, source: str = "") -> ManyResult:
    """Add up to 10,000 at once, in one transaction with the audit entry; what is wrong is named."""
    require(actor, Scope.SUPPRESSIONS_WRITE)
    if len(entries) > MAX_AT_ONCE:
        raise InputError(_at_most(), field="addresses")
    with transaction.atomic():
        result = _add(actor, entries, source or f"added by {actor.label}", first_position=1)
        audit.record(
            actor, "suppression.added", "suppression", "", summary=_summary(result),
            after=_first(entries, result),
        )
    return result


def add_batch(
    actor: Actor, entries: Sequence[NewSuppression], *, source: str, first_position: int
) -> ManyResult:
    """Add a part of a larger work in the caller's transaction; who does that writes the audit entry."""
    require(actor, Scope.SUPPRESSIONS_WRITE)
    return _add(actor, entries, source, first_position=first_position)


def _add(actor: Actor, entries: Sequence[NewSuppression], source: str, *, first_position: int) -> ManyResult:
    taken: dict[tuple[str, str, UUID | None, UUID | None], tuple[str, NewSuppression]] = {}
    rejected: list[Rejected] = []
    known = known_targets(actor.workspace.pk, entries)
    for position, entry in enumerate(entries, first_position):
        key, problem = _key(entry.address), problem_of(entry, known)
        if not key or problem:
            message = problem or _(NOT_AN_ADDRESS)
            rejected.append(Rejected(position=position, address=entry.address[:320], message=message))
            continue
        named = entry if entry.source else replace(entry, source=source)
        taken.setdefault((key, entry.scope, entry.stream_id, entry.list_id), (key, named))
    added = len(_insert(actor.workspace.pk, list(taken.values()), recipient_id=None, created_by=actor.user))
    return ManyResult(
        added=added, already=len(entries) - len(rejected) - added, rejected=tuple(rejected)
    )


def _insert(
    workspace_id: UUID, entries: Sequence[tuple[str, NewSuppression]], *, recipient_id: UUID | None,
    created_by: User | None,
) -> list[tuple[str, UUID]]:
    """Insert in key order, so that two writers never wait for each other in a circle; key and row of those changed."""
    ordered = sorted(entries, key=lambda item: (item[0], item[1].scope))
    if not ordered:
        return []
    given = [entry for _, entry in ordered]
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT_SQL,
            {
                "workspace_id": workspace_id, "ids": [uuid7() for _ in given],
                "addresses": [entry.address.strip()[:320] for entry in given],
                "keys": [key for key, _ in ordered], "reasons": [entry.reason for entry in given],
                "scopes": [entry.scope for entry in given],
                "stream_ids": [entry.stream_id for entry in given],
                "list_ids": [entry.list_id for entry in given],
                "sources": [entry.source[:500] for entry in given], "recipient_id": recipient_id,
                "created_by": created_by.pk if created_by else None, "now": now(),
            },
        )
        return [(str(row[1]), row[0]) for row in cursor.fetchall()]


def suppress_known(
    workspace_id: UUID, addresses: Mapping[str, str], *, reason: str, list_id: UUID | None = None, source: str,
    created_by: User | None,
) -> dict[str, UUID]:
    """Stop mail to addresses whose keys are known (key -> address), of one list or of the workspace; in the caller's
    transaction.

    Returns key -> row of those that were not stopped so before. Who may ask for it is the caller's to check.
    """
    scope = SuppressionScope.LIST if list_id is not None else SuppressionScope.WORKSPACE
    entries = [
        (key, NewSuppression(address=address, reason=reason, scope=scope.value, list_id=list_id, source=source))
        for key, address in addresses.items()
    ]
    return dict(_insert(workspace_id, entries, recipient_id=None, created_by=created_by))


def lift_rows(workspace_id: UUID, ids: Iterable[UUID], *, lifted_by: str, reason: str) -> int:
    """End those of the rows that still stand, in the caller's transaction; how many. The caller checks and logs."""
    return managers.active_suppressions(workspace_id).filter(pk__in=list(ids)).update(
        lifted_at=now(), lifted_by=lifted_by[:300], lift_reason=reason[:500]
    )


# -- lifting -------------------------------------------------------------------------------------------------


def lift(actor: Actor, row: Suppression, *, reason: str) -> bool:
    """Let mail go again, with a reason that is kept; False where somebody had lifted it before."""
    require(actor, Scope.SUPPRESSIONS_WRITE)
    text = " ".join(reason.split())
    if not text:
        raise InputError(_("Say why it may be written to again."), field="reason")
    with transaction.atomic():
        lifted = managers.active_suppressions(actor.workspace.pk).filter(pk=row.pk).update(
            lifted_at=now(), lifted_by=actor.label[:300], lift_reason=text[:500]
        )
        if lifted:
            audit.record(
                actor, "suppression.lifted", "suppression", row.public_id, summary=text,
                before={"address": row.address, "reason": row.reason, "scope": row.scope},
            )
    return bool(lifted)


def lift_many(actor: Actor, rows: Sequence[Suppression], *, reason: str) -> int:
    """Lift several for one reason, all or none; how many were still active."""
    with transaction.atomic():
        return sum(lift(actor, row, reason=reason) for row in rows)


def restore(actor: Actor, row: Suppression) -> bool:
    """Undo a lift: the address is suppressed as before; False where it is suppressed anew already."""
    require(actor, Scope.SUPPRESSIONS_WRITE)
    try:
        return _restore(actor, row)
    except IntegrityError:  # suppressed anew in the same instant
        return False


def _restore(actor: Actor, row: Suppression) -> bool:
    with transaction.atomic():
        stands = managers.active_suppressions(actor.workspace.pk).filter(
            address_key=row.address_key, scope=row.scope, stream_id=row.stream_id, list_id=row.list_id
        )
        if stands.select_for_update().exists():
            return False
        lifted = Suppression.objects.filter(
            workspace=actor.workspace, pk=row.pk, lifted_at__isnull=False
        ).update(lifted_at=None, lifted_by="", lift_reason="")
        if lifted:
            audit.record(
                actor, "suppression.restored", "suppression", row.public_id, summary=row.address,
                after={"address": row.address, "reason": row.reason, "scope": row.scope},
            )
    return bool(lifted)


def lift_unsubscribe(workspace_id: UUID, address_key: str, *, list_id: UUID, reason: str) -> int:
    """With a new consent to a list: end what stopped that list, in the caller's transaction."""
    return managers.suppressions_of(workspace_id, [address_key]).filter(
        scope=SuppressionScope.LIST, list_id=list_id
    ).update(lifted_at=now(), lifted_by=THE_PERSON, lift_reason=reason[:500])


# -- reading what is given ------------------------------------------------------------------------------------


def _at_most() -> str:
    return _("At most %(count)s addresses at once.") % {"count": formats.number(MAX_AT_ONCE)}


def _key(address: str) -> str:
    """The address's key, or an empty text where it is none."""
    try:
        return normalise(address.strip())
    except AddressError:
        return ""


def is_address(text: str) -> bool:
    """Whether the text is one address."""
    return bool(_key(text))


def known_targets(workspace_id: UUID, entries: Iterable[NewSuppression]) -> frozenset[UUID]:
    """Of the streams and mailing lists that the entries name those that are the workspace's; two queries at most."""
    named = [entry for entry in entries if entry.has_target]
    if not named:
        return frozenset()
    around = surroundings()
    lists = around.lists_among(workspace_id, {entry.list_id for entry in named if entry.list_id is not None})
    return frozenset(target.id for target in (*around.streams(workspace_id), *lists))


def problem_of(entry: NewSuppression, known: frozenset[UUID]) -> str:
    """What is wrong with an entry beside its address, or an empty text; `known` are the targets there are."""
    problem = _problem(entry)
    if problem or not entry.has_target or (entry.stream_id or entry.list_id) in known:
        return problem
    if entry.stream_id:
        return _("There is no such stream in this workspace.")
    return _("There is no such mailing list in this workspace.")


def _problem(entry: NewSuppression) -> str:
    if entry.reason not in SuppressionReason.values:
        return _("The reason is one of: %(reasons)s.") % {"reasons": ", ".join(SuppressionReason.values)}
    targets = {
        SuppressionScope.WORKSPACE.value: (False, False), SuppressionScope.STREAM.value: (True, False),
        SuppressionScope.LIST.value: (False, True),
    }
    wanted = targets.get(entry.scope)
    if wanted is None:
        return _("The scope is one of: %(scopes)s.") % {"scopes": ", ".join(SuppressionScope.values)}
    if wanted != (entry.stream_id is not None, entry.list_id is not None):
        return _("A scope of stream names a stream, of list a mailing list, of workspace neither.")
    return ""


def _summary(result: ManyResult) -> str:
    return f"{result.added:,} added, {result.already:,} already there, {len(result.rejected):,} refused"


def _first(entries: Sequence[NewSuppression], result: ManyResult) -> dict[str, object]:
    """What the audit log keeps of the entries: a few addresses, and how many."""
    return {"addresses": [entry.address for entry in entries[:20]], "added": result.added}
