"""What one peer, and all of them together, may take: connections, messages, memory, time.

Counters live in the process; only failed sign-ins are shared (`smtpd.auth`). Nothing here reads a clock: the
present comes in as the event loop's seconds. THREATS T01, T22, T27; CONTRACT 2 `RELAYHUB_TRUSTED_SUBMITTERS`.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from relayhub.core.errors import ConfigurationError
from relayhub.protocol.smtp_server_events import ServerState

MIB = 1024 * 1024
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """All limits of a listener, in connections, messages a second, bytes and seconds."""

    connections: int = 4000
    connections_per_address: int = 100
    #: Programs of this host all come from one address.
    connections_per_local_address: int = 3000
    connections_per_trusted_address: int = 1000
    #: None = no limit by address; a signed-in program is known by its credential.
    messages_per_second: float | None = None
    messages_per_second_trusted: float = 20_000.0
    #: Content that is being received or waits for its commit, over all connections.
    memory_bytes: int = 256 * MIB
    #: Input read ahead of an answer before reading stops.
    read_ahead_bytes: int = 64 * 1024
    handshake_seconds: float = 10.0
    #: How long a peer's own end of TLS is waited for after ours.
    goodbye_seconds: float = 2.0
    hello_seconds: float = 10.0
    #: Between commands of a peer that has not signed in.
    stranger_seconds: float = 60.0
    #: Between commands otherwise: RFC 5321 §4.5.3.2.7 wants at least 5 minutes.
    command_seconds: float = 300.0
    #: Between two pieces of content: RFC 5321 §4.5.3.2.5 wants at least 3 minutes.
    content_seconds: float = 180.0
    #: Content comes at least this fast on average, once the first minute has passed.
    content_bytes_per_second: float = 1024.0
    content_grace_seconds: float = 60.0
    #: A peer that does not take our answers.
    write_seconds: float = 60.0
    #: How long a stop waits for contents on their way.
    drain_seconds: float = 8.0

    def idle_seconds(self, state: ServerState, *, is_known: bool) -> float:
        """How long a peer may say nothing in a state."""
        match state:
            case ServerState.HELLO:
                return self.hello_seconds
            case ServerState.TLS:
                return self.handshake_seconds
            case ServerState.CONTENT:
                return self.content_seconds
            case ServerState.AUTH:
                return self.stranger_seconds
            case _:
                return self.command_seconds if is_known else self.stranger_seconds

    def is_too_slow(self, received_bytes: int, seconds: float) -> bool:
        """Whether content trickles in (a "slow loris")."""
        wanted_bytes = seconds * self.content_bytes_per_second
        return seconds > self.content_grace_seconds and received_bytes < wanted_bytes


# -- trusted networks ----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class TrustedNetworks:
    """Networks whose connections may submit without TLS and AUTH."""

    networks: tuple[Network, ...] = ()
    #: Addresses through which strangers may appear (port forwarding): trusted only where named alone.
    gateways: frozenset[IpAddress] = frozenset()

    @classmethod
    def of(cls, networks: Sequence[object], gateways: frozenset[IpAddress] | None = None) -> TrustedNetworks:
        """Check and take the setting; ConfigurationError for a network that holds the whole internet."""
        parsed = tuple(ipaddress.ip_network(str(network), strict=False) for network in networks)
        for network in parsed:
            if network.prefixlen == 0:
                raise ConfigurationError(
                    f"RELAYHUB_TRUSTED_SUBMITTERS names {network}, which is everybody: that would be an open "
                    "relay. Name the networks of your own devices."
                )
        if gateways is None:
            gateways = host_gateways() if parsed else frozenset()
        return cls(networks=parsed, gateways=gateways)

    def holds(self, text: str) -> bool:
        """Whether the address is trusted."""
        if not self.networks:
            return False
        try:
            address = plain_address(text)
        except ValueError:
            return False
        inside = [network for network in self.networks if address in network]
        if address in self.gateways:
            return any(network.prefixlen == network.max_prefixlen for network in inside)
        return bool(inside)


def plain_address(text: str) -> IpAddress:
    """An address without zone, and an IPv4 address in IPv6's clothes as what it is."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def host_gateways(root: Path = Path("/proc/net")) -> frozenset[IpAddress]:
    """The gateway addresses of this host's routes, where the system tells them (Linux)."""
    found: set[IpAddress] = set()
    for words in _lines(root / "route"):
        if len(words) > 2 and words[2] != "00000000":
            try:
                found.add(ipaddress.IPv4Address(socket.inet_ntoa(struct.pack("=L", int(words[2], 16)))))
            except (ValueError, struct.error):
                continue
    for words in _lines(root / "ipv6_route"):
        if len(words) > 4 and words[4].strip("0"):
            try:
                found.add(ipaddress.IPv6Address(bytes.fromhex(words[4])))
            except ValueError:
                continue
    return frozenset(found)


