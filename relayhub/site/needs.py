"""What needs a person: troubles with the page that mends each, and the first steps of a new workspace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.urls import NoReverseMatch, reverse

from campaigns.models import Campaign, CampaignStatus, Contact, TemplateVersion
from deliverability.models import DomainStatus, SendingDomain
from relayhub.core.clock import now
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.models import AuditEntry, Job, JobStatus, Scope, Workspace
from relayhub.core.system import sending_paused
from relayhub.relay.models import Message, Recipient, Source, Stream
from relayhub.relay.routes import workspace_in_sandbox


@dataclass(frozen=True, kw_only=True)
class Need:
    """One thing to look at; `kind` is "bad" or "warn"."""

    kind: str
    icon: str
    title: str
    text: str
    url: str = ""
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One of the first steps; who lacks its permission sees it without a button."""

    title: str
    text: str
    is_done: bool
    permission: str
    url: str = ""
    label: str = "Start"


def address(name: str, *args: str) -> str:
    """The address of a page, "" where there is none."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def needs(workspace: Workspace) -> list[Need]:
    """Everything that needs a person now, worst first."""
    found = [*_sending(workspace), *_domains(workspace), *_streams(workspace), *_held(workspace), *_jobs(workspace),
             *_campaigns(workspace)]
    return sorted(found, key=lambda need: need.kind != "bad")


def _sending(workspace: Workspace) -> list[Need]:
    found = []
    if sending_paused():
        found.append(
            Need(kind="bad", icon="player-pause", title="Nothing of this installation goes out",
                 text="It was restored from a backup. Mail is accepted and kept until sending is resumed.",
                 url=address("sending"), label="See what waits")
        )
    if workspace.sending_stopped_at is not None:
        found.append(
            Need(kind="bad", icon="player-stop", title="Sending of this workspace is stopped",
                 text=workspace.sending_stopped_reason or "Mail is accepted and kept until sending is resumed.",
                 url=address("settings-sending"), label="See it")
        )
    return found


def _domains(workspace: Workspace) -> list[Need]:
    rows = SendingDomain.objects.filter(workspace=workspace, deleted_at=None)
    broken = rows.filter(status=DomainStatus.BROKEN)[:5]
    failing = rows.filter(status=DomainStatus.VERIFIED, failing_since__isnull=False)[:5]
    return [
        *(_domain_need(row, "bad", "shield-x", f"{row.name} is broken",
                       "A record it needs is gone or wrong in DNS. Mail from it is held until that is right again.")
          for row in broken),
        *(_domain_need(row, "warn", "world", f"{row.name} needs a look at its DNS",
                       "A record it needs is gone or wrong. It still sends; after three days of that its mail is held.")
          for row in failing),
    ]


def _domain_need(row: SendingDomain, kind: str, icon: str, title: str, text: str) -> Need:
    return Need(kind=kind, icon=icon, title=title, text=text, label="See the records",
                url=address("domain-detail", row.public_id) or address("domain-list"))


def _streams(workspace: Workspace) -> list[Need]:
    return [
        Need(kind="warn", icon="player-pause", title=f"The stream “{row.name}” is paused",
             text=row.paused_reason or "Nothing of it goes out until somebody resumes it.",
             url=address("live"), label="Live")
        for row in Stream.objects.filter(workspace=workspace).exclude(paused_at=None)
    ]


def _held(workspace: Workspace) -> list[Need]:
    count = Recipient.objects.filter(workspace=workspace, status="quarantined").count()
    if not count:
        return []
    noun = "recipient waits" if count == 1 else "recipients wait"
    messages = address("message-list")
    return [
        Need(kind="bad", icon="alert-octagon", title=f"{count:,} {noun} for your decision",
             text="Their mail stopped a worker three times, so it is not tried again by itself.",
             url=f"{messages}?status=quarantined" if messages else "", label="See them")
    ]


def _jobs(workspace: Workspace) -> list[Need]:
    failed = Job.objects.filter(
        workspace=workspace, status=JobStatus.FAILED, finished_at__gte=now() - timedelta(days=3)
    )
    return [
        Need(kind="warn", icon="alert-triangle", title=f"{row.title} failed", text=row.error,
             url=address("job-detail", row.public_id), label="See why")
        for row in failed.order_by("-id")[:3]
    ]


def _campaigns(workspace: Workspace) -> list[Need]:
    """Scheduled campaigns that could not be launched this week and are still drafts."""
    missed = AuditEntry.objects.filter(
        workspace=workspace, action="campaign.launch_blocked", at__gte=now() - timedelta(days=7)
    ).order_by("-id")[:20]
    why = {decode_id(Prefix.CAMPAIGN, entry.object_id): entry.summary for entry in reversed(missed)}
    drafts = Campaign.objects.filter(workspace=workspace, status=CampaignStatus.DRAFT, pk__in=[pk for pk in why if pk])
    return [
        Need(kind="bad", icon="send", title=f"“{row.name}” was not launched", text=why[row.pk],
             url=address("campaign-detail", row.public_id), label="Open it")
        for row in drafts[:3]
    ]


def first_steps(workspace: Workspace) -> list[Step]:
    """What a new workspace does first; each step is seen to be done by what is there. [] once all are, or in a demo."""
    if workspace.is_demo:
        return []
    domains = SendingDomain.objects.filter(workspace=workspace, deleted_at=None)
    campaigns = Campaign.objects.filter(workspace=workspace)
    templates = TemplateVersion.objects.filter(template__workspace=workspace)
    steps = [
        Step(title="Verify a domain", text="Publish the records that let receivers trust your mail; about 10 minutes.",
             is_done=domains.filter(status=DomainStatus.VERIFIED).exists(),
             url=address("domain-list" if domains.exists() else "domain-new"), permission=Scope.DOMAINS_WRITE),
        Step(title="Send a first message", text="From your program by SMTP or the REST API. It lands in the sandbox.",
             is_done=Message.objects.filter(workspace=workspace).exclude(source=Source.SYSTEM).exists(),
             url=address("api-home"), permission=Scope.MESSAGES_WRITE),
        Step(title="Bring your contacts", text="Import a CSV file, or add a sign-up form to your site.",
             is_done=Contact.objects.filter(workspace=workspace).exists(), url=address("import-new"),
             permission=Scope.CONTACTS_WRITE),
        Step(title="Write your footer", text="Company and postal address, which bulk mail must carry in many places.",
             is_done=bool(workspace.company and workspace.postal_address), url=address("settings-home"),
             permission=Scope.WORKSPACE_WRITE),
        Step(title="Write a template", text="Begin with one of ours, change every word of it, and publish it.",
             is_done=templates.exclude(published_at=None).exists(),
             url=address("template-list" if templates.exists() else "template-new"),
             permission=Scope.TEMPLATES_WRITE),
        Step(title="Launch a first campaign", text="In the sandbox nobody gets it, and you see everything.",
             is_done=campaigns.exclude(launched_at=None).exists(), url=address("campaign-new"),
             permission=Scope.CAMPAIGNS_WRITE),
        Step(title="Go live", text="Let mail leave to people, once the steps before are done.",
             is_done=not workspace_in_sandbox(workspace.pk), url=address("route-list"),
             permission=Scope.ROUTES_WRITE),
    ]
    return [] if all(step.is_done for step in steps) else steps
