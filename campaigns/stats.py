"""Counts of campaigns, from recipient rows and exact counters; people and machines are never mixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from campaigns.models import Broadcast, Campaign
from relayhub.relay import broadcast_figures, queries
from relayhub.relay.broadcast_figures import Figures
from relayhub.relay.models import FINAL, Message, RecipientStatus, TrackedLink

_WAITING = ("queued", "leased", "attempting", "deferred", "held", "unknown", "quarantined")
_SENT_ON = ("delivered", "bounced", "deferred")


def run_of(campaign: Campaign) -> Broadcast | None:
    """The campaign's one run, if it was launched."""
    return Broadcast.objects.filter(campaign=campaign).select_related("template_version").first()


def counts(campaign: Campaign) -> dict[str, int]:
    """CONTRACT 4: `audience` and recipients by status, counted from the rows."""
    broadcast = Broadcast.objects.filter(campaign=campaign).first()
    base = dict.fromkeys(("audience", *RecipientStatus.values), 0)
    if broadcast is None:
        return base
    return {**base, **queries.broadcast_counts(broadcast.pk), "audience": broadcast.audience_count}


def counts_of(campaigns: Sequence[Campaign]) -> dict[UUID, dict[str, int]]:
    """The same for many, by their ids, in as many queries as for one; a large one as counted last."""
    runs = {row.campaign_id: row for row in Broadcast.objects.filter(campaign__in=campaigns)}
    figures = broadcast_figures.figures_of({row.pk: row.audience_count for row in runs.values()})
    found = {row.pk: dict.fromkeys(("audience", *RecipientStatus.values), 0) for row in campaigns}
    for campaign_id, run in runs.items():
        found[campaign_id] |= {**figures[run.pk].statuses, "audience": run.audience_count}
    return found


def report(campaign: Campaign) -> dict[str, Any]:
    """Everything the report page shows; empty figures where the campaign is not launched."""
    broadcast = run_of(campaign)
    found = counts(campaign)
    body: dict[str, Any] = {"counts": found, "left_out": broadcast.left_out if broadcast else {}}
    if broadcast is None:
        return body | {"engagement": {}, "links": [], "providers": [], "reasons": [], "counted_at": None}
    figures = figures_of(broadcast)
    return body | {
        "expanded": broadcast.expanded_count,
        "engagement": engagement(figures),
        "links": links(broadcast),
        "providers": [{"provider": row["provider"], "total": row["total"], **row["by_status"]}
                      for row in providers(figures)],
        "reasons": reasons(figures),
        "counted_at": figures.counted_at.isoformat() if figures.counted_at else None,
    }


def figures_of(broadcast: Broadcast) -> Figures:
    """How its recipients stand; a large one as counted last."""
    return broadcast_figures.figures(broadcast.pk, broadcast.audience_count)


def engagement(figures: Figures) -> dict[str, int]:
    """How many recipients opened, clicked, left or complained; machines apart."""
    return {
        "opened": figures.total("opened"),
        "opened_by_machines_only": figures.total("machine_opened"),
        "clicked": figures.total("clicked"),
        "clicked_by_machines_only": figures.total("machine_clicked"),
        "unsubscribed": figures.total("unsubscribed"),
        "complained": figures.total("complained"),
    }


def links(broadcast: Broadcast) -> list[dict[str, Any]]:
    """Each link with its clicks, in the order of their numbers; `clicks` are those of people."""
    message = Message.objects.filter(broadcast_id=broadcast.pk, workspace=broadcast.workspace_id).first()
    if message is None:
        return []
    clicks = queries.link_clicks(broadcast.pk)
    rows = TrackedLink.objects.filter(content_id=message.content_id, url__istartswith="http").order_by("number")
    return [
        {"number": row.number, "url": row.url, "clicks": clicks.get(row.number, (0, 0))[0],
         "machine_clicks": clicks.get(row.number, (0, 0))[1]}
        for row in rows
    ]


def providers(figures: Figures) -> list[dict[str, Any]]:
    """Recipients by mailbox provider, the largest first; `other`: all others, and those not tried yet."""
    rows: dict[str, dict[str, Any]] = {}
    for cell in figures.cells:
        name = cell["provider"] or "other"
        row = rows.setdefault(name, {"provider": name, "total": 0, "by_status": {}, **dict.fromkeys(
            (*_SENT_ON, "waiting", "final", "opened", "clicked", "complained"), 0)})
        row["total"] += cell["count"]
        row["by_status"][cell["status"]] = row["by_status"].get(cell["status"], 0) + cell["count"]
        for key, belongs in _columns(cell).items():
            row[key] += cell["count"] if belongs else 0
        for act in ("opened", "clicked", "complained"):
            row[act] += cell[act]
    return sorted(rows.values(), key=lambda row: (row["provider"] == "other", -row["total"]))


def _columns(cell: Mapping[str, Any]) -> dict[str, bool]:
    status = cell["status"]
    return {**{name: status == name for name in _SENT_ON}, "waiting": status in _WAITING, "final": status in FINAL}


def reasons(figures: Figures) -> list[dict[str, Any]]:
    """Why mail bounced or waits: status, reason and how many, the most first."""
    found = [
        {"status": status, "reason": reason, "count": count}
        for status in ("bounced", "deferred") for reason, count in figures.by("reason", status=status).items()
        if reason
    ]
    return sorted(found, key=lambda row: -int(row["count"]))
