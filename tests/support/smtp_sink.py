"""A scripted SMTP or LMTP receiver on loopback, in a thread of its own, that can do everything wrong.

`sink.fail("RCPT", "450 4.7.1 greylisted", nth=2)` answers the second RCPT (of all connections) so; `DROP` closes
the connection instead of answering, `RESET` resets it, `STALL` never answers, `GARBAGE` answers nonsense; any
other text is sent as it is, line ends added. Places: BANNER, EHLO, STARTTLS, HANDSHAKE, TLS (right behind it),
AUTH, MAIL, RCPT, DATA, BODY (in the middle of the content), DOT, RSET, QUIT. `sink.recipients[address]`
answers an address always in the same way (for LMTP after the dot as well, with `dot_recipients`).
What was taken is in `messages`, every line said in `commands`.
"""

from __future__ import annotations

import asyncio
import base64
import datetime
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

FAULTS = ("DROP", "RESET", "STALL", "GARBAGE")
OFFERS = ("PIPELINING", "SIZE 26214400", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN")


@dataclass(frozen=True, kw_only=True)
class Taken:
    """One message that the sink took responsibility for."""

    mail_from: str
    rcpt_to: tuple[str, ...]
    content: bytes
    at: float
    connection: int
    is_tls: bool
    username: str


class _Gone(Exception):
    """The connection is over."""


@dataclass
class SmtpSink:
    """Start with `start`, stop with `stop`; change the script at any time."""

    offers: list[str] = field(default_factory=lambda: list(OFFERS))
    users: dict[str, str] = field(default_factory=dict)
    is_lmtp: bool = False
    has_tls: bool = False
    has_implicit_tls: bool = False
    #: Called with each message before the dot is answered.
    on_message: Callable[[Taken], None] | None = None
    #: How long each dot waits for its answer: a receiver that looks at mail before it takes it.
    dot_delay_seconds: float = 0.0
    context: ssl.SSLContext | None = None
    messages: list[Taken] = field(default_factory=list)
    commands: list[tuple[int, str]] = field(default_factory=list)
    recipients: dict[str, str] = field(default_factory=dict)
    dot_recipients: dict[str, str] = field(default_factory=dict)
    #: Whether `messages` keep what was said in them; counting many thousands does without.
    keeps_content: bool = True
    #: When each connection was taken and ended, on `time.time`.
    opened_at: dict[int, float] = field(default_factory=dict)
    closed_at: dict[int, float] = field(default_factory=dict)
    connections: int = 0
    open_now: int = 0
    most_open: int = 0

    def __post_init__(self) -> None:
        self._script: dict[tuple[str, int | None], str] = {}
        self._passes: Counter[str] = Counter()
        self._heard = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    # -- scripting -------------------------------------------------------------------------------------

    def fail(self, place: str, answer: str, *, nth: int | None = None) -> None:
        """Answer so at the n-th pass of a place, or at every one."""
        self._script[place, nth] = answer

    def heal(self) -> None:
        """Forget the script."""
        self._script.clear()

    def verbs(self, connection: int | None = None) -> list[str]:
        """What was said, by first words."""
        return [line.split(" ")[0].split(":")[0].upper() for number, line in self.commands
                if connection in (None, number)]

    def until(self, is_so: Callable[[], bool]) -> bool:
        """Wait for something that a client's words bring about, up to five seconds."""
        with self._heard:
            return self._heard.wait_for(is_so, timeout=5)

    def hear(self, number: int, line: str) -> None:
        """Note a line that was said."""
        with self._heard:
            self.commands.append((number, line))
            self._heard.notify_all()

    def open_between(self, first: float, last: float) -> set[int]:
        """The connections that were open at some moment of that time."""
        return {
            number for number, opened in self.opened_at.items()
            if opened <= last and self.closed_at.get(number, last) >= first
        }

    def drop_all(self, *, reset: bool = False) -> None:
        """Close every connection now."""
        async def drop() -> None:
            for writer in list(self._writers):
                _cut(writer, reset=reset)

        asyncio.run_coroutine_threadsafe(drop(), self._loop).result(5)

    # -- life ------------------------------------------------------------------------------------------

    def start(self) -> SmtpSink:
        """Listen on a free port of 127.0.0.1."""
        if (self.has_tls or self.has_implicit_tls) and self.context is None:
            self.context = server_context()
        if self.has_tls and "STARTTLS" not in self.offers:
            self.offers.append("STARTTLS")
        if self.users and not any(offer.startswith("AUTH") for offer in self.offers):
            self.offers.append("AUTH PLAIN LOGIN")
        is_up = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(is_up,), daemon=True)
        self._thread.start()
        is_up.wait(10)
        return self

    def stop(self) -> None:
        """Close everything."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self, is_up: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(
            asyncio.start_server(
                self._serve, "127.0.0.1", 0, ssl=self.context if self.has_implicit_tls else None
            )
        )
        self.port = self._server.sockets[0].getsockname()[1]
        is_up.set()
        self._loop.run_forever()
        self._server.close()
        for writer in list(self._writers):
            _cut(writer)
        for task in list(self._tasks):
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        number = self.connections
        self.opened_at[number] = time.time()
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        self._writers.add(writer)
        try:
            await _Conversation(self, reader, writer, number).run()
        except (_Gone, OSError, asyncio.IncompleteReadError, ValueError, asyncio.CancelledError):
            pass
        finally:
            self.open_now -= 1
            self.closed_at[number] = time.time()
            self._writers.discard(writer)
            self._tasks.discard(task)
            _cut(writer)

    def next_fault(self, place: str) -> str | None:
        """What the script says to this pass of a place."""
        self._passes[place] += 1
        return self._script.get((place, self._passes[place])) or self._script.get((place, None))


class _Conversation:
    """One connection."""

    def __init__(
        self, sink: SmtpSink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        self.sink, self.reader, self.writer, self.number = sink, reader, writer, number
        self.is_tls = sink.has_implicit_tls
        self.username = ""
        self.mail_from: str | None = None
        self.rcpt_to: list[str] = []

    async def run(self) -> None:
        if not await self._fault("BANNER"):
            await self._say("220 sink.example ESMTP")
        while True:
            line = (await self.reader.readuntil(b"\r\n"))[:-2].decode("utf-8", "replace")
            self.sink.hear(self.number, line)
            verb, _, rest = line.partition(" ")
            handler = getattr(self, f"_do_{verb.upper()}", None)
            if handler is None:
                await self._say("500 5.5.2 what?")
            else:
                await handler(rest)

    async def _fault(self, place: str) -> bool:
        return await self._act(self.sink.next_fault(place))

    async def _act(self, answer: str | None) -> bool:
        if answer is None:
            return False
        if answer == "DROP":
            _cut(self.writer)
            raise _Gone
        if answer == "RESET":
            _cut(self.writer, reset=True)
            raise _Gone
        if answer == "STALL":
            await asyncio.Event().wait()
        if answer == "GARBAGE":
            self.writer.write(b"\x00\xff\xfe nonsense\r\n")
            return True
        await self._say(answer)
        if answer.startswith("421"):
            _cut(self.writer)
            raise _Gone
        return True

    async def _say(self, text: str) -> None:
        self.writer.write(text.encode() + b"\r\n")
        await self.writer.drain()

    async def _do_EHLO(self, rest: str) -> None:
        if await self._fault("EHLO"):
            return
        offers = [offer for offer in self.sink.offers if not (self.is_tls and offer == "STARTTLS")]
        lines = ["sink.example", *offers]
        last = len(lines) - 1
        await self._say(
            "\r\n".join(f"250{'-' if index < last else ' '}{line}" for index, line in enumerate(lines))
        )

    _do_LHLO = _do_EHLO

    async def _do_HELO(self, rest: str) -> None:
        await self._say("250 sink.example")

    async def _do_STARTTLS(self, rest: str) -> None:
        if await self._fault("STARTTLS"):
            return
        await self._say("220 2.0.0 go")
        await self._fault("HANDSHAKE")
        assert self.sink.context is not None
        await self.writer.start_tls(self.sink.context)
        self.is_tls = True
        await self._fault("TLS")

    async def _do_AUTH(self, rest: str) -> None:
        if await self._fault("AUTH"):
            return
        mechanism, _, initial = rest.partition(" ")
        if mechanism.upper() == "PLAIN":
            _, username, password = base64.b64decode(initial).decode().split("\0")
        else:
            username = await self._ask("VXNlcm5hbWU6")
            password = await self._ask("UGFzc3dvcmQ6")
        if self.sink.users.get(username) != password:
            await self._say("535 5.7.8 no")
            return
        self.username = username
        await self._say("235 2.7.0 ok")

    async def _ask(self, challenge: str) -> str:
        await self._say(f"334 {challenge}")
        return base64.b64decode(await self.reader.readuntil(b"\r\n")).decode()

    async def _do_MAIL(self, rest: str) -> None:
        if await self._fault("MAIL"):
            return
        self.mail_from, self.rcpt_to = _path(rest), []
        await self._say("250 2.1.0 ok")

    async def _do_RCPT(self, rest: str) -> None:
        address = _path(rest)
        if await self._fault("RCPT") or await self._act(self.sink.recipients.get(address)):
            return
        if self.mail_from is None:
            await self._say("503 5.5.1 MAIL first")
            return
        self.rcpt_to.append(address)
        await self._say("250 2.1.5 ok")

    async def _do_DATA(self, rest: str) -> None:
        if await self._fault("DATA"):
            return
        if not self.rcpt_to:
            await self._say("554 5.5.1 no valid recipients")
            return
        await self._say("354 go on")
        await self._fault("BODY")
        stuffed = await self._content()
        content = stuffed[1:] if stuffed.startswith(b".") else stuffed
        taken = Taken(
            mail_from=self.mail_from or "", rcpt_to=tuple(self.rcpt_to),
            content=content.replace(b"\r\n..", b"\r\n.") if self.sink.keeps_content else b"",
            at=time.time(), connection=self.number, is_tls=self.is_tls,
            username=self.username,
        )
        if self.sink.on_message is not None:
            self.sink.on_message(taken)
        self.mail_from, self.rcpt_to = None, []
        await self._answer_dot(taken)

    async def _content(self) -> bytes:
        """Everything up to the final dot; an immediate dot is an empty content."""
        pieces = [b"\r\n"]
        tail = b"\r\n"
        while not tail.endswith(b"\r\n.\r\n"):
            piece = await self.reader.read(65536)
            if not piece:
                raise _Gone
            pieces.append(piece)
            tail = (tail + piece)[-5:]
        return b"".join(pieces)[2:-3]

    async def _answer_dot(self, taken: Taken) -> None:
        if self.sink.dot_delay_seconds:
            await asyncio.sleep(self.sink.dot_delay_seconds)
        fault = self.sink.next_fault("DOT")
        if fault is not None and not fault.startswith("2"):
            await self._act(fault)
            return
        if not self.sink.is_lmtp:
            self.sink.messages.append(taken)
            await self._say(fault or f"250 2.0.0 taken as {len(self.sink.messages)}")
            return
        for address in taken.rcpt_to:
            answer = self.sink.dot_recipients.get(address)
            if answer is None:
                self.sink.messages.append(taken)
            await self._say(answer or "250 2.0.0 taken")

    async def _do_RSET(self, rest: str) -> None:
        self.mail_from, self.rcpt_to = None, []
        if not await self._fault("RSET"):
            await self._say("250 2.0.0 ok")

    async def _do_QUIT(self, rest: str) -> None:
        if not await self._fault("QUIT"):
            await self._say("221 2.0.0 bye")
        raise _Gone


def _path(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]


def _cut(writer: asyncio.StreamWriter, *, reset: bool = False) -> None:
    try:
        sock = writer.get_extra_info("socket")
    except AttributeError:  # a TLS transport that the client has closed already
        return
    if reset and sock is not None:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        writer.transport.abort()
        return
    writer.close()


def server_context(
    names: tuple[str, ...] = ("sink.example",), *, expired: bool = False, oldest_only: bool = False
) -> ssl.SSLContext:
    """A self-signed certificate for these names, ready to serve."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    at = datetime.datetime.now(datetime.UTC)
    until = at - datetime.timedelta(days=1) if expired else at + datetime.timedelta(days=30)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(at - datetime.timedelta(days=30))
        .not_valid_after(until)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(item) for item in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile(suffix=".pem") as pem:
        Path(pem.name).write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context.load_cert_chain(pem.name)
    if oldest_only:
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    return context


@contextmanager
def smtp_sink(**options: Any) -> Iterator[SmtpSink]:
    """A sink for the length of a block."""
    sink = SmtpSink(**options).start()
    try:
        yield sink
    finally:
        sink.stop()
