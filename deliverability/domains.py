"""Sending domains: add, look at their records, decide their status, delete.

Verified needs every required record and nothing else. A verified domain becomes broken only after three
definite failures of required records over at least 72 hours (THREATS T18); a temporary DNS error counts for
nothing, either way. Mail of a broken domain is held and goes by itself once the records are back: the relay's
sweep asks `sending_state`. No transaction is open while DNS is asked.
"""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deliverability import managers, signing
from deliverability.mailbox_domains import MAILBOX_DOMAINS
from deliverability.models import (
    CheckOutcome,
    DkimKey,
    DomainCheck,
    DomainCheckChange,
    DomainStatus,
    SendingDomain,
)
from deliverability.records import Finding, look, name_servers, records, zone_text
from relayhub.core import audit, formats
from relayhub.core.access import Actor, require, system_actor
from relayhub.core.address_faults import fault_told
from relayhub.core.clock import now
from relayhub.core.errors import ConflictError, InputError, LimitError
from relayhub.core.models import Scope, Workspace
from relayhub.core.throttle import Limit, take
from relayhub.protocol.address import AddressError, normalise_domain
from relayhub.protocol.dns_records import Outcome
from relayhub.protocol.providers import is_public_suffix

__all__ = [
    "add_domain", "delete_domain", "recheck_due", "records", "return_path_host", "rotate_keys", "sending_state",
    "verify", "verify_when_asked", "zone_text",
]

log = logging.getLogger(__name__)

SendingState = Literal["verified", "broken", "unverified"]

#: CONTRACT 4, domain; THREATS T18.
FAILURES_TO_BREAK = 3
BREAKS_AFTER = timedelta(hours=72)
#: How old the answer of `sending_state` may be.
STATE_CACHE_SECONDS = 5.0
MAX_DOMAINS = 1000
RECHECKS_AT_ONCE = 20
_MAX_SERVERS_KEPT = 13
#: Looks of one domain that people and programs ask for.
_LOOKS = Limit(per_second=0.1, burst=10)
#: A look that began is not begun again before this, should its worker die.
_RECHECK_LEASE = timedelta(minutes=5)
_VERIFIED_EVERY = timedelta(hours=6)
_FAILING_EVERY = timedelta(hours=1)
_BROKEN_EVERY = timedelta(minutes=10)
#: Age of a domain that is not verified yet -> how often it is looked at.
_PENDING_EVERY = (
    (timedelta(hours=1), timedelta(minutes=1)),
    (timedelta(days=1), timedelta(minutes=10)),
    (timedelta(days=14), timedelta(hours=1)),
)
_PENDING_LATER = timedelta(days=1)

_states: dict[tuple[UUID, str], tuple[float, SendingState]] = {}
_states_lock = threading.Lock()
_MAX_STATES = 50_000


# -- asking --------------------------------------------------------------------------------------------------


def sending_state(workspace_id: UUID, domain_name: str) -> SendingState:
    """Whether mail may leave in this domain's name; at most STATE_CACHE_SECONDS old. One indexed query."""
    key, moment = (workspace_id, domain_name), time.monotonic()
    found = _states.get(key)
    if found is not None and moment - found[0] < STATE_CACHE_SECONDS:
        return found[1]
    domain = managers.live_domain(workspace_id, domain_name)
    state = _state_of(domain)
    with _states_lock:
        if len(_states) >= _MAX_STATES:
            _states.clear()
        _states[key] = (moment, state)
    return state


def _state_of(domain: SendingDomain | None) -> SendingState:
    if domain is None or domain.status == DomainStatus.PENDING:
        return "unverified"
    return "verified" if domain.status == DomainStatus.VERIFIED else "broken"


def forget(workspace_id: UUID, domain_name: str) -> None:
    """Ask the table anew next time."""
    with _states_lock:
        _states.pop((workspace_id, domain_name), None)
    signing.forget(workspace_id, domain_name)


def return_path_host(domain_name: str) -> str:
    """The host of a domain's return-paths, whose MX is ours."""
    return f"rp.{domain_name}"


