"""Contacts: people or mailboxes a workspace knows, with fields of its own making."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import OpClass
from django.db import models

from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.core.models import Workspace


class FieldType(models.TextChoices):
    """What a custom field holds."""

    TEXT = "text", "Text"
    NUMBER = "number", "Number"
    DATE = "date", "Date"
    BOOLEAN = "boolean", "Yes or no"


class FieldDefinition(models.Model):
    """A custom field of a workspace's contacts."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    #: `[a-z][a-z0-9_]*`: the name in merge fields.
    key = models.CharField(max_length=60)
    label = models.CharField(max_length=120)
    type = models.CharField(max_length=8, choices=FieldType.choices, default=FieldType.TEXT)
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering: ClassVar = ["created_at"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["workspace", "key"], name="field_key_once")]

    def __str__(self) -> str:
        return self.key

    @property
    def public_id(self) -> str:
        """The id outside: `fld_…`."""
        return encode_id(Prefix.FIELD, self.id)


class Contact(models.Model):
    """One address of a workspace, unique by its normalised form."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="contacts")
    email = models.CharField(max_length=320)
    #: `protocol.address.normalise(email)`.
    email_key = models.CharField(max_length=320)
    name = models.CharField(max_length=300, blank=True, default="")
    #: Values by field key: text, number, true/false, or an ISO date.
    fields = models.JSONField(default=dict)
    #: A tag such as `de` or `pt-BR`; "" = not known. Public pages and confirmation mails are in it where it is shipped.
    language = models.CharField(max_length=10, blank=True, default="")
    #: How we came to know the address: "api", "form", "import imp_…", "added by …".
    source = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "email_key"], name="contact_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-id"], name="contact_newest"),
            models.Index(
                models.F("workspace"), OpClass(models.F("email_key"), "varchar_pattern_ops"),
                name="contact_by_prefix",
            ),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def public_id(self) -> str:
        """The id outside: `con_…`."""
        return encode_id(Prefix.CONTACT, self.id)
