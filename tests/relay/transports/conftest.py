"""What the transport tests share: a sink, short time limits, and one message."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import uvloop

from relayhub.core import resolver
from relayhub.core.ids import uuid7
from relayhub.relay.transports.base import OutgoingMessage, SendResult, Transport, TransportSpec
from relayhub.relay.transports.connection import PhaseLimits
from relayhub.relay.transports.smtp import SmarthostTransport
from tests.support.dns_server import DnsServer, dns_server
from tests.support.smtp_sink import SmtpSink, smtp_sink

CONTENT = b"From: a@shop.example\r\nSubject: Hi\r\n\r\nHello\r\n.dotted\r\nbye\r\n"
#: Long enough for a busy machine to answer, short enough for a test to wait for silence.
QUICK = PhaseLimits(
    connect=5.0, banner=0.4, ehlo=0.4, starttls=0.4, auth=0.4, mail=0.4, rcpt=0.4, data=0.4, body=0.4, dot=0.4,
    quit=0.2,
)


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with smtp_sink() as running:
        yield running


@pytest.fixture
def dns(settings: Any) -> Iterator[DnsServer]:
    with dns_server() as server:
        settings.RELAYHUB_DNS_SERVERS = (server.address,)
        settings.RELAYHUB_ALLOW_PRIVATE_NETWORKS = True
        resolver.clear_cache()
        yield server


def make_message(rcpt_to: str = "zoe@town.example", content: bytes = CONTENT, **fields: Any) -> OutgoingMessage:
    return OutgoingMessage(
        recipient_id=uuid7(), mail_from="bounce@rp.shop.example", rcpt_to=rcpt_to,
        domain=rcpt_to.rpartition("@")[2], content=content, **fields,
    )


async def go() -> bool:
    return True


async def stop() -> bool:
    return False


def smarthost(sink: SmtpSink, scheme: str = "smtp", login: str = "", **options: Any) -> SmarthostTransport:
    options.setdefault("phase_limits", QUICK)
    return SmarthostTransport(TransportSpec.parse(f"{scheme}://{login}127.0.0.1:{sink.port}"), **options)


def run(make: Callable[[], Transport], *messages: OutgoingMessage) -> list[SendResult]:
    """Send messages one after the other over one transport, in a loop of its own."""

    async def send_all(transport: Transport) -> list[SendResult]:
        return [await transport.send(message, before_dot=go) for message in messages]

    return play(make, send_all)


def play(make: Callable[[], Any], act: Callable[[Any], Awaitable[Any]]) -> Any:
    """Do something with a transport in a loop of its own, of the kind relay workers use, and close it."""

    async def whole() -> Any:
        transport = make()
        try:
            return await asyncio.wait_for(act(transport), 20)
        finally:
            await transport.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(whole())


def send(sink: SmtpSink, message: OutgoingMessage | None = None, **options: Any) -> SendResult:
    """One message through a smarthost."""
    return run(lambda: smarthost(sink, **options), message or make_message())[0]
