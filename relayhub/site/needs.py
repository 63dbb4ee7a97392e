"""What needs a person: troubles, worst first, with the page that mends each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.models import Campaign, CampaignStatus
from campaigns.retold import refusal_told
from deliverability.models import CheckOutcome, DomainCheck, DomainStatus, SendingDomain
from deliverability.record_words import title_of
from relayhub.core import formats, jobs, keys
from relayhub.core.clock import now
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.models import ApiKey, AuditEntry, Job, JobStatus, Scope, Workspace
from relayhub.core.paging import COUNT_LIMIT
from relayhub.core.system import sending_paused
from relayhub.relay import credentials
from relayhub.relay.events import HOLDS_FOR_DOMAIN
from relayhub.relay.models import Lane, Recipient, SmtpCredential, Stream

#: More of one kind are on the page that the button leads to.
MAX_OF_A_KIND = 5
EXPIRES_SOON = timedelta(days=7)
USED_LATELY = timedelta(days=30)
_MOST_LANES = 200
_ORDER = {"bad": 0, "warn": 1, "note": 2}


@dataclass(frozen=True, kw_only=True)
class Need:
    """One thing to look at. `kind`: bad (mail does not arrive), warn (soon it may not), note (when there is time)."""

    kind: str
    icon: str
    title: str
    text: str
    url: str = ""
    label: str = ""
    #: What the button's page asks for; without it there is none.
    permission: str = ""


def address(name: str, *args: str) -> str:
    """The address of a page, "" where there is none."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def needs(workspace: Workspace, streams: Sequence[Mapping[str, Any]] = ()) -> list[Need]:
    """Everything that needs a person now, worst first; `streams` are those of `health_figures.streams`."""
    found = [
        *_sending(workspace), *_domains(workspace), *_held(workspace), *_campaigns(workspace), *_over_limits(streams),
        *_slowed(workspace), *_paused(workspace), *_jobs(workspace), *_expiring(workspace),
    ]
    return sorted(found, key=lambda need: _ORDER[need.kind])


def _sending(workspace: Workspace) -> list[Need]:
    found = []
    if sending_paused():
        found.append(
            Need(kind="bad", icon="player-pause", title=_("Nothing of this installation goes out"),
                 text=_("It was restored from a backup. Mail is accepted and kept until sending is resumed."),
                 url=address("sending"), label=_("See what waits"))
        )
    if workspace.sending_stopped_at is not None:
        found.append(
            Need(kind="bad", icon="player-stop", title=_("Sending of this workspace is stopped"),
                 text=workspace.sending_stopped_reason or _("Mail is accepted and kept until sending is resumed."),
                 url=address("settings-sending"), label=_("See it"))
        )
    return found


def _domains(workspace: Workspace) -> list[Need]:
    rows = SendingDomain.objects.filter(workspace=workspace, deleted_at=None)
    broken = list(rows.filter(status=DomainStatus.BROKEN)[:MAX_OF_A_KIND])
    failing = list(rows.filter(status=DomainStatus.VERIFIED, failing_since__isnull=False)[:MAX_OF_A_KIND])
    checks = DomainCheck.objects.filter(domain__in=[*broken, *failing], outcome=CheckOutcome.FAIL, is_required=True)
    wrong: dict[UUID, list[str]] = {}
    for check in checks:
        wrong.setdefault(check.domain_id, []).append(check.kind)
    return [
        *(_domain_need(row, "bad", wrong.get(row.pk, []), _why_held(_held_of(workspace, row.name))) for row in broken),
        *(_domain_need(row, "warn", wrong.get(row.pk, []),
                       _("The domain still sends; after three days of that its mail is held.")) for row in failing),
    ]


def _why_held(count: int) -> str:
    if count > COUNT_LIMIT:
        return _(
            "It has been wrong for three days, so mail from this domain is held: more than %(count)s recipients wait."
            " It goes out by itself once DNS is right."
        ) % {"count": formats.number(COUNT_LIMIT)}
    if not count:
        return _(
            "It has been wrong for three days, so mail from this domain is held."
            " It goes out by itself once DNS is right."
        )
    return ngettext(
        "It has been wrong for three days, so mail from this domain is held: %(count)s recipient waits."
        " It goes out by itself once DNS is right.",
        "It has been wrong for three days, so mail from this domain is held: %(count)s recipients wait."
        " It goes out by itself once DNS is right.", count,
    ) % {"count": formats.number(count)}


