"""How many connections and messages a receiver is given at first, by its site.

Starting values only (SENDER-RULES 5.6); what a receiver answers slows its lane down. Smarthosts and local
mail stores are the operator's own and start at 50 connections without a limit of messages. Data and look-up
only.
"""

from __future__ import annotations

from dataclasses import dataclass

from relayhub.relay.transports.base import TransportKind


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectionLimits:
    """What one process allows itself toward one site."""

    max_connections: int
    #: None = as many as the connection lives for.
    max_messages: int | None
    #: An idle connection is closed after this.
    idle_seconds: float


DEFAULT_LIMITS = ConnectionLimits(max_connections=10, max_messages=100, idle_seconds=5.0)
SMARTHOST_LIMITS = ConnectionLimits(max_connections=50, max_messages=None, idle_seconds=30.0)

#: Calls to a provider's API at once; each costs a thread.
ANYMAIL_CALLS = 10

#: Site (`protocol.providers`) -> limits, from the providers' notes and published shaping rules, 2026.
_BY_SITE = {
    "google": ConnectionLimits(max_connections=5, max_messages=50, idle_seconds=5.0),
    "yahoo": ConnectionLimits(max_connections=5, max_messages=20, idle_seconds=5.0),
    "microsoft-365": ConnectionLimits(max_connections=5, max_messages=50, idle_seconds=5.0),
    "microsoft-consumer": ConnectionLimits(max_connections=5, max_messages=50, idle_seconds=5.0),
    "apple": ConnectionLimits(max_connections=10, max_messages=100, idle_seconds=5.0),
}


def limits_for_site(site: str) -> ConnectionLimits:
    """What a site is given by direct delivery."""
    return _BY_SITE.get(site, DEFAULT_LIMITS)


def lane_connections(kind: TransportKind, site: str, configured: int | None) -> int:
    """How many deliveries a lane may have going on at once: the rule's word, else the site's start value."""
    if configured is not None:
        return configured
    if kind is TransportKind.ANYMAIL:
        return ANYMAIL_CALLS
    limits = limits_for_site(site) if kind is TransportKind.DIRECT else SMARTHOST_LIMITS
    return limits.max_connections
