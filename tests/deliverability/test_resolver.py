"""The dnspython resolver against a real server on loopback: four kinds of answer, never mixed up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from relayhub.core import resolver
from relayhub.protocol.resolver import MxRecord, NoDomain, NoRecord, Records, TempFail
from tests.support.dns_server import DnsServer, dns_server

ZONE = {
    "example.com": {
        "MX": [[20, "mx2.example.com"], [10, "mx1.example.com"]], "A": ["192.0.2.1"],
        "TXT": ["v=spf1 -all", "x" * 300],
    },
    "null.example": {"MX": [[0, ""]]},
    "alias.example": {"CNAME": ["example.com"]},
    "loop.example": {"CNAME": ["loop2.example"]},
    "loop2.example": {"CNAME": ["loop.example"]},
    "dangling.example": {"CNAME": ["gone.example"]},
    "huge.example": {"TXT": [f"{number} " + "y" * 200 for number in range(30)]},
    "servfail.example": "SERVFAIL",
    "refused.example": "REFUSED",
    "mixed.example": {"MX": "SERVFAIL", "A": ["192.0.2.7"]},
    "2.0.192.in-addr.arpa": {"PTR": ["mail.example.com"]},
    "_25._tcp.mx1.example.com": {"TLSA": ["3 1 1 " + "ab" * 32]},
}


@pytest.fixture
def server(settings: object) -> Iterator[DnsServer]:
    with dns_server(ZONE) as running:
        settings.RELAYHUB_DNS_SERVERS = (running.address,)  # type: ignore[attr-defined]
        resolver.clear_cache()
        yield running


def test_it_reads_mail_exchangers_in_order(server: DnsServer) -> None:
    answer = resolver.uncached().mx("Example.COM.")

    assert isinstance(answer, Records)
    assert answer.values == (
        MxRecord(preference=10, host="mx1.example.com"), MxRecord(preference=20, host="mx2.example.com"),
    )
    assert answer.ttl_seconds is not None


def test_it_joins_the_pieces_of_a_text(server: DnsServer) -> None:
    answer = resolver.uncached().txt("example.com")

    assert isinstance(answer, Records)
    assert set(answer.values) == {"v=spf1 -all", "x" * 300}


def test_it_reads_a_null_mx_as_an_empty_host(server: DnsServer) -> None:
    answer = resolver.uncached().mx("null.example")

    assert isinstance(answer, Records)
    assert answer.values == (MxRecord(preference=0, host=""),)


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("nowhere.example", "mx", NoDomain),
        ("example.com", "aaaa", NoRecord),
        ("dangling.example", "mx", NoDomain),  # the alias exists, what it names does not
        ("servfail.example", "mx", TempFail),
        ("refused.example", "mx", TempFail),  # a lame server says nothing of the name
        ("mixed.example", "mx", TempFail),
        ("loop.example", "a", TempFail),
        ("a" * 70 + ".example", "mx", NoDomain),
        ("empty..label", "mx", NoDomain),
    ],
)
def test_it_keeps_the_kinds_of_answer_apart(
    server: DnsServer, name: str, kind: str, expected: type[object]
) -> None:
    assert isinstance(getattr(resolver.uncached(), kind)(name), expected)


def test_it_follows_aliases(server: DnsServer) -> None:
    answer = resolver.uncached().a("alias.example")

    assert isinstance(answer, Records)
    assert answer.values == ("192.0.2.1",)
    assert answer.canonical_name == "example.com"


def test_it_comes_again_over_tcp_when_an_answer_was_cut(server: DnsServer) -> None:
    answer = resolver.uncached().txt("huge.example")

    assert isinstance(answer, Records)
    assert len(answer.values) == 30
    assert [way for name, _, way in server.questions if name == "huge.example"] == ["udp", "tcp"]


def test_it_reads_reverse_names_and_certificates(server: DnsServer) -> None:
    asked = resolver.uncached()

    assert isinstance(asked.ptr("2.0.192.in-addr.arpa"), Records)
    tlsa = asked.tlsa("_25._tcp.mx1.example.com")
    assert isinstance(tlsa, Records)
    assert tlsa.values[0].data == b"\xab" * 32


@pytest.mark.parametrize("fault", ["TIMEOUT", "GARBAGE", "WRONG_ID"])
def test_it_says_temporary_when_no_answer_can_be_trusted(
    server: DnsServer, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver, "LIFETIME_SECONDS", 0.2)
    server.zone["silent.example"] = fault

    assert isinstance(resolver.uncached().mx("silent.example"), TempFail)


def test_it_caches_answers_and_absences_but_no_failures(server: DnsServer) -> None:
    cached = resolver.resolver()

    for _ in range(2):
        cached.mx("example.com")
        cached.mx("nowhere.example")
        cached.mx("servfail.example")

    assert server.asked("example.com", "MX") == 1
    assert server.asked("nowhere.example", "MX") == 1
    assert server.asked("servfail.example", "MX") >= 2


def test_the_uncached_one_asks_afresh(server: DnsServer) -> None:
    resolver.resolver().txt("new.example")
    server.zone["new.example"] = {"TXT": ["here now"]}

    assert isinstance(resolver.resolver().txt("new.example"), NoDomain)
    assert isinstance(resolver.uncached().txt("new.example"), Records)


def test_the_asynchronous_one_answers_the_same(server: DnsServer) -> None:
    async def ask() -> list[object]:
        asked = resolver.async_resolver()
        return list(await asyncio.gather(
            asked.mx("example.com"), asked.a("alias.example"), asked.mx("nowhere.example"),
            asked.mx("servfail.example"), asked.txt("huge.example"), asked.aaaa("example.com"),
        ))

    found = asyncio.run(ask())

    assert [type(answer) for answer in found] == [Records, Records, NoDomain, TempFail, Records, NoRecord]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("192.0.2.1:5300", ("192.0.2.1", 5300)), ("192.0.2.1", ("192.0.2.1", 53)), ("[::1]:5300", ("::1", 5300)),
     ("::1", ("::1", 53))],
)
def test_it_reads_server_addresses(text: str, expected: tuple[str, int]) -> None:
    assert resolver.server_address(text) == expected