def _held_of(workspace: Workspace, domain: str) -> int:
    """Recipients held because of a From domain; counted to one beyond COUNT_LIMIT."""
    rows = Recipient.objects.filter(
        workspace=workspace, status="held", hold_reason__in=HOLDS_FOR_DOMAIN, message__from_domain=domain
    )
    return rows.values("pk")[: COUNT_LIMIT + 1].count()


def _domain_need(row: SendingDomain, kind: str, wrong: list[str], text: str) -> Need:
    title = _("A required record of %(domain)s is wrong") % {"domain": row.name}
    if len(wrong) == 1:
        title = _("The %(record)s record of %(domain)s is wrong") % {"record": title_of(wrong[0]), "domain": row.name}
    return Need(kind=kind, icon="shield-x" if kind == "bad" else "world", title=title, text=text,
                label=_("See the records"), url=address("domain-detail", row.public_id) or address("domain-list"))


def _over_limits(streams: Sequence[Mapping[str, Any]]) -> list[Need]:
    """Streams that receivers begin to dislike, by the row that is over its limit."""
    return [
        _limit_need(item["stream"], row) for item in streams if item["status"] == "warn" for row in item["bad"]
    ]


def _limit_need(stream: Stream, row: Mapping[str, Any]) -> Need:
    share = formats.share(row["part"], row["whole"], row["digits"])
    limit = formats.percent(row["limit"], 2 if row["digits"] == 3 else 0)
    messages = f"{address('message-list')}?stream={stream.slug}&period=day"
    ways = {
        "deferred": (_("%(stream)s: %(share)s deferred in 24 hours, at most %(limit)s is good"),
                     _("Receivers put our mail off; Live has what still waits for that, with their words."),
                     address("live"), _("See the lanes")),
        "bounced": (_("%(stream)s: %(share)s bounced in 24 hours, at most %(limit)s is good"),
                    _("Look where these addresses came from, and send to none like them."),
                    f"{messages}&status=bounced", _("See what bounced")),
        "complained": (_("%(stream)s: %(share)s complaints in 24 hours, at most %(limit)s is good"),
                       _("Write only to people who asked for it, and make leaving easy."),
                       f"{address('suppression-list')}?reason=complaint", _("See the addresses")),
        "delivered": (_("%(stream)s: %(share)s delivered in 24 hours, at least %(limit)s is good"),
                      _("Look at what did not arrive, and why."), messages, _("See the messages")),
    }
    title, text, url, label = ways[row["status"]]
    many = _("%(part)s of %(whole)s recipients.") % {
        "part": formats.number(row["part"]), "whole": formats.number(row["whole"])
    }
    return Need(
        kind="warn", icon="alert-triangle", url=url, label=label, text=f"{many} {text}",
        title=title % {"stream": stream.title, "share": share, "limit": limit},
    )


def _slowed(workspace: Workspace) -> list[Need]:
    """Lanes with mail that a receiver made us back off from."""
    waiting = Recipient.objects.filter(lane_id=OuterRef("pk"), status__in=("queued", "deferred"))
    rows = Lane.objects.filter(Exists(waiting), workspace=workspace, backoff_until__gt=now()).select_related("stream")
    # Each campaign has a lane of its own to a site; to people it is one.
    sites = {(row.stream_id, row.site): row for row in rows.order_by("backoff_until")[:_MOST_LANES]}
    return [
        Need(kind="warn", icon="clock-pause", title=_("%(site)s asked us to slow down") % {"site": row.site},
             text=_("%(stream)s tries again %(when)s. They said: “%(words)s”.") % {
                 "stream": row.stream.title, "words": _(row.backoff_reason),
                 "when": formats.relative(row.backoff_until or now(), now=now()),
             },
             url=address("live-lane", str(row.pk)), label=_("See the lane"))
        for row in list(sites.values())[::-1][:MAX_OF_A_KIND]
    ]


