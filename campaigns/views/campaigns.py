"""The list of campaigns, a new one, and what can be done to one as a whole."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns import broadcast, comparison, editing
from campaigns.forms.campaign import NewCampaignForm
from campaigns.models import Campaign, CampaignStatus
from campaigns.overview import overview_of
from campaigns.views.common import campaign_of, refuse
from relayhub.core.errors import RelayHubError
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, back_to, page
from relayhub.core.paging import table_page

#: More columns than this nobody reads side by side.
MOST_COMPARED = 6


@require_GET
@page(Scope.CAMPAIGNS_READ)
def campaign_list(request: PageRequest) -> HttpResponse:
    """What is going out, when and to whom."""
    everything = editing.campaigns_of(request.actor.workspace)
    is_archive = request.GET.get("show") == "archived"
    found = everything.filter(archived_at__isnull=not is_archive)
    text, status = request.GET.get("q", "").strip(), request.GET.get("status", "")
    if text:
        found = found.filter(Q(name__icontains=text) | Q(subject__icontains=text))
    if status in CampaignStatus.values:
        found = found.filter(status=status)
    table = table_page(request, found, size=25)
    scheduled = everything.filter(status=CampaignStatus.SCHEDULED).order_by("scheduled_at").first()
    return render(
        request, "campaigns/campaign_list.html",
        {
            "table": table, "lines": overview_of(list(table.rows)), "has_any": everything.exists(),
            "next_line": overview_of([scheduled])[0] if scheduled is not None else None, "is_archive": is_archive,
            "chips": [*({"key": "status", "value": value, "label": label} for value, label in CampaignStatus.choices),
                      *([{"key": "show", "value": "archived", "label": pgettext("status of a campaign", "Archived")}]
                        if is_archive or everything.exclude(archived_at=None).exists() else [])],
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.CAMPAIGNS_WRITE)
def campaign_new(request: PageRequest) -> HttpResponse:
    """Begin a campaign with its name."""
    form = NewCampaignForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            campaign = editing.create_campaign(
                request.actor, editing.CampaignChanges(name=form.cleaned_data["name"])
            )
        except RelayHubError as exc:
            refuse(form, exc)
        else:
            return redirect("campaign-audience", campaign.public_id)
    return render(
        request, "campaigns/campaign_new.html", {"form": form}, status=422 if form.is_bound else 200
    )


@require_GET
@page(Scope.CAMPAIGNS_READ)
def campaign_detail(request: PageRequest, campaign_id: str) -> HttpResponse:
    """The report of a launched campaign, the step that was saved last of another."""
    campaign = campaign_of(request, campaign_id)
    if campaign.launched_at is not None or campaign.status == CampaignStatus.CANCELLED:
        return redirect("campaign-report", campaign.public_id)
    if campaign.status == CampaignStatus.SCHEDULED:
        return redirect("campaign-schedule", campaign.public_id)
    return redirect(f"campaign-{campaign.step}", campaign.public_id)


def _done(request: PageRequest, campaign: Campaign, words: str) -> HttpResponse:
    messages.success(request, words)
    return redirect("campaign-detail", campaign.public_id)


def _done_on_report(request: PageRequest, campaign: Campaign, words: str) -> HttpResponse:
    """On the report as it was looked at, with its filters."""
    messages.success(request, words)
    return redirect(back_to(request, reverse("campaign-detail", args=[campaign.public_id])))


@require_POST
@page(Scope.CAMPAIGNS_LAUNCH)
def campaign_pause(request: PageRequest, campaign_id: str) -> HttpResponse:
    """Let nothing more go out until resumed."""
    campaign = broadcast.pause(request.actor, campaign_of(request, campaign_id))
    return _done_on_report(request, campaign, _("Paused. Nothing more goes out until you resume it."))


@require_POST
@page(Scope.CAMPAIGNS_LAUNCH)
def campaign_resume(request: PageRequest, campaign_id: str) -> HttpResponse:
    """Go on."""
    campaign = broadcast.resume(request.actor, campaign_of(request, campaign_id))
    return _done_on_report(request, campaign, _("It goes on."))


@require_POST
@page(Scope.CAMPAIGNS_LAUNCH)
def campaign_cancel(request: PageRequest, campaign_id: str) -> HttpResponse:
    """Stop for good what is not out yet."""
    campaign = broadcast.cancel(request.actor, campaign_of(request, campaign_id))
    return _done_on_report(request, campaign, _("Cancelled. What was out already stays out."))


@require_POST
@page(Scope.CAMPAIGNS_WRITE)
def campaign_unschedule(request: PageRequest, campaign_id: str) -> HttpResponse:
    """Make a scheduled campaign a draft again."""
    campaign = editing.unschedule(request.actor, campaign_of(request, campaign_id))
    return _done(request, campaign, _("It is a draft again."))


@require_POST
@page(Scope.CAMPAIGNS_WRITE)
def campaign_delete(request: PageRequest, campaign_id: str) -> HttpResponse:
    """Remove one that was never launched."""
    campaign = campaign_of(request, campaign_id)
    editing.delete_campaign(request.actor, campaign)
    messages.success(request, _("Deleted “%(name)s”.") % {"name": campaign.name})
    return redirect("campaign-list")


@require_POST
@page(Scope.CAMPAIGNS_WRITE)
def campaign_copy(request: PageRequest, campaign_id: str) -> HttpResponse:
    """Begin another campaign with the same content and audience."""
    campaign = campaign_of(request, campaign_id)
    copy = editing.copy_campaign(request.actor, campaign)
    return _done(request, copy, _("It is a draft of its own now. Look at each step before you launch it."))


@require_POST
@page(Scope.CAMPAIGNS_WRITE)
def campaign_archive(request: PageRequest, campaign_id: str) -> HttpResponse:
    """Put one away; its report stays."""
    campaign = campaign_of(request, campaign_id)
    editing.archive(request.actor, campaign)
    undo = reverse("campaign-unarchive", args=[campaign.public_id])
    words = _("Archived “%(name)s”. Its report stays.") % {"name": campaign.name}
    messages.success(request, words, extra_tags=f"undo={undo}")
    return redirect("campaign-list")


@require_POST
@page(Scope.CAMPAIGNS_WRITE)
def campaign_unarchive(request: PageRequest, campaign_id: str) -> HttpResponse:
    """Take one back into the list."""
    campaign = campaign_of(request, campaign_id)
    editing.unarchive(request.actor, campaign)
    messages.success(request, _("“%(name)s” is in the list again.") % {"name": campaign.name})
    return redirect("campaign-list")


@require_GET
@page(Scope.CAMPAIGNS_READ)
def campaign_compare(request: PageRequest) -> HttpResponse:
    """Campaigns side by side: those that were picked, or one beside the last five."""
    everything = editing.campaigns_of(request.actor.workspace)
    ids = {found for text in request.GET.getlist("c") if (found := decode_id(Prefix.CAMPAIGN, text)) is not None}
    picked = list(everything.filter(pk__in=ids).exclude(launched_at=None).order_by("-launched_at")[:MOST_COMPARED])
    if request.GET.get("last") and len(picked) == 1:
        picked += comparison.earlier(picked[0])
    lines = comparison.side_by_side(picked)
    rows = [{"measure": measure, "cells": [line.cell(measure) for line in lines]} for measure in comparison.MEASURES]
    return render(request, "campaigns/campaign_compare.html", {"lines": lines, "rows": rows, "asked": len(ids)})
