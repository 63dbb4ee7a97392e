"""DNS through dnspython as `protocol.resolver` answers, blocking and asynchronous, with one cache a process.

Asks the servers of `RELAYHUB_DNS_SERVERS` for every look-up, else the system's. UDP first with 1,232 octets
(DNS flag day 2020), TCP where the answer was cut; every look-up has a time limit. A time-out, SERVFAIL or
broken answer is `TempFail` and is never cached: it must not become an absence. `uncached()` asks afresh.
RFC 1035, RFC 2308 (negative answers), RFC 6891 (EDNS), RFC 7505.
"""

from __future__ import annotations

import ipaddress
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, TypeVar, cast

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver
from django.conf import settings

from relayhub.core.errors import ConfigurationError
from relayhub.protocol.resolver import (
    MAX_CNAME_HOPS,
    Answer,
    MxRecord,
    NoDomain,
    NoRecord,
    Records,
    RecordType,
    TempFail,
    TlsaRecord,
    absolute_name,
)

log = logging.getLogger(__name__)
T = TypeVar("T")

#: One question to one server; then the next server, or the same again.
TRY_SECONDS = 2.0
#: One look-up in all.
LIFETIME_SECONDS = 6.0
_UDP_OCTETS = 1232
MIN_TTL_SECONDS = 5
MAX_TTL_SECONDS = 3600
#: RFC 2308 §5 lets absences live for hours; people wait for records they have just published.
MAX_NEGATIVE_TTL_SECONDS = 60
MAX_CACHED = 50_000


class AnswerCache:
    """Answers by type and name until their time is up; the oldest go first. Safe for threads."""

    def __init__(self, max_entries: int = MAX_CACHED) -> None:
        self._entries: OrderedDict[tuple[RecordType, str], tuple[float, Any]] = OrderedDict()
        self._max_entries = max_entries
        self._lock = threading.Lock()

    def get(self, kind: RecordType, name: str) -> Any:
        """The answer, or None where none is kept."""
        found = self._entries.get((kind, name))
        return found[1] if found is not None and found[0] > time.monotonic() else None

    def put(self, kind: RecordType, name: str, answer: Any) -> None:
        """Keep an answer for as long as it says, within bounds; a temporary failure not at all."""
        if isinstance(answer, TempFail):
            return
        highest = MAX_TTL_SECONDS if isinstance(answer, Records) else MAX_NEGATIVE_TTL_SECONDS
        seconds = min(max(answer.ttl_seconds or 0, MIN_TTL_SECONDS), highest)
        with self._lock:
            self._entries[(kind, name)] = (time.monotonic() + seconds, answer)
            self._entries.move_to_end((kind, name))
            while len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()


class DnsResolver:
    """A `protocol.resolver.Resolver` that asks real name servers and blocks."""

    def __init__(self, resolver: dns.resolver.Resolver, cache: AnswerCache | None) -> None:
        self._resolver = resolver
        self._cache = cache

    def txt(self, name: str) -> Answer[str]:
        """Text records, each as one string."""
        return self._look_up(RecordType.TXT, name, _text)

    def mx(self, name: str) -> Answer[MxRecord]:
        """Mail exchangers, sorted by preference."""
        return self._look_up(RecordType.MX, name, _mx)

    def a(self, name: str) -> Answer[str]:
        """IPv4 addresses."""
        return self._look_up(RecordType.A, name, _address)

    def aaaa(self, name: str) -> Answer[str]:
        """IPv6 addresses."""
        return self._look_up(RecordType.AAAA, name, _address)

    def cname(self, name: str) -> Answer[str]:
        """The alias at this very name."""
        return self._look_up(RecordType.CNAME, name, _target)

    def ptr(self, name: str) -> Answer[str]:
        """Host names at a reverse name."""
        return self._look_up(RecordType.PTR, name, _target)

    def tlsa(self, name: str) -> Answer[TlsaRecord]:
        """Certificate associations."""
        return self._look_up(RecordType.TLSA, name, _tlsa)

    def ns(self, name: str) -> Answer[str]:
        """Name servers of a zone."""
        return self._look_up(RecordType.NS, name, _target)

    def _look_up(self, kind: RecordType, name: str, read: Callable[[Any], T]) -> Answer[T]:
        owner = absolute_name(name)
        kept = self._cache.get(kind, owner) if self._cache else None
        if kept is not None:
            return kept  # type: ignore[no-any-return]  # the cache holds what this very type put there
        answer = self._ask(kind, owner, read, MAX_CNAME_HOPS)
        if self._cache:
            self._cache.put(kind, owner, answer)
        return answer

    def _ask(self, kind: RecordType, owner: str, read: Callable[[Any], T], hops: int) -> Answer[T]:
        try:
            found = self._resolver.resolve(
                owner + ".", kind.value, raise_on_no_answer=False, search=False, lifetime=LIFETIME_SECONDS
            )
        except Exception as error:
            return cast("Answer[T]", _failure(error))
        alias = _unfollowed_alias(found, kind, owner)
        if alias is None:
            return _answer(found, kind, read)
        return self._ask(kind, alias, read, hops - 1) if hops else TempFail(reason="alias loop")


