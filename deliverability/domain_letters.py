"""Letters to those who can mend a domain: its records begin to fail, or its mail is held now. Once for each."""

from __future__ import annotations

from datetime import UTC

from django.conf import settings

from deliverability.models import DomainCheck, DomainStatus, SendingDomain
from deliverability.verdict import verdict_of
from relayhub.core import formats, languages
from relayhub.core.clock import now
from relayhub.core.models import Member, Role, User
from relayhub.core.system_mail import SystemLetter, send_letter


def tell_trouble(domain: SendingDomain) -> int:
    """Write to every owner and admin of the workspace, each in their language; how many letters were handed in."""
    people = Member.objects.filter(workspace_id=domain.workspace_id, role__in=[Role.OWNER, Role.ADMIN])
    checks = list(domain.checks.all())
    return sum(send_letter(_letter(domain, checks, member.user)) for member in people.select_related("user"))


def _letter(domain: SendingDomain, checks: list[DomainCheck], reader: User) -> SystemLetter:
    language = languages.shipped_for(reader.language) or languages.SOURCE
    with languages.speaking(language):
        verdict = verdict_of(domain, checks)
        held_from = verdict.breaks_at and formats.moment_text(verdict.breaks_at, now=now(), zone=UTC, style="full")
    return SystemLetter(
        name="domain_trouble", to=reader.email, language=language,
        context={
            "domain": domain.name, "workspace": domain.workspace.name, "sentence": verdict.sentence,
            "is_broken": domain.status == DomainStatus.BROKEN, "breaks_at": verdict.breaks_at,
            "held_from": held_from, "link": f"{settings.RELAYHUB_BASE_URL}/domains/{domain.public_id}",
        },
    )
