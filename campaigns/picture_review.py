"""What is to be said of the library's pictures in a template: those that load slowly, and those that are gone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.conf import settings
from django.utils.translation import gettext as _

from campaigns.models import Picture, TemplateKind
from campaigns.picture_uses import KEYS
from campaigns.templates import TemplateInput
from relayhub.core import formats
from relayhub.core.models import Workspace
from relayhub.relay.template_source import Finding, Severity


def picture_findings(workspace: Workspace, content: TemplateInput) -> list[Finding]:
    """Warnings at the lines of the pictures they are about, each picture once."""
    if content.kind == TemplateKind.TEXT:
        return []
    places: dict[str, re.Match[str]] = {}
    for match in KEYS.finditer(content.source):
        places.setdefault(match[1], match)
    if not places:
        return []
    known = {row.key: row for row in Picture.objects.filter(workspace=workspace, key__in=list(places))}
    return [finding for key, match in places.items() for finding in _about(known.get(key), content.source, match)]


def _about(picture: Picture | None, source: str, match: re.Match[str]) -> Iterator[Finding]:
    if picture is None:
        # The same path on a server of somebody else is none of ours.
        if source.endswith(settings.RELAYHUB_BASE_URL, 0, match.start()):
            yield _finding("picture_gone", _("This picture is not in the library any more: its place stays empty."),
                           _("Choose another one, or upload the same file again."), source, match)
    elif picture.is_heavy:
        way = (_("Put in a smaller copy: its page under Pictures makes one.") if picture.is_wide
               else _("Save it smaller and upload that."))
        yield _finding(
            "picture_heavy",
            _("“%(name)s” has %(size)s: it loads slowly on phones.")
            % {"name": picture.name, "size": formats.size(picture.size_bytes)}, way, source, match,
        )


def _finding(code: str, message: str, fix: str, source: str, match: re.Match[str]) -> Finding:
    return Finding(
        severity=Severity.WARNING, code=code, message=message, fix=fix, part="html", name=match[0],
        line=source.count("\n", 0, match.start()) + 1,
    )
