"""Undo an import as a job: count first, then take back what it did and nobody touched since.

Contacts that the import made go, unless they were written to, answered, are on another list or were changed;
those are named and kept. Values that it overwrote become what they were, unless they changed again. Places on the
list that it gave are taken back, unless the person confirmed or left. Each batch is one transaction with its
checkpoint and counts, so a killed undo goes on where it stood. The values before are kept for `KEPT`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from campaigns import undo_batches
from campaigns.models import ContactImport, ImportBefore, ImportKept, ImportLeftOff, KeptReason
from relayhub.core import audit, jobs
from relayhub.core.access import Actor, require, system_actor
from relayhub.core.clock import now
from relayhub.core.crashpoints import crashpoint
from relayhub.core.errors import ConflictError
from relayhub.core.formats import number
from relayhub.core.models import Job, JobStatus, Scope

JOB_KIND = "import_undo"
COUNT_KIND = "import_undo_count"
#: For how long after its end an import can be undone.
KEPT = timedelta(days=30)
_BATCH = 5000
_PURGED_AT_ONCE = 50_000
_PHASES: dict[str, Callable[[Any, undo_batches.Undo, str, int], undo_batches.Part | None]] = {
    "contacts": undo_batches.contacts, "values": undo_batches.values, "places": undo_batches.places,
}
#: What an undo counts; `kept` is the sum of its reasons.
_COUNTS = ("removed", "restored", "taken_off", "kept", "values_kept", "places_kept", *KeptReason.values[:4])


@dataclass(frozen=True, kw_only=True)
class UndoState:
    """Where an import stands with its undo."""

    #: Until when it can be undone; None for one that never can.
    until: datetime | None
    #: Why it cannot be undone now, or "".
    why_not: str
    count: Job | None
    undo: Job | None

    @property
    def is_counting(self) -> bool:
        """Whether the count runs now."""
        return self.count is not None and not self.count.is_finished

    @property
    def is_running(self) -> bool:
        """Whether the undo runs now."""
        return self.undo is not None and not self.undo.is_finished

    @property
    def is_done(self) -> bool:
        """Whether the import is undone."""
        return self.undo is not None and self.undo.status == JobStatus.DONE


def state_of(row: ContactImport) -> UndoState:
    """Whether and until when the import can be undone, and what was counted or done."""
    if row.is_dry_run:
        return UndoState(until=None, why_not=_("A dry run wrote nothing."), count=None, undo=None)
    until = row.job.finished_at + KEPT if row.job.finished_at else None
    state = UndoState(until=until, why_not="", count=row.undo_count, undo=row.undo)
    return replace(state, why_not=_why_not(row, state))


def _why_not(row: ContactImport, state: UndoState) -> str:
    if state.until is None:
        return _("The import has not ended yet. Stop it first, or wait.")
    if state.is_done:
        return _("This import is undone already.")
    if state.is_running:
        return _("It is being undone now.")
    if now() > state.until:
        return _("An import can be undone for %(days)s days; the values before are gone.") % {"days": KEPT.days}
    if not (row.created or row.updated or row.joined):
        return _("It changed nothing.")
    return ""


def start_count(actor: Actor, row: ContactImport) -> Job:
    """Count what an undo would do and would keep; the count that runs already is returned as it is."""
    return _start(actor, row, is_count=True)


def start_undo(actor: Actor, row: ContactImport) -> Job:
    """Undo the import; ConflictError where that cannot be."""
    return _start(actor, row, is_count=False)


def _start(actor: Actor, row: ContactImport, *, is_count: bool) -> Job:
    require(actor, Scope.CONTACTS_WRITE)
    with transaction.atomic():
        locked = ContactImport.objects.select_for_update(of=("self",)).select_related(
            "job", "undo", "undo_count").get(pk=row.pk)
        state = state_of(locked)
        if state.why_not:
            raise ConflictError(state.why_not, code="cannot_undo")
        if state.is_counting and locked.undo_count is not None:
            if is_count:
                return locked.undo_count
            raise ConflictError(_("What an undo would do is still being counted."), code="still_counting")
        verb = "Count the undo of" if is_count else "Undo"
        job = jobs.start_job(
            actor.workspace, kind=COUNT_KIND if is_count else JOB_KIND, title=f"{verb} import {locked.file_name}",
            created_by=actor.user, unit="changes", total=locked.created + locked.updated + locked.joined,
            state={"import": str(locked.pk), "by": actor.label, "is_api": actor.api_key is not None},
        )
        field = "undo_count" if is_count else "undo"
        setattr(locked, field, job)
        locked.save(update_fields=[field])
        ImportKept.objects.filter(contact_import=locked).delete()
        if not is_count:
            audit.record(actor, "import.undo_started", "import", locked.public_id, summary=locked.file_name)
    return job


@jobs.job_runner(
    COUNT_KIND, label=gettext_noop("Count of an undo"), icon="history", cancel_scope=Scope.CONTACTS_WRITE,
    on_cancel=gettext_noop("Nothing was changed by counting."),
    titles=[gettext_noop("Count the undo of import %(name)s")],
)
def run_count(run: jobs.JobRun) -> None:
    """Walk as the undo would, and only count."""
    _walk(run, is_count=True)


@jobs.job_runner(
    JOB_KIND, label=gettext_noop("Undo of an import"), icon="history", cancel_scope=Scope.CONTACTS_WRITE,
    on_cancel=gettext_noop("What was taken back until then stays so; undo the import again for the rest."),
    titles=[gettext_noop("Undo import %(name)s")],
)
def run_undo(run: jobs.JobRun) -> None:
    """Take it back, batch by batch."""
    _walk(run, is_count=False)


def _walk(run: jobs.JobRun, *, is_count: bool) -> None:
    row = ContactImport.objects.select_related("job", "workspace").get(pk=run.state["import"])
    by = str(run.state.get("by", "system"))
    undo = undo_batches.Undo(
        row=row, is_count=is_count, by=by, channel="api" if run.state.get("is_api") else "dashboard"
    )
    begun = list(_PHASES).index(run.state.get("phase", "contacts"))
    for phase in list(_PHASES)[begun:]:
        last = str(run.state.get("last") or undo.start_of(phase)) if run.state.get("phase") == phase else ""
        while step := _step(run, undo, phase, last or undo.start_of(phase)):
            last = step
    result = counts_of(run.job)
    with transaction.atomic():
        if not is_count:
            actor = replace(system_actor(row.workspace, by), user=run.job.created_by)
            audit.record(actor, "import.undone", "import", row.public_id, summary=row.file_name, after=result)
        run.advance(done=run.job.done, total=run.job.done)
        run.finish(**result)


def _step(run: jobs.JobRun, undo: undo_batches.Undo, phase: str, last: str) -> str | None:
    """One batch and its checkpoint in one transaction; where it ended, or None where the phase is through."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            part = _PHASES[phase](cursor, undo, last, _BATCH)
        if part is None:
            return None
        counts = counts_of(run.job)
        for key, value in part.counts.items():
            counts[key] += value
        done = run.job.done + part.seen
        run.advance(done=done, total=max(done, run.job.total or 0), phase=phase, last=part.last, counts=counts)
        crashpoint("undo_mid_batch")
    return part.last


