"""One batch of an undone import by a handful of set-based statements, in the caller's transaction.

The same walk serves the count that is shown before and the undo itself: contacts that the import made, values that
it overwrote, places on the list that it gave. What it made is found by the time in the ids, so no row had to be
written for it. Nothing that a person did since is taken back: such contacts are kept, with the reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from campaigns.contacts import delete_rows
from campaigns.models import Broadcast, BroadcastStatus, ContactImport, KeptReason
from relayhub.core.clock import now
from relayhub.core.ids import uuid7_floor
from relayhub.core.planning import planned

#: How far the clocks of two hosts may be apart.
_CLOCKS_DIFFER_BY = timedelta(minutes=2)
#: The subscription `s` is as the import made it: the person neither confirmed nor left.
_UNTOUCHED = "(s.status = 'unconfirmed' OR (s.status = 'confirmed' AND s.confirmed_at = s.created_at))"

_CREATED_SQL = """SELECT id FROM campaigns_contact WHERE workspace_id = %(workspace)s AND id > %(last)s
 AND id < %(end)s AND source = %(source)s ORDER BY id LIMIT %(limit)s"""
#: Why a contact that the import made stays; the first reason that applies, "" where it goes.
_REASON_SQL = f"""SELECT c.id, CASE
 WHEN EXISTS (SELECT 1 FROM relay_recipient r WHERE r.workspace_id = c.workspace_id
   AND r.address_key = c.email_key AND r.id >= %(begin)s) THEN '{KeptReason.WRITTEN_TO}'
 WHEN EXISTS (SELECT 1 FROM campaigns_broadcastaudience a WHERE a.broadcast_id = ANY(%(launching)s)
   AND a.contact_id = c.id AND a.left_out = '') THEN '{KeptReason.WRITTEN_TO}'
 WHEN EXISTS (SELECT 1 FROM campaigns_subscription s WHERE s.contact_id = c.id AND s.import_id = %(import)s
   AND NOT {_UNTOUCHED}) THEN '{KeptReason.ANSWERED}'
 WHEN EXISTS (SELECT 1 FROM campaigns_subscription s WHERE s.contact_id = c.id
   AND s.import_id IS DISTINCT FROM %(import)s) THEN '{KeptReason.OTHER_LIST}'
 WHEN c.updated_at <> c.created_at THEN '{KeptReason.CHANGED}'
 ELSE '' END
 FROM campaigns_contact c WHERE c.id = ANY(%(ids)s) ORDER BY c.id"""

_BEFORE_SQL = """SELECT id, contact_id FROM campaigns_importbefore WHERE contact_import_id = %(import)s
 AND id > %(last)s ORDER BY id LIMIT %(limit)s"""
#: What each overwritten contact would become: values that are still the import's go back, newer ones stay. Those that
#: are what they were before, as an undo that was stopped left them, are neither.
_VALUES_SQL = """SELECT c.id, n.is_ours AS name_back, b.before->>'name' AS name,
 l.is_ours AS language_back, b.before->>'language' AS language, v.keys, v.old,
 (n.is_ours OR l.is_ours OR v.keys <> '{}') AS restores,
 (jsonb_exists(b.after, 'name') AND NOT n.is_ours AND c.name <> b.before->>'name')
   OR (jsonb_exists(b.after, 'language') AND NOT l.is_ours AND c.language <> b.before->>'language')
   OR v.newer AS keeps
 FROM campaigns_importbefore b JOIN campaigns_contact c ON c.id = b.contact_id
 CROSS JOIN LATERAL (SELECT jsonb_exists(b.after, 'name') AND c.name = b.after->>'name' AS is_ours) n
 CROSS JOIN LATERAL (
   SELECT jsonb_exists(b.after, 'language') AND c.language = b.after->>'language' AS is_ours
 ) l
 CROSS JOIN LATERAL (
   SELECT coalesce(array_agg(k) FILTER (WHERE c.fields->k = value), '{}') AS keys,
     coalesce(jsonb_object_agg(k, b.before->'fields'->k)
       FILTER (WHERE c.fields->k = value AND jsonb_exists(b.before->'fields', k)), '{}') AS old,
     coalesce(bool_or(c.fields->k IS DISTINCT FROM value AND c.fields->k IS DISTINCT FROM b.before->'fields'->k),
       false) AS newer
   FROM jsonb_each(b.after->'fields') e(k, value)
 ) v
 WHERE b.contact_import_id = %(import)s AND b.id = ANY(%(ids)s)"""

_JOINED_SQL = """SELECT id FROM campaigns_subscription WHERE id > %(last)s AND id < %(end)s
 AND workspace_id = %(workspace)s AND import_id = %(import)s ORDER BY id LIMIT %(limit)s"""
_TAKE_OFF_SQL = f"""WITH gone AS (
 DELETE FROM campaigns_subscription s WHERE s.id = ANY(%(ids)s) AND {_UNTOUCHED}
 RETURNING contact_id, mailing_list_id, status, created_at, confirmed_at, confirmation_sent_at)
 INSERT INTO campaigns_consententry
 (id, contact_id, mailing_list_id, action, channel, source, user_agent, detail, at)
 SELECT rh_uuid7(), contact_id, mailing_list_id, 'removed', %(channel)s, %(words)s, '',
 %(detail)s::jsonb || jsonb_build_object('was', jsonb_build_object('status', status, 'created_at', created_at,
 'confirmed_at', confirmed_at, 'confirmation_sent_at', confirmation_sent_at)), %(now)s FROM gone"""


@dataclass(frozen=True, kw_only=True)
class Undo:
    """What is undone, or only counted, and the words it leaves behind."""

    row: ContactImport
    is_count: bool
    #: Who undoes it, and through what: kept in the consent history of those who stay.
    by: str
    channel: str

    @property
    def parameters(self) -> dict[str, Any]:
        """What the statements name: the import, and the ids of the time in which it ran."""
        job = self.row.job
        return {
            "import": self.row.pk, "workspace": self.row.workspace_id, "source": f"import {self.row.public_id}",
            "begin": uuid7_floor(job.created_at), "end": uuid7_floor((job.finished_at or now()) + _CLOCKS_DIFFER_BY),
        }

    def start_of(self, phase: str) -> str:
        """The id that a phase begins behind."""
        return "0" if phase == "values" else str(uuid7_floor(self.row.job.created_at - _CLOCKS_DIFFER_BY))


@dataclass(kw_only=True)
class Part:
    """What one batch came to; `seen` rows were looked at, and the next batch begins behind `last`."""

    seen: int
    last: str
    counts: dict[str, int]


def contacts(cursor: Any, undo: Undo, last: str, limit: int) -> Part | None:
    """Remove contacts that the import made and nobody touched since; None where there are no more."""
    ids = _ids(cursor, _CREATED_SQL, undo, UUID(last), limit)
    if not ids:
        return None
    launching = Broadcast.objects.filter(workspace=undo.row.workspace_id, status=BroadcastStatus.EXPANDING)
    cursor.execute(
        _REASON_SQL, undo.parameters | {"ids": ids, "launching": list(launching.values_list("pk", flat=True))}
    )
    reasons = cursor.fetchall()
    going = [contact_id for contact_id, reason in reasons if not reason]
    kept = [(contact_id, reason) for contact_id, reason in reasons if reason]
    counts = {"removed": len(going), "kept": len(kept)}
    for _, reason in kept:
        counts[reason] = counts.get(reason, 0) + 1
    _note_kept(cursor, undo, kept)
    seen = len(ids)
    if not undo.is_count and going:
        cursor.execute("SELECT count(*) FROM campaigns_subscription WHERE contact_id = ANY(%s)", [going])
        counts["taken_off"] = cursor.fetchone()[0]
        seen += counts["taken_off"]
        delete_rows(going)
    return Part(seen=seen, last=str(ids[-1]), counts=counts)


def values(cursor: Any, undo: Undo, last: str, limit: int) -> Part | None:
    """Give values back what they were before the import, unless they changed again since."""
    cursor.execute(_BEFORE_SQL, {"import": undo.row.pk, "last": int(last), "limit": limit})
    rows = cursor.fetchall()
    if not rows:
        return None
    given = {"import": undo.row.pk, "ids": [row[0] for row in rows]}
    if not undo.is_count:
        cursor.execute(
            "SELECT 1 FROM campaigns_contact WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            [[row[1] for row in rows]],
        )
    cursor.execute(f"SELECT id, restores, keeps FROM ({_VALUES_SQL}) found", given)
    found = cursor.fetchall()
    newer = [(contact_id, KeptReason.VALUE_CHANGED) for contact_id, _, keeps in found if keeps]
    if not undo.is_count:
        cursor.execute(
            "UPDATE campaigns_contact c SET name = CASE WHEN v.name_back THEN v.name ELSE c.name END,"
            " language = CASE WHEN v.language_back THEN v.language ELSE c.language END,"
            f" fields = (c.fields - v.keys) || v.old, updated_at = %(now)s FROM ({_VALUES_SQL}) v"
            " WHERE c.id = v.id AND v.restores",
            given | {"now": now()},
        )
    _note_kept(cursor, undo, newer)
    counts = {"restored": sum(1 for _, restores, _ in found if restores), "values_kept": len(newer)}
    return Part(seen=len(rows), last=str(rows[-1][0]), counts=counts)


def places(cursor: Any, undo: Undo, last: str, limit: int) -> Part | None:
    """Take off the list whom the import put there, unless they confirmed or left by themselves since."""
    ids = _ids(cursor, _JOINED_SQL, undo, UUID(last), limit)
    if not ids:
        return None
    cursor.execute(
        f"SELECT contact_id FROM campaigns_subscription s WHERE s.id = ANY(%s) AND NOT {_UNTOUCHED}", [ids]
    )
    answered = [(contact_id, KeptReason.ANSWERED) for (contact_id,) in cursor.fetchall()]
    if not undo.is_count:
        cursor.execute(_TAKE_OFF_SQL, {
            "ids": ids, "channel": undo.channel, "words": f"undo of import {undo.row.public_id} by {undo.by}"[:500],
            "detail": json.dumps({"import": undo.row.public_id}), "now": now(),
        })
    _note_kept(cursor, undo, answered)
    counts = {"taken_off": len(ids) - len(answered), "places_kept": len(answered)}
    return Part(seen=len(ids), last=str(ids[-1]), counts=counts)


def _ids(cursor: Any, sql: str, undo: Undo, last: UUID, limit: int) -> Sequence[UUID]:
    """The next ids along the index. What was just imported is in no statistics yet, so that the planner would
    expect a row or none and read the whole table for every batch."""
    lock = "" if undo.is_count else " FOR UPDATE"
    with planned(enable_seqscan="off", enable_bitmapscan="off", enable_sort="off"):
        cursor.execute(sql + lock, undo.parameters | {"last": last, "limit": limit})
        return [row[0] for row in cursor.fetchall()]


def _note_kept(cursor: Any, undo: Undo, kept: Iterable[tuple[UUID, str]]) -> None:
    pairs = list(kept)
    if pairs:
        cursor.execute(
            "INSERT INTO campaigns_importkept (contact_import_id, contact_id, reason)"
            " SELECT %s, k, r FROM unnest(%s::uuid[], %s::text[]) AS t(k, r) ON CONFLICT DO NOTHING",
            [undo.row.pk, [pair[0] for pair in pairs], [str(pair[1]) for pair in pairs]],
        )
