"""What a receiver could check of a message: its signatures, and the DNS records of its From domain at a time.

Signatures are verified against the public keys that we hold, so that a fault of ours shows as one and a record
that is missing in DNS shows as that. Records are told as they were seen at the time: the latest look, taken
back through the changes noted since. Asks no DNS. RFC 6376, RFC 7489 (alignment).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from deliverability import explanations, managers
from deliverability.models import DkimKey, DomainCheck, DomainCheckChange, SendingDomain
from relayhub.core import clock, formats
from relayhub.protocol import dkim
from relayhub.protocol.resolver import ZoneResolver
from relayhub.relay.models import Message
from relayhub.relay.retold import retold

#: Kind of check -> what a receiver calls it, in the order shown.
_KINDS = {
    "dkim": _("DKIM key"), "dkim_ed25519": _("DKIM key, Ed25519"), "return_path": _("Return-path"), "spf": "SPF",
    "dmarc": "DMARC", "ptr": _("Reverse DNS"),
}
_OUTCOMES = {"pass": "delivered", "fail": "bounced", "unknown": "unknown"}
_WORDS = {"pass": _("in place"), "fail": _("missing or wrong"), "unknown": _("not known")}
_TITLES = {
    "pass": _("%(record)s in place"), "fail": _("%(record)s missing or wrong"), "unknown": _("%(record)s not known"),
}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One thing that was checked; `status` gives icon and colour."""

    status: str
    title: str
    text: str


def records_at(message: Message, at: datetime) -> list[Verdict]:
    """The From domain's records as they stood at a time; one verdict where it is no domain of ours."""
    domain = managers.live_domain(message.workspace_id, message.from_domain)
    if domain is None:
        named = {"domain": message.from_domain}
        return [Verdict(status="unknown", title=gettext("%(domain)s is not among your domains") % named,
                        text=gettext("It was deleted, or never added: nothing is known of its DNS records."))]
    found = [_record(check, domain, at) for check in domain.checks.all() if check.kind in _KINDS]
    if not found:
        return [Verdict(status="pending", title=gettext("Not looked up yet"),
                        text=gettext("The records of %(domain)s were never checked.") % {"domain": domain.name})]
    return [verdict for _, verdict in sorted(found, key=lambda item: item[0])]


def _record(check: DomainCheck, domain: SendingDomain, at: datetime) -> tuple[int, Verdict]:
    changed = DomainCheckChange.objects.filter(
        domain=domain, kind=check.kind, record_name=check.record_name, at__gt=at
    ).order_by("id").first()
    outcome = (changed.old_outcome or "unknown") if changed is not None else check.outcome
    if changed is not None:
        note = gettext("Changed %(when)s: now %(state)s.") % {
            "when": formats.relative(changed.at, now=clock.now()), "state": _WORDS[check.outcome],
        }
    else:
        note = explanations.told(check.explanation)
    order = list(_KINDS).index(check.kind)
    title = str(_TITLES.get(outcome, f"%(record)s {outcome}")) % {"record": _KINDS[check.kind]}
    return order, Verdict(status=_OUTCOMES.get(outcome, "unknown"), title=title, text=note)


def signatures_of(message: Message, raw: bytes) -> list[Verdict]:
    """What a receiver would find of the signatures, were our keys' records in its DNS."""
    rows = DkimKey.objects.filter(domain__workspace_id=message.workspace_id, domain__name=message.from_domain)
    zone = ZoneResolver(
        {f"{row.selector}._domainkey.{message.from_domain}": {"TXT": [row.public_record]} for row in rows}
    )
    found = dkim.verify(raw, zone, now=clock.now())
    if not found:
        return [Verdict(status="warn", title=gettext("No DKIM signature"),
                        text=gettext("%(domain)s has no key that signs; receivers will doubt where it is from.")
                        % {"domain": message.from_domain})]
    return [_signature(item, message.from_domain) for item in found]


def _signature(item: dkim.SignatureResult, from_domain: str) -> Verdict:
    passes = item.result is dkim.SignatureOutcome.PASS
    aligned = item.domain == from_domain or from_domain.endswith(f".{item.domain}")
    words = gettext("Aligned with From, as DMARC wants it.") if aligned else (
        gettext("Not aligned with %(domain)s.") % {"domain": from_domain}
    )
    return Verdict(
        status="delivered" if passes and aligned else "deferred" if passes else "bounced",
        title=gettext("DKIM signature verifies") if passes else gettext("DKIM signature does not verify"),
        text=f"{item.selector}._domainkey.{item.domain}. {words if passes else retold(item.why)}",
    )
