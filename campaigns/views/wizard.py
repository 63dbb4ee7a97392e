"""The four steps of a campaign: audience, content, pre-flight, schedule. Each POST saves and goes on.

Nothing here sends but the last POST, which asks the same service as the API; in the sandbox it wants a tick
that the person knows nobody gets this mail.
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
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns import audience, broadcast, contacts, editing, lists, preflight, templates, test_send
from campaigns.forms.campaign import ContentForm, ScheduleForm, TestForm
from campaigns.models import Campaign, CampaignStatus, LeftOutReason, MailTemplate
from campaigns.public.content import caged
from campaigns.views.common import addresses_in, campaign_of, chosen_lists, refuse
from deliverability.models import DomainStatus, SendingDomain
from relayhub.core import formats
from relayhub.core.access import get_or_absent
from relayhub.core.errors import InputError, PrepareError, RelayHubError
from relayhub.core.ids import Prefix
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, page
from relayhub.relay.routes import workspace_in_sandbox

_STEP_LABELS = {"audience": "Audience", "content": "Content", "preflight": "Pre-flight", "schedule": "Schedule"}
#: The step where a finding of a rule is mended.
_RULE_STEPS = {
    "from": "content", "from_verified": "domains", "audience": "audience", "consent": "audience",
    "content": "content", "merge_fields": "content", "unsubscribe_link": "content", "subject": "content",
    "MSG-5": "content", "MSG-1": "content", "size": "content",
}


def _editable(request: PageRequest, campaign_id: str) -> Campaign | None:
    campaign = campaign_of(request, campaign_id)
    return campaign if campaign.status in editing.EDITABLE else None


def _context(campaign: Campaign, here: str, notes: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    reached = editing.STEPS.index(campaign.step)
    steps = []
    for number, step in enumerate(editing.STEPS):
        is_open = number <= max(reached, editing.STEPS.index(here))
        state = "now" if step == here else "done" if number < reached else ""
        steps.append(
            {"label": _STEP_LABELS[step], "note": (notes or {}).get(step, "" if number < reached else "Not started"),
             "state": state, "url": reverse(f"campaign-{step}", args=[campaign.public_id]) if is_open else ""}
        )
    return {"campaign": campaign, "steps": steps, "here": here, **more}


def _reach(campaign: Campaign, step: str) -> str:
    """The step that is stored: never one before what was reached already."""
    return max(campaign.step, step, key=editing.STEPS.index)


def _audience_notes(campaign: Campaign, found: audience.Audience) -> dict[str, str]:
    return {"audience": formats.counted(found.reached, "recipient") if found.total else "Nobody yet",
            "content": campaign.template.name if campaign.template else ""}


def _left_out(found: audience.Audience) -> list[dict[str, Any]]:
    labels = dict(LeftOutReason.choices)
    return [
        {"reason": reason, "label": labels.get(reason, reason), "count": count}
        for reason, count in sorted(found.left_out.items(), key=lambda pair: -pair[1])
    ]


# -- audience ------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.CAMPAIGNS_READ, write=Scope.CAMPAIGNS_WRITE)
def audience_step(request: PageRequest, campaign_id: str) -> HttpResponse:
    """Choose lists and exclusions."""
    campaign = _editable(request, campaign_id)
    if campaign is None:
        return redirect("campaign-report", campaign_id)
    if request.method == "POST":
        return _save_audience(request, campaign)
    rows = list(lists.lists_of(request.actor.workspace))
    by_status = lists.counts_by_status([row.pk for row in rows])
    found = audience.count_for(campaign, preflight.stream_for(campaign).pk)
    return render(
        request, "campaigns/campaign_audience.html",
        _context(
            campaign, "audience", _audience_notes(campaign, found),
            lists=[{"row": row, "confirmed": by_status[row.pk].get("confirmed", 0),
                    "unconfirmed": by_status[row.pk].get("unconfirmed", 0)} for row in rows],
            chosen=set(campaign.lists.values_list("pk", flat=True)),
            excluded=set(campaign.excluded_lists.values_list("pk", flat=True)),
            found=found, left_out=_left_out(found),
        ),
    )


def _save_audience(request: PageRequest, campaign: Campaign) -> HttpResponse:
    chosen = chosen_lists(request, "lists")
    if not chosen:
        messages.error(request, "Choose at least one list.")
        return redirect("campaign-audience", campaign.public_id)
    changes = editing.CampaignChanges(
        lists=chosen, excluded_lists=chosen_lists(request, "excluded"), step=_reach(campaign, "content")
    )
    editing.change_campaign(request.actor, campaign, changes, revision=_revision(request))
    return redirect("campaign-content" if "close" not in request.POST else "campaign-list",
                    *([] if "close" in request.POST else [campaign.public_id]))


def _revision(request: PageRequest) -> int:
    try:
        return int(request.POST.get("revision", ""))
    except ValueError:
        raise InputError("The page was not complete. Load it again.", field="revision") from None


@require_GET
@page(Scope.CAMPAIGNS_READ)
def audience_count(request: PageRequest, campaign_id: str) -> HttpResponse:
    """The count for the lists that are ticked now, saved or not."""
    campaign = campaign_of(request, campaign_id)
    chosen = chosen_lists(request, "lists", source=request.GET)
    excluded = chosen_lists(request, "excluded", source=request.GET)
    found = audience.count(
        request.actor.workspace, [row.pk for row in chosen], excluded=[row.pk for row in excluded],
        stream_id=preflight.stream_for(campaign).pk,
    )
    return render(request, "campaigns/_audience_count.html", {"found": found, "left_out": _left_out(found)})


# -- content -------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.CAMPAIGNS_READ, write=Scope.CAMPAIGNS_WRITE)
def content_step(request: PageRequest, campaign_id: str) -> HttpResponse:
    """Choose From, subject and template."""
    campaign = _editable(request, campaign_id)
    if campaign is None:
        return redirect("campaign-report", campaign_id)
    rows = list(templates.templates_of(request.actor.workspace))
    initial = {
        "name": campaign.name, "from_header": campaign.from_header, "reply_to": campaign.reply_to,
        "template": campaign.template.public_id if campaign.template else "", "subject": campaign.subject,
        "track": campaign.track, "revision": campaign.revision,
    }
    form = ContentForm(request.POST or None, templates=rows, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            _save_content(request, campaign, form.cleaned_data)
        except RelayHubError as exc:
            refuse(form, exc, **{"from": "from_header"})
        else:
            if "stay" in request.POST:
                return redirect("campaign-content", campaign.public_id)
            return redirect("campaign-preflight", campaign.public_id)
    return render(
        request, "campaigns/campaign_content.html",
        _context(campaign, "content", form=form, has_templates=bool(rows), test_form=TestForm(
            initial={"to": request.user.email}), domains=_verified_domains(request)),
        status=422 if form.is_bound else 200,
    )


def _save_content(request: PageRequest, campaign: Campaign, data: dict[str, Any]) -> None:
    rows = templates.templates_of(request.actor.workspace)
    template: MailTemplate = get_or_absent(rows, Prefix.TEMPLATE, data["template"])
    editing.change_campaign(
        request.actor, campaign,
        editing.CampaignChanges(
            name=data["name"], from_header=data["from_header"], reply_to=data["reply_to"], template=template,
            subject=data["subject"], track=data["track"] or None, step=_reach(campaign, "preflight"),
        ),
        revision=data["revision"],
    )


def _verified_domains(request: PageRequest) -> list[str]:
    rows = SendingDomain.objects.filter(
        workspace=request.actor.workspace, status=DomainStatus.VERIFIED, deleted_at=None
    )
    return list(rows.values_list("name", flat=True)[:10])


@require_GET
@xframe_options_sameorigin
@page(Scope.CAMPAIGNS_READ)
def content_preview(request: PageRequest, campaign_id: str) -> HttpResponse:
    """What a contact would get, for the sandboxed frame."""
    campaign = campaign_of(request, campaign_id)
    version = templates.newest(campaign.template) if campaign.template else None
    if version is None:
        return caged("<p>Choose a template and save to see it here.</p>")
    person = contacts.contacts_of(request.actor.workspace).filter(
        subscriptions__mailing_list__in=campaign.lists.all()
    ).first()
    try:
        shown = templates.preview(
            request.actor.workspace, templates.content_of(version), person, subject=campaign.subject
        )
    except PrepareError as exc:
        from django.utils.html import escape

        return caged(f"<p>{escape(exc.message)}</p>")
    return caged(shown.html or f"<pre>{shown.text}</pre>")


@require_POST
@page(Scope.CAMPAIGNS_WRITE)
def send_test(request: PageRequest, campaign_id: str) -> HttpResponse:
    """Send a test of what is saved."""
    campaign = campaign_of(request, campaign_id)
    to = addresses_in(request.POST.get("to", ""))
    person = contacts.contacts_of(request.actor.workspace).filter(
        subscriptions__mailing_list__in=campaign.lists.all()
    ).first()
    try:
        test_send.send_test(request.actor, campaign, to, person)
    except RelayHubError as exc:
        messages.error(request, exc.message)
    else:
        where = " It lands in the sandbox inbox." if workspace_in_sandbox(campaign.workspace_id) else ""
        messages.success(request, f"A test is on its way to {', '.join(to)}.{where}")
    return redirect("campaign-content", campaign.public_id)


# -- pre-flight ----------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.CAMPAIGNS_READ, write=Scope.CAMPAIGNS_WRITE)
def preflight_step(request: PageRequest, campaign_id: str) -> HttpResponse:
    """What blocks, what to know, and where to mend it; POST goes on."""
    campaign = _editable(request, campaign_id)
    if campaign is None:
        return redirect("campaign-report", campaign_id)
    if request.method == "POST":
        editing.change_campaign(
            request.actor, campaign, editing.CampaignChanges(step=_reach(campaign, "schedule")),
            revision=_revision(request),
        )
        return redirect("campaign-schedule", campaign.public_id)
    found = preflight.look(campaign)
    blocks = len(found.blocks)
    notes = _audience_notes(campaign, found.audience) | {
        "preflight": f"{blocks} blocking, {len(found.findings) - blocks} to know" if found.findings else "All right"
    }
    return render(
        request, "campaigns/campaign_preflight.html",
        _context(
            campaign, "preflight", notes, found=found, blocks=blocks, warnings=len(found.findings) - blocks,
            findings=[_finding(campaign, item) for item in found.findings],
            may_override=request.actor.may(Scope.CAMPAIGNS_OVERRIDE),
        ),
    )


def _finding(campaign: Campaign, item: preflight.PreflightFinding) -> dict[str, str]:
    from relayhub.core.templatetags.relayhub_extras import nav_url

    step = _RULE_STEPS.get(item.rule, "")
    if step == "domains":
        url, label = nav_url("domain-list"), "Domains"
    elif step:
        url = reverse(f"campaign-{step}", args=[campaign.public_id])
        label = f"Open {_STEP_LABELS[step].lower()}"
    else:
        name = {"postal_address": "settings-home", "sandbox": "route-list"}.get(item.rule, "")
        url, label = (nav_url(name), "Open") if name else ("", "")
    return {"level": item.severity.value, "rule": item.rule, "message": item.message, "fix": item.fix,
            "url": url, "action": label}


# -- schedule ------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.CAMPAIGNS_READ, write=Scope.CAMPAIGNS_WRITE)
def schedule_step(request: PageRequest, campaign_id: str) -> HttpResponse:
    """Now or at a time, and how fast; POST launches or schedules."""
    campaign = _editable(request, campaign_id)
    if campaign is None:
        return redirect("campaign-report", campaign_id)
    timezone.activate(ZoneInfo(request.user.timezone))
    initial = {"when": "at" if campaign.scheduled_at else "now", "at": campaign.scheduled_at,
               "max_per_minute": campaign.max_per_minute}
    form = ScheduleForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            return _carry_out(request, campaign, form.cleaned_data)
        except RelayHubError as exc:
            refuse(form, exc, scheduled_at="at")
        campaign = campaign_of(request, campaign_id)
    found = preflight.look(campaign)
    return render(
        request, "campaigns/campaign_schedule.html",
        _context(
            campaign, "schedule", _audience_notes(campaign, found.audience), form=form, found=found,
            in_sandbox=workspace_in_sandbox(campaign.workspace_id),
            is_scheduled=campaign.status == CampaignStatus.SCHEDULED,
            may_launch=request.actor.may(Scope.CAMPAIGNS_LAUNCH),
            may_override=request.actor.may(Scope.CAMPAIGNS_OVERRIDE),
        ),
        status=422 if form.is_bound else 200,
    )


def _carry_out(request: PageRequest, campaign: Campaign, data: dict[str, Any]) -> HttpResponse:
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
        from relayhub.core.access import require

        require(request.actor, Scope.CAMPAIGNS_LAUNCH)
        editing.schedule(request.actor, campaign, at)
        messages.success(request, "Scheduled. Pre-flight is looked at again when the time comes.")
        return redirect("campaign-schedule", campaign.public_id)
    broadcast.launch(request.actor, campaign, override=data["override"])
    messages.success(request, "Launched.")
    return redirect("campaign-report", campaign.public_id)
