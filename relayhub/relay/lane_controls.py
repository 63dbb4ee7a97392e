"""Pause, resume and slow what goes to one site: all lanes of a stream to it, in one act.

A lane that is made later, for the next broadcast, begins free: to keep everything back, pause the stream.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from relayhub.core import audit, formats
from relayhub.core.access import Actor, require
from relayhub.core.clock import now
from relayhub.core.errors import AccessError, InputError
from relayhub.core.models import Scope, Workspace
from relayhub.relay.bell import ring_on_commit
from relayhub.relay.models import Lane

MAX_PER_MINUTE = 1_000_000


def lane_of(workspace: Workspace, lane_id: int) -> Lane:
    """The lane, or AccessError."""
    found = Lane.objects.filter(workspace=workspace, pk=lane_id).select_related("stream").first()
    if found is None:
        raise AccessError
    return found


def siblings(lane: Lane) -> QuerySet[Lane]:
    """All lanes of its stream to its site, itself among them."""
    return Lane.objects.filter(workspace_id=lane.workspace_id, stream_id=lane.stream_id, site=lane.site)


def pause_site(actor: Actor, lane: Lane, *, reason: str = "") -> int:
    """Keep the mail of a stream to a site back; returns how many lanes were going."""
    require(actor, Scope.STREAMS_WRITE)
    with transaction.atomic():
        count = siblings(lane).filter(paused_at=None).update(paused_at=now(), paused_reason=reason[:300])
        _record(actor, "lane.paused", lane, reason)
    return count


def resume_site(actor: Actor, lane: Lane, *, keeps_backoff: bool = False) -> int:
    """Let it go on, and try at once where a receiver made us back off, unless that is to stay (an undone pause)."""
    require(actor, Scope.STREAMS_WRITE)
    changes: dict[str, object] = {"paused_at": None, "paused_reason": ""}
    if not keeps_backoff:
        changes |= {"backoff_until": None, "backoff_reason": ""}
    with transaction.atomic():
        ids = list(siblings(lane).values_list("pk", flat=True))
        count = siblings(lane).update(**changes)
        _record(actor, "lane.resumed", lane, "")
        ring_on_commit(ids[:200])
    return count


def pace_site(actor: Actor, lane: Lane, max_per_minute: int | None) -> int:
    """Limit each lane's recipients a minute, or lift the limit."""
    require(actor, Scope.STREAMS_WRITE)
    if max_per_minute is not None and not 1 <= max_per_minute <= MAX_PER_MINUTE:
        most = formats.number(MAX_PER_MINUTE)
        raise InputError(_("Write recipients a minute, 1 to %(most)s.") % {"most": most}, field="max_per_minute")
    with transaction.atomic():
        count = siblings(lane).update(max_per_minute=max_per_minute)
        _record(actor, "lane.paced", lane, "no limit" if max_per_minute is None else f"{max_per_minute} a minute")
        ring_on_commit([lane.pk])
    return count


def slower(*, limit: int | None, per_minute: int) -> int:
    """Half of what it does now: the limit to set for “slow down”."""
    return max(1, (min(limit, per_minute or limit) if limit else per_minute or 60) // 2)


def _record(actor: Actor, action: str, lane: Lane, words: str) -> None:
    summary = f"{lane.stream.slug} to {lane.site}" + (f": {words}" if words else "")
    audit.record(actor, action, "lane", str(lane.pk), summary=summary[:300])
