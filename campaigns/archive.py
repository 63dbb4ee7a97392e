"""The public archive of a list: what was sent to it, as nobody in particular would see it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from campaigns import templates
from campaigns.models import Campaign, CampaignStatus, Contact, MailingList
from relayhub.core.errors import PrepareError
from relayhub.relay.rendering import Rendered

MAX_SHOWN = 100


@dataclass(frozen=True, kw_only=True)
class Issue:
    """One sent campaign, by its subject."""

    campaign: Campaign
    title: str


def sent_to(mailing_list: MailingList) -> QuerySet[Campaign]:
    """Campaigns that went to the list, newest first."""
    rows = Campaign.objects.filter(lists=mailing_list, status=CampaignStatus.SENT, broadcast__isnull=False)
    return rows.select_related("workspace", "broadcast__template_version").order_by("-launched_at")


def issues(mailing_list: MailingList) -> list[Issue]:
    """The newest ones with their subjects merged for nobody."""
    return [Issue(campaign=row, title=_title(row)) for row in sent_to(mailing_list)[:MAX_SHOWN]]


def _title(campaign: Campaign) -> str:
    try:
        subject = templates.subject_for(
            campaign.workspace, campaign.subject or campaign.broadcast.template_version.subject, nobody()
        )
    except PrepareError:
        return campaign.name
    return subject or campaign.name


def for_nobody(campaign: Campaign) -> Rendered:
    """The mail with every personal field empty, so that its fallbacks show; PrepareError where it cannot be made."""
    content = templates.content_of(campaign.broadcast.template_version)
    return templates.preview(
        campaign.workspace, content, nobody(), subject=campaign.subject, campaign=campaign.name
    )


def nobody() -> Contact:
    """A reader without an address, a name or fields."""
    return Contact(email="", name="", fields={})
