"""Take back an act on many contacts, as far as it can be: nobody who acted by themselves since is touched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from campaigns import bulk_sql, subscriptions
from campaigns.bulk import AT_ONCE, JOB_KIND, TITLES, UNDO_JOB_KIND, UNDO_WITHIN, title_of, words_of
from campaigns.contacts import Evidence
from campaigns.models import BulkAct, BulkChange, BulkKind
from deliverability import suppression
from relayhub.core import audit, jobs
from relayhub.core.access import Actor, actor_for_member, require, system_actor
from relayhub.core.clock import now
from relayhub.core.errors import ConflictError
from relayhub.core.formats import number
from relayhub.core.models import Job, JobStatus, Member, Scope, Workspace

_BATCH = 2_000
#: Acts whose traces are the consent entries they wrote; those of others are rows of `BulkChange`.
_BY_ENTRIES = frozenset({BulkKind.ADD_TO_LIST, BulkKind.REMOVE_FROM_LIST})


def acts_of(workspace: Workspace) -> QuerySet[BulkAct]:
    """Every act of the workspace."""
    return BulkAct.objects.filter(workspace=workspace).select_related("mailing_list", "job", "workspace")


def undo_until(act: BulkAct) -> datetime | None:
    """Until when it can be taken back; None where it cannot, or changed nothing, or was taken back."""
    if act.kind == BulkKind.DELETE or act.undone_at is not None or not act.changed or act.finished_at is None:
        return None
    until = act.finished_at + UNDO_WITHIN
    return until if until > now() else None


def undoable(actor: Actor, limit: int) -> list[BulkAct]:
    """The newest acts of anybody that this person can still take back."""
    rows = acts_of(actor.workspace).filter(undone_at=None, changed__gt=0, finished_at__gt=now() - UNDO_WITHIN)
    rows = rows.exclude(kind=BulkKind.DELETE)
    if not actor.may(Scope.SUPPRESSIONS_WRITE):
        rows = rows.exclude(kind=BulkKind.SUPPRESS)
    return list(rows.order_by("-finished_at")[:limit]) if actor.may(Scope.CONTACTS_WRITE) else []


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a job did with many contacts: in words, its act's id, and until when it can be undone or why it cannot."""

    id: str
    words: str
    until: datetime | None
    why_not: str


def told_of(job: Job, actor: Actor) -> Told | None:
    """The same of a finished job; None of any other."""
    if job.kind not in {JOB_KIND, UNDO_JOB_KIND} or not job.is_finished:
        return None
    act = acts_of(actor.workspace).filter(pk=job.state.get("act")).first()
    if act is None:
        return None
    if job.kind == UNDO_JOB_KIND:
        return Told(id=act.public_id, words=undone_words(act), until=None, why_not="")
    may = actor.may(Scope.CONTACTS_WRITE) and (act.kind != BulkKind.SUPPRESS or actor.may(Scope.SUPPRESSIONS_WRITE))
    why_not = (
        _("This cannot be undone.") if act.kind == BulkKind.DELETE else _("It was undone.") if act.undone_at else ""
    )
    return Told(id=act.public_id, words=words_of(act), until=undo_until(act) if may else None, why_not=why_not)


def undone_words(act: BulkAct) -> str:
    """What undoing came to: “Undone for 3 contacts.”, and how many had changed since."""
    left = act.changed - act.restored
    words = ngettext("Undone for %(count)s contact.", "Undone for %(count)s contacts.", act.restored) % {
        "count": number(act.restored)
    }
    return f"{words} {_('%(count)s left alone: they changed since.') % {'count': number(left)}}" if left else words


def undo(actor: Actor, act: BulkAct) -> Job | None:
    """Take it back: at once for a few (None), else by the job that is returned; ConflictError where it is too late."""
    require(actor, Scope.CONTACTS_WRITE)
    if act.kind == BulkKind.SUPPRESS:
        require(actor, Scope.SUPPRESSIONS_WRITE)
    with transaction.atomic():
        locked = acts_of(actor.workspace).select_for_update(of=("self",)).get(pk=act.pk)
        _check(locked)
        locked.undone_at = now()
        locked.save(update_fields=["undone_at"])
        if locked.changed > AT_ONCE:
            return jobs.start_job(
                actor.workspace, kind=UNDO_JOB_KIND, title=f"Undo: {title_of(locked, locked.changed)}"[:300],
                created_by=actor.user, total=locked.changed, unit="contacts",
                state={"act": str(locked.pk), "by": actor.label},
            )
        for part in _parts(locked):
            _take_back(locked, part, actor.label)
        _close(locked, actor)
    act.refresh_from_db()
    return None


