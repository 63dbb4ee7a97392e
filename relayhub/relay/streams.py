"""Streams of a workspace: the defaults every workspace has, and making or changing one."""

from __future__ import annotations

import re
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from relayhub.core import audit
from relayhub.core.access import Actor
from relayhub.core.errors import ConflictError, InputError
from relayhub.core.models import Workspace
from relayhub.relay.models import Message, Stream, StreamKind, Tracking
from relayhub.relay.models.routing import DEFAULT_NAMES

TRANSACTIONAL_SLUG = "transactional"
BROADCAST_SLUG = "broadcast"
SYSTEM_SLUG = "system"
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)

#: slug, name, kind, what is measured where nothing else is said (CONTRACT 4 "Tracking").
_DEFAULTS = (
    (TRANSACTIONAL_SLUG, DEFAULT_NAMES[StreamKind.TRANSACTIONAL], StreamKind.TRANSACTIONAL, Tracking.NONE),
    (BROADCAST_SLUG, DEFAULT_NAMES[StreamKind.BROADCAST], StreamKind.BROADCAST, Tracking.NONE),
    (SYSTEM_SLUG, DEFAULT_NAMES[StreamKind.SYSTEM], StreamKind.SYSTEM, Tracking.NONE),
)


def ensure_default_streams(workspace: Workspace) -> None:
    """Give a workspace the three streams it cannot be without; repeating it changes nothing."""
    Stream.objects.bulk_create(
        [
            Stream(workspace=workspace, slug=slug, name=name, kind=kind, track=track, is_default=True)
            for slug, name, kind, track in _DEFAULTS
        ],
        ignore_conflicts=True,
    )


def default_stream(workspace: Workspace, kind: StreamKind) -> Stream:
    """The workspace's default stream of a kind."""
    return Stream.objects.get(workspace=workspace, kind=kind, is_default=True)


def create_stream(actor: Actor, *, slug: str, name: str, kind: str, track: str = "none") -> Stream:
    """Make a stream; its slug cannot change later, for programs name it."""
    if not _SLUG.fullmatch(slug):
        raise InputError(
            _("“%(slug)s” is not a stream name. Use lower-case letters, digits and hyphens, up to 63.")
            % {"slug": slug},
            field="slug",
        )
    if kind not in (StreamKind.TRANSACTIONAL, StreamKind.BROADCAST):
        raise InputError(_("A stream is transactional or broadcast."), field="kind")
    _check_track(track)
    with transaction.atomic():
        stream, made = Stream.objects.get_or_create(
            workspace=actor.workspace, slug=slug,
            defaults={"name": _checked_name(name or slug), "kind": kind, "track": track},
        )
        if not made:
            raise ConflictError(_("There is a stream “%(slug)s” already.") % {"slug": slug}, code="stream_exists")
        audit.record(actor, "stream.created", "stream", stream.public_id, summary=slug,
                     after={"kind": kind, "track": track})
    return stream


def change_stream(actor: Actor, stream: Stream, *, name: str | None = None, track: str | None = None) -> Stream:
    """Change what may change: the name, and what is measured."""
    changes: dict[str, Any] = {}
    if name is not None:
        changes["name"] = _checked_name(name)
    if track is not None:
        _check_track(track)
        changes["track"] = track
    before = {field: getattr(stream, field) for field in changes}
    with transaction.atomic():
        for field, value in changes.items():
            setattr(stream, field, value)
        stream.save(update_fields=[*changes])
        audit.record(actor, "stream.changed", "stream", stream.public_id, summary=stream.slug, before=before,
                     after=changes)
    return stream


def delete_stream(actor: Actor, stream: Stream) -> None:
    """Remove a stream that never carried a message and is nobody's default."""
    if stream.is_default:
        raise ConflictError(_("A workspace keeps its default streams."), code="stream_is_default")
    with transaction.atomic():
        # Whoever hands in a message of it at this moment is waited for, and then seen.
        Stream.objects.select_for_update().filter(pk=stream.pk).first()
        if _has_messages(stream):
            raise _in_use()
        audit.record(actor, "stream.deleted", "stream", stream.public_id, summary=stream.slug)
        try:
            stream.delete()
        except (ProtectedError, IntegrityError) as exc:  # something else came to need it since
            raise _in_use() from exc


def _has_messages(stream: Stream) -> bool:
    return Message.objects.filter(stream=stream).exists()


def _in_use() -> ConflictError:
    return ConflictError(_("This stream has carried messages; its history needs it. Pause it instead."),
                         code="stream_in_use")


def _check_track(track: str) -> None:
    if track not in Tracking.values:
        words = _("“%(word)s” is not understood. Write one of: %(words)s.")
        raise InputError(words % {"word": track, "words": ", ".join(Tracking.values)}, field="track")


def _checked_name(name: str) -> str:
    if not 1 <= len(name.strip()) <= 120:
        raise InputError(_("Give the stream a name of 1 to 120 characters."), field="name")
    return name.strip()
