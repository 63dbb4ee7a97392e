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
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII | re.IGNORECASE)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def is_host_name(text: str) -> bool:
    """Whether it can be a host's name: labels of letters, digits and hyphens (RFC 1123)."""
    return len(text) <= 253 and _HOST_NAME.fullmatch(text) is not None


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

    def hosts(self, name: str) -> tuple[str, ...]:
        """A comma-separated list of host names and addresses; `.example.com` stands for all below it."""
        for part in self.items(name):
            if part != "*" and not is_host_name(part.removeprefix(".")) and not _is_bracketed_address(part):
                raise EnvironmentProblem(
                    f"{name} holds “{part}”; it takes host names such as mail.example.com, with commas between."
                )
        return self.items(name)

    def name_servers(self, name: str) -> tuple[str, ...]:
        """A comma-separated list of `ip`, `ip:port` or `[ipv6]:port`."""
        for part in self.items(name):
            host, port = part, "53"
            if part.startswith("["):
                host, _, port = part[1:].partition("]")
                port = port.removeprefix(":") or "53"
            elif part.count(":") == 1:
                host, _, port = part.partition(":")
            if not _is_address(host) or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
                raise EnvironmentProblem(
                    f"{name} holds “{part}”; it takes ip:port, such as 192.0.2.53:53, with commas between."
                )
        return self.items(name)

    def submitters(self, name: str) -> tuple[Network, ...]:
        """Networks that are let in without a password; never everybody."""
        found = self.networks(name)
        for network in found:
            if network.prefixlen == 0:
                raise EnvironmentProblem(
                    f"{name} holds {network}, which is everybody: that would be an open relay."
                    " It takes the networks of your own devices."
                )
        return found

    def readable_file(self, name: str) -> str:
        """The path of a file that this user may read, or nothing."""
        path = self.text(name)
        if path:
            try:
                with Path(path).open("rb"):
                    pass
            except OSError as exc:
                raise EnvironmentProblem(
                    f"{name} is “{path}”, which cannot be read: {exc.strerror}. It takes the path of a PEM file."
                ) from exc
        return path


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_bracketed_address(text: str) -> bool:
    return text.startswith("[") and text.endswith("]") and _is_address(text[1:-1])
