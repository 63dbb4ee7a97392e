"""Suppress the addresses of a file, as a job: flat memory, batches with their checkpoint, every refusal told.

Each batch is one transaction with the job's progress, so a killed import goes on where it stood and its counts
stay exact. An export of ours that is imported keeps reason, scope and target of each line; other files get those
that the person chose.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from deliverability import address_file, suppression
from deliverability.address_file import EncodingGuess, Line, NotText
from deliverability.models import SuppressionReason, SuppressionScope
from deliverability.suppression import NewSuppression
from relayhub.core import audit, files, formats, jobs
from relayhub.core.access import EXPORTS, Actor, require, system_actor
from relayhub.core.cells import safe_cell
from relayhub.core.clock import now
from relayhub.core.errors import AccessError, InputError
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.models import Job, Scope, StoredFile, Workspace

JOB_KIND = "suppression_import"
_BATCH = 2000
_KEPT = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class ImportOf:
    """What the person chose for lines that do not say otherwise."""

    file_name: str
    reason: str = SuppressionReason.MANUAL.value
    scope: str = SuppressionScope.WORKSPACE.value
    stream_id: UUID | None = None
    list_id: UUID | None = None


def start_import(actor: Actor, chosen: ImportOf, chunks: Iterable[bytes]) -> Job:
    """Store the file and queue the work; InputError where it is no text, is too large or names no such target."""
    require(actor, Scope.SUPPRESSIONS_WRITE)
    sample = NewSuppression(
        address="", reason=chosen.reason, scope=chosen.scope, stream_id=chosen.stream_id, list_id=chosen.list_id
    )
    problem = suppression.problem_of(sample, suppression.known_targets(actor.workspace.pk, [sample]))
    if problem:
        raise InputError(problem, field="scope")
    guess = EncodingGuess()
    with transaction.atomic():
        try:
            file = files.store_file(
                actor.workspace, purpose="import", name=chosen.file_name, content_type="text/csv",
                chunks=_limited(guess, chunks), expires_at=now() + _KEPT,
            )
        except NotText as exc:
            raise InputError(_(str(exc)), field="file", code="unreadable_file") from exc
        if not file.size_bytes:
            raise InputError(_("The file is empty."), field="file", code="unreadable_file")
        return jobs.start_job(
            actor.workspace, kind=JOB_KIND, title=f"Suppress the addresses of {chosen.file_name}",
            created_by=actor.user, total=guess.lines or 1, unit="lines",
            state={
                "file": str(file.pk), "encoding": guess.encoding, "reason": chosen.reason, "scope": chosen.scope,
                "stream_id": chosen.stream_id and str(chosen.stream_id), "by": actor.label,
                "list_id": chosen.list_id and str(chosen.list_id), "name": chosen.file_name,
            },
        )


def _limited(guess: EncodingGuess, chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in guess.watch(chunks):
        if guess.size_bytes > address_file.MAX_BYTES or guess.lines > address_file.MAX_LINES:
            raise InputError(
                _(
                    "The file is larger than %(size)s MB or %(lines)s lines. Split it and import the parts one after"
                    " the other."
                ) % {"size": address_file.MAX_BYTES // 1024 // 1024, "lines": formats.number(address_file.MAX_LINES)},
                field="file", code="file_too_large",
            )
        yield chunk


@jobs.job_runner(
    JOB_KIND, label=gettext_noop("Suppression import"), icon="ban", cancel_scope=Scope.SUPPRESSIONS_WRITE,
    titles=[gettext_noop("Suppress the addresses of %(name)s")],
    on_cancel=gettext_noop("What was suppressed until then stays suppressed; the rest of the file is not read."),
)
def run_import(run: jobs.JobRun) -> None:
    """Add every line, batch by batch, from the checkpoint on."""
    state = run.state
    actor = replace(
        system_actor(run.job.workspace, state.get("by", "system")), user=run.job.created_by
    )
    source = f"import of {state['name']} by {actor.label}"
    counts = {key: int(state.get(key, 0)) for key in ("added", "already", "rejected")}
    remaining = (line for line in _lines(run.job) if line.number > int(state.get("line", 0)))
    while batch := list(islice(remaining, _BATCH)):
        entries = [_entry(line, state) for line in batch]
        with transaction.atomic():
            result = suppression.add_batch(actor, entries, source=source, first_position=1)
            counts["added"] += result.added
            counts["already"] += result.already
            counts["rejected"] += len(result.rejected)
            run.advance(done=batch[-1].number, line=batch[-1].number, **counts)
    given = sum(counts.values())
    with transaction.atomic():
        audit.record(
            actor, "suppression.imported", "job", run.job.public_id,
            summary=f"{counts['added']:,} of {given:,} from {state['name']}",
        )
        run.advance(total=max(given, 1), done=max(given, 1))
        run.finish(**counts)


def _lines(job: Job) -> Iterator[Line]:
    file = StoredFile.objects.filter(pk=job.state.get("file"), workspace_id=job.workspace_id).first()
    if file is None:
        raise AccessError(
            _("The file of an import is kept for %(days)s days; this one is gone.") % {"days": _KEPT.days}
        )
    return address_file.lines_of(address_file.open_text(files.open_file(file), job.state["encoding"]))


def _entry(line: Line, state: dict[str, Any]) -> NewSuppression:
    """A line as it says itself, for the rest as the person chose."""
    reason = line.cells.get("reason", "").lower().replace(" ", "_")
    scope = line.cells.get("scope", "").lower()
    entry = NewSuppression(
        address=line.address, source=line.cells.get("source", ""),
        reason=reason if reason in SuppressionReason.values else state["reason"],
    )
    if scope not in SuppressionScope.values:
        return replace(
            entry, scope=state["scope"], stream_id=_uuid(state["stream_id"]), list_id=_uuid(state["list_id"])
        )
    return replace(
        entry, scope=scope, stream_id=decode_id(Prefix.STREAM, line.cells.get("stream", "")),
        list_id=decode_id(Prefix.LIST, line.cells.get("list", "")),
    )


def _uuid(text: str | None) -> UUID | None:
    return UUID(text) if text else None


def imports_of(workspace: Workspace) -> QuerySet[Job]:
    """The workspace's imports of suppressions, newest first."""
    return Job.objects.filter(workspace=workspace, kind=JOB_KIND).select_related("created_by").order_by("-id")


