"""Home: is my mail all right today, and what needs me?"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET

from campaigns.editing import campaigns_of
from campaigns.overview import overview_of
from relayhub.core import formats
from relayhub.core.live_feed import Feed
from relayhub.core.live_response import live_response
from relayhub.core.models import Workspace
from relayhub.core.pages import PageRequest, page
from relayhub.relay import queries
from relayhub.site import health_figures, needs


@require_GET
@page()
def home(request: PageRequest) -> HttpResponse:
    """The page."""
    workspace = request.actor.workspace
    campaigns = list(campaigns_of(workspace)[:5])
    things = needs.needs(workspace)
    steps = needs.first_steps(workspace)
    return render(
        request, "site/home.html",
        {
            "stats": _stats(workspace), "needs": things, "sentence": _sentence(things, steps),
            "steps": steps, "next_step": next((step for step in steps if not step.is_done), None),
            "streams": health_figures.streams(workspace), "campaigns": overview_of(campaigns),
            "chart": health_figures.day_chart(workspace, request.user.timezone),
        },
    )


@require_GET
@page()
def home_live(request: PageRequest) -> HttpResponseBase:
    """The numbers that change while one looks, for live.js: as events, or once as JSON."""
    workspace = request.actor.workspace
    feed = Feed(
        key=f"home:{workspace.pk}", workspace_id=workspace.pk, every_seconds=3.0, floor_seconds=10.0,
        render=lambda: {"values": {stat["key"]: stat["value"] for stat in _stats(workspace) if stat.get("key")}},
    )
    return live_response(request, feed)


def _sentence(things: list[needs.Need], steps: list[needs.Step]) -> str:
    left = sum(1 for step in steps if not step.is_done)
    if not things and left:
        return "One first step is left." if left == 1 else f"{left} first steps are left."
    if not things:
        return "Nothing needs you."
    return "One thing needs you." if len(things) == 1 else f"{len(things)} things need you."


def _stats(workspace: Workspace) -> list[dict[str, Any]]:
    day = queries.totals(workspace, since=health_figures.begins())
    delivered, bounced = day.get("delivered", 0), day.get("bounced", 0)
    finished = delivered + bounced + day.get("expired", 0)
    waiting = health_figures.waiting(workspace)
    week = queries.totals(workspace, since=health_figures.begins(7 * 24))
    complained, delivered_week = week.get("complained", 0), week.get("delivered", 0)
    messages = needs.address("message-list")
    return [
        {"label": "Going out now", "icon": "activity",
         "value": formats.number(round(health_figures.per_minute(workspace))), "unit": "a minute",
         "note": "mean of the last 5 minutes", "key": "pace", "url": needs.address("live")},
        {"label": "Delivered, last 24 h", "value": formats.number(delivered),
         "unit": f"of {formats.number(finished)}",
         "note": f"{formats.share(delivered, finished)} of what came to an end"
         if finished else "nothing came to an end",
         "key": "delivered", "url": f"{messages}?status=delivered" if messages else ""},
        {"label": "Waiting", "value": formats.number(waiting["turn"]), "unit": "recipients", "key": "waiting",
         "note": f"and {formats.number(waiting['held'])} held" if waiting["held"] else "none held",
         "url": needs.address("live")},
        {"label": "Complaints, last 7 days", "value": formats.share(complained, delivered_week, 3) if delivered_week
         else "–", "unit": "of delivered", "note": f"{formats.counted(complained, 'person,people')}; limit 0.08%"},
    ]
