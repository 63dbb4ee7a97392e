"""Go live: choose a way out, have it looked at, and store it as the rule for all mail."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from relayhub.core.errors import RelayHubError
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, page
from relayhub.relay import go_live, routes
from relayhub.relay.go_live import GoLiveCheck, NotReadyError
from relayhub.relay.views.routes_forms import GoLiveForm, refuse

_TITLES = {
    "domain": gettext_lazy("A verified domain"), "port_25": gettext_lazy("Outbound port 25"),
    "egress": gettext_lazy("An egress address that SPF names"), "smarthost": gettext_lazy("The smarthost lets us in"),
    "provider": gettext_lazy("The provider is set up"),
}
_PAGES = {"domain": ("domain-list", gettext_lazy("Domains"))}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.ROUTES_READ, write=Scope.ROUTES_WRITE)
def route_go_live(request: PageRequest) -> HttpResponse:
    """The page; POST checks, and with `act=live` stores where nothing blocks."""
    if request.method != "POST":
        first = go_live.domain_check(request.actor)
        return _shown(request, GoLiveForm(), [] if first.is_ok else [first], is_first=True)
    form = GoLiveForm(request.POST)
    if not form.is_valid():
        return _shown(request, form, [], status=422)
    given = form.way_input()
    try:
        if request.POST.get("act") == "live":
            route = go_live.go_live(request.actor, given)
            messages.success(request, _("Live. Mail of this workspace leaves by %(way)s.") % {"way": route.transport})
            return redirect("route-list")
        checks = go_live.go_live_checks(
            request.actor, given.transport, tls=given.tls, provider_settings=given.provider_settings
        )
    except NotReadyError as exc:
        return _shown(request, form, exc.checks, status=409)
    except RelayHubError as exc:
        refuse(form, exc)
        return _shown(request, form, [], status=422)
    return _shown(request, form, checks)


def _shown(
    request: PageRequest, form: GoLiveForm, checks: list[GoLiveCheck], *, status: int = 200, is_first: bool = False
) -> HttpResponse:
    blocking = sum(check.blocks and not check.is_ok for check in checks)
    return render(
        request, "relay/route_go_live.html",
        {
            "form": form, "findings": [_finding(check) for check in checks], "blocking": blocking,
            "is_first": is_first, "is_live": not routes.workspace_in_sandbox(request.actor.workspace.pk),
        },
        status=status,
    )


def _finding(check: GoLiveCheck) -> dict[str, Any]:
    level = "pass" if check.is_ok else "block" if check.blocks else "warn"
    name, label = _PAGES.get(check.name, ("", ""))
    return {
        "level": level, "title": _TITLES.get(check.name, check.name), "text": check.message,
        "url": "" if check.is_ok else _address(name), "label": label,
    }


def _address(name: str) -> str:
    try:
        return reverse(name) if name else ""
    except NoReverseMatch:
        return ""
