"""Direct delivery to the MX hosts of the recipient's domain.

Hosts are tried by preference, equals in random order, each with its addresses (RFC 5321 §5.1). What a
stranger's DNS names is not trusted: private addresses and this installation's own listeners are never
connected to, judged by the very address that is used (THREATS T17). DNS verdicts are answers of their own:
a null MX and a domain that does not exist are final, a failing DNS is not.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby

from django.conf import settings
from django.utils.translation import gettext as _

from relayhub.core import clock
from relayhub.core.address_guard import is_public
from relayhub.protocol.reply import SmtpReply, make_reply
from relayhub.protocol.resolver import MxRecord, TempFail
from relayhub.protocol.smtp_client_events import ClientConfig, TlsPolicy
from relayhub.protocol.smtp_wire import SmtpPhase
from relayhub.relay import shaping, sites
from relayhub.relay.shaping import ConnectionLimits
from relayhub.relay.sites import MailHosts, SiteOutcome
from relayhub.relay.transports.base import BeforeDot, OutgoingMessage, SendResult
from relayhub.relay.transports.connection import CannotOpen, Peer, PhaseLimits, SmtpConnection
from relayhub.relay.transports.dialogue import Dialogue
from relayhub.relay.transports.pool import ConnectionPool
from relayhub.relay.transports.smtp import (
    MAX_CANDIDATES,
    Dialler,
    Session,
    dns_addresses,
    hand_over,
    own_result,
)

_MAX_POOLS = 1000
#: Mail hosts that an attempt keeps of those that DNS named.
_MAX_TOLD = 8
LOOPS_BACK = make_reply(554, "5.4.6", "Mail for this domain loops back to this host")

#: Answers that DNS gives instead of a host; the enhanced codes are those of RFC 7505 §4 and RFC 3463 §3.2.
_DNS_REPLIES: dict[SiteOutcome, tuple[int, str, str]] = {
    SiteOutcome.NULL_MX: (556, "5.1.10", "The domain {} takes no mail (null MX)"),
    SiteOutcome.NO_DOMAIN: (550, "5.1.2", "The domain {} does not exist"),
    SiteOutcome.NO_MAIL_HOST: (550, "5.1.2", "The domain {} has no mail host (no MX, A or AAAA record)"),
    SiteOutcome.TEMPORARY: (451, "4.4.3", "The mail host of {} cannot be looked up now"),
}


class DirectTransport:
    """`direct`: pools by the set of mail hosts, so that domains of one provider share connections."""

    def __init__(
        self, *, tls: str = "opportunistic", max_connections: int | None = None,
        phase_limits: PhaseLimits | None = None, limits: ConnectionLimits | None = None,
    ) -> None:
        self._phase_limits = phase_limits or PhaseLimits()
        self._max_connections = max_connections
        self._limits = limits
        policy = TlsPolicy(tls)
        self._dialler = Dialler(
            Session(
                config=ClientConfig(ehlo_name=settings.RELAYHUB_HOSTNAME, tls=policy),
                phase_limits=self._phase_limits, checks_certificate=policy is TlsPolicy.REQUIRED,
            )
        )
        self._pools: dict[tuple[MxRecord, ...], ConnectionPool] = {}

    async def send(self, message: OutgoingMessage, *, before_dot: BeforeDot) -> SendResult:
        """Look the domain's hosts up and hand over one recipient."""
        started_at, dialogue = clock.now(), Dialogue()
        hosts = await sites.mail_hosts(message.domain)
        if hosts.outcome is not SiteOutcome.OK:
            return own_result(_dns_reply(message.domain, hosts), dialogue, started_at, source="dns")
        usable = without_ourselves(hosts.hosts)
        if not usable:
            return own_result(LOOPS_BACK, dialogue, started_at)
        result = await hand_over(
            self._pool_of(message.domain, usable), message, before_dot, dialogue=dialogue,
            started_at=started_at,
        )
        return replace(result, detail={**result.detail, "mx": _told(hosts.hosts)})

    async def close(self) -> None:
        """Say QUIT and let all connections go."""
        for pool in self._pools.values():
            await pool.close()
        self._pools.clear()

    def _pool_of(self, domain: str, hosts: tuple[MxRecord, ...]) -> ConnectionPool:
        pool = self._pools.get(hosts)
        if pool is None:
            if len(self._pools) >= _MAX_POOLS:
                self._pools = {key: kept for key, kept in self._pools.items() if not kept.is_empty}
            site, _provider = sites.site_name(domain, MailHosts(outcome=SiteOutcome.OK, hosts=hosts))
            limits = self._limits or shaping.limits_for_site(site)
            pool = self._pools[hosts] = ConnectionPool(
                self._opener(hosts), limits=limits, phase_limits=self._phase_limits,
                max_connections=self._max_connections,
            )
        return pool

    def _opener(self, hosts: Sequence[MxRecord]) -> _HostsOpener:
        return _HostsOpener(hosts, self._dialler)


