"""Uploads, exports and reports as rows in chunks, so that any host can read them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from relayhub.core.clock import now
from relayhub.core.ids import uuid7
from relayhub.core.models.workspace import Workspace

#: How much one chunk holds.
CHUNK_BYTES = 1024 * 1024


class StoredFile(models.Model):
    """One file of a workspace. Complete only once `completed_at` is set."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    #: `import`, `rejects`, `export`, `logo`, `picture`.
    purpose = models.CharField(max_length=20)
    name = models.CharField(max_length=255)
    content_type = models.CharField(max_length=100, default="application/octet-stream")
    size_bytes = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=now)
    completed_at = models.DateTimeField(null=True, blank=True)
    #: None = kept until its owner goes.
    expires_at = models.DateTimeField(null=True, blank=True, db_index=True)

    def __str__(self) -> str:
        return self.name


class StoredFileChunk(models.Model):
    """A slice of a stored file; all but the last hold CHUNK_BYTES."""

    id = models.BigAutoField(primary_key=True)
    file = models.ForeignKey(StoredFile, on_delete=models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["file", "number"], name="file_chunk_once")]

    def __str__(self) -> str:
        return f"{self.file_id} #{self.number}"
