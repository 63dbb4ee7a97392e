"""What DNS can answer, as values: the `Resolver` interface and a resolver over a dict.

Four kinds of answer are kept apart, because they lead to different deeds: records,
"this name does not exist" (NoDomain), "the name exists without such records"
(NoRecord), and "nobody could say" (TempFail), which must never count as an absence.
This module must never ask a real name server. RFC 1035, RFC 2308, RFC 7505.

Names are absolute, lower case, without the final dot. A text record is one string,
its character-strings joined, one character an octet (latin-1), as SPF and DKIM want it.
"""

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeAlias, TypeVar, Union

MAX_CNAME_HOPS = 10  # longer chains are misconfiguration; common resolvers stop at 8 to 16

T = TypeVar("T")


class RecordType(StrEnum):
    """The record types RelayHub asks for."""

    A = "A"
    AAAA = "AAAA"
    CNAME = "CNAME"
    MX = "MX"
    NS = "NS"
    PTR = "PTR"
    TLSA = "TLSA"
    TXT = "TXT"


@dataclass(frozen=True, kw_only=True, slots=True)
class MxRecord:
    """One mail exchanger; an empty host is the null MX of RFC 7505."""

    preference: int
    host: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TlsaRecord:
    """One certificate association (RFC 6698 §2.1)."""

    usage: int
    selector: int
    matching_type: int
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Records(Generic[T]):
    """At least one record was found.

    `ttl_seconds` is None where the source knows none; `is_authenticated` says that the
    answer was validated by DNSSEC, which DANE needs. `canonical_name` is the owner at
    the end of the CNAME chain.
    """

    values: tuple[T, ...]
    ttl_seconds: int | None = None
    is_authenticated: bool = False
    canonical_name: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoDomain:
    """The name does not exist (NXDOMAIN)."""

    ttl_seconds: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NoRecord:
    """The name exists, without a record of this type (NODATA)."""

    ttl_seconds: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TempFail:
    """Nobody could say: time-out, SERVFAIL, broken answer. Ask again later."""

    reason: str = "timeout"


Answer: TypeAlias = Union[Records[T], NoDomain, NoRecord, TempFail]  # noqa: UP007  generic alias


class Resolver(Protocol):
    """Asks DNS; never raises for what DNS may answer. CNAMEs are followed, but by `cname`.

    An implementation may cache. It answers a malformed name with NoDomain.
    """

    def txt(self, name: str) -> Answer[str]:
        """Text records of a name."""
        ...

    def mx(self, name: str) -> Answer[MxRecord]:
        """Mail exchangers, sorted by preference."""
        ...

    def a(self, name: str) -> Answer[str]:
        """IPv4 addresses as text."""
        ...

    def aaaa(self, name: str) -> Answer[str]:
        """IPv6 addresses as text."""
        ...

    def cname(self, name: str) -> Answer[str]:
        """The alias at this very name, not followed."""
        ...

    def ptr(self, name: str) -> Answer[str]:
        """Host names at a reverse name; see `reverse_name`."""
        ...

    def tlsa(self, name: str) -> Answer[TlsaRecord]:
        """Certificate associations at `_25._tcp.host`."""
        ...

    def ns(self, name: str) -> Answer[str]:
        """Name servers of a zone."""
        ...


def reverse_name(ip: str) -> str:
    """The name under in-addr.arpa or ip6.arpa for an address; ValueError if it is none."""
    return ipaddress.ip_address(ip).reverse_pointer


def absolute_name(name: str) -> str:
    """Lower case, without the final dot."""
    return name.lower().rstrip(".")


class ZoneError(ValueError):
    """A zone given as data has the wrong shape."""


