"""Apply one batch of import rows by a handful of set-based statements, in the caller's transaction.

Rows are checked in Python (address, values), copied into a temporary table, and joined from there:
first row of an address wins, existing contacts are merged, new ones made, states on the list left alone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import connection

from campaigns import column_answers, column_values, import_noes
from campaigns.column_answers import Answer
from campaigns.column_guess import LANGUAGE, NAME, NAME_PARTS
from campaigns.contacts import MAX_NAME
from campaigns.csv_reader import MAX_COLUMNS, Row
from campaigns.fields import checked_value
from campaigns.import_columns import OWN_TARGETS
from campaigns.models import ContactImport, FieldType, ImportReject, LeftOffReason, OptIn, SubscriptionStatus
from campaigns.subscriptions import LEFT_BEFORE_SQL
from relayhub.core.clock import now
from relayhub.core.errors import InputError
from relayhub.core.languages import checked_tag
from relayhub.protocol.address import AddressError, parse_addr_spec

#: How many new, changed and unchanged contacts a dry run shows, of each.
SAMPLES = 50
#: How many values that mean neither yes nor no are counted apart.
UNCLEAR_VALUES = 20
_LOCK_CLASS = 0x494D  # "IM": our advisory locks of this kind


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Where each cell goes, worked out once a run."""

    email_index: int
    #: The columns whose cells make the name, in order.
    name_indexes: tuple[int, ...]
    language_index: int | None
    #: (column, field key, field type, how it is written) of every mapped custom field.
    fields: tuple[tuple[int, str, str, str], ...]
    column_count: int
    #: The columns that say who agreed to the list, and who left it.
    agreed_index: int | None
    left_index: int | None

    @property
    def asks_rows(self) -> bool:
        """Whether the rows say who is put on the list."""
        return self.agreed_index is not None or self.left_index is not None

    @classmethod
    def of(cls, row: ContactImport, types: Mapping[str, str]) -> Plan:
        """The plan of an import; fields not known yet (dry run) are of the type they are to be made with."""
        columns = row.dialect["columns"]
        targets = [row.mapping.get(column, "") for column in columns]
        types = {**row.types, **types}

        def index_of(target: str) -> int | None:
            return targets.index(target) if target in targets else None

        return cls(
            email_index=targets.index("email"),
            name_indexes=tuple(targets.index(name) for name in (NAME, *NAME_PARTS) if name in targets),
            language_index=index_of(LANGUAGE),
            fields=tuple(
                (index, target, types.get(target, FieldType.TEXT), row.formats.get(columns[index], ""))
                for index, target in enumerate(targets)
                if target and target not in OWN_TARGETS
            ),
            column_count=len(targets),
            agreed_index=index_of(column_answers.AGREED), left_index=index_of(column_answers.LEFT),
        )


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A row that can be applied."""

    number: int
    email: str
    email_key: str
    name: str
    language: str
    fields: dict[str, Any]
    answer: Answer
    #: The cell that the answer is from, and its row: a no may stand in another one of the address.
    said: str
    said_in: int


@dataclass(kw_only=True)
class Outcome:
    """What a batch came to."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    #: Contacts put on the list.
    joined: int = 0
    #: Of a dry run: known contacts that get nothing all the same, having left the list or being suppressed.
    not_written_to: int = 0
    #: Those whom the file does not let onto the list, by reason.
    not_joined: dict[str, int] = field(default_factory=dict)
    #: Values that mean neither yes nor no -> rows.
    unclear_values: Counter[str] = field(default_factory=Counter)
    samples: list[dict[str, Any]] = field(default_factory=list)


