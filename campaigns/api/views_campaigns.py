"""`/campaigns`."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import transaction
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import broadcast, contacts, editing, preflight, stats, templates, test_send
from campaigns.api.views_contacts import named_lists
from campaigns.models import Campaign
from relayhub.core.access import get_or_absent
from relayhub.core.api.base import ApiView, StrictSerializer, parsed
from relayhub.core.api.pagination import page_by_id
from relayhub.core.api.views import moment
from relayhub.core.errors import InputError
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.models import Scope
from relayhub.relay.models import Stream


class CampaignSerializer(StrictSerializer):
    """A campaign to make or change."""

    name = serializers.CharField(max_length=200)
    reply_to = serializers.CharField(max_length=1000, required=False, allow_blank=True)
    subject = serializers.CharField(max_length=998, required=False, allow_blank=True)
    template = serializers.CharField(max_length=40, required=False)
    lists = serializers.ListField(child=serializers.CharField(max_length=40), required=False)
    excluded_lists = serializers.ListField(child=serializers.CharField(max_length=40), required=False)
    stream = serializers.CharField(max_length=80, required=False)
    track = serializers.CharField(max_length=6, required=False)
    max_per_minute = serializers.IntegerField(required=False, allow_null=True)
    scheduled_at = serializers.DateTimeField(required=False, allow_null=True)
    revision = serializers.IntegerField(required=False)

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python's, so it is added here."""
        return {**super().get_fields(), "from": serializers.CharField(max_length=1000, required=False)}


def campaign_body(campaign: Campaign, counts: dict[str, int] | None = None) -> dict[str, Any]:
    """A campaign; whoever has many counts them before."""
    return {
        "id": campaign.public_id, "name": campaign.name, "status": campaign.status,
        "from": campaign.from_header, "reply_to": campaign.reply_to, "subject": campaign.subject,
        "template": campaign.template.public_id if campaign.template else None,
        "lists": [row.public_id for row in campaign.lists.all()],
        "excluded_lists": [row.public_id for row in campaign.excluded_lists.all()],
        "stream": encode_id(Prefix.STREAM, campaign.stream_id) if campaign.stream_id else None,
        "track": campaign.track, "max_per_minute": campaign.max_per_minute, "revision": campaign.revision,
        "scheduled_at": moment(campaign.scheduled_at), "created_at": moment(campaign.created_at),
        "launched_at": moment(campaign.launched_at), "finished_at": moment(campaign.finished_at),
        "archived_at": moment(campaign.archived_at),
        "counts": stats.counts(campaign) if counts is None else counts,
    }


def _campaign_bodies(rows: list[Campaign]) -> list[dict[str, Any]]:
    counts = stats.counts_of(rows)
    return [campaign_body(row, counts[row.pk]) for row in rows]


class OneCampaign(ApiView):
    """A view of one campaign."""

    def campaign(self, campaign_id: str) -> Campaign:
        """The campaign, or AccessError."""
        return get_or_absent(editing.campaigns_of(self.actor.workspace), Prefix.CAMPAIGN, campaign_id)

    def changes(self, data: dict[str, Any]) -> editing.CampaignChanges:
        """Validated input with its ids looked up."""
        template = stream = None
        if data.get("template"):
            template = get_or_absent(
                templates.templates_of(self.actor.workspace), Prefix.TEMPLATE, data["template"]
            )
        if data.get("stream"):
            stream = Stream.objects.filter(workspace=self.actor.workspace, slug=data["stream"]).first()
            if stream is None:
                raise InputError(f"There is no stream “{data['stream']}”.", field="stream")
        return editing.CampaignChanges(
            name=data.get("name"), from_header=data.get("from"), reply_to=data.get("reply_to"),
            subject=data.get("subject"), template=template, stream=stream, track=data.get("track"),
            lists=named_lists(self, data["lists"]) if "lists" in data else None,
            excluded_lists=named_lists(self, data["excluded_lists"]) if "excluded_lists" in data else None,
            max_per_minute=data.get("max_per_minute"),
            clears_pace="max_per_minute" in data and data["max_per_minute"] is None,
        )


class CampaignsView(OneCampaign):
    """Campaigns."""

    permissions: ClassVar = {"GET": Scope.CAMPAIGNS_READ, "POST": Scope.CAMPAIGNS_WRITE}

    def get(self, request: Request) -> Response:
        """Newest first; `?status=` narrows, `?archived=true` shows those put away. Large ones as counted last."""
        is_archive = request.query_params.get("archived") == "true"
        found = editing.campaigns_of(self.actor.workspace).filter(archived_at__isnull=not is_archive)
        status = request.query_params.get("status", "")
        if status:
            found = found.filter(status=status)
        return Response(page_by_id(request, found.prefetch_related("lists", "excluded_lists"), _campaign_bodies))

    def post(self, request: Request) -> Response:
        """Make a draft."""
        data = parsed(CampaignSerializer, request)
        with transaction.atomic():  # refused to schedule it, no draft is left behind
            campaign = editing.create_campaign(self.actor, self.changes(data))
            if data.get("scheduled_at"):
                campaign = editing.schedule(self.actor, campaign, data["scheduled_at"])
        return Response(campaign_body(campaign), status=201)


