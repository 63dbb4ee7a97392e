"""What every page says about the workspace as a whole: the sandbox, and where trouble is."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import ngettext

from campaigns.models import Campaign, CampaignStatus
from deliverability.models import DomainStatus, SendingDomain
from relayhub.core import formats
from relayhub.core.access import Actor
from relayhub.core.models import User
from relayhub.relay.routes import workspace_in_sandbox
from relayhub.site import job_notices


def workspace_state(request: HttpRequest) -> dict[str, Any]:
    """`workspace_in_sandbox`, the small words beside navigation entries, and what is said of jobs."""
    actor = getattr(request, "actor", None)
    if not isinstance(actor, Actor):
        return {}
    workspace = actor.workspace
    running = Campaign.objects.filter(workspace=workspace, status=CampaignStatus.SENDING).count()
    broken = SendingDomain.objects.filter(
        workspace=workspace, status=DomainStatus.BROKEN, deleted_at=None
    ).count()
    user = request.user
    doing = job_notices.state(workspace, user) if isinstance(user, User) else {"note": ""}
    live = ngettext("%(count)s live", "%(count)s live", running) % {"count": formats.number(running)}
    return {
        "jobs_now": doing,
        "workspace_in_sandbox": workspace_in_sandbox(workspace.pk),
        "nav_notes": {"campaign": live} if running else {},
        "nav_alerts": {"domain": broken} if broken else {},
    }
