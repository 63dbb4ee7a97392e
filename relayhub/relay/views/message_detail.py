"""One message: what became of it and why, how it looks, its source, and what its header says.

A page is about one recipient (`rcp_…`, or a message with only one) or about a message with several. Content is
for those who may read bodies; it is only ever answered in the cage.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET

from relayhub.core import formats
from relayhub.core.access import MESSAGE_BODY
from relayhub.core.caged import caged, caged_response, caged_text
from relayhub.core.clock import now
from relayhub.core.errors import PrepareError, RelayHubError
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.live_feed import Feed
from relayhub.core.live_response import live_response
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, page
from relayhub.core.paging import table_page
from relayhub.core.templatetags.relayhub_extras import nav_url
from relayhub.core.vocabulary import status_look
from relayhub.protocol.address import AddressError, normalise
from relayhub.relay import (
    acts,
    causes,
    display,
    evidence,
    header_words,
    identity,
    looking,
    queries,
    queue_view,
    routes,
    story,
    subjects,
)
from relayhub.relay.models import Attempt, BroadcastControl, Message, Recipient
from relayhub.relay.retold import retold
from relayhub.relay.routing import RouteChoice
from relayhub.relay.views.common import Shown, once_of_page, shown_of, zone_of

#: Statuses that may change while one looks.
_MOVING = ("queued", "leased", "attempting")
_ORDER = (
    "delivered", "sandboxed", "bounced", "suppressed", "expired", "cancelled", "deferred", "held", "unknown",
    "quarantined", "attempting", "leased", "queued",
)

@require_GET
@page(Scope.MESSAGES_READ)
def message_detail(request: PageRequest, public_id: str) -> HttpResponse:
    """What happened to it, and why."""
    shown = shown_of(request, public_id)
    if shown.recipient is None:
        return render(request, "relay/message_recipients.html", _many(request, shown))
    return render(request, "relay/message_detail.html", _one(request, shown.recipient))


@require_GET
@page(Scope.MESSAGES_READ)
def message_live(request: PageRequest, public_id: str) -> HttpResponseBase:
    """Whether the page that shows a state is out of date, for live.js: as events, or once as JSON."""
    shown, state = shown_of(request, public_id), request.GET.get("state", "")
    feed = Feed(
        key=f"message:{shown.public_id}:{state[:40]}", workspace_id=shown.message.workspace_id, floor_seconds=5.0,
        render=lambda: {"end": _present_state(shown) != state},
    )
    return live_response(request, feed)


@require_GET
@page(MESSAGE_BODY)
def message_content(request: PageRequest, public_id: str) -> HttpResponse:
    """How it looks, in a sandboxed frame."""
    shown = _content_shown(request, public_id)
    context = {**_frame(request, shown, "content"), **readable_of(shown)}
    return render(request, "relay/message_content.html", context)


@require_GET
@page(MESSAGE_BODY)
def message_source(request: PageRequest, public_id: str) -> HttpResponse:
    """The source as it was sent."""
    shown = _content_shown(request, public_id)
    return render(
        request, "relay/message_source.html", {**_frame(request, shown, "source"), **source_of(shown)}
    )


@require_GET
@page(MESSAGE_BODY)
def message_headers(request: PageRequest, public_id: str) -> HttpResponse:
    """Each header field with what it is for, and what a receiver finds of the signatures."""
    shown = _content_shown(request, public_id)
    context = _frame(request, shown, "headers")
    try:
        raw = raw_of(shown)
    except PrepareError as exc:
        return render(request, "relay/message_headers.html", {**context, "problem": _gone(exc)})
    fields = header_words.explained(display.readable(raw).headers)
    context |= {"fields": fields, "verdicts": identity.signatures_of(shown.message, raw)}
    return render(request, "relay/message_headers.html", context)


@require_GET
@xframe_options_sameorigin
@page(MESSAGE_BODY)
def message_frame(request: PageRequest, public_id: str) -> HttpResponse:
    """The HTML, or with `?part=text` the text, as a caged page for the frame; measures nothing."""
    shown = _content_shown(request, public_id)
    try:
        raw = raw_of(shown)
    except PrepareError as exc:
        return caged_text(_gone(exc))
    readable = display.readable(raw)
    if readable.html is None or request.GET.get("part") == "text":
        return caged_text(looking.text_to_look_at(readable.text or "", shown.message))
    return caged(looking.html_to_look_at(display.with_own_pictures(readable.html, raw), shown.message))


@require_GET
@page(Scope.MESSAGES_READ)
def message_evidence(request: PageRequest, public_id: str) -> HttpResponse:
    """All that is known of one recipient, as a file."""
    recipient = shown_of(request, public_id).recipient
    if recipient is None:
        raise Http404
    text = json.dumps(evidence.of_recipient(recipient), ensure_ascii=False, indent=2)
    response = HttpResponse(text, content_type="application/json; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{recipient.public_id}-evidence.json"'
    return response


@require_GET
@page(MESSAGE_BODY)
def message_raw(request: PageRequest, public_id: str) -> HttpResponse:
    """The source as a download."""
    shown = _content_shown(request, public_id)
    return _download(raw_of(shown), f"{shown.public_id}.eml", "message/rfc822")


@require_GET
@page(MESSAGE_BODY)
def message_attachment(request: PageRequest, public_id: str, number: int) -> HttpResponse:
    """One attachment; always a download."""
    found = display.attachment(raw_of(_content_shown(request, public_id)), number)
    if found is None:
        raise Http404
    facts, data = found
    return _download(data, facts.name, "application/octet-stream")


@require_GET
@page(MESSAGE_BODY)
def message_picture(request: PageRequest, public_id: str, number: int) -> HttpResponse:
    """A picture among the attachments, to be shown small; opened by itself it is a download as well."""
    found = display.attachment(raw_of(_content_shown(request, public_id)), number)
    if found is None or not found[0].is_picture:
        raise Http404
    facts, data = found
    return _download(data, facts.name, facts.content_type)


def _gone(exc: PrepareError) -> str:
    return _("This copy cannot be made any more: %(why)s") % {"why": retold(exc.message)}


def _content_shown(request: PageRequest, public_id: str) -> Shown:
    """What the id names, for one who may see its content; ForbiddenError for others."""
    shown = shown_of(request, public_id)
    display.require_body(request.actor, shown.message)
    return shown


def _download(data: bytes, name: str, content_type: str) -> HttpResponse:
    response = HttpResponse(data, content_type=content_type)
    safe = "".join(char if char.isascii() and (char.isalnum() or char in "._- ") else "_" for char in name)[:150]
    response["Content-Disposition"] = f'attachment; filename="{safe or "file"}"'
    return caged_response(response)


# -- content, for this page and the sandbox inbox ----------------------------------------------------------------


def raw_of(shown: Shown) -> bytes:
    """The exact bytes of the copy that is shown; PrepareError where they cannot be made any more."""
    sample = shown.sample()
    return display.recipient_bytes(sample) if sample is not None else bytes(shown.message.content.data)


def readable_of(shown: Shown) -> dict[str, Any]:
    """`readable`, `links`, or `problem`."""
    try:
        readable = display.readable(raw_of(shown))
    except PrepareError as exc:
        return {"problem": _gone(exc)}
    return {"readable": readable, "links": looking.links_of(readable.html, readable.text, shown.message)}


def source_of(shown: Shown) -> dict[str, Any]:
    """`source` (its beginning where it is large), `size_bytes`, `is_cut`, or `problem`."""
    try:
        raw = raw_of(shown)
    except PrepareError as exc:
        return {"problem": _gone(exc)}
    cut = raw[: looking.SHOWN_SOURCE_BYTES]
    return {"source": cut.decode("utf-8", "replace").replace("\r\n", "\n"), "size_bytes": len(raw),
            "is_cut": len(cut) < len(raw)}


# -- one recipient -------------------------------------------------------------------------------------------


def _frame(request: PageRequest, shown: Shown, tab: str) -> dict[str, Any]:
    """What every page of a message shows around its content."""
    message, recipient = shown.message, shown.recipient
    counts = {queries.shown_status(recipient): 1} if recipient is not None else _counts(message)
    return {
        "shown": shown, "message": message, "recipient": recipient, "tab": tab, "counts": counts,
        "total": sum(counts.values()), "status": _status(shown, counts), "campaign_url": _campaign_url(message),
        "subject": subjects.of_one(message, shown.sample()),
        "may": acts.open_to(request.actor, message, counts), "once": once_of_page(),
    }


def _counts(message: Message) -> dict[str, int]:
    return queries.counts_apart([message])[message.pk]


def _status(shown: Shown, counts: dict[str, int]) -> str:
    return queries.shown_status(shown.recipient) if shown.recipient is not None else queries.told_status(counts)


def _state(shown: Shown) -> str:
    row = shown.recipient
    return f"{row.status}:{row.attempts}" if row is not None else queries.message_status(_counts(shown.message))


def _present_state(shown: Shown) -> str:
    row = shown.recipient
    if row is None:
        return _state(shown)
    return _state(Shown(message=shown.message, recipient=Recipient.objects.filter(pk=row.pk).first()))


def _one(request: PageRequest, recipient: Recipient) -> dict[str, Any]:
    shown = Shown(message=recipient.message, recipient=recipient)
    attempts = story.attempts_of(recipient)
    waits = recipient.status in ("queued", "deferred")
    waiting_for = queue_view.what_keeps_back(recipient.lane_id) if waits else ""
    last = attempts[-1] if attempts else None
    at = last.started_at if last is not None else recipient.accepted_at
    return {
        **_frame(request, shown, "timeline"),
        "cause": causes.cause_of(recipient, last, waiting_for=waiting_for),
        **_story(request, recipient, attempts, waiting_for), **_records(recipient.message, at),
        "route": _route(recipient) if not attempts and recipient.status in ("queued", "held") else None,
        "contact_url": _contact_url(recipient), "others": recipient.message.recipient_count - 1,
        "return_path": display.return_path(recipient), "message_id": display.message_id(recipient),
        "did": _did(recipient), "state": _state(shown), "is_moving": recipient.status in _MOVING,
    }


def _story(
    request: PageRequest, recipient: Recipient, attempts: list[Attempt], waiting_for: str
) -> dict[str, Any]:
    zone = zone_of(request)
    steps = story.steps_of(recipient, attempts, waiting_for=waiting_for, zone=zone)
    today = now().astimezone(zone).date()
    return {
        "steps": steps, "attempts": attempts,
        "has_days": any(step.at.astimezone(zone).date() != today for step in steps),
    }


def _records(message: Message, at: datetime) -> dict[str, Any]:
    """The From domain's records at a time, what was wrong first."""
    found = sorted(identity.records_at(message, at), key=lambda verdict: verdict.status == "delivered")
    return {
        "records": found, "records_at": at, "records_stood": all(verdict.status == "delivered" for verdict in found),
    }


