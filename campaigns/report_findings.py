"""What a report has to warn of: bounces, complaints and unsubscribes beyond what receivers and readers put up with."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from campaigns.preflight import MIN_SAMPLE, STOP_BOUNCED, STOP_COMPLAINED, WARN_BOUNCED, WARN_COMPLAINED
from relayhub.core import formats
from relayhub.relay.broadcast_figures import Figures

#: More than one in two hundred leaving says that a mail was not what people asked for.
WARN_UNSUBSCRIBED = 0.005


@dataclass(frozen=True, kw_only=True)
class ReportFinding:
    """One limit that was passed; `status` or `did` names the rows."""

    key: str
    is_bad: bool
    title: str
    fix: str
    status: str = ""
    did: str = ""


def findings(figures: Figures) -> list[ReportFinding]:
    """The limits that this campaign passed, worst first; nothing while too few are out to tell."""
    delivered, bounced = figures.total(status="delivered"), figures.total(status="bounced")
    if delivered + bounced < MIN_SAMPLE:
        return []
    found = [*_bounces(bounced, delivered + bounced), *_complaints(figures.total("complained"), delivered),
             *_leavers(figures.total("unsubscribed"), delivered)]
    return sorted(found, key=lambda item: not item.is_bad)


def _bounces(bounced: int, tried: int) -> list[ReportFinding]:
    if bounced < WARN_BOUNCED * tried:
        return []
    is_bad = bounced >= STOP_BOUNCED * tried
    limit = STOP_BOUNCED if is_bad else WARN_BOUNCED
    words = _("%(share)s bounced: keep it below %(limit)s")
    if is_bad:
        words = _("%(share)s bounced: receivers stop taking mail from %(limit)s on")
    return [ReportFinding(
        key="bounced", is_bad=is_bad, status="bounced",
        title=words % {"share": formats.share(bounced, tried), "limit": formats.percent(limit, 0)},
        fix=_("Look where these addresses came from before you write to that list again."),
    )]


def _complaints(complained: int, delivered: int) -> list[ReportFinding]:
    if not complained or complained < WARN_COMPLAINED * delivered:
        return []
    is_bad = complained >= STOP_COMPLAINED * delivered
    words = _("%(share)s called it spam: keep it below %(limit)s")
    if is_bad:
        words = _("%(share)s called it spam: receivers stop taking mail from %(limit)s on")
    limit = formats.percent(STOP_COMPLAINED if is_bad else WARN_COMPLAINED, 1 if is_bad else 2)
    return [ReportFinding(
        key="complained", is_bad=is_bad, did="complained",
        title=words % {"share": formats.share(complained, delivered, 3), "limit": limit},
        fix=_("Write only to people who asked for it, and make leaving easy."),
    )]


def _leavers(left: int, delivered: int) -> list[ReportFinding]:
    if left < WARN_UNSUBSCRIBED * delivered:
        return []
    return [ReportFinding(
        key="unsubscribed", is_bad=False, did="unsubscribed",
        title=_("%(share)s unsubscribed: more than one in two hundred") % {"share": formats.share(left, delivered, 2)},
        fix=_("Compare what the list promised with what this mail said, or write less often."),
    )]
