"""Messages, their content, and their recipients: the queue itself."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.core.models import Workspace
from relayhub.relay.models.routing import Stream


class ContentFormat(models.TextChoices):
    """How stored content is to be read."""

    RAW = "raw", "RFC 5322 bytes"
    COMPILED = "compiled", "Compiled broadcast content"


class Source(models.TextChoices):
    """Which door a message came through."""

    SMTP = "smtp", "SMTP"
    HTTP = "http", "REST API"
    RAW = "raw", "REST API, raw"
    CAMPAIGN = "campaign", "Campaign"
    SYSTEM = "system", "RelayHub itself"


class Tracking(models.TextChoices):
    """What is measured."""

    NONE = "none", _("Nothing")
    OPENS = "opens", _("Opens")
    CLICKS = "clicks", _("Clicks")
    ALL = "all", _("Opens and clicks")


class RecipientStatus(models.TextChoices):
    """Where a recipient stands; ARCHITECTURE section 3 names what may follow what."""

    QUEUED = "queued", "Queued"  # waits for its turn
    LEASED = "leased", "Leased"  # claimed by a worker, nothing irrevocable said yet
    ATTEMPTING = "attempting", "Attempting"  # intent recorded: the final dot may be out
    DEFERRED = "deferred", "Deferred"  # refused for now; due again at next_attempt_at
    HELD = "held", "Held"  # kept back by our own policy until released
    DELIVERED = "delivered", "Delivered"  # the next host took responsibility, or the sandbox kept it
    BOUNCED = "bounced", "Bounced"  # refused for good
    SUPPRESSED = "suppressed", "Suppressed"  # on a suppression list; never sent
    EXPIRED = "expired", "Expired"  # the queue lifetime passed
    CANCELLED = "cancelled", "Cancelled"  # a person stopped it in time
    UNKNOWN = "unknown", "Unknown"  # a worker died with the dot perhaps out
    QUARANTINED = "quarantined", "Quarantined"  # crashed workers too often; waits for a person


WAITING = frozenset({RecipientStatus.QUEUED, RecipientStatus.DEFERRED, RecipientStatus.HELD})
CLAIMABLE = frozenset({RecipientStatus.QUEUED, RecipientStatus.DEFERRED})
IN_FLIGHT = frozenset({RecipientStatus.LEASED, RecipientStatus.ATTEMPTING})
UNDECIDED = frozenset({RecipientStatus.UNKNOWN, RecipientStatus.QUARANTINED})
FINAL = frozenset(
    {
        RecipientStatus.DELIVERED,
        RecipientStatus.BOUNCED,
        RecipientStatus.EXPIRED,
        RecipientStatus.SUPPRESSED,
        RecipientStatus.CANCELLED,
    }
)


class Content(models.Model):
    """Stored bytes, shared by all recipients of a message or of a whole broadcast. Never changed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    format = models.CharField(max_length=8, choices=ContentFormat.choices, default=ContentFormat.RAW)
    data = models.BinaryField()
    #: What the format needs beside the bytes; nothing that pages search.
    meta = models.JSONField(default=dict)
    size_bytes = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return f"{self.format}, {self.size_bytes} bytes"


