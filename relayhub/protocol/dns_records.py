"""The DNS records a sending domain needs: compose them, and judge what is found against what is wanted.

Equivalents pass: tags in another order, white space, strings cut in other places, an SPF record that allows
what is wanted among other things, any valid DMARC record. A temporary fault of DNS is `unknown` and never a
failure. RFC 7208 (SPF), RFC 6376 §3.6.1 (DKIM), RFC 9989 (DMARC).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from relayhub.protocol.resolver import MxRecord, NoDomain, NoRecord, Records, TempFail


class Outcome(StrEnum):
    """What a look at a record came to."""

    PASS = "pass"
    FAIL = "fail"  # definitely absent or wrong
    UNKNOWN = "unknown"  # DNS gave no definite answer


class RecordKind(StrEnum):
    """What a record is for."""

    DKIM = "dkim"
    DKIM_ED25519 = "dkim_ed25519"
    RETURN_PATH = "return_path"
    SPF = "spf"
    DMARC = "dmarc"
    SPF_ORGANISATION = "spf_organisation"


_PURPOSES = {
    RecordKind.DKIM: "DKIM signature key (RSA)",
    RecordKind.DKIM_ED25519: "DKIM signature key (Ed25519)",
    RecordKind.RETURN_PATH: "Where bounces come back to",
    RecordKind.SPF: "Who may send with the return-path (SPF)",
    RecordKind.DMARC: "What receivers do with mail that is not authentic (DMARC)",
    RecordKind.SPF_ORGANISATION: "Who may send as the domain itself (SPF)",
}
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_SPF_MECHANISMS = frozenset({"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"})
_DMARC_POLICIES = frozenset({"none", "quarantine", "reject"})
_TAG = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*=\s*([^;]*?)\s*(?:;|\Z)")


@dataclass(frozen=True, kw_only=True, slots=True)
class WantedRecord:
    """A record to publish. `name` is absolute without the final dot; TXT values are whole and unquoted."""

    kind: RecordKind
    type: str
    name: str
    value: str
    required: bool

    @property
    def purpose(self) -> str:
        """What it is for, in words."""
        return _PURPOSES[self.kind]


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordCheck:
    """What was found, and what it means."""

    outcome: Outcome
    found: list[str]
    explanation: str


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyRecord:
    """A DKIM key to publish."""

    selector: str
    value: str
    is_ed25519: bool


def wanted_records(
    domain: str,
    *,
    hostname: str,
    keys: Sequence[KeyRecord],
    egress_addresses: Sequence[str] = (),
    smarthost_include: str = "",
) -> tuple[WantedRecord, ...]:
    """Every record of a sending domain, the required ones first."""
    return_path = f"rp.{domain}"
    spf = spf_value(hostname=hostname, egress_addresses=egress_addresses, smarthost_include=smarthost_include)
    records = [
        WantedRecord(
            kind=RecordKind.DKIM_ED25519 if key.is_ed25519 else RecordKind.DKIM, type="TXT",
            name=f"{key.selector}._domainkey.{domain}", value=key.value, required=not key.is_ed25519,
        )
        for key in keys
    ]
    records += [
        WantedRecord(
            kind=RecordKind.RETURN_PATH, type="MX", name=return_path, value=f"10 {hostname}", required=True
        ),
        WantedRecord(kind=RecordKind.SPF, type="TXT", name=return_path, value=spf, required=True),
        WantedRecord(
            kind=RecordKind.DMARC, type="TXT", name=f"_dmarc.{domain}", required=True,
            value=f"v=DMARC1; p=none; rua=mailto:dmarc@{return_path}",
        ),
        WantedRecord(kind=RecordKind.SPF_ORGANISATION, type="TXT", name=domain, value=spf, required=False),
    ]
    return tuple(sorted(records, key=lambda record: not record.required))


def spf_value(*, hostname: str, egress_addresses: Sequence[str], smarthost_include: str) -> str:
    """The SPF record that allows this installation to send."""
    if egress_addresses:
        parsed = [ipaddress.ip_address(address) for address in egress_addresses]
        mechanisms = [f"ip{address.version}:{address}" for address in parsed]
    elif smarthost_include:
        mechanisms = [f"include:{smarthost_include}"]
    else:
        mechanisms = [f"a:{hostname}"]
    return f"v=spf1 {' '.join(mechanisms)} ~all"


Answer = Records[str] | Records[MxRecord] | NoDomain | NoRecord | TempFail


def judge_record(wanted: WantedRecord, answer: Answer) -> RecordCheck:
    """Whether what DNS answered is what is wanted."""
    if isinstance(answer, TempFail):
        return RecordCheck(
            outcome=Outcome.UNKNOWN, found=[],
            explanation=f"DNS gave no definite answer ({answer.reason}). Nothing changes; we look again.",
        )
    if isinstance(answer, (NoDomain, NoRecord)):
        return _fail([], f"There is no {wanted.type} record at {wanted.name} yet.")
    if wanted.type == "MX":
        return _judge_mx(wanted, [value for value in answer.values if isinstance(value, MxRecord)])
    texts = [value for value in answer.values if isinstance(value, str)]
    judges = {
        RecordKind.DKIM: _judge_dkim, RecordKind.DKIM_ED25519: _judge_dkim, RecordKind.DMARC: _judge_dmarc,
        RecordKind.SPF: _judge_spf, RecordKind.SPF_ORGANISATION: _judge_spf,
    }
    return judges[wanted.kind](wanted, texts)


def _fail(found: list[str], explanation: str) -> RecordCheck:
    return RecordCheck(outcome=Outcome.FAIL, found=found, explanation=explanation)


def _pass(found: list[str], explanation: str = "As wanted.") -> RecordCheck:
    return RecordCheck(outcome=Outcome.PASS, found=found, explanation=explanation)


def _judge_mx(wanted: WantedRecord, records: list[MxRecord]) -> RecordCheck:
    found = [f"{record.preference} {record.host.rstrip('.')}" for record in records]
    host = wanted.value.split()[1].lower()
    hosts = [record.host.rstrip(".").lower() for record in records]
    if hosts == [host]:
        return _pass(found)
    if host in hosts:
        others = ", ".join(other or "." for other in hosts if other != host)
        return _fail(found, f"{wanted.name} also points to {others}; bounces may go there. Keep only {host}.")
    return _fail(found, f"{wanted.name} points to {', '.join(hosts) or 'nothing'}, not to {host}.")


def read_tags(text: str) -> dict[str, str] | None:
    """`tag=value; …` of DKIM and DMARC records, names in lower case; None where it is not well-formed."""
    tags: dict[str, str] = {}
    position = 0
    while position < len(text) and text[position:].strip(" \t;"):
        match = _TAG.match(text, position)
        if match is None or match[1].lower() in tags:
            return None
        tags[match[1].lower()] = match[2]
        position = match.end()
    return tags


def _judge_dkim(wanted: WantedRecord, texts: list[str]) -> RecordCheck:
    ours = read_tags(wanted.value) or {}
    candidates = [text for text in texts if "p=" in text.replace(" ", "")]
    if not candidates:
        return _fail(texts, f"What is at {wanted.name} is no DKIM key.")
    if len(candidates) > 1:
        return _fail(
            texts, f"There are {len(candidates)} keys at {wanted.name}; receivers then use none. Keep ours."
        )
    theirs = read_tags(candidates[0])
    if theirs is None:
        return _fail(texts, "The record is not well-formed: a tag is not written as name=value.")
    if theirs.get("v", "DKIM1") != "DKIM1":
        return _fail(texts, f"The record begins with v={theirs['v']}; it must be v=DKIM1.")
    key, found = _bare(ours.get("p", "")), _bare(theirs.get("p", ""))
    if not found:
        return _fail(texts, "The key is empty, which means it was revoked.")
    if key != found:
        return _fail(texts, _key_difference(key, found))
    if theirs.get("k", "rsa") != ours.get("k", "rsa"):
        said, must = theirs.get("k", "rsa"), ours.get("k", "rsa")
        return _fail(texts, f"The record says k={said}; it must be k={must}.")
    if "sha256" not in theirs.get("h", "sha256"):
        return _fail(texts, "The record does not allow sha256 (h=).")
    if not {"*", "email"} & {service.strip() for service in theirs.get("s", "*").split(":")}:
        return _fail(texts, "The record does not allow the key for mail (s=).")
    return _pass(texts)


def _bare(value: str) -> str:
    return re.sub(r"\s+", "", value)


def _key_difference(wanted: str, found: str) -> str:
    if wanted.startswith(found):
        return f"The key is cut off after {len(found)} of {len(wanted)} characters: paste the whole value."
    place = next((i for i, (a, b) in enumerate(zip(wanted, found, strict=False)) if a != b), 0)
    if place > 20:
        return f"The key differs from ours from character {place + 1} on: paste the value again."
    return "The key is another one, not ours."


def _judge_dmarc(wanted: WantedRecord, texts: list[str]) -> RecordCheck:
    candidates = [text for text in texts if re.match(r"v\s*=\s*DMARC1\b", text)]
    if not candidates:
        return _fail(texts, f"What is at {wanted.name} does not begin with v=DMARC1.")
    if len(candidates) > 1:
        return _fail(texts, f"There are {len(candidates)} DMARC records; receivers then use none. Keep one.")
    tags = read_tags(candidates[0])
    if tags is None:
        return _fail(texts, "The record is not well-formed: a tag is not written as name=value.")
    policy = tags.get("p", "").lower()
    if policy not in _DMARC_POLICIES:
        if "rua" not in tags:
            return _fail(texts, "The record has no policy: p must be none, quarantine or reject.")
        policy = "none"  # RFC 9989: with a reporting address an absent or unknown policy counts as none
    note = "" if "rua" in tags else " It has no rua, so no reports come: add one to see who sends as you."
    return _pass(texts, f"A valid record with the policy {policy}.{note}")


def _judge_spf(wanted: WantedRecord, texts: list[str]) -> RecordCheck:
    candidates = [text for text in texts if re.match(r"v=spf1(\s|\Z)", text, re.IGNORECASE)]
    if not candidates:
        return _fail(texts, f"There is no SPF record (v=spf1 …) at {wanted.name} yet.")
    if len(candidates) > 1:
        return _fail(texts, f"There are {len(candidates)} SPF records; receivers use none. Make them one.")
    terms = candidates[0].split()[1:]
    fault = next((term for term in terms if not _is_spf_term(term)), None)
    if fault is not None:
        return _fail(texts, f"“{fault}” is not an SPF mechanism, so receivers ignore the whole record.")
    allowed = _before_all(terms)
    missing = [term for term in wanted.value.split()[1:-1] if not _is_allowed(term, allowed)]
    if missing:
        return _fail(texts, f"The record does not allow {' '.join(missing)}: add it before “all”.")
    return _pass(texts)


def _is_spf_term(term: str) -> bool:
    name = re.split(r"[:=/]", term.lstrip("+-~?"), maxsplit=1)[0].lower()
    return name in _SPF_MECHANISMS or "=" in term


def _before_all(terms: list[str]) -> list[str]:
    """Terms that count: nothing after `all` does, and only those that pass."""
    kept = []
    for term in terms:
        if term.lstrip("+-~?").lower() == "all":
            break
        if term[0] not in "-~?":
            kept.append(term)
    return kept


def _is_allowed(term: str, allowed: list[str]) -> bool:
    """A term of ours stands there, or a network that holds its address."""
    if _spf_key(term) in {_spf_key(other) for other in allowed}:
        return True
    own = _network(term)
    return own is not None and any(_holds(_network(other), own) for other in allowed)


def _network(term: str) -> Network | None:
    name, _, value = term.lstrip("+").lower().partition(":")
    try:
        return ipaddress.ip_network(value, strict=False) if name in {"ip4", "ip6"} else None
    except ValueError:
        return None


def _holds(outer: Network | None, inner: Network) -> bool:
    if isinstance(outer, ipaddress.IPv4Network) and isinstance(inner, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(outer, ipaddress.IPv6Network) and isinstance(inner, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False


def _spf_key(term: str) -> str:
    text = term.lstrip("+").lower().rstrip(".")
    network = _network(text)
    return text if network is None else str(network)
