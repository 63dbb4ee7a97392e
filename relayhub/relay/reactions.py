"""Hand stored events to other packages as facts, at least once, in order of storing.

`settings.OUTCOME_REACTORS` names functions that take a sequence of `core.facts.OutcomeFact`. Rows of the
outbox are locked while they are told and removed in the same transaction, so a reactor that writes only to
the database is in effect called once; one that fails is called again, with the same facts. Reactors are
idempotent by event id.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string

from relayhub.core.crashpoints import crashpoint
from relayhub.core.facts import EventType, OutcomeFact
from relayhub.relay.managers import OUTBOX_PICK_SQL

log = logging.getLogger(__name__)

Reactor = Callable[[Sequence[OutcomeFact]], None]

FACTS_A_BATCH = 1000

_FACTS_SQL = """
SELECT e.id, e.workspace_id, e.stream_id, e.message_id, e.recipient_id, e.broadcast_id, e.contact_id,
  coalesce(r.address, ''), e.type, e.at, e.reply, e.detail
FROM relay_event e LEFT JOIN relay_recipient r ON r.id = e.recipient_id
WHERE e.id = ANY(%s) ORDER BY e.at, e.id
"""
_DONE_SQL = "DELETE FROM relay_reactionoutbox WHERE id = ANY(%s)"


def reactors() -> list[Reactor]:
    """The functions that hear of events, in order."""
    return [import_string(name) for name in settings.OUTCOME_REACTORS]


def react(*, batches: int = 20) -> int:
    """Tell up to `batches` batches of facts; returns how many facts were told."""
    told = 0
    for _ in range(batches):
        count = react_once()
        told += count
        if count < FACTS_A_BATCH:
            break
    return told


def react_once() -> int:
    """Tell one batch of facts and forget it, all in one transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(OUTBOX_PICK_SQL, {"limit": FACTS_A_BATCH})
        picked = cursor.fetchall()
        if not picked:
            return 0
        facts = facts_of([event_id for _, event_id in picked])
        for reactor in reactors():
            reactor(facts)
        crashpoint("reaction_before_done")
        cursor.execute(_DONE_SQL, [[row_id for row_id, _ in picked]])
    return len(picked)


def facts_of(event_ids: Sequence[UUID]) -> list[OutcomeFact]:
    """Stored events as facts, oldest first."""
    from json import loads

    with connection.cursor() as cursor:
        cursor.execute(_FACTS_SQL, [list(event_ids)])
        rows = cursor.fetchall()
    return [
        OutcomeFact(
            event_id=row[0],
            workspace_id=row[1],
            stream_id=row[2],
            message_id=row[3],
            recipient_id=row[4],
            broadcast_id=row[5],
            contact_id=row[6],
            address=row[7],
            type=EventType(row[8]),
            at=row[9],
            reply=loads(row[10]) if isinstance(row[10], str) else row[10],
            detail=loads(row[11]) if isinstance(row[11], str) else row[11] or {},
        )
        for row in rows
    ]
