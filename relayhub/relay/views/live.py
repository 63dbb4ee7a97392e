"""Live: what the relay is doing now. Lanes worst first, in and out on one chart, workers; pause, resume, slow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from relayhub.core import formats
from relayhub.core.clock import now
from relayhub.core.live_feed import Feed
from relayhub.core.live_response import live_response
from relayhub.core.models import Scope, User, Workspace
from relayhub.core.pages import PageRequest, page
from relayhub.relay import lane_controls, lane_view, minutes, worker_report
from relayhub.relay.lane_view import LaneGroup
from relayhub.relay.minutes import Minute
from relayhub.relay.models import Lane, Recipient, Stream
from relayhub.relay.worker_report import WorkerReport

#: Groups shown one by one; the rest is one line.
SHOWN = 25
#: Recipients that the page of a lane names.
_NEXT_SHOWN = 10


class PaceForm(forms.Form):
    """A limit of recipients a minute."""

    max_per_minute = forms.IntegerField(
        label=gettext_lazy("At most, recipients a minute"), min_value=1, max_value=lane_controls.MAX_PER_MINUTE,
        required=False, help_text=gettext_lazy("Empty: as fast as the receiver takes it."),
    )


@require_GET
@page(Scope.STREAMS_READ)
def live(request: PageRequest) -> HttpResponse:
    """The page."""
    workspace, user = request.actor.workspace, request.user
    return render(
        request, "relay/live.html",
        {
            **_context(workspace, user, may_change=request.actor.may(Scope.STREAMS_WRITE), **_filters(request)),
            "chart": _chart(workspace, user, _span_of(request)),
            "streams": Stream.objects.filter(workspace=workspace),
            "query": request.GET.urlencode(),
        },
    )


@require_GET
@page(Scope.STREAMS_READ)
def live_feed(request: PageRequest) -> HttpResponseBase:
    """The parts that change, for live.js: as events, or once as JSON."""
    workspace, user, may_change = request.actor.workspace, request.user, request.actor.may(Scope.STREAMS_WRITE)
    filters, span = _filters(request), _span_of(request)
    key = f"live:{workspace.pk}:{user.timezone}:{may_change}:{filters['stream']}:{filters['only_deferred']}:{span}"

    def parts() -> dict[str, Any]:
        context = {"user": user, **_context(workspace, user, may_change=may_change, **filters)}
        chart = _chart(workspace, user, span)
        return {
            "values": {stat["key"]: stat["value"] for stat in context["stats"]}
            | {f"{stat['key']}-note": stat["note"] for stat in context["stats"]}
            | {item["live"]: item["value"] for item in chart["legend"]},
            "html": {
                "live-alarm": render_to_string("relay/_live_alarm.html", context),
                "live-quiet": render_to_string("relay/_live_quiet.html", {"user": user, "chart": chart}),
                "lanes": render_to_string("relay/_live_lanes.html", context),
                "workers": render_to_string("relay/_live_workers.html", context),
            },
            "charts": {"chart-live": chart["data"]},
        }

    feed = Feed(key=key, workspace_id=workspace.pk, render=parts, every_seconds=1.0, floor_seconds=2.0)
    return live_response(request, feed)


def _filters(request: PageRequest) -> dict[str, Any]:
    return {"stream": request.GET.get("stream", "")[:80], "only_deferred": request.GET.get("only") == "deferred"}


def _context(
    workspace: Workspace, user: User, *, may_change: bool, stream: str, only_deferred: bool
) -> dict[str, Any]:
    workers = worker_report.workers()
    everything = lane_view.lane_groups(workspace, sending=worker_report.connections_by_lane(workers))
    groups = [
        group for group in everything
        if (not stream or group.stream_slug == stream) and (group.deferred or not only_deferred)
    ]
    return {
        "stats": _stats(workspace, everything, workers), "groups": groups[:SHOWN], "may_change": may_change,
        "others": _others(groups[SHOWN:]), "is_filtered": bool(stream or only_deferred), "workers": workers,
        "has_any": bool(everything), "alarm": _alarm(everything, workers),
    }


def _others(groups: list[LaneGroup]) -> dict[str, Any] | None:
    if not groups:
        return None
    return {
        "count": len(groups), "waiting": sum(group.waiting for group in groups),
        "per_minute": sum(group.per_minute for group in groups), "deferred": lane_view.deferred_words(groups),
    }


def _stats(
    workspace: Workspace, groups: list[LaneGroup], workers: list[WorkerReport] | None
) -> list[dict[str, Any]]:
    minute = minutes.last_sixty_seconds(workspace)
    held = Recipient.objects.filter(workspace=workspace, status="held").count()
    oldest = max((group.oldest_seconds or 0.0 for group in groups if group.state != "paused"), default=0.0)
    waiting = sum(group.waiting for group in groups)
    return [
        _stat("out", _("Out"), formats.number(minute.out), _("a minute"), _("delivered in the last 60 s")),
        _stat("in", _("In"), formats.number(minute.taken), _("a minute"), _("accepted in the last 60 s")),
        _stat("waiting", _("Waiting"), formats.number(waiting), _("recipients"), _waiting_note(held, oldest)),
        _stat("deferred", _("Deferred"), lane_view.deferred_words(groups), _("recipients"),
              _("wait for their next try")),
        _workers_stat(workers),
    ]


def _alarm(groups: list[LaneGroup], workers: list[WorkerReport] | None) -> str:
    """What to say in red: mail waits and no worker is there to send it; "" otherwise."""
    waiting = sum(group.waiting for group in groups)
    if workers is None or any(worker.is_well for worker in workers) or not waiting:
        return ""
    return ngettext(
        "%(count)s recipient waits and no worker sends.", "%(count)s recipients wait and no worker sends.", waiting
    ) % {"count": formats.number(waiting)}


def _waiting_note(held: int, oldest_seconds: float) -> str:
    words = _("%(count)s held beside them") % {"count": formats.number(held)} if held else _("none held")
    if oldest_seconds < 1:
        return words
    return words + "; " + _("first in turn for %(span)s") % {"span": formats.duration(oldest_seconds)}


def _stat(key: str, label: str, value: str, unit: str, note: str) -> dict[str, Any]:
    return {"key": f"live-{key}", "label": label, "value": value, "unit": unit, "note": note,
            "note_key": f"live-{key}-note"}


def _workers_stat(workers: list[WorkerReport] | None) -> dict[str, Any]:
    if workers is None:
        return _stat("workers", _("Workers"), formats.MISSING, "", _("not known while Valkey does not answer"))
    well = sum(worker.is_well for worker in workers)
    used = sum(worker.sending for worker in workers)
    if not workers:
        return _stat("workers", _("Workers"), pgettext("status", "None"), "", _("none has reported; nothing goes out"))
    note = _("%(connections)s in use") % {"connections": formats.counted(used, "connection")}
    count = _("%(part)s of %(whole)s") % {"part": well, "whole": len(workers)}
    return _stat("workers", _("Workers"), count, _("healthy"), note)


@dataclass(frozen=True, kw_only=True)
class _Span:
    """A length of the chart: its words, and how its stretches are counted and told."""

    label: str | Promise
    sub: str | Promise
    #: One sentence for those who do not see the chart, with `out` and `in`.
    told: str | Promise
    #: What stands in place of the lines where nothing moved.
    quiet: str | Promise
    unit: str
    clock: str
    seconds: int
    rows: Callable[[Workspace], list[Minute]]


#: `?span=` -> a length; the first is the default.
_SPANS = {
    "": _Span(
        label=gettext_lazy("5 minutes"),
        sub=gettext_lazy("Recipients a second, each point the average of 5 seconds that are over"),
        told=gettext_lazy(
            "Recipients a second over the last 5 minutes: out at most %(out)s, in at most %(in)s."
        ),
        quiet=gettext_lazy("Nothing came in or went out in these 5 minutes."),
        unit="second", clock="%H:%M:%S", seconds=minutes.MOMENT_SECONDS, rows=minutes.last_moments,
    ),
    "half-hour": _Span(
        label=gettext_lazy("30 minutes"), sub=gettext_lazy("Recipients a minute, the last 30 minutes that are over"),
        told=gettext_lazy(
            "Recipients a minute over the last 30 minutes: out at most %(out)s, in at most %(in)s."
        ),
        quiet=gettext_lazy("Nothing came in or went out in these 30 minutes."),
        unit="minute", clock="%H:%M", seconds=1, rows=minutes.last_minutes,
    ),
}


def _span_of(request: PageRequest) -> str:
    name = request.GET.get("span", "")
    return name if name in _SPANS else ""


def _chart(workspace: Workspace, user: User, name: str) -> dict[str, Any]:
    span = _SPANS[name]
    rows = span.rows(workspace)
    zone = ZoneInfo(user.timezone)

    def rates(values: Iterable[int | None]) -> list[float | None]:
        return [None if value is None else value / span.seconds for value in values]

    out, taken, deferred = (
        rates(getattr(row, field) for row in rows) for field in ("out", "taken", "deferred")
    )
    data = {
        "x": [int(row.at.timestamp()) for row in rows], "unit": "", "zone": user.timezone,
        "series": [
            {"label": _("Out"), "color": "--c-1", "kind": "line", "fill": True, "data": out},
            {"label": _("In"), "color": "--c-2", "kind": "line", "dash": True, "data": taken},
            {"label": _("Deferred"), "color": "--c-muted", "kind": "line", "data": deferred},
        ],
    }
    is_quiet = not any(value for values in (out, taken, deferred) for value in values)
    most_out, most_in = (max((value or 0 for value in values), default=0) for values in (out, taken))
    digits = 1 if span.seconds > 1 else 0
    return {
        "data": data, "sub": span.sub,
        "quiet": span.quiet if is_quiet else "", "last_at": minutes.last_moved(workspace) if is_quiet else None,
        "head": [_("Until") if span.seconds > 1 else _("Minute"), _("Out"), _("In"), _("Deferred")],
        "label": span.told % {"out": formats.number(most_out, digits), "in": formats.number(most_in, digits)},
        "legend": [
            {"label": label, "key": key, "line": True, "live": f"live-chart-{name}",
             "value": formats.rate(values[-1], span.unit)}
            for name, label, key, values in (
                ("out", _("Out"), "", out), ("in", _("In"), "c2", taken), ("deferred", _("Deferred"), "mut", deferred)
            )
        ],
        "rows": [
            [row.at.astimezone(zone).strftime(span.clock), *(formats.number(value, digits) for value in values)]
            for row, *values in reversed(list(zip(rows, out, taken, deferred, strict=True)))
        ],
        "spans": [{"value": value, "label": one.label, "is_current": value == name}
                  for value, one in _SPANS.items()],
    }


# -- acts ----------------------------------------------------------------------------------------------------


def _lane(request: PageRequest, lane_id: int) -> Lane:
    return lane_controls.lane_of(request.actor.workspace, lane_id)


def _group(request: PageRequest, lane: Lane) -> LaneGroup | None:
    groups = lane_view.lane_groups(request.actor.workspace)
    return next((one for one in groups if (one.stream_id, one.site) == (lane.stream_id, lane.site)), None)


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.STREAMS_READ, write=Scope.STREAMS_WRITE)
def live_lane(request: PageRequest, lane_id: int) -> HttpResponse:
    """One site's lanes: what stops them, and a limit to set."""
    lane = _lane(request, lane_id)
    group = _group(request, lane)
    form = PaceForm(request.POST or None, initial={"max_per_minute": lane.max_per_minute})
    if request.method == "POST" and form.is_valid():
        lane_controls.pace_site(request.actor, lane, form.cleaned_data["max_per_minute"])
        messages.success(request, _paced(lane, form.cleaned_data["max_per_minute"]))
        return redirect("live")
    return render(
        request, "relay/live_lane.html",
        {
            "lane": lane, "form": form, "group": group, "why": _why(group) if group else "", "nav": "live",
            "waiting": _in_turn(lane) if group and request.actor.may(Scope.MESSAGES_READ) else None,
        },
        status=422 if form.is_bound else 200,
    )