def apply(run: ContactImport, plan: Plan, batch: list[Row]) -> Outcome:
    """Apply the batch; the parts of the outcome add up to its length."""
    accepted: dict[str, Accepted] = {}
    rejects: list[ImportReject] = []
    for row in batch:
        _sort_in(run, plan, row, accepted, rejects)
    for key, first in _seen_before(run, accepted).items():
        rejects.append(_reject(run, accepted.pop(key), first))
    if plan.asks_rows and run.mailing_list is not None:
        _let_noes_win(accepted)
    outcome = Outcome(rejected=len(rejects))
    ImportReject.objects.bulk_create(rejects, batch_size=1000)
    outcome.unclear_values.update(found.said for found in accepted.values() if found.answer == Answer.UNCLEAR)
    if accepted:
        with connection.cursor() as cursor:
            _copy(cursor, accepted.values())
            if run.is_dry_run:
                _preview(cursor, run, outcome)
            else:
                _write(cursor, run, outcome)
            if plan.asks_rows and run.mailing_list is not None:
                outcome.not_joined = _left_off(cursor, run)
            cursor.execute("DROP TABLE import_rows")
    return outcome


def _sort_in(
    run: ContactImport, plan: Plan, row: Row, accepted: dict[str, Accepted], rejects: list[ImportReject]
) -> None:
    """Put a row among the accepted or the refused."""
    address = row.cells[plan.email_index].strip() if plan.email_index < len(row.cells) else ""
    try:
        found = _checked(plan, row, address)
    except InputError as exc:
        rejects.append(_refusal(run, row, address, exc.code, exc.message))
        return
    twin = accepted.get(found.email_key)
    if twin is None:
        accepted[found.email_key] = found
    else:
        rejects.append(_refusal(run, row, address, "duplicate", f"duplicate of row {twin.number}"))


def _let_noes_win(accepted: dict[str, Accepted]) -> None:
    """Whoever says no in any row of the file has said no, whatever the row that counts says."""
    asked = [key for key, found in accepted.items() if found.answer != Answer.NO]
    for key, no in import_noes.noes_of(asked).items():
        accepted[key] = replace(accepted[key], answer=Answer.NO, said=no.said, said_in=no.row)


def _checked(plan: Plan, row: Row, address: str) -> Accepted:
    if row.fault:
        raise InputError(row.fault, code="unreadable_row")
    if len(row.cells) > MAX_COLUMNS or any(cell.strip() for cell in row.cells[plan.column_count :]):
        raise InputError(
            f"it has {len(row.cells)} cells, the file {plan.column_count} columns", code="too_many_cells"
        )
    if not address:
        raise InputError("no e-mail address", code="no_address")
    try:
        parsed = parse_addr_spec(address)
    except AddressError as exc:
        raise InputError(exc.message, code="invalid_address") from exc
    cells, count = row.cells, len(row.cells)
    values: dict[str, Any] = {}
    for index, key, kind, written in plan.fields:
        cell = cells[index].strip() if index < count else ""
        if not cell:
            continue
        if kind == FieldType.TEXT:
            values[key] = cell.replace("\0", "")
        else:
            values[key] = checked_value(kind, column_values.normal(kind, written, cell), key)
    parts = (cells[index] for index in plan.name_indexes if index < count)
    name = " ".join(" ".join(parts).replace("\0", "").split())
    if len(name) > MAX_NAME:
        raise InputError(f"a name has up to {MAX_NAME} characters, this one {len(name):,}", code="invalid_value")
    language = ""
    if plan.language_index is not None and plan.language_index < count:
        language = checked_tag(cells[plan.language_index].replace("\0", ""))
    answer, said = import_noes.answer_of(plan, row)
    return Accepted(
        number=row.number, email=parsed.spec, email_key=parsed.key, name=name, language=language, fields=values,
        answer=answer, said="" if answer == Answer.YES else said, said_in=row.number,
    )


def _refusal(run: ContactImport, row: Row, address: str, code: str, reason: str) -> ImportReject:
    cells = [cell[:2000].replace("\0", "") for cell in row.cells[:MAX_COLUMNS]]
    return ImportReject(
        contact_import=run, row=row.number, address=address[:400].replace("\0", ""), code=code[:30],
        reason=reason[:500], cells=cells,
    )


def _reject(run: ContactImport, found: Accepted, first: int) -> ImportReject:
    return ImportReject(
        contact_import=run, row=found.number, address=found.email[:400], code="duplicate",
        reason=f"duplicate of row {first}", cells=[found.email, found.name],
    )


