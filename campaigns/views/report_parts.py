"""What the parts of a campaign's report show: progress, people, over time, links, providers.

Each part is made the same for the page and for the live feed, which replaces them as they change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext, pgettext

from campaigns import report_findings, stats
from campaigns.click_map import short_url
from campaigns.comparison import Compared
from campaigns.models import Broadcast, BroadcastStatus, Campaign, CampaignStatus, LeftOutReason
from campaigns.preflight import WARN_COMPLAINED
from relayhub.core import formats
from relayhub.core.clock import now
from relayhub.core.vocabulary import status_look
from relayhub.relay import broadcast_series
from relayhub.relay.broadcast_figures import Figures
from relayhub.relay.broadcast_series import Series
from relayhub.relay.bulk import LIFETIME
from relayhub.relay.causes import reason_words
from relayhub.relay.models import FINAL

#: In the order in which the bar shows them.
_PARTS = ("delivered", "bounced", "suppressed", "expired", "cancelled", "deferred", "held", "unknown", "quarantined",
          "sending", "queued")
LIVE = frozenset({CampaignStatus.SENDING, CampaignStatus.PAUSED})
OVER = frozenset({CampaignStatus.SENT, CampaignStatus.CANCELLED})
_LINKS_SHOWN = 6
#: Opens of these say nothing: their servers open every message.
_OPENED_BY_MACHINE = frozenset({"Apple"})
_LINES = (("opened:people", gettext_noop("Opens by people"), "--c-1", ""),
          ("clicked:people", gettext_noop("Clicks by people"), "--c-2", "c2"),
          ("opened:machine", gettext_noop("Machine opens, kept apart"), "--c-muted", "mut"))


def progress(campaign: Campaign, run: Broadcast | None, figures: Figures) -> dict[str, Any]:
    """How far it is, how fast it goes, and when it may end."""
    counts = figures.statuses
    shown = {**counts, "sending": counts.get("leased", 0) + counts.get("attempting", 0)}
    audience = run.audience_count if run is not None else 0
    stored = sum(counts.values())
    not_stored = max(0, audience - stored)
    if run is not None and run.status == BroadcastStatus.EXPANDING:
        # Those that are frozen but not in the queue yet wait as well.
        shown["queued"] = counts.get("queued", 0) + not_stored
    if run is not None and run.status == BroadcastStatus.CANCELLED:
        # Those that the cancel kept out of the queue are cancelled as well.
        shown["cancelled"] = counts.get("cancelled", 0) + not_stored
    else:
        not_stored = 0
    final = sum(counts.get(status, 0) for status in FINAL) + not_stored
    waiting = max(0, audience - final)
    parts = [{"status": status, "value": shown[status], "url": f"?status={status}#recipients"}
             for status in _PARTS if shown.get(status)]
    return {"parts": parts, "final": final, "audience": audience, "stored": stored, "waiting": waiting,
            "never_stored": not_stored, "unsettled": waiting - counts.get("quarantined", 0),
            "expires_at": run.created_at + LIFETIME if run is not None and waiting else None,
            "delivered": counts.get("delivered", 0), "counted_at": figures.counted_at,
            "is_over": campaign.status in OVER, "not_delivered": _not_delivered(parts),
            **_pace(campaign, run, waiting)}


def cancel_words(waiting: int) -> dict[str, str]:
    """What the dialog asks before a cancel, and what its button says: both name how many it does not reach."""
    values = {"left": formats.number(waiting)}
    asked = ngettext("Cancel for %(left)s recipient?", "Cancel for %(left)s recipients?", waiting)
    act = ngettext("Cancel for %(left)s recipient", "Cancel for %(left)s recipients", waiting)
    return {"asked": asked % values, "act": act % values}


def _not_delivered(parts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What became of those whom it did not reach: words with their number, and where they are listed."""
    words = {
        "bounced": lambda count: ngettext("%(count)s bounced", "%(count)s bounced", count),
        "suppressed": lambda count: ngettext("%(count)s suppressed", "%(count)s suppressed", count),
        "expired": lambda count: ngettext("%(count)s expired", "%(count)s expired", count),
        "cancelled": lambda count: ngettext("%(count)s cancelled", "%(count)s cancelled", count),
        "quarantined": lambda count: ngettext("%(count)s quarantined", "%(count)s quarantined", count),
    }
    return [{"words": words[part["status"]](part["value"]) % {"count": formats.number(part["value"])},
             "url": part["url"]} for part in parts if part["status"] in words]


