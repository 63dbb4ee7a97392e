"""The public archive of a list: what was sent to it, as nobody in particular would see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from campaigns import templates
from campaigns.models import Campaign, CampaignStatus, Contact, MailingList, SignUpForm
from relayhub.core.errors import PrepareError
from relayhub.core.ids import Prefix, decode_id
from relayhub.relay.rendering import Rendered

PAGE_SIZE = 50
IN_FEED = 20


@dataclass(frozen=True, kw_only=True)
class Issue:
    """One sent campaign, by its subject."""

    campaign: Campaign
    title: str
    #: What stands beside the subject in an inbox; may be empty.
    preheader: str
    #: In which it went out, where the workspace is: that of the day which is shown.
    year: int


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some issues, newest first, and the numbers of the pages beside this one."""

    issues: list[Issue]
    total: int
    newer: int | None
    older: int | None


def list_of(list_id: str) -> MailingList | None:
    """The list of that public id, while it keeps a public archive."""
    value = decode_id(Prefix.LIST, list_id)
    rows = MailingList.objects.select_related("workspace").filter(has_archive=True, archived_at=None)
    return rows.filter(pk=value).first() if value else None


def sent_to(mailing_list: MailingList) -> QuerySet[Campaign]:
    """Campaigns that went to the list, newest first."""
    rows = Campaign.objects.filter(lists=mailing_list, status=CampaignStatus.SENT, broadcast__isnull=False)
    return rows.select_related("workspace", "broadcast__template_version").order_by("-launched_at")


def page_of(mailing_list: MailingList, *, number: int, size: int = PAGE_SIZE) -> Page:
    """The issues of a page, from 1 on, with their subjects merged for nobody; beyond the last one that one."""
    rows = sent_to(mailing_list)
    total = rows.count()
    number = min(number, max(1, -(-total // size)))
    start, zone = (number - 1) * size, ZoneInfo(mailing_list.workspace.timezone)
    return Page(
        issues=[_issue(row, zone) for row in rows[start : start + size]], total=total,
        newer=number - 1 if number > 1 else None, older=number + 1 if start + size < total else None,
    )


def form_of(mailing_list: MailingList) -> SignUpForm | None:
    """The form by which readers of the archive may join: the newest open one."""
    return SignUpForm.objects.filter(mailing_list=mailing_list, is_enabled=True).order_by("-id").first()


def _issue(campaign: Campaign, zone: ZoneInfo) -> Issue:
    version, at = campaign.broadcast.template_version, campaign.launched_at
    title = _merged(campaign, campaign.subject or version.subject)
    return Issue(campaign=campaign, title=title or campaign.name, preheader=_merged(campaign, version.preheader),
                 year=at.astimezone(zone).year if at else 0)


def _merged(campaign: Campaign, text: str) -> str:
    try:
        return templates.subject_for(campaign.workspace, text, nobody()) if text else ""
    except PrepareError:
        return ""


def for_nobody(campaign: Campaign, *, links: Mapping[str, str]) -> Rendered:
    """The mail with every personal field empty, so that its fallbacks show; PrepareError where it cannot be made.

    `links`: where those lead that only a mail to somebody has.
    """
    content = templates.content_of(campaign.broadcast.template_version)
    return templates.preview(
        campaign.workspace, content, nobody(), subject=campaign.subject, campaign=campaign.name, links=links
    )


def nobody() -> Contact:
    """A reader without an address, a name or fields."""
    return Contact(email="", name="", fields={})
