"""What every page of the dashboard is given."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from relayhub.core import way_back
from relayhub.core.access import memberships
from relayhub.core.models import User
from relayhub.core.system import sending_paused


def dashboard(request: HttpRequest) -> dict[str, Any]:
    """The person's workspaces, the present one, their role, and what every page must say."""
    theme = request.COOKIES.get("theme", "")
    context: dict[str, Any] = {"theme": theme if theme in {"light", "dark"} else ""}
    actor = getattr(request, "actor", None)
    if actor is None or not isinstance(request.user, User):
        return context
    return context | {
        "actor": actor,
        "workspace": actor.workspace,
        "workspaces": [member.workspace for member in memberships(request.user)],
        "role": actor.role,
        "sending_paused": sending_paused(),
        "way_back": way_back.present(request),
    }
