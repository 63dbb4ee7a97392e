"""The admin site, for staff: every model to look at, hardly any to change.

Rows are changed by services, which keep history and the audit log; what staff does here goes through them as
actions, for superusers. Hashes, secrets and stored bytes are never shown. Sign-in goes through the dashboard's, so
that a second factor holds here as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import allauth.account.admin
import allauth.mfa.admin
import allauth.usersessions.admin  # noqa: F401  (registers, so that what follows may register anew)
from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import BinaryField, Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from relayhub.core import jobs, keys, people, sessions, workspaces
from relayhub.core.access import Actor, system_actor
from relayhub.core.errors import RelayHubError
from relayhub.core.models import (
    ApiKey,
    AuditEntry,
    IdempotencyRecord,
    Invitation,
    Job,
    LoginThrottle,
    Member,
    PeriodicRun,
    RefusedRequest,
    StoredFile,
    StoredFileChunk,
    SystemState,
    User,
    Workspace,
)

#: Tables grow without end; beyond this nobody counts them for a list.
COUNT_LIMIT = 10_000

admin.site.site_header = "RelayHub"
admin.site.site_title = "RelayHub admin"
admin.site.index_title = "Everything, to look at"
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than COUNT_LIMIT, so that a list of ten million rows opens at once."""

    @cached_property
    def count(self) -> int:
        """How many rows there are, at most COUNT_LIMIT."""
        found: Any = self.object_list
        return int(found.order_by().values("pk")[:COUNT_LIMIT].count())