def _seen_before(run: ContactImport, accepted: Mapping[str, Accepted]) -> dict[str, int]:
    """Addresses of earlier batches of this file -> their row; the others are noted as seen."""
    if not accepted:
        return {}
    keys = list(accepted)
    numbers = [found.number for found in accepted.values()]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO campaigns_importseen (contact_import_id, email_key, row)"
            " SELECT %s, k, n FROM unnest(%s::text[], %s::bigint[]) AS t(k, n) ORDER BY k"
            " ON CONFLICT DO NOTHING",
            [run.pk, keys, numbers],
        )
        if cursor.rowcount == len(keys):
            return {}
        cursor.execute(
            "SELECT s.email_key, s.row FROM campaigns_importseen s"
            " JOIN unnest(%s::text[], %s::bigint[]) AS t(k, n) ON t.k = s.email_key AND t.n <> s.row"
            " WHERE s.contact_import_id = %s",
            [keys, numbers, run.pk],
        )
        return dict(cursor.fetchall())


def _copy(cursor: Any, rows: Any) -> None:
    cursor.execute(
        "CREATE TEMPORARY TABLE import_rows (row bigint, email text, email_key text, name text, language text,"
        " fields jsonb, answer text, said text, said_in bigint)"
        " ON COMMIT DROP"
    )
    with cursor.copy("COPY import_rows FROM STDIN") as copy:
        for found in rows:
            copy.write_row(
                (found.number, found.email, found.email_key, found.name, found.language,
                 json.dumps(found.fields, ensure_ascii=False), found.answer.value, found.said, found.said_in)
            )


#: A cell that is empty in the file leaves the stored value alone.
_DIFFERS = (
    "((t.name <> '' AND t.name <> c.name) OR (t.language <> '' AND t.language <> c.language)"
    " OR NOT c.fields @> t.fields)"
)


#: What is about to be overwritten, for the undo; locks the contacts. `v` is what differs, field by field.
_KEEP_SQL = f"""
INSERT INTO campaigns_importbefore (contact_import_id, contact_id, before, after)
SELECT %(import)s, c.id,
  CASE WHEN n.name THEN jsonb_build_object('name', c.name) ELSE '{{}}' END
  || CASE WHEN n.language THEN jsonb_build_object('language', c.language) ELSE '{{}}' END
  || jsonb_build_object('fields', v.old),
  CASE WHEN n.name THEN jsonb_build_object('name', t.name) ELSE '{{}}' END
  || CASE WHEN n.language THEN jsonb_build_object('language', t.language) ELSE '{{}}' END
  || jsonb_build_object('fields', v.new)
FROM import_rows t
JOIN campaigns_contact c ON c.workspace_id = %(workspace)s AND c.email_key = t.email_key
CROSS JOIN LATERAL (SELECT t.name <> '' AND t.name <> c.name AS name,
  t.language <> '' AND t.language <> c.language AS language) n
CROSS JOIN LATERAL (
  SELECT coalesce(jsonb_object_agg(k, c.fields->k) FILTER (WHERE jsonb_exists(c.fields, k)), '{{}}') AS old,
    coalesce(jsonb_object_agg(k, value), '{{}}') AS new
  FROM jsonb_each(t.fields) e(k, value) WHERE c.fields->k IS DISTINCT FROM value
) v
WHERE {_DIFFERS} ORDER BY c.id FOR NO KEY UPDATE OF c
"""


