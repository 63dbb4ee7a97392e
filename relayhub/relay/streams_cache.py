"""Streams and rules of workspaces as the doors see them: as of at most a few seconds ago, without a query a message."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from uuid import UUID

from relayhub.core.models import Workspace
from relayhub.protocol.attachment_policy import AttachmentPolicy
from relayhub.relay.models import Stream, StreamKind

CACHE_SECONDS = 3.0


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamInfo:
    """What accepting needs to know of a stream."""

    id: UUID
    slug: str
    kind: str
    track: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkspaceStreams:
    """All streams of a workspace."""

    by_slug: dict[str, StreamInfo]
    by_id: dict[UUID, StreamInfo]
    default_transactional: StreamInfo
    #: What the workspace does not take as attachments.
    attachments: AttachmentPolicy


_cache: dict[UUID, tuple[float, WorkspaceStreams]] = {}
_lock = threading.Lock()


def streams_of(workspace_id: UUID) -> WorkspaceStreams:
    """The workspace's streams."""
    moment = time.monotonic()
    found = _cache.get(workspace_id)
    if found is not None and moment - found[0] < CACHE_SECONDS:
        return found[1]
    rows = Stream.objects.filter(workspace_id=workspace_id)
    default: StreamInfo | None = None
    infos: list[StreamInfo] = []
    for row in rows:
        info = StreamInfo(id=row.pk, slug=row.slug, kind=row.kind, track=row.track)
        infos.append(info)
        if row.is_default and row.kind == StreamKind.TRANSACTIONAL:
            default = info
    if default is None:
        raise LookupError(f"workspace {workspace_id} has no default stream")
    streams = WorkspaceStreams(
        by_slug={info.slug: info for info in infos}, by_id={info.id: info for info in infos},
        default_transactional=default, attachments=_attachments(workspace_id),
    )
    with _lock:
        _cache[workspace_id] = (moment, streams)
    return streams


def _attachments(workspace_id: UUID) -> AttachmentPolicy:
    row = Workspace.objects.only("refused_attachments", "max_attachment_mib").get(pk=workspace_id)
    limit = row.max_attachment_mib
    return AttachmentPolicy(
        refused=frozenset(row.refused_attachments), max_bytes=limit * 1024 * 1024 if limit is not None else None
    )


def forget() -> None:
    """Read everything anew next time."""
    with _lock:
        _cache.clear()
