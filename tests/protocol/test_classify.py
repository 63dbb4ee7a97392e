"""What replies mean: a table of receivers' own words, and rules that no reply may break."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayhub.protocol.bounce_rules import BASIC_CODES, GENERAL_SUBJECTS, HARD_SUBJECTS, RULES, SOFT_SUBJECTS
from relayhub.protocol.classify import BounceClass, Disposition, classify, classify_fault, classify_reply
from relayhub.protocol.reply import make_reply

HARD = [
    # Gmail
    (550, "5.1.1", "The email account that you tried to reach does not exist. Please try double-checking"),
    (550, "5.2.1", "The email account that you tried to reach is disabled."),
    # Microsoft
    (550, "5.1.10", "RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"),
    (550, "5.4.1", "Recipient address rejected: Access denied. AS(201806281) [protection.outlook.com]"),
    (550, "5.5.0", "Requested action not taken: mailbox unavailable"),
    # Yahoo
    (554, None, "delivery error: dd This user doesn't have a yahoo.com account (x@yahoo.com) [0]"),
    (554, None, "delivery error: dd This account has been disabled or discontinued [#102]"),
    # Postfix, Exim, sendmail, qmail
    (550, "5.1.1", "<x@example.org>: Recipient address rejected: User unknown in relay recipient table"),
    (550, None, "Unrouteable address"),
    (550, None, "<x@example.org>... User unknown"),
    (550, None, "sorry, no mailbox here by that name. (#5.1.1)"),
    (553, None, "sorry, this recipient is not in my validrcptto list (#5.7.1)"),
    (550, "5.1.0", "<x@example.org> Address rejected."),
    # the domain
    (550, "5.1.2", "Bad destination host 'DNS Hard Error looking up example.org (MX): NXDomain'"),
    (550, "5.4.4", "Host or domain name not found. Name service error for name=example.org: Host not found"),
    (556, "5.1.10", "Recipient address has a null MX"),
    # other languages
    (550, "5.1.1", "Adresse d'au moins un destinataire invalide. Invalid recipient. OFR_416"),
    (550, None, "Benutzer unbekannt"),
    # no words at all
    (550, "5.1.1", ""),
]
SOFT = [
    # full, whatever the code
    (552, "5.2.2", "The email account that you tried to reach is over quota and inactive."),
    (550, "5.1.1", "mailbox is full"),
    (550, "5.1.1", "Email quota exceeded"),
    (554, "5.2.2", "STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded"),
    (550, None, "user over quota: x"),
    # our address
    (550, "5.7.1", "Service unavailable; Client host [192.0.2.1] blocked using Spamhaus"),
    (553, None, "http://www.spamhaus.org/query/bl?ip=192.0.2.1"),
    (550, "5.7.1", "messages from [192.0.2.1] weren't sent: the network is on our block list (S3140)"),
    (550, "5.7.606", "Access denied, banned sending IP [192.0.2.1]"),
    (553, "5.7.1", "[BL21] Connections will not be accepted from 192.0.2.1, it is in Spamhaus's list"),
    (554, None, "INVALID IP FOR SENDING MAIL OF DOMAIN example.com"),
    # authentication and the sender
    (550, "5.7.515", "Access denied, sending domain does not meet the required authentication level."),
    (550, "5.7.26", "This mail has been blocked because the sender is unauthenticated."),
    (550, "5.7.1", "rejected due to example.org's DMARC policy"),
    (550, "5.7.25", "The IP address sending this message does not have a PTR record setup"),
    (553, "5.1.8", "<x@example.org>... Domain of sender address x@example.org does not exist"),
    (550, "5.1.1", "Sender address rejected: Domain not found"),
    # content and policy
    (550, "5.1.1", "blocked due to spam"),
    (550, None, "Virus Detected; Content Rejected"),
    (554, "5.7.9", "Message not accepted for policy reasons."),
    (550, "5.7.1", "[CS01] Message rejected due to local policy."),
    (552, "5.3.4", "Message too large"),
    # others
    (554, "5.7.1", "<x@example.org>: Relay access denied"),
    (550, "5.1.1", "RCP-P2 Refused due to recipient preferences"),
    (550, "5.5.0", "The recipient account is blocked. LPN007_426"),
    (550, None, "Connection frequency limited"),
    (554, "5.4.6", "too many hops"),
    (550, None, "Protocol violation"),
    (550, None, ""),
    # temporary, whatever the words
    (450, "4.1.1", "Recipient address rejected: unverified address: User unknown"),
    (450, "4.4.3", "Host or domain name not found, try again"),
    (452, "4.2.2", "The email account that you tried to reach is over quota."),
]


@pytest.mark.parametrize(("code", "enhanced", "text"), HARD)
def test_it_is_hard_and_suppresses_when_nobody_is_there(code, enhanced, text):
    found = classify(code=code, enhanced=enhanced, text=text, phase="rcpt")

    assert (found.bounce_class, found.suppress, found.action) == ("hard", True, "suppress")
    assert (found.disposition, found.category) == ("bounced", "recipient")


@pytest.mark.parametrize(("code", "enhanced", "text"), SOFT)
def test_it_is_soft_and_keeps_the_address_otherwise(code, enhanced, text):
    found = classify(code=code, enhanced=enhanced, text=text, phase="rcpt")

    assert (found.bounce_class, found.suppress) == ("soft", False)
    assert found.disposition == ("bounced" if code >= 500 else "deferred")
    assert found.why
    assert found.remedy


@pytest.mark.parametrize(
    ("code", "enhanced", "text", "category"),
    [
        (452, "4.2.2", "over quota", "capacity"),
        (421, "4.7.0", "[TSS04] Messages temporarily deferred due to unexpected volume", "capacity"),
        (550, "5.7.1", "blocked using zen.spamhaus.org", "reputation"),
        (550, "5.7.26", "unauthenticated", "policy"),
        (554, None, "This message has been scored as spam", "content"),
        (421, None, "lost connection", "network"),
        (554, "5.7.1", "Relay access denied", "configuration"),
        (550, "5.7.1", "Denied by policy", "policy"),
    ],
)
def test_categories(code, enhanced, text, category):
    assert classify(code=code, enhanced=enhanced, text=text).category == category


@pytest.mark.parametrize("phase", ["banner", "ehlo", "mail", "auth", "starttls", "MAIL", "helo"])
def test_nothing_said_before_rcpt_is_about_the_recipient(phase):
    found = classify(code=550, enhanced="5.1.1", text="User unknown", phase=phase)

    assert (found.bounce_class, found.suppress, found.disposition) == ("soft", False, "bounced")


def test_a_domain_that_dns_says_does_not_exist_is_hard_before_any_connection():
    found = classify(code=550, enhanced="5.1.2", text="The domain does not exist.", phase="connect")

    assert found.suppress


@pytest.mark.parametrize("code", [421, 450, 451, 452, 499])
def test_every_4xx_is_deferred(code):
    assert classify(code=code, enhanced=None, text="User unknown").disposition is Disposition.DEFERRED


def test_an_address_in_the_text_does_not_decide():
    text = "<spam.quota.blacklist@spamhaus.example>: Recipient address rejected: User unknown"

    assert classify(code=550, enhanced="5.1.1", text=text).bounce_class is BounceClass.HARD


def test_the_label_of_a_gateway_does_not_decide():
    text = "5.1.0 - Unknown address error 550-'5.7.1 <x@example.org>... Access denied' (delivery attempts: 0)"

    assert not classify(code=550, enhanced="5.7.1", text=text).suppress


def test_it_reads_a_reply_and_names_the_receivers_page():
    reply = make_reply(550, "5.7.1", "Our system has detected", "a very low reputation of the sending IP")

    found = classify_reply(reply, phase="dot", provider="google")

    assert found.category == "reputation"
    assert "https://support.google.com" in found.remedy


def test_a_rate_limit_slows_the_site_down():
    assert classify(code=421, enhanced="4.7.28", text="unusual rate of mail").slows


def test_a_fault_is_deferred_and_keeps_the_address():
    found = classify_fault("connection refused")

    assert (found.disposition, found.suppress, found.why) == ("deferred", False, "connection refused")


def test_the_table_is_whole():
    tables = (SOFT_SUBJECTS, HARD_SUBJECTS, GENERAL_SUBJECTS, BASIC_CODES)

    assert all(name in RULES for table in tables for name in table.values())
    assert all(rule.source and rule.why and rule.remedy for rule in RULES.values())
    assert all(rule.category == "recipient" for rule in RULES.values() if rule.is_hard)
    assert all(RULES[name].is_hard for name in HARD_SUBJECTS.values())
    assert not any(RULES[name].is_hard for name in SOFT_SUBJECTS.values())


@given(
    st.integers(-10, 1200),
    st.none() | st.text(max_size=12) | st.from_regex(r"[245]\.\d{1,3}\.\d{1,3}", fullmatch=True),
    st.text(max_size=300), st.text(max_size=8),
)
def test_it_never_raises_and_never_suppresses_for_4xx(code, enhanced, text, phase):
    found = classify(code=code, enhanced=enhanced, text=text, phase=phase)

    assert found.suppress == (found.bounce_class is BounceClass.HARD)
    assert not (400 <= code < 500 and found.suppress)
    assert re.fullmatch(r"delivered|deferred|bounced", found.disposition)
