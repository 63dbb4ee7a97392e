"""Where the relay gets a stored template's parts from, without knowing who keeps templates.

Templates live in a package that imports this one, so the function is named in `settings.TEMPLATE_SOURCE`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from relayhub.core.models import Workspace


@dataclass(frozen=True, kw_only=True)
class TemplateParts:
    """Subject, HTML and text with merge tags, ready to be merged."""

    subject: str
    html: str | None
    text: str | None
    #: Values that every message may use, such as the sender's name; its own variables come first.
    shared: Mapping[str, Any] = field(default_factory=dict)


def fill_template(workspace: Workspace, data: dict[str, Any]) -> dict[str, Any]:
    """The message's fields with those of its template where it names one; its own fields come first.

    Raises InputError (field `template`) where there is no such published template.
    """
    if not data.get("template"):
        return data
    parts: TemplateParts = import_string(settings.TEMPLATE_SOURCE)(workspace, data["template"])
    filled = dict(data)
    for name in ("subject", "html", "text"):
        if filled.get(name) is None:
            filled[name] = getattr(parts, name)
    filled["variables"] = {**parts.shared, **(filled["variables"] or {})}
    return filled