class Message(models.Model):
    """One accepted content with its envelope. A broadcast is one message with many recipients."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    stream = models.ForeignKey(Stream, on_delete=models.PROTECT, related_name="+")
    content = models.ForeignKey(Content, on_delete=models.PROTECT, related_name="+")
    source = models.CharField(max_length=8, choices=Source.choices)
    #: The From mailbox as written, and its bare address and domain (A-label).
    from_header = models.CharField(max_length=1000)
    from_address = models.CharField(max_length=320)
    from_domain = models.CharField(max_length=255)
    #: The client's MAIL FROM: data only, outside it is always the VERP path.
    mail_from = models.CharField(max_length=320, blank=True, default="")
    subject = models.CharField(max_length=1000, blank=True, default="")
    #: The Message-ID field's value with angle brackets; of a broadcast, each recipient has its own.
    message_id_header = models.CharField(max_length=1000, blank=True, default="")
    tags = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    metadata = models.JSONField(default=dict)
    #: Template and variables of an API message, DSN parameters of an SMTP one.
    options = models.JSONField(default=dict)
    track = models.CharField(max_length=6, choices=Tracking.choices, default=Tracking.NONE)
    broadcast_id = models.UUIDField(null=True, blank=True)
    api_key_id = models.UUIDField(null=True, blank=True)
    credential_id = models.UUIDField(null=True, blank=True)
    client_ip = models.GenericIPAddressField(null=True, blank=True)
    is_trusted_network = models.BooleanField(default=False)
    size_bytes = models.PositiveIntegerField(default=0)
    recipient_count = models.PositiveIntegerField(default=0)
    send_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(default=now)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-id"], name="message_workspace_newest"),
            models.Index(fields=["workspace", "message_id_header"], name="message_by_header"),
            # One of a million messages is a broadcast's: this index holds no others.
            models.Index(fields=["broadcast_id"], name="message_of_broadcast",
                         condition=models.Q(broadcast_id__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.subject or self.public_id

    @property
    def public_id(self) -> str:
        """The id outside: `msg_…`."""
        return encode_id(Prefix.MESSAGE, self.id)


class Recipient(models.Model):
    """One RCPT of one message: the unit of delivery, retry and status, and a row of the queue.

    Only `relay.events` and the claim statements of `relay.managers` change `status`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="recipients", db_index=False)
    # The hot table keeps plain references to what never goes away before it.
    workspace = models.ForeignKey(
        Workspace, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    stream = models.ForeignKey(
        Stream, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    lane_id = models.BigIntegerField()
    broadcast_id = models.UUIDField(null=True, blank=True)
    contact_id = models.UUIDField(null=True, blank=True)
    #: As given, and the key under which it is the same address as another.
    address = models.CharField(max_length=320)
    address_key = models.CharField(max_length=320)
    domain = models.CharField(max_length=255)
    #: Merge fields of a broadcast's recipient, frozen at launch.
    merge = models.JSONField(null=True, blank=True)
    status = models.CharField(
        max_length=11, choices=RecipientStatus.choices, default=RecipientStatus.QUEUED
    )
    next_attempt_at = models.DateTimeField(default=now)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    #: Tries whose intent was recorded.
    attempts = models.PositiveSmallIntegerField(default=0)
    #: Claims of this row that died; three counted ones quarantine it.
    crashes = models.PositiveSmallIntegerField(default=0)
    #: How small the next claim that holds this row must be, after a claim died; None = any.
    claim_limit = models.PositiveSmallIntegerField(null=True, blank=True)
    #: Whether the one retry after an unknown outcome was used.
    unknown_retried = models.BooleanField(default=False)
    hold_reason = models.CharField(max_length=300, blank=True, default="")
    #: How the last attempt went: reply as {"code", "enhanced", "text"} or None.
    reply = models.JSONField(null=True, blank=True)
    bounce_class = models.CharField(max_length=20, blank=True, default="")
    bounce_category = models.CharField(max_length=20, blank=True, default="")
    transport = models.CharField(max_length=300, blank=True, default="")
    provider = models.CharField(max_length=60, blank=True, default="")
    accepted_at = models.DateTimeField(default=now)
    finished_at = models.DateTimeField(null=True, blank=True)
    # What people and machines did with it; the first time of each.
    opened_at = models.DateTimeField(null=True, blank=True)
    machine_opened_at = models.DateTimeField(null=True, blank=True)
    clicked_at = models.DateTimeField(null=True, blank=True)
    machine_clicked_at = models.DateTimeField(null=True, blank=True)
    complained_at = models.DateTimeField(null=True, blank=True)
    unsubscribed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["lane_id", "next_attempt_at"],
                condition=models.Q(status__in=["queued", "deferred"]),
                name="recipient_due",
            ),
            models.Index(
                fields=["lease_until"],
                condition=models.Q(status__in=["leased", "attempting"]),
                name="recipient_in_flight",
            ),
            models.Index(
                fields=["status", "next_attempt_at"],
                condition=models.Q(status__in=["held", "unknown", "quarantined"]),
                name="recipient_set_aside",
            ),
            # With the id, so that the first of a million of one message are found without walking the whole table.
            models.Index(fields=["message", "id"], name="recipient_of_message"),
            models.Index(fields=["workspace", "address_key", "-id"], name="recipient_by_address"),
            # With the id, so that a report lists those of a status newest first without sorting a million.
            models.Index(fields=["broadcast_id", "status", "id"], name="recipient_of_broadcast",
                         condition=models.Q(broadcast_id__isnull=False)),
            # What few do is found without going through those who did nothing.
            models.Index(fields=["broadcast_id", "id"], name="recipient_opened",
                         condition=models.Q(broadcast_id__isnull=False, opened_at__isnull=False)),
            models.Index(
                fields=["broadcast_id", "id"], name="recipient_reacted",
                condition=models.Q(broadcast_id__isnull=False)
                & (models.Q(clicked_at__isnull=False) | models.Q(unsubscribed_at__isnull=False)
                   | models.Q(complained_at__isnull=False)),
            ),
            # Who opened something lately, without going through all mail there was; enters with the first opening.
            models.Index(fields=["workspace", "opened_at"], include=["address_key"], name="recipient_opened_at",
                         condition=models.Q(opened_at__isnull=False)),
            # Finds the messages that something went wrong with; what goes well never enters it.
            models.Index(
                fields=["workspace", "status", "message"],
                condition=models.Q(
                    status__in=["held", "unknown", "quarantined", "bounced", "suppressed", "expired", "cancelled"]
                ),
                name="recipient_by_trouble",
            ),
            models.Index(
                fields=["workspace", "-id"],
                condition=models.Q(transport="sandbox"),
                name="recipient_sandbox",
            ),
            # What came since the inbox was cleared or read, which is not the order in which it was handed in.
            models.Index(
                fields=["workspace", "finished_at"],
                condition=models.Q(transport="sandbox"),
                name="recipient_sandbox_kept",
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["broadcast_id", "contact_id"],
                condition=models.Q(broadcast_id__isnull=False),
                name="recipient_once_a_broadcast",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=RecipientStatus.values), name="recipient_status_known"
            ),
        ]

    def __str__(self) -> str:
        return self.address

    @property
    def public_id(self) -> str:
        """The id outside: `rcp_…`."""
        return encode_id(Prefix.RECIPIENT, self.id)