def counts_of(job: Job) -> dict[str, int]:
    """What a count or an undo has come to so far, every figure there."""
    found = job.state.get("counts") or {}
    return {key: int(found.get(key, 0)) for key in _COUNTS}


def sentence_of(counts: dict[str, int]) -> str:
    """The figures in words: `3,995 contacts removed, 210 restored, 4,102 taken off the list, 12 kept`."""
    parts = [
        ngettext("%(count)s contact removed", "%(count)s contacts removed", counts["removed"])
        % {"count": number(counts["removed"])},
        ngettext("%(count)s restored", "%(count)s restored", counts["restored"])
        % {"count": number(counts["restored"])},
    ]
    if counts["taken_off"] or counts["places_kept"]:
        words = ngettext("%(count)s taken off the list", "%(count)s taken off the list", counts["taken_off"])
        parts.append(words % {"count": number(counts["taken_off"])})
    parts.append(ngettext("%(count)s kept", "%(count)s kept", counts["kept"]) % {"count": number(counts["kept"])})
    return ", ".join(parts)


def kept_of(row: ContactImport) -> Iterator[tuple[str, str]]:
    """Address and reason of everything that the last count or undo keeps, in order."""
    rows = ImportKept.objects.filter(contact_import=row).order_by("id").values_list("contact__email", "reason")
    for email, reason in rows.iterator(chunk_size=2000):
        yield email or _("(removed since)"), str(KeptReason(reason).label)


def forget_values() -> int:
    """Remove what was kept for undoing imports whose time is over, with the names of those they left off the list;
    returns how many rows. An undo that runs ends first.
    """
    ended = ContactImport.objects.filter(job__finished_at__lt=now() - KEPT).exclude(undo__status__in=jobs.UNFINISHED)
    removed = 0
    for model in (ImportBefore, ImportKept, ImportLeftOff):
        while True:
            ids = list(model.objects.filter(contact_import__in=ended).values_list("pk", flat=True)[:_PURGED_AT_ONCE])
            if not ids:
                break
            removed += model.objects.filter(pk__in=ids).delete()[0]
    return removed
