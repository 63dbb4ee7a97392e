"""Direct delivery: what DNS says, in which order hosts are tried, and where we never go (FAULTS K1, T17)."""

from __future__ import annotations

from typing import Any

import pytest

from relayhub.core.address_guard import is_private_line, is_public
from relayhub.protocol.classify import classify_reply
from relayhub.protocol.resolver import MxRecord
from relayhub.relay.transports.base import SendResult
from relayhub.relay.transports.direct import DirectTransport, by_preference, without_ourselves
from tests.relay.transports.conftest import QUICK, make_message, run
from tests.support.dns_server import DnsServer
from tests.support.smtp_sink import SmtpSink

HERE = {"A": ["127.0.0.1"]}


@pytest.fixture(autouse=True)
def _delivery_port(settings: Any, sink: SmtpSink, dns: DnsServer) -> None:
    settings.RELAYHUB_MX_DELIVERY_PORT = sink.port


def deliver(*addresses: str) -> list[SendResult]:
    return run(lambda: DirectTransport(phase_limits=QUICK), *[make_message(address) for address in addresses])


def test_it_goes_to_the_best_host(sink: SmtpSink, dns: DnsServer) -> None:
    dns.zone |= {
        "town.example": {"MX": [[20, "mx2.town.example"], [10, "mx1.town.example"]]},
        "mx1.town.example": HERE, "mx2.town.example": {"A": ["127.0.0.9"]},
    }

    result, = deliver("zoe@town.example")

    assert (result.disposition, result.peer_host) == ("delivered", "mx1.town.example")


def test_a_dead_or_refusing_host_is_followed_by_the_next(sink: SmtpSink, dns: DnsServer) -> None:
    sink.fail("BANNER", "554 5.3.2 no SMTP service here", nth=1)
    dns.zone |= {
        "town.example": {"MX": [[10, "dead.town.example"], [20, "shy.town.example"], [30, "mx.town.example"]]},
        "dead.town.example": {"A": ["127.0.0.2"]}, "shy.town.example": HERE, "mx.town.example": HERE,
    }

    result, = deliver("zoe@town.example")

    assert (result.disposition, result.peer_host) == ("delivered", "mx.town.example")
    assert any("connection refused" in str(row) for row in result.transcript)


def test_without_mx_the_domains_own_address_is_its_host(dns: DnsServer) -> None:
    dns.zone["town.example"] = HERE

    result, = deliver("zoe@town.example")

    assert (result.disposition, result.peer_host) == ("delivered", "town.example")


def test_an_alias_for_a_domain_or_host_is_followed(dns: DnsServer) -> None:
    dns.zone |= {
        "alias.example": {"CNAME": ["town.example"]}, "town.example": {"MX": [[10, "mx.alias.example"]]},
        "mx.alias.example": {"CNAME": ["host.example"]}, "host.example": HERE,
    }

    assert deliver("zoe@alias.example")[0].disposition == "delivered"


@pytest.mark.parametrize(
    ("data", "disposition", "enhanced", "bounce_class"),
    [
        ({"MX": [[0, ""]]}, "bounced", "5.1.10", "hard"),
        (None, "bounced", "5.1.2", "hard"),
        ({"TXT": ["nothing for mail"]}, "bounced", "5.1.2", "hard"),
        ("SERVFAIL", "deferred", "4.4.3", "soft"),
        ({"MX": "SERVFAIL"}, "deferred", "4.4.3", "soft"),
        ({"A": "SERVFAIL"}, "deferred", "4.4.3", "soft"),
        ({"CNAME": ["town.example"]}, "deferred", "4.4.3", "soft"),  # an alias that names itself
    ],
)
def test_what_dns_says_is_final_or_not(
    sink: SmtpSink, dns: DnsServer, data: Any, disposition: str, enhanced: str, bounce_class: str
) -> None:
    if data is not None:
        dns.zone["town.example"] = data

    result, = deliver("zoe@town.example")

    assert result.reply is not None
    assert (result.disposition, str(result.reply.enhanced)) == (disposition, enhanced)
    assert classify_reply(result.reply, phase=result.phase).bounce_class == bounce_class
    assert sink.connections == 0


