"""What a domain has to publish, as records, as a zone file, and as looked up in DNS.

Composing and judging are pure (`protocol.dns_records`); this module knows our settings, our keys and DNS. The
required records are those of CONTRACT 5 and nothing else. A look-up that fails is an answer of its own and
never an absence.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from django.conf import settings

from deliverability import managers
from deliverability.models import DkimKey, KeyAlgorithm, KeyState, SendingDomain
from deliverability.record_words import host_in, merged_spf, quoted, relevant
from relayhub.core import resolver
from relayhub.core.address_guard import is_public
from relayhub.protocol.dns_records import (
    Answer,
    KeyRecord,
    Outcome,
    RecordCheck,
    RecordKind,
    WantedRecord,
    judge_record,
    wanted_records,
)
from relayhub.protocol.providers import registrable_domain
from relayhub.protocol.resolver import Records, Resolver, TempFail

#: What a smarthost's customers put into SPF, by the end of its host name or its anymail name; as the
#: providers' own documentation asks for in 2026.
_SMARTHOST_INCLUDES = {
    "sendgrid.net": "sendgrid.net", "sendgrid": "sendgrid.net",
    "mailgun.org": "mailgun.org", "mailgun": "mailgun.org",
    "amazonaws.com": "amazonses.com", "amazon_ses": "amazonses.com",
    "postmarkapp.com": "spf.mtasv.net", "mtasv.net": "spf.mtasv.net", "postmark": "spf.mtasv.net",
    "sparkpostmail.com": "_spf.sparkpostmail.com", "sparkpost": "_spf.sparkpostmail.com",
    "mailjet.com": "spf.mailjet.com", "mailjet": "spf.mailjet.com",
    "sendinblue.com": "spf.brevo.com", "brevo.com": "spf.brevo.com", "brevo": "spf.brevo.com",
    "mandrillapp.com": "spf.mandrillapp.com", "mandrill": "spf.mandrillapp.com",
    "mailersend.net": "_spf.mailersend.net", "mailersend": "_spf.mailersend.net",
    "resend.com": "amazonses.com", "resend": "amazonses.com",
    "smtp2go.com": "spf.smtp2go.com", "gmail.com": "_spf.google.com",
    "office365.com": "spf.protection.outlook.com", "zoho.com": "zohomail.com",
}
#: Name servers asked directly for a zone; one answer is enough.
_MAX_NAME_SERVERS = 4
_LOOK_UPS_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One record as wanted, and what DNS has."""

    wanted: WantedRecord
    check: RecordCheck
    selector: str = ""


def records(domain: SendingDomain) -> tuple[WantedRecord, ...]:
    """Everything to publish for a domain, the required first.

    While a new key waits for its switch, its record is listed and not required; the record of the one that
    signs is required; one that signed lately should stay, and is listed last.
    """
    keys = managers.keys_of(domain)
    current = _current(keys)
    optional = {f"{key.selector}._domainkey.{domain.name}" for key in keys if key not in current}
    retiring = {
        f"{key.selector}._domainkey.{domain.name}" for key in keys if key.state == KeyState.RETIRING
    }
    listed = [
        replace(record, required=False) if record.name in optional else record
        for record in wanted_records(
            domain.name, hostname=settings.RELAYHUB_HOSTNAME, keys=[_key_record(key) for key in keys],
            egress_addresses=[str(address) for address in settings.RELAYHUB_EGRESS_ADDRESSES],
            smarthost_include=smarthost_include(settings.RELAYHUB_DEFAULT_ROUTE),
        )
    ]
    return tuple(sorted(listed, key=lambda record: (not record.required, record.name in retiring)))


def _current(keys: Sequence[DkimKey]) -> list[DkimKey]:
    """Of each algorithm the key that signs, or else the one that waits to."""
    found = []
    for algorithm in KeyAlgorithm:
        of_kind = [key for key in keys if key.algorithm == algorithm]
        active = [key for key in of_kind if key.state == KeyState.ACTIVE]
        waiting = [key for key in of_kind if key.state == KeyState.PUBLISHING]
        found += active[-1:] or waiting[-1:]
    return found


def _key_record(key: DkimKey) -> KeyRecord:
    return KeyRecord(
        selector=key.selector, value=key.public_record, is_ed25519=key.algorithm == KeyAlgorithm.ED25519
    )


def smarthost_include(route: str) -> str:
    """What to include in SPF where all mail leaves through a known provider; else an empty text."""
    if route.startswith("anymail:"):
        return _SMARTHOST_INCLUDES.get(route.removeprefix("anymail:").lower(), "")
    try:
        host = (urlsplit(route).hostname or "") if "://" in route else ""
    except ValueError:
        return ""
    labels = host.split(".")
    ends = (".".join(labels[start:]) for start in range(len(labels) - 1))
    return next((_SMARTHOST_INCLUDES[end] for end in ends if end in _SMARTHOST_INCLUDES), "")


def zone_text(domain: SendingDomain) -> str:
    """The records in the form of RFC 1035 §5, to be pasted into a zone file or handed to whoever runs DNS.

    Where the last look found another SPF or DMARC record under a name, ours is a comment that says what to
    change: two of them would both count for nothing.
    """
    found = {(check.kind, check.record_name): check.found or () for check in domain.checks.all()}
    lines = [f"; {domain.name}: records for RelayHub"]
    for record in records(domain):
        need = "required" if record.required else "recommended"
        lines.append(f"; {record.purpose} ({need})")
        lines += _zone_lines(record, relevant(record.kind.value, found.get((record.kind.value, record.name), ())))
    return "\n".join(lines) + "\n"


