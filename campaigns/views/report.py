"""The report of a campaign: progress, what people did over time, links, providers, and every recipient.

People and machines are never added up. While it is going out the page hears of the same figures as they change,
the list of recipients with its filters among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from campaigns import click_map, comparison, recipient_export, recipients, stats, template_looks
from campaigns.models import Broadcast, BroadcastAudience, Campaign, CampaignStatus, Contact, LeftOutReason
from campaigns.overview import few
from campaigns.public.content import caged
from campaigns.recipients import RecipientFilter
from campaigns.views import report_parts
from campaigns.views.common import campaign_of
from relayhub.core import formats
from relayhub.core.access import EXPORTS, Actor
from relayhub.core.errors import InputError
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.live_feed import Feed
from relayhub.core.live_response import live_response
from relayhub.core.models import Scope, User
from relayhub.core.pages import PageRequest, page
from relayhub.core.paging import TablePage, table_page
from relayhub.core.templatetags.relayhub_extras import nav_url
from relayhub.core.vocabulary import status_look
from relayhub.relay import queries
from relayhub.relay.broadcast_figures import Figures
from relayhub.relay.causes import hold_words, reason_words
from relayhub.relay.models import Recipient

_FILTERS = ("status", "did", "reason", "provider", "q", "left_out", "cursor", "newer")
_ROWS = 25
#: Recipients below the figures, until somebody looks through them.
_ROWS_AT_FIRST = 10


@require_GET
@page(Scope.CAMPAIGNS_READ)
def campaign_report(request: PageRequest, campaign_id: str) -> HttpResponse:
    """Did it work?"""
    campaign = campaign_of(request, campaign_id)
    run = stats.run_of(campaign)
    if run is None and campaign.status != CampaignStatus.CANCELLED:
        return redirect("campaign-detail", campaign.public_id)
    figures = stats.figures_of(run) if run is not None else Figures()
    found = report_parts.progress(campaign, run, figures)
    context = {"campaign": campaign, "run": run, **found,
               "is_live": campaign.status in report_parts.LIVE, "is_moving": report_parts.is_moving(campaign, found),
               "lists": few(list(campaign.lists.values_list("name", flat=True))),
               "query": request.GET.urlencode(), "cancel_words": report_parts.cancel_words(found["waiting"])}
    if run is not None:
        context |= _parts(campaign, run, figures, request.user, request.GET)
        context |= _recipient_rows(run, found, figures, request)
    return render(request, "campaigns/campaign_report.html", context)


def _parts(campaign: Campaign, run: Broadcast, figures: Figures, user: User, asked: QueryDict) -> dict[str, Any]:
    compared = comparison.compare(campaign, figures)
    return {
        **report_parts.people(campaign, figures, compared), **report_parts.links(run),
        **report_parts.over_time(campaign, run, user.timezone, each=asked.get("over") == "each"),
        **report_parts.providers(figures), "reasons": report_parts.reasons(figures),
        "left_out": report_parts.left_out(run),
    }


# -- live ----------------------------------------------------------------------------------------------------


@require_GET
@page(Scope.CAMPAIGNS_READ)
def campaign_live(request: PageRequest, campaign_id: str) -> HttpResponseBase:
    """The parts that change while it goes out, for live.js: as events, or once as JSON."""
    campaign, user, query = campaign_of(request, campaign_id), request.user, request.GET.urlencode()
    actor = request.actor
    feed = Feed(
        key=f"campaign:{campaign.pk}:{user.timezone}:{actor.may(EXPORTS)}:{query}",
        workspace_id=campaign.workspace_id, every_seconds=2.0, floor_seconds=5.0,
        render=lambda: _live_parts(campaign, actor, user, query),
    )
    return live_response(request, feed)


def _live_parts(looked_at: Campaign, actor: Actor, user: User, query: str) -> dict[str, Any]:
    campaign = Campaign.objects.filter(pk=looked_at.pk, workspace_id=looked_at.workspace_id).first()
    run = stats.run_of(campaign) if campaign is not None else None
    if campaign is None or run is None:
        return {"end": True}
    figures = stats.figures_of(run)
    found = report_parts.progress(campaign, run, figures)
    asked = _Asked(query)
    context = {"campaign": campaign, "run": run, "user": user, "actor": actor, "query": query,
               "request": asked, **found,
               **_parts(campaign, run, figures, user, asked.GET), **_recipient_rows(run, found, figures, asked)}
    html = {name: render_to_string(f"campaigns/_{name.replace('-', '_')}.html", context) for name in (
        "report-progress", "report-people", "report-links", "report-providers", "report-recipients",
        "report-series-table",
    )}
    values = {f"over-{metric}": formats.number(total) for metric, total in context["over_totals"].items()}
    cancel = report_parts.cancel_words(found["waiting"])
    values |= {"over-step": context["over_step"], "cancel-title": cancel["asked"], "cancel-button": cancel["act"]}
    charts = {"over-time": context["over"], "over-delivered": context["over_delivered"]}
    is_over = not report_parts.is_moving(campaign, found)
    return {"html": html, "values": values, "charts": charts if context["has_over"] else {}, "end": is_over}


class _Asked:
    """The query of the page that listens, as its filters and pages read it."""

    def __init__(self, query: str) -> None:
        self.GET = QueryDict(query)
        self.resolver_match = SimpleNamespace(url_name="campaign-report")


# -- recipients ----------------------------------------------------------------------------------------------


def filter_of(asked: QueryDict) -> RecipientFilter:
    """The filter that the address of the page names; what does not exist fits nobody."""
    return RecipientFilter(
        status=asked.get("status", ""), did=asked.get("did", ""), reason=asked.get("reason", ""),
        provider=asked.get("provider", ""), text=asked.get("q", ""), left_out=_left_out_reason(asked),
    )


def _left_out_reason(asked: QueryDict) -> str:
    reason = str(asked.get("left_out", ""))
    return reason if reason in LeftOutReason.values else ""


def _recipient_rows(run: Broadcast, found: dict[str, Any], figures: Figures, request: Any) -> dict[str, Any]:
    asked: QueryDict = request.GET
    words = _words(asked)
    context: dict[str, Any] = {
        "chips": report_parts.chips(found, figures), "run": run, "filter_words": words,
        # What no chip shows goes with a search as well.
        "kept": [(name, asked.get(name)) for name in (*(key for key, _ in words), "over") if asked.get(name)],
        "is_unfiltered": not any(asked.get(name) for name in _FILTERS), "left_out_rows": None,
    }
    reason = _left_out_reason(asked)
    if reason:
        text = str(asked.get("q", ""))
        table = table_page(request, recipients.left_out_of(run, reason, text), size=_ROWS,
                           count=run.left_out.get(reason) if not text.strip() else None)
        # Whoever was left out has no status: those filters would find nobody.
        return context | {"left_out_rows": _left_out_lines(table.rows), "recipients": [], "table": table, "chips": [],
                          **_pages(table), "left_out_label": LeftOutReason(reason).label}
    wanted = filter_of(asked)
    is_looked_through = not context["is_unfiltered"] or asked.get("cursor") or asked.get("newer")
    shown = table_page(request, recipients.recipients_of(run, wanted).defer("merge"),
                       size=_ROWS if is_looked_through else _ROWS_AT_FIRST,
                       count=recipients.count_at_hand(figures, wanted))
    lines = [_line(row) for row in shown.rows]
    return context | {"table": shown, "recipients": lines, **_pages(shown),
                      "is_kept": any(line["status"] == queries.SANDBOXED for line in lines)}


def _pages(table: TablePage[Any]) -> dict[str, str]:
    """The ways to the rows before and after, each to the rows themselves rather than to the top of the page."""
    return {name: f"{url}#recipients" if url else ""
            for name, url in (("newer_url", table.newer_url), ("older_url", table.older_url))}


def _left_out_lines(rows: Sequence[BroadcastAudience]) -> list[dict[str, str]]:
    """Addresses, and the pages of the contacts that are still there."""
    known = set(Contact.objects.filter(pk__in=[row.contact_id for row in rows]).values_list("pk", flat=True))
    return [{"address": row.address,
             "url": nav_url("contact-detail", encode_id(Prefix.CONTACT, row.contact_id)) if row.contact_id in known
             else ""} for row in rows]


def _words(asked: QueryDict) -> list[tuple[str, str]]:
    """The filters that no chip shows: name of the parameter and words."""
    given = {name: str(asked.get(name, "")) for name in _FILTERS}
    machine = {"opened_by_machines": _("Only machines opened"), "clicked_by_machines": _("Only machines clicked")}
    provider, left_out = given["provider"], given["left_out"]
    words = {
        "reason": _("Lies at %(reason)s") % {"reason": reason_words(given["reason"])} if given["reason"] else "",
        "provider": _("All other providers") if provider == recipients.OTHER_PROVIDERS else provider,
        "did": machine.get(given["did"], ""),
        "status": status_look("waiting").word if given["status"] == "waiting" else "",
        "left_out": _("Left out: %(why)s") % {"why": LeftOutReason(left_out).label}
        if left_out in LeftOutReason.values else "",
    }
    return [(key, text) for key, text in words.items() if text]


def _line(row: Recipient) -> dict[str, Any]:
    contact = nav_url("contact-detail", encode_id(Prefix.CONTACT, row.contact_id)) if row.contact_id else ""
    return {
        "row": row, "status": queries.shown_status(row), "contact_url": contact,
        "message_url": nav_url("message-detail", encode_id(Prefix.RECIPIENT, row.pk)),
        "at": row.finished_at or row.accepted_at,
        "reason": reason_words(row.bounce_category) if row.bounce_category else "",
        "hold": hold_words(row.hold_reason) if row.hold_reason else "",
    }


@require_POST
@page(EXPORTS)
def campaign_export(request: PageRequest, campaign_id: str) -> HttpResponseBase:
    """The recipients that the filter finds: a file at once, or a job where there are many."""
    campaign = campaign_of(request, campaign_id)
    run = stats.run_of(campaign)
    if run is None:
        raise InputError(_("This campaign was not launched: there are no recipients yet."))
    wanted = filter_of(QueryDict(request.POST.get("query", "")))
    if recipient_export.fits_at_once(run, wanted):
        answer = StreamingHttpResponse(
            recipient_export.lines_now(request.actor, campaign, run, wanted), content_type="text/csv; charset=utf-8"
        )
        answer["Content-Disposition"] = f'attachment; filename="{recipient_export.file_name(campaign)}"'
        return answer
    job = recipient_export.start(request.actor, campaign, wanted)
    messages.success(request, _("The file is being written. You can leave this page; it is found again under Jobs."))
    return redirect("job-detail", job.public_id)


# -- click map -----------------------------------------------------------------------------------------------


@require_GET
@page(Scope.CAMPAIGNS_READ)
def campaign_clicks(request: PageRequest, campaign_id: str) -> HttpResponse:
    """Where in the mail people clicked."""
    campaign = campaign_of(request, campaign_id)
    run = stats.run_of(campaign)
    if run is None:
        return redirect("campaign-detail", campaign.public_id)
    return render(request, "campaigns/campaign_clicks.html", {
        "campaign": campaign, "run": run, "map": SimpleLazyObject(lambda: click_map.click_map(run)),
    })


@require_GET
@page(Scope.CAMPAIGNS_READ)
def campaign_clicks_mail(request: PageRequest, campaign_id: str) -> HttpResponse:
    """The mail with its counts, for a sandboxed frame."""
    run = stats.run_of(campaign_of(request, campaign_id))
    if run is None:
        raise InputError(_("This campaign was not launched."))
    answer = caged(template_looks.in_the_light(click_map.marked_mail(run)))
    answer["X-Frame-Options"] = "SAMEORIGIN"
    return answer
