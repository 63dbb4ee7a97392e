"""Answers that hold message content; the cage itself is shared with the pages of messages."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from relayhub.core.caged import CAGE, caged, caged_text

_STYLES = ("tokens", "public")
_LINKS = re.compile(r'\s*<link rel="stylesheet"[^>]*>')


def self_contained(html: str) -> str:
    """A public page with its styles within it: in the cage nothing may be fetched but pictures."""
    return _LINKS.sub("", html).replace("</head>", f"<style>{_styles()}</style></head>", 1)


@lru_cache(maxsize=1)
def _styles() -> str:
    folder = Path(settings.BASE_DIR) / "static" / "css"
    text = "\n".join((folder / f"{name}.css").read_text(encoding="utf-8") for name in _STYLES)
    return re.sub(r"@font-face\s*\{[^}]*\}", "", text)


__all__ = ["CAGE", "caged", "caged_text", "self_contained"]
