"""N1 to N4: receivers that do everything wrong, met by the whole engine; each recipient's end and the ledger.

Every recipient of a test goes to a receiver with one fault; the faults of one kind run one after the other over
the same rows of the database, as an installation meets them.
"""

from __future__ import annotations

from typing import Any

import pytest

from relayhub.relay.models import Attempt, Lane, Recipient
from relayhub.relay.transports import smtp as smtp_transport
from relayhub.relay.transports.connection import PhaseLimits
from tests.flows.test_accepted_to_delivered import drain, hand_in, route_all
from tests.support.campaign_run import check_ledger
from tests.support.door_rows import Sender
from tests.support.smtp_sink import SmtpSink, smtp_sink

pytestmark = [pytest.mark.chaos, pytest.mark.django_db(transaction=True)]

BEFORE_THE_DOT = ("BANNER", "EHLO", "STARTTLS", "HANDSHAKE", "TLS", "AUTH", "MAIL", "RCPT", "DATA", "BODY")
QUICK = PhaseLimits(
    connect=5.0, banner=0.5, ehlo=0.5, starttls=0.5, auth=0.5, mail=0.5, rcpt=0.5, data=0.5, body=0.5, dot=0.5,
    quit=0.2,
)


@pytest.fixture
def sink() -> Any:
    """A receiver with TLS and passwords, so that every step exists."""
    with smtp_sink(has_tls=True, users={"relay": "secret"}) as running:
        yield running


@pytest.fixture(autouse=True)
def _route(sender: Sender, settings: Any, sink: SmtpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_transport, "PhaseLimits", lambda: QUICK)
    route_all(settings, f"smtp://relay:secret@127.0.0.1:{sink.port}")


def meet(sender: Sender, sink: SmtpSink, place: str, answer: str, address: str = "bob@x.example") -> Recipient:
    """One recipient through a receiver with this fault, at one attempt."""
    sink.heal()
    sink.fail(place, answer)
    Lane.objects.update(backoff_until=None, backoff_reason="")
    (recipient,) = hand_in(sender, address)
    drain()
    sink.heal()
    return Recipient.objects.get(pk=recipient)


def finish(sink: SmtpSink) -> None:
    """The receiver is well again: everything that waited goes out, once."""
    from relayhub.relay import events_move
    from relayhub.relay.events_move import Pick

    sink.heal()
    sink.recipients.clear()
    for _ in range(3):
        Lane.objects.update(backoff_until=None, backoff_reason="")
        events_move.retry_unknown()
        events_move.retry_now(Pick(where="true", params={}))
        drain()


@pytest.mark.parametrize("fault", ["DROP", "RESET"])
def test_n1_a_peer_that_hangs_up(sender: Sender, sink: SmtpSink, fault: str) -> None:
    for place in BEFORE_THE_DOT:
        row = meet(sender, sink, place, fault)
        # A broken handshake is opportunistic TLS that failed: the mail goes on in plain text, which this peer
        # takes, but for the password, which stays on a private line.
        expected = {"deferred", "delivered"} if place in ("STARTTLS", "HANDSHAKE", "TLS") else {"deferred"}
        assert row.status in expected, place
    before = len(sink.messages)
    assert meet(sender, sink, "DOT", fault).status == "unknown"
    assert len(sink.messages) == before
    assert meet(sender, sink, "QUIT", fault).status == "delivered"
    check_ledger()
    finish(sink)
    assert set(Recipient.objects.values_list("status", flat=True)) == {"delivered"}
    assert len(sink.messages) == Recipient.objects.count()
    check_ledger()


def test_n2_a_peer_that_falls_silent_costs_one_slot_for_its_time(sender: Sender, sink: SmtpSink) -> None:
    for place in BEFORE_THE_DOT[:-1]:
        row = meet(sender, sink, place, "STALL")
        assert row.status in {"deferred", "delivered"}, place
        assert row.status == "deferred" or place in ("STARTTLS", "HANDSHAKE", "TLS"), place
    # A small content and its dot fit into the line's buffers: who does not read may have them all the same.
    assert meet(sender, sink, "BODY", "STALL").status == "unknown"
    assert meet(sender, sink, "DOT", "STALL").status == "unknown"
    assert meet(sender, sink, "QUIT", "STALL").status == "delivered"
    finish(sink)
    assert set(Recipient.objects.values_list("status", flat=True)) == {"delivered"}
    assert len(sink.messages) == Recipient.objects.count()
    check_ledger()


