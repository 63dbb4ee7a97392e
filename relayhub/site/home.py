"""Home: is my mail all right today, and what needs me?"""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from campaigns.editing import campaigns_of
from campaigns.overview import overview_of
from relayhub.core import formats, spoken
from relayhub.core.clock import now
from relayhub.core.live_feed import Feed
from relayhub.core.live_response import live_response
from relayhub.core.models import User, Workspace
from relayhub.core.pages import PageRequest, page
from relayhub.relay import stream_counts
from relayhub.relay.models import Message
from relayhub.relay.stream_counts import Span
from relayhub.site import first_steps, health_figures, needs
from relayhub.site.health_figures import points
from relayhub.site.needs import address

_WEEK_HOURS = 7 * 24
_COMPLAINTS_LIMIT = health_figures.Limits(delivered=0).complained


@require_GET
@page()
def home(request: PageRequest) -> HttpResponse:
    """The page."""
    workspace, user = request.actor.workspace, request.user
    steps = first_steps.steps_of(workspace)
    mine, others = first_steps.parted(steps, request.actor)
    campaigns = list(campaigns_of(workspace)[:5])
    spans = health_figures.spans(workspace)
    streams = health_figures.streams(spans)
    things = needs.needs(workspace, streams)
    # A page of dashes would hide the steps that fill it.
    is_unused = bool(steps) and not campaigns and not Message.objects.filter(workspace=workspace).exists()
    chart = health_figures.charts(workspace, user.timezone, health_figures.period_of(request.GET.get("period", "")))
    return render(
        request, "site/home.html",
        {
            "stats": _stats(workspace, user, _together(spans)), "needs": things,
            "today": formats.moment_text(now(), now=now(), zone=ZoneInfo(user.timezone), style="full"),
            "sentence": _("Nothing was sent yet.") if is_unused and not things else _sentence(things, streams),
            "is_unused": is_unused, "steps": mine, "steps_of_others": others,
            "steps_left": first_steps.left_in_words(mine),
            "next_step": next((step for step in mine if not step.is_done), None),
            "streams": streams, "campaigns": overview_of(campaigns), "chart": chart, "floor": health_figures.FLOOR,
        },
    )


@require_GET
@page()
def home_live(request: PageRequest) -> HttpResponseBase:
    """The numbers that change while one looks, for live.js: as events, or once as JSON."""
    workspace, user = request.actor.workspace, request.user
    feed = Feed(
        key=f"home:{workspace.pk}:{user.timezone}", workspace_id=workspace.pk, every_seconds=3.0, floor_seconds=10.0,
        render=lambda: {"values": {stat["key"]: stat["value"] for stat in _moving(workspace, user)}},
    )
    return live_response(request, feed)


def _together(spans: list[tuple[Any, Span]]) -> Span:
    return reduce(add, (days for _stream, days in spans), Span(present={}, before={}))


def _sentence(things: list[needs.Need], streams: list[dict[str, Any]]) -> str:
    many = {"count": formats.number(len(things))}
    if things and any(stream["finished"] for stream in streams):
        return ngettext(
            "Messages are flowing; one thing needs you.", "Messages are flowing; %(count)s things need you.",
            len(things),
        ) % many
    if things:
        return ngettext("One thing needs you.", "%(count)s things need you.", len(things)) % many
    return _("Nothing needs you.")


# -- the strip -----------------------------------------------------------------------------------------------


def _stats(workspace: Workspace, user: User, days: Span) -> list[dict[str, Any]]:
    return [_pace(workspace, user), _delivered(days), _waiting(workspace), _complaints(workspace)]


def _moving(workspace: Workspace, user: User) -> list[dict[str, Any]]:
    return [_pace(workspace, user), _delivered(health_figures.span(workspace)), _waiting(workspace)]


