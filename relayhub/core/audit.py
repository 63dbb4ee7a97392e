"""Write and check the append-only audit log.

Entries of a workspace form a chain: each holds the hash of the one before, so a removed or changed row
shows. Writers of one workspace queue on a transaction-scoped advisory lock for the length of one insert.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from relayhub.core import live_feed
from relayhub.core.access import Actor
from relayhub.core.errors import ConflictError
from relayhub.core.ids import derived_uuid7, uuid7_floor
from relayhub.core.models import AuditEntry, Workspace

_LOCK_CLASS = 0x5248  # "RH": our advisory locks of this kind
_MASK = "••••"
#: From each kind to the next one: the database would read every entry for a DISTINCT.
_KINDS_SQL = """
WITH RECURSIVE kind(name) AS (
  SELECT min(object_type) FROM core_auditentry WHERE workspace_id = %(workspace)s
  UNION ALL
  SELECT (SELECT min(object_type) FROM core_auditentry WHERE workspace_id = %(workspace)s AND object_type > kind.name)
  FROM kind WHERE kind.name IS NOT NULL
)
SELECT name FROM kind WHERE name IS NOT NULL ORDER BY name
"""
_SECRET_WORDS = ("secret", "password", "token", "private", "api_key", "authorization")


def record(
    actor: Actor,
    action: str,
    object_type: str,
    object_id: str,
    *,
    summary: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Append one entry in the caller's transaction (or in one of its own)."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK_CLASS, str(actor.workspace.pk)]
            )
        last = AuditEntry.objects.filter(workspace=actor.workspace).order_by("-id").first()
        entry = AuditEntry(
            workspace=actor.workspace,
            user=actor.user,
            actor=actor.label[:300],
            ip=actor.ip,
            action=action,
            object_type=object_type,
            object_id=object_id,
            summary=summary[:500],
            before=_masked(before or {}),
            after=_masked(after or {}),
            previous_hash=last.entry_hash if last else "",
        )
        if last is not None and entry.id <= last.id:
            # Written by a host whose clock is behind: the chain is in the order of the ids.
            entry.id = UUID(int=last.id.int + 1)
        entry.entry_hash = _hash(entry)
        entry.save(force_insert=True)
    live_feed.announce(actor.workspace.pk)
    return entry


@dataclass(frozen=True, kw_only=True)
class PastEntry:
    """One entry of a story about the past."""

    at: datetime
    actor: str
    action: str
    object_type: str
    object_id: str
    summary: str = ""
    after: Mapping[str, Any] = field(default_factory=dict)


def record_past(workspace: Workspace, told: Iterable[PastEntry]) -> None:
    """Write the past of an invented workspace into its empty log, as one whole chain in the order of the times.

    ConflictError where anything was recorded already: a chain only ever grows at its end.
    """
    with transaction.atomic():
        if AuditEntry.objects.filter(workspace=workspace).exists():
            raise ConflictError("This workspace has an audit log already.")
        made: list[AuditEntry] = []
        for number, entry in enumerate(sorted(told, key=lambda entry: entry.at)):
            # A millisecond apart each, for the chain is in the order of the ids.
            at = max(entry.at, made[-1].at + timedelta(milliseconds=1)) if made else entry.at
            row = AuditEntry(
                id=derived_uuid7(uuid7_floor(at), workspace.pk, number), at=at, workspace=workspace,
                actor=entry.actor[:300], action=entry.action, object_type=entry.object_type,
                object_id=entry.object_id, summary=entry.summary[:500], after=_masked(entry.after),
                previous_hash=made[-1].entry_hash if made else "",
            )
            row.entry_hash = _hash(row)
            made.append(row)
        AuditEntry.objects.bulk_create(made)


def entries(
    workspace: Workspace, *, text: str = "", kind: str = "", since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[AuditEntry]:
    """A workspace's entries: of one kind of object (`domain`, `key`), with a word in who, what or which."""
    found = AuditEntry.objects.filter(workspace=workspace)
    words = text.strip()[:200].replace("\0", "")
    if words:
        found = found.filter(
            Q(actor__icontains=words) | Q(action__icontains=words) | Q(summary__icontains=words) | Q(object_id=words)
        )
    if kind:
        found = found.filter(object_type=kind[:40].replace("\0", ""))
    # The id is made in the same moment as the entry and has the index.
    if since is not None:
        found = found.filter(pk__gte=uuid7_floor(since))
    if until is not None:
        found = found.filter(pk__lt=uuid7_floor(until))
    return found


def kinds(workspace: Workspace) -> list[str]:
    """The kinds of objects that the workspace's log speaks of, sorted; one look at the index for each."""
    with connection.cursor() as cursor:
        cursor.execute(_KINDS_SQL, {"workspace": workspace.pk})
        return [kind for (kind,) in cursor.fetchall()]


def first_broken_link(workspace: Workspace) -> AuditEntry | None:
    """The first entry whose hash or predecessor does not fit, or None while the chain is whole."""
    return first_misfit(AuditEntry.objects.filter(workspace=workspace).order_by("id").iterator())


def first_misfit(entries: Iterable[AuditEntry], previous: str = "") -> AuditEntry | None:
    """The same of a part of the chain, in its order, that follows an entry with the hash `previous`."""
    for entry in entries:
        if entry.previous_hash != previous or entry.entry_hash != _hash(entry):
            return entry
        previous = entry.entry_hash
    return None


def _hash(entry: AuditEntry) -> str:
    body = json.dumps(
        [
            str(entry.id), str(entry.workspace_id), entry.actor, entry.action, entry.object_type,
            entry.object_id, entry.summary, entry.before, entry.after, entry.previous_hash,
        ],
        sort_keys=True, ensure_ascii=False,
    )
    return hashlib.sha256(body.encode()).hexdigest()


def _masked(values: Mapping[str, Any]) -> dict[str, Any]:
    plain = json.loads(json.dumps(dict(values), default=str))
    return {
        key: _MASK if any(word in key.lower() for word in _SECRET_WORDS) else value
        for key, value in plain.items()
    }
