"""DKIM: dkimpy verifies what we sign, we verify what dkimpy signs, and refusals say why."""

import base64
from datetime import UTC, datetime

import dkim as oracle
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from relayhub.protocol import dkim, headers
from relayhub.protocol.dkim import Algorithm, SignatureOutcome, SigningKey
from relayhub.protocol.dkim_canonical import relaxed_body, relaxed_field, simple_body
from relayhub.protocol.resolver import ZoneResolver

NOW = datetime(2026, 1, 2, tzinfo=UTC)
RSA = dkim.generate_rsa_2048()
ED = dkim.generate_ed25519()
ZONE = {
    "r._domainkey.ex.com": {"TXT": [dkim.public_record(RSA)]},
    "e._domainkey.ex.com": {"TXT": [dkim.public_record(ED)]},
}
KEYS = [
    SigningKey(domain="ex.com", selector="r", algorithm=Algorithm.RSA_SHA256, private_key=RSA),
    SigningKey(domain="ex.com", selector="e", algorithm=Algorithm.ED25519_SHA256, private_key=ED),
]
HEADER = (
    b"From: A  <a@ex.com>\r\nTo: b@c.d\r\nSubject: folded\r\n \t text \r\nDate: x\r\nMessage-ID: <1@ex.com>\r\n"
    b"List-Unsubscribe: <https://x/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nX-Other: y\r\n"
)
BODY = b"Hi  there \t\r\n\r\n  x\r\n\r\n\r\n"
MAIL = HEADER + b"\r\n" + BODY
PEM = RSA.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
)


def signed(body: bytes = BODY) -> bytes:
    return dkim.sign(headers.parse(HEADER), body, KEYS, signed_at=NOW) + HEADER + b"\r\n" + body


def record_for_oracle(name: bytes, timeout: int = 5) -> bytes:
    return ZONE[name.decode().rstrip(".")]["TXT"][0].encode()


def outcomes(raw: bytes, zone: dict[str, object] | None = None) -> list[SignatureOutcome]:
    return [item.result for item in dkim.verify(raw, ZoneResolver(ZONE if zone is None else zone), now=NOW)]


@pytest.mark.parametrize("body", [b"", b"\r\n", b" \r\n\r\n", BODY, b"no end", b"tail \t\r\n", b"a\r\n" * 5000])
def test_dkimpy_verifies_what_we_sign(body: bytes) -> None:
    mail = signed(body)

    assert outcomes(mail) == [SignatureOutcome.PASS, SignatureOutcome.PASS]
    assert oracle.DKIM(mail).verify(idx=0, dnsfunc=record_for_oracle)
    assert oracle.DKIM(mail).verify(idx=1, dnsfunc=record_for_oracle)


@pytest.mark.parametrize("form", [b"simple/simple", b"simple/relaxed", b"relaxed/simple", b"relaxed/relaxed"])
@pytest.mark.parametrize("body", [b"", BODY, b"x\r\n"])
def test_we_verify_what_dkimpy_signs(form: bytes, body: bytes) -> None:
    mail = HEADER + b"\r\n" + body
    ways = tuple(form.split(b"/"))
    field = oracle.DKIM(mail).sign(b"r", b"ex.com", PEM, canonicalize=ways)

    assert [r.result for r in dkim.verify(field + mail, ZoneResolver(ZONE), now=datetime.now(UTC))] == ["pass"]


def test_list_fields_are_signed_and_from_cannot_be_added() -> None:
    mail = signed()

    assert b"list-unsubscribe-post:list-unsubscribe:" in mail
    assert outcomes(b"From: evil@x.y\r\n" + mail) == [SignatureOutcome.FAIL] * 2
    assert outcomes(mail.replace(b"<https://x/u>", b"<https://evil/>")) == [SignatureOutcome.FAIL] * 2
    assert outcomes(mail + b"more") == [SignatureOutcome.FAIL] * 2


@pytest.mark.parametrize(
    ("zone", "wanted"),
    [
        ({}, "permerror"),
        ({"r._domainkey.ex.com": "TIMEOUT"}, "temperror"),
        ({"r._domainkey.ex.com": {"TXT": "SERVFAIL"}}, "temperror"),
        ({"r._domainkey.ex.com": {"TXT": ["v=DKIM1; p="]}}, "permerror"),
        ({"r._domainkey.ex.com": {"TXT": ["v=DKIM1; p=!!"]}}, "permerror"),
        ({"r._domainkey.ex.com": {"TXT": ["p=; p="]}}, "permerror"),
        ({"r._domainkey.ex.com": {"TXT": ["v=DKIM2; " + dkim.public_record(RSA)[10:]]}}, "permerror"),
        ({"r._domainkey.ex.com": {"TXT": [dkim.public_record(RSA) + "; h=sha1"]}}, "permerror"),
        ({"r._domainkey.ex.com": {"TXT": [dkim.public_record(RSA) + "; s=chat"]}}, "permerror"),
        ({"r._domainkey.ex.com": {"TXT": [dkim.public_record(RSA) + "; t=y:s; s=email; h=sha256"]}}, "pass"),
        ({"r._domainkey.ex.com": {"TXT": ["v=spf1 -all", dkim.public_record(RSA)]}}, "pass"),
        ({"r._domainkey.ex.com": {"TXT": [dkim.public_record(ED)]}}, "permerror"),
        ({"r._domainkey.ex.com": {"TXT": [dkim.public_record(dkim.generate_rsa_2048())]}}, "fail"),
    ],
)
def test_a_key_record_decides(zone: dict[str, object], wanted: str) -> None:
    assert outcomes(signed(), zone)[0] == wanted


