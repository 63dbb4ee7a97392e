"""A campaign’s recipients as CSV, or who was left out: at once where they are few, else as a file that a job writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, override

from campaigns import stats
from campaigns.exporter import csv_line
from campaigns.models import Broadcast, BroadcastAudience, Campaign
from campaigns.recipients import RecipientFilter, left_out_of, recipients_of
from relayhub.core import audit, files, jobs
from relayhub.core.access import EXPORTS, Actor, require
from relayhub.core.clock import now
from relayhub.core.errors import ConflictError
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.languages import SOURCE
from relayhub.core.models import Job
from relayhub.relay.causes import reason_words
from relayhub.relay.models import Recipient

JOB_KIND = "recipients"
#: Up to so many rows are written while the browser waits.
AT_ONCE = 5_000
_BATCH = 2_000
_KEPT = timedelta(days=7)
HEAD = ("address", "status", "reason", "reply_code", "reply", "provider", "stored_at", "finished_at", "opened_at",
        "clicked_at", "unsubscribed_at", "complained_at", "opened_by_machine_at", "clicked_by_machine_at")
LEFT_OUT_HEAD = ("address", "contact", "left_out")


def fits_at_once(run: Broadcast, wanted: RecipientFilter) -> bool:
    """Whether so few are wanted that nobody need wait for a job."""
    found = _found(run, wanted).order_by().values("pk")
    return found[: AT_ONCE + 1].count() <= AT_ONCE


def lines_now(actor: Actor, campaign: Campaign, run: Broadcast, wanted: RecipientFilter) -> Iterator[bytes]:
    """The whole file in pieces; the export is written to the audit log before the first."""
    require(actor, EXPORTS)
    audit.record(actor, "campaign.exported", "campaign", campaign.public_id, summary=campaign.name,
                 after=asdict(wanted))
    return _lines(run, wanted)


def start(actor: Actor, campaign: Campaign, wanted: RecipientFilter) -> Job:
    """Queue the export; ConflictError before the launch, when there is nobody to export."""
    require(actor, EXPORTS)
    run = stats.run_of(campaign)
    if run is None:
        raise ConflictError(_("This campaign was not launched: there are no recipients yet."), code="not_launched")
    with transaction.atomic():
        job = jobs.start_job(
            actor.workspace, kind=JOB_KIND, title=f"Recipients of {campaign.name}", created_by=actor.user,
            unit="recipients", state={"run": str(run.pk), "filter": asdict(wanted)},
        )
        audit.record(actor, "campaign.exported", "campaign", campaign.public_id, summary=campaign.name,
                     after=asdict(wanted))
    return job


@jobs.job_runner(
    JOB_KIND, label=gettext_noop("Recipients export"), icon="file-export", cancel_scope=EXPORTS,
    titles=[gettext_noop("Recipients of %(name)s")],
    on_cancel=gettext_noop("No file is made."),
)
def run_export(run: jobs.JobRun) -> None:
    """Write the file from the beginning: a run that died left only an incomplete file behind."""
    state = run.state
    broadcast = Broadcast.objects.select_related("campaign").get(pk=UUID(state["run"]), workspace=run.job.workspace)
    wanted = RecipientFilter(**state["filter"])
    run.advance(done=0, total=broadcast.expanded_count if not wanted else None)
    writer = files.new_file(
        run.job.workspace, purpose="export", name=file_name(broadcast.campaign), content_type="text/csv",
        expires_at=now() + _KEPT,
    )
    writer.write(csv_line(_head(wanted)))
    done = 0
    for batch in _batches(broadcast, wanted):
        for row in batch:
            writer.write(_line(row))
        done += len(batch)
        run.advance(done=done)
    file = writer.close()
    run.finish(file=str(file.pk), rows=done)


def file_name(campaign: Campaign) -> str:
    """What the file is called."""
    return f"recipients-{campaign.public_id}-{now():%Y-%m-%d}.csv"


def _lines(run: Broadcast, wanted: RecipientFilter) -> Iterator[bytes]:
    yield csv_line(_head(wanted))
    for batch in _batches(run, wanted):
        yield b"".join(map(_line, batch))


def _head(wanted: RecipientFilter) -> Sequence[str]:
    return LEFT_OUT_HEAD if wanted.left_out else HEAD


def _found(run: Broadcast, wanted: RecipientFilter) -> QuerySet[Any]:
    """Recipients, or those who were left out."""
    return left_out_of(run, wanted.left_out, wanted.text) if wanted.left_out else recipients_of(run, wanted)


def _batches(run: Broadcast, wanted: RecipientFilter) -> Iterator[Sequence[Recipient | BroadcastAudience]]:
    last: UUID | int | None = None
    while True:
        found = _found(run, wanted).order_by("pk")
        found = found if wanted.left_out else found.defer("merge")
        batch = list((found.filter(pk__gt=last) if last else found)[:_BATCH])
        if not batch:
            return
        yield batch
        last = batch[-1].pk


def _line(row: Recipient | BroadcastAudience) -> bytes:
    if isinstance(row, BroadcastAudience):
        return csv_line([row.address, encode_id(Prefix.CONTACT, row.contact_id), row.left_out])
    reply = row.reply or {}
    with override(SOURCE):  # a file is read by machines as well: one language, whoever asks
        reason = row.hold_reason or (reason_words(row.bounce_category) if row.bounce_category else "")
    times = (row.accepted_at, row.finished_at, row.opened_at, row.clicked_at, row.unsubscribed_at, row.complained_at,
             row.machine_opened_at, row.machine_clicked_at)
    return csv_line([row.address, row.status, reason, reply.get("code", ""), reply.get("text", ""), row.provider,
                     *map(_moment, times)])


def _moment(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else ""