def _paused(workspace: Workspace) -> list[Need]:
    """What a person stopped and may have forgotten."""
    streams = Stream.objects.filter(workspace=workspace).exclude(paused_at=None)
    campaigns = Campaign.objects.filter(workspace=workspace, status=CampaignStatus.PAUSED).order_by("-id")
    return [
        *(Need(kind="warn", icon="player-pause", title=_("The stream “%(name)s” is paused") % {"name": row.title},
               text=row.paused_reason or _("Nothing of it goes out until somebody resumes it."),
               url=address("stream-list"), label=_("Resume it"), permission=Scope.STREAMS_WRITE) for row in streams),
        *(Need(kind="note", icon="player-pause", title=_("The campaign “%(name)s” is paused") % {"name": row.name},
               text=_("Nothing more of it goes out until somebody resumes or cancels it."),
               url=address("campaign-report", row.public_id), label=_("Open it"))
          for row in campaigns[:MAX_OF_A_KIND]),
    ]


def _expiring(workspace: Workspace) -> list[Need]:
    """Keys and credentials in use that end soon; rotating them overlaps, so that nothing stops."""
    soon = {"workspace": workspace, "revoked_at": None, "expires_at__gt": now(),
            "expires_at__lt": now() + EXPIRES_SOON, "last_used_at__gt": now() - USED_LATELY}
    api_keys = list(ApiKey.objects.filter(**soon).order_by("expires_at")[:MAX_OF_A_KIND])
    replaced = keys.replaced_among(api_keys)
    logins = SmtpCredential.objects.filter(**soon).order_by("expires_at")[:MAX_OF_A_KIND]
    return [
        *(_ends(_("API key “%(name)s” expires %(when)s"), row, address("api-home"), is_replaced=row.pk in replaced)
          for row in api_keys),
        *(_ends(_("SMTP credential “%(name)s” expires %(when)s"), row, address("api-smtp"),
                is_replaced=credentials.newer_of(row) is not None) for row in logins),
    ]


def _ends(title: str, row: ApiKey | SmtpCredential, page: str, *, is_replaced: bool) -> Need:
    """Rotate it; where that was done, the program has still to be given what replaces it."""
    todo = _("It was rotated: give the program that uses it the new one.") if is_replaced else _(
        "Rotate it with overlap, so that nothing stops."
    )
    used = _("Last used %(when)s.") % {"when": formats.relative(row.last_used_at or now(), now=now())}
    return Need(
        kind="note", icon="key", text=f"{used} {todo}", url=page, label=_("Open it"), permission=Scope.KEYS_WRITE,
        title=title % {"name": row.name, "when": formats.relative(row.expires_at or now(), now=now())},
    )


def _held(workspace: Workspace) -> list[Need]:
    count = Recipient.objects.filter(workspace=workspace, status="quarantined").count()
    if not count:
        return []
    title = ngettext(
        "%(count)s recipient waits for your decision", "%(count)s recipients wait for your decision", count
    )
    messages = address("message-list")
    return [
        Need(kind="bad", icon="alert-octagon", title=title % {"count": formats.number(count)},
             text=_("Their mail stopped a worker three times, so it is not tried again by itself."),
             url=f"{messages}?status=quarantined&period=all" if messages else "", label=_("See them"))
    ]


def _jobs(workspace: Workspace) -> list[Need]:
    failed = Job.objects.filter(
        workspace=workspace, status=JobStatus.FAILED, finished_at__gte=now() - timedelta(days=3)
    )
    return [
        Need(kind="warn", icon="alert-triangle", title=_("%(job)s failed") % {"job": jobs.title_of(row)},
             text=_(row.error) if row.error else "",
             url=address("job-detail", row.public_id), label=_("See why"))
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
        Need(kind="bad", icon="send", title=_("“%(name)s” was not launched") % {"name": row.name},
             text=refusal_told(why[row.pk]), url=address("campaign-detail", row.public_id), label=_("Open it"))
        for row in drafts[:3]
    ]
