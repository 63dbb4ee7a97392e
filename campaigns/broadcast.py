"""Launch, expand, pause, resume, cancel, finish: one broadcast a campaign, exactly once through kills.

A launch freezes content and audience in one transaction and rings; the audience of very many is frozen by the
first step of the expansion instead, in seconds nobody has to wait for. Expansion moves the frozen audience into the
relay's queue in large set-based batches whose checkpoint moves in the same commit. A double launch finds the first
broadcast. Only one process expands a broadcast at a time, by a transaction-scoped lock.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from campaigns import audience, preflight, templates
from campaigns.editing import locked_campaign
from campaigns.launching import require_launch
from campaigns.models import Broadcast, BroadcastStatus, Campaign, CampaignStatus, TemplateVersion
from relayhub.core import audit, jobs, live_feed, spoken
from relayhub.core.access import Actor, require, system_actor
from relayhub.core.clock import now
from relayhub.core.crashpoints import crashpoint
from relayhub.core.errors import ConflictError, RelayHubError
from relayhub.core.models import Scope
from relayhub.core.system import sending_paused
from relayhub.protocol.address import parse_mailbox
from relayhub.relay import broadcast_figures, bulk, compiled, controls, queries
from relayhub.relay.models import BroadcastControl

log = logging.getLogger(__name__)

JOB_KIND = "launch"
BATCH = 10_000
#: So many people on the lists are frozen while somebody waits for the answer: less than a second.
FROZEN_AT_ONCE = 100_000
#: While another process is at a batch.
_LOOK_AGAIN_SECONDS = 0.2
#: Cancelled campaigns are looked at for this long for rows that still wait.
CANCEL_SWEPT = timedelta(days=1)
#: So many rows are cancelled while somebody waits for the answer: about two seconds.
CANCELLED_AT_ONCE = 20_000
#: A scheduled launch that is later than this waits for a person.
MAX_LATENESS = timedelta(hours=1)
LAUNCHED = frozenset({CampaignStatus.SENDING, CampaignStatus.PAUSED, CampaignStatus.SENT})
_UNEXPANDED = (BroadcastStatus.FREEZING, BroadcastStatus.EXPANDING)
_WAITING = ("queued", "deferred", "held")
_UNFINISHED = (*_WAITING, "leased", "attempting", "unknown")

#: Merge values as they are at launch; the domain is what follows the last @ of the normalised address.
_BATCH_SQL = """
SELECT a.contact_id, a.address, a.address_key, split_part(a.address_key, '@', -1) AS domain,
  jsonb_build_object('contact', jsonb_build_object(
    'email', a.address, 'name', coalesce(c.name, ''),
    'first_name', split_part(coalesce(c.name, ''), ' ', 1),
    'last_name', CASE WHEN position(' ' IN coalesce(c.name, '')) > 0
      THEN split_part(c.name, ' ', -1) ELSE '' END,
    'fields', coalesce(c.fields, '{}'::jsonb))) AS merge
