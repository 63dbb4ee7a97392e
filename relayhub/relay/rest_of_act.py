"""The rest of an act on a message with very many recipients: release and try now go on as a job.

Whoever asked has moved the first of them and the answer; the job moves the others batch by batch, each with its
events in one transaction. It moves no more than were there when it began, so mail that is held anew while it runs
is not let go again and again.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_noop

from relayhub.core import jobs
from relayhub.core.access import Actor
from relayhub.core.models import Job, Scope
from relayhub.relay import events_move
from relayhub.relay.bell import ring_lanes
from relayhub.relay.events_move import RELEASABLE, Pick
from relayhub.relay.models import Lane, Message, Recipient

JOB_KIND = "rest_of_act"
#: So many rows are moved while somebody waits for the answer: about two seconds.
MOVED_AT_ONCE = 20_000
WHY_RELEASED = "A person released it."
_BATCH = 10_000
_TITLES = {"release": "Release", "retry": "Try now"}
#: Act -> the statuses it moves from.
_FROM = {"release": RELEASABLE, "retry": ("queued", "deferred")}


def of_message(message_id: UUID) -> Pick:
    """Everybody of a message."""
    return Pick(where="r.message_id = %(message_id)s", params={"message_id": message_id})


def start(actor: Actor, message: Message, act: str) -> Job:
    """Move the rest behind the caller's transaction; `act` is `release` or `retry`."""
    return jobs.start_job(
        message.workspace, kind=JOB_KIND, title=f"{_TITLES[act]}: {message.subject or message.public_id}",
        created_by=actor.user, unit="recipients", state={"act": act, "message": str(message.pk), "by": actor.label},
    )


@jobs.job_runner(
    JOB_KIND, label=gettext_noop("Release"), icon="player-play", cancel_scope=Scope.MESSAGES_WRITE,
    on_cancel=gettext_noop("Whom it reached goes out; the rest stays as it is."),
    titles=[gettext_noop("Release: %(name)s"), gettext_noop("Try now: %(name)s")],
)
def run_rest(run: jobs.JobRun) -> None:
    """Move batch by batch, as many as there were at the start."""
    act, message_id = str(run.state["act"]), UUID(run.state["message"])
    if run.job.total is None:
        run.advance(total=Recipient.objects.filter(message_id=message_id, status__in=_FROM[act]).count())
    done, total = int(run.job.done), int(run.job.total or 0)
    while done < total:
        with transaction.atomic():
            moved = _move(act, message_id, str(run.state.get("by", "")), most=min(_BATCH, total - done))
            done += moved
            run.advance(done=done)
        if not moved:
            break
    ring_lanes(list(lanes_of(Message.objects.get(pk=message_id))))
    run.finish(recipients=done)


def lanes_of(message: Message) -> QuerySet[Lane, int]:
    """The lanes of a campaign's mail, without a look at its recipients."""
    lanes = Lane.objects.filter(workspace_id=message.workspace_id, broadcast_id=message.broadcast_id)
    return lanes.values_list("pk", flat=True)


def _move(act: str, message_id: UUID, by: str, *, most: int) -> int:
    if act == "retry":
        return events_move.retry_now(of_message(message_id), most=most)
    return events_move.release(of_message(message_id), why=WHY_RELEASED, by=by, most=most)
