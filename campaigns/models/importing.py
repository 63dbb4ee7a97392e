"""CSV imports: the run, the rows it refused, and the addresses it has seen. A run shares its Job's id."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from campaigns.models.contact import Contact
from campaigns.models.mailing_list import MailingList
from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.models import Job, StoredFile, Workspace


class ContactImport(models.Model):
    """One import. `checkpoint` moves in the transaction that applies the rows before it."""

    job = models.OneToOneField(Job, primary_key=True, on_delete=models.CASCADE, related_name="contact_import")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    mailing_list = models.ForeignKey(
        MailingList, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    file = models.ForeignKey(StoredFile, null=True, on_delete=models.SET_NULL, related_name="+")
    file_name = models.CharField(max_length=255)
    #: Column heading -> one of `import_columns.OWN_TARGETS`, a field key, or "" to leave it out.
    mapping = models.JSONField(default=dict)
    #: Key of a new field -> its type.
    types = models.JSONField(default=dict)
    #: Column heading -> how its dates or numbers are written; see `column_values`.
    formats = models.JSONField(default=dict)
    consent_source = models.CharField(max_length=500, blank=True, default="")
    is_dry_run = models.BooleanField(default=False)
    #: {"encoding", "delimiter", "has_header", "columns": […]} as detected.
    dialect = models.JSONField(default=dict)
    #: Byte offset of the first row not applied yet, and its row number.
    checkpoint_bytes = models.BigIntegerField(default=0)
    checkpoint_row = models.BigIntegerField(default=0)
    rows = models.BigIntegerField(default=0)
    created = models.BigIntegerField(default=0)
    updated = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    #: Contacts it put on the list.
    joined = models.BigIntegerField(default=0)
    #: Of those whom the file did not let onto the list: reason (`LeftOffReason`) -> how many.
    not_joined = models.JSONField(default=dict)
    #: Values that mean neither yes nor no -> how many rows; the first of them.
    unclear_values = models.JSONField(default=dict)
    #: The column that looks as if it says who may be put on the list and was used for something else, or "".
    unused_answer = models.CharField(max_length=255, blank=True, default="")
    #: What an undo would do, and the undo; the newest of each.
    undo_count = models.OneToOneField(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    undo = models.OneToOneField(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    #: Of a dry run: the first changes, [{"row", "email", "before", "after"}].
    samples = models.JSONField(default=list)
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering: ClassVar = ["-job_id"]

    def __str__(self) -> str:
        return self.file_name

    @property
    def public_id(self) -> str:
        """The id outside: `imp_…`."""
        return encode_id(Prefix.IMPORT, self.job_id)


class ImportReject(models.Model):
    """A row that was not imported, as it stood, and why."""

    id = models.BigAutoField(primary_key=True)
    contact_import = models.ForeignKey(ContactImport, on_delete=models.CASCADE, db_index=False, related_name="rejects")
    row = models.BigIntegerField()
    address = models.CharField(max_length=400, blank=True, default="")
    #: Short and stable, for grouping: `invalid_address`, `duplicate`, `too_many_columns`, …
    code = models.CharField(max_length=30)
    reason = models.CharField(max_length=500)
    cells = models.JSONField(default=list)

    class Meta:
        ordering: ClassVar = ["row"]
        indexes: ClassVar = [
            models.Index(fields=["contact_import", "row"], name="import_reject_in_order"),
            models.Index(fields=["contact_import", "code", "row"], name="import_reject_by_code"),
        ]

    def __str__(self) -> str:
        return f"row {self.row}: {self.reason}"


class LeftOffReason(models.TextChoices):
    """Why somebody in a file is not put on the list, by the file's own word; `ON_IT_ALREADY` stays on it."""

    SAID_NO = "said_no", _("Said no")
    EMPTY = "empty", _("Nothing said")
    UNCLEAR = "unclear", _("Neither yes nor no")
    ON_IT_ALREADY = "on_it_already", _("Said no, but on the list already")


class ImportLeftOff(models.Model):
    """Somebody in the file whom it does not let onto the list, and what it says. Kept as long as an undo is."""

    id = models.BigAutoField(primary_key=True)
    contact_import = models.ForeignKey(
        ContactImport, on_delete=models.CASCADE, db_index=False, related_name="left_off"
    )
    row = models.BigIntegerField()
    #: None in a dry run for one who is not there yet; the row goes with the contact.
    contact = models.ForeignKey(Contact, null=True, on_delete=models.CASCADE, db_constraint=False, related_name="+")
    email = models.CharField(max_length=320)
    reason = models.CharField(max_length=13, choices=LeftOffReason.choices)
    said = models.CharField(max_length=100, blank=True, default="")

    class Meta:
        ordering: ClassVar = ["row"]
        indexes: ClassVar = [models.Index(fields=["contact_import", "row"], name="import_left_off_in_order")]

    def __str__(self) -> str:
        return f"row {self.row}: {self.reason}"


class ImportBefore(models.Model):
    """What an import overwrote in one contact: for its undo, and for as long as that may be asked for.

    `before` and `after` are {"name": …, "fields": {key: value}} with only what differed; a field that the contact
    did not have is absent from `before`.
    """

    id = models.BigAutoField(primary_key=True)
    contact_import = models.ForeignKey(ContactImport, on_delete=models.CASCADE, db_index=False, related_name="+")
    #: Goes with the contact; the database does not check it, for a million rows may be written at once.
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, db_constraint=False, related_name="+")
    before = models.JSONField()
    after = models.JSONField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["contact_import", "id"], name="import_before_in_order")]

    def __str__(self) -> str:
        return f"{self.contact_id} before {self.contact_import_id}"


class KeptReason(models.TextChoices):
    """Why an undo leaves something as it is."""

    WRITTEN_TO = "written_to", _("Written to since")
    ANSWERED = "answered", _("Confirmed or left the list themselves since")
    OTHER_LIST = "other_list", _("On another list since")
    CHANGED = "changed", _("Changed since")
    VALUE_CHANGED = "value_changed", _("Values changed again since")


class ImportKept(models.Model):
    """A contact that an undo keeps, or leaves the newer values of, and why."""

    id = models.BigAutoField(primary_key=True)
    contact_import = models.ForeignKey(ContactImport, on_delete=models.CASCADE, db_index=False, related_name="kept")
    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    reason = models.CharField(max_length=13, choices=KeptReason.choices)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["contact", "contact_import", "reason"], name="import_kept_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["contact_import", "id"], name="import_kept_in_order")]

    def __str__(self) -> str:
        return f"{self.contact_id}: {self.reason}"


class ImportSeen(models.Model):
    """The first row of an address within one file; later ones are refused. Removed when the run ends."""

    id = models.BigAutoField(primary_key=True)
    contact_import = models.ForeignKey(
        ContactImport, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    email_key = models.CharField(max_length=320)
    row = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["contact_import", "email_key"], name="import_seen_once"),
        ]

    def __str__(self) -> str:
        return f"{self.email_key} at row {self.row}"
