"""`/templates` and `/campaigns`."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import transaction
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import (
    beginning,
    broadcast,
    contacts,
    editing,
    preflight,
    starters,
    stats,
    template_looks,
    template_review,
    templates,
    test_send,
)
from campaigns.api.views_contacts import named_lists
from campaigns.models import Campaign, MailTemplate, TemplateKind, TemplateVersion
from relayhub.core.access import get_or_absent
from relayhub.core.api.base import ApiView, StrictSerializer, parsed
from relayhub.core.api.pagination import page_by_id
from relayhub.core.api.views import moment
from relayhub.core.errors import InputError
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.models import Scope
from relayhub.relay.models import Stream


class TemplateSerializer(StrictSerializer):
    """A template to make or change; `html` may be MJML or Markdown where `kind` says so."""

    name = serializers.CharField(max_length=200)
    kind = serializers.ChoiceField(choices=TemplateKind.choices, required=False, default=TemplateKind.HTML)
    subject = serializers.CharField(max_length=998, required=False, allow_blank=True, default="")
    preheader = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    html = serializers.CharField(required=False, allow_blank=True, default="", trim_whitespace=False)
    text = serializers.CharField(required=False, allow_blank=True, default="", trim_whitespace=False)
    #: Values of its variables, for previews and tests.
    sample = serializers.DictField(required=False, default=dict)
    #: Only to make one: the key of a beginning, which gives what is not given here. It is made as a draft.
    starter = serializers.CharField(max_length=40, required=False, allow_null=True, default=None)
    #: The `stamp` of the template as it was read: a change is refused where somebody else saved since.
    seen = serializers.CharField(max_length=80, required=False, allow_null=True, default=None)


def version_body(version: TemplateVersion) -> dict[str, Any]:
    """One version."""
    return {
        "number": version.number, "kind": version.kind, "subject": version.subject,
        "preheader": version.preheader, "html": version.source, "text": version.text,
        "published_at": moment(version.published_at), "updated_at": moment(version.updated_at),
    }


def template_body(template: MailTemplate) -> dict[str, Any]:
    """A template with its newest version."""
    version = templates.newest(template)
    shown = version_body(version) if version else {}
    live = templates.published(template)
    return {
        "id": template.public_id, "name": template.name, "subject": shown.get("subject", ""),
        "html": shown.get("html", ""), "text": shown.get("text", ""), "kind": shown.get("kind", "html"),
        "preheader": shown.get("preheader", ""), "version": shown.get("number"),
        "published_version": live.number if live else None,
        "has_draft": bool(version and version.published_at is None), "stamp": templates.stamp(version),
        "archived": template.archived_at is not None, "sample": template.sample,
        "created_at": moment(template.created_at), "updated_at": moment(template.updated_at),
    }


def _content(data: dict[str, Any], present: templates.TemplateInput | None = None) -> templates.TemplateInput:
    base = present or templates.TemplateInput()
    return templates.TemplateInput(
        kind=data.get("kind", base.kind), subject=data.get("subject", base.subject),
        preheader=data.get("preheader", base.preheader), source=data.get("html", base.source),
        text=data.get("text", base.text),
    )


class TemplatesView(ApiView):
    """Mail templates."""

    permissions: ClassVar = {"GET": Scope.TEMPLATES_READ, "POST": Scope.TEMPLATES_WRITE}

    def get(self, request: Request) -> Response:
        """All that are not archived; `?archived=true`: those that are."""
        is_archive = request.query_params.get("archived") == "true"
        rows = (templates.archived_templates_of if is_archive else templates.templates_of)(self.actor.workspace)
        return Response(page_by_id(request, rows, lambda found: map(template_body, found)))

    def post(self, request: Request) -> Response:
        """Make one; version 1 is published at once, or a draft where it begins with a `starter`."""
        data = parsed(TemplateSerializer, request)
        if data["starter"]:
            return Response(template_body(self._begun(data["starter"], data["name"])), status=201)
        template = templates.create_template(
            self.actor, name=data["name"], content=_content(data), sample=data["sample"]
        )
        return Response(template_body(template), status=201)

    def _begun(self, key: str, name: str) -> MailTemplate:
        """A draft from one of our beginnings."""
        chosen = starters.starter(key)
        if chosen is None:
            raise InputError(f"There is no beginning “{key}”. GET /templates/starters lists them.", field="starter")
        return beginning.begin(self.actor, chosen, name=name)[0]


class OneTemplate(ApiView):
    """A view of one template."""

    def template(self, template_id: str) -> MailTemplate:
        """The template, or AccessError."""
        return get_or_absent(templates.templates_of(self.actor.workspace), Prefix.TEMPLATE, template_id)


class TemplateView(OneTemplate):
    """One template."""

    permissions: ClassVar = {
        "GET": Scope.TEMPLATES_READ, "PATCH": Scope.TEMPLATES_WRITE, "DELETE": Scope.TEMPLATES_WRITE
    }

    def get(self, request: Request, template_id: str) -> Response:
        """The template with its newest version."""
        return Response(template_body(self.template(template_id)))

    def patch(self, request: Request, template_id: str) -> Response:
        """Change the draft."""
        template = self.template(template_id)
        data = parsed(TemplateSerializer, request, partial=True)
        name, seen, sample = data.pop("name", None), data.pop("seen", None), data.pop("sample", None)
        if data.pop("starter", None):
            raise InputError("A template begins only once.", field="starter")
        if data:
            newest = templates.newest(template)
            present = templates.content_of(newest) if newest else None
            templates.save_draft(self.actor, template, _content(data, present), seen=seen)
        if sample is not None:
            templates.set_sample(self.actor, template, sample)
        if name is not None:
            templates.rename(self.actor, template, name)
        return Response(template_body(self.template(template_id)))

    def delete(self, request: Request, template_id: str) -> Response:
        """Put it away; `?permanently=true` removes it, where no campaign uses it."""
        is_final = request.query_params.get("permanently") == "true"
        (templates.delete_template if is_final else templates.archive)(self.actor, self.template(template_id))
        return Response(status=204)


class VersionsView(OneTemplate):
    """Every version."""

    permissions: ClassVar = {"GET": Scope.TEMPLATES_READ}

    def get(self, request: Request, template_id: str) -> Response:
        """Newest first."""
        rows = self.template(template_id).versions.order_by("-number")
        return Response({"data": [version_body(row) for row in rows[:200]], "next": None})


class PublishView(OneTemplate):
    """POST publishes the draft."""

    permissions: ClassVar = {"POST": Scope.TEMPLATES_WRITE}

    def post(self, request: Request, template_id: str) -> Response:
        """The template as it stands then."""
        template = self.template(template_id)
        templates.publish(self.actor, template)
        return Response(template_body(template))


class RenderSerializer(StrictSerializer):
    """For whom to render, and how it is looked at; `variables` default to the template's sample values."""

    contact = serializers.CharField(max_length=40, required=False, allow_null=True, default=None)
    variables = serializers.DictField(required=False, allow_null=True, default=None)
    dark = serializers.BooleanField(required=False, default=False)
    images = serializers.BooleanField(required=False, default=True)


