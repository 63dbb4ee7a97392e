"""Streams (classes of traffic) and routes (which way mail leaves, by stream and recipient domain)."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.core.models import Workspace


class StreamKind(models.TextChoices):
    """What sort of traffic a stream carries."""

    TRANSACTIONAL = "transactional", _("Transactional")  # one person asked for it; keeps a reserved share
    BROADCAST = "broadcast", _("Broadcast")  # many people at once; carries unsubscribe fields
    SYSTEM = "system", _("System")  # RelayHub's own letters: invitations, resets


_KIND_WORDS = {
    StreamKind.TRANSACTIONAL: _("Transactional stream"), StreamKind.BROADCAST: _("Broadcast stream"),
    StreamKind.SYSTEM: _("System stream"),
}

#: What default streams are called until somebody renames them. Stored in English, translated when shown.
DEFAULT_NAMES = {
    StreamKind.TRANSACTIONAL: gettext_noop("Transactional"), StreamKind.BROADCAST: gettext_noop("Broadcast"),
    StreamKind.SYSTEM: gettext_noop("RelayHub’s own letters"),
}


def title_of_stream(name: str) -> str:
    """A stream's stored name as it is shown."""
    return gettext(name) if name in DEFAULT_NAMES.values() else name


class Stream(models.Model):
    """A class of traffic with its own reputation, pause switch and tracking default."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="streams")
    slug = models.SlugField(max_length=80)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=14, choices=StreamKind.choices)
    #: What is measured where the message does not say: none, opens, clicks, all.
    track = models.CharField(max_length=6, default="none")
    is_default = models.BooleanField(default=False)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_reason = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering: ClassVar = ["created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "slug"], name="stream_slug_once"),
            models.CheckConstraint(condition=models.Q(kind__in=StreamKind.values), name="stream_kind_known"),
            models.UniqueConstraint(
                fields=["workspace", "kind"],
                condition=models.Q(is_default=True),
                name="stream_one_default_a_kind",
            ),
        ]

    def __str__(self) -> str:
        return self.slug

    @property
    def public_id(self) -> str:
        """The id outside: `str_…`."""
        return encode_id(Prefix.STREAM, self.id)

    @property
    def title(self) -> str:
        """What people call it: its name, that of a default stream in the present language."""
        return title_of_stream(self.name)

    @property
    def kind_words(self) -> str:
        """What sort of stream it is: “Broadcast stream”."""
        return str(_KIND_WORDS[StreamKind(self.kind)])


class Route(models.Model):
    """One rule: mail that matches leaves by this transport. Rules are tried in order of position.

    `RELAYHUB_DEFAULT_ROUTE` is the last rule of every workspace and is not stored.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="routes")
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=120, blank=True, default="")
    #: Empty = every stream; else slugs.
    match_streams = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    #: Empty = every recipient domain; else domains, `*.example.com` for sub-domains.
    match_domains = ArrayField(models.CharField(max_length=255), default=list, blank=True)
    #: `sandbox`, `direct`, `smtp://host:port`, `smtps://…`, `lmtp://…`, `anymail:NAME`: never a secret.
    transport = models.CharField(max_length=300)
    #: User and password of the smarthost, or the provider's settings, as JSON encrypted at rest.
    secret = models.BinaryField(null=True, blank=True)
    #: Share among neighbouring rules with the same match; 0 = switched off.
    weight = models.PositiveIntegerField(default=100)
    #: False = the smarthost signs.
    dkim = models.BooleanField(default=True)
    #: none, opportunistic, required.
    tls = models.CharField(max_length=13, default="opportunistic")
    max_connections = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering: ClassVar = ["workspace", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "position"],
                name="route_position_once",
                deferrable=models.Deferrable.DEFERRED,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}: {self.transport}"

    @property
    def public_id(self) -> str:
        """The id outside: `rte_…`."""
        return encode_id(Prefix.ROUTE, self.id)