FROM campaigns_broadcastaudience a LEFT JOIN campaigns_contact c ON c.id = a.contact_id
WHERE a.broadcast_id = %s AND a.left_out IN ('', 'suppressed') AND a.id > %s AND a.id <= %s
"""


class PreflightBlocked(ConflictError):
    """Pre-flight found something that blocks; `findings` says what."""

    default_code = "preflight_blocked"

    def __init__(self, found: preflight.Preflight) -> None:
        first = found.blocks[0]
        super().__init__(f"{first.message} {first.fix}".strip())
        self.findings = [finding_body(finding) for finding in found.findings]


def finding_body(finding: preflight.PreflightFinding) -> dict[str, str]:
    """A finding as the API and pages show it."""
    return {"rule": finding.rule, "severity": finding.severity.value, "message": finding.message,
            "fix": finding.fix}


# -- launching -----------------------------------------------------------------------------------------------


def launch(actor: Actor, campaign: Campaign, *, override: str = "") -> Broadcast:
    """Launch a campaign, or return its broadcast where it is launched already."""
    require_launch(actor, campaign)
    if override:
        require(actor, Scope.CAMPAIGNS_OVERRIDE)
    existing = Broadcast.objects.filter(campaign=campaign).first()
    if existing is not None:
        return _same(existing, campaign)
    found = preflight.look(campaign)
    if found.version is None or not found.has_something or (found.blocks and not override):
        raise PreflightBlocked(found)
    try:
        with transaction.atomic():
            return _start(actor, _locked_as_seen(campaign), found, override)
    except (_LaunchedMeanwhile, IntegrityError):
        other = Broadcast.objects.filter(campaign=campaign).first()
        if other is None:
            raise
        return _same(other, campaign)  # the other of two launches won


class _LaunchedMeanwhile(Exception):
    """Somebody else launched the campaign while it was looked at."""


def _locked_as_seen(campaign: Campaign) -> Campaign:
    """The locked row, where it still is what pre-flight looked at."""
    locked = locked_campaign(campaign)
    if Broadcast.objects.filter(campaign=locked).exists():
        raise _LaunchedMeanwhile
    if locked.status not in (CampaignStatus.DRAFT, CampaignStatus.SCHEDULED):
        words = _("This campaign is %(status)s. Copy it to send it again.")
        status = spoken.within(locked.get_status_display())
        raise ConflictError(words % {"status": status}, code=f"campaign_{locked.status}")
    if (locked.status, locked.revision) != (campaign.status, campaign.revision):
        raise ConflictError(
            _("Somebody else changed this campaign meanwhile. Look at it again before you launch it."),
            code="campaign_changed",
        )
    return locked


def _same(broadcast: Broadcast, campaign: Campaign) -> Broadcast:
    campaign.refresh_from_db()
    if campaign.status == CampaignStatus.CANCELLED:
        raise ConflictError(_("This campaign was cancelled. Copy it to send it again."), code="campaign_cancelled")
    return broadcast


def _start(actor: Actor, locked: Campaign, found: preflight.Preflight, override: str) -> Broadcast:
    version = found.version
    if version is None or templates.published(version.template) != version:
        words = _("The template was published anew meanwhile. Look at it again before you launch.")
        raise ConflictError(words, code="campaign_changed")
    stream, lists = preflight.stream_for(locked), audience.lists_of(locked)
    broadcast = Broadcast.objects.create(
        campaign=locked, workspace=locked.workspace, template_version=version,
        list_ids=[str(list_id) for list_id in lists], launched_by=actor.label[:300],
        override_reason=override.strip()[:500],
    )
    source = _compiled(locked, version)
    message = bulk.create_broadcast_message(
        bulk.BroadcastMessage(
            workspace=locked.workspace, stream=stream, broadcast_id=broadcast.pk, campaign_id=locked.pk,
            content=source.dump(), links=source.links, from_header=locked.from_header,
            from_address=parse_mailbox(locked.from_header).spec,
            from_domain=parse_mailbox(locked.from_header).ascii_domain, subject=source.subject,
            track=locked.track, list_ids=lists, max_per_minute=locked.max_per_minute,
        )
    )
    broadcast.message_id = message.pk
    locked.status, locked.launched_at, locked.stream_id = CampaignStatus.SENDING, now(), stream.pk
    locked.archived_at = None
    locked.save(update_fields=["status", "launched_at", "stream_id", "archived_at"])
    if found.audience.total > FROZEN_AT_ONCE:
        _keep_audience(broadcast, found.audience.with_suppressed())
    else:
        _freeze(broadcast)
    audit.record(
        actor, "campaign.launched", "campaign", locked.public_id, summary=locked.name,
        after={"audience": broadcast.audience_count, "left_out": broadcast.left_out, "override": override},
    )
    jobs.start_job(
        locked.workspace, kind=JOB_KIND, title=f"Launch {locked.name}", created_by=actor.user, unit="recipients",
        total=broadcast.audience_count, state={"broadcast": str(broadcast.pk), "campaign": locked.public_id},
    )
    live_feed.announce(locked.workspace_id)
    return broadcast


def _freeze(broadcast: Broadcast) -> None:
    """Store whom it reaches, by the lists of the launch, and be ready to expand."""
    campaign = broadcast.campaign
    assert campaign.stream_id is not None  # a launch sets it
    lists = [UUID(list_id) for list_id in broadcast.list_ids]
    people = audience.freeze(broadcast, lists, audience.excluded_of(campaign), campaign.stream_id)
    broadcast.status = BroadcastStatus.EXPANDING
    broadcast.checkpoint = max(0, people.first_id - 1)  # those of all broadcasts before stand below it
    _keep_audience(broadcast, people)


def _keep_audience(broadcast: Broadcast, people: audience.Audience) -> None:
    broadcast.audience_count, broadcast.left_out = people.reached, people.left_out
    broadcast.save(update_fields=["message_id", "status", "audience_count", "left_out", "checkpoint"])


def _compiled(campaign: Campaign, version: TemplateVersion) -> compiled.CompiledSource:
    content = templates.content_of(version)
    made = compiled.compile_source(
        templates.source_of(content, campaign.workspace, subject=campaign.subject),
        templates.footer_of(campaign.workspace),
        opens=campaign.track in ("opens", "all"), clicks=campaign.track in ("clicks", "all"),
    )
    first = campaign.lists.filter(archived_at=None).order_by("id").first()
    domain = parse_mailbox(campaign.from_header).ascii_domain
    identity = {"label": first.pk.hex, "domain": domain, "name": first.name} if first is not None else None
    return dataclasses.replace(
        made, from_header=campaign.from_header, reply_to=campaign.reply_to, list_identity=identity,
        feedback={"campaign": campaign.public_id.replace("_", "")},
        shared=templates.shared_context(campaign.workspace, campaign.name, made.subject),
    )


def _ring(act: str, broadcast_id: UUID, *more: str) -> None:
    from campaigns.tasks import expand_task, finish_cancel_task

    task = {"expand": expand_task, "cancel": finish_cancel_task}[act]
    try:
        task.apply_async(args=[str(broadcast_id), *more], retry=False)
    except Exception:  # the broker's client raises its own kinds; the sweep finds the row
        log.warning("campaigns.bell_failed", extra={"broadcast": str(broadcast_id)})


# -- expanding -----------------------------------------------------------------------------------------------


def expand(broadcast_id: UUID) -> int:
    """Move the frozen audience into the queue, batch by batch; returns how many recipients this run stored."""
    stored = 0
    while True:
        with transaction.atomic():
            count = _expand_batch(broadcast_id)
        if count is None:
            return stored
        stored += count
        crashpoint("after_expand_batch")


@jobs.job_runner(
    JOB_KIND, label=gettext_noop("Launch"), icon="rocket", cancel_scope="",
    titles=[gettext_noop("Launch %(name)s")],
    on_cancel=gettext_noop(
        "Pause or cancel the campaign on its own page; this only puts its recipients into the queue."
    ),
)
def run_launch(run: jobs.JobRun) -> None:
    """Expand as a job, so that it is seen; whoever else is at a batch meanwhile, the figures are the broadcast's."""
    broadcast_id = UUID(run.state["broadcast"])
    while True:
        with transaction.atomic():
            count = _expand_batch(broadcast_id)
        if count is not None:
            crashpoint("after_expand_batch")
        status, done, total = Broadcast.objects.values_list("status", "expanded_count", "audience_count").get(
            pk=broadcast_id
        )
        run.advance(done=done, total=total)
        if status == BroadcastStatus.CANCELLED:
            run.cancelled()
            return
        if status not in _UNEXPANDED:
            run.advance(done=done, total=done)
            run.finish(recipients=done)
            return
        if count is None:
            time.sleep(_LOOK_AGAIN_SECONDS)


