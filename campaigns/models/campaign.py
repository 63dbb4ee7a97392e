"""Campaigns (editable) and broadcasts (one run against a frozen audience)."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.models.mail_template import MailTemplate, TemplateVersion
from campaigns.models.mailing_list import MailingList
from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.core.models import User, Workspace


class CampaignStatus(models.TextChoices):
    """Where a campaign stands."""

    DRAFT = "draft", pgettext_lazy("status", "Draft")
    SCHEDULED = "scheduled", pgettext_lazy("status of a campaign", "Scheduled")
    SENDING = "sending", pgettext_lazy("status", "Sending")
    PAUSED = "paused", pgettext_lazy("status", "Paused")
    SENT = "sent", pgettext_lazy("status of a campaign", "Sent")  # every recipient is final or quarantined
    CANCELLED = "cancelled", pgettext_lazy("status of a campaign", "Cancelled")


class Campaign(models.Model):
    """Content, audience and schedule."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="campaigns")
    name = models.CharField(max_length=200)
    status = models.CharField(max_length=9, choices=CampaignStatus.choices, default=CampaignStatus.DRAFT)
    from_header = models.CharField(max_length=1000, blank=True, default="")
    reply_to = models.CharField(max_length=1000, blank=True, default="")
    #: Empty = the template's.
    subject = models.CharField(max_length=998, blank=True, default="")
    template = models.ForeignKey(
        MailTemplate, null=True, blank=True, on_delete=models.PROTECT, related_name="campaigns"
    )
    #: A stream of the relay; None = the workspace's default for broadcasts.
    stream_id = models.UUIDField(null=True, blank=True)
    lists = models.ManyToManyField(MailingList, related_name="campaigns", blank=True)
    excluded_lists = models.ManyToManyField(MailingList, related_name="+", blank=True)
    #: none, opens, clicks, all.
    track = models.CharField(max_length=6, default="all")
    scheduled_at = models.DateTimeField(null=True, blank=True)
    #: The time zone it was written in, to be shown in again; "" = the person's own.
    scheduled_zone = models.CharField(max_length=60, blank=True, default="")
    max_per_minute = models.PositiveIntegerField(null=True, blank=True)
    #: Raised at each save, so that two editors are told of each other.
    revision = models.PositiveIntegerField(default=0)
    #: The step of the wizard that was saved last.
    step = models.CharField(max_length=10, default="audience")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)
    launched_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    #: Put away: kept with its report, and left out of the list.
    archived_at = models.DateTimeField(null=True, blank=True)
    #: Who saved it last, in words, for whoever edits it as well.
    changed_by = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-id"], name="campaign_newest"),
            models.Index(
                fields=["scheduled_at"], condition=models.Q(status="scheduled"), name="campaign_due"
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(status__in=CampaignStatus.values), name="campaign_status_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def public_id(self) -> str:
        """The id outside: `cmp_…`."""
        return encode_id(Prefix.CAMPAIGN, self.id)


class BroadcastStatus(models.TextChoices):
    """How far the expansion of a broadcast is."""

    FREEZING = "freezing", "Freezing"  # the audience is being fixed
    EXPANDING = "expanding", "Expanding"  # recipients are being stored
    EXPANDED = "expanded", "Expanded"  # all are in the queue
    CANCELLED = "cancelled", "Cancelled"


class Broadcast(models.Model):
    """One run of a campaign. At most one a campaign, by a constraint: a double launch finds the first."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    campaign = models.OneToOneField(Campaign, on_delete=models.CASCADE, related_name="broadcast")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    status = models.CharField(max_length=9, choices=BroadcastStatus.choices, default=BroadcastStatus.FREEZING)
    template_version = models.ForeignKey(TemplateVersion, on_delete=models.PROTECT, related_name="+")
    #: The relay's message of this broadcast.
    message_id = models.UUIDField(null=True, blank=True)
    #: Mailing lists as frozen at launch.
    list_ids = models.JSONField(default=list)
    audience_count = models.PositiveIntegerField(default=0)
    expanded_count = models.PositiveIntegerField(default=0)
    #: How many were left out, by LeftOutReason.
    left_out = models.JSONField(default=dict)
    #: The last audience row whose recipient is stored; moves in the same commit.
    checkpoint = models.BigIntegerField(default=0)
    launched_by = models.CharField(max_length=300, blank=True, default="")
    override_reason = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField(default=now)
    expanded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(status__in=BroadcastStatus.values), name="broadcast_status_known"
            ),
        ]

    def __str__(self) -> str:
        return f"broadcast of {self.campaign_id}"


class LeftOutReason(models.TextChoices):
    """Why a contact on the lists is not written to."""

    UNCONFIRMED = "unconfirmed", _("Has not confirmed yet")
    UNSUBSCRIBED = "unsubscribed", _("Unsubscribed")
    EXCLUDED = "excluded", _("On an excluded list")
    SUPPRESSED = "suppressed", _("Suppressed")
    INVALID = "invalid", _("Address cannot be written to")


class BroadcastAudience(models.Model):
    """The frozen audience: everybody on the lists, once, with the reason where somebody is left out."""

    id = models.BigAutoField(primary_key=True)
    broadcast = models.ForeignKey(Broadcast, on_delete=models.CASCADE, db_index=False, related_name="audience")
    contact_id = models.UUIDField()
    address = models.CharField(max_length=320)
    address_key = models.CharField(max_length=320)
    left_out = models.CharField(max_length=12, blank=True, default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["broadcast", "contact_id"], name="audience_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["broadcast", "left_out", "id"], name="audience_in_order"),
        ]

    def __str__(self) -> str:
        return self.address
