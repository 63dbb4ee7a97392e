"""Direct delivery through the whole relay: DNS decides the lane, the host, and what is final."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from deliverability.models import Suppression
from relayhub.core import resolver
from relayhub.relay import events_move, ledger
from relayhub.relay.events_move import Pick
from relayhub.relay.models import Attempt, Lane, Recipient, SiteRecord
from tests.flows.test_accepted_to_delivered import drain, hand_in, route_all, story
from tests.support.dns_server import DnsServer, dns_server
from tests.support.door_rows import make_sender
from tests.support.smtp_sink import SmtpSink, smtp_sink

pytestmark = pytest.mark.django_db(transaction=True)

ZONE = {
    "town.example": {"MX": [[10, "mx.town.example"]]}, "village.example": {"MX": [[10, "mx.town.example"]]},
    "mx.town.example": {"A": ["127.0.0.1"]}, "quiet.example": {"MX": [[0, ""]]},
    "broken.example": "SERVFAIL",
}


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with smtp_sink() as running:
        yield running


@pytest.fixture
def dns(settings: Any, sink: SmtpSink) -> Iterator[DnsServer]:
    with dns_server(ZONE) as server:
        settings.RELAYHUB_DNS_SERVERS = (server.address,)
        settings.RELAYHUB_MX_DELIVERY_PORT = sink.port
        settings.RELAYHUB_ALLOW_PRIVATE_NETWORKS = True
        resolver.clear_cache()
        SiteRecord.objects.all().delete()
        route_all(settings, "direct")
        yield server


def test_each_domain_comes_to_its_end_by_what_dns_says(sink: SmtpSink, dns: DnsServer) -> None:
    town, village, quiet, nowhere, broken = hand_in(
        make_sender(), "zoe@town.example", "ann@village.example", "bob@quiet.example", "eve@nowhere.example",
        "joe@broken.example",
    )

    drain()

    assert [story(recipient)[0] for recipient in (town, village, quiet, nowhere, broken)] == [
        "delivered", "delivered", "bounced", "bounced", "deferred",
    ]
    assert sorted(taken.rcpt_to[0] for taken in sink.messages) == ["ann@village.example", "zoe@town.example"]
    replies = {row.address: row.reply for row in Recipient.objects.all()}
    assert replies["bob@quiet.example"]["enhanced"] == "5.1.10"
    assert replies["eve@nowhere.example"]["enhanced"] == "5.1.2"
    assert set(Suppression.objects.values_list("address_key", flat=True)) == {
        "bob@quiet.example", "eve@nowhere.example",
    }
    assert ledger.verify().is_clean


def test_domains_with_one_mail_host_share_a_lane_and_a_connection(sink: SmtpSink, dns: DnsServer) -> None:
    sender = make_sender()
    for number in range(5):
        hand_in(sender, f"u{number}@town.example", f"u{number}@village.example")

    drain()

    assert len(sink.messages) == 10
    assert sink.connections <= 10
    assert set(Lane.objects.exclude(site="resolve").values_list("site", flat=True)) == {"town.example"}


def test_an_mx_that_leads_to_a_private_address_is_never_connected_to(
    settings: Any, sink: SmtpSink, dns: DnsServer
) -> None:
    settings.RELAYHUB_ALLOW_PRIVATE_NETWORKS = False
    (recipient,) = hand_in(make_sender(), "zoe@town.example")

    drain()

    assert story(recipient)[0] == "deferred"
    assert "private" in str(Attempt.objects.get(recipient_id=recipient).transcript)
    assert sink.connections == 0


def test_a_domain_whose_dns_failed_is_delivered_once_it_answers(sink: SmtpSink, dns: DnsServer) -> None:
    (recipient,) = hand_in(make_sender(), "joe@broken.example")
    drain()
    dns.zone["broken.example"] = {"MX": [[10, "mx.town.example"]]}
    events_move.retry_now(Pick(where="true", params={}))
    Lane.objects.update(backoff_until=None, backoff_reason="")

    drain()

    assert story(recipient)[0] == "delivered"
