"""Contacts: people or mailboxes a workspace knows, with fields of its own making."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models.functions import Coalesce, Left, Lower, NullIf
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.core.models import Workspace


class FieldType(models.TextChoices):
    """What a custom field holds."""

    TEXT = "text", pgettext_lazy("field", "Text")
    NUMBER = "number", pgettext_lazy("field", "Number")
    DATE = "date", pgettext_lazy("field", "Date")
    BOOLEAN = "boolean", _("Yes or no")


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


#: Two long names that begin alike are told apart by their ids.
_TITLE_CHARACTERS = 80


def title_expression() -> models.Expression:
    """What lists sort contacts by: the name, or the address of somebody without one; index `contact_by_title`."""
    return Lower(Left(Coalesce(NullIf("name", models.Value("")), "email_key"), _TITLE_CHARACTERS))


class Words(models.Func):
    """The words of a name and an address, for `contact_words`: an address falls apart at its punctuation."""

    template = "to_tsvector('simple'::regconfig, translate(%(expressions)s, '@.-_+/', '      '))"
    arg_joiner = " || ' ' || "
    output_field = SearchVectorField()


class Contact(models.Model):
    """One address of a workspace, unique by its normalised form."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="contacts")
    email = models.CharField(max_length=320)
    #: `protocol.address.normalise(email)`.
    email_key = models.CharField(max_length=320)
    name = models.CharField(max_length=500, blank=True, default="")
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
            models.Index(models.F("workspace"), title_expression(), models.F("id"), name="contact_by_title"),
            models.Index(fields=["workspace", "source", "-id"], name="contact_by_source"),
            GinIndex(Words("name", "email_key"), name="contact_words"),
            # Finds a field's exact value: one number, day, yes or no, or whole text.
            GinIndex(fields=["fields"], opclasses=["jsonb_path_ops"], name="contact_field_values"),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def public_id(self) -> str:
        """The id outside: `con_…`."""
        return encode_id(Prefix.CONTACT, self.id)
