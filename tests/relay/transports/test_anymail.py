"""Providers by API: the envelope's one recipient, the intent first, ambiguity kept apart."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from anymail.exceptions import AnymailAPIError, AnymailConfigurationError, AnymailRecipientsRefused

from relayhub.relay.transports import anymail
from relayhub.relay.transports.anymail import AnymailTransport, judge_error, provider_message
from relayhub.relay.transports.base import SendResult, TransportSpec
from tests.relay.transports.conftest import go, make_message, play, stop

MAIL = (
    b"DKIM-Signature: v=1; a=rsa-sha256; d=shop.example\r\nFrom: =?utf-8?q?B=C3=A4cker?= <hi@shop.example>\r\n"
    b"To: zoe@town.example, other@town.example\r\nCc: boss@town.example\r\nSubject: =?utf-8?q?Hall=C3=B6?=\r\n"
    b"Message-ID: <1@shop.example>\r\nList-Unsubscribe: <https://x.example/u>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="m"\r\n\r\n--m\r\nContent-Type: multipart/alternative; boundary="a"'
    b'\r\n\r\n--a\r\nContent-Type: text/plain; charset="utf-8"\r\n\r\nHello\r\n--a\r\nContent-Type: text/html; '
    b'charset="utf-8"\r\n\r\n<p>Hello</p>\r\n--a--\r\n--m\r\nContent-Type: application/pdf\r\n'
    b'Content-Disposition: attachment; filename="a.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n'
    b"--m--\r\n"
)


def send(spec: TransportSpec, before_dot: Any = go) -> SendResult:
    async def act(transport: AnymailTransport) -> SendResult:
        return await transport.send(make_message(content=MAIL), before_dot=before_dot)

    result: SendResult = play(lambda: AnymailTransport(spec), act)
    return result


def api_error(status: int) -> AnymailAPIError:
    response = requests.Response()
    response.status_code, response.reason = status, "said so"
    return AnymailAPIError("no", status_code=status, response=response)


def test_only_the_envelopes_recipient_is_told_to_the_provider() -> None:
    made = provider_message(make_message(content=MAIL))

    assert made.recipients() == ["zoe@town.example"]
    assert made.cc == []
    assert made.from_email == "Bäcker <hi@shop.example>"
    assert (made.subject, made.body.strip()) == ("Hallö", "Hello")
    assert made.alternatives[0][1] == "text/html"
    assert len(made.attachments) == 1


def test_our_signature_is_left_out_and_list_fields_are_kept() -> None:
    names = set(provider_message(make_message(content=MAIL)).extra_headers)

    assert "List-Unsubscribe" in names
    assert "Message-ID" in names
    assert not names & {"DKIM-Signature", "To", "Cc", "Subject", "Content-Type"}


def test_what_the_provider_takes_is_delivered() -> None:
    result = send(TransportSpec.parse("anymail:test"))

    assert result.disposition == "delivered"
    assert result.detail["provider"] == "test"


def test_the_intent_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AnymailTransport, "_call", lambda self, made: pytest.fail("called without an intent"))

    assert send(TransportSpec.parse("anymail:test"), before_dot=stop).disposition == "abandoned"


@pytest.mark.parametrize("name", ["nobody", "base", "console", "mailgun"])
def test_an_unknown_provider_or_missing_key_is_ours_to_mend(name: str) -> None:
    result = send(TransportSpec.parse(f"anymail:{name}"))

    assert result.disposition == "deferred"
    assert result.why


@pytest.mark.parametrize(
    ("error", "disposition"),
    [
        (requests.ReadTimeout(), "unknown"),  # the provider may have taken it
        (requests.ConnectTimeout(), "deferred"),
        (requests.ConnectionError("NewConnectionError(refused)"), "deferred"),
        (requests.ConnectionError("reset by peer"), "unknown"),
        (api_error(400), "bounced"),
        (api_error(401), "deferred"),
        (api_error(429), "deferred"),
        (api_error(500), "deferred"),
        (api_error(502), "unknown"),
        (api_error(504), "unknown"),
        (AnymailRecipientsRefused(), "bounced"),
        (AnymailConfigurationError("no key"), "deferred"),
        (RuntimeError("whatever"), "unknown"),
    ],
)
def test_a_failed_call_is_refused_repeated_or_unknown(error: Exception, disposition: str) -> None:
    assert judge_error(error).disposition == disposition


@pytest.mark.parametrize("url", ["http://api.example", "https://127.0.0.1/x", "https://169.254.169.254/"])
def test_an_api_address_must_not_lead_into_our_own_network(url: str) -> None:
    spec = TransportSpec(kind=TransportSpec.parse("anymail:x").kind, name="postal",
                         settings=(("api_key", "k"), ("api_url", url)))

    with pytest.raises(anymail.ImproperlyConfigured):
        anymail.make_backend(spec)
