"""`/routes/check`, `/routes/go-live`: look whether mail would get out by a transport, and make it the rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from relayhub.core.access import get_or_absent
from relayhub.core.api.base import ApiView, StrictSerializer, parsed
from relayhub.core.ids import Prefix
from relayhub.core.models import Scope
from relayhub.relay import go_live, routes
from relayhub.relay.api.serializers import OneLine, route_body
from relayhub.relay.models import Route


class WaySerializer(StrictSerializer):
    """A way out for all mail."""

    transport = OneLine(max_length=500)
    name = OneLine(max_length=120, required=False, default="", allow_blank=True)
    tls = serializers.CharField(required=False, default="opportunistic", max_length=13)
    dkim = serializers.BooleanField(required=False, default=True)
    settings = serializers.DictField(child=serializers.CharField(), required=False, allow_null=True, default=None)


def checks_body(checks: Iterable[go_live.GoLiveCheck]) -> list[dict[str, Any]]:
    """Checks as the API writes them."""
    return [
        {"name": check.name, "ok": check.is_ok, "blocks": check.blocks, "message": check.message} for check in checks
    ]


class CheckWayView(ApiView):
    """Look at a transport without storing anything; up to half a minute."""

    permissions: ClassVar = {"POST": Scope.ROUTES_WRITE}

    def post(self, request: Request) -> Response:
        """The checks and whether nothing blocks."""
        data = parsed(WaySerializer, request)
        checks = go_live.go_live_checks(
            self.actor, data["transport"], tls=data["tls"], provider_settings=data["settings"]
        )
        is_ready = not any(check.blocks and not check.is_ok for check in checks)
        return Response({"ready": is_ready, "data": checks_body(checks)})


class GoLiveView(ApiView):
    """Check, then store the transport as the rule for all mail; 409 names what blocks."""

    permissions: ClassVar = {"POST": Scope.ROUTES_WRITE}

    def post(self, request: Request) -> Response:
        """The stored rule."""
        data = parsed(WaySerializer, request)
        route = go_live.go_live(
            self.actor,
            routes.RouteInput(transport=data["transport"], name=data["name"], tls=data["tls"], dkim=data["dkim"],
                              provider_settings=data["settings"]),
        )
        return Response(route_body(route), status=201)


class CheckRouteView(ApiView):
    """Knock at a stored rule's way out, with its login; nothing is sent."""

    permissions: ClassVar = {"POST": Scope.ROUTES_WRITE}

    def post(self, request: Request, route_id: str) -> Response:
        """The checks."""
        rows = Route.objects.filter(workspace=self.actor.workspace)
        return Response({"data": checks_body(go_live.check_route(
            self.actor, get_or_absent(rows, Prefix.ROUTE, route_id)
        ))})
