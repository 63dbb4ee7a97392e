"""The workspace's logo: taken as a picture, kept as a small PNG, shown on public pages and in confirmation mails.

Whatever comes in is drawn anew, so that what goes out holds no script, no metadata and not more than a phone needs.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from relayhub.core import audit, files, picture_reading
from relayhub.core.access import Actor, require
from relayhub.core.errors import AccessError, InputError
from relayhub.core.models import Scope, StoredFile, Workspace

PURPOSE = "logo"
MAX_BYTES = 2 * 1024 * 1024
#: Twice what is shown, for dense screens.
_SIZE = (480, 112)


def set_logo(actor: Actor, data: bytes) -> Workspace:
    """Take a picture as the workspace's logo; InputError where it is none.

    The one before is kept as long as there is a logo: mails that were sent show it by its path.
    """
    require(actor, Scope.WORKSPACE_WRITE)
    drawn = _drawn(data)
    with transaction.atomic():
        file = files.store_file(
            actor.workspace, purpose=PURPOSE, name="logo.png", chunks=[drawn], content_type="image/png"
        )
        return _put(actor, file, "workspace.logo_set")


def remove_logo(actor: Actor) -> Workspace:
    """Go back to the mark with the first letter; mails that were sent lose their logo."""
    require(actor, Scope.WORKSPACE_WRITE)
    with transaction.atomic():
        return _put(actor, None, "workspace.logo_removed")


def logo_bytes(file_id: UUID) -> bytes:
    """The PNG of a path; AccessError where there is none."""
    file = StoredFile.objects.filter(pk=file_id, purpose=PURPOSE, completed_at__isnull=False).first()
    if file is None:
        raise AccessError
    return b"".join(files.iterate_file(file))


def _put(actor: Actor, file: StoredFile | None, action: str) -> Workspace:
    workspace = Workspace.objects.select_for_update().select_related(None).get(pk=actor.workspace.pk)
    before = workspace.logo_id
    if before is None and file is None:
        return workspace
    workspace.logo = file
    workspace.save(update_fields=["logo"])
    if file is None:
        StoredFile.objects.filter(workspace=workspace, purpose=PURPOSE).delete()
    audit.record(actor, action, "workspace", workspace.public_id)
    return workspace


def _drawn(data: bytes) -> bytes:
    if len(data) > MAX_BYTES:
        words = _("A logo has up to %(size)s MB. Save it smaller.") % {"size": MAX_BYTES // 1024**2}
        raise InputError(words, field="logo")
    picture = picture_reading.read_picture(data, field="logo")
    return picture_reading.fitted(picture.data, kind=picture.format, box=_SIZE)
