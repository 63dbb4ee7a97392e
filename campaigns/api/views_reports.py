"""`/campaigns/{id}/report` and what it is made of: recipients, over time, links, comparison, export."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import audience, click_map, comparison, preflight, recipient_export, recipients, stats
from campaigns.api.views_campaigns import OneCampaign
from campaigns.models import Broadcast, BroadcastAudience
from campaigns.recipients import RecipientFilter
from relayhub.core.access import EXPORTS
from relayhub.core.api.base import StrictSerializer, parsed
from relayhub.core.api.pagination import page_by_id
from relayhub.core.api.views import job_body, moment
from relayhub.core.errors import ConflictError, InputError
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.models import Scope
from relayhub.relay import broadcast_series, subjects
from relayhub.relay.api.serializers import recipient_body
from relayhub.relay.models import Recipient

STEPS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}


class _Reports(OneCampaign):
    permissions: ClassVar = {"GET": Scope.CAMPAIGNS_READ}

    def run(self, campaign_id: str) -> Broadcast:
        """The campaign's run; ConflictError before the launch."""
        run = stats.run_of(self.campaign(campaign_id))
        if run is None:
            raise ConflictError("This campaign was not launched yet.", code="not_launched")
        return run


class AudienceView(OneCampaign):
    """GET who would get it now."""

    permissions: ClassVar = {"GET": Scope.CAMPAIGNS_READ}

    def get(self, request: Request, campaign_id: str) -> Response:
        """How many are reached and left out; `?email=` asks about one address."""
        campaign = self.campaign(campaign_id)
        found = audience.count_for(campaign, preflight.stream_for(campaign).pk)
        email = request.query_params.get("email", "").strip()
        asked = audience.ask_for(campaign, email, preflight.stream_for(campaign).pk) if email else None
        return Response({"reached": found.reached, "left_out": found.left_out,
                         "asked": _asked(asked) if asked is not None else None})


def _asked(found: audience.Asked) -> dict[str, Any]:
    contact = encode_id(Prefix.CONTACT, found.contact_id) if found.contact_id else None
    return {"email": found.address, "contact": contact, "is_reached": found.is_reached,
            "reason": found.reason or None, "text": found.text}


class ReportView(_Reports):
    """GET the figures."""

    def get(self, request: Request, campaign_id: str) -> Response:
        """Counts, engagement, links, providers and reasons; `counted_at` where a large one was counted before."""
        campaign = self.campaign(campaign_id)
        return Response({"id": campaign.public_id, "status": campaign.status, **stats.report(campaign)})


class RecipientsView(_Reports):
    """GET who got it."""

    def get(self, request: Request, campaign_id: str) -> Response:
        """Recipients; `?status=`, `?did=`, `?reason=`, `?provider=` and `?q=` narrow."""
        run = stats.run_of(self.campaign(campaign_id))
        wanted = _wanted(request.query_params)
        found = recipients.recipients_of(run, wanted) if run is not None else Recipient.objects.none()
        return Response(page_by_id(request, found.select_related("message"), _recipients, ascending=True))


def _wanted(given: Any) -> RecipientFilter:
    return RecipientFilter(
        status=given.get("status", ""), did=given.get("did", ""), reason=given.get("reason", ""),
        provider=given.get("provider", ""), text=given.get("q", ""),
    ).checked()


def _recipients(rows: list[Recipient]) -> list[dict[str, Any]]:
    named = subjects.of_recipients(rows)
    return [_recipient(row, named[row.pk]) for row in rows]


def _recipient(row: Recipient, subject: subjects.Subject) -> dict[str, Any]:
    return {
        **recipient_body(row, subject),
        "contact": encode_id(Prefix.CONTACT, row.contact_id) if row.contact_id else None,
        "reason": row.bounce_category or None,
        "opened_at": moment(row.opened_at), "clicked_at": moment(row.clicked_at),
        "unsubscribed_at": moment(row.unsubscribed_at), "complained_at": moment(row.complained_at),
    }


