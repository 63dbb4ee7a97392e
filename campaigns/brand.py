"""The look of a workspace's mails, from its settings."""

from __future__ import annotations

from relayhub.core.models import Workspace
from relayhub.relay.brand import FALLBACK_COLOUR, Brand


def brand_of(workspace: Workspace) -> Brand:
    """Colour and typeface for Markdown mails and for the beginnings of new templates."""
    return Brand(colour=workspace.brand_colour or FALLBACK_COLOUR, font=workspace.brand_font)
