"""What people make while they work with contacts: saved views, chosen columns, and acts on many with their undo."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from campaigns.models.mailing_list import MailingList
from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.core.models import Job, User, Workspace


class SavedView(models.Model):
    """Filters, order and columns of the contact list under a name: one person's, or shared in the workspace."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=120)
    #: None: shared with everybody in the workspace.
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    #: Who made it, in words that outlive the account.
    made_by = models.CharField(max_length=300, blank=True, default="")
    #: Parameter -> its values, as the address of the list holds them.
    query = models.JSONField(default=dict)
    #: Keys of columns in their order; empty: whatever the person chose.
    columns = models.JSONField(default=list)
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)

    class Meta:
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "owner", "name"], name="saved_view_name_once", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def public_id(self) -> str:
        """The id outside: `viw_…`."""
        return encode_id(Prefix.VIEW, self.id)

    @property
    def is_shared(self) -> bool:
        """Whether everybody in the workspace has it."""
        return self.owner_id is None


class ContactTaste(models.Model):
    """What one person likes to see of a workspace's contacts."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    #: Id of a view, "" without any -> keys of the columns chosen there, in their order.
    columns = models.JSONField(default=dict)
    default_view = models.ForeignKey(SavedView, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "user"], name="contact_taste_once"),
        ]

    def __str__(self) -> str:
        return f"columns of {self.user_id}"


class BulkKind(models.TextChoices):
    """What is done with many contacts at once."""

    ADD_TO_LIST = "add_to_list", "Add to a list"  # those without a state there; undone by its consent entries
    REMOVE_FROM_LIST = "remove_from_list", "Remove from a list"  # forgets subscriptions; undone the same way
    UNSUBSCRIBE = "unsubscribe", "Unsubscribe from a list"  # a colleague passes on many a no
    SUPPRESS = "suppress", "Suppress"  # the addresses get nothing from this workspace
    SET_FIELD = "set_field", "Set a field"
    DELETE = "delete", "Delete"  # cannot be undone


class BulkAct(models.Model):
    """One act on many contacts: what, on whom, how far it got, and whether it was taken back."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=16, choices=BulkKind.choices)
    mailing_list = models.ForeignKey(MailingList, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    field_key = models.CharField(max_length=60, blank=True, default="")
    #: Of a field: the value to set, None to take it away.
    value = models.JSONField(null=True)
    #: Where the consent or the no comes from, in words.
    source = models.CharField(max_length=500, blank=True, default="")
    #: {"ids": […]} or {"query": {…}, "zone": "…", "newest": the last id that was there}.
    chosen = models.JSONField(default=dict)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    actor = models.CharField(max_length=300, blank=True, default="")
    channel = models.CharField(max_length=20, default="dashboard")
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    changed = models.BigIntegerField(default=0)
    left_alone = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=now)
    finished_at = models.DateTimeField(null=True, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)
    restored = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(kind__in=BulkKind.values), name="bulk_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.actor}"

    @property
    def public_id(self) -> str:
        """The id outside: `act_…`."""
        return encode_id(Prefix.BULK_ACT, self.id)


class BulkChange(models.Model):
    """What one contact was before an act, kept while the act can be undone."""

    id = models.BigAutoField(primary_key=True)
    act = models.ForeignKey(BulkAct, on_delete=models.CASCADE, db_index=False, related_name="+")
    contact_id = models.UUIDField()
    #: Of a field: {"value": …} or {}. Of an unsubscribing: the subscription. Of a suppression: its id.
    before = models.JSONField(default=dict)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["act", "id"], name="bulk_change_in_order")]

    def __str__(self) -> str:
        return f"{self.contact_id} before {self.act_id}"
