"""What was handed in arrives byte for byte but for what we say we change, and its signatures verify elsewhere too."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dkim as dkimpy
import pytest

from deliverability.models import DkimKey
from relayhub.core.access import ALL_SCOPES
from relayhub.core.keys import KeyLimits, create_key
from relayhub.relay.smtpd.submission import SubmissionDoor
from tests.flows.test_accepted_to_delivered import drain, route_all
from tests.support.campaign_run import sign_with_keys
from tests.support.dns_server import DnsServer
from tests.support.door_rows import Sender, make_sender
from tests.support.mime_torture import NOT_FOR_DKIMPY, SAMPLES
from tests.support.smtp_listener import LOOPBACK, RawClient, listening
from tests.support.smtp_sink import SmtpSink, smtp_sink

pytestmark = pytest.mark.django_db(transaction=True)

#: What we add (README of the relay: specifications followed) and what we take away.
ADDED = {b"dkim-signature", b"received", b"date", b"message-id", b"feedback-id"}
REMOVED = (b"bcc:", b"x-relayhub-")
#: Where the system's resolver asks while opendkim-testmsg runs.
RESOLVER = "127.0.0.77"


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with smtp_sink() as running:
        yield running


@pytest.fixture
def sender(settings: Any, sink: SmtpSink) -> Sender:
    route_all(settings, f"smtp://127.0.0.1:{sink.port}")
    made = make_sender()
    sign_with_keys(made)
    return made


def by_smtp(sender: Sender) -> dict[str, str]:
    """Hand in every sample by SMTP: recipient to sample."""
    with listening(SubmissionDoor(), trusted=LOOPBACK) as door:
        client = RawClient(door.port)
        client.say("EHLO client.example")
        for number, (name, content) in enumerate(SAMPLES.items()):
            assert client.say("MAIL FROM:<ann@acme.example> BODY=8BITMIME SMTPUTF8").startswith("250"), name
            assert client.say(f"RCPT TO:<n{number}@x.example>").startswith("250"), name
            assert client.say("DATA").startswith("354"), name
            stuffed = content.replace(b"\r\n.", b"\r\n..")
            client.send(stuffed + b".\r\n")
            reply = client.read()
            assert reply.startswith("250 2.0.0"), (name, reply)
        client.close()
    return {f"n{number}@x.example": name for number, name in enumerate(SAMPLES)}


def by_raw(sender: Sender) -> dict[str, str]:
    """Hand in every sample through the API: recipient to sample."""
    from rest_framework.test import APIClient

    client = APIClient()
    key = create_key(sender.actor, name="test", limits=KeyLimits(scopes=ALL_SCOPES))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key.text}")
    for number, (name, content) in enumerate(SAMPLES.items()):
        address = f"/api/v1/messages/raw?from=ann@acme.example&to=n{number}@x.example"
        answer = client.post(address, content, content_type="message/rfc822")
        assert answer.status_code == 202, (name, answer.content)
    return {f"n{number}@x.example": name for number, name in enumerate(SAMPLES)}


def split(content: bytes) -> tuple[list[bytes], bytes]:
    """Whole header fields, as they stand, and the body."""
    head, _, body = content.partition(b"\r\n\r\n")
    fields: list[bytes] = []
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t"):
            fields[-1] += b"\r\n" + line
        else:
            fields.append(line)
    return fields, body


def name_of(field: bytes) -> bytes:
    return field.partition(b":")[0].strip().lower()


def check_bytes(given: bytes, arrived: bytes) -> None:
    """The body is the same; of the header only what we say is added or gone, in its order."""
    expected, body = split(given)
    expected = [field for field in expected if not field.lower().startswith(REMOVED)]
    found, arrived_body = split(arrived)
    assert arrived_body == body
    ours = list(found)
    place = 0
    for field in expected:
        place = ours.index(field, place)
        del ours[place]
    names = Counter(map(name_of, found))
    assert {name_of(field) for field in ours} <= ADDED
    assert (names[b"from"], names[b"date"], names[b"message-id"]) == (1, 1, 1)
    assert names[b"subject"] <= 1
    assert b"\r\n" in arrived
    assert b"\n" not in arrived.replace(b"\r\n", b"")
    assert b"\r" not in arrived.replace(b"\r\n", b"")


def records() -> dict[str, str]:
    """What the sender's domain publishes."""
    return {f"{key.selector}._domainkey.acme.example": key.public_record for key in DkimKey.objects.all()}


