"""Delivery status notifications, read and built."""

import email
from datetime import UTC, datetime

import pytest

from relayhub.protocol.dsn import DsnAction, Notification, RecipientStatus, build, parse
from relayhub.protocol.returned import read_returned

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

# RFC 3464 appendix E.1
SIMPLE = """Reporting-MTA: dns; cs.utk.edu

Original-Recipient: rfc822;louisl@larry.slip.umd.edu
Final-Recipient: rfc822;louisl@larry.slip.umd.edu
Action: failed
Status: 4.0.0
Diagnostic-Code: smtp; 426 connection timed out
Last-Attempt-Date: Thu, 7 Jul 1994 17:15:49 -0400
"""
# RFC 3464 appendix E.2, shortened
SEVERAL = """Reporting-MTA: dns; cs.utk.edu
Original-Envelope-ID: QQ314159

Original-Recipient: rfc822;arathib@vnet.ibm.com
Final-Recipient: rfc822;arathib@vnet.ibm.com
Action: failed
Status: 5.0.0 (permanent failure)
Diagnostic-Code: smtp; 550 'arathib@vnet.IBM.COM' is not a
 registered gateway user
Remote-MTA: dns; vnet.ibm.com

Original-Recipient: rfc822;johnh@hpnjld.njd.hp.com
Final-Recipient: rfc822;johnh@hpnjld.njd.hp.com
Action: delayed
Status: 4.0.0 (hpnjld.njd.jp.com: host name lookup failure)
"""


def test_the_simple_example_of_the_standard():
    report = parse(SIMPLE)

    assert report.reporting_mta == "cs.utk.edu"
    assert report.recipients == (
        RecipientStatus(
            final_recipient="louisl@larry.slip.umd.edu", original_recipient="louisl@larry.slip.umd.edu",
            action=DsnAction.FAILED, status="4.0.0", diagnostic_type="smtp",
            diagnostic="426 connection timed out",
        ),
    )


def test_several_recipients_and_folded_fields():
    report = parse(SEVERAL)

    assert report.envelope_id == "QQ314159"
    assert [recipient.action for recipient in report.recipients] == ["failed", "delayed"]
    assert report.recipients[0].diagnostic == "550 'arathib@vnet.IBM.COM' is not a registered gateway user"
    assert report.recipients[0].status == "5.0.0"


@pytest.mark.parametrize(
    ("field", "address"),
    [
        ("rfc822; <ann@receiver.example>", "ann@receiver.example"),
        ("RFC822;ann@receiver.example", "ann@receiver.example"),
        ("ann@receiver.example", "ann@receiver.example"),
        ("utf-8; j\\x{F6}rg@receiver.example", "jörg@receiver.example"),
        ("utf-8; \\x{110000}@receiver.example", "\\x{110000}@receiver.example"),
        ("rfc822; |/usr/bin/vacation ann", ""),
        ("rfc822; @gateway.example", ""),
        ("", ""),
    ],
)
def test_addresses(field, address):
    (status,) = parse(f"Reporting-MTA: dns; x\n\nFinal-Recipient: {field}\nAction: failed\n").recipients

    assert status.recipient == address


def test_groups_without_blank_lines_between():
    text = "Reporting-MTA: dns; x\nFinal-Recipient: rfc822; a@b.example\nAction: failed\n" * 2

    assert len(parse(text).recipients) == 2
    assert parse(text).reporting_mta == "x"


def test_odd_values_are_left_out():
    (status,) = parse("Action: exploded\nStatus: seven\nDiagnostic-Code: no type here\n").recipients

    assert (status.action, status.status, status.diagnostic) == ("", "", "no type here")


def notification(**changes):
    values = {
        "sender": "mailer-daemon@relay.example", "reader": "news@news.example", "message_id": "1@relay.example",
        "boundary": "frontier", "reporting_mta": "mail.relay.example", "arrived_at": NOON, "written_at": NOON,
        "explanation": "Your message could not be delivered.\nSorry.", "envelope_id": "QQ1",
        "recipients": (
            RecipientStatus(
                final_recipient="ann@receiver.example", original_recipient="Ann@receiver.example",
                action=DsnAction.FAILED, status="5.1.1", remote_mta="mx.receiver.example",
                diagnostic="550 5.1.1 User unknown\r\nBcc: evil@example.org",
            ),
        ),
    }
    return Notification(**{**values, **changes})


def test_what_we_build_reads_back():
    raw = build(notification(), original_header=b"From: news@news.example\r\nSubject: March\r\n")

    mail = email.message_from_bytes(raw)
    (event,) = read_returned(raw)

    assert mail.get_content_type() == "multipart/report"
    assert [part.get_content_type() for part in mail.get_payload()] == [
        "text/plain", "message/delivery-status", "text/rfc822-headers",
    ]
    assert (event.recipient, event.status, event.bounce_class) == ("ann@receiver.example", "5.1.1", "hard")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r\nBcc:" not in raw


def test_an_international_address_makes_a_global_report():
    status = RecipientStatus(final_recipient="jörg@receiver.example", action=DsnAction.DELAYED, status="4.4.1")

    raw = build(notification(recipients=(status,)), original_header=b"")

    assert b"Content-Type: message/global-delivery-status" in raw
    assert "utf-8; jörg@receiver.example".encode() in raw
    assert b"Subject: Delivery delayed" in raw