def _expand_batch(broadcast_id: UUID) -> int | None:
    """One batch and its checkpoint in one transaction; None when there is nothing (more) to do here."""
    broadcast = Broadcast.objects.select_for_update(skip_locked=True).filter(pk=broadcast_id).first()
    if broadcast is None or broadcast.status not in _UNEXPANDED:
        return None
    if broadcast.status == BroadcastStatus.FREEZING:
        _freeze(broadcast)
        crashpoint("freeze_before_commit")
        return 0
    last = _batch_end(broadcast)
    if last is None:
        broadcast.status, broadcast.expanded_at = BroadcastStatus.EXPANDED, now()
        broadcast.save(update_fields=["status", "expanded_at"])
        return None
    control = BroadcastControl.objects.get(pk=broadcast.pk)
    count = bulk.insert_recipients_from(
        _BATCH_SQL, [broadcast.pk, broadcast.checkpoint, last], control=control
    )
    broadcast.checkpoint = last
    broadcast.expanded_count += count
    broadcast.save(update_fields=["checkpoint", "expanded_count"])
    return count


def _batch_end(broadcast: Broadcast) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(id) FROM (SELECT id FROM campaigns_broadcastaudience WHERE broadcast_id = %s AND id > %s"
            " ORDER BY id LIMIT %s) batch",
            [broadcast.pk, broadcast.checkpoint, BATCH],
        )
        row = cursor.fetchone()
        return int(row[0]) if row and row[0] is not None else None


