"""The report of a campaign: counts, progress, what people did, links, providers, and every recipient.

People and machines are never added up. While it is going out the page hears of the same figures as they change.
"""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET

from campaigns import stats
from campaigns.models import Broadcast, BroadcastStatus, Campaign, CampaignStatus, LeftOutReason
from campaigns.views.common import campaign_of
from relayhub.core import formats
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.live_feed import Feed
from relayhub.core.live_response import live_response
from relayhub.core.models import Scope, User
from relayhub.core.pages import PageRequest, page
from relayhub.core.paging import table_page
from relayhub.core.templatetags.relayhub_extras import nav_url
from relayhub.core.vocabulary import status_look
from relayhub.protocol.address import AddressError, parse_addr_spec
from relayhub.relay import queries
from relayhub.relay.models import FINAL, Recipient

#: In the order in which the bar shows them.
_PARTS = (
    "delivered", "bounced", "suppressed", "expired", "cancelled", "deferred", "held", "unknown", "quarantined",
    "sending", "queued",
)
_LIVE = frozenset({CampaignStatus.SENDING, CampaignStatus.PAUSED})
#: Recipients up to which the table of providers follows while it goes out; larger ones show it at the end.
_MAX_COUNTED_LIVE = 20_000
_FILTERS = ("status", "did", "q", "cursor", "newer")
_PEOPLE_FILTERS = {
    "opened": "opened_at", "clicked": "clicked_at", "unsubscribed": "unsubscribed_at",
    "complained": "complained_at",
}


@require_GET
@page(Scope.CAMPAIGNS_READ)
def campaign_report(request: PageRequest, campaign_id: str) -> HttpResponse:
    """Did it work?"""
    campaign = campaign_of(request, campaign_id)
    run = Broadcast.objects.filter(campaign=campaign).select_related("template_version").first()
    if run is None and campaign.status != CampaignStatus.CANCELLED:
        return redirect("campaign-detail", campaign.public_id)
    figures = _figures(campaign, run)
    context = {
        "campaign": campaign, "run": run, **figures, "is_live": campaign.status in _LIVE,
        "lists": ", ".join(campaign.lists.values_list("name", flat=True)),
    }
    if run is not None:
        context |= {
            "links": _links(run), "providers": stats.providers(run.pk), "left_out": _left_out(run),
            "chips": _chips(figures), "is_unfiltered": not any(request.GET.get(name) for name in _FILTERS),
        }
        table = table_page(request, _recipients(request, run))
        lines = [_line(row) for row in table.rows]
        context |= {
            "table": table, "recipients": lines,
            "is_kept": any(line["status"] == queries.SANDBOXED for line in lines),
        }
    return render(request, "campaigns/campaign_report.html", context)


@require_GET
@page(Scope.CAMPAIGNS_READ)
def campaign_live(request: PageRequest, campaign_id: str) -> HttpResponseBase:
    """The parts that change while it goes out, for live.js: as events, or once as JSON."""
    campaign, user = campaign_of(request, campaign_id), request.user
    feed = Feed(
        key=f"campaign:{campaign.pk}:{user.timezone}", workspace_id=campaign.workspace_id, every_seconds=2.0,
        floor_seconds=5.0, render=lambda: _live_parts(campaign, user),
    )
    return live_response(request, feed)


def _live_parts(looked_at: Campaign, user: User) -> dict[str, Any]:
    campaign = Campaign.objects.filter(pk=looked_at.pk, workspace_id=looked_at.workspace_id).first()
    if campaign is None:
        return {"end": True}
    run = Broadcast.objects.filter(campaign=campaign).first()
    figures = _figures(campaign, run)
    context = {"campaign": campaign, "run": run, "user": user, **figures}
    html = {
        "report-progress": render_to_string("campaigns/_report_progress.html", context),
        "report-people": render_to_string("campaigns/_report_people.html", context),
        "report-stored": render_to_string("campaigns/_report_stored.html", context),
    }
    if run is not None and figures["audience"] <= _MAX_COUNTED_LIVE:
        context["providers"] = stats.providers(run.pk)
        html["report-providers"] = render_to_string("campaigns/_report_providers.html", context)
    return {"html": html, "end": campaign.status not in _LIVE}