# -- adding and deleting -------------------------------------------------------------------------------------


def add_domain(actor: Actor, workspace: Workspace, name: str) -> tuple[SendingDomain, bool]:
    """Add a domain with its keys; the one that is there and False, where the workspace has it already."""
    require(actor, Scope.DOMAINS_WRITE)
    checked = _checked_name(name)
    found = managers.live_domain(workspace.pk, checked)
    if found is not None:
        return found, False
    if managers.live_domains(workspace.pk).count() >= MAX_DOMAINS:
        raise ConflictError(
            _("A workspace has at most %(count)s domains.") % {"count": formats.number(MAX_DOMAINS)},
            code="too_many_domains",
        )
    with transaction.atomic():
        made = SendingDomain.objects.bulk_create(
            [SendingDomain(workspace=workspace, name=checked)], ignore_conflicts=True
        )[0]
        domain = SendingDomain.objects.get(workspace=workspace, name=checked, deleted_at__isnull=True)
        if domain.pk != made.pk:  # a twin added it in the same instant
            return domain, False
        signing.make_keys(domain)
        _store_wanted(domain)
        audit.record(actor, "domain.added", "domain", domain.public_id, summary=checked)
        transaction.on_commit(ring)
    forget(workspace.pk, checked)
    return domain, True


def _checked_name(name: str) -> str:
    text = name.strip().rstrip(".").lower()
    if "@" in text or "/" in text:
        alone = text.rpartition("@")[2].partition("://")[2] or text.rpartition("@")[2]
        example = alone.partition("/")[0].removeprefix("www.") or "example.com"
        raise InputError(_("Write the domain alone, such as %(example)s.") % {"example": example[:253]}, field="name")
    try:
        checked = normalise_domain(text)
    except AddressError as exc:
        raise InputError(fault_told(exc.message), field="name") from exc
    if "." not in checked or len(f"_dmarc.{checked}") > 253:
        raise InputError(_("Write a whole domain, such as example.com."), field="name")
    if is_public_suffix(checked):
        raise InputError(
            _("%(domain)s is a suffix that many register names under, not a domain.") % {"domain": checked},
            field="name",
        )
    if checked in MAILBOX_DOMAINS:
        raise InputError(
            _("%(domain)s belongs to a mailbox provider, so nobody else can send as it. Add one of your own.")
            % {"domain": checked}, field="name",
        )
    return checked


def _store_wanted(domain: SendingDomain) -> None:
    """Checks that were not made yet: each record, unknown, so that pages and API can list them at once."""
    DomainCheck.objects.bulk_create(
        [
            DomainCheck(
                domain=domain, kind=record.kind.value, is_required=record.required, record_type=record.type,
                record_name=record.name, wanted=record.value, explanation="Not looked at yet.",
            )
            for record in records(domain)
        ]
    )


def rotate_keys(actor: Actor, domain: SendingDomain) -> list[DkimKey]:
    """Make new DKIM keys to publish and look for them from now on; the present ones sign until they are seen."""
    with transaction.atomic():
        made = signing.rotate(actor, domain)
        transaction.on_commit(ring)
    return made


def delete_domain(actor: Actor, domain: SendingDomain) -> None:
    """Remove a domain and its keys: nothing can be sent as it any more; its mail is refused at the door."""
    require(actor, Scope.DOMAINS_WRITE)
    with transaction.atomic():
        deleted = managers.live_domains(actor.workspace.pk).filter(pk=domain.pk).update(deleted_at=now())
        if deleted:
            signing.destroy_keys(domain)
            audit.record(actor, "domain.deleted", "domain", domain.public_id, summary=domain.name)
    forget(domain.workspace_id, domain.name)


# -- looking -------------------------------------------------------------------------------------------------