def _lines(path: Path) -> list[list[str]]:
    try:
        return [line.split() for line in path.read_text(encoding="ascii").splitlines()]
    except (OSError, UnicodeDecodeError):
        return []


def network_of(text: str) -> str:
    """The /24 or /64 that an address counts with: whoever has one address there has them all."""
    try:
        address = plain_address(text)
    except ValueError:
        return text[:64]
    prefix = 24 if address.version == 4 else 64
    return str(ipaddress.ip_network(f"{address}/{prefix}", strict=False))


# -- counting ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass
class Meter:
    """Connections and messages by address."""

    limits: Limits
    _connections: dict[str, int] = field(default_factory=dict)
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    total: int = 0

    def open(self, address: str, *, is_trusted: bool) -> bool:
        """Count a connection; False where it would be one too many (then it is not counted)."""
        count = self._connections.get(address, 0)
        if self.total >= self.limits.connections or count >= self._most(address, is_trusted):
            return False
        self._connections[address] = count + 1
        self.total += 1
        return True

    def _most(self, address: str, is_trusted: bool) -> int:
        if is_trusted:
            return self.limits.connections_per_trusted_address
        try:
            is_local = plain_address(address).is_loopback
        except ValueError:
            is_local = False
        return self.limits.connections_per_local_address if is_local else self.limits.connections_per_address

    def close(self, address: str) -> None:
        """A counted connection is over."""
        left = self._connections.get(address, 1) - 1
        self.total -= 1
        if left > 0:
            self._connections[address] = left
        else:
            self._connections.pop(address, None)

    def may_send(self, address: str, now: float, *, is_trusted: bool) -> bool:
        """Take one message out of the address's allowance; a second's worth may come at once."""
        rate = self.limits.messages_per_second_trusted if is_trusted else self.limits.messages_per_second
        if rate is None:
            return True
        bucket = self._buckets.get(address)
        if bucket is None:
            bucket = self._buckets[address] = _Bucket(tokens=rate, at=now)
        bucket.tokens = min(rate, bucket.tokens + (now - bucket.at) * rate)
        bucket.at = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def tidy(self, now: float) -> None:
        """Forget allowances that are whole again."""
        for address in [key for key, bucket in self._buckets.items() if now - bucket.at > 10]:
            del self._buckets[address]


class MemoryBudget:
    """Bytes of content held by all connections; above the limit readers wait, but never all of them.

    One reader always goes on: contents that are half received would otherwise wait for each other for ever.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._held: dict[object, int] = {}
        self._waiting: dict[object, Callable[[], None]] = {}
        self.used_bytes = 0

    def hold(self, holder: object, size_bytes: int) -> None:
        """Note what a holder has now; 0 lets go of all."""
        before = self._held.get(holder, 0)
        if size_bytes == before:
            return
        if size_bytes:
            self._held[holder] = size_bytes
        else:
            self._held.pop(holder, None)
        self.used_bytes += size_bytes - before
        if size_bytes < before:
            self._wake()

    def must_wait(self, holder: object, resume: Callable[[], None]) -> bool:
        """Whether a reader has to stop now; `resume` is called once it may go on."""
        if self.used_bytes <= self._limit or self._active <= 1:
            return False
        self._waiting[holder] = resume
        return True

    @property
    def _active(self) -> int:
        """Holders that are not waiting: contents being read, and messages being stored."""
        return len(self._held) - len(self._waiting.keys() & self._held.keys())

    def forget(self, holder: object) -> None:
        """A holder is gone."""
        self._waiting.pop(holder, None)
        self.hold(holder, 0)
        self._wake()

    def _wake(self) -> None:
        while self._waiting and (self.used_bytes <= self._limit or not self._active):
            holder = next(iter(self._waiting))
            self._waiting.pop(holder)()