def _write(cursor: Any, run: ContactImport, outcome: Outcome) -> None:
    # Batches of two imports into one workspace take turns: they may add the same people, in different orders.
    cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK_CLASS, str(run.workspace_id)])
    moment = now()
    cursor.execute(_KEEP_SQL, {"import": run.pk, "workspace": run.workspace_id})
    outcome.updated = cursor.rowcount
    if outcome.updated:
        cursor.execute(
            "UPDATE campaigns_contact c SET name = CASE WHEN t.name <> '' THEN t.name ELSE c.name END,"
            " language = CASE WHEN t.language <> '' THEN t.language ELSE c.language END,"
            " fields = c.fields || t.fields, updated_at = %s FROM import_rows t"
            f" WHERE c.workspace_id = %s AND c.email_key = t.email_key AND {_DIFFERS}",
            [moment, run.workspace_id],
        )
    cursor.execute(
        "INSERT INTO campaigns_contact"
        " (id, workspace_id, email, email_key, name, fields, language, source, created_at, updated_at)"
        " SELECT rh_uuid7(), %s, email, email_key, name, fields, language, %s, %s, %s FROM import_rows ORDER BY row"
        " ON CONFLICT DO NOTHING",
        [run.workspace_id, f"import {run.public_id}", moment, moment],
    )
    outcome.created = cursor.rowcount
    cursor.execute("SELECT count(*) FROM import_rows")
    outcome.unchanged = cursor.fetchone()[0] - outcome.updated - outcome.created
    outcome.joined = _subscribe(cursor, run, moment)


def _subscribe(cursor: Any, run: ContactImport, moment: Any) -> int:
    """Subscribe those who agreed and have no state on the list, with the import as evidence; how many."""
    mailing_list = run.mailing_list
    if mailing_list is None:
        return 0
    is_single = mailing_list.opt_in == OptIn.SINGLE
    status = SubscriptionStatus.CONFIRMED if is_single else SubscriptionStatus.UNCONFIRMED
    cursor.execute(
        "WITH new AS ("
        " INSERT INTO campaigns_subscription"
        " (id, workspace_id, mailing_list_id, contact_id, status, created_at, confirmed_at, import_id)"
        " SELECT rh_uuid7(), %s, %s, c.id, %s, %s, %s, %s FROM import_rows t"
        " JOIN campaigns_contact c ON c.workspace_id = %s AND c.email_key = t.email_key"
        f" WHERE t.answer = 'yes' AND NOT {LEFT_BEFORE_SQL.replace('%(list)s', '%s')}"
        " ORDER BY c.id FOR KEY SHARE OF c ON CONFLICT DO NOTHING RETURNING contact_id)"
        " INSERT INTO campaigns_consententry"
        " (id, contact_id, mailing_list_id, action, channel, source, user_agent, detail, at)"
        " SELECT rh_uuid7(), contact_id, %s, 'subscribed', 'import', %s, '', %s, %s FROM new",
        [run.workspace_id, mailing_list.pk, status, moment, moment if is_single else None, run.pk, run.workspace_id,
         mailing_list.pk, mailing_list.pk, run.consent_source,
         json.dumps({"import": run.public_id, "file": run.file_name}), moment],
    )
    return int(cursor.rowcount)


#: The place on the list is looked up row by row along its index, whatever the planner takes a new table to hold.
_LEFT_OFF_SQL = f"""
WITH off AS (
  INSERT INTO campaigns_importleftoff (contact_import_id, row, contact_id, email, reason, said)
  SELECT %(import)s, t.said_in, c.id, t.email,
    CASE WHEN place.id IS NULL THEN t.answer ELSE '{LeftOffReason.ON_IT_ALREADY}' END, t.said
  FROM import_rows t
  LEFT JOIN campaigns_contact c ON c.workspace_id = %(workspace)s AND c.email_key = t.email_key
  LEFT JOIN LATERAL (
    SELECT s.id FROM campaigns_subscription s WHERE s.contact_id = c.id AND s.mailing_list_id = %(list)s
    AND s.status <> '{SubscriptionStatus.UNSUBSCRIBED}' LIMIT 1
  ) place ON true
  WHERE t.answer <> '{Answer.YES}' AND (place.id IS NULL OR t.answer = '{Answer.NO}')
  ORDER BY t.said_in RETURNING reason
)
SELECT reason, count(*) FROM off GROUP BY reason
"""


