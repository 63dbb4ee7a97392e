"""The first steps of a new workspace: each is seen to be done by what is there, never by a tick somebody made."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.models import Campaign, Contact, TemplateVersion
from deliverability.models import DomainStatus, SendingDomain
from relayhub.core.access import Actor
from relayhub.core.models import Scope, Workspace
from relayhub.relay.models import Message, Source
from relayhub.relay.routes import workspace_in_sandbox
from relayhub.site.needs import address

#: What a program hands in; campaigns and our own letters are no proof that it works.
_FROM_PROGRAMS = (Source.SMTP, Source.HTTP, Source.RAW)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One of the first steps; who lacks its permission sees it without a button."""

    title: str
    text: str
    is_done: bool
    permission: str
    #: How long it takes a person who does it for the first time.
    minutes: int
    url: str = ""
    label: str = ""


def steps_of(workspace: Workspace) -> list[Step]:
    """What a new workspace does first; [] once all are done, or in a demo."""
    if workspace.is_demo:
        return []
    steps = [*_mail(workspace), *_campaigns(workspace)]
    return [] if all(step.is_done for step in steps) else steps


def parted(steps: list[Step], actor: Actor) -> tuple[list[Step], list[Step]]:
    """What this person may do, and what others have to; all of it together for somebody who may do nothing."""
    mine = [step for step in steps if actor.may(step.permission)]
    return (mine, [step for step in steps if step not in mine]) if mine else (steps, [])


def left_in_words(steps: list[Step]) -> str:
    """“3 of 7 done, about 25 minutes left”: beyond ten a guess, so by five minutes."""
    open_steps = [step for step in steps if not step.is_done]
    if not open_steps:
        return _("%(done)s of %(all)s done") % {"done": len(steps), "all": len(steps)}
    minutes = sum(step.minutes for step in open_steps)
    minutes = 5 * round(minutes / 5) if minutes > 10 else minutes
    return ngettext(
        "%(done)s of %(all)s done, about %(minutes)s minute left",
        "%(done)s of %(all)s done, about %(minutes)s minutes left", minutes,
    ) % {"done": len(steps) - len(open_steps), "all": len(steps), "minutes": minutes}


def _mail(workspace: Workspace) -> list[Step]:
    domains = SendingDomain.objects.filter(workspace=workspace, deleted_at=None)
    has_domain = domains.exists()
    return [
        Step(title=_("Verify a domain"), text=_("Publish the records that let receivers trust your mail."), minutes=10,
             is_done=has_domain and domains.filter(status=DomainStatus.VERIFIED).exists(),
             url=address("domain-list" if has_domain else "domain-new"),
             label=_("See the records") if has_domain else _("Start"), permission=Scope.DOMAINS_WRITE),
        Step(title=_("Send a first message"), label=_("Start"),
             text=_("From your program by SMTP or the REST API. It lands in the sandbox; what is refused is "
                    "listed beside the keys, with the reason."),
             is_done=Message.objects.filter(workspace=workspace, source__in=_FROM_PROGRAMS).exists(), minutes=5,
             url=address("api-home"), permission=Scope.MESSAGES_WRITE),
    ]


def _campaigns(workspace: Workspace) -> list[Step]:
    campaigns = Campaign.objects.filter(workspace=workspace)
    versions = TemplateVersion.objects.filter(template__workspace=workspace)
    draft = campaigns.filter(launched_at=None).order_by("-id").first()
    return [
        Step(title=_("Bring your contacts"), text=_("Import a CSV file, or add a sign-up form to your site."),
             minutes=5, is_done=Contact.objects.filter(workspace=workspace).exists(), url=address("import-new"),
             label=_("Start"), permission=Scope.CONTACTS_WRITE),
        Step(title=_("Write your footer"), label=_("Start"),
             text=_("Company and postal address, which bulk mail must carry in many places."),
             is_done=bool(workspace.company.strip() and workspace.postal_address.strip()), minutes=1,
             url=address("settings-home"), permission=Scope.WORKSPACE_WRITE),
        Step(title=_("Write a template"), text=_("Begin with one of ours, change every word of it, and publish it."),
             is_done=versions.exclude(published_at=None).exists(), minutes=10,
             url=address("template-list" if versions.exists() else "template-new"),
             label=_("Start"), permission=Scope.TEMPLATES_WRITE),
        Step(title=_("Launch a first campaign"), text=_("In the sandbox nobody gets it, and you see everything."),
             is_done=campaigns.exclude(launched_at=None).exists(), minutes=5,
             url=address("campaign-detail", draft.public_id) if draft else address("campaign-new"),
             label=_("Go on") if draft else _("Start"), permission=Scope.CAMPAIGNS_WRITE),
        Step(title=_("Go live"), text=_("Let mail leave to people, once the steps before are done."),
             is_done=not workspace_in_sandbox(workspace.pk), minutes=5, url=address("route-list"),
             label=_("Start"), permission=Scope.ROUTES_WRITE),
    ]
