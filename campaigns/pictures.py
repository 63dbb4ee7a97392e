"""The picture library of a workspace: take, list, name, make smaller, delete, and serve to whoever reads a mail.

A picture is read and bared of metadata before anything is kept (`core.picture_reading`), and its bytes never change
afterwards: its address may be cached for ever. The same bytes in a workspace are one picture. Bytes are rows, so that
every host serves them and a backup holds them.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, QuerySet, Sum
from django.utils.translation import gettext as _

from campaigns import picture_uses
from campaigns.models import PICTURE_TYPES, WIDE_PIXELS, Picture, PictureFormat
from relayhub.core import audit, files, formats, picture_reading
from relayhub.core.access import Actor, require
from relayhub.core.errors import AccessError, ConflictError, InputError
from relayhub.core.languages import SOURCE, speaking
from relayhub.core.models import Scope, StoredFile, Workspace

PURPOSE = "picture"
MAX_BYTES = picture_reading.MAX_BYTES
#: Widths that a smaller copy may be asked for.
WIDTHS = (16, 4000)
_THUMBNAIL_EDGE = 360
#: Files up to this size are kept by each web process, so many at a time: a mail's pictures are asked for together.
_KEPT_BYTES, _KEPT_FILES = 1024 * 1024, 32
_FORMATS = {"PNG": PictureFormat.PNG, "JPEG": PictureFormat.JPEG, "GIF": PictureFormat.GIF, "WEBP": PictureFormat.WEBP}
_DECODERS = {value: name for name, value in _FORMATS.items()}
_ENDING = re.compile(r"\.(?:png|jpe?g|jfif|gif|webp)$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A picture that is in the library now."""

    picture: Picture
    #: False where the library had it before.
    is_new: bool


@dataclass(frozen=True, kw_only=True)
class Storage:
    """What the pictures of a workspace take, and what they may."""

    count: int
    used_bytes: int
    quota_bytes: int

    @property
    def quota_text(self) -> str:
        """What they may take: whole megabytes."""
        return f"{formats.number(self.quota_bytes // 1024**2)} {_('MB')}"

    @property
    def is_nearly_full(self) -> bool:
        """Whether little is left."""
        return self.used_bytes > self.quota_bytes * 0.9


def pictures_of(workspace: Workspace, text: str = "") -> QuerySet[Picture]:
    """The library, newest first; with a text, those with it in their name or alternative text."""
    found = Picture.objects.filter(workspace=workspace)
    for word in text.replace("\0", "").split()[:6]:
        found = found.filter(name__icontains=word) | found.filter(alternative_text__icontains=word)
    return found