def _route(recipient: Recipient) -> RouteChoice | None:
    """The way that it would go now."""
    try:
        return routes.choose(
            recipient.workspace_id, stream=recipient.message.stream.slug, domain=recipient.domain,
            from_domain=recipient.message.from_domain, recipient_id=recipient.pk,
        )
    except RelayHubError:
        return None


def _did(recipient: Recipient) -> list[tuple[str, Any, bool]]:
    """(what, when, by a machine) of what was done with it."""
    rows = (
        (status_look("opened").word, recipient.opened_at, False),
        (_("Opened by a machine"), recipient.machine_opened_at, True),
        (status_look("clicked").word, recipient.clicked_at, False),
        (_("Clicked by a machine"), recipient.machine_clicked_at, True),
        (status_look("unsubscribed").word, recipient.unsubscribed_at, False),
        (_("Marked as spam"), recipient.complained_at, False),
    )
    return [row for row in rows if row[1] is not None]


def _contact_url(recipient: Recipient) -> str:
    return nav_url("contact-detail", encode_id(Prefix.CONTACT, recipient.contact_id)) if recipient.contact_id else ""


def _campaign_url(message: Message) -> str:
    if message.broadcast_id is None:
        return ""
    control = BroadcastControl.objects.filter(pk=message.broadcast_id).first()
    return nav_url("campaign-report", encode_id(Prefix.CAMPAIGN, control.campaign_id)) if control else ""


