"""Mail that came back: our samples one by one, the shared corpus as a score, and anything at all as bytes."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relayhub.protocol.returned import read_returned
from tests.support.corpora import OWN, shared_corpus

SAMPLES = [json.loads(line) for line in (OWN / "returned.jsonl").read_text("utf-8").splitlines()]
#: Least share of the shared corpus that must be graded as it says.
LEAST_SHARE = 0.98

NOTICE = b"From: MAILER-DAEMON@relay.example\r\nTo: us@news.example\r\nSubject: failure notice\r\n"


def brief(event):
    return {
        "recipient": event.recipient, "class": event.bounce_class.value, "category": event.category.value,
        "status": event.status, "suppress": event.suppress,
    }


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["file"].removesuffix("_incoming.eml"))
def test_our_samples(sample):
    events = read_returned((OWN / sample["file"]).read_bytes())

    assert [brief(event) for event in events] == sample["events"], sample["why"]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["file"].removesuffix("_incoming.eml"))
def test_line_ends_make_no_difference(sample):
    raw = (OWN / sample["file"]).read_bytes()

    events = read_returned(raw.replace(b"\n", b"\r\n"))

    assert [brief(event) for event in events] == sample["events"]


def test_a_delay_is_not_final():
    (event,) = read_returned((OWN / "dsn_delayed_incoming.eml").read_bytes())

    assert not event.is_final


def test_the_other_servers_words_are_kept():
    (event,) = read_returned((OWN / "qmail_full_incoming.eml").read_bytes())

    assert event.reply.startswith("552 5.2.2 Mailbox full")
    assert event.code == 552


def shared_bounces():
    folder = shared_corpus("bounces")
    for line in (folder / "expected.jsonl").read_text("utf-8").splitlines():
        case = json.loads(line)
        yield case, read_returned((folder / "mail" / case["file"]).read_bytes())


def test_the_shared_corpus_is_graded_as_it_says():
    graded = [
        (case["file"], wanted, _found(wanted, events))
        for case, events in shared_bounces()
        for wanted in case["events"]
    ]

    wrong = [(file, wanted["grade"], found) for file, wanted, found in graded if not _agrees(wanted, found)]

    assert len(wrong) <= len(graded) * (1 - LEAST_SHARE), wrong


def test_no_good_address_of_the_shared_corpus_is_lost():
    lost = [
        case["file"]
        for case, events in shared_bounces()
        for wanted in case["events"]
        if wanted["grade"] in {"soft", "autoreply", "delivered"}
        and (found := _found(wanted, events)) is not None and found.suppress
    ]

    assert lost == []


def _found(wanted, events):
    by_address = {(event.recipient or "").lower(): event for event in events}
    alone = events[0] if len(events) == 1 else None
    return by_address.get((wanted["recipient"] or "").lower(), alone)


def _agrees(wanted, found):
    if found is None:
        return False
    if wanted["grade"] == "ambiguous":
        return found.bounce_class in {"hard", "soft", "unknown"}
    return found.bounce_class == wanted["grade"]


@settings(max_examples=200)
@given(st.binary(max_size=2000))
def test_any_bytes_are_taken(raw):
    read_returned(raw)
    read_returned(NOTICE + b"\r\n" + raw)
    read_returned(NOTICE + b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n" + raw + b"\r\n--b--")


@given(st.sampled_from(SAMPLES), st.integers(0, 3000), st.binary(max_size=20))
def test_damaged_reports_are_taken(sample, place, noise):
    raw = (OWN / sample["file"]).read_bytes()

    read_returned(raw[:place] + noise + raw[place + len(noise) :])


@pytest.mark.parametrize(
    "body",
    [
        b"a@" * 1_000_000,
        b"<" * 2_000_000,
        b"\n \t" * 600_000,
        b"user unknown address " * 100_000,
        b">" * 2_000_000,
        b'{"notificationType":' + b"[" * 500_000,
        b"<u@e.example>:\n550 no\n" * 90_000,
        b"-" * 2_000_000,
    ],
    ids=["addresses", "brackets", "blank", "words", "quotes", "json", "lines", "dashes"],
)
def test_hostile_mail_costs_little_processor_time(body):
    begin = time.process_time()

    read_returned(NOTICE + b"\r\n" + body)

    assert time.process_time() - begin < 10.0  # seconds; a quadratic search takes minutes


def test_a_thousand_recipients_are_enough():
    group = b"Final-Recipient: rfc822; u%d@e.example\nAction: failed\nStatus: 5.1.1\n\n"
    report = b"".join(group % number for number in range(5000))

    events = read_returned(
        NOTICE + b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"
        + report + b"--b--\n"
    )

    assert len(events) == 1000