def limits() -> dict[str, int]:
    """What pages with an upload say of it."""
    return {"max_bytes": MAX_BYTES, "max_mb": MAX_BYTES // 1024**2, "wide": WIDE_PIXELS}


def storage_of(workspace: Workspace) -> Storage:
    """How full the library is."""
    row = Picture.objects.filter(workspace=workspace).aggregate(count=Count("pk"), used=Sum("size_bytes"))
    return Storage(count=row["count"], used_bytes=row["used"] or 0, quota_bytes=settings.RELAYHUB_PICTURE_QUOTA_BYTES)


def upload(
    actor: Actor, data: bytes, *, name: str, alternative_text: str = "", max_width: int | None = None
) -> Taken:
    """Take a file into the library; InputError says what is wrong with it and what to do.

    Given bytes that the library has, it is that picture, as it is named there. `max_width`: a wider still picture is
    made this wide; animations stay as they are.
    """
    require(actor, Scope.TEMPLATES_WRITE)
    named, said = checked_name(_without_ending(name)), checked_alternative_text(alternative_text)
    source_hash = _source_hash(data, max_width)
    known = Picture.objects.filter(workspace=actor.workspace, source_hash=source_hash).first()
    if known is not None:
        return Taken(picture=known, is_new=False)
    read = picture_reading.read_picture(data)
    if max_width is not None and read.width > _checked_width(max_width) and not read.is_animated:
        read = picture_reading.scaled(read.data, width=max_width, kind=read.format)
    return _stored(actor, read, Picture(source_hash=source_hash, name=named, alternative_text=said))


def scaled_copy(actor: Actor, picture: Picture, width: int) -> Taken:
    """A smaller copy beside the picture; InputError where it is not wider than that, or moves."""
    require(actor, Scope.TEMPLATES_WRITE)
    if picture.is_animated:
        raise InputError(_("An animation cannot be made smaller here. Save it smaller and upload that."), field="width")
    small = picture_reading.scaled(
        bytes_of(picture.file), width=_checked_width(width), kind=_DECODERS[PictureFormat(picture.format)]
    )
    return _stored(actor, small, Picture(
        source_hash=_source_hash(f"{picture.key}:{width}".encode(), width),
        name=f"{picture.name[:180]}, {width:,} px", alternative_text=picture.alternative_text,
    ))


def change(
    actor: Actor, picture: Picture, *, name: str | None = None, alternative_text: str | None = None
) -> Picture:
    """Give another name or alternative text; mails and templates that show it keep their own text."""
    require(actor, Scope.TEMPLATES_WRITE)
    before = {"name": picture.name, "alternative_text": picture.alternative_text}
    if name is not None:
        picture.name = checked_name(name)
    if alternative_text is not None:
        picture.alternative_text = checked_alternative_text(alternative_text)
    after = {"name": picture.name, "alternative_text": picture.alternative_text}
    if before == after:
        return picture
    with transaction.atomic():
        picture.save(update_fields=["name", "alternative_text"])
        audit.record(actor, "picture.changed", "picture", picture.public_id, summary=picture.name, before=before,
                     after=after)
    return picture


def delete(actor: Actor, picture: Picture, *, anyway: bool = False) -> None:
    """Remove a picture; whoever opens a mail that shows it sees an empty place from then on.

    ConflictError `picture_used`, with the names, where templates or campaigns show it, unless `anyway`.
    """
    require(actor, Scope.TEMPLATES_WRITE)
    with transaction.atomic():
        uses = picture_uses.uses_of(picture)
        if uses.is_used and not anyway:
            raise ConflictError(
                _("This picture is shown by %(names)s. Take it out there first; mails that were sent show an empty"
                  " place without it.") % {"names": uses.in_words}, code="picture_used",
            )
        with speaking(SOURCE):
            shown_by = uses.names
        audit.record(actor, "picture.deleted", "picture", picture.public_id, summary=picture.name,
                     before={"url": picture.url, "shown_by": shown_by})
        stored = [picture.file_id, picture.thumbnail_id]
        picture.delete()
        StoredFile.objects.filter(pk__in=stored, workspace=actor.workspace).delete()


def published(key: str, ending: str) -> Picture:
    """The picture of a public address, of any workspace; AccessError where there is none (any more)."""
    found = Picture.objects.filter(key=key, format=ending).select_related("file").first()
    if found is None:
        raise AccessError
    return found


def bytes_of(file: StoredFile) -> bytes:
    """The bytes of a picture's file; small ones from this process's memory, for they never change."""
    return _kept(file.pk) if file.size_bytes <= _KEPT_BYTES else b"".join(files.iterate_file(file))


@lru_cache(maxsize=_KEPT_FILES)
def _kept(file_id: UUID) -> bytes:
    return b"".join(files.iterate_file(StoredFile.objects.get(pk=file_id)))


def checked_name(name: str) -> str:
    """A name as it is kept; InputError where it is too long."""
    bare = _in_one_line(name)
    if len(bare) > 200:
        raise InputError(_("A name has up to 200 characters."), field="name")
    return bare or "Picture"


def checked_alternative_text(text: str) -> str:
    """Alternative text as it is kept; InputError where it is too long."""
    bare = _in_one_line(text)
    if len(bare) > 300:
        raise InputError(
            _("Alternative text has up to 300 characters: say what the picture shows, in a sentence."),
            field="alternative_text",
        )
    return bare


def _in_one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _checked_width(width: int) -> int:
    low, high = WIDTHS
    if not low <= width <= high:
        raise InputError(
            _("Write a width of %(low)s to %(high)s pixels.") % {"low": low, "high": formats.number(high)},
            field="width",
        )
    return width


def _without_ending(name: str) -> str:
    """A file's name without its folder and what its ending says of it."""
    return _ENDING.sub("", name.replace("\\", "/").rsplit("/", 1)[-1])[:200]


def _source_hash(data: bytes, max_width: int | None) -> str:
    return hashlib.sha256(data if max_width is None else b"%d:" % max_width + data).hexdigest()


def _key(workspace: Workspace, data: bytes) -> str:
    return hashlib.sha256(workspace.pk.bytes + hashlib.sha256(data).digest()).hexdigest()[:40]


def _stored(actor: Actor, read: picture_reading.Picture, made: Picture) -> Taken:
    """Store what was read with its small one, unless the library has it; InputError where it is full."""
    workspace, data = actor.workspace, read.data
    made.workspace, made.created_by, made.key, made.size_bytes = workspace, actor.user, _key(workspace, data), len(data)
    made.format, made.width, made.height = _FORMATS[read.format], read.width, read.height
    made.is_animated = read.is_animated
    small = picture_reading.thumbnail(data, kind=read.format, edge=_THUMBNAIL_EDGE)
    with transaction.atomic():
        # Two uploads at once are counted one after the other; mail that is handed in meanwhile does not wait.
        Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        same = Picture.objects.filter(workspace=workspace)
        known = same.filter(key=made.key).first() or same.filter(source_hash=made.source_hash).first()
        if known is not None:
            return Taken(picture=known, is_new=False)
        _refuse_beyond_quota(workspace, len(data))
        made.file = files.store_file(workspace, purpose=PURPOSE, name=made.name, chunks=[data],
                                     content_type=PICTURE_TYPES[made.format])
        made.thumbnail = files.store_file(workspace, purpose=PURPOSE, name=made.name, chunks=[small],
                                          content_type="image/webp")
        made.save(force_insert=True)
        audit.record(actor, "picture.uploaded", "picture", made.public_id, summary=made.name,
                     after={"url": made.url, "size_bytes": made.size_bytes})
    return Taken(picture=made, is_new=True)


def _refuse_beyond_quota(workspace: Workspace, size_bytes: int) -> None:
    storage = storage_of(workspace)
    if storage.used_bytes + size_bytes > storage.quota_bytes:
        raise InputError(
            _("The library is full: it holds %(used)s of %(quota)s. Delete pictures that nothing shows any more, or"
              " have whoever runs RelayHub raise RELAYHUB_PICTURE_QUOTA_MIB.")
            % {"used": formats.size(storage.used_bytes), "quota": storage.quota_text},
            field="file", code="library_full",
        )
