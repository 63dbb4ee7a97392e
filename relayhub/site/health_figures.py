"""How a workspace's mail is doing: figures of Home, read from exact counters and from the queue's indexes.

Counters are by the hour, so a day is the last 24 hours with the present one, and what it is compared with are the
24 before; everything on Home agrees on that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import add
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Min
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from relayhub.core import formats, spoken
from relayhub.core.clock import now
from relayhub.core.ids import uuid7_floor
from relayhub.core.models import Workspace
from relayhub.relay import queries
from relayhub.relay.models import Event, Lane, Recipient, Stream, StreamKind
from relayhub.relay.stream_counts import Span, Totals, spans_by_stream

_PACE_WINDOW = timedelta(minutes=5)
#: Fewer recipients say nothing about a rate.
JUDGED_FROM = 50
#: Where the bar of a share that should be high begins.
FLOOR = 0.9
#: This part of what a limit allows is used up: beyond it a bar warns.
_NEAR = 0.8


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


def finished(totals: Totals) -> int:
    """How many recipients came to an end in a receiver's hands, or by waiting too long."""
    return totals.get("delivered", 0) + totals.get("bounced", 0) + totals.get("expired", 0)


def span(workspace: Workspace, *, hours: int = 24) -> Span:
    """The last hours and those before, of all streams together."""
    found = spans_by_stream(workspace, start=begins(hours), length=timedelta(hours=hours))
    return reduce(add, found.values(), Span(present={}, before={}))


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """What waits: in turn, kept back by our own policy, and how long the first in turn has been due."""

    turn: int
    held: int
    oldest_seconds: float | None


def waiting(workspace: Workspace) -> Waiting:
    """How many recipients wait. Those in turn are counted by their lanes: the queue's index holds all that it takes."""
    lanes = Lane.objects.filter(workspace=workspace).values("pk")
    due = Recipient.objects.filter(lane_id__in=lanes, status__in=("queued", "deferred"))
    queue = due.aggregate(count=Count("*"), first=Min("next_attempt_at"))
    oldest = (now() - queue["first"]).total_seconds() if queue["first"] else 0.0
    held = Recipient.objects.filter(workspace=workspace, status="held").count()
    return Waiting(turn=queue["count"], held=held, oldest_seconds=oldest if oldest > 0 else None)


def per_minute(workspace: Workspace) -> float:
    """Deliveries a minute over the last five."""
    since = now() - _PACE_WINDOW
    count = Event.objects.filter(
        workspace_id=workspace.pk, type="delivered", id__gte=uuid7_floor(since)
    ).count()
    return count / (_PACE_WINDOW.total_seconds() / 60)


# -- streams -------------------------------------------------------------------------------------------------


def spans(workspace: Workspace) -> list[tuple[Stream, Span]]:
    """Each stream with its last 24 hours and those before; two queries for any number of streams."""
    found = spans_by_stream(workspace, start=begins(), length=timedelta(hours=24))
    unused = Span(present={}, before={})
    return [(stream, found.get(stream.pk, unused)) for stream in Stream.objects.filter(workspace=workspace)]


def streams(found: list[tuple[Stream, Span]]) -> list[dict[str, Any]]:
    """Streams against their limits; those that nothing is sent by only once they were used."""
    return [
        _stream(stream, days) for stream, days in found
        if stream.kind != StreamKind.SYSTEM or days.present or days.before
    ]


_WATCHED = {
    "delivered": gettext_lazy("Watch delivery"), "deferred": gettext_lazy("Watch deferrals"),
    "bounced": gettext_lazy("Watch bounces"), "complained": gettext_lazy("Watch complaints"),
}


def _stream(stream: Stream, days: Span) -> dict[str, Any]:
    limits, totals = LIMITS[StreamKind(stream.kind)], days.present
    ended = finished(totals)
    delivered, deferred = totals.get("delivered", 0), totals.get("deferred", 0)
    rows = [
        _row(_("Delivered"), "delivered", delivered, ended, limits.delivered, at_least=True),
        _row(_("Deferred"), "deferred", deferred, ended + deferred, limits.deferred),
        _row(_("Bounced"), "bounced", totals.get("bounced", 0), ended, limits.bounced),
        _row(_("Complaints"), "complained", totals.get("complained", 0), delivered, limits.complained, digits=3),
    ]
    bad = [row for row in rows if row["is_bad"]]
    status, word = _verdict(stream, ended, is_bad=bool(bad))
    if status == "warn":
        word = str(_WATCHED[bad[-1]["status"]])
    return {
        "stream": stream, "rows": rows, "finished": ended, "accepted": totals.get("accepted", 0),
        "status": status, "word": word, "bad": bad,
        "change": change_in_words(totals.get("accepted", 0), days.before.get("accepted", 0)),
    }