def _told(hosts: Sequence[MxRecord]) -> list[str]:
    """The hosts as DNS named them, for whoever asks later why it went where it went."""
    ordered = sorted(hosts, key=lambda record: (record.preference, record.host))
    return [f"{record.preference} {record.host}" for record in ordered[:_MAX_TOLD]]


class _HostsOpener:
    """Opens a connection to the first host of a set that will talk."""

    def __init__(self, hosts: Sequence[MxRecord], dialler: Dialler) -> None:
        self._hosts = hosts
        self._dialler = dialler

    async def __call__(
        self, dialogue: Dialogue, *, watch: Callable[[SmtpConnection], None],
        on_closed: Callable[[SmtpConnection], None],
    ) -> SmtpConnection:
        peers = await candidates(self._hosts, dialogue)
        return await self._dialler.open_first(peers, dialogue, watch=watch, on_closed=on_closed)


async def candidates(hosts: Sequence[MxRecord], dialogue: Dialogue) -> list[Peer]:
    """Addresses in the order to try; raises CannotOpen where there is none that may be connected to."""
    found: list[Peer] = []
    refused = 0
    failure = ""
    port = settings.RELAYHUB_MX_DELIVERY_PORT
    for record in by_preference(hosts):
        if len(found) >= MAX_CANDIDATES:
            break
        addresses = await dns_addresses(record.host)
        if isinstance(addresses, TempFail):
            failure = f"the addresses of {record.host} cannot be looked up now ({addresses.reason})"
            dialogue.note(failure)
            continue
        for address in addresses:
            if is_own_listener(address, port):
                if not found:
                    raise CannotOpen(LOOPS_BACK.text, phase=SmtpPhase.CONNECT, verdict=LOOPS_BACK)
                return found  # RFC 5321 §5.1: hosts behind ourselves would send it back to us
            if settings.RELAYHUB_ALLOW_PRIVATE_NETWORKS or is_public(address):
                found.append(Peer(host=record.host, address=address, port=port))
            else:
                refused += 1
                dialogue.note(f"{record.host} has the private address {address}: not connected to")
    if found:
        return found[:MAX_CANDIDATES]
    if refused:
        failure = "its mail hosts have only private addresses, which are not connected to"
    raise CannotOpen(failure or "none of its mail hosts has an address", phase=SmtpPhase.CONNECT)


def by_preference(hosts: Sequence[MxRecord]) -> list[MxRecord]:
    """Lowest preference first, equals shuffled (RFC 5321 §5.1: MUST randomise)."""
    ordered: list[MxRecord] = []
    for _preference, group in groupby(sorted(hosts, key=lambda record: record.preference), lambda r: r.preference):
        equals = list(group)
        random.shuffle(equals)
        ordered += equals
    return ordered


def without_ourselves(hosts: Sequence[MxRecord]) -> tuple[MxRecord, ...]:
    """Hosts that are better than this one, where this one is named (RFC 5321 §5.1)."""
    ours = settings.RELAYHUB_HOSTNAME.lower()
    own = [record.preference for record in hosts if record.host == ours]
    return tuple(record for record in hosts if not own or record.preference < min(own))


def is_own_listener(address: str, port: int) -> bool:
    """Whether a connection there would reach one of our own SMTP ports, or an address mail leaves from."""
    if port in (25, 465, 587) and address in {str(egress) for egress in settings.RELAYHUB_EGRESS_ADDRESSES}:
        return True
    ports = {
        settings.RELAYHUB_MX_PORT, settings.RELAYHUB_SUBMISSION_PORT, settings.RELAYHUB_SUBMISSIONS_PORT,
    }
    return port in ports and _is_local(address)


def _is_local(address: str) -> bool:
    """Whether the address is this machine's: only its own addresses can be bound."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
            return True
    except OSError:
        return False


def _dns_reply(domain: str, hosts: MailHosts) -> SmtpReply:
    code, enhanced, text = _DNS_REPLIES[hosts.outcome]
    return make_reply(code, enhanced, text.format(domain) + (f": {hosts.why}" if hosts.why else ""))


async def probe_port_25(hosts: Sequence[str], *, timeout_seconds: float = 10.0) -> str:
    """Whether this machine can reach port 25 anywhere: an empty text, or what stands in the way."""
    why = _("no host was named")
    port = settings.RELAYHUB_MX_DELIVERY_PORT
    for host in hosts:
        addresses = await dns_addresses(host)
        if isinstance(addresses, TempFail) or not addresses:
            why = _("%(host)s cannot be looked up") % {"host": host}
            continue
        try:
            async with asyncio.timeout(timeout_seconds):
                reader, writer = await asyncio.open_connection(addresses[0], port)
                banner = await reader.readline()
                writer.close()
        except (OSError, TimeoutError) as error:
            why = _("%(host)s cannot be reached on port %(port)s: %(why)s") % {
                "host": host, "port": port, "why": str(error) or _("no answer")
            }
            continue
        if banner.startswith(b"220"):
            return ""
        why = _("%(host)s answers, but not as a mail host") % {"host": host}
    return why