def _in_turn(lane: Lane) -> list[dict[str, Any]]:
    moment = now()
    return [
        {"row": row, "is_due": row.next_attempt_at <= moment}
        for row in lane_view.next_in_turn(lane, limit=_NEXT_SHOWN)
    ]


def _why(group: LaneGroup) -> str:
    """Why its mail is not out yet, in a sentence; "" where its state says so."""
    if group.state == "paused":
        return "" if group.is_paused else _("It goes on with the stream.") if group.is_stream_paused else _(
            "It goes on with the campaign."
        )
    if group.state != "waiting":
        return ""
    workers = worker_report.workers()
    if workers is not None and not any(worker.is_well for worker in workers):
        return _("No worker sends at present.")
    if group.oldest_seconds is None:
        return _("Nothing is due yet: it was handed in for later, or waits for its next try.")
    if group.limit:
        return _("It goes out at the pace that is set.")
    return _("A worker takes it within seconds.")


def _paced(lane: Lane, limit: int | None) -> str:
    if limit is None:
        return _("%(site)s goes as fast as the receiver takes it.") % {"site": lane.site}
    return _("%(site)s is limited to %(pace)s.") % {"site": lane.site, "pace": formats.rate(limit)}


@require_POST
@page(Scope.STREAMS_WRITE)
def live_pause(request: PageRequest, lane_id: int) -> HttpResponse:
    """Keep it back; the reason may follow on its page."""
    lane = _lane(request, lane_id)
    lane_controls.pause_site(request.actor, lane, reason=request.POST.get("reason", "").strip())
    undo = f"undo={reverse('live-resume', args=[lane.pk])}?undo=1"
    messages.success(request, _("%(site)s is paused. Its mail waits.") % {"site": lane.site}, extra_tags=undo)
    return redirect("live")


