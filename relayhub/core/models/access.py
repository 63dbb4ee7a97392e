"""API keys: hashed, scoped, limited, replaceable without a gap."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.core.models.people import User
from relayhub.core.models.workspace import Workspace


class Scope(models.TextChoices):
    """What a key may do: `<resource>.read`, `<resource>.write`, and two verbs of campaigns."""

    MESSAGES_READ = "messages.read"
    MESSAGES_WRITE = "messages.write"
    EVENTS_READ = "events.read"
    STATS_READ = "stats.read"
    CONTACTS_READ = "contacts.read"
    CONTACTS_WRITE = "contacts.write"
    LISTS_READ = "lists.read"
    LISTS_WRITE = "lists.write"
    TEMPLATES_READ = "templates.read"
    TEMPLATES_WRITE = "templates.write"
    CAMPAIGNS_READ = "campaigns.read"
    CAMPAIGNS_WRITE = "campaigns.write"
    CAMPAIGNS_LAUNCH = "campaigns.launch"
    CAMPAIGNS_OVERRIDE = "campaigns.override"
    DOMAINS_READ = "domains.read"
    DOMAINS_WRITE = "domains.write"
    SUPPRESSIONS_READ = "suppressions.read"
    SUPPRESSIONS_WRITE = "suppressions.write"
    STREAMS_READ = "streams.read"
    STREAMS_WRITE = "streams.write"
    ROUTES_READ = "routes.read"
    ROUTES_WRITE = "routes.write"
    KEYS_READ = "keys.read"
    KEYS_WRITE = "keys.write"
    WORKSPACE_READ = "workspace.read"
    WORKSPACE_WRITE = "workspace.write"
    PEOPLE_READ = "people.read"
    PEOPLE_WRITE = "people.write"
    AUDIT_READ = "audit.read"


class ApiKey(models.Model):
    """One program's key. The secret is shown once; its SHA-256 is kept (160 random bits need no slow hash)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=120)
    #: The readable start of the key, `rh_live_xxxxxxxx`: finds the row, proves nothing.
    prefix = models.CharField(max_length=24, unique=True)
    secret_hash = models.CharField(max_length=64)
    last_four = models.CharField(max_length=4)
    scopes = ArrayField(models.CharField(max_length=32, choices=Scope.choices), default=list)
    #: Empty = all. Sending domains, stream slugs and CIDR networks this key is limited to.
    domains = ArrayField(models.CharField(max_length=255), default=list, blank=True)
    streams = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    networks = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    requests_per_second = models.PositiveIntegerField(default=100)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=now)
    #: Written at most once a minute.
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    #: The key that this one replaces; the old one works until its `expires_at`.
    replaces = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…{self.last_four})"

    @property
    def public_id(self) -> str:
        """The id outside: `key_…`."""
        return encode_id(Prefix.API_KEY, self.id)