@pytest.mark.parametrize("place", ["MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize("code", ["421", "450", "451", "452", "455", "499"])
def test_n3_every_4xx_waits(sender: Sender, sink: SmtpSink, place: str, code: str) -> None:
    row = meet(sender, sink, place, f"{code} 4.3.0 not now")
    assert (row.status, row.attempts) == ("deferred", 1)
    assert row.next_attempt_at is not None
    assert sink.messages == []
    finish(sink)
    row.refresh_from_db()
    assert (row.status, len(sink.messages)) == ("delivered", 1)
    check_ledger()


@pytest.mark.parametrize("place", ["MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize("code", ["500", "501", "503", "521", "550", "551", "552", "553", "554", "555", "599"])
def test_n3_every_5xx_ends_or_waits_and_is_not_sent(sender: Sender, sink: SmtpSink, place: str, code: str) -> None:
    row = meet(sender, sink, place, f"{code} 5.0.0 no")
    assert row.status in ("bounced", "deferred")
    assert row.reply is not None
    assert row.reply["code"] == int(code)
    assert sink.messages == []
    check_ledger()


@pytest.mark.parametrize("place", ["BANNER", "EHLO", "AUTH"])
@pytest.mark.parametrize(
    "answer", ["421 4.3.2 later", "450 4.0.0 no", "554 5.7.1 go away", "535 5.7.8 wrong", "GARBAGE"]
)
def test_n3_a_refusal_of_us_ends_no_recipient(sender: Sender, sink: SmtpSink, place: str, answer: str) -> None:
    assert meet(sender, sink, place, answer).status == "deferred"
    finish(sink)
    assert set(Recipient.objects.values_list("status", flat=True)) == {"delivered"}
    assert len(sink.messages) == 1
    check_ledger()


ODD = {
    "many lines": ("RCPT", "550-5.1.1 No\r\n550-5.1.1 such\r\n550 5.1.1 user", "bounced"),
    "two codes": ("RCPT", "550-5.1.1 No\r\n451 4.0.0 later", None),
    "8-bit": ("RCPT", "550 5.1.1 Empf\u00e4nger unbekannt", "bounced"),
    "no text": ("RCPT", "550", "bounced"),
    "a megabyte": ("RCPT", "550-5.1.1 " + "x" * 1_000_000 + "\r\n550 5.1.1 no", None),
    "endless lines": ("RCPT", "\r\n".join(["550-5.1.1 no"] * 20_000), None),
    "a wrong code for RCPT": ("RCPT", "354 go on", None),
    "a wrong code for MAIL": ("MAIL", "220 hello", None),
    "250 for DATA": ("DATA", "250 2.0.0 what content?", None),
    "354 after the dot": ("DOT", "354 more", None),
    "a code out of range": ("DOT", "999 what", None),
    "garbage after the dot": ("DOT", "GARBAGE", "unknown"),
    "garbage at DATA": ("DATA", "GARBAGE", "deferred"),
}


@pytest.mark.parametrize("name", list(ODD))
def test_n3_odd_replies_crash_nothing(sender: Sender, sink: SmtpSink, name: str) -> None:
    place, answer, status = ODD[name]
    row = meet(sender, sink, place, answer)
    assert row.status in ({status} if status else {"deferred", "unknown", "bounced", "delivered"})
    assert row.status != "delivered" or sink.messages
    if place != "DOT":
        assert row.status != "unknown"
    check_ledger()
    finish(sink)
    left = set(Recipient.objects.values_list("status", flat=True))
    assert left <= {"delivered", "bounced", "quarantined"}
    check_ledger()


def test_n4_each_recipient_has_an_end_of_its_own(sender: Sender, sink: SmtpSink) -> None:
    answers = {
        "full": "452 4.2.2 mailbox full", "gone": "550 5.1.1 no such user", "grey": "451 4.7.1 greylisted",
        "spam": "554 5.7.1 looks like spam", "slow": "450 4.2.1 too much", "moved": "551 5.1.6 moved",
    }
    for name, answer in answers.items():
        sink.recipients[f"{name}@x.example"] = answer
    names = [*answers, *(f"ok{number}" for number in range(30))]

    recipients = hand_in(sender, *(f"{name}@x.example" for name in names))
    for _ in range(3):
        Lane.objects.update(backoff_until=None, backoff_reason="")
        drain()

    status = {row.address.partition("@")[0]: row.status for row in Recipient.objects.filter(pk__in=recipients)}
    assert {status[name] for name in ("full", "grey", "slow")} == {"deferred"}
    assert status["gone"] == "bounced"
    assert {status[name] for name in names[len(answers):]} == {"delivered"}
    assert len(sink.messages) == 30
    check_ledger()


@pytest.mark.parametrize("missing", ["PIPELINING", "SIZE 26214400", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"])
def test_n4_a_peer_without_an_extension_still_gets_its_mail(sender: Sender, sink: SmtpSink, missing: str) -> None:
    sink.offers.remove(missing)
    (recipient,) = hand_in(sender, "bob@x.example")
    drain()
    assert Recipient.objects.get(pk=recipient).status == "delivered"
    assert len(sink.messages) == 1
    check_ledger()


def test_n4_a_message_over_the_peers_size_is_told_so_and_not_sent(sender: Sender, sink: SmtpSink) -> None:
    sink.offers[sink.offers.index("SIZE 26214400")] = "SIZE 100"
    (recipient,) = hand_in(sender, "bob@x.example")
    drain()
    row = Recipient.objects.get(pk=recipient)
    assert row.status == "bounced"
    assert row.reply["code"] == 552
    assert "DATA" not in sink.verbs()
    check_ledger()


def test_n4_a_local_mail_store_answers_for_each_after_the_dot(sender: Sender, settings: Any) -> None:
    with smtp_sink(is_lmtp=True) as store:
        route_all(settings, f"lmtp://127.0.0.1:{store.port}")
        store.dot_recipients = {
            "full@x.example": "452 4.2.2 mailbox full", "gone@x.example": "550 5.1.1 no such user",
        }
        recipients = hand_in(sender, "full@x.example", "gone@x.example", "bob@x.example")
        drain()
        status = {row.address: row.status for row in Recipient.objects.filter(pk__in=recipients)}
    assert status == {"full@x.example": "deferred", "gone@x.example": "bounced", "bob@x.example": "delivered"}
    assert Attempt.objects.count() == 3
    check_ledger()
