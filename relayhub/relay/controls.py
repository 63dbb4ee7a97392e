"""Pause, resume, cancel, hold, release: of broadcasts, streams, lanes and messages.

A switch is one row that every claim and every intent looks at, so pausing a broadcast of a million is one
update and holds within seconds, for rows already claimed too: their intents are refused and they go back.
Cancelling and holding move rows, set-based, with their events and counts. Stopping a workspace is
`core.workspaces`; pausing the installation after a restore is `core.system`.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext as _

from relayhub.core import audit
from relayhub.core.access import Actor, require
from relayhub.core.clock import now
from relayhub.core.errors import ConflictError
from relayhub.core.formats import recorded
from relayhub.core.models import Scope
from relayhub.relay import events_move, rest_of_act
from relayhub.relay.bell import ring_on_commit
from relayhub.relay.events import HOLD_PERSON
from relayhub.relay.events_move import Pick
from relayhub.relay.models import BroadcastControl, Lane, Message, Recipient, Stream
from relayhub.relay.rest_of_act import MOVED_AT_ONCE

#: Recipients of one message that an act is for; None = all of them.
Chosen = Sequence[Recipient] | None
_NOTED = {"release": "message.released", "retry": "message.retried"}

# -- broadcasts: called by campaigns, which asks for permission and writes the audit entry -------------------


def pause_broadcast(broadcast_id: UUID) -> bool:
    """Let nothing more of a broadcast be claimed or sent; whether it was running."""
    return bool(
        BroadcastControl.objects.filter(pk=broadcast_id, paused_at=None, cancelled_at=None).update(
            paused_at=now()
        )
    )


def resume_broadcast(broadcast_id: UUID) -> bool:
    """Let a paused broadcast go on; whether it was paused."""
    resumed = BroadcastControl.objects.filter(pk=broadcast_id, cancelled_at=None).exclude(paused_at=None)
    if not resumed.update(paused_at=None):
        return False
    ring_on_commit(list(Lane.objects.filter(broadcast_id=broadcast_id).values_list("pk", flat=True)))
    return True


def cancel_broadcast(broadcast_id: UUID, *, by: str = "", most: int | None = None) -> int:
    """Cancel what of a broadcast is not out yet, or about `most` of it; returns how many. Repeating it finishes it.

    The switch comes first and in a transaction of its own: from then on nothing new is stored or sent,
    whatever becomes of this process while it moves the rows.
    """
    BroadcastControl.objects.filter(pk=broadcast_id, cancelled_at=None).update(cancelled_at=now())
    pick = Pick(where="r.broadcast_id = %(broadcast_id)s", params={"broadcast_id": broadcast_id})
    return events_move.cancel(pick, why="The broadcast was cancelled.", by=by, most=most)


def pace_broadcast(broadcast_id: UUID, max_per_minute: int | None) -> None:
    """Limit a broadcast's recipients a minute, or lift the limit."""
    BroadcastControl.objects.filter(pk=broadcast_id).update(max_per_minute=max_per_minute)


# -- streams and lanes ---------------------------------------------------------------------------------------


def pause_stream(actor: Actor, stream: Stream, *, reason: str = "") -> None:
    """Keep all mail of a stream back until it is resumed."""
    require(actor, Scope.STREAMS_WRITE)
    with transaction.atomic():
        Stream.objects.filter(pk=stream.pk).update(paused_at=now(), paused_reason=reason[:300])
        audit.record(actor, "stream.paused", "stream", stream.public_id, summary=reason[:300])
    stream.refresh_from_db(fields=["paused_at", "paused_reason"])


def resume_stream(actor: Actor, stream: Stream) -> None:
    """Let a paused stream go on."""
    require(actor, Scope.STREAMS_WRITE)
    with transaction.atomic():
        Stream.objects.filter(pk=stream.pk).update(paused_at=None, paused_reason="")
        audit.record(actor, "stream.resumed", "stream", stream.public_id)
    stream.refresh_from_db(fields=["paused_at", "paused_reason"])
    ring_on_commit(list(Lane.objects.filter(stream=stream).values_list("pk", flat=True)[:200]))


def pause_lane(actor: Actor, lane: Lane, *, reason: str = "") -> None:
    """Keep a lane's mail back until it is resumed."""
    require(actor, Scope.STREAMS_WRITE)
    with transaction.atomic():
        Lane.objects.filter(pk=lane.pk).update(paused_at=now(), paused_reason=reason[:300])
        audit.record(actor, "lane.paused", "lane", str(lane.pk), summary=f"{lane.site}: {reason}"[:300])


def resume_lane(actor: Actor, lane: Lane) -> None:
    """Let a lane go on, paused or backed off."""
    require(actor, Scope.STREAMS_WRITE)
    with transaction.atomic():
        Lane.objects.filter(pk=lane.pk).update(
            paused_at=None, paused_reason="", backoff_until=None, backoff_reason=""
        )
        audit.record(actor, "lane.resumed", "lane", str(lane.pk), summary=lane.site)
    ring_on_commit([lane.pk])


