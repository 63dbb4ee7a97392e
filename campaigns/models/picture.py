"""Pictures that mails show, kept here and served to anybody who has their address."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.core.models import StoredFile, User, Workspace

#: Ending of a picture's address -> the type it is served as.
PICTURE_TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
#: Twice as wide as mails are, for dense screens; wider ones only load longer.
WIDE_PIXELS = 1200
#: From here on a picture is slow to load on a phone.
HEAVY_BYTES = 1024 * 1024
#: How wide mails are.
_MAIL_PIXELS = 600


class PictureFormat(models.TextChoices):
    """What mail programs show; by its ending."""

    PNG = "png", "PNG"
    JPEG = "jpg", "JPEG"
    GIF = "gif", "GIF"
    WEBP = "webp", "WebP"


class Picture(models.Model):
    """One picture of a workspace's library. Its bytes never change: another picture has another address."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="pictures")
    #: Of its address: SHA-256 over the workspace's id and the bytes, cut to 160 bits. Nobody can guess it.
    key = models.CharField(max_length=40, unique=True, editable=False)
    #: SHA-256 of the file as it was uploaded, so that the same one is recognised before it is read.
    source_hash = models.CharField(max_length=64, editable=False)
    name = models.CharField(max_length=200)
    #: What is read out and shown in its place; templates take it along when the picture is put in.
    alternative_text = models.CharField(max_length=300, blank=True, default="")
    format = models.CharField(max_length=4, choices=PictureFormat.choices)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    size_bytes = models.PositiveIntegerField()
    is_animated = models.BooleanField(default=False)
    file = models.ForeignKey(StoredFile, on_delete=models.CASCADE, related_name="+")
    #: A small WebP for lists in the dashboard.
    thumbnail = models.ForeignKey(StoredFile, on_delete=models.CASCADE, related_name="+")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["workspace", "-id"], name="picture_newest")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "source_hash"], name="picture_once"),
            models.CheckConstraint(condition=models.Q(format__in=PictureFormat.values), name="picture_format_known"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def public_id(self) -> str:
        """The id outside: `pic_…`."""
        return encode_id(Prefix.PICTURE, self.id)

    @property
    def path(self) -> str:
        """Where it is served."""
        return f"/picture/{self.key}.{self.format}"

    @property
    def url(self) -> str:
        """The address that mails name."""
        return f"{settings.RELAYHUB_BASE_URL}{self.path}"

    @property
    def shown_width(self) -> int:
        """How wide a mail shows it: its own width, and never wider than mails are."""
        return min(self.width, _MAIL_PIXELS)

    @property
    def is_wide(self) -> bool:
        """Whether a smaller copy shows as much."""
        return self.width > WIDE_PIXELS and not self.is_animated

    @property
    def is_heavy(self) -> bool:
        """Whether it loads slowly on a phone."""
        return self.size_bytes > HEAVY_BYTES
