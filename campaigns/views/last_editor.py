"""In which editor a person wrote last: templates open there again, as long as the session lasts."""

from __future__ import annotations

from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest

BUILDER, CODE = "builder", "code"
_KEY = "template_editor"


def remember(request: PageRequest, editor: str) -> None:
    """Open templates in this editor from now on."""
    if request.session.get(_KEY) != editor:
        request.session[_KEY] = editor


def is_builder(request: PageRequest) -> bool:
    """Whether the person built last, and may build."""
    return request.session.get(_KEY) == BUILDER and request.actor.may(Scope.TEMPLATES_WRITE)
