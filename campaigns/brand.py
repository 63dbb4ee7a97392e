"""The look of a workspace's mails, from its settings."""

from __future__ import annotations

from django.conf import settings

from relayhub.core.models import Workspace
from relayhub.relay.brand import FALLBACK_COLOUR, Brand


def brand_of(workspace: Workspace) -> Brand:
    """Colour, typeface and logo for Markdown mails, blocks of the builder and the beginnings of new templates."""
    logo = f"{settings.RELAYHUB_BASE_URL}{workspace.logo_path}" if workspace.logo_path else ""
    return Brand(colour=workspace.brand_colour or FALLBACK_COLOUR, font=workspace.brand_font, logo_url=logo)