def test_a_short_key_is_policy() -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    numbers = rsa.RSAPublicNumbers(e=65537, n=(short.public_numbers().n >> 512) | 1).public_key()
    data = numbers.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    zone = {"r._domainkey.ex.com": {"TXT": ["p=" + base64.b64encode(data).decode()]}}

    assert outcomes(signed(), zone)[0] == "policy"


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        (b"v=1;", b"v=2;", "permerror"),
        (b"a=rsa-sha256", b"a=rsa-sha1", "policy"),
        (b"a=rsa-sha256", b"a=dsa", "permerror"),
        (b":from:from;", b":sender;", "permerror"),
        (b" s=r;", b" s=r; x=1767312001;", "fail"),
        (b" s=r; t=1767312000", b" s=r; t=1; x=2", "policy"),
        (b" s=r; t=1767312000", b" s=r; t=1767999999", "policy"),
        (b" s=r;", b" s=r; i=@other.com;", "permerror"),
        (b" s=r;", b" s=r; i=@sub.ex.com;", "fail"),
        (b" s=r;", b" s=r; s=r;", "permerror"),
        (b" s=r;", b" s=r; l=99999;", "permerror"),
        (b" s=r;", b" s=r; q=http;", "permerror"),
        (b" d=ex.com;", b"", "permerror"),
        (b"c=relaxed/relaxed", b"c=odd", "permerror"),
    ],
)
def test_a_signature_field_decides(old: bytes, new: bytes, wanted: str) -> None:
    mail = dkim.sign(headers.parse(HEADER.replace(b"To: b@c.d\r\n", b"")), BODY, KEYS[:1], signed_at=NOW) + MAIL
    changed = mail.replace(b"from:from;", b":from:from;").replace(b"::", b":") if old in b":from:from;" else mail
    assert old in changed

    assert outcomes(changed.replace(old, new, 1))[0] == wanted


def test_a_body_limit_is_policy_even_when_it_verifies() -> None:
    field = oracle.DKIM(MAIL).sign(b"r", b"ex.com", PEM, length=True)

    assert dkim.verify(field + MAIL + b"more", ZoneResolver(ZONE), now=datetime.now(UTC))[0].result == "policy"


@given(st.binary())
def test_verification_never_raises(data: bytes) -> None:
    outcomes(data)
    outcomes(b"DKIM-Signature: " + data + b"\r\n" + MAIL)


def naive_relaxed(body: bytes) -> bytes:
    lines = body.split(b"\r\n")
    reduced = [b" ".join(p for i, p in enumerate(_runs(line)) if p or i == 0).rstrip(b" ") for line in lines]
    while reduced and not reduced[-1]:
        reduced.pop()
    return b"".join(line + b"\r\n" for line in reduced)


def _runs(line: bytes) -> list[bytes]:
    return line.replace(b"\t", b" ").split(b" ")


PIECES = st.lists(st.sampled_from([b" ", b"\t", b"a", b"=", b"\r\n", b"\xff", b"."])).map(b"".join)


@given(PIECES)
def test_relaxed_body_equals_the_naive_one_and_dkimpys(body: bytes) -> None:
    assert relaxed_body(body) == naive_relaxed(body)
    assert simple_body(body) == oracle.canonicalization.Simple.canonicalize_body(body)


@given(PIECES)
def test_relaxed_fields_equal_dkimpys(value: bytes) -> None:
    value = value.replace(b"\r\n", b"\r\n x").replace(b"\xff", b"y")
    [(name, wanted)] = oracle.canonicalization.Relaxed.canonicalize_headers([(b"Na-Me ", value + b"\r\n")])

    assert relaxed_field(b"Na-Me :" + value + b"\r\n") == name + b":" + wanted


def test_keys_load_again_and_stay_out_of_the_repr() -> None:
    assert dkim.public_record(dkim.load_private(dkim.private_bytes(RSA))) == dkim.public_record(RSA)
    assert dkim.public_record(dkim.load_private(PEM)) == dkim.public_record(RSA)
    assert "private" not in repr(KEYS[0])
    with pytest.raises(dkim.DkimError):
        dkim.load_private(b"nonsense")
