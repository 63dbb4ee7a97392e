"""CSV imports as jobs: take the file, understand it, apply it in batches, report every row.

Each batch is one transaction that applies rows, stores refusals and moves the checkpoint, so a killed
import goes on where it stood and counts stay exact. An import never raises consent: it subscribes only
contacts that have no state on the list, and where a column says who agreed, only those who said yes and nowhere in
the file no.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import BinaryIO
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from campaigns import column_answers, csv_reader, import_batches, import_columns, import_noes, retold
from campaigns.csv_reader import Dialect, UnreadableFile
from campaigns.fields import ensure_fields, field_types
from campaigns.models import ContactImport, FieldType, ImportLeftOff, ImportSeen, LeftOffReason, MailingList
from relayhub.core import audit, files, jobs
from relayhub.core.access import Actor, require
from relayhub.core.clock import now
from relayhub.core.crashpoints import crashpoint
from relayhub.core.errors import AccessError, ConflictError, InputError
from relayhub.core.models import Job, JobStatus, Scope, StoredFile, Workspace

JOB_KIND = "import"
_BATCH_ROWS = 5000
_PURPOSE = "import"
_TYPE = "text/csv; charset="
#: How long a file is there for a second run; then it goes, with the personal data in it.
_KEPT = timedelta(days=7)
#: How many rows are looked at to guess what a column holds.
GUESSED_FROM = 200


@dataclass(frozen=True, kw_only=True)
class ImportRequest:
    """What the person asked for; everything but the file may be left out."""

    file_name: str
    mailing_list: MailingList | None = None
    #: Column heading -> one of `import_columns.OWN_TARGETS`, a field key, or "" to leave the column out.
    mapping: Mapping[str, str] | None = None
    #: Key of a new field -> its type; what is not named is text. None: as its column's values look.
    types: Mapping[str, str] | None = field(default_factory=dict)
    #: Column heading -> how its dates or numbers are written (`column_values`); what is not named is guessed.
    formats: Mapping[str, str] = field(default_factory=dict)
    consent_source: str = ""
    is_dry_run: bool = False


def start_import(actor: Actor, request: ImportRequest, chunks: Iterable[bytes]) -> ContactImport:
    """Store the file and queue the job; InputError where the file or the mapping cannot be used."""
    with transaction.atomic():
        return start_from(actor, upload(actor, request.file_name, chunks), request)


def upload(actor: Actor, name: str, chunks: Iterable[bytes]) -> StoredFile:
    """Take a file in for an import that is begun later; InputError where it cannot be read as CSV."""
    require(actor, Scope.CONTACTS_WRITE)
    with transaction.atomic():
        file = _stored(actor, name, chunks)
        _dialect(file)
    return file


def start_from(actor: Actor, file: StoredFile, request: ImportRequest) -> ContactImport:
    """Queue the job for a file taken in before; the same file may serve a dry run and then the import."""
    require(actor, Scope.CONTACTS_WRITE)
    with transaction.atomic():
        dialect, sample = columns_and_sample(file, GUESSED_FROM)
        columns = import_columns.Columns.of(
            actor.workspace, dialect, sample, has_list=request.mailing_list is not None
        )
        mapping = import_columns.checked_mapping(columns, request.mapping)
        types = import_columns.checked_types(columns, mapping, request.types)
        formats = import_columns.checked_formats(columns, mapping, types, request.formats)
        unused = columns.unused_answer(mapping) if request.mailing_list else ""
        verb = "Dry run of" if request.is_dry_run else "Import"
        job = jobs.start_job(
            actor.workspace, kind=JOB_KIND, title=f"{verb} {request.file_name}", created_by=actor.user
        )
        run = ContactImport.objects.create(
            job=job, workspace=actor.workspace, mailing_list=request.mailing_list, file=file,
            file_name=request.file_name[:255], mapping=mapping, types=types,
            formats=formats, unused_answer=unused[:255], is_dry_run=request.is_dry_run,
            consent_source=request.consent_source[:500],
            dialect={"encoding": encoding_of(file), "delimiter": dialect.delimiter,
                     "has_header": dialect.has_header, "columns": list(dialect.columns)},
        )
        if not run.consent_source:
            run.consent_source = f"import {run.public_id} by {actor.label} on {job.created_at:%Y-%m-%d %H:%M} UTC"
            run.save(update_fields=["consent_source"])
        if not request.is_dry_run:
            audit.record(actor, "import.started", "import", run.public_id, summary=request.file_name,
                         after={"list": request.mailing_list and request.mailing_list.public_id})
    return run


def start_after_dry_run(actor: Actor, tried: ContactImport) -> ContactImport:
    """Import for real what a dry run showed; ConflictError where its file is gone.

    Of two people who start the same at once the second gets the import that runs already.
    """
    require(actor, Scope.CONTACTS_WRITE)
    if tried.file is None:
        raise ConflictError(_("The file was kept for 7 days and is gone. Upload it again."), code="file_gone")
    by_default = tried.consent_source.startswith(f"import {tried.public_id} ")
    with transaction.atomic():
        ContactImport.objects.select_for_update().get(pk=tried.pk)
        begun = imports_of(actor.workspace).filter(
            file=tried.file, is_dry_run=False, mailing_list=tried.mailing_list, mapping=tried.mapping,
            job__status__in=jobs.UNFINISHED,
        ).first()
        if begun is not None:
            return begun
        return start_from(
            actor, tried.file,
            ImportRequest(
                file_name=tried.file_name, mailing_list=tried.mailing_list, mapping=tried.mapping, types=tried.types,
                formats=tried.formats, consent_source="" if by_default else tried.consent_source,
            ),
        )


def imports_of(workspace: Workspace) -> QuerySet[ContactImport]:
    """Imports and dry runs, newest first."""
    rows = ContactImport.objects.filter(workspace=workspace)
    related = ("job", "job__created_by", "mailing_list", "file", "undo", "undo_count")
    return rows.select_related(*related).order_by("-job_id")


def upload_of(workspace: Workspace, file_id: UUID) -> StoredFile:
    """A file taken in for an import; AccessError where there is none or its time is over."""
    files_there = StoredFile.objects.filter(workspace=workspace, purpose=_PURPOSE, completed_at__isnull=False)
    file = files_there.filter(pk=file_id).first()
    if file is None:
        raise AccessError
    return file


def encoding_of(file: StoredFile) -> str:
    """The encoding an upload came in: `utf-8`, `utf-16`, `cp1250` or `cp1252`."""
    return file.content_type.removeprefix(_TYPE)


def _stored(actor: Actor, name: str, chunks: Iterable[bytes]) -> StoredFile:
    """The file in UTF-8; its content type keeps how it came."""
    def stored(content: Iterable[bytes], encoding: str) -> StoredFile:
        return files.store_file(
            actor.workspace, purpose=_PURPOSE, name=name, chunks=content, expires_at=now() + _KEPT,
            content_type=f"{_TYPE}{encoding}",
        )

    raw = stored(_limited(chunks), "utf-8")
    try:
        encoding = csv_reader.detect_encoding(files.iterate_file(raw))
    except UnreadableFile as exc:
        raise InputError(str(exc), field="file", code="unreadable_file") from exc
    if not csv_reader.needs_rewriting(next(files.iterate_file(raw)), encoding):
        return raw
    plain = stored(csv_reader.as_utf8(files.iterate_file(raw), encoding), encoding)
    raw.delete()
    return plain


def _limited(chunks: Iterable[bytes]) -> Iterable[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > csv_reader.MAX_BYTES:
            raise InputError(
                _("The file is larger than %(most)s MB. Split it and import the parts one after the other.")
                % {"most": csv_reader.MAX_BYTES // 1024 // 1024}, field="file", code="file_too_large",
            )
        yield chunk


def _dialect(file: StoredFile) -> Dialect:
    try:
        with files.open_file(file) as stream:
            return csv_reader.detect_dialect(stream)
    except UnreadableFile as exc:
        raise InputError(str(exc), field="file", code="unreadable_file") from exc


def columns_and_sample(file: StoredFile, count: int = 5) -> tuple[Dialect, list[list[str]]]:
    """How a stored file is read, and its first rows: what the mapping page shows."""
    dialect = _dialect(file)
    with files.open_file(file) as stream:
        rows = csv_reader.rows(stream, delimiter=dialect.delimiter, offset=0, number=0)
        # Blank lines are no rows, so the heading is the first row there is.
        sample = [row.cells for row in islice(rows, int(dialect.has_header), int(dialect.has_header) + count)]
    return dialect, sample


def _at_end(job: Job) -> None:
    """The addresses seen are of no use once the run has ended, however it did."""
    ImportSeen.objects.filter(contact_import_id=job.pk).delete()


@jobs.job_runner(
    JOB_KIND, label=gettext_noop("Import"), icon="file-import", cancel_scope=Scope.CONTACTS_WRITE, at_end=_at_end,
    titles=[gettext_noop("Dry run of %(name)s"), gettext_noop("Import %(name)s")], ends=retold.ENDS,
    on_cancel=gettext_noop("What was imported until then stays, and can be undone; a dry run has written nothing."),
)
def run_import(run: jobs.JobRun) -> None:
    """Apply the rows from the checkpoint on, batch by batch."""
    row = ContactImport.objects.select_related("workspace", "mailing_list", "file").get(job=run.job)
    if row.file is None:
        run.fail(retold.FILE_GONE)
        return
    if not row.is_dry_run:
        wanted = {key: (column, row.types.get(key, FieldType.TEXT)) for column, key in row.mapping.items()
                  if key and key not in import_columns.OWN_TARGETS}
        ensure_fields(row.workspace, wanted)
    plan = import_batches.Plan.of(row, field_types(row.workspace))
    with files.open_file(row.file) as stream:
        if plan.asks_rows and row.mailing_list is not None:
            import_noes.gather(run, plan, _records(row, stream, offset=0, number=0))
        done = _apply_all(run, row, plan, stream)
    if done:
        run.finish(**result_of(row))


def _apply_all(run: jobs.JobRun, row: ContactImport, plan: import_batches.Plan, stream: BinaryIO) -> bool:
    size = max(1, row.file.size_bytes if row.file else 1)
    batch: list[csv_reader.Row] = []
    for record in _records(row, stream, offset=row.checkpoint_bytes, number=row.checkpoint_row):
        if row.rows + len(batch) >= csv_reader.MAX_ROWS:
            _apply(run, row, plan, batch, size)
            words = retold.TOO_MANY_TRIED if row.is_dry_run else retold.TOO_MANY_IMPORTED
            run.fail(words % {"most": f"{csv_reader.MAX_ROWS:,}"}, **result_of(row))
            return False
        batch.append(record)
        if len(batch) >= _BATCH_ROWS:
            _apply(run, row, plan, batch, size)
            batch = []
    _apply(run, row, plan, batch, size)
    return True


def _records(row: ContactImport, stream: BinaryIO, *, offset: int, number: int) -> Iterator[csv_reader.Row]:
    """The rows of the file behind that place, without the heading."""
    source = csv_reader.rows(stream, delimiter=row.dialect["delimiter"], offset=offset, number=number)
    if row.dialect["has_header"] and number == 0:
        next(source, None)
    return source


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
        row.joined += outcome.joined
        for reason, count in outcome.not_joined.items():
            row.not_joined[reason] = row.not_joined.get(reason, 0) + count
        row.unclear_values = import_batches.merged_values(row.unclear_values, outcome.unclear_values)
        row.samples = import_batches.merged_samples(row.samples, outcome.samples)
        row.checkpoint_bytes, row.checkpoint_row = batch[-1].end_bytes, batch[-1].number
        row.save(update_fields=["rows", "created", "updated", "unchanged", "rejected", "joined", "not_joined",
                                "unclear_values", "samples", "checkpoint_bytes", "checkpoint_row"])
        # Nobody knows the number of rows before the end; the share of bytes read tells it well enough.
        estimate = max(row.rows, row.rows * size // max(1, row.checkpoint_bytes))
        stays = int(run.state.get("not_written_to", 0)) + outcome.not_written_to
        run.advance(done=row.rows, total=estimate, not_written_to=stays)
        crashpoint("import_mid_batch")


def counts(row: ContactImport) -> dict[str, int]:
    """What the import came to; the parts add up to `rows`."""
    return {"rows": row.rows, "created": row.created, "updated": row.updated, "unchanged": row.unchanged,
            "rejected": row.rejected}


def asks_rows(row: ContactImport) -> bool:
    """Whether a column of the file says who is put on the list."""
    return bool(set(row.mapping.values()) & set(column_answers.TARGETS))


def not_joined(row: ContactImport) -> dict[str, int]:
    """Whom the file did not let onto the list, by every reason; `on_it_already` are those who stay on it all the same.
    """
    return {reason: int(row.not_joined.get(reason, 0)) for reason in LeftOffReason.values}


def not_joined_count(row: ContactImport) -> int:
    """How many are not put on the list by the file's own word; who stays on it is none of them."""
    return sum(count for reason, count in not_joined(row).items() if reason != LeftOffReason.ON_IT_ALREADY)


def left_off(row: ContactImport, reason: str = "") -> QuerySet[ImportLeftOff]:
    """Whom the file did not let onto the list, in its order; of one reason alone where one is named."""
    rows = ImportLeftOff.objects.filter(contact_import=row).order_by("row")
    if reason and reason not in LeftOffReason.values:
        raise InputError(
            _("“%(given)s” is none of: %(known)s.")
            % {"given": reason[:40], "known": ", ".join(LeftOffReason.values)}, field="reason",
        )
    return rows.filter(reason=reason) if reason else rows


def result_of(row: ContactImport) -> dict[str, int]:
    """What the job says it came to: the counts, and where rows say who is put on the list, how many are and are not."""
    if not asks_rows(row):
        return counts(row)
    joined = {} if row.is_dry_run else {"joined": row.joined}
    return {**counts(row), **joined, "not_joined": not_joined_count(row)}


def public_status(job: Job) -> str:
    """`running`, `done` or `failed`: what the API says."""
    if job.status == JobStatus.DONE:
        return "done"
    return "failed" if job.is_finished else "running"