def resume_expansions() -> int:
    """Ring for every broadcast that is not expanded yet; returns how many."""
    ids = list(Broadcast.objects.filter(status__in=_UNEXPANDED).values_list("pk", flat=True)[:100])
    for broadcast_id in ids:
        _ring("expand", broadcast_id)
    return len(ids)


# -- controls ------------------------------------------------------------------------------------------------


def pause(actor: Actor, campaign: Campaign) -> Campaign:
    """Let nothing more of it go out until resumed."""
    require(actor, Scope.CAMPAIGNS_LAUNCH)
    return _switch(actor, campaign, CampaignStatus.SENDING, CampaignStatus.PAUSED, "campaign.paused")


def resume(actor: Actor, campaign: Campaign) -> Campaign:
    """Let a paused campaign go on."""
    require_launch(actor, campaign)
    return _switch(actor, campaign, CampaignStatus.PAUSED, CampaignStatus.SENDING, "campaign.resumed")


def _switch(actor: Actor, campaign: Campaign, before: str, after: str, action: str) -> Campaign:
    with transaction.atomic():
        locked = locked_campaign(campaign)
        if locked.status == after:
            return locked
        if locked.status != before:
            words = _("This campaign is %(status)s.") % {"status": spoken.within(locked.get_status_display())}
            raise ConflictError(words, code="wrong_state")
        locked.status = after
        locked.save(update_fields=["status"])
        broadcast = Broadcast.objects.get(campaign=locked)
        (controls.pause_broadcast if after == CampaignStatus.PAUSED else controls.resume_broadcast)(broadcast.pk)
        audit.record(actor, action, "campaign", locked.public_id, summary=locked.name)
    return locked


def cancel(actor: Actor, campaign: Campaign) -> Campaign:
    """Stop what is not out yet, for good; a scheduled or draft campaign is cancelled as well.

    From the commit on nothing more goes out. The rows of a large one are moved behind the answer.
    """
    require(actor, Scope.CAMPAIGNS_LAUNCH)
    with transaction.atomic():
        locked = locked_campaign(campaign)
        if locked.status == CampaignStatus.SENT:
            raise ConflictError(_("This campaign is sent; nothing is left to cancel."), code="wrong_state")
        if locked.status != CampaignStatus.CANCELLED:
            _mark_cancelled(actor, locked)
    # Cancelling again finishes what a process that died left waiting.
    broadcast = Broadcast.objects.filter(campaign=locked).first()
    if broadcast is not None:
        moved = controls.cancel_broadcast(broadcast.pk, by=actor.label, most=CANCELLED_AT_ONCE)
        if moved >= CANCELLED_AT_ONCE:
            _ring("cancel", broadcast.pk, actor.label)
    return locked


def finish_cancel(broadcast_id: UUID, by: str = "") -> None:
    """Cancel what is left of a cancelled broadcast, however many."""
    if Broadcast.objects.filter(pk=broadcast_id, status=BroadcastStatus.CANCELLED).exists():
        controls.cancel_broadcast(broadcast_id, by=by)


