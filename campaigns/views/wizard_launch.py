"""The last two steps of a campaign: pre-flight and schedule.

Nothing is sent but by the last POST, which asks the same service as the API; in the sandbox it wants a tick that
the person knows nobody gets this mail.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from campaigns import audience, broadcast, editing, mending, preflight
from campaigns.forms.campaign import ScheduleForm
from campaigns.models import Campaign, CampaignStatus
from campaigns.views.common import campaign_of, refuse
from campaigns.views.wizard_steps import audience_notes, editable, reach, seen_revision, step_context
from relayhub.core import formats, way_back, zones
from relayhub.core.access import require
from relayhub.core.clock import now
from relayhub.core.errors import InputError, RelayHubError
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, page
from relayhub.relay.routes import workspace_in_sandbox

# -- pre-flight ----------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.CAMPAIGNS_READ, write=Scope.CAMPAIGNS_WRITE)
def preflight_step(request: PageRequest, campaign_id: str) -> HttpResponse:
    """What blocks, what to know, and where to mend it; POST goes on."""
    campaign = editable(request, campaign_id)
    if campaign is None:
        return redirect("campaign-report", campaign_id)
    if request.method == "POST":
        editing.change_campaign(
            request.actor, campaign, editing.CampaignChanges(step=reach(campaign, "schedule")),
            revision=seen_revision(request),
        )
        return redirect("campaign-schedule", campaign.public_id)
    way_back.forget(request)
    found = preflight.look(campaign)
    blocks = len(found.blocks)
    return render(
        request, "campaigns/campaign_preflight.html",
        step_context(
            request, campaign, "preflight", audience_notes(campaign, found.audience) | {"preflight": _summary(found)},
            found=found, blocks=blocks, warnings=len(found.findings) - blocks,
            findings=[_finding(campaign, item) for item in found.findings],
            may_override=request.actor.may(Scope.CAMPAIGNS_OVERRIDE), has_something=found.has_something,
        ),
    )


def _summary(found: preflight.Preflight) -> str:
    blocks = len(found.blocks)
    if blocks:
        words = ngettext("%(count)s blocking, %(others)s to know", "%(count)s blocking, %(others)s to know", blocks)
        return words % {"count": blocks, "others": len(found.findings) - blocks}
    return _("%(count)s to know") % {"count": len(found.findings)} if found.findings else _("All right")


@require_GET
@page(Scope.CAMPAIGNS_READ)
def preflight_fix(request: PageRequest, campaign_id: str) -> HttpResponse:
    """Lead to where the finding of a rule is mended, and keep the way back."""
    campaign = campaign_of(request, campaign_id)
    item = next((row for row in preflight.look(campaign).findings if row.rule == request.GET.get("rule")), None)
    place = mending.place_of(campaign, item) if item is not None else None
    if item is None or place is None:
        return redirect("campaign-preflight", campaign.public_id)
    way_back.remember(
        request, url=reverse("campaign-preflight", args=[campaign.public_id]), label=_("Back to pre-flight"),
        why=item.message,
    )
    return redirect(place.url)


def _finding(campaign: Campaign, item: preflight.PreflightFinding) -> dict[str, str]:
    """A finding with the way to where it is mended; one that is mended outside of these pages gets no button."""
    place = mending.place_of(campaign, item)
    fix = reverse("campaign-fix", args=[campaign.public_id])
    return {"level": item.severity.value, "rule": item.rule, "message": item.message, "fix": item.fix,
            "url": f"{fix}?{urlencode({'rule': item.rule})}" if place else "", "action": place.label if place else ""}


# -- schedule ------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.CAMPAIGNS_READ, write=Scope.CAMPAIGNS_WRITE)
def schedule_step(request: PageRequest, campaign_id: str) -> HttpResponse:
    """Now or at a time, and how fast; POST launches or schedules."""
    campaign = editable(request, campaign_id)
    if campaign is None:
        return redirect("campaign-report", campaign_id)
    with timezone.override(ZoneInfo(_zone(request, campaign))):
        return _schedule(request, campaign)


def _zone(request: PageRequest, campaign: Campaign) -> str:
    """The zone that times are written in: as chosen on the page, as scheduled, else the person's."""
    asked = str(request.POST.get("zone", request.GET.get("zone", "")))
    return asked if asked in zones.ZONES else campaign.scheduled_zone or request.user.timezone


