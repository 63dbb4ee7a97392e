"""`manage.py judge KIND`, spoken to from outside: lines in, lines out, exit codes."""

import base64
import io
import json
import socket
import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command

from relayhub.judge import KINDS
from relayhub.protocol.dkim import Algorithm, SigningKey, generate_ed25519, public_record, sign
from relayhub.protocol.headers import parse
from tests.support.corpora import OWN, shared_corpus

NOW = 1_772_452_800  # 2 March 2026


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """Any connection is a fault: the command needs neither database nor network."""

    def refuse(*args, **kwargs):
        raise AssertionError("judge opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def judge(monkeypatch):
    def run(kind, *lines):
        text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
        return run_raw(kind, text.encode())

    def run_raw(kind, data):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
        out, status = io.StringIO(), 0
        try:
            call_command("judge", kind, stdout=out)
        except SystemExit as exc:
            status = exc.code
        return [json.loads(line) for line in out.getvalue().splitlines()], status

    run.raw = run_raw
    return run


def test_a_bounce_by_path_and_by_bytes(judge):
    path = OWN / "dsn_no_mailbox_incoming.eml"

    answers, status = judge("bounce", {"path": str(path)}, {"raw": base64.b64encode(path.read_bytes()).decode()})

    assert status == 0
    assert answers[0] == answers[1]
    (event,) = answers[0]["events"]
    assert event == {
        "recipient": "ann@receiver.example", "class": "hard", "category": "recipient", "status": "5.1.1",
        "reply": event["reply"], "suppress": True, "why": "There is no such mailbox.",
    }
    assert "User unknown" in event["reply"]


def test_ordinary_mail_has_no_events(judge):
    answers, status = judge("bounce", {"path": str(OWN / "newsletter_incoming.eml")})

    assert (answers, status) == ([{"events": []}], 0)


def test_the_whole_shared_corpus_is_answered(judge):
    files = sorted((shared_corpus("bounces") / "mail").glob("*.eml"))

    answers, status = judge("bounce", *({"path": str(path)} for path in files))

    assert status == 0
    assert len(answers) == len(files)
    assert all(answer["events"] for answer in answers)


def test_the_shared_corpus_is_judged_as_expected(judge):
    """Nobody is suppressed for what is not about the address, and hardly a dead address is missed."""
    folder = shared_corpus("bounces")
    cases = [json.loads(line) for line in (folder / "expected.jsonl").read_text(encoding="utf-8").splitlines()]
    answers, _ = judge("bounce", *({"path": str(folder / "mail" / case["file"])} for case in cases))

    graded = []
    for case, answer in zip(cases, answers, strict=True):
        found = {event["recipient"]: event for event in answer["events"]}
        for wanted in case["events"]:
            event = found.get(wanted["recipient"]) or answer["events"][0]
            graded.append((wanted, event))
    hard = [event["class"] for wanted, event in graded if wanted["grade"] == "hard"]
    statuses = [wanted["status"] == event["status"] for wanted, event in graded
                if wanted["status"] and not wanted["synthetic_status"]]
    assert hard.count("hard") / len(hard) >= 0.98
    for grade in ("soft", "complaint", "autoreply", "delivered"):
        assert {event["class"] for wanted, event in graded if wanted["grade"] == grade} == {grade}
    spared = ("soft", "autoreply", "delivered")
    assert not any(event["suppress"] for wanted, event in graded if wanted["grade"] in spared)
    assert all(statuses)


def test_a_reply(judge):
    line = {"code": 550, "enhanced": "5.1.1", "text": "No such user", "phase": "rcpt", "provider": None}

    (hard, soft, taken), status = judge(
        "reply", line, {**line, "text": "mailbox full", "enhanced": None}, {"code": 250, "text": "ok"}
    )

    assert status == 0
    assert (hard["class"], hard["category"]) == ("hard", "recipient")
    assert (hard["suppress"], hard["action"]) == (True, "suppress")
    assert (soft["class"], soft["category"], soft["suppress"]) == ("soft", "capacity", False)
    assert (taken["class"], taken["suppress"], taken["action"]) == ("delivered", False, "none")
    assert set(hard) == {"class", "category", "suppress", "action", "why", "remedy"}


@pytest.mark.parametrize(
    ("address", "part"),
    [
        ("Ann@Receiver.Example", {"valid": True, "normalised": "ann@receiver.example", "suggestion": None}),
        ("ann@gmial.com", {"valid": True, "suggestion": "ann@gmail.com"}),
        ("ann@gmail.con", {"valid": True, "suggestion": "ann@gmail.com"}),
        ("ann@hotmial.com", {"suggestion": "ann@hotmail.com"}),
        ("ann@company.com", {"suggestion": None}),
        ("ann@mail.com", {"suggestion": None}),
        ("ann@gmail,com", {"valid": False, "normalised": None, "suggestion": "ann@gmail.com"}),
        ("info@receiver.example", {"role": True, "disposable": False}),
        ("ann@mailinator.com", {"disposable": True}),
        ("ann@sub.mailinator.com", {"disposable": True}),
        ("jörg@bücher.example", {"valid": True, "normalised": "jörg@xn--bcher-kva.example"}),
        ("ann", {"valid": False, "role": False, "disposable": False, "suggestion": None}),
        ("", {"valid": False}),
        ("a@b@c..d", {"valid": False}),
    ],
)
def test_an_address(judge, address, part):
    (answer,), status = judge("address", {"address": address})

    assert status == 0
    assert answer | part == answer
    assert set(answer) == {"valid", "normalised", "why", "role", "disposable", "suggestion"}
    assert answer["why"]


def test_a_provider(judge):
    answers, status = judge(
        "provider",
        {"domain": "company.example", "mx": ["aspmx.l.google.com"]},
        {"domain": "company.example", "mx": [[20, "b.example.net"], [10, "c.mail.protection.outlook.com"]]},
        {"domain": "company.example", "mx": ["mx.hoster.co.uk"]},
    )

    assert status == 0
    assert answers == [
        {"provider": "Google", "site": "google"},
        {"provider": "Microsoft 365", "site": "microsoft-365"},
        {"provider": None, "site": "hoster.co.uk"},
    ]


def test_dkim(judge):
    private = generate_ed25519()
    header, body = b"From: a@news.example\r\nTo: b@c.example\r\nSubject: Hi\r\n", b"Hello\r\n"
    key = SigningKey(
        domain="news.example", selector="rh1", algorithm=Algorithm.ED25519_SHA256, private_key=private
    )
    signature = sign(parse(header), body, [key], signed_at=datetime.fromtimestamp(NOW, UTC))
    signed = signature + header + b"\r\n" + body
    line = {
        "raw": base64.b64encode(signed).decode(), "now": NOW,
        "zone": {"rh1._domainkey.news.example": {"TXT": [public_record(private)]}},
    }

    answers, status = judge(
        "dkim", line, {**line, "zone": {}}, {**line, "zone": {"rh1._domainkey.news.example": "TIMEOUT"}},
        {**line, "raw": base64.b64encode(signed.replace(b"Hello", b"Hellx")).decode()},
    )

    assert status == 0
    assert [answer["signatures"][0]["result"] for answer in answers] == ["pass", "permerror", "temperror", "fail"]
    assert answers[0]["signatures"][0]["domain"] == "news.example"


@pytest.mark.parametrize("kind", ["spf", "dmarc", "arc", "report"])
def test_kinds_that_are_absent_name_themselves(judge, kind):
    answers, status = judge(kind, {"zone": {}}, {})

    assert status == 1
    assert len(answers) == 2
    assert kind in answers[0]["error"]
    assert "not there yet" in answers[0]["error"]


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("bounce", "no json"),
        ("bounce", ""),
        ("bounce", "[]"),
        ("bounce", "{}"),
        ("bounce", '{"raw": "***"}'),
        ("bounce", '{"raw": 7}'),
        ("bounce", '{"path": "/nowhere/at/all"}'),
        ("bounce", '{"path": "a\\u0000b"}'),
        ("reply", '{"text": "x"}'),
        ("reply", '{"code": "550"}'),
        ("reply", '{"code": true}'),
        ("reply", '{"code": 550, "enhanced": "5.1"}'),
        ("address", '{"address": null}'),
        ("provider", '{"domain": "a.example", "mx": "x"}'),
        ("provider", '{"domain": "a.example", "mx": [[1, 2]]}'),
        ("provider", '{"mx": []}'),
        ("dkim", '{"raw": "", "zone": {"a": 7}, "now": 1}'),
        ("dkim", '{"raw": "", "zone": {}, "now": "noon"}'),
        ("dkim", '{"raw": "", "zone": {}, "now": 1e300}'),
        ("address", "[" * 100_000),
    ],
)
def test_a_line_not_understood_is_answered_and_the_run_goes_on(judge, kind, line):
    good = {"bounce": {"raw": ""}, "reply": {"code": 250}, "address": {"address": "a@b.example"},
            "provider": {"domain": "a.example"}, "dkim": {"raw": "", "now": 1}}[kind]

    answers, status = judge(kind, line, good)

    assert status == 1
    assert list(answers[0]) == ["error"]
    assert "error" not in answers[1]


def test_bytes_that_are_no_text_are_answered(judge):
    answers, status = judge.raw("address", b'\xff\xfe\n{"address": "a@b.example"}')

    assert status == 1
    assert [next(iter(answer)) for answer in answers] == ["error", "valid"]


def test_no_lines_are_no_fault(judge):
    assert judge("reply") == ([], 0)


def test_an_unknown_kind_is_one_line_and_a_failure():
    with pytest.raises(CommandError) as failure:
        call_command("judge", "weather")

    assert "\n" not in str(failure.value)
    assert all(kind in str(failure.value) for kind in KINDS)
