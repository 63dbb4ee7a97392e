"""After a restore: what would go out, and the button that lets it. Staff only, for it is the whole installation."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from relayhub.core import audit
from relayhub.core.errors import ForbiddenError
from relayhub.core.pages import PageRequest, page
from relayhub.core.system import resume_sending, sending_paused
from relayhub.site import backup


@require_http_methods(["GET", "HEAD", "POST"])
@page()
def sending(request: PageRequest) -> HttpResponse:
    """Show what waits; POST resumes sending of the installation."""
    if not request.user.is_staff:
        raise ForbiddenError(_("Only the people who run this installation can resume its sending."))
    reason = sending_paused()
    if request.method == "POST" and reason:
        resume_sending()
        audit.record(request.actor, "installation.sending_resumed", "installation", "", summary=reason)
        messages.success(request, _("Sending goes on."))
        return redirect("home")
    return render(request, "site/paused.html", {"reason": reason, **backup.what_would_go_out()})
