"""A real listener for tests: a thread with its own loop, ports chosen by the system, the real database."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from relayhub.relay.smtpd.door import Door
from relayhub.relay.smtpd.limits import Limits, TrustedNetworks
from relayhub.relay.smtpd.server import Endpoint, SmtpService
from relayhub.relay.smtpd.tls import Certificate

LOOPBACK = TrustedNetworks.of(("127.0.0.0/8",), gateways=frozenset())


@dataclass
class Listener:
    """What runs, and where."""

    service: SmtpService
    loop: asyncio.AbstractEventLoop
    port: int
    tls_port: int
    stopped: threading.Event = field(default_factory=threading.Event)

    def call(self, work: Callable[[], Any]) -> Any:
        """Do something in the loop's thread and wait for it."""

        async def wrapped() -> Any:
            return work()

        return asyncio.run_coroutine_threadsafe(wrapped(), self.loop).result(20)

    def stop(self) -> None:
        """Stop as on SIGTERM."""
        if not self.stopped.is_set():
            self.stopped.set()
            asyncio.run_coroutine_threadsafe(self.service.stop(), self.loop).result(30)


@contextmanager
def listening(
    door: Door, *, trusted: TrustedNetworks | None = None, limits: Limits | None = None, uvloop: bool = False
) -> Iterator[Listener]:
    """Listen on a plain and an implicit-TLS port until the block ends."""
    if uvloop:
        import uvloop as uvloop_module

        loop: asyncio.AbstractEventLoop = uvloop_module.new_event_loop()
    else:
        loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_run, args=(loop,), daemon=True)
    thread.start()

    async def start() -> Listener:
        service = SmtpService(
            door, certificate=Certificate.from_settings(), limits=limits, trusted=trusted
        )
        ports = await service.start(
            [Endpoint(host="127.0.0.1", port=0), Endpoint(host="127.0.0.1", port=0, is_implicit_tls=True)]
        )
        return Listener(service=service, loop=loop, port=ports[0], tls_port=ports[1])

    listener = asyncio.run_coroutine_threadsafe(start(), loop).result(20)
    try:
        yield listener
    finally:
        listener.stop()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()


class RawClient:
    """Says exactly what it is told, and reads whole replies."""

    def __init__(self, port: int, *, is_tls: bool = False, greets: bool = True) -> None:
        self.socket: socket.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        if is_tls:
            self.socket = _no_checks().wrap_socket(self.socket)
        self._input = b""
        self.greeting = self.read() if greets else ""

    def send(self, data: bytes) -> None:
        """Send octets as they are."""
        self.socket.sendall(data)

    def read(self) -> str:
        """One whole reply, "" where the peer has closed."""
        lines: list[str] = []
        while True:
            while b"\r\n" not in self._input:
                try:
                    more = self.socket.recv(65536)
                except ConnectionResetError:
                    more = b""
                if not more:
                    return "\n".join(lines)
                self._input += more
            line, _, self._input = self._input.partition(b"\r\n")
            lines.append(line.decode("utf-8", "replace"))
            if line[3:4] != b"-":
                return "\n".join(lines)

    def say(self, command: str | bytes) -> str:
        """Send a command and read its reply."""
        self.send((command.encode() if isinstance(command, str) else command) + b"\r\n")
        return self.read()

    def start_tls(self) -> None:
        """STARTTLS and EHLO."""
        self.say("EHLO client.example")
        assert self.say("STARTTLS").startswith("220")
        self.socket = _no_checks().wrap_socket(self.socket)
        self.say("EHLO client.example")

    def sign_in(self, username: str, password: str) -> str:
        """AUTH PLAIN."""
        return self.say("AUTH PLAIN " + base64.b64encode(f"\0{username}\0{password}".encode()).decode())

    def hand_in(self, sender: str, recipients: Sequence[str], content: bytes) -> str:
        """A whole transaction; the reply to its end, or the first refusal."""
        replies = [self.say(f"MAIL FROM:<{sender}>")]
        replies += [self.say(f"RCPT TO:<{recipient}>") for recipient in recipients]
        replies.append(self.say("DATA"))
        bad = [reply for reply in replies if reply[:1] not in "23"]
        if bad:
            return bad[0]
        self.send(content + b".\r\n")
        return self.read()

    def close(self) -> None:
        """Vanish."""
        self.socket.close()


def _no_checks() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
