"""Take values out of a line's JSON object; whatever is wrong is said in one sentence."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from relayhub.protocol.resolver import ZoneError, ZoneResolver

MAX_MAIL_OCTETS = 100 * 1024 * 1024  # more than any server accepts

Line = Mapping[str, Any]


class JudgeError(Exception):
    """A line cannot be answered; the text says why."""


def text(line: Line, name: str, *, default: str | None = None) -> str:
    """A string; JudgeError where it is missing or something else. null counts as missing."""
    value = line.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise JudgeError(f'"{name}" must be a string.')
    return value


def number(line: Line, name: str) -> int:
    """A whole number."""
    value = line.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise JudgeError(f'"{name}" must be a whole number.')
    return value


def mail(line: Line) -> bytes:
    """The mail of `raw` (base64) or `path`."""
    if line.get("raw") is not None:
        return _from_base64(text(line, "raw"))
    if line.get("path") is not None:
        return _from_file(text(line, "path"))
    raise JudgeError('Give the mail as "raw" (base64) or "path".')


def _from_base64(value: str) -> bytes:
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise JudgeError('"raw" is not base64.') from exc


def _from_file(name: str) -> bytes:
    try:
        path = Path(name)
        if not path.is_file():
            raise JudgeError(f"There is no file {name!r}.")
        if path.stat().st_size > MAX_MAIL_OCTETS:
            raise JudgeError(f"{name!r} is over {MAX_MAIL_OCTETS // 1024 // 1024} MiB.")
        return path.read_bytes()
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        raise JudgeError(f"{name!r} cannot be read: {reason}.") from exc


def zone(line: Line) -> ZoneResolver:
    """DNS as the line gives it; an empty one where it gives none."""
    value = line.get("zone", {})
    if not isinstance(value, dict):
        raise JudgeError('"zone" must be an object of names.')
    try:
        return ZoneResolver(value)
    except ZoneError as exc:
        raise JudgeError(f'"zone" is not understood: {exc}') from exc


def instant(line: Line, name: str) -> datetime:
    """A time given in seconds since 1970."""
    value = line.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise JudgeError(f'"{name}" must be a number of seconds since 1970.')
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError) as exc:
        raise JudgeError(f'"{name}" is no time we can count with.') from exc