def _figures(campaign: Campaign, run: Broadcast | None) -> dict[str, Any]:
    counts = stats.counts(campaign)
    sending = counts.get("leased", 0) + counts.get("attempting", 0)
    shown = {**counts, "sending": sending}
    audience = counts["audience"]
    stored = sum(counts.get(status, 0) for status in counts if status != "audience")
    # Those that are frozen but not in the queue yet wait as well.
    if run is not None and run.status == BroadcastStatus.EXPANDING:
        shown["queued"] = counts.get("queued", 0) + max(0, audience - stored)
    final = sum(counts.get(status, 0) for status in FINAL)
    parts = [
        {"status": status, "value": shown.get(status, 0),
         "url": "" if status == "sending" else f"?status={status}#recipients"}
        for status in _PARTS if shown.get(status, 0)
    ]
    delivered = counts.get("delivered", 0)
    did = stats.engagement(run.pk) if run is not None else {}
    return {
        "counts": counts, "stored": stored, "parts": parts, "final": final, "audience": audience,
        "delivered": delivered, "engagement": did, "people_stats": _people(did, delivered),
        "waiting": max(0, audience - final),
    }


def _people(did: dict[str, int], delivered: int) -> list[dict[str, Any]]:
    def share(key: str, label: str, note: str, digits: int = 1) -> dict[str, Any]:
        count = did.get(key, 0)
        value = formats.share(count, delivered, digits) if delivered else "–"
        return {"label": label, "value": value, "unit": "of delivered",
                "note": f"{formats.counted(count, 'person,people')}{note}", "url": f"?did={key}#recipients"}

    machines = did.get("opened_by_machines_only", 0)
    return [
        share("opened", "Opened by people", ""),
        share("clicked", "Clicked by people", ""),
        {"label": "Machine traffic", "icon": "robot", "value": formats.number(machines), "unit": "opens",
         "note": f"and {formats.counted(did.get('clicked_by_machines_only', 0), 'click')}, not in the rates"},
        share("unsubscribed", "Unsubscribed", "", 2),
        share("complained", "Complaints", "; limit 0.08%", 3),
    ]


def _links(run: Broadcast) -> list[dict[str, Any]]:
    rows = stats.links(run)
    return sorted(rows, key=lambda row: -int(row["clicks"]))


def _left_out(run: Broadcast) -> list[dict[str, Any]]:
    labels = dict(LeftOutReason.choices)
    return [{"label": labels.get(reason, reason), "count": count} for reason, count in run.left_out.items()]


def _recipients(request: PageRequest, run: Broadcast) -> QuerySet[Recipient]:
    found = Recipient.objects.filter(broadcast_id=run.pk, workspace=request.actor.workspace)
    status, did = request.GET.get("status", ""), request.GET.get("did", "")
    text = request.GET.get("q", "").strip().lower()
    if status:
        found = found.filter(status=status)
    if did in _PEOPLE_FILTERS:
        found = found.filter(**{f"{_PEOPLE_FILTERS[did]}__isnull": False})
    if text:
        try:
            found = found.filter(address_key=parse_addr_spec(text).key)
        except AddressError:
            found = found.filter(address_key__icontains=text)
    return found


def _line(row: Recipient) -> dict[str, Any]:
    contact = nav_url("contact-detail", encode_id(Prefix.CONTACT, row.contact_id)) if row.contact_id else ""
    return {
        "row": row, "status": queries.shown_status(row), "contact_url": contact,
        "message_url": nav_url("message-detail", encode_id(Prefix.RECIPIENT, row.pk)),
        "at": row.finished_at or row.accepted_at,
    }


def _chips(figures: dict[str, Any]) -> list[dict[str, Any]]:
    chips = [
        {"key": "status", "value": part["status"], "label": status_look(part["status"]).word,
         "count": part["value"]}
        for part in figures["parts"] if part["status"] != "sending"
    ]
    did = figures["engagement"]
    return chips + [
        {"key": "did", "value": key, "label": key.capitalize(), "count": did[key]}
        for key in _PEOPLE_FILTERS if did.get(key)
    ]
