"""Switches of the whole installation, kept as rows so that every host sees them."""

from __future__ import annotations

from typing import Any

from relayhub.core.clock import now
from relayhub.core.models import SystemState

SENDING_PAUSED = "sending_paused"


def get_state(key: str) -> dict[str, Any] | None:
    """The switch's value, or None where it was never set."""
    row = SystemState.objects.filter(key=key).first()
    return dict(row.value) if row else None


def set_state(key: str, value: dict[str, Any]) -> None:
    """Set a switch."""
    SystemState.objects.update_or_create(key=key, defaults={"value": value, "changed_at": now()})


def clear_state(key: str) -> None:
    """Forget a switch."""
    SystemState.objects.filter(key=key).delete()


def sending_paused() -> str:
    """Why nothing is sent from this installation (after a restore), or an empty text."""
    state = get_state(SENDING_PAUSED)
    return str(state.get("reason", "Sending is paused.")) if state else ""


def pause_sending(reason: str) -> None:
    """Let nothing be claimed any more, anywhere, until resumed."""
    set_state(SENDING_PAUSED, {"reason": reason})


def resume_sending() -> None:
    """Let claims go on."""
    clear_state(SENDING_PAUSED)
