"""Export contacts to CSV as a job: flat memory, a stored file to download, safe in spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from campaigns import bulk
from campaigns.fields import field_types
from campaigns.models import Contact, LeftOffReason, MailingList, Subscription
from relayhub.core import audit, files, jobs
from relayhub.core.access import EXPORTS, Actor, require
from relayhub.core.cells import safe_cell
from relayhub.core.clock import now
from relayhub.core.errors import AccessError, InputError
from relayhub.core.formats import recorded
from relayhub.core.models import Job, StoredFile

JOB_KIND = "export"
#: Jobs that leave a file to download; `campaigns.recipient_export` is the other.
FILE_KINDS = frozenset({JOB_KIND, "recipients"})
_BATCH = 2000
_KEPT = timedelta(days=7)
#: First characters that a spreadsheet would run as a formula (OWASP "CSV Injection"), also in full width.


def start_export(
    actor: Actor, mailing_list: MailingList | None = None, *, chosen: bulk.Chosen | None = None
) -> Job:
    """Queue an export of all contacts, of those on a list, or of those chosen by ids or by a filter."""
    require(actor, EXPORTS)
    with transaction.atomic():
        title = f"Export of {mailing_list.name}"[:300] if mailing_list else "Export of all contacts"
        state: dict[str, Any] = {"list": str(mailing_list.pk) if mailing_list else None}
        if chosen is not None:
            count = bulk.count_chosen(actor, chosen)
            if not count:
                raise InputError(_("Choose at least one contact."), field="contact")
            title, state = f"Export of {recorded(count, 'contact')}", {"chosen": bulk.stored(chosen)}
        job = jobs.start_job(
            actor.workspace, kind=JOB_KIND, title=title, created_by=actor.user, state=state, unit="contacts",
        )
        audit.record(actor, "contacts.exported", "job", job.public_id, summary=title)
    return job


def exported_file(job: Job) -> StoredFile:
    """The finished file of an export; AccessError while there is none or once it is gone."""
    file = StoredFile.objects.filter(pk=job.result.get("file"), workspace=job.workspace).first()
    if file is None:
        raise AccessError
    return file


@jobs.job_runner(
    JOB_KIND, label=gettext_noop("Export"), icon="file-export", cancel_scope=EXPORTS,
    titles=[
        gettext_noop("Export of all contacts"), gettext_noop("Export of 1 contact"),
        gettext_noop("Export of %(count)s contacts"), gettext_noop("Export of %(name)s"),
    ],
    on_cancel=gettext_noop("No file is made."),
)
def run_export(run: jobs.JobRun) -> None:
    """Write the file from the beginning: a run that died left only an incomplete file behind."""
    workspace = run.job.workspace
    chosen = _chosen(run)
    run.advance(done=0, total=chosen.count())
    writer = files.new_file(
        workspace, purpose="export", name=f"contacts-{now():%Y-%m-%d}.csv", content_type="text/csv",
        expires_at=now() + _KEPT,
    )
    keys = sorted(field_types(workspace))
    writer.write(csv_line(["email", "name", "language", *keys, "lists", "source", "created_at"]))
    done = 0
    for batch in _batches(chosen):
        lists = _lists_by_contact([contact.pk for contact in batch])
        for contact in batch:
            writer.write(_contact_line(contact, keys, lists.get(contact.pk, [])))
        done += len(batch)
        run.advance(done=done)
    file = writer.close()
    run.finish(file=str(file.pk), rows=done)


def _chosen(run: jobs.JobRun) -> QuerySet[Contact]:
    """Whom the export is of; a filter means those that match when it begins."""
    workspace = run.job.workspace
    if run.state.get("chosen"):
        return bulk.stored_rows(workspace, run.state["chosen"])
    rows = Contact.objects.filter(workspace=workspace)
    list_id = run.state.get("list")
    return rows.filter(subscriptions__mailing_list_id=UUID(list_id)) if list_id else rows


def _batches(chosen: QuerySet[Contact]) -> Iterator[list[Contact]]:
    last: UUID | None = None
    while True:
        rows = chosen.filter(pk__gt=last) if last else chosen
        batch = list(rows.order_by("id")[:_BATCH])
        if not batch:
            return
        yield batch
        last = batch[-1].pk


def _lists_by_contact(ids: list[UUID]) -> dict[UUID, list[str]]:
    found: dict[UUID, list[str]] = {}
    rows = Subscription.objects.filter(contact_id__in=ids).values_list(
        "contact_id", "mailing_list__name", "status"
    )
    for contact_id, name, status in rows:
        found.setdefault(contact_id, []).append(f"{name} ({status})")
    return found


def _contact_line(contact: Contact, keys: list[str], lists: list[str]) -> bytes:
    values = [contact.fields.get(key, "") for key in keys]
    return csv_line([
        contact.email, contact.name, contact.language, *values, "; ".join(lists), contact.source,
        contact.created_at.isoformat(),
    ])


def csv_line(cells: Iterable[Any]) -> bytes:
    """One line of CSV, its cells safe in spreadsheets."""
    out = io.StringIO()
    csv.writer(out).writerow([safe_cell(cell) for cell in cells])
    return out.getvalue().encode()


def reject_lines(rejects: Any) -> Iterator[bytes]:
    """The refused rows of an import as CSV: row, address, reason, then the cells as they stood."""
    yield csv_line(["row", "email", "code", "reason", "cells"])
    for reject in rejects.iterator(chunk_size=2000):
        yield csv_line([reject.row, reject.address, reject.code, reject.reason, *reject.cells])


#: Why somebody in a file is not put on the list, in the words of the download.
_LEFT_OFF = {
    LeftOffReason.SAID_NO: "said no", LeftOffReason.EMPTY: "nothing said",
    LeftOffReason.UNCLEAR: "neither yes nor no, taken as no",
    LeftOffReason.ON_IT_ALREADY: "said no, but on the list already and left on it",
}


def left_off_lines(rows: Any) -> Iterator[bytes]:
    """Whom a file does not let onto the list as CSV: row, address, why, and the value in the file."""
    yield csv_line(["row", "email", "code", "why", "value"])
    for row in rows.iterator(chunk_size=2000):
        yield csv_line([row.row, row.email, row.reason, _LEFT_OFF[LeftOffReason(row.reason)], row.said])


def kept_lines(kept: Iterator[tuple[str, str]]) -> Iterator[bytes]:
    """What an undo keeps as CSV: address and why."""
    yield csv_line(["email", "why"])
    for email, why in kept:
        yield csv_line([email, why])