def _verdict(stream: Stream, ended: int, *, is_bad: bool) -> tuple[str, str]:
    """(status, word) of a stream: few recipients are no ground to call it healthy, nor to call it ill."""
    if stream.paused_at:
        return "paused", pgettext("status", "Paused")
    if not ended:
        return "none", _("Nothing sent")
    if is_bad:
        return "warn", _("Watch")
    return ("none", _("Too few to judge")) if ended < JUDGED_FROM else ("healthy", pgettext("status", "Healthy"))


def _row(
    label: str, status: str, part: int, whole: int, limit: float, *, at_least: bool = False, digits: int = 1
) -> dict[str, Any]:
    share = part / whole if whole else None
    is_judged = share is not None and whole >= JUDGED_FROM
    is_bad = bool(is_judged and share is not None and (share < limit if at_least else share > limit))
    return {
        "label": label, "status": status, "part": part, "whole": whole, "limit": limit, "digits": digits,
        "at_least": at_least, "is_bad": is_bad,
        "bar": _bar(share or 0.0, limit, at_least=at_least, is_judged=is_judged),
    }


def _bar(share: float, limit: float, *, at_least: bool, is_judged: bool) -> dict[str, Any]:
    """A bar with its limit marked: up to twice the limit, or from FLOOR to all; `status` for its colour."""
    used = (1 - share) / (1 - limit) if at_least else share / limit
    status = "delivered" if used <= _NEAR else "deferred" if used <= 1 else "bounced"
    low, high = (FLOOR, 1.0) if at_least else (0.0, 2 * limit)
    return {"value": max(share - low, 0.0), "total": high - low, "limit": limit - low,
            "status": status if is_judged else "queued"}


# -- comparisons ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Change:
    """A difference for the tag `delta`: its sign, and its size in words."""

    by: float
    text: str


def change_in_words(present: int, before: int) -> Change | None:
    """How much more or less, in per cent of before; None where there was too little to compare with."""
    if before < JUDGED_FROM:
        return None
    by = (present - before) / before
    return Change(by=by, text=formats.percent(abs(by), 0 if abs(by) >= 0.1 else 1))


def points_digits(whole: int, whole_before: int) -> int:
    """Decimals of two shares that stand side by side: as many as the smaller base carries."""
    return 0 if min(whole, whole_before) < formats.SMALL_BASE else 1


def points(part: int, whole: int, part_before: int, whole_before: int, *, digits: int = 1) -> Change | None:
    """The difference of two shares in points; None where either is of too few."""
    if min(whole, whole_before) < JUDGED_FROM:
        return None
    by = round(100 * part / whole, digits) - round(100 * part_before / whole_before, digits)
    by = round(by, digits)
    return Change(by=by, text=_("%(count)s points") % {"count": spoken.digits(f"{abs(by):.{digits}f}")} if by else "")


# -- the chart -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Period:
    """A stretch of time that the chart can show."""

    key: str
    label: str | Promise
    title: str | Promise
    step: timedelta
    steps: int
    #: What one bar is, what is said where there is none, and whether its start is named with day and time.
    each: str | Promise
    nothing: str | Promise
    has_day: bool = True
    has_time: bool = True


PERIODS = (
    Period(key="24h", label=gettext_lazy("24 h"), title=gettext_lazy("Last 24 hours"), step=timedelta(hours=1),
           steps=24, each=gettext_lazy("Recipients an hour"),
           nothing=gettext_lazy("Nothing was handed in during the last 24 hours."), has_day=False),
    Period(key="7d", label=gettext_lazy("7 d"), title=gettext_lazy("Last 7 days"), step=timedelta(hours=6), steps=28,
           each=gettext_lazy("Recipients in 6 hours"),
           nothing=gettext_lazy("Nothing was handed in during the last 7 days.")),
    Period(key="30d", label=gettext_lazy("30 d"), title=gettext_lazy("Last 30 days"), step=timedelta(days=1), steps=30,
           each=gettext_lazy("Recipients a day"),
           nothing=gettext_lazy("Nothing was handed in during the last 30 days."), has_time=False),
)