def verify_when_asked(actor: Actor, domain: SendingDomain) -> SendingDomain:
    """Look now, past any cache, because somebody asks; LimitError where it was asked too often.

    Ten looks of a domain at once, then one in ten seconds: each opens threads and asks name servers of others.
    """
    require(actor, Scope.DOMAINS_WRITE)
    allowance = take(f"domain-look:{domain.pk}", _LOOKS)
    if not allowance.is_allowed:
        wait = math.ceil(allowance.retry_after_seconds)
        raise LimitError(
            ngettext(
                "%(domain)s was looked up too often just now. Wait %(count)s second, then try again; it is also looked"
                " up by itself.",
                "%(domain)s was looked up too often just now. Wait %(count)s seconds, then try again; it is also looked"
                " up by itself.", wait,
            ) % {"domain": domain.name, "count": wait},
            retry_after_seconds=wait,
        )
    return verify(domain)


def verify(domain: SendingDomain, *, fresh: bool = True) -> SendingDomain:
    """Look at every record now, store the outcomes and what they mean; returns the domain as it stands."""
    findings, servers = look(domain, fresh=fresh), name_servers(domain.name)
    return apply_findings(domain, findings, at=now(), servers=servers)


def apply_findings(
    domain: SendingDomain, findings: Sequence[Finding], *, at: datetime, servers: Sequence[str] = ()
) -> SendingDomain:
    """Store what a look found: checks, drift, keys, status, and the name servers where they were told.

    One transaction; the domain's row is locked.
    """
    with transaction.atomic():
        held = SendingDomain.objects.select_for_update().select_related("workspace").get(pk=domain.pk)
        if held.deleted_at is not None:
            raise ConflictError(_("This domain was deleted."), code="domain_deleted")
        _store_checks(held, findings, at)
        seen = {
            finding.selector: finding.check.outcome is Outcome.PASS
            for finding in findings
            if finding.selector and finding.check.outcome is not Outcome.UNKNOWN
        }
        signing.note_seen(held, seen, at)
        before, was_failing = held.status, held.failing_since is not None
        _judge_domain(held, findings, at)
        held.checked_at, held.next_check_at = at, _next_check_at(held, at)
        held.name_servers = [*servers][:_MAX_SERVERS_KEPT] or held.name_servers
        held.save(
            update_fields=[
                "status", "verified_at", "failures", "failing_since", "checked_at", "next_check_at", "name_servers",
            ]
        )
        if held.status != before:
            _tell(held, before)
        begins_to_fail = held.failing_since is not None and not was_failing
        if begins_to_fail or (held.status == DomainStatus.BROKEN and held.status != before):
            transaction.on_commit(lambda: _write(held))
        transaction.on_commit(lambda: forget(held.workspace_id, held.name))
    return held


def _judge_domain(domain: SendingDomain, findings: Sequence[Finding], at: datetime) -> None:
    outcomes = {finding.check.outcome for finding in findings if finding.wanted.required}
    if Outcome.FAIL in outcomes:
        if domain.status == DomainStatus.VERIFIED:
            domain.failures += 1
            domain.failing_since = domain.failing_since or at
            if domain.failures >= FAILURES_TO_BREAK and at - domain.failing_since >= BREAKS_AFTER:
                domain.status = DomainStatus.BROKEN
    elif outcomes == {Outcome.PASS}:
        domain.status = DomainStatus.VERIFIED
        domain.verified_at = domain.verified_at or at
        domain.failures, domain.failing_since = 0, None


def _next_check_at(domain: SendingDomain, at: datetime) -> datetime:
    """When to look again, spread a little so that domains added together do not stay together."""
    if domain.status == DomainStatus.VERIFIED:
        every = _FAILING_EVERY if domain.failures else _VERIFIED_EVERY
    elif domain.status == DomainStatus.BROKEN:
        every = _BROKEN_EVERY
    else:
        age = at - domain.created_at
        every = next((step for limit, step in _PENDING_EVERY if age < limit), _PENDING_LATER)
    return at + every * random.uniform(0.9, 1.1)


