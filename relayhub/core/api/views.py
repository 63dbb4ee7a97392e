"""`/keys`, `/workspace`, `/jobs`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from relayhub.core import jobs, keys, workspaces
from relayhub.core.access import get_or_absent
from relayhub.core.api.base import ApiView, StrictSerializer, parsed
from relayhub.core.api.pagination import page_by_id
from relayhub.core.ids import Prefix
from relayhub.core.models import ApiKey, BrandFont, Job, Scope, Workspace


def moment(value: datetime | None) -> str | None:
    """RFC 3339 with Z."""
    return value.isoformat().replace("+00:00", "Z") if value else None


class KeySerializer(StrictSerializer):
    """A key to make."""

    name = serializers.CharField(max_length=120)
    scopes = serializers.ListField(child=serializers.CharField(max_length=40), min_length=1)
    domains = serializers.ListField(child=serializers.CharField(max_length=255), required=False, default=list)
    streams = serializers.ListField(child=serializers.CharField(max_length=80), required=False, default=list)
    networks = serializers.ListField(child=serializers.CharField(max_length=64), required=False, default=list)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    requests_per_second = serializers.IntegerField(required=False, default=100)


class RotateSerializer(StrictSerializer):
    """How long the old key works on."""

    overlap_seconds = serializers.IntegerField(required=False, default=86_400, min_value=0, max_value=2_592_000)


def key_body(key: ApiKey) -> dict[str, Any]:
    """A key, without its secret."""
    return {
        "id": key.public_id, "name": key.name, "prefix": key.prefix, "last_four": key.last_four,
        "scopes": key.scopes, "domains": key.domains, "streams": key.streams, "networks": key.networks,
        "requests_per_second": key.requests_per_second, "created_at": moment(key.created_at),
        "last_used_at": moment(key.last_used_at), "expires_at": moment(key.expires_at),
        "revoked_at": moment(key.revoked_at),
    }


class KeysView(ApiView):
    """API keys."""

    permissions: ClassVar = {"GET": Scope.KEYS_READ, "POST": Scope.KEYS_WRITE}
    #: A stored answer would hold the key's text.
    is_idempotent = False

    def get(self, request: Request) -> Response:
        """All of them, without their texts."""
        found = ApiKey.objects.filter(workspace=self.actor.workspace)
        return Response(page_by_id(request, found, lambda rows: map(key_body, rows)))

    def post(self, request: Request) -> Response:
        """Make one; its text is in this answer and nowhere else."""
        data = parsed(KeySerializer, request)
        limits = keys.KeyLimits(
            scopes=tuple(data["scopes"]), domains=tuple(data["domains"]), streams=tuple(data["streams"]),
            networks=tuple(data["networks"]), expires_at=data["expires_at"],
            requests_per_second=data["requests_per_second"],
        )
        made = keys.create_key(self.actor, name=data["name"], limits=limits)
        return Response({**key_body(made.key), "key": made.text}, status=201)


class _OneKey(ApiView):
    is_idempotent = False

    def key(self, key_id: str) -> ApiKey:
        """The key, or AccessError."""
        return get_or_absent(ApiKey.objects.filter(workspace=self.actor.workspace), Prefix.API_KEY, key_id)


class KeyView(_OneKey):
    """One key."""

    permissions: ClassVar = {"GET": Scope.KEYS_READ, "DELETE": Scope.KEYS_WRITE}

    def get(self, request: Request, key_id: str) -> Response:
        """The key, without its text."""
        return Response(key_body(self.key(key_id)))

    def delete(self, request: Request, key_id: str) -> Response:
        """Revoke it at once."""
        keys.revoke_key(self.actor, self.key(key_id))
        return Response(status=204)


class RotateView(_OneKey):
    """POST makes a successor; the old key works on for a while."""

    permissions: ClassVar = {"POST": Scope.KEYS_WRITE}

    def post(self, request: Request, key_id: str) -> Response:
        """The new key, with its text."""
        data = parsed(RotateSerializer, request)
        made = keys.rotate_key(
            self.actor, self.key(key_id), overlap=timedelta(seconds=data["overlap_seconds"])
        )
        return Response({**key_body(made.key), "key": made.text}, status=201)


class WorkspaceSerializer(StrictSerializer):
    """What may be changed."""

    name = serializers.CharField(max_length=200, required=False)
    company = serializers.CharField(max_length=200, required=False, allow_blank=True)
    postal_address = serializers.CharField(max_length=1000, required=False, allow_blank=True)
    footer_html = serializers.CharField(max_length=20_000, required=False, allow_blank=True)
    adds_footer = serializers.BooleanField(required=False)
    brand_colour = serializers.CharField(max_length=7, required=False)
    brand_font = serializers.ChoiceField(choices=BrandFont.choices, required=False)
    language = serializers.CharField(max_length=10, required=False)
    timezone = serializers.CharField(max_length=64, required=False)
    requires_mfa = serializers.BooleanField(required=False)
    refused_attachments = serializers.ListField(child=serializers.CharField(max_length=20), required=False)
    max_attachment_mib = serializers.IntegerField(required=False, allow_null=True)


def workspace_body(workspace: Workspace) -> dict[str, Any]:
    """The workspace."""
    return {
        "id": workspace.public_id, "name": workspace.name, "slug": workspace.slug, "company": workspace.company,
        "postal_address": workspace.postal_address, "footer_html": workspace.footer_html,
        "adds_footer": workspace.adds_footer, "brand_colour": workspace.brand_colour,
        "brand_font": workspace.brand_font,
        "logo_url": f"{settings.RELAYHUB_BASE_URL}{workspace.logo_path}" if workspace.logo_path else None,
        "language": workspace.language, "timezone": workspace.timezone,
        "requires_mfa": workspace.requires_mfa, "is_demo": workspace.is_demo,
        "refused_attachments": workspace.refused_attachments, "max_attachment_mib": workspace.max_attachment_mib,
        "sending_stopped_at": moment(workspace.sending_stopped_at),
        "sending_stopped_reason": workspace.sending_stopped_reason or None, "created_at": moment(workspace.created_at),
    }


class WorkspaceView(ApiView):
    """The caller's workspace."""

    permissions: ClassVar = {"GET": Scope.WORKSPACE_READ, "PATCH": Scope.WORKSPACE_WRITE}

    def get(self, request: Request) -> Response:
        """Its particulars."""
        return Response(workspace_body(self.actor.workspace))

    def patch(self, request: Request) -> Response:
        """Change some of them."""
        data = parsed(WorkspaceSerializer, request, partial=True)
        return Response(workspace_body(workspaces.change_workspace(self.actor, **data)))


