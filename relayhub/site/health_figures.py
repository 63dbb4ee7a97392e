"""How a workspace's mail is doing: figures of Home, read from exact counters and from the queue's indexes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from relayhub.core.clock import now
from relayhub.core.ids import uuid7_floor
from relayhub.core.models import Workspace
from relayhub.relay import queries
from relayhub.relay.models import Event, Recipient, Stream, StreamKind

_PACE_WINDOW = timedelta(minutes=5)
#: Fewer recipients say nothing about a rate.
JUDGED_FROM = 50


def begins(hours: int = 24) -> datetime:
    """Start of the last hours, the present one included: counters are by the hour, and all of Home agrees."""
    return now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours - 1)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Shares of finished recipients that receivers begin to dislike (SENDER-RULES REP-4 to REP-6)."""

    delivered: float
    deferred: float = 0.05
    bounced: float = 0.02
    complained: float = 0.0008


LIMITS = {
    StreamKind.TRANSACTIONAL: Limits(delivered=0.98),
    StreamKind.BROADCAST: Limits(delivered=0.95),
    StreamKind.SYSTEM: Limits(delivered=0.95),
}


def waiting(workspace: Workspace) -> dict[str, int]:
    """How many recipients wait: `turn` in the queue, `held` by our own policy."""
    mine = Recipient.objects.filter(workspace=workspace)
    return {
        "turn": mine.filter(status__in=("queued", "deferred")).count(),
        "held": mine.filter(status="held").count(),
    }


def per_minute(workspace: Workspace) -> float:
    """Deliveries a minute over the last five."""
    since = now() - _PACE_WINDOW
    count = Event.objects.filter(
        workspace_id=workspace.pk, type="delivered", id__gte=uuid7_floor(since)
    ).count()
    return count / (_PACE_WINDOW.total_seconds() / 60)


def streams(workspace: Workspace) -> list[dict[str, Any]]:
    """Each stream with its last 24 hours against its limits; the system stream only once it was used."""
    shown = []
    for stream in Stream.objects.filter(workspace=workspace):
        totals = queries.totals(workspace, since=begins(), stream_id=stream.pk)
        if stream.kind == StreamKind.SYSTEM and not totals:
            continue
        shown.append(_stream(stream, totals))
    return shown


def _stream(stream: Stream, totals: dict[str, int]) -> dict[str, Any]:
    limits = LIMITS[StreamKind(stream.kind)]
    delivered, bounced = totals.get("delivered", 0), totals.get("bounced", 0)
    finished = delivered + bounced + totals.get("expired", 0)
    deferred, complained = totals.get("deferred", 0), totals.get("complained", 0)
    rows = [
        _row("Delivered", "delivered", delivered, finished, limits.delivered, at_least=True),
        _row("Deferred", "deferred", deferred, finished + deferred, limits.deferred),
        _row("Bounced", "bounced", bounced, finished, limits.bounced),
        _row("Complaints", "complained", complained, delivered, limits.complained, digits=3),
    ]
    status, word = _verdict(stream, finished, is_bad=any(row["is_bad"] for row in rows))
    return {
        "stream": stream, "rows": rows, "finished": finished, "accepted": totals.get("accepted", 0),
        "status": status, "word": word,
    }


def _verdict(stream: Stream, finished: int, *, is_bad: bool) -> tuple[str, str]:
    """(status, word) of a stream: few recipients are no ground to call it healthy, nor to call it ill."""
    if stream.paused_at:
        return "paused", "Paused"
    if not finished:
        return "none", "Nothing sent"
    if is_bad:
        return "warn", "Watch"
    return ("none", "Too few to judge") if finished < JUDGED_FROM else ("healthy", "Healthy")


def _row(
    label: str, status: str, part: int, whole: int, limit: float, *, at_least: bool = False, digits: int = 1
) -> dict[str, Any]:
    share = part / whole if whole else None
    is_judged = share is not None and whole >= JUDGED_FROM
    is_bad = bool(is_judged and share is not None and (share < limit if at_least else share > limit))
    return {
        "label": label, "status": status, "part": part, "whole": whole, "limit": limit, "digits": digits,
        "at_least": at_least, "is_bad": is_bad, "scale": whole if at_least else max(1.0, whole * limit * 2),
    }


def day_chart(workspace: Workspace, zone: str) -> dict[str, Any]:
    """The last 24 hours by the hour: chart data, legend, and the same as a table."""
    start = begins()
    by_hour: dict[datetime, dict[str, int]] = defaultdict(dict)
    for hour, metric, count in queries.stats(workspace, since=start):
        by_hour[hour][metric] = count
    hours = [start + timedelta(hours=n) for n in range(24)]
    series = {
        metric: [by_hour.get(hour, {}).get(metric, 0) for hour in hours]
        for metric in ("accepted", "delivered", "deferred")
    }
    sums = {metric: sum(values) for metric, values in series.items()}
    data = {
        "x": [int(hour.timestamp()) for hour in hours], "unit": "", "zone": zone,
        "series": [
            {"label": "Accepted", "color": "--c-muted", "kind": "bars", "data": series["accepted"]},
            {"label": "Delivered", "color": "--c-1", "kind": "bars", "data": series["delivered"]},
            {"label": "Deferred", "color": "--c-2", "kind": "line", "data": series["deferred"]},
        ],
    }
    local = ZoneInfo(zone)
    return {
        "data": data, "has_any": any(sums.values()),
        "label": f"{sums['delivered']:,} recipients delivered of {sums['accepted']:,} accepted in 24 hours.",
        "legend": [
            {"label": "Accepted", "value": f"{sums['accepted']:,}", "key": "mut"},
            {"label": "Delivered", "value": f"{sums['delivered']:,}", "key": ""},
            {"label": "Deferred", "value": f"{sums['deferred']:,}", "key": "c2", "line": True},
        ],
        "head": ["Hour", "Accepted", "Delivered", "Deferred"],
        "rows": [
            [hour.astimezone(local).strftime("%a %H:%M"), f"{series['accepted'][n]:,}",
             f"{series['delivered'][n]:,}", f"{series['deferred'][n]:,}"]
            for n, hour in enumerate(hours)
        ],
    }