def _store_checks(domain: SendingDomain, findings: Sequence[Finding], at: datetime) -> None:
    known = {(check.kind, check.record_name): check for check in domain.checks.all()}
    kept: set[int] = set()
    for finding in findings:
        check = known.get((finding.wanted.kind.value, finding.wanted.name))
        values = _check_values(finding, at)
        if check is None:
            made = DomainCheck.objects.create(
                domain=domain, kind=finding.wanted.kind.value, record_name=finding.wanted.name, **values
            )
            kept.add(made.pk)
            continue
        _note_drift(domain, check, finding, at)
        for field, value in values.items():
            setattr(check, field, value)
        check.save(update_fields=[*values])
        kept.add(check.pk)
    domain.checks.exclude(pk__in=kept).delete()


def _check_values(finding: Finding, at: datetime) -> dict[str, Any]:
    return {
        "is_required": finding.wanted.required, "record_type": finding.wanted.type,
        "wanted": finding.wanted.value, "outcome": CheckOutcome(finding.check.outcome.value),
        "found": finding.check.found or None, "explanation": finding.check.explanation[:1000],
        "checked_at": at,
    }


def _note_drift(domain: SendingDomain, check: DomainCheck, finding: Finding, at: datetime) -> None:
    """Keep what changed between two looks that got an answer; a failing DNS is no change."""
    outcome, found = finding.check.outcome.value, finding.check.found or None
    # Name servers answer with the texts of a name in any order.
    is_same = check.outcome == outcome and sorted(check.found or ()) == sorted(found or ())
    if outcome == CheckOutcome.UNKNOWN or is_same:
        return
    knew_nothing = check.outcome == CheckOutcome.UNKNOWN and check.found is None
    if knew_nothing and outcome == CheckOutcome.FAIL and not found:
        return
    DomainCheckChange.objects.create(
        domain=domain, kind=check.kind, record_name=check.record_name, old_outcome=check.outcome,
        new_outcome=outcome, old_found=check.found, new_found=found, at=at,
        explanation=finding.check.explanation[:1000],
    )


def _tell(domain: SendingDomain, before: str) -> None:
    log.info("domain.status_changed", extra={"domain": domain.name, "from": before, "to": domain.status})
    audit.record(
        system_actor(domain.workspace), f"domain.{domain.status}", "domain", domain.public_id,
        summary=domain.name, before={"status": before}, after={"status": domain.status},
    )


def _write(domain: SendingDomain) -> None:
    from deliverability.domain_letters import tell_trouble  # needs the verdict, which needs this module

    tell_trouble(domain)


# -- the beat's job ------------------------------------------------------------------------------------------

_TAKE_DUE_SQL = """
UPDATE deliverability_sendingdomain SET next_check_at = %(until)s
WHERE id IN (
  SELECT id FROM deliverability_sendingdomain WHERE deleted_at IS NULL AND next_check_at <= %(now)s
  ORDER BY next_check_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING id
"""


def ring() -> None:
    """Have the domains that are due looked at now; a broker that is away costs seconds, for the beat comes by."""
    from deliverability.tasks import recheck_domains_task

    try:
        recheck_domains_task.apply_async(retry=False)
    except Exception:  # the broker's client raises its own kinds; the row is due either way
        log.warning("domain.bell_failed")


def recheck_due(*, limit: int = RECHECKS_AT_ONCE) -> int:
    """Look at domains that are due; each is taken by one worker, and a worker that dies costs minutes."""
    at = now()
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_DUE_SQL, {"now": at, "until": at + _RECHECK_LEASE, "limit": limit})
        ids = [row[0] for row in cursor.fetchall()]
    for domain in SendingDomain.objects.filter(pk__in=ids):
        try:
            # Somebody waits for records just published: what a cache still holds must not count.
            verify(domain, fresh=domain.status != DomainStatus.VERIFIED or domain.failures > 0)
        except ConflictError:
            continue  # deleted meanwhile
        except Exception:  # whatever one domain has in its DNS, the others are looked at
            log.exception("domain.look_failed", extra={"domain": domain.name})
    return len(ids)
