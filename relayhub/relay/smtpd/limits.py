"""How many connections a listener takes: in all, and from one address."""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import dataclass

from django.conf import settings

from relayhub.relay.smtpd.auth import network_of


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one listener process takes."""

    max_connections: int = 2000
    max_a_network: int = 100
    #: CONTRACT 2: trusted submitters get no less than 200.
    max_a_trusted_network: int = 500
    #: Octets of messages received and not committed yet; above it nothing more is read.
    max_waiting_bytes: int = 128 * 1024 * 1024


class Doorkeeper:
    """Counts open connections."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._open = 0
        self._by_network: Counter[str] = Counter()

    def enter(self, ip: str, *, is_trusted: bool) -> bool:
        """Whether one more from this address is taken."""
        network = network_of(ip)
        limit = self._limits.max_a_trusted_network if is_trusted else self._limits.max_a_network
        if self._open >= self._limits.max_connections or self._by_network[network] >= limit:
            return False
        self._open += 1
        self._by_network[network] += 1
        return True

    def leave(self, ip: str) -> None:
        """A connection that had entered is gone."""
        network = network_of(ip)
        self._open -= 1
        self._by_network[network] -= 1
        if not self._by_network[network]:
            del self._by_network[network]


def is_trusted_submitter(ip: str) -> bool:
    """Whether `RELAYHUB_TRUSTED_SUBMITTERS` holds the address."""
    address = ipaddress.ip_address(ip)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(
        address.version == network.version and address in network
        for network in settings.RELAYHUB_TRUSTED_SUBMITTERS
    )