class RenderView(OneTemplate):
    """POST renders the newest version for a contact."""

    permissions: ClassVar = {"POST": Scope.TEMPLATES_READ}

    def post(self, request: Request, template_id: str) -> Response:
        """Subject, HTML and text, with findings."""
        data = parsed(RenderSerializer, request)
        template = self.template(template_id)
        version = templates.newest(template)
        if version is None:
            raise InputError("This template has no content yet.")
        contact = None
        if data["contact"]:
            contact = get_or_absent(contacts.contacts_of(self.actor.workspace), Prefix.CONTACT, data["contact"])
        sample = template.sample if data["variables"] is None else templates.checked_sample(data["variables"])
        found = template_review.review(
            self.actor.workspace, templates.content_of(version), contact, sample=sample
        )
        return Response(review_body(found, is_dark=data["dark"], has_images=data["images"]))


def review_body(found: template_review.Review, *, is_dark: bool, has_images: bool) -> dict[str, Any]:
    """What the editor says and shows of a content; InputError with the first error where it cannot be merged."""
    if found.shown is None:
        raise InputError(found.errors[0].message, field="html", code=found.errors[0].code)
    html = found.shown.html
    if html and is_dark:
        html = template_looks.in_the_dark(html)
    if html and not has_images:
        html = template_looks.without_images(html)
    return {
        "subject": found.shown.subject, "html": html, "text": found.shown.text,
        "findings": [
            {"severity": f.severity.value, "code": f.code, "message": f.message, "fix": f.fix, "line": f.line,
             "part": f.part}
            for f in found.findings
        ],
        "empty_fields": [
            {"name": blank.name, "missing": blank.missing, "of": blank.of, "line": blank.line, "part": blank.part,
             "with_fallback": blank.with_fallback}
            for blank in found.blanks
        ],
        "size_bytes": found.size_bytes, "limit_bytes": found.limit_bytes, "support_checks": found.support_checks,
        "support_passed": found.support_passed, "has_dark_styles": found.has_dark_styles,
    }


# -- campaigns -----------------------------------------------------------------------------------------------


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


def campaign_body(campaign: Campaign) -> dict[str, Any]:
    """A campaign."""
    return {
        "id": campaign.public_id, "name": campaign.name, "status": campaign.status,
        "from": campaign.from_header, "reply_to": campaign.reply_to, "subject": campaign.subject,
        "template": campaign.template.public_id if campaign.template else None,
        "lists": [encode_id(Prefix.LIST, pk) for pk in campaign.lists.values_list("pk", flat=True)],
        "excluded_lists": [
            encode_id(Prefix.LIST, pk) for pk in campaign.excluded_lists.values_list("pk", flat=True)
        ],
        "stream": encode_id(Prefix.STREAM, campaign.stream_id) if campaign.stream_id else None,
        "track": campaign.track, "max_per_minute": campaign.max_per_minute, "revision": campaign.revision,
        "scheduled_at": moment(campaign.scheduled_at), "created_at": moment(campaign.created_at),
        "launched_at": moment(campaign.launched_at), "finished_at": moment(campaign.finished_at),
        "archived_at": moment(campaign.archived_at),
        "counts": stats.counts(campaign),
    }


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
        """Newest first; `?status=` narrows, `?archived=true` shows those put away."""
        is_archive = request.query_params.get("archived") == "true"
        found = editing.campaigns_of(self.actor.workspace).filter(archived_at__isnull=not is_archive)
        status = request.query_params.get("status", "")
        if status:
            found = found.filter(status=status)
        return Response(page_by_id(request, found, lambda rows: map(campaign_body, rows)))

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
