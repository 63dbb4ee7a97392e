"""The sending domains of the Demo workspace, with what a look at DNS would have found; the demo never asks."""

from __future__ import annotations

from datetime import datetime, timedelta

from deliverability.domains import apply_findings
from deliverability.models import SendingDomain
from deliverability.records import Finding, records, selector_of
from deliverability.signing import make_keys
from relayhub.core.models import Workspace
from relayhub.protocol.dns_records import Outcome, RecordCheck, RecordKind, WantedRecord

#: Its names are of `.example`, which no DNS knows: they are not looked up again for years.
_LATER = timedelta(days=3650)


def add_demo_domains(workspace: Workspace, domain: str, *, begin: datetime, now: datetime) -> None:
    """One domain that is verified, and one whose records are still to be published."""
    for name, is_verified in ((domain, True), (f"shop.{domain}", False)):
        row = SendingDomain.objects.create(workspace=workspace, name=name, created_at=begin)
        make_keys(row)
        findings = [
            Finding(wanted=record, check=_check(record, is_there=is_verified), selector=selector_of(record))
            for record in records(row)
        ]
        apply_findings(row, findings, at=begin if is_verified else now)
        SendingDomain.objects.filter(pk=row.pk).update(checked_at=now, next_check_at=now + _LATER)
        row.checks.update(checked_at=now)


def _check(record: WantedRecord, *, is_there: bool) -> RecordCheck:
    if is_there or record.kind is RecordKind.DMARC:
        return RecordCheck(outcome=Outcome.PASS, found=[record.value], explanation="As wanted.")
    return RecordCheck(
        outcome=Outcome.FAIL, found=[], explanation=f"There is no {record.type} record at {record.name} yet."
    )