def is_moving(campaign: Campaign, found: Mapping[str, Any]) -> bool:
    """Whether figures of its progress still change: it goes out, or what a cancel stopped is being cancelled."""
    return campaign.status in LIVE or (campaign.status == CampaignStatus.CANCELLED and found["unsettled"] > 0)


def _pace(campaign: Campaign, run: Broadcast | None, waiting: int) -> dict[str, Any]:
    if run is None or campaign.status != CampaignStatus.SENDING or campaign.launched_at is None:
        return {"pace": None, "left_text": ""}
    pace = broadcast_series.pace(run.pk, campaign.launched_at)
    seconds = pace.seconds_left(waiting)
    left = _("about %(span)s left") % {"span": formats.duration(_rounded(seconds))} if seconds else ""
    return {"pace": pace, "left_text": left}


def _rounded(seconds: float) -> float:
    """No more exact than a guess is: whole minutes beyond one, tens of seconds below."""
    return max(60, round(seconds / 60) * 60) if seconds > 90 else max(10, round(seconds / 10) * 10)


def people(campaign: Campaign, figures: Figures, compared: list[Compared]) -> dict[str, Any]:
    """The tiles of what people did, machines apart, and the limits that were passed."""
    beside = {item.measure.key: item for item in compared}
    did = stats.engagement(figures)
    warned = {item.key for item in report_findings.findings(figures)}

    def tile(key: str, label: str, note: str) -> dict[str, Any]:
        item, count = beside.get(key), did[key]
        if item is None:
            return {"label": label, "value": formats.MISSING, "is_none": True,
                    "note": _("not measured in this campaign")}
        if not item.base:
            return {"label": label, "value": formats.MISSING, "is_none": True, "note": _("nothing delivered yet")}
        parts = [formats.counted(count, "person,people"), note, "" if item.direction else _beside(item)]
        return {"label": label, "value": formats.share(count, item.base, item.digits),
                "unit": _("of %(count)s") % {"count": formats.number(item.base)},
                "note": "; ".join(part for part in parts if part),
                "change": item.direction or None, "change_text": f"{item.text};" if item.direction else "",
                "good": "up" if item.measure.is_good else "down",
                "url": f"?did={key}#recipients", "icon": "alert-triangle" if key in warned else ""}

    def limit(rate: float) -> str:
        return _("limit %(rate)s") % {"rate": formats.percent(rate, 2)}

    machines, clicks = did["opened_by_machines_only"], did["clicked_by_machines_only"]
    return {"people_stats": [
        tile("opened", _("Opened by people"), ""), tile("clicked", _("Clicked by people"), ""),
        {"label": _("Only machines opened"), "icon": "robot", "value": formats.number(machines),
         "unit": _("recipients"),
         "note": _("and clicked at %(count)s; in no rate") % {"count": formats.number(clicks)},
         "url": "?did=opened_by_machines#recipients"},
        tile("unsubscribed", _("Unsubscribed"), limit(report_findings.WARN_UNSUBSCRIBED)),
        tile("complained", _("Complaints"), limit(WARN_COMPLAINED)),
    ], "is_compared": any(item.usual is not None for item in compared),
        "delivered_beside": _delivered_beside(campaign, beside["delivered"]), "findings": [
        {"level": "block" if item.is_bad else "warn", "title": item.title, "fix": item.fix,
         "url": f"?status={item.status}#recipients" if item.status else f"?did={item.did}#recipients"}
        for item in report_findings.findings(figures)
    ]}


def _delivered_beside(campaign: Campaign, item: Compared) -> str:
    """Nothing for a cancelled one: its share of delivered only says when somebody stopped it."""
    return "" if campaign.status == CampaignStatus.CANCELLED else _beside(item)


def _beside(item: Compared) -> str:
    """A measure beside what is usual, in words; none where nothing went before."""
    return item.text if item.usual is not None else ""


# -- over time -----------------------------------------------------------------------------------------------


def over_time(campaign: Campaign, run: Broadcast, zone: str, *, each: bool) -> dict[str, Any]:
    """Two charts on one axis: what people did, as running totals or by bucket, and what was delivered."""
    found = broadcast_series.series(run.pk, campaign.launched_at or run.created_at)
    x = [round(start.timestamp()) for start in _axis(found)]
    shown = [line for line in _LINES if not (each and line[0].endswith("machine"))]
    lines = [
        {"label": _(label), "color": colour, "data": _values(found, metric, each=each),
         "kind": "bars" if each else "line", "dash": metric.endswith("machine"),
         "fill": metric == "opened:people" and not each}
        for metric, label, colour, __ in shown
    ]
    totals = {metric: sum(found.values[metric]) for metric in broadcast_series.METRICS}
    bars = [{"label": _("Delivered"), "color": "--c-1", "data": _values(found, "delivered", each=True), "kind": "bars"}]
    return {
        "over": {"x": x, "zone": zone, "series": lines}, "over_delivered": {"x": x, "zone": zone, "series": bars},
        "over_each": each, "over_step": step_words(found.step), "over_totals": totals,
        "over_legend": [{"label": _(label), "key": key, "live": f"over-{metric}", "value": totals[metric],
                         "is_line": not each}
                        for metric, label, __, key in shown],
        "over_rows": _rows(found, ZoneInfo(zone)), "has_over": any(totals.values()),
        "over_label": _over_words(totals["opened:people"], totals["clicked:people"]),
    }


