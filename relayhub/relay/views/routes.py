"""Routes: the rules in order, how each way out is doing, which way a recipient's mail would go, and why."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from deliverability import managers
from deliverability.models import DomainStatus
from relayhub.core.access import get_or_absent
from relayhub.core.errors import InputError, RelayHubError
from relayhub.core.ids import Prefix
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, page
from relayhub.relay import go_live, route_view, routes
from relayhub.relay.models import Route, Stream
from relayhub.relay.views.common import stream_options
from relayhub.relay.views.routes_forms import RuleForm, WhichWayForm, initial_of, refuse


def route_of(request: PageRequest, route_id: str) -> Route:
    """The rule, or AccessError."""
    return get_or_absent(Route.objects.filter(workspace=request.actor.workspace), Prefix.ROUTE, route_id)


@require_GET
@page(Scope.ROUTES_READ)
def route_list(request: PageRequest) -> HttpResponse:
    """The rules, and the answer to “which way?” where one was asked for."""
    workspace = request.actor.workspace
    lines = route_view.rule_lines(workspace)
    return render(
        request, "relay/route_list.html",
        {
            "lines": lines, "stored": [line for line in lines if line.route is not None],
            "in_sandbox": routes.workspace_in_sandbox(workspace.pk),
            "catch_all": next(
                line for line in lines
                if line.is_on and (line.route is None or not (line.route.match_streams or line.route.match_domains))
            ),
            **_which_way(request),
        },
    )


def _which_way(request: PageRequest) -> dict[str, Any]:
    streams = list(Stream.objects.filter(workspace=request.actor.workspace))
    asked = "address" in request.GET
    form = WhichWayForm(request.GET if asked else None, streams=streams, auto_id="way_%s")
    verified = managers.live_domains(request.actor.workspace.pk).filter(status=DomainStatus.VERIFIED)
    context: dict[str, Any] = {"way_form": form, "verified": list(verified.values_list("name", flat=True)[:3])}
    if not asked or not form.is_valid():
        return context
    data = form.cleaned_data
    try:
        choice = routes.explain(
            request.actor, address=data["address"], stream=data["stream"],
            from_domain=data["from_domain"].strip().lower(),
        )
    except InputError as exc:
        form.add_error(exc.field if exc.field in form.fields else None, exc.message)
        return context
    domain = data["address"].strip().rpartition("@")[2].lower()
    hosts = route_view.known_hosts(domain) if choice.transport.kind == "direct" else None
    return context | {
        "choice": choice, "choice_words": route_view.way_words(choice.transport), "asked": data,
        "hosts": hosts, "asked_domain": domain,
        "hosts_named": ", ".join(str(host[1]) for host in hosts.hosts) if hosts else "",
    }


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.ROUTES_WRITE)
def route_new(request: PageRequest) -> HttpResponse:
    """Add a rule."""
    form = RuleForm(request.POST or None, streams=stream_options(request.actor.workspace))
    if request.method == "POST" and form.is_valid():
        try:
            route = routes.create_route(request.actor, form.route_input(), position=form.cleaned_data["position"])
        except RelayHubError as exc:
            refuse(form, exc)
        else:
            words = _("Added as rule %(place)s. Waiting mail follows it.") % {"place": route.position}
            messages.success(request, words)
            return redirect("route-list")
    return render(request, "relay/route_form.html", {"form": form}, status=422 if form.is_bound else 200)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.ROUTES_WRITE)
def route_edit(request: PageRequest, route_id: str) -> HttpResponse:
    """Change a rule; a stored login stays while the host does."""
    route = route_of(request, route_id)
    form = RuleForm(
        request.POST or None, initial=initial_of(route), streams=stream_options(request.actor.workspace),
        has_secret=route.secret is not None,
    )
    if request.method == "POST" and form.is_valid():
        had_secret = route.secret is not None
        try:
            routes.change_route(request.actor, route, form.route_input(), position=form.cleaned_data["position"])
        except RelayHubError as exc:
            refuse(form, exc)
        else:
            lost = had_secret and route.secret is None
            words = _("Rule %(place)s is changed. It has no login any more.") if lost else _(
                "Rule %(place)s is changed. Waiting mail follows it."
            )
            messages.success(request, words % {"place": route.position})
            return redirect("route-list")
    return render(
        request, "relay/route_form.html", {"form": form, "route": route}, status=422 if form.is_bound else 200
    )


@require_POST
@page(Scope.ROUTES_WRITE)
def route_move(request: PageRequest, route_id: str) -> HttpResponse:
    """One place up or down."""
    route = route_of(request, route_id)
    step = {"up": -1, "down": 1}.get(request.POST.get("to", ""))
    if step is None:
        raise InputError(_("A rule moves up or down."))
    routes.move_route(request.actor, route, route.position + step)
    return redirect("route-list")


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.ROUTES_WRITE)
def route_delete(request: PageRequest, route_id: str) -> HttpResponse:
    """Say what deleting a rule does; on POST delete it."""
    route = route_of(request, route_id)
    if request.method == "POST":
        routes.delete_route(request.actor, route)
        messages.success(request, _("The rule is deleted. What waits is led by the rules that stay."))
        return redirect("route-list")
    workspace = request.actor.workspace
    return render(
        request, "relay/route_delete.html",
        {
            "route": route, "waiting": route_view.waiting_for(workspace, route),
            "sandbox_follows": route_view.sandbox_follows(workspace, route),
            "match": route_view.match_words(route.match_streams, route.match_domains),
        },
    )


@require_POST
@page(Scope.ROUTES_WRITE)
def route_check(request: PageRequest, route_id: str) -> HttpResponse:
    """Knock at a rule's way out, with its login; nothing is sent."""
    route = route_of(request, route_id)
    checks = go_live.check_route(request.actor, route)
    if not checks:
        messages.info(request, _("The sandbox is inside: there is nothing to check."))
    for check in checks:
        (messages.success if check.is_ok else messages.error)(request, check.message)
    return redirect("route-list")