def period_of(key: str) -> Period:
    """The period of that key, the first where there is none."""
    return next((period for period in PERIODS if period.key == key), PERIODS[0])


#: A newsletter goes out in one hour and would flatten what flows all day: each has a chart and a scale of its own.
_CHARTS = (
    ("single", gettext_lazy("Single messages"), (StreamKind.TRANSACTIONAL, StreamKind.SYSTEM)),
    ("broadcasts", gettext_lazy("Broadcasts"), (StreamKind.BROADCAST,)),
)


def charts(workspace: Workspace, zone: str, period: Period) -> dict[str, Any]:
    """What Home shows of a period: a chart of single messages and one of broadcasts, where there were any."""
    found = [
        {"key": key, "title": title, **chart(workspace, zone, period, kinds=kinds)} for key, title, kinds in _CHARTS
    ]
    return {"period": period, "periods": PERIODS, "charts": [each for each in found if each["has_any"]]}


def chart(
    workspace: Workspace, zone: str, period: Period = PERIODS[0], *, kinds: Sequence[StreamKind] | None = None
) -> dict[str, Any]:
    """Recipients of a period by its steps: chart data, legend, and the same as a table."""
    start = _start(period, zone)
    by_step: dict[datetime, Totals] = defaultdict(dict)
    for at, metric, count in queries.stats(workspace, since=start, bucket=period.step, kinds=kinds):
        by_step[at][metric] = count
    steps = [start + period.step * n for n in range(period.steps)]
    series = {
        metric: [by_step.get(at, {}).get(metric, 0) for at in steps] for metric in ("accepted", "delivered", "deferred")
    }
    sums = {metric: sum(values) for metric, values in series.items()}
    data = {
        "x": [int(at.timestamp()) for at in steps], "unit": "", "zone": zone,
        "series": [
            {"label": _("Accepted"), "color": "--c-muted", "kind": "bars", "data": series["accepted"]},
            {"label": _("Delivered"), "color": "--c-1", "kind": "bars", "data": series["delivered"]},
            {"label": _("Deferred"), "color": "--c-2", "kind": "bars", "data": series["deferred"]},
        ],
    }
    return {
        "data": data, "has_any": any(sums.values()),
        "label": _("%(period)s: %(delivered)s recipients delivered of %(accepted)s accepted.") % {
            "period": period.title, "delivered": formats.number(sums["delivered"]),
            "accepted": formats.number(sums["accepted"]),
        },
        "legend": [
            {"label": _("Accepted"), "value": formats.number(sums['accepted']), "key": "mut"},
            {"label": _("Delivered"), "value": formats.number(sums['delivered']), "key": ""},
            {"label": _("Deferred"), "value": formats.number(sums['deferred']), "key": "c2"},
        ],
        "head": [pgettext("time", "From"), _("Accepted"), _("Delivered"), _("Deferred")],
        "rows": [
            [_named(at, period, zone), formats.number(series['accepted'][n]),
             formats.number(series['delivered'][n]), formats.number(series['deferred'][n])]
            for n, at in enumerate(steps)
        ],
    }


def _named(at: datetime, period: Period, zone: str) -> str:
    """What a step is called; a whole day by its middle, for where clocks changed since it begins beside midnight."""
    shown = at + period.step / 2 if period.step >= timedelta(days=1) else at
    local = shown.astimezone(ZoneInfo(zone))
    clock = f"{local:%H:%M}" if period.has_time else ""
    if not period.has_day:
        return f"{spoken.weekday(local, is_short=True)} {clock}"
    return ", ".join(filter(None, (spoken.short_day(local, with_year=False), clock)))


def _start(period: Period, zone: str) -> datetime:
    """The first step: hours end with the present one, longer steps begin at midnight where the person is."""
    if period.step <= timedelta(hours=1):
        return begins(period.steps)
    midnight = now().astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    # Back from the coming midnight in hours that all are 60 minutes, and up to a whole one: counters know no others.
    end = (midnight + timedelta(days=1)).astimezone(UTC) + timedelta(minutes=59)
    return end.replace(minute=0) - period.step * period.steps
