"""Letters to those who can mend a domain: its records begin to fail, or its mail is held now. Once for each."""

from __future__ import annotations

from django.conf import settings

from deliverability.models import DomainStatus, SendingDomain
from deliverability.verdict import verdict_of
from relayhub.core.models import Member, Role
from relayhub.core.system_mail import SystemLetter, send_letter


def tell_trouble(domain: SendingDomain) -> int:
    """Write to every owner and admin of the workspace; how many letters were handed in."""
    verdict = verdict_of(domain, list(domain.checks.all()))
    people = Member.objects.filter(workspace_id=domain.workspace_id, role__in=[Role.OWNER, Role.ADMIN])
    return sum(
        send_letter(
            SystemLetter(
                name="domain_trouble", to=member.user.email,
                context={
                    "domain": domain.name, "workspace": domain.workspace.name, "sentence": verdict.sentence,
                    "is_broken": domain.status == DomainStatus.BROKEN, "breaks_at": verdict.breaks_at,
                    "link": f"{settings.RELAYHUB_BASE_URL}/domains/{domain.public_id}",
                },
            )
        )
        for member in people.select_related("user")
    )
