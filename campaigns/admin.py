"""The admin's view of contacts, lists, templates and campaigns: to look at, not to change."""

from __future__ import annotations

from django.contrib import admin

from campaigns.models import (
    Broadcast,
    BroadcastAudience,
    BulkAct,
    BulkChange,
    Campaign,
    ConsentEntry,
    Contact,
    ContactImport,
    ContactTaste,
    FieldDefinition,
    ImportBefore,
    ImportKept,
    ImportLeftOff,
    ImportReject,
    ImportSeen,
    MailingList,
    MailTemplate,
    Picture,
    SavedView,
    SignUpForm,
    Subscription,
    TemplateVersion,
)
from relayhub.core.admin import ReadOnlyAdmin


@admin.register(Contact)
class ContactAdmin(ReadOnlyAdmin):
    """People and mailboxes of all workspaces."""

    list_display = ("email", "workspace", "name", "source", "created_at")
    search_fields = ("=email_key",)
    list_select_related = ("workspace",)


@admin.register(FieldDefinition)
class FieldDefinitionAdmin(ReadOnlyAdmin):
    """Custom fields."""

    list_display = ("key", "workspace", "label", "type")
    list_select_related = ("workspace",)


@admin.register(MailingList)
class MailingListAdmin(ReadOnlyAdmin):
    """Mailing lists."""

    list_display = ("name", "workspace", "opt_in", "archived_at")
    search_fields = ("name",)
    list_select_related = ("workspace",)


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    """Contacts on lists."""

    list_display = ("contact", "mailing_list", "status", "confirmed_at", "unsubscribed_at")
    list_filter = ("status",)
    search_fields = ("=contact__email_key",)
    list_select_related = ("contact", "mailing_list")
    raw_id_fields = ("contact",)


@admin.register(ConsentEntry)
class ConsentEntryAdmin(ReadOnlyAdmin):
    """Evidence of consent."""

    list_display = ("contact", "mailing_list", "action", "channel", "source", "ip", "at")
    list_filter = ("action", "channel")
    search_fields = ("=contact__email_key",)
    list_select_related = ("contact", "mailing_list")
    raw_id_fields = ("contact",)


@admin.register(SignUpForm)
class SignUpFormAdmin(ReadOnlyAdmin):
    """Hosted sign-up forms."""

    list_display = ("title", "workspace", "mailing_list", "is_enabled")
    list_select_related = ("workspace", "mailing_list")


@admin.register(MailTemplate)
class MailTemplateAdmin(ReadOnlyAdmin):
    """Templates."""

    list_display = ("name", "workspace", "updated_at", "archived_at")
    search_fields = ("name",)
    list_select_related = ("workspace",)


@admin.register(TemplateVersion)
class TemplateVersionAdmin(ReadOnlyAdmin):
    """States of templates."""

    list_display = ("template", "number", "kind", "subject", "published_at")
    list_select_related = ("template",)


@admin.register(Campaign)
class CampaignAdmin(ReadOnlyAdmin):
    """Campaigns."""

    list_display = ("name", "workspace", "status", "scheduled_at", "launched_at", "finished_at")
    list_filter = ("status",)
    search_fields = ("name", "subject")
    list_select_related = ("workspace",)


@admin.register(Broadcast)
class BroadcastAdmin(ReadOnlyAdmin):
    """Runs of campaigns."""

    list_display = ("campaign", "workspace", "status", "audience_count", "expanded_count", "launched_by", "created_at")
    list_filter = ("status",)
    list_select_related = ("workspace", "campaign")


@admin.register(BroadcastAudience)
class BroadcastAudienceAdmin(ReadOnlyAdmin):
    """Frozen audiences."""

    list_display = ("broadcast_id", "address", "left_out")
    list_filter = ("left_out",)


@admin.register(ContactImport)
class ContactImportAdmin(ReadOnlyAdmin):
    """CSV imports."""

    list_display = ("file_name", "workspace", "is_dry_run", "rows", "created", "updated", "rejected", "created_at")
    list_select_related = ("workspace",)


@admin.register(ImportReject)
class ImportRejectAdmin(ReadOnlyAdmin):
    """Rows that were not imported."""

    list_display = ("contact_import", "row", "address", "code", "reason")
    list_filter = ("code",)
    list_select_related = ("contact_import",)


@admin.register(ImportLeftOff)
class ImportLeftOffAdmin(ReadOnlyAdmin):
    """People in a file who are not put on the list, by the file's own word."""

    list_display = ("contact_import", "row", "email", "reason", "said")
    list_filter = ("reason",)
    list_select_related = ("contact_import",)
    raw_id_fields = ("contact",)


@admin.register(ImportSeen)
class ImportSeenAdmin(ReadOnlyAdmin):
    """Addresses seen within a running import."""

    list_display = ("contact_import", "email_key", "row")
    list_select_related = ("contact_import",)


@admin.register(ImportBefore)
class ImportBeforeAdmin(ReadOnlyAdmin):
    """What imports overwrote, for as long as they can be undone."""

    list_display = ("contact_import", "contact_id")
    raw_id_fields = ("contact", "contact_import")


@admin.register(ImportKept)
class ImportKeptAdmin(ReadOnlyAdmin):
    """What an undo of an import left as it was, and why."""

    list_display = ("contact_import", "contact_id", "reason")
    list_filter = ("reason",)
    raw_id_fields = ("contact", "contact_import")


@admin.register(SavedView)
class SavedViewAdmin(ReadOnlyAdmin):
    """Saved views of contacts."""

    list_display = ("name", "workspace", "owner", "made_by", "updated_at")
    search_fields = ("name",)
    list_select_related = ("workspace", "owner")


@admin.register(ContactTaste)
class ContactTasteAdmin(ReadOnlyAdmin):
    """Columns and first view of contacts, a person each."""

    list_display = ("user", "workspace", "default_view")
    list_select_related = ("user", "workspace", "default_view")


@admin.register(BulkAct)
class BulkActAdmin(ReadOnlyAdmin):
    """Acts on many contacts at once."""

    list_display = ("kind", "workspace", "actor", "changed", "left_alone", "created_at", "undone_at")
    list_filter = ("kind",)
    list_select_related = ("workspace",)


@admin.register(BulkChange)
class BulkChangeAdmin(ReadOnlyAdmin):
    """What an act on many contacts changed, for its undo."""

    list_display = ("act_id", "contact_id")
    raw_id_fields = ("act",)


@admin.register(Picture)
class PictureAdmin(ReadOnlyAdmin):
    """Pictures of the libraries."""

    list_display = ("name", "workspace", "format", "width", "height", "size_bytes", "created_at")
    search_fields = ("name", "=key")
    list_select_related = ("workspace",)
