"""Mail templates with versions: the newest published one is what a launch freezes."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.core.models import User, Workspace


class TemplateKind(models.TextChoices):
    """What the source is written in."""

    HTML = "html", "HTML"
    MJML = "mjml", "MJML"
    MARKDOWN = "markdown", "Markdown"
    TEXT = "text", _("Plain text")


class MailTemplate(models.Model):
    """Stored, merged content."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="mail_templates")
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)
    archived_at = models.DateTimeField(null=True, blank=True)
    #: Values of its variables for previews and tests, as a single message would bring them.
    sample = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return self.name

    @property
    def public_id(self) -> str:
        """The id outside: `tpl_…`."""
        return encode_id(Prefix.TEMPLATE, self.id)


class TemplateVersion(models.Model):
    """One state of a template. A version without `published_at` is the draft; there is at most one."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    template = models.ForeignKey(MailTemplate, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=8, choices=TemplateKind.choices, default=TemplateKind.HTML)
    subject = models.CharField(max_length=998, blank=True, default="")
    #: Text that mail programs show behind the subject.
    preheader = models.CharField(max_length=300, blank=True, default="")
    #: HTML, MJML or Markdown as written.
    source = models.TextField(blank=True, default="")
    #: Plain text as written; empty = derived from the HTML at publish.
    text = models.TextField(blank=True, default="")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["template", "number"], name="template_version_once"),
            models.UniqueConstraint(
                fields=["template"],
                condition=models.Q(published_at__isnull=True),
                name="template_one_draft",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template} v{self.number}"
