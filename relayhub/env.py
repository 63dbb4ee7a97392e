"""Reads the environment once, strictly: an unclear value stops the start and is named.

Every reader takes `NAME` from the environment, or from the file named in `NAME_FILE` (secrets), or the
default. Errors say which variable, what it got and what it takes; secret values are never repeated.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_DURATION = re.compile(r"(\d{1,9})(s|m|h|d)", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class EnvironmentProblem(Exception):
    """A variable that cannot be used, in one line: its name, what it got, what it takes."""


@dataclass(frozen=True)
class Environment:
    """The process environment, read through typed methods."""

    values: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)

    def raw(self, name: str) -> str | None:
        """The variable's text, from `NAME` or the file named in `NAME_FILE`; None when neither is set."""
        value, path = self.values.get(name), self.values.get(f"{name}_FILE")
        if value is not None and path is not None:
            raise EnvironmentProblem(f"{name} and {name}_FILE are both set; set one of them.")
        if path is None:
            return value if value != "" else None
        try:
            return Path(path).read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError) as exc:
            raise EnvironmentProblem(f"{name}_FILE names {path}, which cannot be read: {exc}") from exc

    def text(self, name: str, default: str = "") -> str:
        """Any text without line breaks."""
        value = self.raw(name)
        if value is None:
            return default
        if any(char in value for char in "\r\n\0"):
            raise EnvironmentProblem(f"{name} holds a line break; it takes one line of text.")
        return value

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """One of a closed list."""
        value = self.text(name, default)
        if value not in choices:
            raise EnvironmentProblem(f"{name} is “{value}”; it takes one of: {', '.join(choices)}.")
        return value

    def flag(self, name: str, default: bool) -> bool:
        """1/0, true/false, yes/no, on/off."""
        value = self.raw(name)
        if value is None:
            return default
        if value.lower() in _TRUE | _FALSE:
            return value.lower() in _TRUE
        raise EnvironmentProblem(f"{name} is “{value}”; it takes 1 or 0.")

    def integer(self, name: str, default: int, *, low: int, high: int) -> int:
        """A whole number within bounds."""
        value = self.raw(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdigit()) or not low <= int(value) <= high:
            raise EnvironmentProblem(f"{name} is “{value}”; it takes a whole number from {low} to {high}.")
        return int(value)

    def port(self, name: str, default: int) -> int:
        """A TCP port."""
        return self.integer(name, default, low=1, high=65535)

    def duration(self, name: str, default: timedelta, *, low: timedelta, high: timedelta) -> timedelta:
        """A length of time such as `90s`, `15m`, `72h`, `5d`."""
        value = self.raw(name)
        if value is None:
            return default
        match = _DURATION.fullmatch(value)
        result = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None
        if result is None or not low <= result <= high:
            raise EnvironmentProblem(
                f"{name} is “{value}”; it takes a length of time such as 90s, 15m or 72h,"
                f" from {low} to {high}."
            )
        return result

    def items(self, name: str) -> tuple[str, ...]:
        """A comma-separated list without empty entries."""
        return tuple(part.strip() for part in self.text(name).split(",") if part.strip())

    def networks(self, name: str) -> tuple[Network, ...]:
        """A comma-separated list of addresses or CIDR networks."""
        found = []
        for part in self.items(name):
            try:
                found.append(ipaddress.ip_network(part, strict=True))
            except ValueError as exc:
                raise EnvironmentProblem(
                    f"{name} holds “{part}” ({exc}); it takes networks such as 192.0.2.0/24, with commas between."
                ) from exc
        return tuple(found)

    def addresses(self, name: str) -> tuple[str, ...]:
        """A comma-separated list of IP addresses."""
        for part in self.items(name):
            try:
                ipaddress.ip_address(part)
            except ValueError as exc:
                raise EnvironmentProblem(
                    f"{name} holds “{part}”; it takes IP addresses with commas between."
                ) from exc
        return self.items(name)