@require_GET
@page(Scope.CAMPAIGNS_READ)
def schedule_words(request: PageRequest, campaign_id: str) -> HttpResponse:
    """What the chosen time and pace mean, in words, while they are chosen."""
    campaign = campaign_of(request, campaign_id)
    zone = _zone(request, campaign)
    with timezone.override(ZoneInfo(zone)):
        form = ScheduleForm(request.GET)
        form.is_valid()
        at, pace = form.cleaned_data.get("at"), form.cleaned_data.get("max_per_minute")
        problem = next(iter(form.errors.get("at", [])), "")
    reached = audience.lately_counted_for(campaign, preflight.stream_for(campaign).pk).reached
    return render(request, "campaigns/_schedule_words.html", {
        **_words(at if request.GET.get("when") == "at" else None, zone, pace, reached), "problem": problem,
    })


def _words(at: datetime | None, zone: str, pace: int | None, reached: int) -> dict[str, Any]:
    """The time in the chosen zone and in UTC, and how long it takes at that pace."""
    minutes = -(-reached // pace) if pace and reached else 0
    return {
        "words_at": at, "words_zone": zone.replace("_", " "), "words_pace": pace, "words_reached": reached,
        "words_local": formats.moment_text(at, now=now(), zone=ZoneInfo(zone), style="full") if at else "",
        "words_utc": formats.moment_text(at, now=now(), zone=UTC, style="full") if at else "",
        "words_is_past": at is not None and at <= now(),
        "words_takes": formats.duration(timedelta(minutes=minutes)) if minutes else "",
    }


def _schedule(request: PageRequest, campaign: Campaign) -> HttpResponse:
    zone = _zone(request, campaign)
    initial = {"when": "at" if campaign.scheduled_at else "now", "at": campaign.scheduled_at, "zone": zone,
               "max_per_minute": campaign.max_per_minute}
    form = ScheduleForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            return _carry_out(request, campaign, form.cleaned_data)
        except RelayHubError as exc:
            refuse(form, exc, scheduled_at="at")
        campaign = campaign_of(request, campaign.public_id)
    found = preflight.look(campaign)
    may_override = request.actor.may(Scope.CAMPAIGNS_OVERRIDE)
    return render(
        request, "campaigns/campaign_schedule.html",
        step_context(
            request, campaign, "schedule", audience_notes(campaign, found.audience) | {"preflight": _summary(found)},
            **_words(campaign.scheduled_at, zone, campaign.max_per_minute, found.audience.reached),
            form=form, found=found, in_sandbox=workspace_in_sandbox(campaign.workspace_id),
            is_scheduled=campaign.status == CampaignStatus.SCHEDULED, may_override=may_override,
            may_launch=request.actor.may(Scope.CAMPAIGNS_LAUNCH),
            is_ready=not found.blocks or (may_override and found.has_something),
            findings=[_finding(campaign, item) for item in found.blocks],
        ),
        status=422 if form.is_bound else 200,
    )


def _carry_out(request: PageRequest, campaign: Campaign, data: dict[str, Any]) -> HttpResponse:
    require(request.actor, Scope.CAMPAIGNS_WRITE if request.POST.get("act") == "save" else Scope.CAMPAIGNS_LAUNCH)
    revision = seen_revision(request)
    editing.check_revision(campaign, revision)
    pace = data["max_per_minute"]
    changes = editing.CampaignChanges(max_per_minute=pace, clears_pace=pace is None, step="schedule")
    if request.POST.get("act") == "save":
        editing.change_campaign(request.actor, campaign, changes, revision=revision)
        messages.success(request, _("Saved. Nothing goes out before you launch it."))
        return redirect("campaign-list")
    if workspace_in_sandbox(campaign.workspace_id) and not data["in_sandbox"]:
        raise InputError(_("Tick that you know this goes to the sandbox inbox only."), field="in_sandbox")
    at: datetime | None = data["at"]
    if data["when"] == "at" and at is None:
        raise InputError(_("Choose a day and a time."), field="scheduled_at")
    if pace != campaign.max_per_minute:
        campaign = editing.change_campaign(request.actor, campaign, changes, revision=revision)
    if data["when"] == "at" and at is not None:
        editing.schedule(
            request.actor, campaign, at, revision=campaign.revision, zone=_zone(request, campaign)
        )
        messages.success(request, _("Scheduled. Pre-flight is looked at again when the time comes."))
        return redirect("campaign-schedule", campaign.public_id)
    broadcast.launch(request.actor, campaign, override=data["override"])
    messages.success(request, _("Launched."))
    return redirect("campaign-report", campaign.public_id)