class ZoneResolver:
    """Answers from a dict of owner -> type -> values.

    An owner that is absent is NXDOMAIN; a type that is not listed, or an empty list, is
    NODATA; the text `TIMEOUT` or `SERVFAIL` in place of a type's list, or of a whole
    owner, is a temporary failure. Raises ZoneError, when built, for any other shape.
    """

    def __init__(self, zone: Mapping[str, object]) -> None:
        self._zone: dict[str, Mapping[str, object] | TempFail] = {
            absolute_name(owner): _owner_data(owner, data) for owner, data in zone.items()
        }

    def txt(self, name: str) -> Answer[str]:
        """Text records, whole strings as given."""
        return self._lookup(name, RecordType.TXT, _text)

    def mx(self, name: str) -> Answer[MxRecord]:
        """Mail exchangers, sorted by preference, then as given."""
        answer = self._lookup(name, RecordType.MX, _mx)
        if isinstance(answer, Records):
            ordered = sorted(answer.values, key=lambda record: record.preference)
            return Records(values=tuple(ordered), canonical_name=answer.canonical_name)
        return answer

    def a(self, name: str) -> Answer[str]:
        """IPv4 addresses as given."""
        return self._lookup(name, RecordType.A, _text)

    def aaaa(self, name: str) -> Answer[str]:
        """IPv6 addresses as given."""
        return self._lookup(name, RecordType.AAAA, _text)

    def cname(self, name: str) -> Answer[str]:
        """The alias at this very name."""
        return self._at(absolute_name(name), RecordType.CNAME, _host)

    def ptr(self, name: str) -> Answer[str]:
        """Host names at a reverse name."""
        return self._lookup(name, RecordType.PTR, _host)

    def tlsa(self, name: str) -> Answer[TlsaRecord]:
        """Certificate associations, given as `[3, 1, 1, "hex"]` or `"3 1 1 hex"`."""
        return self._lookup(name, RecordType.TLSA, _tlsa)

    def ns(self, name: str) -> Answer[str]:
        """Name servers of a zone."""
        return self._lookup(name, RecordType.NS, _host)

    def _lookup(self, name: str, kind: RecordType, read: Callable[[object], T]) -> Answer[T]:
        owner = absolute_name(name)
        for _ in range(MAX_CNAME_HOPS + 1):
            answer = self._at(owner, kind, read)
            if not isinstance(answer, NoRecord):
                return answer
            alias = self._at(owner, RecordType.CNAME, _host)
            if not isinstance(alias, Records):
                return answer
            owner = absolute_name(alias.values[0])
        return TempFail(reason="alias loop")

    def _at(self, owner: str, kind: RecordType, read: Callable[[object], T]) -> Answer[T]:
        data = self._zone.get(owner)
        if data is None:
            return NoDomain()
        if isinstance(data, TempFail):
            return data
        listed = data.get(kind.value)
        if isinstance(listed, str):
            return _temporary_failure(owner, listed)
        if not listed:
            return NoRecord()
        if not isinstance(listed, list | tuple):
            raise ZoneError(f"{owner} {kind.value}: a list is wanted")
        return Records(values=tuple(read(item) for item in listed), canonical_name=owner)


def _owner_data(owner: str, data: object) -> Mapping[str, object] | TempFail:
    """Check one owner's data whole, so that a bad zone fails before the first question."""
    if isinstance(data, str):
        return _temporary_failure(owner, data)
    if not isinstance(data, Mapping):
        raise ZoneError(f"{owner}: an object of types is wanted")
    types: dict[str, object] = {str(kind).upper(): values for kind, values in data.items()}
    for kind, values in types.items():
        reader = _READERS.get(kind)
        if isinstance(values, str):
            _temporary_failure(owner, values)
        elif values is not None and not isinstance(values, list | tuple):
            raise ZoneError(f"{owner} {kind}: a list is wanted")
        elif reader is not None:
            for item in values or ():
                reader(item)
    return types


def _temporary_failure(owner: str, word: str) -> TempFail:
    if word.upper() not in ("TIMEOUT", "SERVFAIL"):
        raise ZoneError(f"{owner}: only TIMEOUT or SERVFAIL may stand in place of records")
    return TempFail(reason=word.lower())


def _text(item: object) -> str:
    if not isinstance(item, str):
        raise ZoneError("a text is wanted")
    return item


def _host(item: object) -> str:
    return absolute_name(_text(item))


def _mx(item: object) -> MxRecord:
    if isinstance(item, str):
        item = item.split()
    if not isinstance(item, list | tuple) or len(item) != 2:
        raise ZoneError("an MX is written [preference, host]")
    return MxRecord(preference=_small_number(item[0]), host=_host(item[1]))


def _tlsa(item: object) -> TlsaRecord:
    if isinstance(item, str):
        item = item.split(maxsplit=3)
    if not isinstance(item, list | tuple) or len(item) != 4:
        raise ZoneError("a TLSA is written [usage, selector, matching type, hex]")
    try:
        data = bytes.fromhex(_text(item[3]))
    except ValueError as error:
        raise ZoneError("TLSA data is written in hexadecimal") from error
    usage, selector, matching_type = (_small_number(part) for part in item[:3])
    return TlsaRecord(usage=usage, selector=selector, matching_type=matching_type, data=data)


def _small_number(item: object) -> int:
    if isinstance(item, bool) or not isinstance(item, int | str):
        raise ZoneError("a number is wanted")
    try:
        value = int(item)
    except ValueError as error:
        raise ZoneError("a number is wanted") from error
    if not 0 <= value <= 65535:
        raise ZoneError("a number from 0 to 65535 is wanted")
    return value


_READERS: dict[str, Callable[[object], object]] = {
    RecordType.A.value: _text,
    RecordType.AAAA.value: _text,
    RecordType.CNAME.value: _host,
    RecordType.MX.value: _mx,
    RecordType.NS.value: _host,
    RecordType.PTR.value: _host,
    RecordType.TLSA.value: _tlsa,
    RecordType.TXT.value: _text,
}
