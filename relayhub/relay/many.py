"""One act on many picked rows of the message list: whole messages (`msg_…`) and single recipients (`rcp_…`).

Holding and releasing can be undone for some minutes, for exactly those whom the act moved; a cancelled recipient is
final, and what was sent again is out.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.core.cache import cache
from django.db.models import Q
from django.utils.translation import gettext as _

from relayhub.core.access import Actor
from relayhub.core.errors import AcceptError, ConflictError, InputError
from relayhub.core.ids import Prefix, decode_id
from relayhub.relay import controls, resend
from relayhub.relay.controls import Chosen
from relayhub.relay.events_move import HOLDABLE
from relayhub.relay.models import FINAL, Message, Recipient

MAX_PICKED = 200
#: An act that moved more has no undo.
MAX_UNDONE = 1000
UNDO_SECONDS = 900
RESEND = "resend"
_MOVES: dict[str, Callable[[Actor, Message, Chosen], int]] = {
    "cancel": controls.cancel_message, "hold": controls.hold_message, "release": controls.release_message,
    "retry": controls.retry_message_now,
}
ACTS = (*_MOVES, RESEND)
#: Whom a mail did not reach, and will not.
_MISSED = sorted(str(status) for status in FINAL if status != "delivered")
#: Act -> the statuses that it moves and its undo moves back, and the act that undoes it.
_UNDONE: dict[str, tuple[tuple[str, ...], str]] = {"hold": (HOLDABLE, "release"), "release": (("held",), "hold")}


@dataclass(frozen=True, kw_only=True)
class Done:
    """How many recipients an act moved, and the token that undoes it ("" = it cannot be undone)."""

    moved: int
    undo_token: str = ""


def carry_out(actor: Actor, act: str, public_ids: Sequence[str], *, once: str = "") -> Done:
    """Do the act to what of these is the workspace's and in a state for it; InputError for an unknown act.

    `once` names the page that asks: what it sends again twice goes out once.
    """
    if act not in ACTS:
        raise InputError(f"An act is one of: {', '.join(ACTS)}.", field="act")
    picked = _picked(actor, public_ids[:MAX_PICKED])
    before = _movable(act, picked)
    moved = 0
    for message, chosen in picked:
        try:
            moved += (
                _resent(actor, message, chosen, once) if act == RESEND else _MOVES[act](actor, message, chosen)
            )
        except (ConflictError, AcceptError):
            # Finished meanwhile, or a campaign's whole mail: the others go on.
            continue
    return Done(moved=moved, undo_token=_remember(actor, act, before) if moved else "")


def _resent(actor: Actor, message: Message, chosen: Chosen, once: str) -> int:
    """Hand it in again to those of the picked who did not get it."""
    missed = Recipient.objects.filter(message=message, status__in=_MISSED)
    if chosen is not None:
        missed = missed.filter(pk__in=[row.pk for row in chosen])
    rows = list(missed.order_by("id")[: resend.MAX_RESENT])
    if not rows:
        return 0
    resend.resend(actor, message, rows, once=once)
    return len(rows)


def undo(actor: Actor, token: str) -> int:
    """Take back a hold or a release; how many recipients went back. ConflictError where it is too late."""
    kept = cache.get(_key(actor, token))
    if not kept:
        raise ConflictError(_("This can be undone for 15 minutes only, and once."), code="too_late")
    cache.delete(_key(actor, token))
    act, ids = kept
    rows = Recipient.objects.filter(workspace=actor.workspace, pk__in=ids).select_related("message")
    by_message: dict[UUID, list[Recipient]] = defaultdict(list)
    for row in rows:
        by_message[row.message_id].append(row)
    return sum(_MOVES[act](actor, some[0].message, some) for some in by_message.values())


def _movable(act: str, picked: Sequence[tuple[Message, Chosen]]) -> list[UUID]:
    """Whom the act may move and an undo could bring back; nobody where they are too many."""
    if act not in _UNDONE:
        return []
    whole = [message.pk for message, chosen in picked if chosen is None]
    single = [row.pk for _, chosen in picked if chosen is not None for row in chosen]
    found = Recipient.objects.filter(Q(message_id__in=whole) | Q(pk__in=single), status__in=_UNDONE[act][0])
    ids = list(found.values_list("pk", flat=True)[: MAX_UNDONE + 1])
    return ids if len(ids) <= MAX_UNDONE else []


def _remember(actor: Actor, act: str, before: Sequence[UUID]) -> str:
    """A token for the undo of an act, of those whom it really moved."""
    if not before:
        return ""
    statuses, inverse = _UNDONE[act]
    moved = list(Recipient.objects.filter(pk__in=before).exclude(status__in=statuses).values_list("pk", flat=True))
    if not moved:
        return ""
    token = secrets.token_urlsafe(12)
    cache.set(_key(actor, token), (inverse, moved), UNDO_SECONDS)
    return token


def _key(actor: Actor, token: str) -> str:
    return f"messages-undo:{actor.workspace.pk}:{token[:40]}"


def _picked(actor: Actor, public_ids: Sequence[str]) -> list[tuple[Message, Chosen]]:
    messages = Message.objects.filter(
        workspace=actor.workspace, pk__in=_ids(Prefix.MESSAGE, public_ids)
    ).select_related("stream")
    recipients = Recipient.objects.filter(
        workspace=actor.workspace, pk__in=_ids(Prefix.RECIPIENT, public_ids)
    ).select_related("message", "message__stream")
    return [*((row, None) for row in messages), *((row.message, [row]) for row in recipients)]


def _ids(prefix: Prefix, public_ids: Sequence[str]) -> list[UUID]:
    return [found for text in public_ids if (found := decode_id(prefix, text)) is not None]