def check_signatures(content: bytes) -> None:
    """dkimpy verifies both of ours."""
    published = records()

    def ask(name: bytes, timeout: float = 5) -> bytes | None:
        found = published.get(name.decode().rstrip("."))
        return found.encode() if found else None

    fields, _ = split(content)
    ours = [
        number for number, field in enumerate(f for f in fields if name_of(f) == b"dkim-signature")
        if b"d=acme.example" in field
    ]
    assert len(ours) == 2
    for number in ours:
        assert dkimpy.DKIM(content).verify(number, dnsfunc=ask), number


@pytest.mark.parametrize("door", [by_smtp, by_raw])
def test_the_torture_set_arrives_unharmed_and_signed(sender: Sender, sink: SmtpSink, door: Any) -> None:
    names = door(sender)
    drain()

    arrived = {message.rcpt_to[0]: message.content for message in sink.messages}
    assert len(sink.messages) == len(SAMPLES)
    for address, name in names.items():
        try:
            check_bytes(SAMPLES[name], arrived[address])
            if name not in NOT_FOR_DKIMPY:
                check_signatures(arrived[address])
        except (AssertionError, ValueError, dkimpy.DKIMException) as error:
            raise AssertionError(f"{name}: {error}") from error


def opendkim(content: bytes, resolver: Path) -> subprocess.CompletedProcess[bytes]:
    """Debian's verifier, asking our server in place of the machine's."""
    script = 'mount --bind "$0" /etc/resolv.conf && exec opendkim-testmsg -C'
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, str(resolver)], input=content, capture_output=True, timeout=60,
        check=False,
    )


@pytest.fixture
def resolver(tmp_path: Path) -> Iterator[tuple[DnsServer, Path]]:
    """A name server on port 53 of loopback; skips where that, or the verifier, cannot be had outside CI."""
    path = tmp_path / "resolv.conf"
    path.write_text(f"nameserver {RESOLVER}\n", encoding="ascii")
    problem = "" if shutil.which("opendkim-testmsg") else "opendkim-testmsg is missing: apt-get install opendkim-tools"
    server = None
    if not problem:
        try:
            server = DnsServer(at=(RESOLVER, 53))
            trial = subprocess.run(
                ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf', str(path)],
                capture_output=True, check=False,
            )
            problem = "" if trial.returncode == 0 else "a name server of the test's own needs a mount namespace"
        except (OSError, RuntimeError) as error:
            problem = f"a name server of the test's own cannot listen on {RESOLVER}:53 ({error})"
    if problem:
        is_needed = "opendkim-tools" in problem and (
            os.environ.get("CI") == "true" or bool(os.environ.get("RELAYHUB_NEEDS_BROWSER"))
        )
        (pytest.fail if is_needed else pytest.skip)(f"{problem}. Mail is verified by dkimpy alone.")
    assert server is not None
    yield server, path
    server.stop()


def test_debians_verifier_agrees(sender: Sender, sink: SmtpSink, resolver: tuple[DnsServer, Path]) -> None:
    server, path = resolver
    by_raw(sender)
    drain()
    server.zone.update({name: {"TXT": [record]} for name, record in records().items()})

    wrong = {}
    for message in sink.messages:
        # It judges the first signature it understands; the Ed25519 one and a stranger's are not for it.
        fields, body = split(message.content)
        rsa = [field for field in fields if name_of(field) != b"dkim-signature"
               or (b"a=rsa-sha256" in field and b"d=acme.example" in field)]
        answer = opendkim(b"\r\n".join(rsa) + b"\r\n\r\n" + body, path)
        if answer.returncode != 0:
            wrong[message.rcpt_to[0]] = answer.stderr
    assert wrong == {}
    changed = b"\r\n".join(rsa).replace(b"Subject: Hi", b"Subject: Ho") + b"\r\n\r\n" + body
    assert opendkim(changed, path).returncode != 0
    assert server.questions