def test_hosts_without_an_address_are_temporary(dns: DnsServer) -> None:
    dns.zone["town.example"] = {"MX": [[10, "gone.example"]]}

    result, = deliver("zoe@town.example")

    assert (result.disposition, result.phase) == ("deferred", "connect")


def test_private_addresses_are_not_connected_to(settings: Any, sink: SmtpSink, dns: DnsServer) -> None:
    settings.RELAYHUB_ALLOW_PRIVATE_NETWORKS = False
    dns.zone |= {"town.example": {"MX": [[10, "mx.town.example"]]}, "mx.town.example": HERE}

    result, = deliver("zoe@town.example")

    assert result.disposition == "deferred"
    assert "private" in result.why
    assert sink.connections == 0


def test_our_own_listener_is_a_loop(settings: Any, sink: SmtpSink, dns: DnsServer) -> None:
    settings.RELAYHUB_MX_PORT = sink.port
    dns.zone |= {"town.example": {"MX": [[10, "mx.town.example"]]}, "mx.town.example": HERE}

    result, = deliver("zoe@town.example")

    assert result.reply is not None
    assert (result.disposition, str(result.reply.enhanced)) == ("bounced", "5.4.6")
    assert sink.connections == 0


def test_our_own_name_among_the_hosts_cuts_off_what_is_behind_it(settings: Any) -> None:
    settings.RELAYHUB_HOSTNAME = "mail.relayhub.example"
    hosts = [
        MxRecord(preference=10, host="mx.town.example"),
        MxRecord(preference=20, host="mail.relayhub.example"),
        MxRecord(preference=30, host="backup.town.example"),
    ]

    assert without_ourselves(hosts) == (hosts[0],)
    assert without_ourselves(hosts[1:]) == ()


def test_equal_hosts_are_tried_in_any_order() -> None:
    hosts = [MxRecord(preference=10, host=f"mx{number}.example") for number in range(4)]
    hosts.append(MxRecord(preference=5, host="best.example"))

    orders = {tuple(record.host for record in by_preference(hosts)) for _ in range(200)}

    assert len(orders) > 10
    assert {order[0] for order in orders} == {"best.example"}


def test_domains_with_the_same_hosts_share_connections(sink: SmtpSink, dns: DnsServer) -> None:
    dns.zone |= {
        "a.example": {"MX": [[10, "mx.town.example"]]}, "b.example": {"MX": [[10, "mx.town.example"]]},
        "mx.town.example": HERE,
    }

    results = deliver("zoe@a.example", "zoe@b.example")

    assert [result.disposition for result in results] == ["delivered", "delivered"]
    assert sink.connections == 1


def test_fifty_hosts_do_not_hold_a_delivery_for_ever(sink: SmtpSink, dns: DnsServer) -> None:
    sink.fail("BANNER", "421 4.3.2 busy")
    dns.zone["town.example"] = {"MX": [[n, f"mx{n}.town.example"] for n in range(50)]}
    dns.zone |= {f"mx{n}.town.example": HERE for n in range(50)}

    result, = deliver("zoe@town.example")

    assert result.disposition == "deferred"
    assert sink.connections <= 6


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "172.16.5.5", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.0.1",
     "192.88.99.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "0.0.0.0", "::1", "::", "fc00::1", "fe80::1",
     "fe80::1%eth0", "fec0::1", "ff02::1", "::ffff:8.8.8.8", "::ffff:127.0.0.1", "64:ff9b::8.8.8.8",
     "64:ff9b:1::1", "2002:7f00:1::", "2001::1", "2001:db8::1", "192.0.2.1", "198.51.100.1", "203.0.113.1",
     "198.18.0.1", "localhost", "2130706433", "0x7f.1", ""],
)
def test_the_guard_refuses_what_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::1a"])
def test_the_guard_lets_public_addresses_through(address: str) -> None:
    assert is_public(address)
    assert not is_private_line(address)
