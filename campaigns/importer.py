"""CSV imports as jobs: take the file, understand it, apply it in batches, report every row.

Each batch is one transaction that applies rows, stores refusals and moves the checkpoint, so a killed
import goes on where it stood and counts stay exact. An import never raises consent: it subscribes only
contacts that have no state on the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from django.db import transaction

from campaigns import csv_reader, import_batches
from campaigns.csv_reader import Dialect, UnreadableFile
from campaigns.fields import KEY, ensure_text_fields, field_types, key_from_heading
from campaigns.models import ContactImport, ImportSeen, MailingList
from relayhub.core import audit, files, jobs
from relayhub.core.access import Actor
from relayhub.core.errors import InputError
from relayhub.core.models import Job, JobStatus, StoredFile

JOB_KIND = "import"
_BATCH_ROWS = 5000
_EMAIL_HEADINGS = frozenset(
    {"email", "e-mail", "e mail", "mail", "email address", "e-mail address", "emailaddress", "address",
     "e-mail-adresse", "adresse e-mail", "correo", "adres e-mail"}
)
_NAME_HEADINGS = frozenset({"name", "full name", "fullname", "contact", "contact name", "nom", "nombre"})


@dataclass(frozen=True, kw_only=True)
class ImportRequest:
    """What the person asked for; everything but the file may be left out."""

    file_name: str
    mailing_list: MailingList | None = None
    #: Column heading -> `email`, `name`, a field key, or "" to leave the column out.
    mapping: Mapping[str, str] | None = None
    consent_source: str = ""
    is_dry_run: bool = False


def start_import(actor: Actor, request: ImportRequest, chunks: Iterable[bytes]) -> ContactImport:
    """Store the file and queue the job; InputError where the file or the mapping cannot be used."""
    with transaction.atomic():
        file = _stored(actor, request.file_name, chunks)
        dialect = _dialect(file)
        mapping = checked_mapping(dialect, request.mapping)
        verb = "Dry run of" if request.is_dry_run else "Import"
        job = jobs.start_job(
            actor.workspace, kind=JOB_KIND, title=f"{verb} {request.file_name}", created_by=actor.user
        )
        run = ContactImport.objects.create(
            job=job, workspace=actor.workspace, mailing_list=request.mailing_list, file=file,
            file_name=request.file_name[:255], mapping=mapping, is_dry_run=request.is_dry_run,
            consent_source=request.consent_source[:500],
            dialect={"encoding": dialect.encoding, "delimiter": dialect.delimiter,
                     "has_header": dialect.has_header, "columns": list(dialect.columns)},
        )
        if not run.consent_source:
            run.consent_source = f"import {run.public_id} by {actor.label} on {job.created_at:%Y-%m-%d %H:%M} UTC"
            run.save(update_fields=["consent_source"])
        if not request.is_dry_run:
            audit.record(actor, "import.started", "import", run.public_id, summary=request.file_name,
                         after={"list": request.mailing_list and request.mailing_list.public_id})
    return run


def _stored(actor: Actor, name: str, chunks: Iterable[bytes]) -> StoredFile:
    raw = files.store_file(actor.workspace, purpose="import", name=name, chunks=_limited(chunks))
    try:
        encoding = csv_reader.detect_encoding(files.iterate_file(raw))
    except UnreadableFile as exc:
        raise InputError(str(exc), field="file", code="unreadable_file") from exc
    if not csv_reader.needs_rewriting(next(files.iterate_file(raw)), encoding):
        return raw
    plain = files.store_file(
        actor.workspace, purpose="import", name=name,
        chunks=csv_reader.as_utf8(files.iterate_file(raw), encoding),
    )
    raw.delete()
    return plain


def _limited(chunks: Iterable[bytes]) -> Iterable[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > csv_reader.MAX_BYTES:
            raise InputError(
                f"The file is larger than {csv_reader.MAX_BYTES // 1024 // 1024} MB. Split it and import the"
                " parts one after the other.", field="file", code="file_too_large",
            )
        yield chunk


def _dialect(file: StoredFile) -> Dialect:
    try:
        with files.open_file(file) as stream:
            return csv_reader.detect_dialect(stream)
    except UnreadableFile as exc:
        raise InputError(str(exc), field="file", code="unreadable_file") from exc


def guessed_mapping(dialect: Dialect, sample: list[str] | None = None) -> dict[str, str]:
    """What each column probably holds, by its heading, and by its first cell where there is no header."""
    mapping: dict[str, str] = {}
    for index, column in enumerate(dialect.columns):
        heading = column.lower().strip()
        cell = sample[index] if sample and index < len(sample) else ""
        if "email" not in mapping.values() and (heading in _EMAIL_HEADINGS or ("@" in cell)):
            mapping[column] = "email"
        elif heading in _NAME_HEADINGS and "name" not in mapping.values():
            mapping[column] = "name"
        else:
            mapping[column] = key_from_heading(column)
    return mapping


def checked_mapping(dialect: Dialect, given: Mapping[str, str] | None) -> dict[str, str]:
    """The mapping of every column; InputError where it names no address or an unusable field."""
    if given is None:
        sample = None if dialect.has_header else ["@" if i == 0 else "" for i in range(len(dialect.columns))]
        mapping = guessed_mapping(dialect, sample)
    else:
        mapping = {column: str(given.get(column) or "") for column in dialect.columns}
        absent = [column for column in given if column not in dialect.columns]
        if absent:
            raise InputError(
                f"The file has no column “{absent[0]}”. Its columns are: {', '.join(dialect.columns)}.",
                field="mapping",
            )
    targets = [target for target in mapping.values() if target]
    if targets.count("email") != 1:
        raise InputError(
            "One column must hold the e-mail address; map it to “email”. Columns are: "
            f"{', '.join(dialect.columns)}.", field="mapping", code="no_email_column",
        )
    for target in targets:
        if target not in ("email", "name") and not KEY.fullmatch(target):
            raise InputError(f"“{target[:60]}” is not a field key.", field="mapping")
        if targets.count(target) > 1:
            raise InputError(f"Two columns are mapped to “{target}”.", field="mapping")
    return mapping


def columns_and_sample(file: StoredFile, count: int = 5) -> tuple[Dialect, list[list[str]]]:
    """How a stored file is read, and its first rows: what the mapping page shows."""
    dialect = _dialect(file)
    sample: list[list[str]] = []
    with files.open_file(file) as stream:
        for row in csv_reader.rows(stream, delimiter=dialect.delimiter, offset=0, number=0):
            if row.number > 1 or not dialect.has_header:
                sample.append(row.cells)
            if len(sample) >= count:
                break
    return dialect, sample


@jobs.job_runner(JOB_KIND)
def run_import(run: jobs.JobRun) -> None:
    """Apply the rows from the checkpoint on, batch by batch."""
    row = ContactImport.objects.select_related("workspace", "mailing_list", "file").get(job=run.job)
    if row.file is None:
        run.fail("The file of this import is gone; upload it again.")
        return
    if not row.is_dry_run:
        keys = {key: column for column, key in row.mapping.items() if key not in ("", "email", "name")}
        ensure_text_fields(row.workspace, keys)
    plan = import_batches.Plan.of(row, field_types(row.workspace))
    with files.open_file(row.file) as stream:
        done = _apply_all(run, row, plan, stream)
    if done:
        with transaction.atomic():
            ImportSeen.objects.filter(contact_import=row).delete()
            run.finish(**counts(row))


def _apply_all(run: jobs.JobRun, row: ContactImport, plan: import_batches.Plan, stream: BinaryIO) -> bool:
    size = max(1, row.file.size_bytes if row.file else 1)
    offset, number = row.checkpoint_bytes, row.checkpoint_row
    source = csv_reader.rows(stream, delimiter=row.dialect["delimiter"], offset=offset, number=number)
    if row.dialect["has_header"] and number == 0:
        next(source, None)
    batch: list[csv_reader.Row] = []
    for record in source:
        if row.rows + len(batch) >= csv_reader.MAX_ROWS:
            _apply(run, row, plan, batch, size)
            run.fail(f"The file has more than {csv_reader.MAX_ROWS:,} rows. The rows before were imported; put "
                     "the rest into another file.", **counts(row))
            return False
        batch.append(record)
        if len(batch) >= _BATCH_ROWS:
            _apply(run, row, plan, batch, size)
            batch = []
    _apply(run, row, plan, batch, size)
    return True


def _apply(
    run: jobs.JobRun, row: ContactImport, plan: import_batches.Plan, batch: list[csv_reader.Row], size: int
) -> None:
    if not batch:
        run.advance(done=row.rows)
        return
    with transaction.atomic():
        outcome = import_batches.apply(row, plan, batch)
        row.rows += len(batch)
        row.created += outcome.created
        row.updated += outcome.updated
        row.unchanged += outcome.unchanged
        row.rejected += outcome.rejected
        row.samples = (row.samples + outcome.samples)[: import_batches.SAMPLES]
        row.checkpoint_bytes, row.checkpoint_row = batch[-1].end_bytes, batch[-1].number
        row.save(update_fields=["rows", "created", "updated", "unchanged", "rejected", "samples",
                                "checkpoint_bytes", "checkpoint_row"])
        # Nobody knows the number of rows before the end; the share of bytes read tells it well enough.
        estimate = max(row.rows, row.rows * size // max(1, row.checkpoint_bytes))
        run.advance(done=row.rows, total=estimate)


def counts(row: ContactImport) -> dict[str, int]:
    """What the import came to; the parts add up to `rows`."""
    return {"rows": row.rows, "created": row.created, "updated": row.updated, "unchanged": row.unchanged,
            "rejected": row.rejected}


def public_status(job: Job) -> str:
    """`running`, `done` or `failed`: what the API says."""
    if job.status == JobStatus.DONE:
        return "done"
    return "failed" if job.is_finished else "running"