def job_body(job: Job) -> dict[str, Any]:
    """A job and how far it is."""
    about, speed, left = jobs.kind_of(job), job.per_second, job.seconds_left
    return {
        "id": job.public_id, "kind": job.kind, "title": job.title, "status": job.status, "done": job.done,
        "total": job.total, "unit": job.unit, "error": job.error or None, "result": job.result,
        "created_at": moment(job.created_at), "started_at": moment(job.started_at),
        "finished_at": moment(job.finished_at), "per_second": None if speed is None else round(speed, 1),
        "seconds_left": None if left is None else round(left),
        "cancel": {"scope": about.cancel_scope or None, "means": about.on_cancel} if about else None,
    }


class JobsView(ApiView):
    """Long work."""

    permissions: ClassVar = {"GET": Scope.WORKSPACE_READ}

    def get(self, request: Request) -> Response:
        """All of it, newest first; `kind` and `status` narrow it."""
        found = jobs.jobs_of(
            self.actor.workspace, kind=request.GET.get("kind", ""), status=request.GET.get("status", "")
        )
        return Response(page_by_id(request, found, lambda rows: map(job_body, rows)))


class JobView(ApiView):
    """One job."""

    #: Stopping needs more: the scope that starting such a job needs, which `jobs.cancel` asks for.
    permissions: ClassVar = {"GET": Scope.WORKSPACE_READ, "DELETE": Scope.WORKSPACE_READ}

    def _job(self, job_id: str) -> Job:
        return get_or_absent(Job.objects.filter(workspace=self.actor.workspace), Prefix.JOB, job_id)

    def get(self, request: Request, job_id: str) -> Response:
        """How far it is."""
        return Response(job_body(self._job(job_id)))

    def delete(self, request: Request, job_id: str) -> Response:
        """Ask it to stop; whoever may start such a job may stop it."""
        job = self._job(job_id)
        jobs.cancel(self.actor, job)
        job.refresh_from_db()
        return Response(job_body(job), status=202)
