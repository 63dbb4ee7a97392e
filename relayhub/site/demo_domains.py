"""The sending domains of the Demo workspace, with what looks at DNS would have found; the demo never asks.

One is in order and has drifted twice, one broke days ago because somebody changed its DKIM record, one waits for
its records.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from deliverability.models import (
    CheckOutcome,
    DkimKey,
    DomainCheck,
    DomainCheckChange,
    DomainStatus,
    KeyState,
    SendingDomain,
)
from deliverability.records import records
from deliverability.signing import make_keys
from relayhub.core.models import Workspace
from relayhub.protocol.dns_records import RecordKind, WantedRecord
from relayhub.site.demo_texts import DOMAIN, SHOP_DOMAIN

#: Its names are of `.example`, which no DNS knows: they are not looked up again for years.
_LATER = timedelta(days=3650)
CATERING_DOMAIN = f"catering.{DOMAIN}"
_RIGHT = "As wanted."
#: Looks like the key of the provider before: nobody has its other half.
_NUMBER = b"".join(hashlib.sha512(bytes([part])).digest() for part in range(4))
_FOREIGN_KEY = ["v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"
                f"{base64.b64encode(_NUMBER).decode()[:338]}wIDAQAB"]


@dataclass(frozen=True, kw_only=True)
class DomainTimes:
    """When what happened to them."""

    begin: datetime
    now: datetime
    #: When the shop's DKIM record was overwritten, and when that had lasted three days.
    drifted_at: datetime
    broken_at: datetime


def add_demo_domains(workspace: Workspace, when: DomainTimes) -> dict[str, SendingDomain]:
    """The domains by name."""
    made = {name: _domain(workspace, name, when) for name in (DOMAIN, SHOP_DOMAIN, CATERING_DOMAIN)}
    _bakery(made[DOMAIN], when)
    _shop(made[SHOP_DOMAIN], when)
    _catering(made[CATERING_DOMAIN], when)
    return made


def _domain(workspace: Workspace, name: str, when: DomainTimes) -> SendingDomain:
    row = SendingDomain.objects.create(
        workspace=workspace, name=name, created_at=when.begin, next_check_at=when.now + _LATER, checked_at=when.now
    )
    make_keys(row)
    return row


def _checks(domain: SendingDomain, when: DomainTimes, wrong: dict[RecordKind, tuple[list[str] | None, str]]) -> None:
    """The latest look: each record right, but those of `wrong` (what is there instead, and why that is wrong)."""
    rows = []
    for record in records(domain):
        found, why = wrong.get(record.kind, ([record.value], _RIGHT))
        rows.append(
            DomainCheck(
                domain=domain, kind=record.kind.value, is_required=record.required, record_type=record.type,
                record_name=record.name, wanted=record.value, found=found, explanation=why,
                outcome=CheckOutcome.PASS if why == _RIGHT else CheckOutcome.FAIL, checked_at=when.now,
            )
        )
    DomainCheck.objects.bulk_create(rows)


def _verified(domain: SendingDomain, at: datetime, status: DomainStatus, **changes: object) -> None:
    DkimKey.objects.filter(domain=domain).update(state=KeyState.ACTIVE, seen_in_dns_at=at, activated_at=at)
    SendingDomain.objects.filter(pk=domain.pk).update(status=status, verified_at=at, **changes)


def _wanted(domain: SendingDomain, kind: RecordKind) -> WantedRecord:
    return next(record for record in records(domain) if record.kind is kind)


def _bakery(domain: SendingDomain, when: DomainTimes) -> None:
    """Verified; its DMARC policy was raised, and once its return-path lost SPF for an afternoon."""
    _verified(domain, when.begin, DomainStatus.VERIFIED)
    strict = [f"v=DMARC1; p=quarantine; rua=mailto:dmarc@{DOMAIN}"]
    _checks(domain, when, {RecordKind.DMARC: (strict, _RIGHT)})
    dmarc, spf = _wanted(domain, RecordKind.DMARC), _wanted(domain, RecordKind.SPF)
    lost = when.now - timedelta(days=33, hours=6)
    gone = f"There is no TXT record at {spf.name} yet."
    _changes(
        domain,
        (dmarc, when.begin + timedelta(days=40), ([dmarc.value], True), (strict, True), _RIGHT),
        (spf, lost, ([spf.value], True), (None, False), gone),
        (spf, lost + timedelta(hours=5), (None, False), ([spf.value], True), _RIGHT),
    )


def _shop(domain: SendingDomain, when: DomainTimes) -> None:
    """Verified at first; a move to another DNS provider brought back an old DKIM record."""
    _verified(domain, when.begin + timedelta(days=2), DomainStatus.BROKEN, failing_since=when.drifted_at, failures=9)
    why = "The key is another one, not ours."
    _checks(domain, when, {RecordKind.DKIM: (_FOREIGN_KEY, why)})
    key = _wanted(domain, RecordKind.DKIM)
    _changes(domain, (key, when.drifted_at, ([key.value], True), (_FOREIGN_KEY, False), why))


def _catering(domain: SendingDomain, when: DomainTimes) -> None:
    """Added lately; nothing is published yet but a DMARC record that counts for it."""
    SendingDomain.objects.filter(pk=domain.pk).update(created_at=when.now - timedelta(days=3))
    missing: dict[RecordKind, tuple[list[str] | None, str]] = {
        record.kind: (None, f"There is no {record.type} record at {record.name} yet.")
        for record in records(domain) if record.kind is not RecordKind.DMARC
    }
    _checks(domain, when, missing)


_Look = tuple[list[str] | None, bool]


def _changes(domain: SendingDomain, *rows: tuple[WantedRecord, datetime, _Look, _Look, str]) -> None:
    def outcome(look: _Look) -> str:
        return CheckOutcome.PASS if look[1] else CheckOutcome.FAIL

    DomainCheckChange.objects.bulk_create(
        DomainCheckChange(
            domain=domain, kind=record.kind.value, record_name=record.name, old_outcome=outcome(before),
            new_outcome=outcome(after), old_found=before[0], new_found=after[0], explanation=why, at=at,
        )
        for record, at, before, after, why in rows
    )
