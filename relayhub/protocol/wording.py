"""Marks sentences of this library for the catalogues of who shows them; nothing here translates."""

from __future__ import annotations


def gettext_noop(text: str) -> str:
    """The text itself: it is stored as it stands, and translated where a person reads it."""
    return text
