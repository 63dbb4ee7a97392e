"""Make and change campaigns while they may still be changed; two editors are told of each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from campaigns.launching import require_launch
from campaigns.models import Campaign, CampaignStatus, MailingList, MailTemplate
from relayhub.core import audit, formats, live_feed, spoken
from relayhub.core.access import Actor, require
from relayhub.core.address_faults import fault_told
from relayhub.core.clock import is_within_reach, now
from relayhub.core.errors import AccessError, ConflictError, InputError
from relayhub.core.models import AuditEntry, Scope, Workspace
from relayhub.protocol.address import AddressError, parse_mailbox, parse_mailbox_list
from relayhub.relay.models import Stream, StreamKind, Tracking

EDITABLE = frozenset({CampaignStatus.DRAFT, CampaignStatus.SCHEDULED})
STEPS = ("audience", "content", "preflight", "schedule")
_SIGNED = ("revision", "updated_at", "changed_by")


@dataclass(frozen=True, kw_only=True)
class CampaignChanges:
    """What to set; None leaves a field as it is."""

    name: str | None = None
    from_header: str | None = None
    reply_to: str | None = None
    subject: str | None = None
    template: MailTemplate | None = None
    lists: Sequence[MailingList] | None = None
    excluded_lists: Sequence[MailingList] | None = None
    stream: Stream | None = None
    track: str | None = None
    max_per_minute: int | None = None
    clears_pace: bool = False
    step: str | None = None


def campaigns_of(workspace: Workspace) -> QuerySet[Campaign]:
    """Every campaign of the workspace, newest first."""
    return Campaign.objects.filter(workspace=workspace).select_related("template", "workspace")


def create_campaign(actor: Actor, changes: CampaignChanges) -> Campaign:
    """Make a draft."""
    with transaction.atomic():
        campaign = Campaign(workspace=actor.workspace, created_by=actor.user, name="Untitled campaign",
                            changed_by=actor.label[:300])
        _apply(campaign, changes)
        campaign.save(force_insert=True)
        _set_lists(campaign, changes)
        audit.record(actor, "campaign.created", "campaign", campaign.public_id, summary=campaign.name)
    return campaign


def locked_campaign(campaign: Campaign) -> Campaign:
    """The row as it is now, held until the caller's transaction ends; AccessError where it was deleted meanwhile."""
    row = Campaign.objects.select_for_update(of=("self",)).select_related("workspace").filter(pk=campaign.pk).first()
    if row is None:
        raise AccessError
    return row


def change_campaign(
    actor: Actor, campaign: Campaign, changes: CampaignChanges, *, revision: int | None = None
) -> Campaign:
    """Change a draft; ConflictError where it is launched or somebody else saved since `revision`."""
    with transaction.atomic():
        locked = locked_campaign(campaign)
        _check_editable(locked)
        check_revision(locked, revision)
        is_scheduled = locked.status == CampaignStatus.SCHEDULED
        if is_scheduled:
            require(actor, Scope.CAMPAIGNS_LAUNCH)
        _apply(locked, changes)
        _sign(locked, actor)
        locked.save()
        if is_scheduled:  # it goes out by itself as it is now
            require_launch(actor, locked)
        _set_lists(locked, changes)
        audit.record(actor, "campaign.changed", "campaign", locked.public_id, summary=locked.name)
        live_feed.announce(locked.workspace_id)
    return locked


def _sign(campaign: Campaign, actor: Actor) -> None:
    """Another revision, and whose: open steps are told, and a launch that looked at the one before does not go on."""
    campaign.revision, campaign.updated_at, campaign.changed_by = campaign.revision + 1, now(), actor.label[:300]


def check_revision(campaign: Campaign, revision: int | None) -> None:
    """ConflictError where somebody saved since the person saw it; None asks for no check."""
    if revision is not None and revision != campaign.revision:
        words = _("%(who)s saved this campaign meanwhile. Look at their changes, then save again.")
        who = campaign.changed_by or _("Somebody else")
        raise ConflictError(words % {"who": who}, code="campaign_changed")