def _zone_lines(record: WantedRecord, found: Sequence[str]) -> list[str]:
    line = f"{record.name}. 3600 IN {record.type} {_zone_value(record)}"
    stays = record.kind in {RecordKind.SPF, RecordKind.SPF_ORGANISATION, RecordKind.DMARC} and len(found) == 1
    if not stays or found[0] == record.value:
        return [line]
    if record.kind is RecordKind.DMARC:
        return ["; there is one already, which is kept; only if it is not valid, replace it with:", f"; {line}"]
    merged = replace(record, value=merged_spf(found[0], record.value))
    if merged.value == found[0]:
        return ["; there is one already that allows what is needed; keep it"]
    return [
        "; there is one already: replace it with the following, do not add a second",
        f"{record.name}. 3600 IN {record.type} {_zone_value(merged)}",
    ]


def _zone_value(record: WantedRecord) -> str:
    return f"{record.value}." if record.type != "TXT" else quoted(record.value)


# -- looking -------------------------------------------------------------------------------------------------


def look(domain: SendingDomain, *, fresh: bool) -> list[Finding]:
    """Ask DNS for every record at once and judge what it has; takes at most about two look-ups' time limit.

    fresh asks the zone's own name servers first, so that what a cache of the system's resolver still holds
    (an absence above all) does not count, unless RELAYHUB_DNS_SERVERS names who is to be asked.
    """
    wanted = records(domain)
    asked = resolver.uncached()
    own = _zone_resolver(domain.name) if fresh and not settings.RELAYHUB_DNS_SERVERS else None
    zone = registrable_domain(domain.name) or domain.name
    with ThreadPoolExecutor(_LOOK_UPS_AT_ONCE, thread_name_prefix="dns") as pool:
        checks = list(pool.map(lambda record: _checked(record, asked, own, zone), wanted))
    return [
        Finding(wanted=record, check=check, selector=selector_of(record))
        for record, check in zip(wanted, checks, strict=True)
    ]


def _checked(record: WantedRecord, asked: Resolver, own: Resolver | None, zone: str) -> RecordCheck:
    """One record judged; a definite failure is explained by the usual slips where it shows one."""
    check = judge_record(record, _answer(record, asked, own))
    if check.outcome is not Outcome.FAIL:
        return check
    if any(text.startswith('"') for text in check.found):
        slip = "The value stands in quotation marks of its own: publish it without them."
        return replace(check, explanation=f"{slip} {check.explanation}")
    if check.found:
        return check
    # Most providers add the zone to what is typed, so a whole name ends up with the zone twice.
    doubled = replace(record, name=f"{record.name}.{zone}")
    answer = _ask(doubled, own or asked)
    if not isinstance(answer, Records):
        return check
    return replace(
        check, explanation=f"It was published at {doubled.name}: your provider adds {zone} by itself."
        f" Write {host_in(zone, record.name)} as its host.",
    )


def selector_of(record: WantedRecord) -> str:
    """The selector of a DKIM record; "" for the others."""
    head, found, _ = record.name.partition("._domainkey.")
    return head if found else ""


def _answer(record: WantedRecord, asked: Resolver, own: Resolver | None) -> Answer:
    """What the zone's own servers have, else what the resolver says: only that follows every delegation."""
    if own is not None:
        direct = _ask(record, own)
        if isinstance(direct, Records) and judge_record(record, direct).outcome is Outcome.PASS:
            return direct
    return _ask(record, asked)


def _ask(record: WantedRecord, asked: Resolver) -> Answer:
    return asked.mx(record.name) if record.type == "MX" else asked.txt(record.name)


def _zone_resolver(name: str) -> Resolver | None:
    """A resolver that asks the name servers of the zone itself; None where they cannot be told.

    Their addresses come from a stranger's DNS: only public ones are asked (THREATS T17).
    """
    asked = resolver.uncached()
    hosts = _name_servers(name, asked)[:_MAX_NAME_SERVERS]
    addresses = [address for host in hosts for address in _addresses(asked, host)]
    return resolver.resolver_at(f"{address}:53" for address in addresses) if addresses else None


def name_servers(name: str) -> tuple[str, ...]:
    """Who answers for the zone that the name is in, sorted; () where DNS does not say."""
    return tuple(sorted({host.lower().rstrip(".") for host in _name_servers(name, resolver.resolver())}))


def _name_servers(name: str, asked: Resolver) -> tuple[str, ...]:
    top = registrable_domain(name)
    labels = name.split(".")
    for start in range(len(labels)):
        zone = ".".join(labels[start:])
        servers = asked.ns(zone)
        if isinstance(servers, Records):
            return tuple(servers.values)
        if isinstance(servers, TempFail) or zone == top:
            break
    return ()


def _addresses(asked: Resolver, host: str) -> list[str]:
    found = asked.a(host)
    if not isinstance(found, Records):
        return []
    return [text for text in found.values[:2] if is_public(text)]
