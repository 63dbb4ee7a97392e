"""The last two steps of a campaign: pre-flight and schedule.

Nothing is sent but by the last POST, which asks the same service as the API; in the sandbox it wants a tick that
the person knows nobody gets this mail.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from campaigns import broadcast, editing, preflight, templates
from campaigns.forms.campaign import ScheduleForm
from campaigns.models import Campaign, CampaignStatus
from campaigns.views.common import campaign_of, refuse
from campaigns.views.wizard_steps import STEP_LABELS, audience_notes, editable, reach, seen_revision, step_context
from relayhub.core.access import require
from relayhub.core.errors import InputError, RelayHubError
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, page
from relayhub.core.templatetags.relayhub_extras import nav_url
from relayhub.relay.routes import workspace_in_sandbox

#: The step where a finding of a rule is mended.
_RULE_STEPS = {"from": "content", "audience": "audience", "consent": "audience", "subject": "content",
               "MSG-5": "content"}
#: Rules whose fault lies in the template.
_RULE_TEMPLATE = frozenset({"content", "merge_fields", "unsubscribe_link", "MSG-1", "size", "unpublished", "loopback"})
#: Rules whose fault lies elsewhere: URL name and what the button says.
_RULE_PAGES = {"from_verified": ("domain-list", "Open Domains"), "postal_address": ("settings-home", "Open Settings"),
               "sandbox": ("route-list", "Open Routes"), "REP-5": ("suppression-list", "See Suppressions"),
               "REP-6": ("suppression-list", "See Suppressions")}


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
    found = preflight.look(campaign)
    blocks = len(found.blocks)
    return render(
        request, "campaigns/campaign_preflight.html",
        step_context(
            campaign, "preflight", audience_notes(campaign, found.audience) | {"preflight": _summary(found)},
            found=found, blocks=blocks, warnings=len(found.findings) - blocks,
            findings=[_finding(campaign, item) for item in found.findings],
            may_override=request.actor.may(Scope.CAMPAIGNS_OVERRIDE), has_something=_has_something(campaign, found),
        ),
    )


def _has_something(campaign: Campaign, found: preflight.Preflight) -> bool:
    """Whether there is somebody to write to and something to send: what no reason overrides."""
    version = templates.published(campaign.template) if campaign.template is not None else None
    return found.audience.reached > 0 and version is not None and bool(campaign.from_header)


def _summary(found: preflight.Preflight) -> str:
    blocks = len(found.blocks)
    if blocks:
        return f"{blocks} blocking, {len(found.findings) - blocks} to know"
    return f"{len(found.findings)} to know" if found.findings else "All right"


def _finding(campaign: Campaign, item: preflight.PreflightFinding) -> dict[str, str]:
    """A finding with the address where it is mended; a page that is not there gets no button."""
    url = label = ""
    template = campaign.template
    if item.rule in _RULE_TEMPLATE and template is not None and template.archived_at is None:
        url, label = reverse("template-detail", args=[template.public_id]), "Open the template"
    elif step := ("content" if item.rule in _RULE_TEMPLATE else _RULE_STEPS.get(item.rule, "")):
        url, label = reverse(f"campaign-{step}", args=[campaign.public_id]), f"Open {STEP_LABELS[step].lower()}"
    elif item.rule in _RULE_PAGES:
        name, label = _RULE_PAGES[item.rule]
        url = nav_url(name)
    return {"level": item.severity.value, "rule": item.rule, "message": item.message, "fix": item.fix,
            "url": url, "action": label}


# -- schedule ------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.CAMPAIGNS_READ, write=Scope.CAMPAIGNS_WRITE)
def schedule_step(request: PageRequest, campaign_id: str) -> HttpResponse:
    """Now or at a time, and how fast; POST launches or schedules."""
    campaign = editable(request, campaign_id)
    if campaign is None:
        return redirect("campaign-report", campaign_id)
    with timezone.override(ZoneInfo(request.user.timezone)):
        return _schedule(request, campaign)


def _schedule(request: PageRequest, campaign: Campaign) -> HttpResponse:
    initial = {"when": "at" if campaign.scheduled_at else "now", "at": campaign.scheduled_at,
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
            campaign, "schedule", audience_notes(campaign, found.audience) | {"preflight": _summary(found)},
            form=form, found=found, in_sandbox=workspace_in_sandbox(campaign.workspace_id),
            is_scheduled=campaign.status == CampaignStatus.SCHEDULED, may_override=may_override,
            may_launch=request.actor.may(Scope.CAMPAIGNS_LAUNCH),
            is_ready=not found.blocks or (may_override and _has_something(campaign, found)),
            findings=[_finding(campaign, item) for item in found.blocks],
        ),
        status=422 if form.is_bound else 200,
    )


def _carry_out(request: PageRequest, campaign: Campaign, data: dict[str, Any]) -> HttpResponse:
    require(request.actor, Scope.CAMPAIGNS_LAUNCH)
    editing.check_revision(campaign, seen_revision(request))
    if workspace_in_sandbox(campaign.workspace_id) and not data["in_sandbox"]:
        raise InputError("Tick that you know this goes to the sandbox inbox only.", field="in_sandbox")
    at: datetime | None = data["at"]
    if data["when"] == "at" and at is None:
        raise InputError("Choose a day and a time.", field="scheduled_at")
    pace = data["max_per_minute"]
    if pace != campaign.max_per_minute:
        campaign = editing.change_campaign(
            request.actor, campaign,
            editing.CampaignChanges(max_per_minute=pace, clears_pace=pace is None, step="schedule"),
        )
    if data["when"] == "at" and at is not None:
        editing.schedule(request.actor, campaign, at)
        messages.success(request, "Scheduled. Pre-flight is looked at again when the time comes.")
        return redirect("campaign-schedule", campaign.public_id)
    broadcast.launch(request.actor, campaign, override=data["override"])
    messages.success(request, "Launched.")
    return redirect("campaign-report", campaign.public_id)