def _pace(workspace: Workspace, user: User) -> dict[str, Any]:
    at = now()
    found = stream_counts.usual_in_hour(workspace, "delivered", at)
    note = _("mean of the last 5 minutes")
    if found is not None:
        local = at.astimezone(ZoneInfo(user.timezone))
        low, high = _a_minute(found.low), _a_minute(found.high)
        usually = high if found.low == found.high else _("%(low)s to %(high)s") % {"low": low, "high": high}
        note = _("usual for a %(day)s, %(hour)s:00: %(count)s a minute") % {
            "day": spoken.weekday(local), "hour": f"{local:%H}", "count": usually,
        }
    return {
        "label": _("Going out now"), "icon": "activity", "unit": _("a minute"), "note": note, "key": "pace",
        "value": formats.number(round(health_figures.per_minute(workspace))), "url": address("live"),
    }


def _a_minute(an_hour: int) -> str:
    pace = an_hour / 60
    if pace < 10:
        pace = round(pace, 1)
    return formats.number(pace, 1 if pace < 10 and pace != int(pace) else 0)


def _delivered(days: Span) -> dict[str, Any]:
    present, before = days.present, days.before
    delivered, ended = present.get("delivered", 0), health_figures.finished(present)
    ended_before = health_figures.finished(before)
    digits = health_figures.points_digits(ended, ended_before)
    change = points(delivered, ended, before.get("delivered", 0), ended_before, digits=digits)
    note = _("nothing came to an end")
    if ended:
        note = _("%(share)s of what came to an end") % {"share": formats.share(delivered, ended)}
    if change is not None:
        same, other = _("%(share)s, as in the 24 h before"), _("%(share)s against %(before)s the 24 h before")
        note = (other if change.by else same) % {
            "share": formats.share(delivered, ended, digits),
            "before": formats.share(before.get("delivered", 0), ended_before, digits),
        }
    messages = address("message-list")
    return {
        "label": _("Delivered, last 24 h"), "value": formats.number(delivered),
        "unit": _("of %(count)s") % {"count": formats.number(ended)}, "note": note, "key": "delivered", "good": "up",
        "url": f"{messages}?status=delivered&period=day" if messages else "", **_changed(change, ends=","),
    }


def _waiting(workspace: Workspace) -> dict[str, Any]:
    found = health_figures.waiting(workspace)
    held = ngettext("and %(count)s held", "and %(count)s held", found.held) % {"count": formats.number(found.held)}
    note = held if found.held else _("none held")
    if found.oldest_seconds is not None:
        note += "; " + _("first in turn for %(span)s") % {"span": formats.duration(found.oldest_seconds)}
    return {"label": _("Waiting"), "value": formats.number(found.turn), "unit": _("recipients"), "key": "waiting",
            "note": note, "url": address("live")}


def _complaints(workspace: Workspace) -> dict[str, Any]:
    weeks = health_figures.span(workspace, hours=_WEEK_HOURS)
    complained, delivered = weeks.present.get("complained", 0), weeks.present.get("delivered", 0)
    before = weeks.before
    change = points(complained, delivered, before.get("complained", 0), before.get("delivered", 0), digits=3)
    limit = {"limit": formats.percent(_COMPLAINTS_LIMIT, 2), "count": formats.number(complained)}
    note = ngettext("%(count)s person; limit %(limit)s", "%(count)s people; limit %(limit)s", complained)
    if change is not None:
        same, other = _("as in the week before; limit %(limit)s"), _("against the week before; limit %(limit)s")
        note = other if change.by else same
    suppressions = address("suppression-list")
    return {
        "label": _("Complaints, last 7 days"), "value": formats.share(complained, delivered, 3),
        "unit": _("of delivered"), "note": note % limit, "good": "down",
        "url": f"{suppressions}?reason=complaint" if suppressions else "", **_changed(change),
    }


def _changed(change: health_figures.Change | None, *, ends: str = "") -> dict[str, Any]:
    return {"change": change.by, "change_text": f"{change.text}{ends}"} if change is not None and change.by else {}
