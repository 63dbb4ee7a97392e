"""The submission ports as a client meets them."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from queue import SimpleQueue

import pytest

from relayhub.core.ids import Prefix, decode_id, encode_id
from relayhub.core.models import RefusedRequest
from relayhub.protocol.smtp_server_events import Refused
from relayhub.relay.models import Event, Message, Recipient
from relayhub.relay.smtpd.door import Peer
from relayhub.relay.smtpd.submission import SubmissionDoor
from tests.support.door_rows import Sender, letter
from tests.support.smtp_listener import Listener, RawClient, listening

pytestmark = pytest.mark.django_db(transaction=True)


def unchecked() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def stored_message(reply: str) -> Message:
    """The message that a 250 names."""
    assert reply.startswith("250 2.0.0 Ok: queued as msg_"), reply
    return Message.objects.get(pk=decode_id(Prefix.MESSAGE, reply.rsplit(" ", 1)[1]))


@pytest.mark.parametrize("uvloop", [False, True])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("implicit", [False, True])
def test_a_stock_client_hands_in_mail(sender: Sender, uvloop: bool, mechanism: str, implicit: bool) -> None:
    with listening(SubmissionDoor(), uvloop=uvloop) as listener:
        if implicit:
            client: smtplib.SMTP = smtplib.SMTP_SSL("127.0.0.1", listener.tls_port, context=unchecked(), timeout=20)
        else:
            client = smtplib.SMTP("127.0.0.1", listener.port, timeout=20)
            client.starttls(context=unchecked())
        client.ehlo()
        client.user, client.password = sender.username, sender.password
        auth = client.auth_plain if mechanism == "PLAIN" else client.auth_login
        assert client.auth(mechanism, auth)[0] == 235
        refused = client.sendmail("ann@acme.example", ["bob@example.org", "eve@example.net"], letter())
        client.quit()
    assert refused == {}
    message = Message.objects.get()
    assert message.source == "smtp"
    assert message.credential_id == sender.credential_id
    assert not message.is_trusted_network
    assert {r.address for r in message.recipients.all()} == {"bob@example.org", "eve@example.net"}
    assert Event.objects.filter(type="accepted").count() == 2


def test_what_is_offered_before_and_after_tls(listener: Listener) -> None:
    client = RawClient(listener.port)
    plain = client.say("EHLO client.example")
    for offer in ("PIPELINING", "SIZE 26214400", "STARTTLS", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN"):
        assert offer in plain
    assert "AUTH" not in plain
    assert client.say("MAIL FROM:<a@acme.example>").startswith("530 5.7.0")
    assert client.say("AUTH PLAIN AGEAYg==").startswith("538 5.7.11")
    client.start_tls()
    secure = client.say("EHLO client.example")
    assert "AUTH PLAIN LOGIN" in secure
    assert "STARTTLS" not in secure
    assert client.say("MAIL FROM:<a@acme.example>").startswith("530 5.7.0")
    assert client.say("QUIT").startswith("221")
    client.close()


def test_plain_text_behind_starttls_is_dropped(listener: Listener) -> None:
    client = RawClient(listener.port)
    client.say("EHLO client.example")
    client.send(b"STARTTLS\r\nMAIL FROM:<evil@acme.example>\r\n")
    assert client.read().startswith("220")
    from tests.support.smtp_listener import _no_checks

    client.socket = _no_checks().wrap_socket(client.socket)
    # Nothing was answered to the injected MAIL, and nothing is known of the peer any more.
    assert client.say("MAIL FROM:<a@acme.example>").startswith("503")
    client.close()


def test_the_answer_comes_after_the_commit(listener: Listener, sender: Sender) -> None:
    client = RawClient(listener.tls_port, is_tls=True)
    client.say("EHLO client.example")
    assert client.sign_in(sender.username, sender.password).startswith("235")
    reply = client.hand_in("ann@acme.example", ["bob@example.org"], letter())
    message = stored_message(reply)
    raw = bytes(message.content.data)
    assert raw.startswith(b"Received: from client.example ([127.0.0.1])")
    assert b"with ESMTPSA id msg_" in b" ".join(raw.split())
    assert b"\r\nDate: " in raw
    assert b"\r\nMessage-ID: <msg_" in raw
    assert raw.endswith(b"\r\n\r\nHi Bob.\r\n")
    client.close()


def test_pipelined_transactions_are_answered_in_order(trusted_listener: Listener) -> None:
    client = RawClient(trusted_listener.port)
    client.say("EHLO client.example")
    one = b"MAIL FROM:<>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n"
    client.send(one)
    assert [client.read()[:3] for _ in range(3)] == ["250", "250", "354"]
    client.send(letter() + b".\r\n" + one)
    replies = [client.read() for _ in range(4)]
    assert replies[0].startswith("250 2.0.0 Ok: queued as ")
    assert [reply[:3] for reply in replies[1:]] == ["250", "250", "354"]
    client.send(letter() + b".\r\nQUIT\r\n")
    assert client.read().startswith("250 2.0.0 Ok: queued as ")
    assert client.read().startswith("221")
    client.close()
    assert Message.objects.count() == 2
    assert Recipient.objects.count() == 2


def test_trusted_networks_act_as_the_default_credential(trusted_listener: Listener, sender: Sender) -> None:
    client = RawClient(trusted_listener.port)
    client.say("HELO device")
    message = stored_message(client.hand_in("root@printer.invalid", ["bob@example.org"], letter()))
    assert message.is_trusted_network
    assert message.credential_id == sender.credential_id
    assert message.mail_from == "root@printer.invalid"
    assert message.client_ip == "127.0.0.1"
    foreign = client.hand_in("", ["bob@example.org"], letter(sender="ann@elsewhere.example"))
    assert stored_message(foreign).from_domain == "elsewhere.example"  # stays in the sandbox
    client.close()


def test_without_auth_nothing_is_taken(listener: Listener) -> None:
    for is_tls in (False, True):
        client = RawClient(listener.tls_port if is_tls else listener.port, is_tls=is_tls)
        client.say("EHLO client.example")
        for sender in ("", "a@acme.example", "postmaster@localhost"):
            assert client.say(f"MAIL FROM:<{sender}>")[:3] == "530"
        assert client.say("RCPT TO:<bob@example.org>")[:3] == "503"
        client.close()
    assert Message.objects.count() == 0


def test_what_is_refused_after_signing_in_is_in_the_log_of_its_credential(listener: Listener, sender: Sender) -> None:
    client = smtplib.SMTP("127.0.0.1", listener.port, timeout=20)
    client.starttls(context=unchecked())
    client.ehlo("till.local")
    client.login(sender.username, sender.password)
    with pytest.raises(smtplib.SMTPDataError) as refused:
        client.sendmail("ann@acme.example", ["bob@example.org"], letter(extra="X-RelayHub-Stream: recepits\r\n"))
    client.sendmail("ann@acme.example", ["bob@example.org"], letter())
    client.quit()

    row = RefusedRequest.objects.get()
    assert (row.door, row.status, row.code) == ("smtp", refused.value.smtp_code, "unknown_stream")
    assert row.detail == "5.7.1 There is no stream “recepits”"
    assert (row.caller_id, row.caller_name) == (encode_id(Prefix.CREDENTIAL, sender.credential_id), "test")
    assert row.path == "MAIL FROM:<ann@acme.example> RCPT TO:1"
    assert (row.ip, row.user_agent) == ("127.0.0.1", "EHLO till.local")
    assert row.workspace_id == sender.workspace.pk
    assert Message.objects.count() == 1


class NotingDoor(SubmissionDoor):
    """Tells how many refusals of sessions were kept."""

    def __init__(self) -> None:
        self.noted: SimpleQueue[int] = SimpleQueue()

    def note(self, peer: Peer, refused: Sequence[Refused]) -> None:
        super().note(peer, refused)
        self.noted.put(len(refused))


def test_what_the_session_refuses_whoever_signed_in_is_in_the_log_too(sender: Sender) -> None:
    door = NotingDoor()
    with listening(door) as listener:
        client = RawClient(listener.port)
        client.say("EHLO till.local")
        assert client.say("MAIL FROM:<a@acme.example>").startswith("530")  # of nobody, so in nobody's log
        client.start_tls()
        client.sign_in(sender.username, sender.password)
        asked = ["RCPT TO:<b@example.org>", "c2VjcmV0IHdvcmQ=", "MAIL FROM:<ann@acme.example>", "RCPT TO:<no good>",
                 "NOOP " + "x" * 3000]
        said = [client.say(line)[:3] for line in asked]
        noted = 0
        while noted < 4:
            noted += door.noted.get(timeout=20)
        client.close()

    assert said == ["503", "500", "250", "501", "500"]
    rows = list(RefusedRequest.objects.order_by("id"))
    assert [(row.method, row.path, row.status, row.code) for row in rows] == [
        ("RCPT", "", 503, "command_out_of_order"), ("", "", 500, "malformed_command"),
        ("RCPT", "MAIL FROM:<ann@acme.example> RCPT TO:0", 501, "invalid_address"),
        ("", "MAIL FROM:<ann@acme.example> RCPT TO:0", 500, "malformed_command"),
    ]
    assert {row.caller_id for row in rows} == {encode_id(Prefix.CREDENTIAL, sender.credential_id)}
    assert "c2VjcmV0" not in str([vars(row) for row in rows])
    assert rows[0].detail == "5.5.1 Send MAIL first"
