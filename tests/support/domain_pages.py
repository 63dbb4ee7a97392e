"""A desk beside a DNS server of its own, for tests of the domain pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from relayhub.core import resolver
from tests.support.dns_server import DnsServer, dns_server


@pytest.fixture
def dns(settings: Any) -> Iterator[DnsServer]:
    """The only DNS there is; tests publish by changing its zone."""
    resolver.clear_cache()  # what another test was told of the same name
    with dns_server() as server:
        settings.RELAYHUB_DNS_SERVERS = (server.address,)
        settings.RELAYHUB_HOSTNAME = "mail.relayhub.example"
        settings.RELAYHUB_EGRESS_ADDRESSES = ()
        settings.RELAYHUB_DEFAULT_ROUTE = "sandbox"
        yield server
