"""Why a recipient waited: what people did to its lane, stream or campaign in that time, and which limits hold now.

Only what is on record: pauses, resumptions and limits stand in the audit log with who and when. How fast a receiver
took the mail of others is not kept, so a wait of which nothing is known has no reason here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from relayhub.core import formats
from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id, uuid7_floor
from relayhub.core.models import AuditEntry
from relayhub.relay.models import BroadcastControl, Lane, Recipient

#: A claim follows a resumption within moments.
_AFTER = timedelta(seconds=5)
_MOST = 4
_MOST_READ = 200
#: What was done to which -> what it says of the wait.
_WORDS = {
    "lane": {
        "paused": _("Its lane was paused by %(who)s at %(at)s"),
        "resumed": _("Its lane was resumed by %(who)s at %(at)s"),
        "paced": _("Its lane was given another limit by %(who)s at %(at)s"),
    },
    "stream": {
        "paused": _("Its stream was paused by %(who)s at %(at)s"),
        "resumed": _("Its stream was resumed by %(who)s at %(at)s"),
        "paced": _("Its stream was given another limit by %(who)s at %(at)s"),
    },
    "campaign": {
        "paused": _("Its campaign was paused by %(who)s at %(at)s"),
        "resumed": _("Its campaign was resumed by %(who)s at %(at)s"),
        "paced": _("Its campaign was given another limit by %(who)s at %(at)s"),
    },
}


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is on record for one recipient, read once for all its waits."""

    entries: tuple[AuditEntry, ...]
    limits: tuple[str, ...]
    zone: tzinfo

    def between(self, since: datetime, until: datetime) -> str:
        """What is known of a wait, in sentences; "" where nothing is."""
        within = [entry for entry in self.entries if since <= entry.at < until + _AFTER]
        told = [_told(entry, self.zone) for entry in within[:_MOST]]
        return " ".join([*told, *self.limits])


def known_of(recipient: Recipient, until: datetime | None, *, zone: tzinfo) -> Known:
    """What was done to what it waited in, from its acceptance to its last try; four queries at most."""
    if until is None:
        return Known(entries=(), limits=(), zone=zone)
    lane = Lane.objects.filter(pk=recipient.lane_id).first()
    control = BroadcastControl.objects.filter(pk=recipient.broadcast_id).first() if recipient.broadcast_id else None
    ids = {recipient.message.stream.public_id}
    if lane is not None:
        siblings = Lane.objects.filter(workspace_id=lane.workspace_id, stream_id=lane.stream_id, site=lane.site)
        ids |= {str(pk) for pk in siblings.values_list("pk", flat=True)}
    if control is not None:
        ids.add(encode_id(Prefix.CAMPAIGN, control.campaign_id))
    rows = AuditEntry.objects.filter(
        workspace_id=recipient.workspace_id, pk__gte=uuid7_floor(recipient.accepted_at),
        pk__lt=uuid7_floor(until + _AFTER), object_type__in=list(_WORDS), object_id__in=ids,
        action__regex=r"\.(paused|resumed|paced)$",
    )
    return Known(
        entries=tuple(rows.order_by("id")[:_MOST_READ]), limits=tuple(_limits(lane, control)), zone=zone
    )


def _told(entry: AuditEntry, zone: tzinfo) -> str:
    at = formats.moment_text(entry.at, now=now(), zone=zone, style="seconds")
    words = _WORDS[entry.object_type][entry.action.rpartition(".")[2]] % {"who": entry.actor, "at": at}
    reason = entry.summary.partition(": ")[2] if entry.object_type == "lane" else ""
    return f"{words} ({reason})." if reason else f"{words}."


def _limits(lane: Lane | None, control: BroadcastControl | None) -> list[str]:
    found = []
    if control is not None and control.max_per_minute is not None:
        count = {"count": formats.number(control.max_per_minute)}
        found.append(gettext("Its campaign goes at most %(count)s a minute.") % count)
    if lane is not None and lane.max_per_minute is not None:
        count = {"count": formats.number(lane.max_per_minute)}
        found.append(gettext("Its lane is limited to %(count)s a minute now.") % count)
    return found
