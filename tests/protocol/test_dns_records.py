"""The records of a sending domain: what to publish, and what is found judged."""

import pytest

from relayhub.protocol.dns_records import (
    KeyRecord,
    Outcome,
    RecordKind,
    judge_record,
    read_tags,
    wanted_records,
)
from relayhub.protocol.resolver import MxRecord, NoDomain, NoRecord, Records, TempFail

KEY = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"
KEYS = [
    KeyRecord(selector="rh1", value=f"v=DKIM1; k=rsa; p={KEY}", is_ed25519=False),
    KeyRecord(selector="rh1e", value="v=DKIM1; k=ed25519; p=11qYAYKxCrfVS", is_ed25519=True),
]


def wanted(kind, **options):
    records = wanted_records("news.example", hostname="mail.relay.example", keys=KEYS, **options)
    return next(record for record in records if record.kind is kind)


def check(kind, *values, **options):
    return judge_record(wanted(kind, **options), Records(values=values))


def test_the_records_of_a_domain():
    records = wanted_records(
        "news.example", hostname="mail.relay.example", keys=KEYS,
        egress_addresses=["192.0.2.1", "2001:db8::1"],
    )

    assert [(r.type, r.name, r.required) for r in records] == [
        ("TXT", "rh1._domainkey.news.example", True),
        ("MX", "rp.news.example", True),
        ("TXT", "rp.news.example", True),
        ("TXT", "_dmarc.news.example", True),
        ("TXT", "rh1e._domainkey.news.example", False),
        ("TXT", "news.example", False),
    ]
    assert records[1].value == "10 mail.relay.example"
    assert records[2].value == "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all"
    assert all(record.purpose for record in records)


def test_spf_names_the_smarthost_or_else_the_host():
    by_smarthost = wanted(RecordKind.SPF, smarthost_include="spf.esp.example")

    assert by_smarthost.value == "v=spf1 include:spf.esp.example ~all"
    assert wanted(RecordKind.SPF).value == "v=spf1 a:mail.relay.example ~all"


@pytest.mark.parametrize(
    "value",
    [
        f"v=DKIM1; k=rsa; p={KEY}",
        f"p={KEY};k=rsa;v=DKIM1;",  # order is free but for v; receivers take it
        f"v=DKIM1;p={KEY[:20]} {KEY[20:]}",  # folded
        f"k=rsa; p={KEY}",  # v is optional
        f"v=DKIM1; t=s; s=email; h=sha256; p={KEY}",
    ],
)
def test_equivalent_keys_pass(value):
    assert check(RecordKind.DKIM, value).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([f"v=DKIM1; k=rsa; p={KEY[:30]}"], "cut off after 30"),
        (["v=DKIM1; p="], "revoked"),
        (["v=DKIM1; p=ANOTHERKEY"], "another one"),
        ([f"v=DKIM1; p={KEY}", f"v=DKIM1; p={KEY}x"], "2 keys"),
        ([f"v=DKIM1; k=ed25519; p={KEY}"], "k=ed25519"),
        ([f"v=DKIM1; h=sha1; p={KEY}"], "sha256"),
        ([f"v=DKIM1; s=tlsrpt; p={KEY}"], "s="),
        (["hello"], "no DKIM key"),
    ],
)
def test_wrong_keys_fail_and_say_how_they_differ(values, words):
    found = check(RecordKind.DKIM, *values)

    assert found.outcome is Outcome.FAIL
    assert words in found.explanation
    assert found.found == list(values)


@pytest.mark.parametrize(
    "value",
    [
        "v=spf1 ip4:192.0.2.1 ~all",
        "V=SPF1 include:other.example +ip4:192.0.2.1/32 -all",
        "v=spf1 ip4:192.0.2.0/24 ?all",  # a network that holds ours
    ],
)
def test_spf_that_allows_ours_passes(value):
    assert check(RecordKind.SPF, value, egress_addresses=["192.0.2.1"]).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["v=spf1 -all"], "ip4:192.0.2.1"),
        (["v=spf1 -ip4:192.0.2.1 ~all"], "does not allow"),
        (["v=spf1 ~all ip4:192.0.2.1"], "does not allow"),
        (["v=spf1 ip4:192.0.2.1 ipv4:1.2.3.4 -all"], "ipv4:1.2.3.4"),
        (["v=spf1 ip4:192.0.2.1 -all", "v=spf1 -all"], "2 SPF records"),
        (["v=spf10 -all"], "no SPF record"),
    ],
)
def test_wrong_spf_fails(values, words):
    found = check(RecordKind.SPF, *values, egress_addresses=["192.0.2.1"])

    assert found.outcome is Outcome.FAIL
    assert words in found.explanation


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        ("v=DMARC1; p=none; rua=mailto:x@news.example", Outcome.PASS),
        ("v=DMARC1;p=REJECT", Outcome.PASS),
        ("v=DMARC1; p=quarantine; sp=none; adkim=s", Outcome.PASS),
        ("v=DMARC1; rua=mailto:x@news.example", Outcome.PASS),  # RFC 9989: counts as none
        ("v=DMARC1; p=nothing", Outcome.FAIL),
        ("p=none; v=DMARC1", Outcome.FAIL),
        ("v=DMARC1; p", Outcome.FAIL),
        ("v=DMARC12; p=none", Outcome.FAIL),
    ],
)
def test_dmarc(value, outcome):
    assert check(RecordKind.DMARC, value).outcome is outcome


def test_mx_passes_with_any_preference_and_alone():
    ours = MxRecord(preference=50, host="Mail.Relay.Example.")
    assert check(RecordKind.RETURN_PATH, ours).outcome is Outcome.PASS
    other = MxRecord(preference=20, host="mx.other.example")
    assert "mx.other.example" in check(RecordKind.RETURN_PATH, other).explanation
    both = check(RecordKind.RETURN_PATH, MxRecord(preference=10, host="mail.relay.example"), other)
    assert both.outcome is Outcome.FAIL
    assert check(RecordKind.RETURN_PATH, MxRecord(preference=0, host="")).outcome is Outcome.FAIL


@pytest.mark.parametrize("kind", list(RecordKind))
def test_a_fault_of_dns_is_unknown_and_an_absence_is_not(kind):
    assert judge_record(wanted(kind), TempFail(reason="SERVFAIL")).outcome is Outcome.UNKNOWN
    assert judge_record(wanted(kind), NoDomain()).outcome is Outcome.FAIL
    assert judge_record(wanted(kind), NoRecord()).outcome is Outcome.FAIL


def test_tags():
    assert read_tags("v=DKIM1; P = a b ;") == {"v": "DKIM1", "p": "a b"}
    assert read_tags("v=1; v=2") is None
    assert read_tags("no tags") is None