class LeftOutView(_Reports):
    """GET who was on the lists and was not written to."""

    def get(self, request: Request, campaign_id: str) -> Response:
        """Those left out for one `?reason=`; `?q=` narrows."""
        given = request.query_params
        found = recipients.left_out_of(self.run(campaign_id), given.get("reason", ""), given.get("q", ""))
        return Response(page_by_id(request, found, _left_out, ascending=True))


def _left_out(rows: list[BroadcastAudience]) -> list[dict[str, str]]:
    return [{"address": row.address, "contact": encode_id(Prefix.CONTACT, row.contact_id), "reason": row.left_out}
            for row in rows]


class TimeseriesView(_Reports):
    """GET what happened since the launch, by bucket."""

    def get(self, request: Request, campaign_id: str) -> Response:
        """Buckets of `?step=` (minute, hour or day) or longer: at most 96. People when they did it first."""
        run = self.run(campaign_id)
        step = request.query_params.get("step", "")
        if step and step not in STEPS:
            raise InputError(f"A step is one of: {', '.join(STEPS)}.", field="step")
        launched_at = run.campaign.launched_at or run.created_at
        found = broadcast_series.series(run.pk, launched_at, step=STEPS.get(step))
        names = {metric: metric.replace(":", "_by_") for metric in broadcast_series.METRICS}
        return Response({
            "step_seconds": int(found.step.total_seconds()),
            "buckets": [
                {"start": moment(start), **{name: found.values[metric][index] for metric, name in names.items()}}
                for index, start in enumerate(found.starts)
            ],
        })


class LinksView(_Reports):
    """GET the links with their clicks."""

    def get(self, request: Request, campaign_id: str) -> Response:
        """The most clicked first; `share` is of all clicks by people, `places` how often it stands in the HTML."""
        found = click_map.click_map(self.run(campaign_id))
        return Response({"data": [
            {"number": link.number, "url": link.url, "clicks": link.clicks, "machine_clicks": link.machine_clicks,
             "share": link.share, "places": link.places}
            for link in found.links
        ], "next": None})


class ComparisonView(_Reports):
    """GET the campaign beside the last five."""

    def get(self, request: Request, campaign_id: str) -> Response:
        """Each measure with the median of the last five; `verdict` claims a difference only where counts carry it."""
        run = self.run(campaign_id)
        found = comparison.compare(run.campaign, stats.figures_of(run))
        return Response({"measures": [
            {"name": item.measure.key, "count": item.count, "base": item.base, "rate": item.rate, "usual": item.usual,
             "campaigns": item.campaigns, "verdict": item.verdict, "text": item.text}
            for item in found
        ]})


class RecipientExportSerializer(StrictSerializer):
    """Which recipients."""

    status = serializers.CharField(max_length=20, required=False, allow_blank=True, default="")
    did = serializers.CharField(max_length=30, required=False, allow_blank=True, default="")
    reason = serializers.CharField(max_length=20, required=False, allow_blank=True, default="")
    provider = serializers.CharField(max_length=60, required=False, allow_blank=True, default="")
    q = serializers.CharField(max_length=320, required=False, allow_blank=True, default="")
    left_out = serializers.CharField(
        max_length=12, required=False, allow_blank=True, default="",
        help_text="Not recipients, but those who were on the lists and were not written to, for this reason.",
    )


class RecipientExportView(OneCampaign):
    """POST queues a file of recipients; `/contacts/exports/{job}/file` downloads it."""

    permissions: ClassVar = {"POST": EXPORTS}

    def post(self, request: Request, campaign_id: str) -> Response:
        """Queue it, narrowed as the list of recipients is."""
        given = parsed(RecipientExportSerializer, request)
        wanted = dataclasses.replace(_wanted(given), left_out=given["left_out"]).checked()
        return Response(job_body(recipient_export.start(self.actor, self.campaign(campaign_id), wanted)), status=202)
