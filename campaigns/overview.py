"""Campaigns as lists show them: a few figures each, in as many queries for fifty as for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.editing import STEPS
from campaigns.models import Broadcast, Campaign, CampaignStatus
from relayhub.core import formats
from relayhub.core.vocabulary import status_look
from relayhub.relay import broadcast_figures
from relayhub.relay.broadcast_figures import Figures

#: Lists named in a line.
_NAMED = 4


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
    cancelled: int

    @property
    def status_text(self) -> str:
        """The words of the pill: with how far it is."""
        campaign = self.campaign
        if campaign.status == CampaignStatus.SENDING and self.audience:
            percent = formats.percent(min(100, self.finished * 100 // self.audience) / 100, 0)
            return f"{status_look(campaign.status, of='campaign').word} · {percent}"
        if campaign.status == CampaignStatus.DRAFT:
            here = STEPS.index(campaign.step) + 1
            return _("Draft · step %(step)s of %(steps)s") % {"step": here, "steps": len(STEPS)}
        return campaign.get_status_display()

    @property
    def is_launched(self) -> bool:
        """Whether there is a report."""
        return self.campaign.launched_at is not None

    @property
    def may_archive(self) -> bool:
        """Whether it may be put away: nothing goes out by it any more."""
        return self.campaign.status in (CampaignStatus.SENT, CampaignStatus.CANCELLED, CampaignStatus.DRAFT)

    @property
    def when_note(self) -> str:
        """What the time alone does not say."""
        campaign = self.campaign
        if campaign.status == CampaignStatus.CANCELLED and self.audience:
            left = max(0, self.audience - self.finished + self.cancelled)
            words = ngettext("%(count)s recipient not sent", "%(count)s recipients not sent", left)
            return words % {"count": formats.number(left)}
        if campaign.status == CampaignStatus.SENDING and self.audience:
            return _("%(count)s to go") % {"count": formats.number(max(0, self.audience - self.finished))}
        return ""

    @property
    def at(self) -> Any:
        """The time that matters most now."""
        campaign = self.campaign
        return campaign.launched_at or campaign.scheduled_at or campaign.updated_at


def few(names: Sequence[str]) -> str:
    """Names in a line, as many as are read: "A, B, C and 4 more"."""
    rest = len(names) - _NAMED
    if rest <= 1:
        return ", ".join(names)
    words = ngettext("%(names)s and %(count)s more", "%(names)s and %(count)s more", rest)
    return words % {"names": ", ".join(names[:_NAMED]), "count": formats.number(rest)}


def overview_of(campaigns: Sequence[Campaign]) -> list[CampaignLine]:
    """The lines of these campaigns, in their order."""
    runs = {row.campaign_id: row for row in Broadcast.objects.filter(campaign__in=campaigns)}
    figures = broadcast_figures.figures_of({row.pk: row.audience_count for row in runs.values()})
    names: dict[Any, list[str]] = {}
    through = Campaign.lists.through.objects.filter(campaign__in=campaigns)
    for campaign_id, name in through.order_by("pk").values_list("campaign_id", "mailinglist__name"):
        names.setdefault(campaign_id, []).append(name)
    lines = []
    for campaign in campaigns:
        run = runs.get(campaign.pk)
        found = figures[run.pk] if run else Figures()
        lines.append(
            CampaignLine(
                campaign=campaign, lists=few(names.get(campaign.pk, [])),
                audience=run.audience_count if run else None,
                delivered=found.total(status="delivered") if run else None,
                opened=found.total("opened") if run else None,
                clicked=found.total("clicked") if run else None,
                unsubscribed=found.total("unsubscribed") if run else None,
                finished=found.finished + found.total(status="quarantined"),
                cancelled=found.total(status="cancelled"),
            )
        )
    return lines
