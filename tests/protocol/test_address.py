"""Addresses: one table of spellings, the key that compares them, and the resolver over a dict."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayhub.protocol.address import (
    LENIENT_POLICY,
    Address,
    AddressError,
    AddressFault,
    DomainPolicy,
    domain_of,
    is_role,
    normalise,
    normalise_domain,
    parse_addr_spec,
    parse_mailbox,
    parse_mailbox_list,
)
from relayhub.protocol.resolver import (
    MxRecord,
    NoDomain,
    NoRecord,
    Records,
    TempFail,
    ZoneError,
    ZoneResolver,
    reverse_name,
)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("a@b.c", "a@b.c"),
        ("John.Doe+News@Example.COM", "john.doe+news@example.com"),  # no dot or plus folding
        ("user@localhost", "user@localhost"),
        ("user@mail.test", "user@mail.test"),
        ('"john"@x.y', "john@x.y"),  # quotes that are not needed
        ('"a b"@x.y', '"a b"@x.y'),
        (r'"a\ b"@x.y', '"a b"@x.y'),
        ('"a@b"@x.y', '"a@b"@x.y'),
        ("x@München.DE", "x@xn--mnchen-3ya.de"),
        ("x@XN--MNCHEN-3YA.de", "x@xn--mnchen-3ya.de"),
        ("x@mu\u0308nchen.de", "x@xn--mnchen-3ya.de"),  # decomposed
        ("ZOË@x.y", "zoë@x.y"),
        ("zoe\u0308@x.y", "zo\u00eb@x.y"),
        ("x@faß.de", "x@xn--fa-hia.de"),  # IDNA 2008, not 2003
        ("x@例え。テスト", "x@xn--r8jz45g.xn--zckzah"),  # ideographic full stop
        ("a" * 64 + "@x.y", "a" * 64 + "@x.y"),
    ],
)
def test_same_address_same_key(text: str, key: str) -> None:
    assert normalise(text) == key
    assert normalise(key) == key
    assert parse_addr_spec(text).key == key
    assert parse_addr_spec(text).spec == text  # the envelope keeps the spelling


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", AddressFault.EMPTY),
        ("plain", AddressFault.NO_AT),
        ("@x.y", AddressFault.LOCAL_PART),
        ("a@", AddressFault.DOMAIN),
        (".a@x.y", AddressFault.LOCAL_PART),
        ("a.@x.y", AddressFault.LOCAL_PART),
        ("a..b@x.y", AddressFault.LOCAL_PART),
        ("a b@x.y", AddressFault.LOCAL_PART),
        ("a@b@x.y", AddressFault.LOCAL_PART),
        ('"a"b"@x.y', AddressFault.LOCAL_PART),
        ("a@x..y", AddressFault.DOMAIN),
        ("a@-x.y", AddressFault.DOMAIN),
        ("a@x.y.", AddressFault.DOMAIN),
        ("a@x_y.z", AddressFault.DOMAIN),
        ("a@1.2.3.4", AddressFault.DOMAIN),
        ("a@xn--zzzzzzzz999999.de", AddressFault.DOMAIN),
        ("a@☃.com", AddressFault.DOMAIN),  # not in IDNA 2008
        ("a@" + "l" * 64 + ".de", AddressFault.DOMAIN),
        ("a@[1.2.3.4]", AddressFault.LITERAL),
        ("a@[1.2.3]", AddressFault.DOMAIN),
        ("a" * 65 + "@x.y", AddressFault.LOCAL_TOO_LONG),
        ("ü" * 33 + "@x.y", AddressFault.LOCAL_TOO_LONG),  # octets, not characters
        ("a@" + "d." * 126 + "de", AddressFault.TOO_LONG),
        ("a@" + "d." * 127 + "de", AddressFault.DOMAIN_TOO_LONG),
        ("a@" + "d." * 500 + "de", AddressFault.TOO_LONG),
        ("a@x.invalid", AddressFault.REFUSED_DOMAIN),
        ("a@x.Onion", AddressFault.REFUSED_DOMAIN),
        ("a@x.y\r\n", AddressFault.CONTROL),
        ("a\n@x.y", AddressFault.CONTROL),
        ("a\0@x.y", AddressFault.CONTROL),
        ("a\u2028@x.y", AddressFault.CONTROL),
        ("a\u202eb@x.y", AddressFault.LOCAL_PART),  # bidi override
        ("a\u00a0b@x.y", AddressFault.LOCAL_PART),
        ("a\ud800@x.y", AddressFault.CONTROL),
    ],
)
def test_what_is_no_address_says_why(text: str, fault: AddressFault) -> None:
    with pytest.raises(AddressError) as caught:
        parse_addr_spec(text)
    assert caught.value.fault is fault
    with pytest.raises(AddressError):
        normalise(text)


def test_policies_widen_and_narrow_the_domains() -> None:
    assert parse_addr_spec("a@[IPv6:::1]", policy=LENIENT_POLICY).domain == "[IPv6:::1]"
    assert parse_addr_spec("a@b.invalid", policy=LENIENT_POLICY).domain == "b.invalid"
    with pytest.raises(AddressError, match="dot"):
        parse_addr_spec("a@localhost", policy=DomainPolicy(allow_single_label=False))
    assert normalise_domain("BÜCHER.example") == "xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("text", "display", "spec"),
    [
        ("z@x.y", "", "z@x.y"),
        ("<z@x.y>", "", "z@x.y"),
        ("Zoë <z@x.y>", "Zoë", "z@x.y"),
        ('"Doe, Jane" <j@x.y>', "Doe, Jane", "j@x.y"),
        (r'"a \"b\" c" <j@x.y>', 'a "b" c', "j@x.y"),
        ("Jane Q. Doe <j@x.y>", "Jane Q. Doe", "j@x.y"),
        ("j@x.y (Jane (Q) Doe)", "Jane Q Doe", "j@x.y"),
        ('<"a>b"@x.y>', "", '"a>b"@x.y'),
    ],
)
def test_mailboxes(text: str, display: str, spec: str) -> None:
    mailbox = parse_mailbox(text)

    assert (mailbox.display, mailbox.spec) == (display, spec)
    assert parse_mailbox(str(mailbox)) == mailbox


@pytest.mark.parametrize(
    "text",
    ["", " ", "a@b.c,", ",a@b.c", "a@b.c, , d@e.f", "x <a@b.c", "x a@b.c>", "x <a@b.c> y", '"x <a@b.c>',
     "(x a@b.c", "un: a@b.c;", "x: <a@b.c>;", "x <>", "x <a@b.c>\r\nBcc: <d@e.f>", "x\0 <a@b.c>",
     "x" * 999 + " <a@b.c>"],
)  # fmt: skip
def test_malformed_mailboxes_are_refused(text: str) -> None:
    with pytest.raises(AddressError):
        parse_mailbox_list(text)


def test_a_list_is_cut_only_at_its_own_commas() -> None:
    found = parse_mailbox_list('"A, B" <a@b.c>, d@e.f (x, y), <g@h.i>')

    assert [mailbox.spec for mailbox in found] == ["a@b.c", "d@e.f", "g@h.i"]
    with pytest.raises(AddressError, match="One address"):
        parse_mailbox("a@b.c, d@e.f")


def test_needs_on_the_wire() -> None:
    assert not parse_addr_spec("a@ü.de").needs_smtputf8
    assert parse_addr_spec("ü@x.de").needs_smtputf8
    assert parse_addr_spec("a@Ü.de").wire_spec == "a@xn--tda.de"
    assert domain_of("a@Ü.de") == "xn--tda.de"
    assert domain_of('"a@b"@X.de') == "x.de"
    assert domain_of("") == ""


def test_roles() -> None:
    assert is_role("Postmaster@x.y")
    assert is_role(Address(local="info+tag", domain="x.y"))
    assert not is_role("information@x.y")


@given(st.text(max_size=300))
def test_parsing_answers_or_refuses_and_never_breaks(text: str) -> None:
    for parse in (parse_addr_spec, parse_mailbox_list, normalise):
        try:
            parse(text)
        except AddressError:
            continue


@given(st.from_regex(r"[a-zA-Z.\"üÄ]{1,10}@[a-zA-Z.üÄ-]{1,12}", fullmatch=True))
def test_a_key_is_its_own_key(text: str) -> None:
    try:
        key = normalise(text)
    except AddressError:
        return
    assert normalise(key) == key


ZONE: dict[str, object] = {
    "Example.com.": {"TXT": ["v=spf1 -all"], "MX": [[20, "b.x."], [10, "A.x"]], "A": "TIMEOUT"},
    "alias.example.com": {"CNAME": ["example.com"]},
    "loop.example.com": {"CNAME": ["loop.example.com"]},
    "dangling.example.com": {"CNAME": ["nowhere.example"]},
    "broken.example.com": "SERVFAIL",
    "null.example.com": {"MX": [[0, "."]]},
}


def test_a_zone_keeps_four_kinds_of_answer_apart() -> None:
    resolver = ZoneResolver(ZONE)

    assert resolver.txt("EXAMPLE.com") == Records(values=("v=spf1 -all",), canonical_name="example.com")
    assert resolver.txt("nowhere.example") == NoDomain()
    assert resolver.aaaa("example.com") == NoRecord()
    assert resolver.a("example.com") == TempFail(reason="timeout")
    assert resolver.ptr("broken.example.com") == TempFail(reason="servfail")


def test_a_zone_follows_aliases() -> None:
    resolver = ZoneResolver(ZONE)
    mx = resolver.mx("alias.example.com")

    assert isinstance(mx, Records)
    assert mx.values == (MxRecord(preference=10, host="a.x"), MxRecord(preference=20, host="b.x"))
    assert resolver.a("loop.example.com") == TempFail(reason="alias loop")
    assert resolver.a("dangling.example.com") == NoDomain()
    null = resolver.mx("null.example.com")
    assert isinstance(null, Records)
    assert null.values == (MxRecord(preference=0, host=""),)
    assert reverse_name("192.0.2.1") == "1.2.0.192.in-addr.arpa"


@pytest.mark.parametrize(
    "zone", [{"a": 1}, {"a": "NOPE"}, {"a": {"MX": ["x"]}}, {"a": {"A": "x"}}, {"a": {"TXT": [1]}}]
)
def test_a_malformed_zone_is_refused_at_once(zone: dict[str, object]) -> None:
    with pytest.raises(ZoneError):
        ZoneResolver(zone)
