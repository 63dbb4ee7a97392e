"""A workspace: one tenant, with its own people, domains, contacts and mail."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.protocol.attachment_policy import DANGEROUS


def dangerous_endings() -> list[str]:
    """What a new workspace does not take."""
    return list(DANGEROUS)


class BrandFont(models.TextChoices):
    """Typefaces that mail programs have; hardly any loads another."""

    SYSTEM = "system", _("The reader’s own (system)")
    HELVETICA = "helvetica", _("Helvetica or Arial")
    VERDANA = "verdana", "Verdana"
    TREBUCHET = "trebuchet", "Trebuchet"
    GEORGIA = "georgia", "Georgia"
    PALATINO = "palatino", "Palatino"


class Workspace(models.Model):
    """Everything a company keeps apart from another: every tenant row carries its id."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=80, unique=True)
    created_at = models.DateTimeField(default=now)
    #: The first workspace of an installation: system mail is sent as it.
    is_first = models.BooleanField(default=False)
    is_demo = models.BooleanField(default=False)
    #: Whatever routes say, mail of this workspace stays in the sandbox inbox.
    is_pinned_to_sandbox = models.BooleanField(default=False)
    #: Set = nothing of this workspace is claimed or sent until it is cleared.
    sending_stopped_at = models.DateTimeField(null=True, blank=True)
    sending_stopped_reason = models.CharField(max_length=300, blank=True, default="")

    # The footer that bulk mail carries (company and postal address are asked for by law in many places).
    company = models.CharField(max_length=200, blank=True, default="")
    postal_address = models.TextField(max_length=1000, blank=True, default="")
    #: HTML of the footer, with merge fields; empty = the built-in one from company and address.
    footer_html = models.TextField(max_length=20_000, blank=True, default="")
    #: Whether the footer with its unsubscribe link is added where content has none.
    adds_footer = models.BooleanField(default=True)
    #: `#rrggbb` for the public pages, Markdown mails and the beginnings of templates.
    brand_colour = models.CharField(max_length=7, default="#0b6470")
    #: Typeface of mails in the workspace's look: a key of `relay.brand.FONTS`.
    brand_font = models.CharField(max_length=20, choices=BrandFont, default=BrandFont.SYSTEM)
    #: A picture for the public pages and confirmation mails; none = a mark with the first letter.
    logo = models.ForeignKey("core.StoredFile", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    #: Of the public pages where neither the contact nor the browser says another; a shipped language.
    language = models.CharField(max_length=10, default="en")
    timezone = models.CharField(max_length=64, default="UTC")
    requires_mfa = models.BooleanField(default=False)

    #: Endings of files that are not taken as attachments; empty = all are.
    refused_attachments = models.JSONField(default=dangerous_endings)
    #: Largest attachment in MiB; None = as large as a message may be.
    max_attachment_mib = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["is_first"], condition=models.Q(is_first=True), name="workspace_one_first"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def logo_path(self) -> str:
        """Where its logo is served; "" without one. A new logo has a new path, so that it may be kept for ever."""
        return f"/logo/{self.logo_id}.png" if self.logo_id else ""

    @property
    def public_id(self) -> str:
        """The id outside: `wsp_…`."""
        return encode_id(Prefix.WORKSPACE, self.id)