def require_export(actor: Actor) -> None:
    """AccessError unless the actor may take addresses away in a file.

    People need the permission to export; a key that may read the list could read it page by page as well.
    """
    require(actor, Scope.SUPPRESSIONS_READ if actor.api_key is not None else EXPORTS)


def reject_lines(actor: Actor, job: Job) -> Iterator[bytes]:
    """The refused lines of an import as CSV: line, address, reason. The file is read and judged once more.

    People need the permission to export, as for the list itself. AccessError where the file is no longer kept,
    before the first line.
    """
    require_export(actor)
    return _judged_again(job, _lines(job))


def _judged_again(job: Job, lines: Iterator[Line]) -> Iterator[bytes]:
    yield csv_line(["line", "address", "reason"])
    while batch := list(islice(lines, _BATCH)):
        entries = [_entry(line, job.state) for line in batch]
        known = suppression.known_targets(job.workspace_id, entries)
        for line, entry in zip(batch, entries, strict=True):
            problem = suppression.problem_of(entry, known)
            if problem or not suppression.is_address(entry.address):
                yield csv_line([str(line.number), line.address[:320], problem or _(suppression.NOT_AN_ADDRESS)])


def csv_line(cells: Iterable[str]) -> bytes:
    """One line of CSV that no spreadsheet takes for a formula, and that holds no line end but its own."""
    out = io.StringIO()
    csv.writer(out).writerow([safe_cell(" ".join(cell.splitlines())) for cell in cells])
    return out.getvalue().encode()