@require_POST
@page(Scope.STREAMS_WRITE)
def live_resume(request: PageRequest, lane_id: int) -> HttpResponse:
    """Let it go on; an undo pauses what was paused again. As the undo of a pause it leaves a back-off alone."""
    lane, is_undo = _lane(request, lane_id), request.GET.get("undo") == "1"
    lane_controls.resume_site(request.actor, lane, keeps_backoff=is_undo)
    was_paused = lane.paused_at is not None and not is_undo
    undo = f"undo={reverse('live-pause', args=[lane.pk])}" if was_paused else ""
    messages.success(request, _("%(site)s goes on.") % {"site": lane.site}, extra_tags=undo)
    return redirect("live")


@require_POST
@page(Scope.STREAMS_WRITE)
def live_slow(request: PageRequest, lane_id: int) -> HttpResponse:
    """Halve its pace in one click."""
    lane = _lane(request, lane_id)
    group = _group(request, lane)
    limit = lane_controls.slower(limit=lane.max_per_minute, per_minute=group.per_minute if group else 0)
    before = lane.max_per_minute
    lane_controls.pace_site(request.actor, lane, limit)
    undo = f"{reverse('live-pace', args=[lane.pk])}?to={before or ''}"
    messages.success(request, _paced(lane, limit), extra_tags=f"undo={undo}")
    return redirect("live")


@require_POST
@page(Scope.STREAMS_WRITE)
def live_pace(request: PageRequest, lane_id: int) -> HttpResponse:
    """Set the limit back to what it was; no number lifts it."""
    lane = _lane(request, lane_id)
    text = request.GET.get("to", "")
    limit = int(text) if text.isdecimal() and len(text) <= 7 else None
    lane_controls.pace_site(request.actor, lane, limit)
    messages.success(request, _paced(lane, limit))
    return redirect("live")