def refused_launch(campaign: Campaign) -> AuditEntry | None:
    """Why a scheduled launch did not take place, until somebody changes the campaign."""
    entries = AuditEntry.objects.filter(workspace=campaign.workspace_id, object_id=campaign.public_id)
    last = entries.order_by("-id").first()
    return last if last is not None and last.action == "campaign.launch_blocked" else None


def schedule(
    actor: Actor, campaign: Campaign, at: datetime, *, revision: int | None = None, zone: str = ""
) -> Campaign:
    """Launch by itself at a time; pre-flight is looked at again then. Needs what a launch needs.

    ConflictError where somebody saved since `revision`: nobody schedules what they did not see.
    """
    with transaction.atomic():
        locked = locked_campaign(campaign)
        require_launch(actor, locked)
        if at <= now():
            raise InputError(_("The time lies in the past."), field="scheduled_at")
        if not is_within_reach(at):
            raise InputError(_("The time is more than a hundred years away. Write one that is nearer."),
                             field="scheduled_at")
        _check_editable(locked)
        check_revision(locked, revision)
        locked.status, locked.scheduled_at, locked.archived_at = CampaignStatus.SCHEDULED, at, None
        locked.scheduled_zone = zone
        _sign(locked, actor)
        locked.save(update_fields=["status", "scheduled_at", "scheduled_zone", "archived_at", *_SIGNED])
        audit.record(actor, "campaign.scheduled", "campaign", locked.public_id, summary=locked.name, after={"at": at})
        live_feed.announce(locked.workspace_id)
    return locked


def unschedule(actor: Actor, campaign: Campaign) -> Campaign:
    """Make a scheduled campaign a draft again."""
    with transaction.atomic():
        locked = locked_campaign(campaign)
        if locked.status != CampaignStatus.SCHEDULED:
            raise ConflictError(_("This campaign is not scheduled."), code="not_scheduled")
        locked.status, locked.scheduled_at = CampaignStatus.DRAFT, None
        _sign(locked, actor)
        locked.save(update_fields=["status", "scheduled_at", *_SIGNED])
        audit.record(actor, "campaign.unscheduled", "campaign", locked.public_id, summary=locked.name)
        live_feed.announce(locked.workspace_id)
    return locked


def delete_campaign(actor: Actor, campaign: Campaign) -> None:
    """Remove a campaign that was never launched."""
    with transaction.atomic():
        locked = locked_campaign(campaign)
        if locked.status not in EDITABLE:
            raise ConflictError(_("A launched campaign stays: its report belongs to the messages."),
                                code="campaign_launched")
        audit.record(actor, "campaign.deleted", "campaign", campaign.public_id, summary=campaign.name)
        live_feed.announce(locked.workspace_id)
        locked.delete()


def archive(actor: Actor, campaign: Campaign) -> None:
    """Put a campaign away that goes out no more; its report stays. Doing it twice does it once."""
    _put_away(actor, campaign, is_away=True)


def unarchive(actor: Actor, campaign: Campaign) -> None:
    """Take a campaign back into the list."""
    _put_away(actor, campaign, is_away=False)


def _put_away(actor: Actor, campaign: Campaign, *, is_away: bool) -> None:
    require(actor, Scope.CAMPAIGNS_WRITE)
    with transaction.atomic():
        locked = locked_campaign(campaign)
        if is_away and locked.status in (CampaignStatus.SENDING, CampaignStatus.PAUSED, CampaignStatus.SCHEDULED):
            words = _("This campaign is %(status)s: archive it once it is over.")
            raise ConflictError(words % {"status": spoken.within(locked.get_status_display())}, code="campaign_running")
        if (locked.archived_at is not None) == is_away:
            return
        locked.archived_at = now() if is_away else None
        locked.save(update_fields=["archived_at"])
        action = "campaign.archived" if is_away else "campaign.unarchived"
        audit.record(actor, action, "campaign", locked.public_id, summary=locked.name)


