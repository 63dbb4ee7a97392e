"""`/members`, `/invitations`, `/audit`, `/workspace/logo`, `/workspace/stop`, `/workspace/resume`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from relayhub.core import audit, audit_check, logos, people, workspaces
from relayhub.core.access import get_or_absent
from relayhub.core.api.base import ApiView, StrictSerializer, parsed
from relayhub.core.api.pagination import page_by_id
from relayhub.core.api.parsers import StrictMultiPartParser
from relayhub.core.api.views import job_body, moment, workspace_body
from relayhub.core.errors import InputError
from relayhub.core.ids import Prefix
from relayhub.core.models import AuditEntry, Invitation, Member, Scope


class RoleSerializer(StrictSerializer):
    """Another role."""

    role = serializers.CharField(max_length=12)


class InviteSerializer(StrictSerializer):
    """Whom to invite, and as what."""

    email = serializers.CharField(max_length=254)
    role = serializers.CharField(max_length=12)


class StopSerializer(StrictSerializer):
    """Why sending stops."""

    reason = serializers.CharField(max_length=300)


def member_body(member: Member) -> dict[str, Any]:
    """A member."""
    return {
        "id": member.public_id, "email": member.user.email, "name": member.user.display_name, "role": member.role,
        "created_at": moment(member.created_at),
    }


def invitation_body(invitation: Invitation) -> dict[str, Any]:
    """An invitation, without its link."""
    return {
        "id": invitation.public_id, "email": invitation.email, "role": invitation.role,
        "created_at": moment(invitation.created_at), "expires_at": moment(invitation.expires_at),
    }


def entry_body(entry: AuditEntry) -> dict[str, Any]:
    """An entry of the audit log."""
    return {
        "id": entry.public_id, "at": moment(entry.at), "actor": entry.actor, "ip": entry.ip, "action": entry.action,
        "object": {"type": entry.object_type, "id": entry.object_id}, "summary": entry.summary,
        "before": entry.before, "after": entry.after,
    }


class LogoView(ApiView):
    """The workspace's logo."""

    permissions: ClassVar = {"POST": Scope.WORKSPACE_WRITE, "DELETE": Scope.WORKSPACE_WRITE}
    parser_classes = (StrictMultiPartParser,)
    is_idempotent = False

    def post(self, request: Request) -> Response:
        """Take a PNG, JPEG, GIF or WebP file of up to 2 MB."""
        file = request.FILES.get("logo")
        if not isinstance(file, UploadedFile):
            raise InputError("Send the picture as the form field “logo”.", field="logo")
        return Response(workspace_body(logos.set_logo(self.actor, file.read(logos.MAX_BYTES + 1))))

    def delete(self, request: Request) -> Response:
        """Go back to the mark with the first letter."""
        return Response(workspace_body(logos.remove_logo(self.actor)))


class MembersView(ApiView):
    """Members of the workspace."""

    permissions: ClassVar = {"GET": Scope.PEOPLE_READ}

    def get(self, request: Request) -> Response:
        """All of them."""
        found = people.members_of(self.actor.workspace)
        return Response(page_by_id(request, found, lambda rows: map(member_body, rows), ascending=True))


class MemberView(ApiView):
    """One member."""

    permissions: ClassVar = {
        "GET": Scope.PEOPLE_READ, "PATCH": Scope.PEOPLE_WRITE, "DELETE": Scope.PEOPLE_WRITE
    }

    def _member(self, member_id: str) -> Member:
        return get_or_absent(people.members_of(self.actor.workspace), Prefix.MEMBER, member_id)

    def get(self, request: Request, member_id: str) -> Response:
        """The member."""
        return Response(member_body(self._member(member_id)))

    def patch(self, request: Request, member_id: str) -> Response:
        """Give another role."""
        member = self._member(member_id)
        people.change_role(self.actor, member, parsed(RoleSerializer, request)["role"])
        return Response(member_body(self._member(member_id)))

    def delete(self, request: Request, member_id: str) -> Response:
        """Take the person out of the workspace."""
        people.remove_member(self.actor, self._member(member_id))
        return Response(status=204)


class InvitationsView(ApiView):
    """Open invitations."""

    permissions: ClassVar = {"GET": Scope.PEOPLE_READ, "POST": Scope.PEOPLE_WRITE}
    #: A stored answer would hold the link.
    is_idempotent = False

    def get(self, request: Request) -> Response:
        """Those that can still be accepted, without their links."""
        found = people.open_invitations(self.actor.workspace)
        return Response(page_by_id(request, found, lambda rows: map(invitation_body, rows)))

    def post(self, request: Request) -> Response:
        """Invite somebody; the link is in the letter and in this answer, and nowhere else."""
        data = parsed(InviteSerializer, request)
        made = people.invite(self.actor, email=data["email"], role=data["role"])
        return Response({**invitation_body(made.invitation), "link": made.link}, status=201)


class InvitationView(ApiView):
    """One open invitation."""

    permissions: ClassVar = {"GET": Scope.PEOPLE_READ, "DELETE": Scope.PEOPLE_WRITE}

    def _invitation(self, invitation_id: str) -> Invitation:
        return get_or_absent(people.open_invitations(self.actor.workspace), Prefix.INVITATION, invitation_id)

    def get(self, request: Request, invitation_id: str) -> Response:
        """The invitation, without its link."""
        return Response(invitation_body(self._invitation(invitation_id)))

    def delete(self, request: Request, invitation_id: str) -> Response:
        """Take it back."""
        people.revoke_invitation(self.actor, self._invitation(invitation_id))
        return Response(status=204)


class AuditView(ApiView):
    """The audit log, newest first: `?q=…&kind=domain&since=…&until=…`."""

    permissions: ClassVar = {"GET": Scope.AUDIT_READ}

    def get(self, request: Request) -> Response:
        """Entries."""
        given = request.query_params
        found: QuerySet[AuditEntry] = audit.entries(
            self.actor.workspace, text=given.get("q", ""), kind=given.get("kind", ""),
            since=_moment(given.get("since"), "since"), until=_moment(given.get("until"), "until"),
        )
        return Response(page_by_id(request, found, lambda rows: map(entry_body, rows)))


class AuditCheckView(ApiView):
    """POST checks that the log is whole: every entry holds a hash of the one before."""

    permissions: ClassVar = {"POST": Scope.AUDIT_READ}

    def post(self, request: Request) -> Response:
        """202 with the job; its result has `entries` looked at and `broken`, the id of the first that does not fit."""
        return Response(job_body(audit_check.start(self.actor)), status=202)


def _moment(text: str | None, field: str) -> datetime | None:
    if not text:
        return None
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise InputError(f"“{text[:40]}” is not a time. Write it as 2026-11-24T10:00:00Z.", field=field)
    return found


class StopView(ApiView):
    """POST stops the workspace's sending; what is handed in is kept."""

    permissions: ClassVar = {"POST": Scope.WORKSPACE_WRITE}

    def post(self, request: Request) -> Response:
        """Stop."""
        workspaces.stop_sending(self.actor, parsed(StopSerializer, request)["reason"])
        self.actor.workspace.refresh_from_db()
        return Response(workspace_body(self.actor.workspace))


class ResumeView(ApiView):
    """POST lets the workspace's mail go on."""

    permissions: ClassVar = {"POST": Scope.WORKSPACE_WRITE}

    def post(self, request: Request) -> Response:
        """Resume."""
        workspaces.resume_sending(self.actor)
        self.actor.workspace.refresh_from_db()
        return Response(workspace_body(self.actor.workspace))