# -- several recipients --------------------------------------------------------------------------------------


def _many(request: PageRequest, shown: Shown) -> dict[str, Any]:
    context = _frame(request, shown, "recipients")
    counts = context["counts"]
    parts = [{"status": name, "value": counts[name], "url": f"?status={name}"} for name in _ORDER if counts.get(name)]
    table = table_page(request, _recipients(request, shown.message))
    return {
        **context, "parts": parts, "table": table, "state": _state(shown),
        "is_moving": any(counts.get(name) for name in _MOVING),
        "chips": [
            {"key": "status", "value": part["status"], "label": status_look(part["status"]).word,
             "count": part["value"]} for part in parts
        ],
        "people": [(row, reverse("message-detail", args=[row.public_id])) for row in table.rows],
        "told": formats.counted(table.count, "recipient"),
    }


def _recipients(request: PageRequest, message: Message) -> QuerySet[Recipient]:
    found = Recipient.objects.filter(message=message)
    status, text = request.GET.get("status", ""), request.GET.get("q", "").strip().lower()
    if status == queries.SANDBOXED:
        found = found.filter(status="delivered", transport="sandbox")
    elif status:
        found = found.filter(status=status)
    if status == "delivered":
        found = found.exclude(transport="sandbox")
    if text:
        try:
            found = found.filter(address_key=normalise(text))
        except AddressError:
            found = found.filter(address_key__icontains=text)
    return found