class AsyncDnsResolver:
    """The same answers for an event loop; every look-up is awaited."""

    def __init__(self, resolver: dns.asyncresolver.Resolver, cache: AnswerCache | None) -> None:
        self._resolver = resolver
        self._cache = cache

    async def mx(self, name: str) -> Answer[MxRecord]:
        """Mail exchangers, sorted by preference."""
        return await self._look_up(RecordType.MX, name, _mx)

    async def a(self, name: str) -> Answer[str]:
        """IPv4 addresses."""
        return await self._look_up(RecordType.A, name, _address)

    async def aaaa(self, name: str) -> Answer[str]:
        """IPv6 addresses."""
        return await self._look_up(RecordType.AAAA, name, _address)

    async def txt(self, name: str) -> Answer[str]:
        """Text records, each as one string."""
        return await self._look_up(RecordType.TXT, name, _text)

    async def ptr(self, name: str) -> Answer[str]:
        """Host names at a reverse name."""
        return await self._look_up(RecordType.PTR, name, _target)

    async def tlsa(self, name: str) -> Answer[TlsaRecord]:
        """Certificate associations."""
        return await self._look_up(RecordType.TLSA, name, _tlsa)

    async def _look_up(self, kind: RecordType, name: str, read: Callable[[Any], T]) -> Answer[T]:
        owner = absolute_name(name)
        kept = self._cache.get(kind, owner) if self._cache else None
        if kept is not None:
            return kept  # type: ignore[no-any-return]  # the cache holds what this very type put there
        answer = await self._ask(kind, owner, read, MAX_CNAME_HOPS)
        if self._cache:
            self._cache.put(kind, owner, answer)
        return answer

    async def _ask(self, kind: RecordType, owner: str, read: Callable[[Any], T], hops: int) -> Answer[T]:
        try:
            found = await self._resolver.resolve(
                owner + ".", kind.value, raise_on_no_answer=False, search=False, lifetime=LIFETIME_SECONDS
            )
        except Exception as error:
            return cast("Answer[T]", _failure(error))
        alias = _unfollowed_alias(found, kind, owner)
        if alias is None:
            return _answer(found, kind, read)
        return await self._ask(kind, alias, read, hops - 1) if hops else TempFail(reason="alias loop")


# -- one a process -------------------------------------------------------------------------------------------

_shared_cache = AnswerCache()


def resolver() -> DnsResolver:
    """The blocking resolver, with the process's cache."""
    return DnsResolver(_blocking(_servers()), _shared_cache)


def uncached() -> DnsResolver:
    """A blocking resolver that asks afresh every time."""
    return DnsResolver(_blocking(_servers()), None)


def async_resolver() -> AsyncDnsResolver:
    """The resolver for event loops, with the process's cache."""
    return AsyncDnsResolver(_asynchronous(_servers()), _shared_cache)


def resolver_at(servers: Iterable[str]) -> DnsResolver:
    """A blocking resolver that asks these `ip:port` only, without a cache: a zone's own name servers."""
    return DnsResolver(_blocking(tuple(servers)), None)


def clear_cache() -> None:
    """Forget all answers."""
    _shared_cache.clear()


def _servers() -> tuple[str, ...]:
    return tuple(map(str, settings.RELAYHUB_DNS_SERVERS))


@lru_cache(maxsize=64)
def _blocking(servers: tuple[str, ...]) -> dns.resolver.Resolver:
    made = dns.resolver.Resolver(configure=False)
    _configure(made, servers)
    return made


@lru_cache(maxsize=8)
def _asynchronous(servers: tuple[str, ...]) -> dns.asyncresolver.Resolver:
    made = dns.asyncresolver.Resolver(configure=False)
    _configure(made, servers)
    return made