class CampaignView(OneCampaign):
    """One campaign."""

    permissions: ClassVar = {
        "GET": Scope.CAMPAIGNS_READ, "PATCH": Scope.CAMPAIGNS_WRITE, "DELETE": Scope.CAMPAIGNS_WRITE
    }

    def get(self, request: Request, campaign_id: str) -> Response:
        """The campaign and its counts."""
        return Response(campaign_body(self.campaign(campaign_id)))

    @transaction.atomic
    def patch(self, request: Request, campaign_id: str) -> Response:
        """Change a draft; `scheduled_at` schedules it, null takes that back."""
        data = parsed(CampaignSerializer, request, partial=True)
        campaign = self.campaign(campaign_id)
        if set(data) - {"scheduled_at"}:
            campaign = editing.change_campaign(
                self.actor, campaign, self.changes(data), revision=data.get("revision")
            )
        if "scheduled_at" in data:
            at = data["scheduled_at"]
            if at:
                editing.schedule(self.actor, campaign, at, revision=campaign.revision)
            else:
                editing.unschedule(self.actor, campaign)
        return Response(campaign_body(self.campaign(campaign_id)))

    def delete(self, request: Request, campaign_id: str) -> Response:
        """Remove one that was never launched."""
        editing.delete_campaign(self.actor, self.campaign(campaign_id))
        return Response(status=204)


class PreflightView(OneCampaign):
    """GET or POST looks at a campaign before it is launched."""

    permissions: ClassVar = {"GET": Scope.CAMPAIGNS_READ, "POST": Scope.CAMPAIGNS_READ}

    def get(self, request: Request, campaign_id: str) -> Response:
        """Verdict and findings."""
        found = preflight.look(self.campaign(campaign_id))
        return Response(
            {
                "verdict": found.verdict, "findings": [broadcast.finding_body(item) for item in found.findings],
                "audience": {"reached": found.audience.reached, "left_out": found.audience.left_out},
            }
        )

    def post(self, request: Request, campaign_id: str) -> Response:
        """The same."""
        return self.get(request, campaign_id)


class LaunchSerializer(StrictSerializer):
    """A reason to launch in spite of blocking findings."""

    override = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class LaunchView(OneCampaign):
    """POST launches; repeating it changes nothing."""

    permissions: ClassVar = {"POST": Scope.CAMPAIGNS_LAUNCH}

    def post(self, request: Request, campaign_id: str) -> Response:
        """The campaign as it stands then."""
        data = parsed(LaunchSerializer, request)
        broadcast.launch(self.actor, self.campaign(campaign_id), override=data["override"])
        return Response(campaign_body(self.campaign(campaign_id)), status=202)


class _Switch(OneCampaign):
    permissions: ClassVar = {"POST": Scope.CAMPAIGNS_LAUNCH}


class PauseView(_Switch):
    """POST pauses."""

    def post(self, request: Request, campaign_id: str) -> Response:
        """The campaign as it stands then."""
        broadcast.pause(self.actor, self.campaign(campaign_id))
        return Response(campaign_body(self.campaign(campaign_id)))


class ResumeView(_Switch):
    """POST resumes."""

    def post(self, request: Request, campaign_id: str) -> Response:
        """The campaign as it stands then."""
        broadcast.resume(self.actor, self.campaign(campaign_id))
        return Response(campaign_body(self.campaign(campaign_id)))


class CancelView(_Switch):
    """POST cancels what is not out yet."""

    def post(self, request: Request, campaign_id: str) -> Response:
        """The campaign as it stands then."""
        broadcast.cancel(self.actor, self.campaign(campaign_id))
        return Response(campaign_body(self.campaign(campaign_id)))


class TestSerializer(StrictSerializer):
    """Whom to send a test to."""

    to = serializers.ListField(child=serializers.CharField(max_length=320), min_length=1, max_length=10)
    contact = serializers.CharField(max_length=40, required=False, allow_null=True, default=None)


class TestView(OneCampaign):
    """POST sends a test, merged for a chosen contact."""

    permissions: ClassVar = {"POST": Scope.CAMPAIGNS_WRITE}

    def post(self, request: Request, campaign_id: str) -> Response:
        """202 with the message."""
        data = parsed(TestSerializer, request)
        contact = None
        if data["contact"]:
            contact = get_or_absent(contacts.contacts_of(self.actor.workspace), Prefix.CONTACT, data["contact"])
        accepted = test_send.send_test(self.actor, self.campaign(campaign_id), data["to"], contact)
        return Response({"message": encode_id(Prefix.MESSAGE, accepted.message_id)}, status=202)


class ArchiveView(OneCampaign):
    """POST puts a campaign away that goes out no more; its report stays."""

    permissions: ClassVar = {"POST": Scope.CAMPAIGNS_WRITE}

    def post(self, request: Request, campaign_id: str) -> Response:
        """The campaign as it stands then."""
        editing.archive(self.actor, self.campaign(campaign_id))
        return Response(campaign_body(self.campaign(campaign_id)))


class UnarchiveView(OneCampaign):
    """POST takes a campaign back into the list."""

    permissions: ClassVar = {"POST": Scope.CAMPAIGNS_WRITE}

    def post(self, request: Request, campaign_id: str) -> Response:
        """The campaign as it stands then."""
        editing.unarchive(self.actor, self.campaign(campaign_id))
        return Response(campaign_body(self.campaign(campaign_id)))


class CopyView(OneCampaign):
    """POST makes a new draft with the same content and audience."""

    permissions: ClassVar = {"POST": Scope.CAMPAIGNS_WRITE}

    def post(self, request: Request, campaign_id: str) -> Response:
        """The draft."""
        return Response(campaign_body(editing.copy_campaign(self.actor, self.campaign(campaign_id))), status=201)
