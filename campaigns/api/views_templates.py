"""What can be done to a template besides reading and writing it: restore a version, test, copy, take back."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import contacts, starters, template_diff, templates, test_send
from campaigns.api.views_campaigns import OneTemplate, template_body
from campaigns.merge_fields import merge_fields
from campaigns.models import MailTemplate, TemplateVersion
from relayhub.core.access import get_or_absent
from relayhub.core.api.base import ApiView, StrictSerializer, parsed
from relayhub.core.errors import AccessError
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.models import Scope


class RestoreSerializer(StrictSerializer):
    """Which version; `seen` is the `stamp` of the template as it was read."""

    version = serializers.IntegerField(min_value=1)
    seen = serializers.CharField(max_length=80, required=False, allow_null=True, default=None)


class TemplateRestoreView(OneTemplate):
    """POST makes an older version's text the draft."""

    permissions: ClassVar = {"POST": Scope.TEMPLATES_WRITE}

    def post(self, request: Request, template_id: str) -> Response:
        """The template as it stands then; 409 where somebody else saved since `seen`."""
        data = parsed(RestoreSerializer, request)
        template = self.template(template_id)
        templates.restore(self.actor, template, data["version"], seen=data["seen"])
        return Response(template_body(template))


class TemplateTestSerializer(StrictSerializer):
    """Whom to send a test to, as whom to merge it; `from` defaults to what was used last."""

    to = serializers.ListField(child=serializers.CharField(max_length=320), min_length=1, max_length=10)
    contact = serializers.CharField(max_length=40, required=False, allow_null=True, default=None)

    def get_fields(self) -> dict[str, serializers.Field]:
        """`from` is a word of Python's, so it is added here."""
        return {**super().get_fields(), "from": serializers.CharField(max_length=1000, required=False, default="")}


class TemplateTestView(OneTemplate):
    """POST sends a test of the newest version."""

    permissions: ClassVar = {"POST": Scope.TEMPLATES_WRITE}

    def post(self, request: Request, template_id: str) -> Response:
        """202 with the message."""
        data = parsed(TemplateTestSerializer, request)
        workspace, contact = self.actor.workspace, None
        if data["contact"]:
            contact = get_or_absent(contacts.contacts_of(workspace), Prefix.CONTACT, data["contact"])
        sender = data["from"] or test_send.usual_sender(workspace)
        accepted = test_send.send_template_test(
            self.actor, self.template(template_id), data["to"], contact, sender=sender
        )
        return Response({"message": encode_id(Prefix.MESSAGE, accepted.message_id)}, status=202)


class TemplateCopyView(OneTemplate):
    """POST begins another template with the same text."""

    permissions: ClassVar = {"POST": Scope.TEMPLATES_WRITE}

    def post(self, request: Request, template_id: str) -> Response:
        """201 with the copy, a draft."""
        return Response(template_body(templates.copy(self.actor, self.template(template_id))), status=201)


class TemplateUnarchiveView(ApiView):
    """POST offers a template that was put away again."""

    permissions: ClassVar = {"POST": Scope.TEMPLATES_WRITE}

    def post(self, request: Request, template_id: str) -> Response:
        """The template."""
        rows = templates.archived_templates_of(self.actor.workspace)
        template = get_or_absent(rows, Prefix.TEMPLATE, template_id)
        templates.unarchive(self.actor, template)
        return Response(template_body(template))


class StartersView(ApiView):
    """Texts to begin a template with, in the brand of the workspace."""

    permissions: ClassVar = {"GET": Scope.TEMPLATES_READ}

    def get(self, request: Request) -> Response:
        """All of them."""
        rows = [(item, item.content(self.actor.workspace)) for item in starters.STARTERS]
        return Response({"data": [
            {"key": item.key, "name": item.name, "use": item.use, "kind": content.kind, "subject": content.subject,
             "preheader": content.preheader, "html": content.source, "sample": dict(item.sample)}
            for item, content in rows
        ], "next": None})


class MergeFieldsView(ApiView):
    """Merge fields that templates of the workspace may use."""

    permissions: ClassVar = {"GET": Scope.TEMPLATES_READ}

    def get(self, request: Request) -> Response:
        """All of them, by group."""
        return Response({"data": [
            {"name": row.name, "label": row.label, "group": row.group, "code": row.code}
            for row in merge_fields(self.actor.workspace)
        ], "next": None})


class TemplateDiffView(OneTemplate):
    """What two versions differ in, line by line."""

    permissions: ClassVar = {"GET": Scope.TEMPLATES_READ}

    def get(self, request: Request, template_id: str) -> Response:
        """From `before` (default: the one before) to `after` (default: the newest)."""
        template = self.template(template_id)
        after = self._version(template, request.query_params.get("after"), templates.newest(template))
        earlier = template.versions.filter(number__lt=after.number).order_by("-number").first()
        before = self._version(template, request.query_params.get("before"), earlier)
        parts = template_diff.diff(templates.content_of(before), templates.content_of(after))
        return Response({
            "before": before.number, "after": after.number,
            "parts": [
                {"part": part.label, "added": part.added, "removed": part.removed, "is_too_long": part.is_too_long,
                 "lines": [{"kind": line.kind, "text": line.text, "before": line.before, "after": line.after}
                           for line in part.lines]}
                for part in parts
            ],
        })

    def _version(self, template: MailTemplate, given: str | None, default: TemplateVersion | None) -> TemplateVersion:
        found = default
        if given is not None:
            found = template.versions.filter(number=int(given)).first() if given.isdecimal() else None
        if found is None:
            raise AccessError
        return found
