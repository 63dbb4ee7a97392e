"""Campaigns as lists show them: a few figures each, in as many queries for fifty as for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q

from campaigns.editing import STEPS
from campaigns.models import Broadcast, Campaign, CampaignStatus
from relayhub.relay.models import FINAL, Recipient


@dataclass(frozen=True, kw_only=True)
class CampaignLine:
    """One campaign of a list; figures are None before the launch."""

    campaign: Campaign
    lists: str
    audience: int | None
    delivered: int | None
    opened: int | None
    clicked: int | None
    unsubscribed: int | None
    finished: int

    @property
    def status_text(self) -> str:
        """The words of the pill: with how far it is."""
        campaign = self.campaign
        if campaign.status == CampaignStatus.SENDING and self.audience:
            return f"Sending · {min(100, self.finished * 100 // self.audience)}%"
        if campaign.status == CampaignStatus.DRAFT:
            return f"Draft · step {STEPS.index(campaign.step) + 1} of {len(STEPS)}"
        return campaign.get_status_display()

    @property
    def is_launched(self) -> bool:
        """Whether there is a report."""
        return self.campaign.launched_at is not None

    @property
    def at(self) -> Any:
        """The time that matters most now."""
        campaign = self.campaign
        return campaign.launched_at or campaign.scheduled_at or campaign.updated_at


def overview_of(campaigns: Sequence[Campaign]) -> list[CampaignLine]:
    """The lines of these campaigns, in their order."""
    runs = {row.campaign_id: row for row in Broadcast.objects.filter(campaign__in=campaigns)}
    figures = _figures([row.pk for row in runs.values()])
    names: dict[Any, list[str]] = {}
    through = Campaign.lists.through.objects.filter(campaign__in=campaigns)
    for campaign_id, name in through.order_by("pk").values_list("campaign_id", "mailinglist__name"):
        names.setdefault(campaign_id, []).append(name)
    lines = []
    for campaign in campaigns:
        run = runs.get(campaign.pk)
        found = figures.get(run.pk, {}) if run else {}
        lines.append(
            CampaignLine(
                campaign=campaign, lists=", ".join(names.get(campaign.pk, [])),
                audience=run.audience_count if run else None,
                delivered=found.get("delivered", 0) if run else None,
                opened=found.get("opened", 0) if run else None,
                clicked=found.get("clicked", 0) if run else None,
                unsubscribed=found.get("unsubscribed", 0) if run else None,
                finished=found.get("finished", 0),
            )
        )
    return lines


def _figures(broadcast_ids: list[Any]) -> dict[Any, dict[str, Any]]:
    rows = Recipient.objects.filter(broadcast_id__in=broadcast_ids).values("broadcast_id").annotate(
        delivered=Count("pk", filter=Q(status="delivered")),
        finished=Count("pk", filter=Q(status__in=[*FINAL, "quarantined"])),
        opened=Count("pk", filter=Q(opened_at__isnull=False)),
        clicked=Count("pk", filter=Q(clicked_at__isnull=False)),
        unsubscribed=Count("pk", filter=Q(unsubscribed_at__isnull=False)),
    )
    return {row["broadcast_id"]: dict(row) for row in rows}