def pace_lane(actor: Actor, lane: Lane, max_per_minute: int | None) -> None:
    """Limit a lane's recipients a minute, or lift the limit."""
    require(actor, Scope.STREAMS_WRITE)
    with transaction.atomic():
        Lane.objects.filter(pk=lane.pk).update(max_per_minute=max_per_minute)
        audit.record(actor, "lane.paced", "lane", str(lane.pk), summary=f"{lane.site}: {max_per_minute}")


# -- messages and recipients ---------------------------------------------------------------------------------


def cancel_message(actor: Actor, message: Message, recipients: Chosen = None) -> int:
    """Cancel a message's recipients, or the chosen of them, that are not out yet; ConflictError if there is none.

    A campaign's mail as a whole is cancelled through the campaign, which would else go on storing recipients.
    """
    require(actor, Scope.MESSAGES_WRITE)
    if message.broadcast_id is not None and recipients is None:
        raise ConflictError(_("This is the mail of a campaign: cancel the campaign."), code="mail_of_a_campaign")
    with transaction.atomic():
        moved = events_move.cancel(
            _of(message, recipients), why="A person or program cancelled it.", by=actor.label
        )
        _note(actor, "message.cancelled", message, moved)
    if not moved:
        raise ConflictError(
            _("Nothing is left to cancel: every recipient is finished or being sent."), code="nothing_to_cancel"
        )
    return moved


def hold_message(actor: Actor, message: Message, recipients: Chosen = None) -> int:
    """Keep a message's waiting recipients, or the chosen of them, back.

    ConflictError for a campaign's mail as a whole: pausing the campaign is one switch, this moved every row.
    """
    require(actor, Scope.MESSAGES_WRITE)
    if message.broadcast_id is not None and recipients is None:
        raise ConflictError(_("This is the mail of a campaign: pause the campaign."), code="mail_of_a_campaign")
    with transaction.atomic():
        moved = events_move.hold(_of(message, recipients), reason=HOLD_PERSON, by=actor.label)
        _note(actor, "message.held", message, moved)
    return moved


def release_message(actor: Actor, message: Message, recipients: Chosen = None) -> int:
    """Let a message's held, unknown and quarantined recipients, or the chosen of them, go.

    Of very many the first are moved; a job moves the rest.
    """
    require(actor, Scope.MESSAGES_WRITE)
    pick = _of(message, recipients)
    with transaction.atomic():
        moved = events_move.release(pick, why=rest_of_act.WHY_RELEASED, by=actor.label, most=MOVED_AT_ONCE)
        _go_on(actor, message, "release", pick, moved)
    return moved


def release_recipients(actor: Actor, recipients: Sequence[Recipient]) -> int:
    """Let these held, unknown or quarantined recipients go."""
    require(actor, Scope.MESSAGES_WRITE)
    pick = Pick(
        where="r.workspace_id = %(workspace_id)s AND r.id = ANY(%(ids)s)",
        params={"workspace_id": actor.workspace.pk, "ids": [recipient.pk for recipient in recipients]},
    )
    with transaction.atomic():
        moved = events_move.release(pick, why=rest_of_act.WHY_RELEASED, by=actor.label)
        if moved:
            audit.record(actor, "recipients.released", "recipient", "", summary=f"{moved} recipients")
            _ring_lanes_of(pick)
    return moved


def retry_message_now(actor: Actor, message: Message, recipients: Chosen = None) -> int:
    """Make a message's waiting recipients, or the chosen of them, due at once; of very many a job makes the rest."""
    require(actor, Scope.MESSAGES_WRITE)
    pick = _of(message, recipients)
    with transaction.atomic():
        moved = events_move.retry_now(pick, most=MOVED_AT_ONCE)
        _go_on(actor, message, "retry", pick, moved)
    return moved


def _go_on(actor: Actor, message: Message, act: str, pick: Pick, moved: int) -> None:
    """Note what was moved, ring for it, and leave what may be left to a job; in the caller's transaction."""
    _note(actor, _NOTED[act], message, moved)
    if moved < MOVED_AT_ONCE:
        if moved:
            _ring_lanes_of(pick)
        return
    ring_on_commit(list(rest_of_act.lanes_of(message)))
    rest_of_act.start(actor, message, act)


def _of(message: Message, recipients: Chosen) -> Pick:
    if recipients is None:
        return rest_of_act.of_message(message.pk)
    return Pick(
        where="r.message_id = %(message_id)s AND r.id = ANY(%(ids)s)",
        params={"message_id": message.pk, "ids": [recipient.pk for recipient in recipients]},
    )


def _note(actor: Actor, action: str, message: Message, moved: int) -> None:
    if moved:
        audit.record(actor, action, "message", message.public_id, summary=recorded(moved, "recipient"))


def _ring_lanes_of(pick: Pick) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT r.lane_id FROM relay_recipient r WHERE {pick.where}", pick.params)
        ring_on_commit([row[0] for row in cursor.fetchall()])
