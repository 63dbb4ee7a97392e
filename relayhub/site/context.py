"""What every page says about the workspace as a whole: the sandbox, and where trouble is."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from campaigns.models import Campaign, CampaignStatus
from deliverability.models import DomainStatus, SendingDomain
from relayhub.core.access import Actor
from relayhub.relay.routes import workspace_in_sandbox


def workspace_state(request: HttpRequest) -> dict[str, Any]:
    """`workspace_in_sandbox`, and the small words beside navigation entries."""
    actor = getattr(request, "actor", None)
    if not isinstance(actor, Actor):
        return {}
    workspace = actor.workspace
    running = Campaign.objects.filter(workspace=workspace, status=CampaignStatus.SENDING).count()
    broken = SendingDomain.objects.filter(
        workspace=workspace, status=DomainStatus.BROKEN, deleted_at=None
    ).count()
    return {
        "workspace_in_sandbox": workspace_in_sandbox(workspace.pk),
        "nav_notes": {"campaign": f"{running} live"} if running else {},
        "nav_alerts": {"domain": broken} if broken else {},
    }
