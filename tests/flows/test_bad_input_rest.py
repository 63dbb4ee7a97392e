"""What the API is sent that it must not take: a clear problem each, nothing stored, and never a field more in mail."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from relayhub.core.access import ALL_SCOPES
from relayhub.core.keys import KeyLimits, create_key
from relayhub.relay.models import Content, Message, Recipient
from tests.flows.test_accepted_to_delivered import drain, route_all
from tests.support.door_rows import Sender, make_sender
from tests.support.smtp_sink import SmtpSink, smtp_sink

pytestmark = pytest.mark.django_db(transaction=True)

EVIL = "Hi\r\nX-Evil: yes\r\nBcc: victim@x.example\r\n\r\n<script>evil body</script>"
MAIL: dict[str, Any] = {"from": "a@acme.example", "to": ["b@x.example"], "subject": "Hi", "text": "Hello"}


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with smtp_sink() as running:
        yield running


@pytest.fixture
def client(settings: Any, sink: SmtpSink) -> APIClient:
    route_all(settings, f"smtp://127.0.0.1:{sink.port}")
    return client_of(make_sender())


def client_of(sender: Sender) -> APIClient:
    client = APIClient()
    key = create_key(sender.actor, name="test", limits=KeyLimits(scopes=ALL_SCOPES))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key.text}")
    return client


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[", b"nul", b'{"from": }', b"\xff\xfe", b'{"a": 1e999999}x', b"[" * 100_000, b'{"a": "\xc3"}', b"[]",
     b"7", b'"text"', b"null"],
    ids=range(13),
)
def test_what_is_no_json_object_is_a_problem_and_not_a_fault(client: APIClient, body: bytes) -> None:
    answer = client.post("/api/v1/messages", body, content_type="application/json")

    assert 400 <= answer.status_code < 500
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"]
    assert Content.objects.count() == 0


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded"])
def test_another_kind_of_body_is_named(client: APIClient, kind: str) -> None:
    answer = client.post("/api/v1/messages", b"a=b", content_type=kind)

    assert answer.status_code in (400, 415, 422)
    assert answer.json()["code"]


def test_a_body_over_30_mib_is_refused(client: APIClient) -> None:
    large = b'{"text": "' + b"x" * (31 * 1024 * 1024) + b'"}'

    answer = client.post("/api/v1/messages", large, content_type="application/json")

    assert answer.status_code == 413
    assert answer.json()["code"]
    assert Content.objects.count() == 0


def test_a_message_over_25_mib_as_composed_is_refused(client: APIClient) -> None:
    data = base64.b64encode(b"x" * (20 * 1024 * 1024)).decode()
    attachment = {"filename": "a.bin", "content": data, "content_type": "application/octet-stream"}

    answer = client.post("/api/v1/messages", {**MAIL, "attachments": [attachment]}, format="json")

    assert answer.status_code in (413, 422)
    assert answer.json()["code"] == "message_too_large"
    assert Message.objects.count() == 0


INJECTED: dict[str, dict[str, Any]] = {
    "subject": {"subject": EVIL},
    "from": {"from": f"{EVIL} <a@acme.example>"},
    "from address": {"from": f"a@acme.example{EVIL}"},
    "to": {"to": [f"{EVIL} <b@x.example>"]},
    "to address": {"to": [f"b@x.example{EVIL}"]},
    "cc": {"cc": [f"{EVIL} <c@x.example>"]},
    "bcc": {"bcc": [f"{EVIL} <c@x.example>"]},
    "reply_to": {"reply_to": f"{EVIL} <c@x.example>"},
    "a header's value": {"headers": {"X-Mine": EVIL}},
    "a header's name": {"headers": {"X-Mine: 1\r\nX-Evil": "yes"}},
    "a header's odd name": {"headers": {"X Evil": "yes"}},
    "a header of ours": {"headers": {"From": "boss@other.example"}},
    "a hidden recipient": {"headers": {"Bcc": "victim@x.example"}},
    "a signature": {"headers": {"DKIM-Signature": "v=1"}},
    "an encoded word": {"subject": "=?utf-8?q?Hi=0D=0AX-Evil:_yes?="},
    "a lone return": {"subject": "Hi\rX-Evil: yes"},
    "a lone line feed": {"subject": "Hi\nX-Evil: yes"},
    "separators of Unicode": {"subject": "Hi\u2028X-Evil: yes\u0085X-Evil: yes"},
    "NUL": {"subject": "Hi\0X-Evil: yes"},
    "a lone surrogate": {"subject": "Hi \ud800"},
    "tag": {"tags": [EVIL]},
    "metadata": {"metadata": {"a": EVIL}},
    "a file's name": {"attachments": [{"filename": EVIL, "content": "eA==", "content_type": "text/plain"}]},
    "a file's type": {"attachments": [{"filename": "a", "content": "eA==", "content_type": f"text/plain{EVIL}"}]},
    "stream": {"stream": EVIL},
}


@pytest.mark.parametrize("name", list(INJECTED))
def test_no_field_can_put_a_line_into_the_header(client: APIClient, sink: SmtpSink, name: str) -> None:
    body = json.dumps({**MAIL, **INJECTED[name]})
    answer = client.post("/api/v1/messages", body, content_type="application/json")
    drain()

    assert answer.status_code in (202, 400, 422), answer.content
    if answer.status_code != 202:
        assert answer.json()["code"]
        assert Recipient.objects.count() == 0
        assert sink.messages == []
        return
    for message in sink.messages:
        head = message.content.partition(b"\r\n\r\n")[0]
        names = [line.partition(b":")[0].lower() for line in head.split(b"\r\n") if line[:1] not in b" \t"]
        assert b"x-evil" not in names
        assert b"bcc" not in names
        assert (names.count(b"from"), names.count(b"dkim-signature"), names.count(b"subject")) == (1, 0, 1)
        assert b"\n" not in message.content.replace(b"\r\n", b"")
        assert message.rcpt_to[0] in ("b@x.example", "c@x.example")


@pytest.mark.parametrize(
    "envelope",
    [
        "from=a@acme.example", "from=a@acme.example&to=", "from=a@acme.example&to=b",
        "from=a@acme.example&to=b@x.example%0d%0aRCPT%20TO:<victim@x.example>",
        "from=a@acme.example%0d%0aX&to=b@x.example",
    ],
)
def test_the_envelope_of_a_raw_message_can_inject_nothing(client: APIClient, sink: SmtpSink, envelope: str) -> None:
    raw = b"From: a@acme.example\r\nSubject: x\r\n\r\nHi\r\n"

    answer = client.post(f"/api/v1/messages/raw?{envelope}", raw, content_type="message/rfc822")
    drain()

    assert answer.status_code in (202, 400, 422), answer.content
    assert not any("victim" in line or "\r" in line for _, line in sink.commands)
    assert answer.status_code != 202 or [message.rcpt_to for message in sink.messages] == [("b@x.example",)]
