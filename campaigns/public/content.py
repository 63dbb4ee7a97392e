"""Answers that hold message content; the cage itself is shared with the pages of messages."""

from __future__ import annotations

from relayhub.core.caged import CAGE, caged

__all__ = ["CAGE", "caged"]
