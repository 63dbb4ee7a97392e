"""The admin's view of the relay: what is queued, tried, answered; to look at. Secrets and content are never shown."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from relayhub.core.admin import ReadOnlyAdmin, actor_in, carry_out
from relayhub.relay import credentials
from relayhub.relay.models import (
    Attempt,
    BroadcastControl,
    BroadcastFigures,
    Content,
    Counter,
    CounterDelta,
    Event,
    Lane,
    Message,
    Pace,
    ReactionOutbox,
    Recipient,
    Route,
    SandboxInbox,
    SandboxMark,
    SandboxReader,
    SiteRecord,
    SmtpCredential,
    Stream,
    TrackedLink,
)


@admin.register(Stream)
class StreamAdmin(ReadOnlyAdmin):
    """Classes of traffic."""

    list_display = ("slug", "workspace", "kind", "track", "is_default", "paused_at")
    list_filter = ("kind",)
    search_fields = ("slug", "name")
    list_select_related = ("workspace",)


@admin.register(Route)
class RouteAdmin(ReadOnlyAdmin):
    """Stored rules, without their logins."""

    list_display = (
        "position", "workspace", "name", "transport", "match_streams", "match_domains", "weight", "dkim", "tls",
    )
    search_fields = ("name", "transport")
    list_select_related = ("workspace",)
    hidden = ("secret",)


@admin.register(SmtpCredential)
class SmtpCredentialAdmin(ReadOnlyAdmin):
    """SMTP credentials, without their hashes."""

    list_display = (
        "name", "workspace", "username", "is_default", "created_at", "last_used_at", "expires_at", "revoked_at",
    )
    search_fields = ("name", "username")
    list_select_related = ("workspace",)
    hidden = ("secret_hash",)
    actions = ("revoke",)

    @admin.action(description="Revoke the chosen credentials")
    def revoke(self, request: HttpRequest, queryset: QuerySet[SmtpCredential]) -> None:
        """End them; open sessions notice within seconds."""
        carry_out(
            request, queryset,
            lambda row: credentials.revoke_credential(actor_in(request, row.workspace), row), "Revoked",
        )


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    """Accepted messages, without their content."""

    list_display = ("public_id", "workspace", "source", "from_address", "subject", "recipient_count", "created_at")
    list_filter = ("source",)
    search_fields = ("=message_id_header",)
    list_select_related = ("workspace",)
    raw_id_fields = ("content",)


@admin.register(Content)
class ContentAdmin(ReadOnlyAdmin):
    """Stored content by size, without its bytes."""

    list_display = ("id", "workspace", "format", "size_bytes", "created_at")
    list_filter = ("format",)
    list_select_related = ("workspace",)
    hidden = ("meta",)


@admin.register(Recipient)
class RecipientAdmin(ReadOnlyAdmin):
    """The queue itself."""

    list_display = (
        "public_id", "workspace", "address", "status", "attempts", "crashes", "next_attempt_at", "lease_until",
    )
    list_filter = ("status",)
    search_fields = ("=address_key",)
    list_select_related = ("workspace",)
    raw_id_fields = ("message",)


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    """Tries, with the conversation (secrets masked, bodies left out)."""

    list_display = ("public_id", "number", "disposition", "transport", "site", "phase", "started_at", "ended_at")
    list_filter = ("disposition",)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """What happened to recipients."""

    list_display = ("public_id", "type", "at", "message_id", "recipient_id")
    list_filter = ("type",)


@admin.register(ReactionOutbox)
class ReactionOutboxAdmin(ReadOnlyAdmin):
    """Facts that other packages are still to hear of."""

    list_display = ("event_id", "created_at")


@admin.register(Lane)
class LaneAdmin(ReadOnlyAdmin):
    """What is claimed together."""

    list_display = ("id", "workspace", "stream", "site", "broadcast_id", "paused_at", "max_per_minute", "backoff_until")
    search_fields = ("site",)
    list_select_related = ("workspace", "stream")


@admin.register(SiteRecord)
class SiteRecordAdmin(ReadOnlyAdmin):
    """Recipient domains as last looked up."""

    list_display = ("domain", "site", "provider", "outcome", "looked_up_at", "expires_at")
    list_filter = ("outcome",)
    search_fields = ("domain", "site")


@admin.register(BroadcastFigures)
class BroadcastFiguresAdmin(ReadOnlyAdmin):
    """How broadcasts stood when they were counted last."""

    list_display = ("broadcast_id", "version", "counted_at", "took_ms")


@admin.register(BroadcastControl)
class BroadcastControlAdmin(ReadOnlyAdmin):
    """Switches of broadcasts."""

    list_display = ("broadcast_id", "workspace", "paused_at", "cancelled_at", "max_per_minute", "created_at")
    list_select_related = ("workspace",)


@admin.register(TrackedLink)
class TrackedLinkAdmin(ReadOnlyAdmin):
    """Links that clicks are counted on."""

    list_display = ("content_id", "number", "url", "text")


@admin.register(Counter)
class CounterAdmin(ReadOnlyAdmin):
    """Folded counts."""

    list_display = ("subject", "subject_id", "metric", "bucket", "value")
    list_filter = ("subject",)


@admin.register(CounterDelta)
class CounterDeltaAdmin(ReadOnlyAdmin):
    """Counts not folded yet."""

    list_display = ("subject", "subject_id", "metric", "bucket", "delta")


@admin.register(Pace)
class PaceAdmin(ReadOnlyAdmin):
    """Token buckets of lanes and broadcasts with a limit."""

    list_display = ("key", "tokens", "refilled_at")


@admin.register(SandboxInbox)
class SandboxInboxAdmin(ReadOnlyAdmin):
    """When a workspace's sandbox inbox was cleared."""

    list_display = ("workspace", "cleared_at", "cleared_before")
    list_select_related = ("workspace",)


@admin.register(SandboxReader)
class SandboxReaderAdmin(ReadOnlyAdmin):
    """Up to when people have read their sandbox inbox."""

    list_display = ("user", "workspace", "read_at")
    list_select_related = ("user", "workspace")


@admin.register(SandboxMark)
class SandboxMarkAdmin(ReadOnlyAdmin):
    """Mails of the sandbox that people read, or marked as unread."""

    list_display = ("user", "recipient_id", "is_read")
    list_select_related = ("user",)
