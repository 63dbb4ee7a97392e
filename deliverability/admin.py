"""The admin's view of domains, keys and suppressions: to look at, not to change; private keys are never shown."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from deliverability.models import DkimKey, DomainCheck, DomainCheckChange, DomainShare, SendingDomain, Suppression
from relayhub.core.admin import ReadOnlyAdmin


@admin.register(SendingDomain)
class SendingDomainAdmin(ReadOnlyAdmin):
    """Sending domains of all workspaces."""

    list_display = ("name", "workspace", "status", "failures", "checked_at", "next_check_at", "deleted_at")
    list_filter = ("status",)
    search_fields = ("name",)
    list_select_related = ("workspace",)


@admin.register(DomainCheck)
class DomainCheckAdmin(ReadOnlyAdmin):
    """What the last look at each record found."""

    list_display = ("domain", "kind", "record_name", "outcome", "is_required", "checked_at")
    list_filter = ("kind", "outcome")
    search_fields = ("record_name",)
    list_select_related = ("domain",)


@admin.register(DomainCheckChange)
class DomainCheckChangeAdmin(ReadOnlyAdmin):
    """Drift."""

    list_display = ("domain", "kind", "old_outcome", "new_outcome", "at")
    list_filter = ("kind",)
    list_select_related = ("domain",)


@admin.register(DomainShare)
class DomainShareAdmin(ReadOnlyAdmin):
    """Links to a domain's records; the secret itself is not kept."""

    list_display = ("domain", "made_by", "created_at", "expires_at", "revoked_at", "opened_at")
    list_select_related = ("domain",)
    exclude: ClassVar = ("token_hash",)


@admin.register(DkimKey)
class DkimKeyAdmin(ReadOnlyAdmin):
    """Keys by selector, without their private parts."""

    list_display = ("selector", "domain", "algorithm", "state", "seen_in_dns_at", "activated_at", "retired_at")
    list_filter = ("algorithm", "state")
    search_fields = ("selector", "domain__name")
    list_select_related = ("domain",)
    exclude: ClassVar = ("private_encrypted",)


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin):
    """Suppressed addresses of all workspaces."""

    list_display = ("address", "workspace", "reason", "scope", "source", "created_at", "lifted_at")
    list_filter = ("reason", "scope")
    search_fields = ("address_key",)
    list_select_related = ("workspace",)
