"""Mailing lists, subscriptions and the evidence of consent."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from campaigns.models.contact import Contact
from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.core.models import Workspace


class OptIn(models.TextChoices):
    """How people join a list."""

    SINGLE = "single", _("Single opt-in")  # subscribed at once
    DOUBLE = "double", _("Double opt-in")  # subscribed after they answered a confirmation mail


class MailingList(models.Model):
    """A named set people join. Its From is used for confirmation mails."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="mailing_lists")
    name = models.CharField(max_length=200)
    description = models.CharField(max_length=1000, blank=True, default="")
    opt_in = models.CharField(max_length=6, choices=OptIn.choices, default=OptIn.SINGLE)
    #: Mailbox of a verified domain; required for double opt-in before a confirmation can leave.
    from_header = models.CharField(max_length=1000, blank=True, default="")
    #: Shown on the preference page, so that people may join it there.
    is_public = models.BooleanField(default=False)
    has_archive = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=now)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "name"],
                condition=models.Q(archived_at__isnull=True),
                name="mailing_list_name_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def public_id(self) -> str:
        """The id outside: `lst_…`."""
        return encode_id(Prefix.LIST, self.id)


class SubscriptionStatus(models.TextChoices):
    """Whether a contact hears from a list."""

    UNCONFIRMED = "unconfirmed", _("Unconfirmed")  # joined a double opt-in list, has not answered yet
    CONFIRMED = "confirmed", _("Confirmed")  # may be written to
    UNSUBSCRIBED = "unsubscribed", _("Unsubscribed")  # left; only the person's own act brings them back


class Subscription(models.Model):
    """A contact on a mailing list."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    mailing_list = models.ForeignKey(
        MailingList, on_delete=models.CASCADE, db_index=False, related_name="subscriptions"
    )
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="subscriptions")
    status = models.CharField(max_length=12, choices=SubscriptionStatus.choices)
    created_at = models.DateTimeField(default=now)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    unsubscribed_at = models.DateTimeField(null=True, blank=True)
    confirmation_sent_at = models.DateTimeField(null=True, blank=True)
    #: The import that put them there, so that it can be undone. Found by the time in `id`, so it needs no index.
    import_id = models.UUIDField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["mailing_list", "contact"], name="subscription_once"),
            models.CheckConstraint(
                condition=models.Q(status__in=SubscriptionStatus.values), name="subscription_status_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["mailing_list", "status", "contact"], name="subscription_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} on {self.mailing_list_id}: {self.status}"

    @property
    def public_id(self) -> str:
        """The id outside: `sub_…`."""
        return encode_id(Prefix.SUBSCRIPTION, self.id)


class ConsentAction(models.TextChoices):
    """What a consent entry records."""

    SUBSCRIBED = "subscribed", _("Subscribed")
    CONFIRMATION_SENT = "confirmation_sent", _("Confirmation sent")
    CONFIRMED = "confirmed", _("Confirmed")
    UNSUBSCRIBED = "unsubscribed", _("Unsubscribed")
    REMOVED = "removed", _("Removed from the list")  # by a colleague, without a word of the person
    RESTORED = "restored", _("Put back on the list")  # such a removal was undone


class ConsentEntry(models.Model):
    """One piece of evidence: append-only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, db_index=False, related_name="consents")
    mailing_list = models.ForeignKey(MailingList, on_delete=models.CASCADE, db_index=False, related_name="+")
    action = models.CharField(max_length=17, choices=ConsentAction.choices)
    #: `api`, `form`, `import`, `dashboard`, `one_click`, `link`, `mail`, `preferences`.
    channel = models.CharField(max_length=20)
    #: Where consent came from, in the words of whoever brought it.
    source = models.CharField(max_length=500, blank=True, default="")
    ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=300, blank=True, default="")
    detail = models.JSONField(default=dict)
    at = models.DateTimeField(default=now)

    class Meta:
        ordering: ClassVar = ["-id"]
        # With the action, so that of a million contacts the few without evidence are found in it alone.
        indexes: ClassVar = [models.Index(fields=["contact", "action"], name="consent_of_contact")]

    def __str__(self) -> str:
        return f"{self.action} through {self.channel}"


class SignUpForm(models.Model):
    """A hosted sign-up form of a list, at `/f/<id>`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    mailing_list = models.ForeignKey(MailingList, on_delete=models.CASCADE, related_name="forms")
    title = models.CharField(max_length=200)
    text = models.TextField(max_length=5000, blank=True, default="")
    button = models.CharField(max_length=80, default="Subscribe")
    #: Keys of custom fields asked for beside the address; `name` for the name.
    field_keys = models.JSONField(default=list)
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return self.title

    @property
    def public_id(self) -> str:
        """The id outside: `frm_…`."""
        return encode_id(Prefix.FORM, self.id)
