"""Clients that break the rules, deceive, flood or vanish: each is answered clearly and harms nobody else."""

from __future__ import annotations

import pytest

from relayhub.relay.models import Message, Recipient
from relayhub.relay.smtpd.limits import Limits, TrustedNetworks
from relayhub.relay.smtpd.submission import SubmissionDoor
from tests.support.door_rows import Sender, letter, make_domain
from tests.support.smtp_listener import LOOPBACK, Listener, RawClient, listening

pytestmark = pytest.mark.django_db(transaction=True)

ENVELOPE = b"MAIL FROM:<a@acme.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n"


def ready(listener: Listener) -> RawClient:
    client = RawClient(listener.port)
    client.say("EHLO client.example")
    return client


def at_data(client: RawClient) -> None:
    client.send(ENVELOPE)
    assert [client.read()[:3] for _ in range(3)] == ["250", "250", "354"]


def test_bad_content_is_refused_and_the_session_goes_on(trusted_listener: Listener) -> None:
    client = ready(trusted_listener)
    smuggled = b"Hi\r\n\n.\r\nMAIL FROM:<evil@acme.example>\r\nRCPT TO:<x@example.org>\r\nDATA\r\nSubject: x\r\n"
    bodies = {
        "bare LF": b"Hi\nthere\r\n", "bare CR": b"Hi\rthere\r\n", "NUL": b"Hi\0there\r\n", "smuggled": smuggled,
        "LF dot LF": b"Hi\n.\nMAIL FROM:<evil@acme.example>\r\n", "long line": b"x" * 5_000_000 + b"\r\n",
    }
    replies = {}
    for name, body in bodies.items():
        at_data(client)
        client.send(letter().partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body + b".\r\n")
        replies[name] = client.read()
    assert {name: reply[:9] for name, reply in replies.items()} == dict.fromkeys(bodies, "550 5.6.0")
    assert client.hand_in("a@acme.example", ["bob@example.org"], letter()).startswith("250 2.0.0")
    client.close()
    assert Message.objects.count() == 1


