"""What people do to a message: cancel, hold, release, try now, send again. Each is a POST that goes back."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy
from django.views.decorators.http import require_POST

from relayhub.core.access import Actor
from relayhub.core.errors import InputError
from relayhub.core.formats import number
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, back_to, page
from relayhub.relay import controls, many, resend
from relayhub.relay.controls import Chosen
from relayhub.relay.models import FINAL, Message, Recipient
from relayhub.relay.resend import MAX_RESENT
from relayhub.relay.rest_of_act import MOVED_AT_ONCE
from relayhub.relay.views.common import Shown, shown_of

#: Act -> what is told of it.
_DONE = {
    "cancel": ngettext_lazy("Cancelled for %(count)s recipient.", "Cancelled for %(count)s recipients.", "moved"),
    "hold": ngettext_lazy("Held for %(count)s recipient.", "Held for %(count)s recipients.", "moved"),
    "release": ngettext_lazy("Released for %(count)s recipient.", "Released for %(count)s recipients.", "moved"),
    "retry": ngettext_lazy("Due now for %(count)s recipient.", "Due now for %(count)s recipients.", "moved"),
    "resend": ngettext_lazy(
        "Handed in again for %(count)s recipient.", "Handed in again for %(count)s recipients.", "moved"
    ),
    "undo": ngettext_lazy("Undone for %(count)s recipient.", "Undone for %(count)s recipients.", "moved"),
    "new": ngettext_lazy(
        "Handed in again for %(count)s recipient: this is the new message.",
        "Handed in again for %(count)s recipients: this is the new message.", "moved",
    ),
}

Act = Callable[[Actor, Message, Chosen], int]


@require_POST
@page(Scope.MESSAGES_WRITE)
def message_cancel(request: PageRequest, public_id: str) -> HttpResponse:
    """Stop what is not out yet."""
    return _moved(request, public_id, controls.cancel_message, "cancel", "")


@require_POST
@page(Scope.MESSAGES_WRITE)
def message_hold(request: PageRequest, public_id: str) -> HttpResponse:
    """Keep what waits back; an undo lets it go again."""
    return _undoable(request, public_id, "hold", _("Nothing waits any more that could be held."))


@require_POST
@page(Scope.MESSAGES_WRITE)
def message_release(request: PageRequest, public_id: str) -> HttpResponse:
    """Let what is held, unknown or quarantined go; an undo holds again what was held."""
    return _undoable(request, public_id, "release", _("Nothing is kept back any more."))


def _undoable(request: PageRequest, public_id: str, act: str, nothing: str) -> HttpResponse:
    shown = shown_of(request, public_id)
    done = many.carry_out(request.actor, act, [shown.public_id])
    if done.moved:
        undo = f"undo={reverse('message-undo', args=[done.undo_token])}" if done.undo_token else ""
        messages.success(request, _done(act, done.moved), extra_tags=undo)
    else:
        messages.info(request, nothing)
    return redirect("message-detail", shown.public_id)


@require_POST
@page(Scope.MESSAGES_WRITE)
def message_retry(request: PageRequest, public_id: str) -> HttpResponse:
    """Make what was put off due at once."""
    nothing = _("Nothing waits for a later time any more.")
    return _moved(request, public_id, controls.retry_message_now, "retry", nothing)


@require_POST
@page(Scope.MESSAGES_WRITE)
def message_bulk(request: PageRequest) -> HttpResponse:
    """One act on the picked rows of the list; back to the list as it was."""
    act, picked = request.POST.get("act", ""), request.POST.getlist("picked")
    if not picked:
        raise InputError(_("Pick at least one row first."), field="picked")
    done = many.carry_out(request.actor, act, picked, once=request.POST.get("once", ""))
    if done.moved:
        undo = f"undo={reverse('message-undo', args=[done.undo_token])}" if done.undo_token else ""
        messages.success(request, _done(act, done.moved), extra_tags=undo)
    else:
        messages.info(
            request,
            _("None of these is in a state for that any more, or it is a whole campaign: nothing was changed."),
        )
    return redirect(back_to(request, reverse("message-list")))


@require_POST
@page(Scope.MESSAGES_WRITE)
def message_undo(request: PageRequest, token: str) -> HttpResponse:
    """Take back a hold or a release."""
    moved = many.undo(request.actor, token)
    messages.success(request, _done("undo", moved))
    return redirect(back_to(request, reverse("message-list")))


def _done(act: str, moved: int) -> str:
    done = str(_DONE[act] % {"moved": moved, "count": number(moved)})
    if moved >= MOVED_AT_ONCE:
        return _("%(done)s The others follow, see Jobs.") % {"done": done}
    return done


def _moved(request: PageRequest, public_id: str, act: Act, name: str, nothing: str) -> HttpResponse:
    shown = shown_of(request, public_id)
    moved = act(request.actor, shown.message, shown.chosen)
    if moved:
        messages.success(request, _done(name, moved))
    else:
        messages.info(request, nothing)
    return redirect("message-detail", shown.public_id)


@require_POST
@page(Scope.MESSAGES_WRITE)
def message_resend(request: PageRequest, public_id: str) -> HttpResponse:
    """Send it again to those who did not get it (`who=missed`), or to everybody."""
    shown = shown_of(request, public_id)
    chosen = _chosen(shown, missed_only=request.POST.get("who") == "missed")
    done = resend.resend(request.actor, shown.message, chosen, once=request.POST.get("once", ""))
    new_id = encode_id(Prefix.MESSAGE, done.accepted.message_id)
    if done.is_new:
        messages.success(request, _done("new", len(done.accepted.recipients)))
    else:
        messages.info(request, _("This page handed it in again already: this is that message."))
    return redirect("message-detail", new_id)


def _chosen(shown: Shown, *, missed_only: bool) -> list[Recipient]:
    if shown.recipient is not None:
        return [shown.recipient]
    found = Recipient.objects.filter(message=shown.message, status__in=[str(status) for status in FINAL])
    if missed_only:
        found = found.exclude(status="delivered")
    return list(found.order_by("id")[:MAX_RESENT])