def _configure(made: Any, servers: tuple[str, ...]) -> None:
    if servers:
        made.nameservers = [dns.nameserver.Do53Nameserver(*server_address(text)) for text in servers]
    else:
        made.nameservers = _system_servers()
    made.timeout = TRY_SECONDS
    made.lifetime = LIFETIME_SECONDS
    made.use_edns(0, 0, _UDP_OCTETS)
    made.flags = dns.flags.RD | dns.flags.AD  # AD: we look at it in the answer (RFC 6840 §5.7)
    made.retry_servfail = False


def _system_servers() -> list[Any]:
    try:
        return list(dns.resolver.Resolver().nameservers)
    except dns.resolver.NoResolverConfiguration:
        log.warning("resolver.no_system_servers")
        return [dns.nameserver.Do53Nameserver("127.0.0.1", 53)]


def server_address(text: str) -> tuple[str, int]:
    """Read `ip`, `ip:port`, `[ipv6]:port`; ConfigurationError for anything else."""
    plain = text.strip()
    try:
        if plain.startswith("["):
            host, _, port = plain[1:].partition("]")
            port = port.removeprefix(":")
        elif plain.count(":") == 1:
            host, _, port = plain.partition(":")
        else:
            host, port = plain, ""
        number = int(port) if port else 53
        if not 0 < number < 65536:
            raise ValueError(port)
        return str(ipaddress.ip_address(host)), number
    except ValueError:
        raise ConfigurationError(f"RELAYHUB_DNS_SERVERS: “{plain}” is no ip:port.") from None


# -- reading answers -----------------------------------------------------------------------------------------


_MALFORMED_NAME = (
    dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.name.BadEscape,
    dns.exception.SyntaxError, UnicodeError,
)


def _failure(error: Exception) -> Any:
    """What an exception of dnspython says: an absence only where a server said so."""
    if isinstance(error, dns.resolver.NXDOMAIN):
        return NoDomain(ttl_seconds=_negative_ttl(error))
    if isinstance(error, _MALFORMED_NAME):
        return NoDomain()
    if isinstance(error, dns.resolver.LifetimeTimeout | dns.exception.Timeout | TimeoutError):
        return TempFail(reason="timeout")
    if isinstance(error, dns.resolver.NoNameservers):
        return TempFail(reason="servfail")
    if not isinstance(error, dns.exception.DNSException | OSError | EOFError):
        log.warning("resolver.unexpected_failure", extra={"error": type(error).__name__})
    return TempFail(reason=type(error).__name__.lower())


def _negative_ttl(error: dns.resolver.NXDOMAIN) -> int | None:
    for response in (error.kwargs.get("responses") or {}).values():
        for rrset in response.authority:
            if rrset.rdtype == dns.rdatatype.SOA:
                return int(min(rrset.ttl, rrset[0].minimum))
    return None


def _unfollowed_alias(found: dns.resolver.Answer, kind: RecordType, owner: str) -> str | None:
    """The name to ask next where a server answered with an alias but not with what it leads to."""
    if found.rrset is not None or kind is RecordType.CNAME:
        return None
    canonical = absolute_name(found.canonical_name.to_text())
    return canonical if canonical != owner else None


def _answer(found: dns.resolver.Answer, kind: RecordType, read: Callable[[Any], T]) -> Answer[T]:
    ttl = int(max(0, found.expiration - time.time()))
    if found.rrset is None:
        return NoRecord(ttl_seconds=ttl)
    try:
        values = [read(item) for item in found.rrset]
    except (ValueError, AttributeError) as error:
        return TempFail(reason=f"unreadable {kind.value}: {error}")
    if kind is RecordType.MX:
        values.sort(key=lambda record: (record.preference, record.host))  # type: ignore[attr-defined]
    return Records(
        values=tuple(values), ttl_seconds=ttl, canonical_name=absolute_name(found.canonical_name.to_text()),
        is_authenticated=bool(found.response.flags & dns.flags.AD),
    )


def _text(item: Any) -> str:
    # What is found is stored, and PostgreSQL holds no NUL; no record that is judged has one.
    return b"".join(item.strings).decode("latin-1").replace("\0", "\ufffd")


def _address(item: Any) -> str:
    return str(item.address)


def _target(item: Any) -> str:
    return absolute_name(item.target.to_text())


def _mx(item: Any) -> MxRecord:
    return MxRecord(preference=int(item.preference), host=absolute_name(item.exchange.to_text()))


def _tlsa(item: Any) -> TlsaRecord:
    return TlsaRecord(
        usage=int(item.usage), selector=int(item.selector), matching_type=int(item.mtype),
        data=bytes(item.cert),
    )
