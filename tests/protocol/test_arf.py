"""Feedback reports."""

import pytest

from relayhub.protocol.arf import FeedbackKind, parse

# RFC 5965 appendix B.2
FULL = """Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <somespammer@example.net>
Original-Rcpt-To: <user@example.com>
Arrival-Date: Thu, 8 Mar 2005 14:00:00 EDT
Reporting-MTA: dns; mail.example.com
Source-IP: 192.0.2.1
Authentication-Results: mail.example.com;
           spf=fail smtp.mail=somespammer@example.com
Reported-Domain: example.net
Reported-Uri: http://example.net/earn_money.html
Reported-Uri: mailto:user@example.com
Removal-Recipient: someone@example.com
"""


def test_the_full_example_of_the_standard():
    report = parse(FULL)

    assert report.kind is FeedbackKind.ABUSE
    assert report.is_complaint
    assert report.mail_from == "somespammer@example.net"
    assert report.source_ip == "192.0.2.1"
    assert report.reported_domain == "example.net"
    assert "someone@example.com" in report.recipients


@pytest.mark.parametrize(
    ("kind", "is_complaint"),
    [
        ("abuse", True), ("Fraud", True), ("virus", True), ("opt-out", True), ("opt_out", True),
        ("something new", True), ("", True), ("not-spam", False), ("auth-failure", False),
    ],
)
def test_which_kinds_are_complaints(kind, is_complaint):
    assert parse(f"Feedback-Type: {kind}\n").is_complaint is is_complaint


def test_every_recipient_is_named_once():
    report = parse("Original-Rcpt-To: a@b.example\nOriginal-Rcpt-To: <c@d.example>\nOriginal-Rcpt-To: a@b.example\n")

    assert report.recipients == ("a@b.example", "c@d.example")


@pytest.mark.parametrize("hidden", ["redacted@example.com", "xxxx@example.com", "***@example.com"])
def test_a_blacked_out_person_is_nobody(hidden):
    assert parse(f"Original-Rcpt-To: {hidden}\n").recipients == ()