def copy_campaign(actor: Actor, campaign: Campaign) -> Campaign:
    """A new draft with the same content and audience; lists and templates that are archived are left out."""
    template = campaign.template if campaign.template and campaign.template.archived_at is None else None
    streams = Stream.objects.filter(workspace=actor.workspace, kind=StreamKind.BROADCAST)
    return create_campaign(
        actor,
        CampaignChanges(
            name=spoken.copied(campaign.name[:180]), from_header=campaign.from_header, reply_to=campaign.reply_to,
            subject=campaign.subject, template=template, track=campaign.track,
            lists=list(campaign.lists.filter(archived_at=None)),
            excluded_lists=list(campaign.excluded_lists.filter(archived_at=None)),
            max_per_minute=campaign.max_per_minute,
            stream=streams.filter(pk=campaign.stream_id).first() if campaign.stream_id else None,
        ),
    )


def unchangeable(campaign: Campaign) -> str:
    """Why a campaign that is no longer one of `EDITABLE` is not changed."""
    words = _("This campaign is %(status)s and cannot be changed any more.")
    return words % {"status": spoken.within(campaign.get_status_display())}


def _check_editable(campaign: Campaign) -> None:
    if campaign.status not in EDITABLE:
        raise ConflictError(unchangeable(campaign), code="campaign_launched")


def _apply(campaign: Campaign, changes: CampaignChanges) -> None:
    values: dict[str, Any] = {}
    if changes.name is not None:
        values["name"] = _line(changes.name, "name", 200, required=True)
    if changes.from_header is not None:
        values["from_header"] = _mailbox(changes.from_header)
    if changes.reply_to is not None:
        values["reply_to"] = _reply_to(changes.reply_to)
    if changes.subject is not None:
        values["subject"] = _line(changes.subject, "subject", 998)
    if changes.template is not None:
        values["template"] = changes.template
    if changes.stream is not None:
        if changes.stream.kind != StreamKind.BROADCAST:
            raise InputError(_("A campaign goes out on a broadcast stream."), field="stream")
        values["stream_id"] = changes.stream.pk
    if changes.track is not None:
        if changes.track not in Tracking.values:
            words = _("Tracking is one of: %(values)s.") % {"values": ", ".join(Tracking.values)}
            raise InputError(words, field="track")
        values["track"] = changes.track
    if changes.clears_pace:
        values["max_per_minute"] = None
    if changes.max_per_minute is not None:
        if not 1 <= changes.max_per_minute <= 100_000:
            raise InputError(_("Write recipients a minute, 1 to 100,000."), field="max_per_minute")
        values["max_per_minute"] = changes.max_per_minute
    if changes.step in STEPS:
        values["step"] = changes.step
    for field, value in values.items():
        setattr(campaign, field, value)


def _set_lists(campaign: Campaign, changes: CampaignChanges) -> None:
    if changes.lists is not None:
        campaign.lists.set(changes.lists)
    if changes.excluded_lists is not None:
        campaign.excluded_lists.set(changes.excluded_lists)


def _line(text: str, field: str, limit: int, *, required: bool = False) -> str:
    plain = text.strip()
    if len(plain) > limit or any(char in plain for char in "\r\n\0"):
        words = _("Write one line of up to %(count)s characters.")
        raise InputError(words % {"count": formats.number(limit)}, field=field)
    if required and not plain:
        raise InputError(_("Give the campaign a name."), field=field)
    return plain


def _mailbox(text: str) -> str:
    if not text.strip():
        return ""
    try:
        parse_mailbox(text.strip())
    except AddressError as exc:
        raise InputError(fault_told(exc.message), field="from", code="invalid_address") from exc
    return text.strip()[:1000]


def _reply_to(text: str) -> str:
    if not text.strip():
        return ""
    try:
        parse_mailbox_list(text.strip())
    except AddressError as exc:
        raise InputError(fault_told(exc.message), field="reply_to", code="invalid_address") from exc
    return text.strip()[:1000]
