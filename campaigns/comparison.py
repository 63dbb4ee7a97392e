"""A campaign beside the last five: medians, and a difference only where the counts carry it.

What people do comes in over days, so those rates are compared from a day after the launch; before that the page
says what is usual and no more. Chance alone moves a rate: a difference counts beyond two standard errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil, log10, sqrt
from statistics import median
from typing import Literal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from campaigns.models import Broadcast, Campaign, CampaignStatus
from relayhub.core import formats
from relayhub.core.clock import now
from relayhub.relay import broadcast_figures
from relayhub.relay.broadcast_figures import Figures

LAST = 5
#: By then most of what people do is done.
RIPE_AFTER = timedelta(days=1)
#: Below this base, or with fewer expected, a rate says nothing.
MIN_BASE, MIN_EXPECTED = 100, 5
#: Standard errors that a difference must exceed: one of twenty does by chance.
_BEYOND = 1.96
Verdict = Literal["above", "below", "as_usual", "too_few", "too_early", "nothing"]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What is compared: a count and what it is a part of."""

    key: str
    #: Marked, and translated where it is shown.
    label: str
    of: str
    #: Whether more of it is good.
    is_good: bool
    digits: int = 1
    needs_time: bool = True
    #: What has to be measured for it: `opens`, `clicks` or nothing.
    tracked: str = ""


MEASURES = (
    Measure(key="delivered", label=gettext_noop("Delivered"), of="finished", is_good=True, needs_time=False),
    Measure(key="opened", label=gettext_noop("Opened by people"), of="delivered", is_good=True, tracked="opens"),
    Measure(key="clicked", label=gettext_noop("Clicked by people"), of="delivered", is_good=True, tracked="clicks"),
    Measure(key="unsubscribed", label=gettext_noop("Unsubscribed"), of="delivered", is_good=False, digits=2),
    Measure(key="complained", label=gettext_noop("Complaints"), of="delivered", is_good=False, digits=3),
)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One measure beside what is usual."""

    measure: Measure
    count: int
    base: int
    #: The middle of the earlier campaigns' rates; None where there are none.
    usual: float | None
    #: How many earlier campaigns that is of.
    campaigns: int
    verdict: Verdict

    @property
    def rate(self) -> float | None:
        """The campaign's own rate, 0 to 1."""
        return self.count / self.base if self.base else None

    @property
    def digits(self) -> int:
        """Decimals of the rate: no more than the count carries, so that one person more shows in the last."""
        return digits_of(self.measure, self.base)

    @property
    def points(self) -> float | None:
        """How many percentage points above what is usual; below where negative."""
        return None if self.rate is None or self.usual is None else (self.rate - self.usual) * 100

    @property
    def usual_text(self) -> str:
        """What is usual, short: "last five: 30.1%"."""
        if self.usual is None:
            return ""
        usual = {"usual": formats.percent(self.usual, self.digits), "count": self.campaigns}
        if self.campaigns == 1:
            return _("the one before: %(usual)s") % usual
        if self.campaigns == LAST:
            return _("last five: %(usual)s") % usual
        return ngettext("last %(count)s: %(usual)s", "last %(count)s: %(usual)s", self.campaigns) % usual

    @property
    def text(self) -> str:
        """The answer in words."""
        if self.usual is None:
            return _("nothing to compare with yet")
        usual = {"usual": formats.percent(self.usual, self.digits)}
        if self.points is not None and self.direction:
            usual["points"] = formats.number(abs(self.points), max(1, self.digits))
            if self.direction > 0:
                return _("%(points)s points above the usual %(usual)s") % usual
            return _("%(points)s points below the usual %(usual)s") % usual
        return {"as_usual": _("about the usual %(usual)s"), "too_few": _("too few to tell from the usual %(usual)s"),
                "too_early": _("too early to tell; usual is %(usual)s")}[self.verdict] % usual

    @property
    def direction(self) -> int:
        """1 above, -1 below, 0 where no difference is claimed."""
        return {"above": 1, "below": -1}.get(self.verdict, 0)

    @property
    def is_good(self) -> bool:
        """Whether the difference is a good one."""
        return (self.direction > 0) == self.measure.is_good