class ReadOnlyAdmin(admin.ModelAdmin):
    """Any staff may look; nobody adds, changes or deletes here."""

    show_full_result_count = False
    paginator = BoundedPaginator
    list_per_page = 50
    ordering = ("-pk",)
    #: Fields that no page of this model holds, besides stored bytes.
    hidden: ClassVar[tuple[str, ...]] = ()

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Any staff."""
        return _is_staff(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Any staff."""
        return _is_staff(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is added here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is changed here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is deleted here."""
        return False

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Stored bytes and what the model hides."""
        return [*(super().get_exclude(request, obj) or ()), *self.hidden, *_bytes_of(self.model)]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Rows without their stored bytes."""
        return super().get_queryset(request).defer(*_bytes_of(self.model))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Acts are for superusers."""
        return super().get_actions(request) if getattr(request.user, "is_superuser", False) else {}


def _is_staff(request: HttpRequest) -> bool:
    user = request.user
    return bool(getattr(user, "is_active", False) and getattr(user, "is_staff", False))


def _bytes_of(model: type[Model]) -> list[str]:
    return [field.name for field in model._meta.fields if isinstance(field, BinaryField)]


def name_of(request: HttpRequest) -> str:
    """How the audit log calls whoever acts here."""
    return f"{getattr(request.user, 'email', 'staff')} (admin site)"


def actor_in(request: HttpRequest, workspace: Workspace) -> Actor:
    """Staff as an actor of any workspace."""
    return system_actor(workspace, name_of(request))


def carry_out(request: HttpRequest, rows: QuerySet[Any], act: Callable[[Any], object], done: str) -> None:
    """Call a service for each row; its refusals are told."""
    count = 0
    for row in rows:
        try:
            act(row)
        except RelayHubError as exc:
            messages.warning(request, f"{row}: {exc.message}")
        else:
            count += 1
    if count:
        messages.success(request, f"{done}: {count}.")


@admin.register(Workspace)
class WorkspaceAdmin(ReadOnlyAdmin):
    """Workspaces, and the emergency stop of each."""

    list_display = ("name", "slug", "is_first", "is_demo", "sending_stopped_at", "created_at")
    search_fields = ("name", "slug")
    actions = ("stop_sending", "resume_sending")

    @admin.action(description="Stop sending of the chosen workspaces")
    def stop_sending(self, request: HttpRequest, queryset: QuerySet[Workspace]) -> None:
        """Let nothing of them go out."""
        carry_out(
            request, queryset,
            lambda row: workspaces.stop_sending(actor_in(request, row), f"Stopped by {name_of(request)}"), "Stopped",
        )

    @admin.action(description="Resume sending of the chosen workspaces")
    def resume_sending(self, request: HttpRequest, queryset: QuerySet[Workspace]) -> None:
        """Let their mail go on."""
        carry_out(request, queryset, lambda row: workspaces.resume_sending(actor_in(request, row)), "Resumed")


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """People who sign in."""

    list_display = ("email", "display_name", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "display_name")
    hidden = ("password",)
    actions = ("close_account", "open_account", "ask_for_new_password", "remove_second_factor", "sign_out")

    @admin.action(description="Close the account: no sign-in any more")
    def close_account(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """End their sign-in; not one's own."""
        others = queryset.exclude(email=getattr(request.user, "email", ""))
        carry_out(request, others, lambda row: people.close_account(row, by=name_of(request)), "Closed")

    @admin.action(description="Open a closed account again")
    def open_account(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Let them sign in again."""
        carry_out(request, queryset, lambda row: people.open_account(row, by=name_of(request)), "Opened")

    @admin.action(description="Ask for a new password at the next page")
    def ask_for_new_password(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Make them choose another one."""
        carry_out(request, queryset, lambda row: people.ask_for_new_password(row, by=name_of(request)), "Asked")

    @admin.action(description="Remove the second factor (lost phone and codes)")
    def remove_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Let the password alone open the account."""
        carry_out(request, queryset, lambda row: people.remove_second_factor(row, by=name_of(request)), "Removed")

    @admin.action(description="Sign out everywhere")
    def sign_out(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """End their sessions."""
        carry_out(request, queryset, sessions.end_all, "Signed out")


@admin.register(Member)
class MemberAdmin(ReadOnlyAdmin):
    """Who is in which workspace, as what."""

    list_display = ("user", "workspace", "role", "created_at")
    list_filter = ("role",)
    search_fields = ("user__email", "workspace__name")
    list_select_related = ("user", "workspace")


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """Invitations, without their links."""

    list_display = ("email", "workspace", "role", "created_at", "expires_at", "accepted_at", "revoked_at")
    search_fields = ("email",)
    list_select_related = ("workspace",)
    hidden = ("token_hash",)
    actions = ("revoke",)

    @admin.action(description="Take back the chosen invitations")
    def revoke(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        """Make their links useless."""
        carry_out(
            request, queryset, lambda row: people.revoke_invitation(actor_in(request, row.workspace), row), "Taken back"
        )


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """API keys, without their hashes."""

    list_display = (
        "name", "workspace", "prefix", "last_four", "created_at", "last_used_at", "expires_at", "revoked_at",
    )
    search_fields = ("name", "prefix", "last_four")
    list_select_related = ("workspace",)
    hidden = ("secret_hash",)
    actions = ("revoke",)

    @admin.action(description="Revoke the chosen keys")
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """End them at once."""
        carry_out(request, queryset, lambda row: keys.revoke_key(actor_in(request, row.workspace), row), "Revoked")


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """The audit log of all workspaces."""

    list_display = ("at", "workspace", "actor", "action", "object_type", "summary", "ip")
    list_filter = ("object_type",)
    search_fields = ("actor", "action", "summary", "object_id")
    list_select_related = ("workspace",)


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Long work."""

    list_display = ("title", "workspace", "kind", "status", "done", "total", "heartbeat_at", "created_at")
    list_filter = ("status", "kind")
    list_select_related = ("workspace",)
    actions = ("cancel",)

    @admin.action(description="Ask the chosen jobs to stop")
    def cancel(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """Stop them at their next step."""
        carry_out(request, queryset, jobs.request_cancel, "Asked to stop")


@admin.register(StoredFile)
class StoredFileAdmin(ReadOnlyAdmin):
    """Uploads, exports and reports, without their content."""

    list_display = ("name", "workspace", "purpose", "size_bytes", "created_at", "expires_at")
    list_filter = ("purpose",)
    list_select_related = ("workspace",)


@admin.register(StoredFileChunk)
class StoredFileChunkAdmin(ReadOnlyAdmin):
    """Slices of stored files, without their content."""

    list_display = ("file", "number")
    list_select_related = ("file",)


@admin.register(IdempotencyRecord)
class IdempotencyRecordAdmin(ReadOnlyAdmin):
    """Used idempotency keys, without the answers they keep."""

    list_display = ("key", "workspace", "status", "created_at", "expires_at")
    list_select_related = ("workspace",)
    hidden = ("body", "fingerprint")


@admin.register(SystemState)
class SystemStateAdmin(ReadOnlyAdmin):
    """Switches of the installation."""

    list_display = ("key", "value", "changed_at")


@admin.register(PeriodicRun)
class PeriodicRunAdmin(ReadOnlyAdmin):
    """Taken slots of the schedule."""

    list_display = ("job", "slot", "taken_at")
    list_filter = ("job",)


@admin.register(RefusedRequest)
class RefusedRequestAdmin(ReadOnlyAdmin):
    """Refused requests of programs."""

    list_display = ("at", "workspace", "caller_name", "method", "path", "status", "code")
    list_filter = ("door",)
    list_select_related = ("workspace",)
    search_fields = ("caller_id", "request_id")


@admin.register(LoginThrottle)
class LoginThrottleAdmin(ReadOnlyAdmin):
    """Brakes on guessing."""

    list_display = ("key", "failures", "last_failure_at", "blocked_until")
    search_fields = ("key",)


for _model in (EmailAddress, Authenticator, UserSession):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


@admin.register(EmailAddress)
class EmailAddressAdmin(ReadOnlyAdmin):
    """Addresses that django-allauth keeps beside the account's own."""

    list_display = ("email", "user", "primary", "verified")
    search_fields = ("email",)
    list_select_related = ("user",)


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnlyAdmin):
    """Second factors, without their secrets; a person's are removed on the list of users."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    hidden = ("data",)


@admin.register(UserSession)
class UserSessionAdmin(ReadOnlyAdmin):
    """Where people are signed in, without the keys of their sessions."""

    list_display = ("user", "ip", "user_agent", "created_at")
    search_fields = ("user__email", "ip")
    list_select_related = ("user",)
    hidden = ("session_key", "data")
