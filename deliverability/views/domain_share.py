"""A link for the person who runs our DNS: make one, take one back, and what it opens to whoever holds it."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from deliverability import domains, managers, sharing
from deliverability.models import DomainShare, DomainStatus, KeyState
from deliverability.views.domains import domain_of, folded, share_name, stamp_of, state_words
from relayhub.core import shown_once
from relayhub.core.access import get_or_absent
from relayhub.core.errors import AccessError, ConflictError
from relayhub.core.ids import Prefix
from relayhub.core.models import Scope
from relayhub.core.net import client_ip
from relayhub.core.pages import PageRequest, page
from relayhub.core.throttle import Limit, take

# -- for members ---------------------------------------------------------------------------------------------


@require_POST
@page(Scope.DOMAINS_WRITE)
def domain_share(request: PageRequest, domain_id: str) -> HttpResponse:
    """Make a link; it is shown on the domain's page, once."""
    domain = domain_of(request, domain_id)
    try:
        made = sharing.share(request.actor, domain)
    except ConflictError as exc:
        messages.error(request, exc.message)
    else:
        shown_once.keep(request, share_name(domain), {"link": made.link})
    return redirect("domain-detail", domain.public_id)


@require_POST
@page(Scope.DOMAINS_WRITE)
def share_end(request: PageRequest, domain_id: str, share_id: str) -> HttpResponse:
    """Take a link back."""
    domain = domain_of(request, domain_id)
    rows = DomainShare.objects.filter(domain=domain).select_related("domain")
    sharing.revoke(request.actor, get_or_absent(rows, Prefix.DOMAIN_SHARE, share_id))
    messages.success(request, _("The link is taken back; it opens nothing any more."))
    return redirect("domain-detail", domain.public_id)


# -- for whoever holds the link ------------------------------------------------------------------------------

#: A page that is open asks every five seconds, and a company may open several behind one address.
_STRANGER = Limit(per_second=5, burst=100)


def _for_strangers(view: Callable[[HttpRequest, str], HttpResponse]) -> Callable[[HttpRequest, str], HttpResponse]:
    """Nobody is asked who they are, so nobody may ask without end."""

    @wraps(view)
    def limited(request: HttpRequest, token: str) -> HttpResponse:
        allowance = take(f"dns-share:{client_ip(request) or 'unknown'}", _STRANGER)
        if allowance.is_allowed:
            return view(request, token)
        return HttpResponse(
            _("Too many requests came from your address. Wait a minute."), status=429,
            content_type="text/plain; charset=utf-8",
            headers={"Retry-After": str(math.ceil(allowance.retry_after_seconds))},
        )

    return limited


@require_GET
@never_cache
@_for_strangers
def shared_records(request: HttpRequest, token: str) -> HttpResponse:
    """The records of one domain, how they stand, and how its provider takes them."""
    try:
        share = sharing.opened(token)
    except AccessError as exc:
        return render(
            request, "deliverability/shared_closed.html", {"reason": exc.message}, status=exc.http_status
        )
    return render(request, "deliverability/shared_domain.html", _context(share, token))


@require_GET
@never_cache
@_for_strangers
def shared_state(request: HttpRequest, token: str) -> HttpResponse:
    """The part of the page that changes, for its polling; 204 while nothing was looked up anew."""
    try:
        share = sharing.opened(token)
    except AccessError:
        # The whole page is asked for again, which says that the link is closed.
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    if request.GET.get("seen", "") == stamp_of(share.domain):
        return HttpResponse(status=204)
    return render(request, "deliverability/_shared_state.html", _context(share, token) | {"is_polled": True})


@require_GET
@never_cache
@_for_strangers
def shared_zone(request: HttpRequest, token: str) -> HttpResponse:
    """The records as a zone file."""
    try:
        share = sharing.opened(token)
    except AccessError as exc:
        return HttpResponse(exc.message, status=exc.http_status, content_type="text/plain; charset=utf-8")
    answer = HttpResponse(domains.zone_text(share.domain), content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{share.domain.name}.zone"'
    return answer


def _context(share: DomainShare, token: str) -> dict[str, Any]:
    domain, workspace = share.domain, share.domain.workspace
    words = state_words(domain, managers.keys_of(domain, *KeyState), is_demo=workspace.is_demo)
    shown, settled = folded(words["records"])
    return words | {
        "records": shown, "settled": settled,
        "share": share, "token": token, "asked_by": workspace.company or workspace.name,
        "is_new": domain.status == DomainStatus.PENDING,
        "todo": sum(1 for view in words["records"] if view.needs_work),
    }