def _left_off(cursor: Any, run: ContactImport) -> dict[str, int]:
    """Keep who is not put on the list by the file's own word, and why; how many of each reason.

    Who is on it already stays: an explicit no of theirs is counted, an empty or unclear cell of theirs is nothing.
    """
    cursor.execute(
        _LEFT_OFF_SQL, {"import": run.pk, "workspace": run.workspace_id, "list": run.mailing_list_id}
    )
    return dict(cursor.fetchall())


def _preview(cursor: Any, run: ContactImport, outcome: Outcome) -> None:
    """Count what an import would do, and keep the first changes to show."""
    cursor.execute(
        f"SELECT count(*) FILTER (WHERE c.id IS NULL), count(*) FILTER (WHERE c.id IS NOT NULL AND {_DIFFERS}),"
        " count(*) FROM import_rows t"
        " LEFT JOIN campaigns_contact c ON c.workspace_id = %s AND c.email_key = t.email_key",
        [run.workspace_id],
    )
    outcome.created, outcome.updated, total = cursor.fetchone()
    outcome.unchanged = total - outcome.created - outcome.updated
    outcome.not_written_to = _not_written_to(cursor, run)
    for kind, condition in (
        ("new", "c.id IS NULL"), ("changed", _DIFFERS), ("unchanged", f"c.id IS NOT NULL AND NOT {_DIFFERS}"),
    ):
        outcome.samples += _samples(cursor, run, kind, condition)


def _samples(cursor: Any, run: ContactImport, kind: str, condition: str) -> list[dict[str, Any]]:
    """The first contacts of one kind, with what they are, what they would be, and their state on the list."""
    cursor.execute(
        "SELECT t.row, t.email, c.name, c.language, c.fields, t.name, t.language, t.fields, s.status,"
        " t.answer FROM import_rows t"
        " LEFT JOIN campaigns_contact c ON c.workspace_id = %s AND c.email_key = t.email_key"
        " LEFT JOIN campaigns_subscription s ON s.contact_id = c.id AND s.mailing_list_id = %s"
        f" WHERE {condition} ORDER BY t.row LIMIT %s",
        [run.workspace_id, run.mailing_list_id, SAMPLES],
    )
    return [
        {
            "row": number, "kind": kind, "email": email, "subscription": status, "answer": answer,
            "before": None if old_name is None else _sample(old_name, old_language, old_fields),
            "after": _sample(name, language, fields),
        }
        for number, email, old_name, old_language, old_fields, name, language, fields, status, answer
        in cursor.fetchall()
    ]


def _sample(name: str, language: str, fields: Any) -> dict[str, Any]:
    return {"name": name, "language": language, "fields": _loaded(fields)}


def _not_written_to(cursor: Any, run: ContactImport) -> int:
    """How many of the rows' addresses are suppressed, or have left the list: a file cannot change that."""
    cursor.execute(
        "SELECT count(*) FROM import_rows t WHERE EXISTS (SELECT 1 FROM deliverability_suppression x"
        " WHERE x.workspace_id = %s AND x.address_key = t.email_key AND x.lifted_at IS NULL"
        " AND (x.scope = 'workspace' OR (x.scope = 'list' AND x.list_id = %s)))",
        [run.workspace_id, run.mailing_list_id],
    )
    return int(cursor.fetchone()[0])


def merged_samples(before: list[dict[str, Any]], found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first contacts of each kind of all batches so far, in the order of their rows."""
    kept: list[dict[str, Any]] = []
    for kind in ("new", "changed", "unchanged"):
        kept += [sample for sample in (*before, *found) if sample["kind"] == kind][:SAMPLES]
    return sorted(kept, key=lambda sample: int(sample["row"]))


def merged_values(before: Mapping[str, int], found: Mapping[str, int]) -> dict[str, int]:
    """Rows of each unclear value of all batches so far; values beyond the first `UNCLEAR_VALUES` are not told apart."""
    kept = dict(before)
    for value, count in found.items():
        if value in kept or len(kept) < UNCLEAR_VALUES:
            kept[value] = kept.get(value, 0) + count
    return kept


def _loaded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
