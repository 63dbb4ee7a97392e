"""TLS by policy (FAULTS N5): opportunistic never stops mail, required never does without."""

from __future__ import annotations

import pytest

from relayhub.relay.transports import smtp
from tests.relay.transports.conftest import make_message, run, send, smarthost
from tests.support.smtp_sink import server_context, smtp_sink


def test_it_uses_tls_where_offered_and_notes_that_nobody_vouched_for_it() -> None:
    with smtp_sink(has_tls=True) as sink:
        result = send(sink)

    assert result.disposition == "delivered"
    assert sink.messages[0].is_tls
    assert result.tls is not None
    assert result.tls["version"].startswith("TLSv1.")
    assert result.tls["verified"] is False


@pytest.mark.parametrize(
    "context",
    [server_context(expired=True), server_context(("other.example",)), server_context(oldest_only=True)],
    ids=["expired", "other name", "TLS 1.0 only"],
)
def test_opportunistic_tls_takes_whatever_is_better_than_nothing(context: object) -> None:
    with smtp_sink(has_tls=True, context=context) as sink:
        result = send(sink)

    assert result.disposition == "delivered"
    assert len(sink.messages) == 1


@pytest.mark.parametrize(
    ("place", "fault"),
    [("HANDSHAKE", "DROP"), ("HANDSHAKE", "RESET"), ("HANDSHAKE", "STALL"), ("HANDSHAKE", "GARBAGE"),
     ("STARTTLS", "454 4.7.0 not now")],
)
def test_failed_opportunistic_tls_goes_on_in_plain_text(place: str, fault: str) -> None:
    with smtp_sink(has_tls=True) as sink:
        sink.fail(place, fault)
        result = send(sink)

    assert result.disposition == "delivered"
    assert result.tls is None
    assert not sink.messages[0].is_tls


def test_a_host_whose_tls_failed_is_not_tried_with_it_at_every_connection() -> None:
    with smtp_sink(has_tls=True) as sink:
        sink.fail("HANDSHAKE", "DROP")
        sink.fail("DOT", "421 4.7.0 bye", nth=1)
        run(lambda: smarthost(sink), make_message(), make_message())

    assert sink.verbs().count("STARTTLS") == 1


def test_silence_behind_the_handshake_ends_in_time() -> None:
    with smtp_sink(has_tls=True) as sink:
        sink.fail("TLS", "STALL")
        result = send(sink)

    assert result.disposition == "deferred"


def test_required_tls_does_without_none() -> None:
    with smtp_sink() as plain:
        result = send(plain, tls="required")

    assert (result.disposition, result.phase) == ("deferred", "starttls")
    assert plain.messages == []


def test_required_tls_never_falls_back() -> None:
    with smtp_sink(has_tls=True) as sink:
        sink.fail("HANDSHAKE", "DROP")
        result = send(sink, tls="required")

    assert result.disposition == "deferred"
    assert sink.messages == []


def test_required_tls_on_a_public_line_checks_the_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "is_private_line", lambda address: False)
    with smtp_sink(has_tls=True, users={"me": "secret"}) as sink:
        result = send(sink, login="me:secret@")

    assert (result.disposition, result.phase) == ("deferred", "starttls")
    assert "certificate" in result.why
    assert "AUTH" not in sink.verbs()


def test_no_tls_where_the_rule_says_none() -> None:
    with smtp_sink(has_tls=True) as sink:
        result = send(sink, tls="none")

    assert result.disposition == "delivered"
    assert "STARTTLS" not in sink.verbs()


def test_implicit_tls_with_a_password() -> None:
    with smtp_sink(has_implicit_tls=True, users={"me": "secret"}) as sink:
        first, second = run(
            lambda: smarthost(sink, "smtps", "me:secret@"), make_message(), make_message()
        )

    assert (first.disposition, second.disposition) == ("delivered", "delivered")
    assert first.tls is not None
    assert sink.connections == 1
    assert "STARTTLS" not in sink.verbs()


def test_implicit_tls_to_a_plain_port_is_temporary() -> None:
    with smtp_sink() as sink:
        result = send(sink, scheme="smtps")

    assert (result.disposition, result.phase) == ("deferred", "starttls")


def test_a_plain_word_behind_the_answer_to_starttls_is_not_believed() -> None:
    with smtp_sink(has_tls=True) as sink:
        sink.fail("STARTTLS", "220 go\r\n250 injected")
        result = send(sink, tls="required")

    assert result.disposition == "deferred"
    assert sink.messages == []