def _check(act: BulkAct) -> None:
    if act.kind == BulkKind.DELETE:
        raise ConflictError(_("A deletion cannot be undone."), code="cannot_be_undone")
    if act.undone_at is not None:
        raise ConflictError(_("This was undone already."), code="undone")
    if act.finished_at is None:
        raise ConflictError(_("It still runs. Stop it first."), code="running")
    if act.finished_at + UNDO_WITHIN <= now():
        raise ConflictError(_("This can be undone for 24 hours only."), code="too_late")


def _parts(act: BulkAct, after: str = "") -> Iterator[Any]:
    """The act's traces in parts: consent entries by list, else changes; from the checkpoint on."""
    if act.kind in _BY_ENTRIES:
        if act.mailing_list is not None and act.finished_at is not None:
            for part in subscriptions.slices_of(act.mailing_list, act.pk, ended_at=act.finished_at, size=_BATCH):
                if not after or part.first > UUID(after):
                    yield part
        return
    last = int(after or 0)
    while rows := list(BulkChange.objects.filter(act=act, pk__gt=last).order_by("pk")[:_BATCH]):
        yield rows
        last = rows[-1].pk


def _place(part: Any) -> str:
    return str(part.last if isinstance(part, subscriptions.ActSlice) else part[-1].pk)


def _size(part: Any) -> int:
    return _BATCH if isinstance(part, subscriptions.ActSlice) else len(part)


def _take_back(act: BulkAct, part: Any, label: str) -> None:
    act.restored += _restored(act, part, label)
    act.save(update_fields=["restored"])


def _restored(act: BulkAct, part: Any, label: str) -> int:
    evidence = Evidence(channel=act.channel, source=f"undone by {label}")
    if act.kind == BulkKind.SET_FIELD:
        return bulk_sql.restore_field(act, [row.pk for row in part])
    if act.kind == BulkKind.SUPPRESS:
        ids = [UUID(row.before["suppression"]) for row in part]
        return suppression.lift_rows(act.workspace_id, ids, lifted_by=label, reason="the act was undone")
    if act.mailing_list is None:
        return 0
    if act.kind == BulkKind.UNSUBSCRIBE:
        return subscriptions.subscribe_again(part, act.mailing_list, evidence=evidence)
    change = subscriptions.take_back if act.kind == BulkKind.ADD_TO_LIST else subscriptions.restore
    return change(act.mailing_list, act.pk, part, evidence=evidence)


def _close(act: BulkAct, actor: Actor) -> None:
    audit.record(
        actor, "list.undone" if act.mailing_list else "contacts.undone", "list" if act.mailing_list else "contact",
        act.mailing_list.public_id if act.mailing_list else "", summary=f"Undone: {title_of(act, act.changed)}"[:500],
        after={"count": act.restored, "act": str(act.pk)},
    )


def _at_end(job: Job) -> None:
    """What an undo that did not come to its end left can still be undone, by asking again."""
    act = acts_of(job.workspace).filter(pk=job.state["act"]).first()
    if act is None:
        return
    if job.status == JobStatus.DONE:
        _close(act, _actor_of(job, str(job.state["by"])))
    else:
        BulkAct.objects.filter(pk=act.pk).update(undone_at=None)


@jobs.job_runner(
    UNDO_JOB_KIND, label=gettext_noop("Undo"), icon="arrow-back-up", at_end=_at_end,
    titles=[gettext_noop("Undo: %(sentence)s"), *TITLES],
    on_cancel=gettext_noop("What was taken back stays so; undo once more to take back the rest."),
)
def run_undo(run: jobs.JobRun) -> None:
    """Go on where the checkpoint is."""
    act = acts_of(run.job.workspace).get(pk=run.state["act"])
    label, done = str(run.state["by"]), int(run.job.done)
    for part in _parts(act, run.state.get("after", "")):
        with transaction.atomic():
            _take_back(act, part, label)
            done = min(done + _size(part), act.changed)
            run.advance(done=done, after=_place(part))
    run.finish(act=act.public_id, restored=act.restored)


def _actor_of(job: Job, label: str) -> Actor:
    member = Member.objects.filter(workspace=job.workspace, user=job.created_by).select_related("user", "workspace")
    found = member.first()
    return actor_for_member(found) if found is not None else system_actor(job.workspace, label)


def forget_old() -> int:
    """Remove what acts kept that nobody can undo any more; returns how many changes. An undo that runs ends first."""
    running = Job.objects.filter(kind=UNDO_JOB_KIND, status__in=jobs.UNFINISHED).values_list("state__act", flat=True)
    old = BulkAct.objects.filter(finished_at__lt=now() - UNDO_WITHIN).exclude(pk__in=list(running)).values("pk")
    return BulkChange.objects.filter(act__in=old).delete()[0]
