"""Workspaces: make one, change its particulars, stop and resume its sending, switch between them."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string
from django.utils.text import slugify
from django.utils.translation import gettext as _

from relayhub.core import audit, languages, zones
from relayhub.core.access import Actor, member_for, require
from relayhub.core.clock import now
from relayhub.core.errors import ConflictError, InputError
from relayhub.core.formats import number
from relayhub.core.models import BrandFont, Member, Role, Scope, User, Workspace
from relayhub.protocol.attachment_policy import endings

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)
MAX_MESSAGE_MIB = 25
MAX_ENDINGS = 200
#: What members with the permission may change, and how long each may be.
_LIMITS = {"name": 200, "company": 200, "postal_address": 1000, "footer_html": 20_000}


def create_workspace(name: str, *, owner: User | None = None, **particulars: Any) -> Workspace:
    """Make a workspace with an unused slug; the owner, if given, becomes its first member."""
    title = _checked("name", name)
    if not title:
        raise InputError(_("Give the workspace a name."), field="name")
    with transaction.atomic():
        workspace = Workspace.objects.create(name=title, slug=_free_slug(title), **particulars)
        if owner is not None:
            Member.objects.create(workspace=workspace, user=owner, role=Role.OWNER)
    return workspace


def change_workspace(actor: Actor, **changes: Any) -> Workspace:
    """Change name, company, postal address, footer, colour, language, zone, attachments, or whether MFA is required."""
    require(actor, Scope.WORKSPACE_WRITE)
    workspace = Workspace.objects.get(pk=actor.workspace.pk)
    values = {field: _checked_any(field, value) for field, value in changes.items()}
    if values.get("name") == "":
        raise InputError(_("Give the workspace a name."), field="name")
    if values.get("footer_html"):
        _check_footer(values["footer_html"])
    before = {field: getattr(workspace, field) for field in values}
    changed = {field: value for field, value in values.items() if before[field] != value}
    if not changed:
        return workspace
    with transaction.atomic():
        for field, value in changed.items():
            setattr(workspace, field, value)
        workspace.save(update_fields=[*changed])
        audit.record(actor, "workspace.changed", "workspace", workspace.public_id,
                     before={field: before[field] for field in changed}, after=changed)
    return workspace


def stop_sending(actor: Actor, reason: str) -> None:
    """Let nothing of this workspace be sent until resumed; accepting goes on."""
    require(actor, Scope.WORKSPACE_WRITE)
    text = " ".join(reason.split())
    if not 1 <= len(text) <= 300:
        words = _("Say why, in up to 300 characters: everybody in the workspace reads it.")
        raise InputError(words, field="reason")
    with transaction.atomic():
        running = Workspace.objects.filter(pk=actor.workspace.pk, sending_stopped_at=None)
        if not running.update(sending_stopped_at=now(), sending_stopped_reason=text):
            raise ConflictError(_("Sending of this workspace is stopped already."), code="sending_stopped")
        audit.record(actor, "workspace.sending_stopped", "workspace", actor.workspace.public_id, summary=text)


def resume_sending(actor: Actor) -> None:
    """Let the workspace's mail go on."""
    require(actor, Scope.WORKSPACE_WRITE)
    with transaction.atomic():
        stopped = Workspace.objects.filter(pk=actor.workspace.pk).exclude(sending_stopped_at=None)
        if not stopped.update(sending_stopped_at=None, sending_stopped_reason=""):
            raise ConflictError(_("Sending of this workspace is not stopped."), code="sending_not_stopped")
        audit.record(actor, "workspace.sending_resumed", "workspace", actor.workspace.public_id)


def switch_workspace(user: User, workspace: Workspace) -> Member:
    """Remember which workspace the person works in; AccessError if they are no member of it."""
    member = member_for(user, workspace.pk)
    User.objects.filter(pk=user.pk).update(last_workspace=workspace)
    return member


def _checked_any(field: str, value: Any) -> Any:
    if field in _LIMITS:
        return _checked(field, str(value))
    if field == "brand_colour" and isinstance(value, str) and _COLOUR.fullmatch(value):
        return value.lower()
    if field == "brand_font" and value in BrandFont.values:
        return str(value)
    if field == "timezone" and value in zones.ZONES:
        return value
    if field == "language" and value in languages.shipped():
        return value
    if field in {"adds_footer", "requires_mfa"} and isinstance(value, bool):
        return value
    if field == "refused_attachments" and isinstance(value, (str, list, tuple)):
        return _checked_endings(value if isinstance(value, str) else " ".join(map(str, value)))
    if field == "max_attachment_mib" and (value is None or (isinstance(value, int) and 1 <= value <= MAX_MESSAGE_MIB)):
        return value
    raise InputError(f"“{value}” cannot be the workspace’s {field.replace('_', ' ')}.", field=field)


def _checked_endings(text: str) -> list[str]:
    try:
        found = endings(text)
    except ValueError as exc:
        words = _("“%(ending)s” is not the ending of a file. Write endings such as exe or js.")
        raise InputError(words % {"ending": str(exc)[:40]}, field="refused_attachments") from exc
    if len(found) > MAX_ENDINGS:
        raise InputError(_("At most %(count)s endings.") % {"count": MAX_ENDINGS}, field="refused_attachments")
    return list(found)


def _check_footer(source: str) -> None:
    """InputError unless the footer can be merged and lets people leave."""
    if "unsubscribe_url" not in source:
        words = _(
            "The footer needs {{ unsubscribe_url }}: it is what lets people leave where a mail has no link of its own."
        )
        raise InputError(words, field="footer_html")
    problem = import_string(settings.FOOTER_CHECK)(source)
    if problem:
        raise InputError(problem, field="footer_html")


def _checked(field: str, value: str) -> str:
    text = value.strip()
    if len(text) > _LIMITS[field]:
        words = _("This is longer than %(count)s characters.") % {"count": number(_LIMITS[field])}
        raise InputError(words, field=field)
    if field != "postal_address" and field != "footer_html" and any(char in text for char in "\r\n\0"):
        raise InputError(_("Write this in one line."), field=field)
    return text


def _free_slug(name: str) -> str:
    base = slugify(name)[:60] or "workspace"
    taken = set(Workspace.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    attempt, slug = 1, base
    while slug in taken:
        attempt += 1
        slug = f"{base}-{attempt}"
    return slug