def earlier(campaign: Campaign) -> list[Campaign]:
    """The last campaigns that were sent to their end before this one, newest first."""
    found = Campaign.objects.filter(workspace=campaign.workspace_id, status=CampaignStatus.SENT)
    if campaign.launched_at is not None:
        found = found.filter(launched_at__lt=campaign.launched_at)
    return list(found.exclude(pk=campaign.pk).order_by("-launched_at")[:LAST])


def compare(campaign: Campaign, figures: Figures) -> list[Compared]:
    """Every measure of a launched campaign beside the last five."""
    others = earlier(campaign)
    pairs = [(column.campaign, column.figures) for column in side_by_side(others)]
    return [_compared(measure, campaign, figures, pairs) for measure in MEASURES if is_measured(measure, campaign)]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One campaign among several."""

    campaign: Campaign
    audience: int
    figures: Figures

    def cell(self, measure: Measure) -> tuple[int, int, int] | None:
        """The count, what it is a part of, and the decimals its share carries; None where it is not measured."""
        if not is_measured(measure, self.campaign):
            return None
        base = base_of(measure, self.figures)
        return count_of(measure, self.figures), base, digits_of(measure, base)


def side_by_side(campaigns: Sequence[Campaign]) -> list[Column]:
    """Launched campaigns with their figures, in their order."""
    runs = {row.campaign_id: row for row in Broadcast.objects.filter(campaign__in=campaigns)}
    kept = broadcast_figures.figures_of({row.pk: row.audience_count for row in runs.values()})
    return [
        Column(campaign=campaign, audience=runs[campaign.pk].audience_count, figures=kept[runs[campaign.pk].pk])
        for campaign in campaigns if campaign.pk in runs
    ]


def digits_of(measure: Measure, base: int) -> int:
    """Decimals of a share of so many."""
    return min(measure.digits, max(0, ceil(log10(base / 100)))) if base else 0


def is_measured(measure: Measure, campaign: Campaign) -> bool:
    """Whether the campaign measures it."""
    return not measure.tracked or campaign.track in (measure.tracked, "all")


def base_of(measure: Measure, figures: Figures) -> int:
    """What the measure is a part of."""
    return figures.finished if measure.of == "finished" else figures.total(status="delivered")


def count_of(measure: Measure, figures: Figures) -> int:
    """How many did it."""
    return figures.total(status="delivered") if measure.key == "delivered" else figures.total(measure.key)


def _compared(
    measure: Measure, campaign: Campaign, figures: Figures, others: Sequence[tuple[Campaign, Figures]]
) -> Compared:
    rates = [
        count_of(measure, theirs) / base_of(measure, theirs) for other, theirs in others
        if is_measured(measure, other) and base_of(measure, theirs)
    ]
    usual = median(rates) if rates else None
    count, base = count_of(measure, figures), base_of(measure, figures)
    verdict = _verdict(measure, campaign, count, base, usual)
    return Compared(measure=measure, count=count, base=base, usual=usual, campaigns=len(rates), verdict=verdict)


def _verdict(measure: Measure, campaign: Campaign, count: int, base: int, usual: float | None) -> Verdict:
    if usual is None:
        return "nothing"
    since = campaign.launched_at
    is_running = campaign.status in (CampaignStatus.SENDING, CampaignStatus.PAUSED)
    if is_running or (measure.needs_time and (since is None or now() - since < RIPE_AFTER)):
        return "too_early"
    expected = usual * base
    if base < MIN_BASE or (max(expected, count) < MIN_EXPECTED):
        return "too_few"
    error = sqrt(max(usual * (1 - usual), 1 / base) / base)
    difference = count / base - usual
    if abs(difference) <= _BEYOND * error:
        return "as_usual"
    return "above" if difference > 0 else "below"
