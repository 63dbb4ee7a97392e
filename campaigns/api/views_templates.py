"""`/templates`: mail templates, their versions, how they look, and what can be done to one."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import (
    beginning,
    contacts,
    starters,
    template_diff,
    template_looks,
    template_review,
    templates,
    test_send,
)
from campaigns.merge_fields import merge_fields
from campaigns.models import MailTemplate, TemplateKind, TemplateVersion
from relayhub.core.access import get_or_absent
from relayhub.core.api.base import ApiView, StrictSerializer, parsed
from relayhub.core.api.pagination import page_by_id
from relayhub.core.api.views import moment
from relayhub.core.errors import AccessError, InputError
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.models import Scope


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


#: Names outside -> fields of `TemplateInput`.
_FIELDS = {"kind": "kind", "subject": "subject", "preheader": "preheader", "html": "source", "text": "text"}


def version_body(version: TemplateVersion) -> dict[str, Any]:
    """One version."""
    return {
        "number": version.number, "kind": version.kind, "subject": version.subject,
        "preheader": version.preheader, "html": version.source, "text": version.text,
        "published_at": moment(version.published_at), "updated_at": moment(version.updated_at),
    }


def template_body(template: MailTemplate, standing: templates.TemplateStanding | None = None) -> dict[str, Any]:
    """A template with its newest version; whoever has many looks up how they stand before."""
    standing = standing or templates.standings([template])[template.pk]
    version = standing.newest
    shown = version_body(version) if version else {}
    return {
        "id": template.public_id, "name": template.name, "subject": shown.get("subject", ""),
        "html": shown.get("html", ""), "text": shown.get("text", ""), "kind": shown.get("kind", "html"),
        "preheader": shown.get("preheader", ""), "version": shown.get("number"),
        "published_version": standing.published,
        "has_draft": bool(version and version.published_at is None), "stamp": templates.stamp(version),
        "archived": template.archived_at is not None, "sample": template.sample,
        "created_at": moment(template.created_at), "updated_at": moment(template.updated_at),
    }


def _template_bodies(rows: list[MailTemplate]) -> list[dict[str, Any]]:
    standings = templates.standings(rows)
    return [template_body(row, standings[row.pk]) for row in rows]


def _content(data: dict[str, Any], present: templates.TemplateInput | None = None) -> templates.TemplateInput:
    given = {field: data[name] for name, field in _FIELDS.items() if name in data}
    return replace(present or templates.TemplateInput(), **given)


class TemplatesView(ApiView):
    """Mail templates."""

    permissions: ClassVar = {"GET": Scope.TEMPLATES_READ, "POST": Scope.TEMPLATES_WRITE}

    def get(self, request: Request) -> Response:
        """All that are not archived; `?archived=true`: those that are."""
        is_archive = request.query_params.get("archived") == "true"
        rows = (templates.archived_templates_of if is_archive else templates.templates_of)(self.actor.workspace)
        return Response(page_by_id(request, rows, _template_bodies))

    def post(self, request: Request) -> Response:
        """Make one; version 1 is published at once, or a draft where it begins with a `starter`."""
        data = parsed(TemplateSerializer, request)
        if data["starter"]:
            return Response(template_body(self._begun(data, set(request.data))), status=201)
        template = templates.create_template(
            self.actor, name=data["name"], content=_content(data), sample=data["sample"]
        )
        return Response(template_body(template), status=201)

    def _begun(self, data: dict[str, Any], sent: Set[str]) -> MailTemplate:
        """A draft from one of our beginnings, with what was sent in the place of its own."""
        chosen = starters.starter(data["starter"])
        if chosen is None:
            raise InputError(f"There is no beginning “{data['starter']}”. GET /templates/starters lists them.",
                             field="starter")
        given = {field: data[name] for name, field in _FIELDS.items() if name in sent}
        return beginning.begin(self.actor, chosen, name=data["name"], given=given,
                               sample=data["sample"] if "sample" in sent else None)[0]


class OneTemplate(ApiView):
    """A view of one template."""

    def template(self, template_id: str, *, with_archived: bool = False) -> MailTemplate:
        """The template, or AccessError."""
        rows = (templates.all_templates_of if with_archived else templates.templates_of)(self.actor.workspace)
        return get_or_absent(rows, Prefix.TEMPLATE, template_id)


class TemplateView(OneTemplate):
    """One template."""

    permissions: ClassVar = {
        "GET": Scope.TEMPLATES_READ, "PATCH": Scope.TEMPLATES_WRITE, "DELETE": Scope.TEMPLATES_WRITE
    }

    def get(self, request: Request, template_id: str) -> Response:
        """The template with its newest version, archived or not."""
        return Response(template_body(self.template(template_id, with_archived=True)))

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
        template = self.template(template_id, with_archived=is_final)
        (templates.delete_template if is_final else templates.archive)(self.actor, template)
        return Response(status=204)


class VersionsView(OneTemplate):
    """Every version."""

    permissions: ClassVar = {"GET": Scope.TEMPLATES_READ}

    def get(self, request: Request, template_id: str) -> Response:
        """Newest first, as they were begun."""
        rows = self.template(template_id).versions.all()
        return Response(page_by_id(request, rows, lambda found: map(version_body, found)))


class PublishSerializer(StrictSerializer):
    """`seen` is the `stamp` of the template as it was read."""

    seen = serializers.CharField(max_length=80, required=False, allow_null=True, default=None)


class PublishView(OneTemplate):
    """POST publishes the draft."""

    permissions: ClassVar = {"POST": Scope.TEMPLATES_WRITE}

    def post(self, request: Request, template_id: str) -> Response:
        """The template as it stands then; 409 where somebody else saved since `seen`."""
        seen = parsed(PublishSerializer, request)["seen"]
        template = self.template(template_id)
        templates.publish(self.actor, template, seen=seen)
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

# -- acts ----------------------------------------------------------------------------------------------------


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


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 10


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
            found = template.versions.filter(number=int(given)).first() if _is_number(given) else None
        if found is None:
            raise AccessError
        return found