def test_a_message_of_26_mib_is_refused(trusted_listener: Listener) -> None:
    client = ready(trusted_listener)
    assert client.say(f"MAIL FROM:<a@acme.example> SIZE={26 * 1024 * 1024}").startswith("552 5.3.4")
    at_data(client)
    line = b"x" * 998 + b"\r\n"
    client.send(letter() + line * (26 * 1024 * 1024 // len(line)) + b".\r\n")
    assert client.read().startswith("552 5.3.4")
    assert client.say("NOOP").startswith("250")
    client.close()


def test_of_2000_recipients_1000_are_taken(trusted_listener: Listener) -> None:
    client = ready(trusted_listener)
    client.say("MAIL FROM:<a@acme.example>")
    client.send(b"".join(b"RCPT TO:<p%d@example.org>\r\n" % number for number in range(2000)))
    replies = [client.read() for _ in range(2000)]
    assert all(reply.startswith("250") for reply in replies[:1000])
    assert all(reply.startswith("452 4.5.3") for reply in replies[1000:])
    client.say("DATA")
    client.send(letter() + b".\r\n")
    assert client.read().startswith("250 2.0.0")
    client.close()
    assert Recipient.objects.count() == 1000


def test_a_foreign_from_is_refused_where_mail_would_leave(
    trusted_listener: Listener, sender: Sender, settings: object
) -> None:
    settings.RELAYHUB_DEFAULT_ROUTE = "direct"  # type: ignore[attr-defined]
    make_domain(sender.workspace, "broken.example", status="broken")
    make_domain(sender.workspace, "new.example", status="pending")
    client = ready(trusted_listener)
    replies = {
        name: client.hand_in("x@foreign.example", ["bob@example.org"], letter(sender=f"x@{name}"))
        for name in ("acme.example", "broken.example", "new.example", "foreign.example")
    }
    client.close()
    assert {name: reply[:9] for name, reply in replies.items()} == {
        "acme.example": "250 2.0.0", "broken.example": "250 2.0.0",
        "new.example": "550 5.7.1", "foreign.example": "550 5.7.1",
    }
    assert Recipient.objects.get(message__from_domain="broken.example").status == "held"


@pytest.mark.parametrize(
    "header",
    [
        "To: bob@example.org\r\n", "From: a@acme.example\r\nFrom: b@acme.example\r\n",
        "From: a@acme.example, b@evil.example\r\n", "From: group: a@acme.example;\r\n",
        "From: a@acme.example\r\nSubject: =?utf-8?q?x=0D=0ABcc:_e@example.org?=\r\n",
        "From: =?utf-8?q?A=0D=0ABcc:_e@example.org?= <a@acme.example>\r\n", "From: \r\n",
        "From: a@acme.example\r\nno field\r\n", "From: a@acme.example\r\nX-RelayHub-Stream: nowhere\r\n",
        "From: a@acme.example\r\nX-RelayHub-Track: everything\r\n",
        "From: a@acme.example\r\nX-RelayHub-Tag: =?utf-8?q?a=0Ab?=\r\n",
    ],
)
def test_bad_headers_are_refused(trusted_listener: Listener, header: str) -> None:
    client = ready(trusted_listener)
    reply = client.hand_in("a@acme.example", ["bob@example.org"], header.encode() + b"\r\nHi\r\n")
    client.close()
    assert reply.startswith("550 5.")
    assert Message.objects.count() == 0


def test_clients_that_vanish_leave_nothing(trusted_listener: Listener) -> None:
    steps = [b"", b"EHLO x\r\n", b"EHLO x\r\nMAIL FROM:<a@acme.example>\r\n", b"EHLO x\r\n" + ENVELOPE]
    for step in steps:
        client = RawClient(trusted_listener.port)
        client.send(step)
        client.close()
    half = ready(trusted_listener)
    at_data(half)
    half.send(letter() + b".\r")  # the end never came
    half.close()
    other = ready(trusted_listener)
    assert other.hand_in("a@acme.example", ["bob@example.org"], letter()).startswith("250 2.0.0")
    other.close()
    assert Message.objects.count() == 1


def test_wrong_logins_are_braked_across_mechanisms(listener: Listener, sender: Sender) -> None:
    import base64

    def login(password: str) -> str:
        client.say("AUTH LOGIN")
        client.say(base64.b64encode(sender.username.encode()))
        return client.say(base64.b64encode(password.encode()))

    answers = []
    for round_number in range(3):
        client = RawClient(listener.tls_port, is_tls=True)
        client.say("EHLO client.example")
        answers.append(client.sign_in(sender.username, "wrong"))
        answers.append(login(f"wrong {round_number}"))
        client.close()
    assert [answer[:9] for answer in answers] == ["535 5.7.8"] * 5 + ["454 4.7.0"]
    client = RawClient(listener.tls_port, is_tls=True)
    client.say("EHLO client.example")
    assert client.sign_in(sender.username, sender.password).startswith("454 4.7.0")
    client.close()


def test_silence_and_trickling_end_by_the_clock(trusted_listener: Listener) -> None:
    service = trusted_listener.service
    silent = RawClient(trusted_listener.port)
    trickling = ready(trusted_listener)
    at_data(trickling)
    start = service.loop.time()
    trusted_listener.call(lambda: service.check_times(start + 5))
    assert silent.say("NOOP").startswith("250")
    trusted_listener.call(lambda: service.check_times(service.loop.time() + 11))
    assert silent.read().startswith("421 4.4.2")
    assert silent.read() == ""
    trickling.send(b"From: a@acme.example\r\n")
    trusted_listener.call(lambda: service.check_times(start + 62))
    assert trickling.read().startswith("421 4.4.2")


def test_too_many_connections_of_one_address(sender: Sender) -> None:
    limits = Limits(connections_per_local_address=3)
    with listening(SubmissionDoor(), limits=limits) as listener:
        held = [RawClient(listener.port) for _ in range(2)]
        on_tls = RawClient(listener.tls_port, is_tls=True)
        assert RawClient(listener.port).greeting.startswith("421 4.7.0")
        on_tls.say("QUIT")
        assert on_tls.read() == ""
        held[0].say("QUIT")
        assert held[0].read() == ""
        listener.call(lambda: None)
        assert RawClient(listener.port).greeting.startswith("220")


def test_little_memory_slows_readers_and_starves_none(sender: Sender) -> None:
    limits = Limits(memory_bytes=100_000)
    content = letter(body="x" * 70 + "\r\n") + (b"y" * 76 + b"\r\n") * 2000
    with listening(SubmissionDoor(), trusted=LOOPBACK, limits=limits) as listener:
        clients = [ready(listener) for _ in range(4)]
        for client in clients:
            at_data(client)
        for client in clients:
            client.send(content[: len(content) // 2])
        for client in clients:
            client.send(content[len(content) // 2 :] + b".\r\n")
        assert [client.read()[:9] for client in clients] == ["250 2.0.0"] * 4
        assert listener.call(lambda: listener.service.memory.used_bytes) == 0


def test_a_stop_finishes_what_is_coming_in(sender: Sender) -> None:
    import threading

    with listening(SubmissionDoor(), trusted=LOOPBACK) as listener:
        idle, busy = ready(listener), ready(listener)
        at_data(busy)
        stopping = threading.Thread(target=listener.stop)
        stopping.start()
        assert idle.read().startswith("421 4.3.2")
        busy.send(letter() + b".\r\n")
        assert busy.read().startswith("250 2.0.0")
        assert busy.read().startswith("421 4.3.2")
        stopping.join(20)
    assert Message.objects.count() == 1


def test_a_database_that_is_away_is_451_and_leaves_nothing(
    trusted_listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    from relayhub.relay import store

    client = ready(trusted_listener)

    def away(*_: object) -> None:
        raise OperationalError("the connection is gone")

    with monkeypatch.context() as patch:
        patch.setattr(store, "_copy_recipients", away)
        assert client.hand_in("a@acme.example", ["bob@example.org"], letter()).startswith("451 4.3.0")
    assert Message.objects.count() == 0
    assert client.hand_in("a@acme.example", ["bob@example.org"], letter()).startswith("250 2.0.0")
    client.close()


def test_which_networks_may_be_trusted() -> None:
    import ipaddress

    from relayhub.core.errors import ConfigurationError

    gateway = ipaddress.ip_address("10.0.0.1")
    for everybody in ("0.0.0.0/0", "::/0"):
        with pytest.raises(ConfigurationError):
            TrustedNetworks.of((everybody,))
    wide = TrustedNetworks.of(("10.0.0.0/8",), gateways=frozenset({gateway}))
    assert wide.holds("10.1.2.3")
    assert wide.holds("::ffff:10.1.2.3")
    assert not wide.holds("10.0.0.1")
    assert not wide.holds("192.0.2.1")
    named = TrustedNetworks.of(("10.0.0.0/8", "10.0.0.1/32"), gateways=frozenset({gateway}))
    assert named.holds("10.0.0.1")
    assert not TrustedNetworks().holds("127.0.0.1")
