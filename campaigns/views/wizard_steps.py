"""What the four steps of a campaign share: the head with its steps, the revision a page was made of."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import audience, editing, templates
from campaigns.models import Campaign, CampaignStatus, LeftOutReason
from campaigns.retold import refusal_told
from campaigns.views.common import campaign_of
from relayhub.core import formats
from relayhub.core.clock import now
from relayhub.core.errors import InputError
from relayhub.core.pages import PageRequest

STEP_LABELS = {"audience": gettext_lazy("Audience"), "content": gettext_lazy("Content"),
               "preflight": gettext_lazy("Pre-flight"), "schedule": gettext_lazy("Schedule")}


def editable(request: PageRequest, campaign_id: str) -> Campaign | None:
    """The campaign while it may be changed, else None; AccessError where there is none.

    Whoever sends a step of one that was launched meanwhile is told that it was not saved.
    """
    campaign = campaign_of(request, campaign_id)
    if campaign.status in editing.EDITABLE:
        return campaign
    if request.method == "POST":
        messages.error(request, editing.unchangeable(campaign))
    return None


def step_context(
    request: PageRequest, campaign: Campaign, here: str, notes: dict[str, str] | None = None, **more: Any
) -> dict[str, Any]:
    """What every step shows: where one is, what each step holds, why a scheduled launch did not take place.

    Times are in the person's zone, as in the sentence above the steps, whatever zone the schedule is written in.
    """
    planned = campaign.scheduled_at if campaign.status == CampaignStatus.SCHEDULED else None
    reached = editing.STEPS.index("schedule" if planned else campaign.step)
    steps = []
    for number, step in enumerate(editing.STEPS):
        is_open = number <= max(reached, editing.STEPS.index(here))
        state = "now" if step == here else "done" if number < reached else ""
        open_note = _("Choose when") if step == here == "schedule" else _("Not started")
        if planned and step == "schedule":
            open_note = formats.moment_text(planned, now=now(), zone=ZoneInfo(request.user.timezone))
        steps.append(
            {"label": STEP_LABELS[step], "note": (notes or {}).get(step, "" if number < reached else open_note),
             "note_id": f"step-note-{step}", "state": state,
             "url": reverse(f"campaign-{step}", args=[campaign.public_id]) if is_open else ""}
        )
    version = templates.sent_version(campaign.template) if campaign.template else None
    return {"campaign": campaign, "steps": steps, "here": here, "refused": refusal_of(campaign),
            "template_subject": version.subject if version else "", **more}


def refusal_of(campaign: Campaign) -> dict[str, Any] | None:
    """When and why a planned launch did not take place, in the reader's words."""
    entry = editing.refused_launch(campaign)
    return {"at": entry.at, "summary": refusal_told(entry.summary)} if entry is not None else None


def reach(campaign: Campaign, step: str) -> str:
    """The step that is stored: never one before what was reached already."""
    return max(campaign.step, step, key=editing.STEPS.index)


def seen_revision(request: PageRequest) -> int:
    """The revision of the campaign that the page was made of."""
    try:
        return int(request.POST.get("revision", ""))
    except ValueError:
        raise InputError(_("The page was not complete. Load it again."), field="revision") from None


def audience_notes(campaign: Campaign, found: audience.Audience) -> dict[str, str]:
    """What the first two steps hold."""
    return {"audience": formats.counted(found.reached, "recipient") if found.total else _("Nobody yet"),
            "content": campaign.template.name if campaign.template else _("Not chosen")}


def left_out(found: audience.Audience) -> list[dict[str, Any]]:
    """Who is left out, most first."""
    labels = dict(LeftOutReason.choices)
    return [
        {"reason": reason, "label": labels.get(reason, reason), "count": count}
        for reason, count in sorted(found.left_out.items(), key=lambda pair: -pair[1])
    ]
