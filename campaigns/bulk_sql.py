"""The parts of acts on many contacts that no other service has: a field's value for all, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from campaigns.models import BulkAct
from relayhub.core.clock import now

#: Only those whose value differs are changed; what it was is kept. `value` NULL takes the field away.
_SET_SQL = """
WITH old AS (
  SELECT id, fields -> %(key)s AS was FROM campaigns_contact
  WHERE workspace_id = %(workspace)s AND id = ANY(%(ids)s) AND fields -> %(key)s IS DISTINCT FROM %(value)s::jsonb
  ORDER BY id FOR NO KEY UPDATE),
done AS (
  UPDATE campaigns_contact c SET updated_at = %(now)s, fields = CASE WHEN %(value)s::jsonb IS NULL
    THEN c.fields - %(key)s ELSE jsonb_set(c.fields, ARRAY[%(key)s], %(value)s::jsonb) END
  FROM old WHERE c.id = old.id)
INSERT INTO campaigns_bulkchange (act_id, contact_id, before)
SELECT %(act)s, id, CASE WHEN was IS NULL THEN '{}'::jsonb ELSE jsonb_build_object('value', was) END FROM old"""

#: Whoever got another value since then keeps it.
_RESTORE_SQL = """
UPDATE campaigns_contact c SET updated_at = %(now)s, fields = CASE WHEN jsonb_exists(b.before, 'value')
  THEN jsonb_set(c.fields, ARRAY[%(key)s], b.before -> 'value') ELSE c.fields - %(key)s END
FROM campaigns_bulkchange b
WHERE b.act_id = %(act)s AND b.id = ANY(%(changes)s) AND c.id = b.contact_id AND c.workspace_id = %(workspace)s
  AND c.fields -> %(key)s IS NOT DISTINCT FROM %(value)s::jsonb
  AND EXISTS (SELECT 1 FROM campaigns_fielddefinition f WHERE f.workspace_id = c.workspace_id AND f.key = %(key)s)"""


def set_field(act: BulkAct, ids: Sequence[UUID]) -> int:
    """Set the act's field for these contacts; how many had another value."""
    return _run(_SET_SQL, {**_parameters(act), "ids": list(ids)})


def restore_field(act: BulkAct, change_ids: Sequence[int]) -> int:
    """Give back what these changes of the act replaced, while the field is there; how many had the act's value."""
    return _run(_RESTORE_SQL, {**_parameters(act), "changes": list(change_ids)})


def _parameters(act: BulkAct) -> dict[str, Any]:
    return {
        "workspace": act.workspace_id, "act": act.pk, "key": act.field_key, "now": now(),
        "value": None if act.value is None else json.dumps(act.value),
    }


def _run(sql: str, parameters: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.rowcount)