def _over_words(opened: int, clicked: int) -> str:
    words = ngettext("%(opened)s person opened and %(clicked)s clicked since the launch, machines apart.",
                     "%(opened)s people opened and %(clicked)s clicked since the launch, machines apart.", opened)
    return words % {"opened": formats.number(opened), "clicked": formats.number(clicked)}


def _axis(found: Series) -> list[datetime]:
    """The buckets, with an empty one before, so that a line has somewhere to begin."""
    return [found.starts[0] - found.step, *found.starts]


def _values(found: Series, metric: str, *, each: bool) -> list[int]:
    values = [0, *found.values[metric]]
    return values if each else [sum(values[: index + 1]) for index in range(len(values))]


def _rows(found: Series, zone: ZoneInfo) -> list[list[str]]:
    """The table beside the chart, newest first; buckets in which nothing happened are left out."""
    is_by_day = found.step >= timedelta(days=1)  # days of UTC, as they are counted
    style, zone = ("date", ZoneInfo("UTC")) if is_by_day else ("smart", zone)
    rows = [
        [formats.moment_text(start, now=now(), zone=zone, style=style),
         *(formats.number(found.values[metric][index]) for metric in broadcast_series.METRICS)]
        for index, start in enumerate(found.starts)
        if any(found.values[metric][index] for metric in broadcast_series.METRICS)
    ]
    return rows[::-1]


def step_words(step: timedelta) -> str:
    """"minute", "5 minutes", "hour", "day"."""
    seconds = int(step.total_seconds())
    one = {86_400: pgettext("per", "day"), 3600: pgettext("per", "hour"), 60: pgettext("per", "minute")}
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % size == 0:
            return one[size] if seconds == size else formats.counted(seconds // size, unit)
    return formats.counted(seconds, "second")


# -- tables --------------------------------------------------------------------------------------------------


def links(run: Broadcast) -> dict[str, Any]:
    """Clicks per link, those of people first."""
    rows = sorted(stats.links(run), key=lambda row: (-row["clicks"], -row["machine_clicks"], row["number"]))
    for row in rows:
        row["short"] = short_url(row["url"])
    most = max((row["clicks"] for row in rows), default=0)
    return {"links": rows[:_LINKS_SHOWN], "links_total": len(rows), "links_most": most,
            "links_shown": min(len(rows), _LINKS_SHOWN)}


def providers(figures: Figures) -> dict[str, Any]:
    """The table of providers and its totals."""
    rows = stats.providers(figures)
    for row in rows:
        row["opens_say_nothing"] = row["provider"] in _OPENED_BY_MACHINE
        row["key"] = row["provider"]
    keys = ("total", "final", "delivered", "waiting", "deferred", "bounced", "opened", "clicked", "complained")
    return {"providers": rows, "providers_all": {key: sum(row[key] for row in rows) for key in keys}}


def reasons(figures: Figures) -> list[dict[str, Any]]:
    """Why mail bounced or waits, in words."""
    return [{**row, "label": reason_words(row["reason"])} for row in stats.reasons(figures)]


def left_out(run: Broadcast) -> list[dict[str, Any]]:
    """Who was on the lists and got nothing."""
    labels = dict(LeftOutReason.choices)
    rows = [{"reason": reason, "label": labels.get(reason, reason), "count": count}
            for reason, count in run.left_out.items()]
    return sorted(rows, key=lambda row: -int(row["count"]))


def chips(found: Mapping[str, Any], figures: Figures) -> list[dict[str, Any]]:
    """The filters that would find somebody, with how many."""
    did = stats.engagement(figures)
    acts = {name: status_look(name).word for name in ("opened", "clicked", "unsubscribed", "complained")}
    return [
        {"key": "status", "value": part["status"], "label": status_look(part["status"]).word, "count": part["value"]}
        for part in found["parts"]
    ] + [{"key": "did", "value": key, "label": label, "count": did[key]} for key, label in acts.items() if did[key]]