def _mark_cancelled(actor: Actor, locked: Campaign) -> None:
    """Campaign, broadcast and the relay's switch together: from the commit on nothing more goes out."""
    locked.status, locked.finished_at = CampaignStatus.CANCELLED, now()
    locked.save(update_fields=["status", "finished_at"])
    Broadcast.objects.filter(campaign=locked).update(status=BroadcastStatus.CANCELLED)
    BroadcastControl.objects.filter(pk__in=Broadcast.objects.filter(campaign=locked), cancelled_at=None).update(
        cancelled_at=now()
    )
    audit.record(actor, "campaign.cancelled", "campaign", locked.public_id, summary=locked.name)
    live_feed.announce(locked.workspace_id)


# -- the clock -----------------------------------------------------------------------------------------------


def launch_due() -> int:
    """Launch campaigns whose time has come; one that pre-flight blocks becomes a draft again, and says why.

    So does one whose time is more than `MAX_LATENESS` past: after an outage or a restore nobody may want it any more.
    """
    if sending_paused():
        return 0
    due = Campaign.objects.filter(status=CampaignStatus.SCHEDULED, scheduled_at__lte=now())
    rows = due.select_related("workspace", "template").order_by("scheduled_at", "pk")[:50]
    return sum(_launch_scheduled(campaign) for campaign in rows)


def _launch_scheduled(campaign: Campaign) -> bool:
    """Launch one; whatever is wrong with it, those behind it have their turn."""
    actor = system_actor(campaign.workspace, "schedule")
    try:
        _refuse_late(campaign)
        launch(actor, campaign)
    except RelayHubError as exc:
        if exc.code != "campaign_changed":  # else somebody is at work on it: the next look sees what they saved
            _back_to_draft(actor, campaign, exc.message)
        return False
    except Exception:  # a fault of ours: tried again until it is too late, and then a person is told
        log.exception("campaigns.launch_failed", extra={"campaign": str(campaign.pk)})
        return False
    return True


def _back_to_draft(actor: Actor, campaign: Campaign, why: str) -> None:
    """Take a refused campaign off the schedule, unless somebody gave it another time meanwhile."""
    with transaction.atomic():
        seen = Campaign.objects.filter(
            pk=campaign.pk, status=CampaignStatus.SCHEDULED, revision=campaign.revision
        )
        if seen.update(status=CampaignStatus.DRAFT, scheduled_at=None, revision=F("revision") + 1):
            audit.record(actor, "campaign.launch_blocked", "campaign", campaign.public_id, summary=why)
            live_feed.announce(campaign.workspace_id)


def _refuse_late(campaign: Campaign) -> None:
    at = campaign.scheduled_at
    if at is not None and now() - at > MAX_LATENESS:
        raise ConflictError(
            f"Its time, {at:%Y-%m-%d %H:%M} UTC, passed more than an hour ago while nothing could be launched. "
            "Look at it, and launch it if it is still right.", code="too_late",
        )


def finish_sent() -> int:
    """Mark campaigns sent whose recipients are all final or quarantined; returns how many."""
    finished = 0
    running = Campaign.objects.filter(
        status=CampaignStatus.SENDING, broadcast__status=BroadcastStatus.EXPANDED
    ).select_related("broadcast")
    for campaign in running[:500]:
        if queries.has_status(campaign.broadcast.pk, _UNFINISHED):
            continue
        finished += Campaign.objects.filter(pk=campaign.pk, status=CampaignStatus.SENDING).update(
            status=CampaignStatus.SENT, finished_at=now()
        )
        broadcast_figures.keep(campaign.broadcast.pk)
    _finish_cancelled()
    return finished


def _finish_cancelled() -> None:
    """Cancel what still waits of campaigns whose cancelling process died, or that was on its way out and came back."""
    recent = Broadcast.objects.filter(
        campaign__status=CampaignStatus.CANCELLED, campaign__finished_at__gt=now() - CANCEL_SWEPT
    )
    for broadcast_id in recent.values_list("pk", flat=True)[:500]:
        if queries.has_status(broadcast_id, _WAITING):
            controls.cancel_broadcast(broadcast_id, most=CANCELLED_AT_ONCE)
