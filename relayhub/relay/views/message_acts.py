"""What people do to a message: cancel, hold, release, try now, send again. Each is a POST that goes back."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from relayhub.core.access import Actor
from relayhub.core.errors import InputError
from relayhub.core.formats import counted
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, back_to, page
from relayhub.relay import controls, many, resend
from relayhub.relay.controls import Chosen
from relayhub.relay.models import FINAL, Message, Recipient
from relayhub.relay.resend import MAX_RESENT
from relayhub.relay.views.common import Shown, shown_of

Act = Callable[[Actor, Message, Chosen], int]


@require_POST
@page(Scope.MESSAGES_WRITE)
def message_cancel(request: PageRequest, public_id: str) -> HttpResponse:
    """Stop what is not out yet."""
    return _moved(request, public_id, controls.cancel_message, "Cancelled for {}.", "")


@require_POST
@page(Scope.MESSAGES_WRITE)
def message_hold(request: PageRequest, public_id: str) -> HttpResponse:
    """Keep what waits back."""
    return _moved(
        request, public_id, controls.hold_message, "Held for {}.", "Nothing waits any more that could be held."
    )


@require_POST
@page(Scope.MESSAGES_WRITE)
def message_release(request: PageRequest, public_id: str) -> HttpResponse:
    """Let what is held, unknown or quarantined go."""
    return _moved(
        request, public_id, controls.release_message, "Released for {}.", "Nothing is kept back any more."
    )


@require_POST
@page(Scope.MESSAGES_WRITE)
def message_retry(request: PageRequest, public_id: str) -> HttpResponse:
    """Make what was put off due at once."""
    return _moved(
        request, public_id, controls.retry_message_now, "Due now for {}.", "Nothing waits for a later time any more."
    )


_DONE = {
    "cancel": "Cancelled for {}.", "hold": "Held for {}.", "release": "Released for {}.", "retry": "Due now for {}.",
}


@require_POST
@page(Scope.MESSAGES_WRITE)
def message_bulk(request: PageRequest) -> HttpResponse:
    """One act on the picked rows of the list; back to the list as it was."""
    act, picked = request.POST.get("act", ""), request.POST.getlist("picked")
    if act not in many.ACTS:
        raise InputError(f"An act is one of: {', '.join(many.ACTS)}.", field="act")
    if not picked:
        raise InputError("Pick at least one row first.", field="picked")
    moved = many.carry_out(request.actor, act, picked)
    if moved:
        messages.success(request, _DONE[act].format(counted(moved, "recipient")))
    else:
        messages.info(request, "None of these is in a state for that any more: nothing was changed.")
    return redirect(back_to(request, reverse("message-list")))


def _moved(request: PageRequest, public_id: str, act: Act, done: str, nothing: str) -> HttpResponse:
    shown = shown_of(request, public_id)
    moved = act(request.actor, shown.message, shown.chosen)
    if moved:
        messages.success(request, done.format(counted(moved, "recipient")))
    else:
        messages.info(request, nothing)
    return redirect("message-detail", shown.public_id)


@require_POST
@page(Scope.MESSAGES_WRITE)
def message_resend(request: PageRequest, public_id: str) -> HttpResponse:
    """Send it again to those who did not get it (`who=missed`), or to everybody."""
    shown = shown_of(request, public_id)
    chosen = _chosen(shown, missed_only=request.POST.get("who") == "missed")
    accepted = resend.resend(request.actor, shown.message, chosen)
    new_id = encode_id(Prefix.MESSAGE, accepted.message_id)
    messages.success(request, f"Handed in again for {counted(len(chosen), 'recipient')}: this is the new message.")
    return redirect("message-detail", new_id)


def _chosen(shown: Shown, *, missed_only: bool) -> list[Recipient]:
    if shown.recipient is not None:
        return [shown.recipient]
    found = Recipient.objects.filter(message=shown.message, status__in=[str(status) for status in FINAL])
    if missed_only:
        found = found.exclude(status="delivered")
    return list(found.order_by("id")[:MAX_RESENT])
