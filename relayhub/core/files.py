"""Files as rows: written in chunks, read as a seekable stream, on whichever host asks."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db import transaction

from relayhub.core.clock import now
from relayhub.core.models import StoredFile, StoredFileChunk, Workspace
from relayhub.core.models.files import CHUNK_BYTES

#: Files that go in one transaction; each may be of some hundred chunks.
_DELETED_AT_ONCE = 20


class FileWriter:
    """Appends to a stored file; chunks leave memory as they fill. `close` completes the file."""

    def __init__(self, file: StoredFile) -> None:
        self.file = file
        self._number = 0
        self._buffer = bytearray()

    def write(self, data: bytes) -> None:
        """Add bytes."""
        self._buffer += data
        while len(self._buffer) >= CHUNK_BYTES:
            self._store(bytes(self._buffer[:CHUNK_BYTES]))
            del self._buffer[:CHUNK_BYTES]

    def close(self) -> StoredFile:
        """Store the rest and mark the file complete."""
        if self._buffer:
            self._store(bytes(self._buffer))
            self._buffer.clear()
        self.file.completed_at = now()
        self.file.save(update_fields=["completed_at", "size_bytes"])
        return self.file

    def _store(self, data: bytes) -> None:
        StoredFileChunk.objects.create(file=self.file, number=self._number, data=data)
        self._number += 1
        self.file.size_bytes += len(data)


def new_file(
    workspace: Workspace,
    *,
    purpose: str,
    name: str,
    content_type: str = "application/octet-stream",
    expires_at: datetime | None = None,
) -> FileWriter:
    """Begin a file; write to the result and close it."""
    file = StoredFile.objects.create(
        workspace=workspace, purpose=purpose, name=name[:255], content_type=content_type, expires_at=expires_at
    )
    return FileWriter(file)


def store_file(
    workspace: Workspace,
    *,
    purpose: str,
    name: str,
    chunks: Iterable[bytes],
    content_type: str = "application/octet-stream",
    expires_at: datetime | None = None,
) -> StoredFile:
    """Store a whole file in one transaction."""
    with transaction.atomic():
        writer = new_file(
            workspace, purpose=purpose, name=name, content_type=content_type, expires_at=expires_at
        )
        for chunk in chunks:
            writer.write(chunk)
        return writer.close()


class _ChunkReader(io.RawIOBase):
    """Reads a stored file chunk by chunk; seeking costs nothing until the next read."""

    def __init__(self, file: StoredFile) -> None:
        self._file = file
        self._position = 0
        self._number = -1
        self._chunk = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._file.size_bytes}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._position >= self._file.size_bytes:
            return 0
        number, start = divmod(self._position, CHUNK_BYTES)
        if number != self._number:
            row = StoredFileChunk.objects.filter(file=self._file, number=number).values_list("data", flat=True)
            self._chunk, self._number = bytes(row.get()), number
        piece = self._chunk[start : start + len(buffer)]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)


def open_file(file: StoredFile) -> io.BufferedReader:
    """A seekable binary stream over the file; holds one chunk in memory."""
    return io.BufferedReader(_ChunkReader(file), buffer_size=256 * 1024)


def iterate_file(file: StoredFile) -> Iterator[bytes]:
    """The file's chunks in order, for a streaming answer."""
    count = -(-file.size_bytes // CHUNK_BYTES)
    for number in range(count):
        yield bytes(StoredFileChunk.objects.values_list("data", flat=True).get(file=file, number=number))


def delete_expired() -> int:
    """Remove files whose time is over, with their chunks; returns how many files."""
    count = 0
    while ids := list(StoredFile.objects.filter(expires_at__lt=now()).values_list("pk", flat=True)[:_DELETED_AT_ONCE]):
        with transaction.atomic():
            StoredFileChunk.objects.filter(file_id__in=ids).delete()
            StoredFile.objects.filter(pk__in=ids).delete()
        count += len(ids)
    return count
