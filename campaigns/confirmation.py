"""Ask the unconfirmed of a list to confirm: an act of a person, counted, paced, once in 30 days.

An import onto a double opt-in list sends nothing by itself (CONTRACT 4). Each mail and its note are one
transaction, so a killed job goes on without asking anybody twice.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.core.cache import cache
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from campaigns import leaving
from campaigns.lists import EXACT_UP_TO
from campaigns.models import MailingList, Subscription, SubscriptionStatus
from relayhub.core import audit, jobs
from relayhub.core.access import Actor, require
from relayhub.core.clock import now
from relayhub.core.errors import AcceptError, ConflictError, InputError
from relayhub.core.models import Job, JobStatus, Scope

JOB_KIND = "confirmation"
#: Nobody is asked by this act more often.
ASK_EVERY = timedelta(days=30)
#: The mails go out this far apart, so that a large list meets no receiver at once.
PER_MINUTE = 100
_BATCH = 100
_KEPT_SECONDS = 60


def waiting(mailing_list: MailingList) -> int:
    """How many would be asked now: the figure to show before the act."""
    return _waiting(mailing_list).count()


def waiting_about(mailing_list: MailingList, unconfirmed: int) -> int:
    """The same for a page; of a list with very many `unconfirmed` the figure is up to a minute old."""
    if unconfirmed <= EXACT_UP_TO:
        return waiting(mailing_list) if unconfirmed else 0
    key = f"list-waiting:{mailing_list.pk}"
    kept: int | None = cache.get(key)
    if kept is None:
        kept = waiting(mailing_list)
        cache.set(key, kept, _KEPT_SECONDS)
    return kept


def ask_unconfirmed(actor: Actor, mailing_list: MailingList) -> Job:
    """Queue the asking; ConflictError while it runs already or where nobody waits."""
    require(actor, Scope.LISTS_WRITE)
    if not mailing_list.from_header:
        raise InputError(_("The list has no From address, so no confirmation can be sent."), field="from_header")
    with transaction.atomic():
        MailingList.objects.select_for_update().get(pk=mailing_list.pk)
        count = waiting(mailing_list)
        if count == 0:
            raise ConflictError(_("Everybody was asked within the last 30 days."), code="nobody_waits")
        running = Job.objects.filter(
            workspace=actor.workspace, kind=JOB_KIND, status__in=(JobStatus.WAITING, JobStatus.RUNNING),
            state__list=str(mailing_list.pk),
        )
        if running.exists():
            raise ConflictError(_("These people are being asked already."), code="already_asking")
        job = jobs.start_job(
            actor.workspace, kind=JOB_KIND, title=f"Ask {count:,} to confirm {mailing_list.name}", total=count,
            created_by=actor.user, state={"list": str(mailing_list.pk), "asked": 0, "refused": 0},
        )
        audit.record(
            actor, "list.asked_unconfirmed", "list", mailing_list.public_id, summary=mailing_list.name,
            after={"count": count},
        )
    return job


@jobs.job_runner(
    JOB_KIND, label=gettext_noop("Ask to confirm"), icon="mail", cancel_scope=Scope.LISTS_WRITE,
    titles=[gettext_noop("Ask %(count)s to confirm %(name)s")],
    on_cancel=gettext_noop(
        "Who was asked until then stays asked, and their mail still goes out; nobody else is asked."
    ),
)
def run_asking(run: jobs.JobRun) -> None:
    """Ask in order of subscription, from where the last run stopped."""
    mailing_list = MailingList.objects.select_related("workspace").get(pk=UUID(run.state["list"]))
    asked, refused = int(run.state["asked"]), int(run.state["refused"])
    last = UUID(run.state["last"]) if run.state.get("last") else None
    begun = run.job.created_at
    while True:
        with transaction.atomic():
            batch = _batch(mailing_list, last)
            if not batch:
                break
            for row in batch:
                due = begun + timedelta(minutes=(asked + refused) // PER_MINUTE)
                try:
                    with transaction.atomic():
                        asked += leaving.ask_to_confirm(row, send_at=due if due > now() else None)
                except AcceptError:
                    refused += 1
            last = batch[-1].pk
            run.advance(done=asked + refused, asked=asked, refused=refused, last=str(last))
    run.finish(asked=asked, refused=refused)


def _batch(mailing_list: MailingList, last: UUID | None) -> list[Subscription]:
    """The next ones, held fast; whoever is just answering is passed over."""
    rows = _waiting(mailing_list).select_for_update(of=("self",), skip_locked=True)
    rows = rows.select_related("contact", "mailing_list", "mailing_list__workspace")
    return list((rows.filter(pk__gt=last) if last else rows).order_by("pk")[:_BATCH])


def _waiting(mailing_list: MailingList) -> QuerySet[Subscription]:
    rows = Subscription.objects.filter(mailing_list=mailing_list, status=SubscriptionStatus.UNCONFIRMED)
    return rows.filter(Q(confirmation_sent_at=None) | Q(confirmation_sent_at__lt=now() - ASK_EVERY))
