"""Where a recipient domain's mail goes: its mail hosts, its site, its provider, looked up once and kept.

A `SiteRecord` lives as long as DNS says within bounds, so that a million recipients of a hundred domains cost
a hundred look-ups. `null MX` and a domain that does not exist are permanent; whatever DNS could not say is
temporary (RFC 5321 §5.1, RFC 7505).
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from relayhub.core import resolver
from relayhub.core.clock import now
from relayhub.protocol.providers import site_of
from relayhub.protocol.resolver import Answer, MxRecord, NoDomain, Records, Resolver, TempFail
from relayhub.relay.models import SiteRecord

_KEPT_AT_LEAST = timedelta(minutes=5)
_KEPT_AT_MOST = timedelta(hours=6)
_NO_DOMAIN_KEPT = timedelta(minutes=10)
_TEMPORARY_KEPT = timedelta(minutes=1)
#: Domains without a mail host share one lane: each of their recipients ends at once.
NO_MAIL_SITE = "no-mail-host"
_LOOK_UPS_AT_ONCE = 16


class SiteOutcome(StrEnum):
    """What a look at a domain's mail hosts came to."""

    OK = "ok"  # there is a host to try
    NULL_MX = "null_mx"  # the domain says that it takes no mail
    NO_DOMAIN = "no_domain"  # the name does not exist
    NO_MAIL_HOST = "no_mail_host"  # the name exists, without MX, A or AAAA
    TEMPORARY = "temporary"  # DNS gave no answer


@dataclass(frozen=True, kw_only=True, slots=True)
class MailHosts:
    """A domain's mail hosts by preference."""

    outcome: SiteOutcome
    hosts: tuple[MxRecord, ...] = ()
    ttl_seconds: int | None = None
    why: str = ""


def mail_hosts_from_mx(answer: Answer[MxRecord]) -> MailHosts | None:
    """What the MX answer alone decides; None where addresses of the domain itself have to be asked for."""
    if isinstance(answer, TempFail):
        return MailHosts(outcome=SiteOutcome.TEMPORARY, why=f"DNS gave no answer ({answer.reason})")
    if isinstance(answer, NoDomain):
        return MailHosts(outcome=SiteOutcome.NO_DOMAIN, ttl_seconds=answer.ttl_seconds)
    if not isinstance(answer, Records):
        return None
    hosts = tuple(record for record in answer.values if record.host)
    if hosts:
        return MailHosts(outcome=SiteOutcome.OK, hosts=hosts, ttl_seconds=answer.ttl_seconds)
    return MailHosts(outcome=SiteOutcome.NULL_MX, ttl_seconds=answer.ttl_seconds)


def mail_hosts_from_addresses(domain: str, *answers: Answer[str]) -> MailHosts:
    """Without an MX record the domain's own addresses are its mail host (RFC 5321 §5.1)."""
    found = [answer for answer in answers if isinstance(answer, Records)]
    if found:
        lives = [answer.ttl_seconds for answer in found if answer.ttl_seconds is not None]
        return MailHosts(
            outcome=SiteOutcome.OK, hosts=(MxRecord(preference=0, host=domain),),
            ttl_seconds=min(lives, default=None),
        )
    failure = next((answer for answer in answers if isinstance(answer, TempFail)), None)
    if failure is not None:
        return MailHosts(outcome=SiteOutcome.TEMPORARY, why=f"DNS gave no answer ({failure.reason})")
    return MailHosts(outcome=SiteOutcome.NO_MAIL_HOST)


def ask_mail_hosts(domain: str, asked: Resolver) -> MailHosts:
    """Ask DNS for a domain's mail hosts."""
    return mail_hosts_from_mx(asked.mx(domain)) or mail_hosts_from_addresses(
        domain, asked.a(domain), asked.aaaa(domain)
    )


async def mail_hosts(domain: str) -> MailHosts:
    """The same within an event loop, through the process's cache."""
    asked = resolver.async_resolver()
    return mail_hosts_from_mx(await asked.mx(domain)) or mail_hosts_from_addresses(
        domain, await asked.a(domain), await asked.aaaa(domain)
    )


def site_name(domain: str, hosts: MailHosts) -> tuple[str, str]:
    """(site, provider) of a domain. One whose DNS fails stays by itself: its trouble is nobody else's."""
    if hosts.outcome is SiteOutcome.OK:
        guess = site_of(domain, [record.host for record in hosts.hosts])
        return guess.site, guess.provider
    return (domain if hosts.outcome is SiteOutcome.TEMPORARY else NO_MAIL_SITE), ""


# -- kept as rows --------------------------------------------------------------------------------------------


def cached_sites(domains: Iterable[str]) -> dict[str, str]:
    """Sites of those domains that were looked up lately; one query, no DNS."""
    wanted = sorted(set(domains))
    if not wanted:
        return {}
    found = SiteRecord.objects.filter(domain__in=wanted, expires_at__gt=now())
    return dict(found.values_list("domain", "site"))


def look_up(domain: str) -> SiteRecord:
    """The record of a domain, from its row while that holds, else from DNS; blocks."""
    kept = SiteRecord.objects.filter(domain=domain, expires_at__gt=now()).first()
    return kept if kept is not None else _store([(domain, ask_mail_hosts(domain, resolver.resolver()))])[0]


def resolve_domains(domains: Iterable[str]) -> dict[str, SiteRecord]:
    """The records of many domains: kept ones in one query, the others asked together, stored together."""
    wanted = sorted(set(domains))
    found = {
        record.domain: record
        for record in SiteRecord.objects.filter(domain__in=wanted, expires_at__gt=now())
    }
    missing = [domain for domain in wanted if domain not in found]
    if missing:
        asked = resolver.resolver()
        with ThreadPoolExecutor(_LOOK_UPS_AT_ONCE, thread_name_prefix="sites") as pool:
            answers = list(pool.map(lambda domain: ask_mail_hosts(domain, asked), missing))
        found |= {record.domain: record for record in _store(list(zip(missing, answers, strict=True)))}
    return found


def _store(looked_up: list[tuple[str, MailHosts]]) -> list[SiteRecord]:
    at = now()
    records = [_record(domain, hosts, at) for domain, hosts in sorted(looked_up, key=lambda item: item[0])]
    SiteRecord.objects.bulk_create(
        records, update_conflicts=True, unique_fields=["domain"],
        update_fields=["site", "provider", "outcome", "hosts", "looked_up_at", "expires_at"],
    )
    return records


def _record(domain: str, hosts: MailHosts, at: datetime) -> SiteRecord:
    site, provider = site_name(domain, hosts)
    return SiteRecord(
        domain=domain, site=site, provider=provider, outcome=hosts.outcome.value,
        hosts=[[record.preference, record.host] for record in hosts.hosts], looked_up_at=at,
        expires_at=at + _kept_for(hosts),
    )


def _kept_for(hosts: MailHosts) -> timedelta:
    if hosts.outcome is SiteOutcome.TEMPORARY:
        return _TEMPORARY_KEPT
    if hosts.outcome is not SiteOutcome.OK:
        return _NO_DOMAIN_KEPT
    return min(max(timedelta(seconds=hosts.ttl_seconds or 0), _KEPT_AT_LEAST), _KEPT_AT_MOST)
