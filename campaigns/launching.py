"""Who may let a campaign go out: now, at a time, or on after a pause."""

from __future__ import annotations

from campaigns.models import Campaign
from campaigns.preflight import stream_for
from relayhub.core.access import Actor, require
from relayhub.core.errors import ForbiddenError
from relayhub.core.models import Scope
from relayhub.protocol.address import AddressError, parse_mailbox


def require_launch(actor: Actor, campaign: Campaign) -> None:
    """ForbiddenError unless the actor may let this campaign go out, and its key is not limited to other mail."""
    require(actor, Scope.CAMPAIGNS_LAUNCH)
    key = actor.api_key
    if key is None:
        return
    if key.domains and _from_domain(campaign) not in key.domains:
        raise ForbiddenError(f"This key is limited to {', '.join(key.domains)}; the campaign is From another domain.",
                             code="domain_not_allowed")
    if key.streams and stream_for(campaign).slug not in key.streams:
        raise ForbiddenError(f"This key is limited to the streams {', '.join(key.streams)}.", code="stream_not_allowed")


def _from_domain(campaign: Campaign) -> str:
    try:
        return parse_mailbox(campaign.from_header).ascii_domain
    except AddressError:
        return ""
