"""`/streams`, `/routes`, `/smtp-credentials`, `/events`, `/stats`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from relayhub.core.access import CREDENTIALS_READ, CREDENTIALS_WRITE, get_or_absent
from relayhub.core.api.base import ApiView, parsed
from relayhub.core.api.pagination import page_by_id
from relayhub.core.clock import now
from relayhub.core.errors import InputError
from relayhub.core.facts import EventType
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.models import Scope
from relayhub.relay import controls, credentials, queries, routes, streams
from relayhub.relay.api.serializers import (
    CredentialRotateSerializer,
    CredentialSerializer,
    RouteSerializer,
    StreamChangeSerializer,
    StreamSerializer,
    credential_body,
    moment,
    route_body,
    stream_body,
)
from relayhub.relay.models import Event, Route, SmtpCredential, Stream

MAX_STATS_DAYS = 400


class StreamsView(ApiView):
    """Streams of the workspace."""

    permissions: ClassVar = {"GET": Scope.STREAMS_READ, "POST": Scope.STREAMS_WRITE}

    def get(self, request: Request) -> Response:
        """All of them."""
        found = Stream.objects.filter(workspace=self.actor.workspace)
        return Response(page_by_id(request, found, lambda rows: map(stream_body, rows), ascending=True))

    def post(self, request: Request) -> Response:
        """Make one."""
        data = parsed(StreamSerializer, request)
        return Response(stream_body(streams.create_stream(self.actor, **data)), status=201)


class StreamView(ApiView):
    """One stream."""

    permissions: ClassVar = {
        "GET": Scope.STREAMS_READ, "PATCH": Scope.STREAMS_WRITE, "DELETE": Scope.STREAMS_WRITE
    }

    def _stream(self, stream_id: str) -> Stream:
        return get_or_absent(Stream.objects.filter(workspace=self.actor.workspace), Prefix.STREAM, stream_id)

    def get(self, request: Request, stream_id: str) -> Response:
        """The stream."""
        return Response(stream_body(self._stream(stream_id)))

    def patch(self, request: Request, stream_id: str) -> Response:
        """Change its name or tracking; pause or resume it."""
        stream = self._stream(stream_id)
        data = parsed(StreamChangeSerializer, request, partial=True)
        paused, reason = data.pop("paused", None), data.pop("reason", "")
        if data:
            stream = streams.change_stream(self.actor, stream, **data)
        if paused is True:
            controls.pause_stream(self.actor, stream, reason=reason)
        elif paused is False:
            controls.resume_stream(self.actor, stream)
        return Response(stream_body(stream))

    def delete(self, request: Request, stream_id: str) -> Response:
        """Remove a stream that never carried anything."""
        streams.delete_stream(self.actor, self._stream(stream_id))
        return Response(status=204)


def _route_input(data: dict[str, Any]) -> routes.RouteInput:
    return routes.RouteInput(
        transport=data["transport"], streams=data["match"].get("streams", []),
        domains=data["match"].get("domains", []), name=data["name"], weight=data["weight"], dkim=data["dkim"],
        tls=data["tls"], max_connections=data["max_connections"], provider_settings=data["settings"],
    )


class RoutesView(ApiView):
    """Rules in order; the default one, which is not stored, is shown last."""

    permissions: ClassVar = {"GET": Scope.ROUTES_READ, "POST": Scope.ROUTES_WRITE}

    def get(self, request: Request) -> Response:
        """All of them."""
        stored = Route.objects.filter(workspace=self.actor.workspace).order_by("position")
        default = routes.default_rule()
        last: dict[str, Any] = {
            "id": None, "position": None, "name": "The default route (RELAYHUB_DEFAULT_ROUTE)",
            "match": {"streams": [], "domains": []}, "transport": default.transport.text, "weight": 100,
            "dkim": True, "tls": default.tls, "max_connections": None,
            "has_secret": bool(default.transport.username),
        }
        return Response({"data": [*map(route_body, stored), last], "next": None})

    def post(self, request: Request) -> Response:
        """Add a rule."""
        data = parsed(RouteSerializer, request)
        route = routes.create_route(self.actor, _route_input(data), position=data["position"])
        return Response(route_body(route), status=201)


class RouteView(ApiView):
    """One rule."""

    permissions: ClassVar = {
        "GET": Scope.ROUTES_READ, "PATCH": Scope.ROUTES_WRITE, "DELETE": Scope.ROUTES_WRITE
    }

    def _route(self, route_id: str) -> Route:
        return get_or_absent(Route.objects.filter(workspace=self.actor.workspace), Prefix.ROUTE, route_id)

    def get(self, request: Request, route_id: str) -> Response:
        """The rule."""
        return Response(route_body(self._route(route_id)))

    def patch(self, request: Request, route_id: str) -> Response:
        """Change it; what is not given stays."""
        route = self._route(route_id)
        present = {
            "transport": route.transport, "name": route.name, "weight": route.weight, "dkim": route.dkim,
            "tls": route.tls, "max_connections": route.max_connections, "settings": None, "position": None,
            "match": {"streams": route.match_streams, "domains": route.match_domains},
        }
        data = {**present, **parsed(RouteSerializer, request, partial=True)}
        changed = routes.change_route(self.actor, route, _route_input(data), position=data["position"])
        return Response(route_body(changed))

    def delete(self, request: Request, route_id: str) -> Response:
        """Remove it."""
        routes.delete_route(self.actor, self._route(route_id))
        return Response(status=204)


class ExplainView(ApiView):
    """`/routes/explain?address=…&stream=…`: which way, and why."""

    permissions: ClassVar = {"GET": Scope.ROUTES_READ}

    def get(self, request: Request) -> Response:
        """The winning rule and those that lost."""
        given = request.query_params
        choice = routes.explain(
            self.actor, address=given.get("address", ""), stream=given.get("stream", streams.TRANSACTIONAL_SLUG),
            from_domain=given.get("from_domain", ""),
        )
        return Response(
            {
                "transport": choice.transport.text, "rule": choice.rule.label, "why": choice.why,
                "held": bool(choice.hold_reason),
                "route": encode_id(Prefix.ROUTE, choice.rule.route_id) if choice.rule.route_id else None,
                "considered": [
                    {"rule": item.rule, "transport": item.transport, "why": item.why}
                    for item in choice.considered
                ],
            }
        )


class CredentialsView(ApiView):
    """SMTP credentials."""

    permissions: ClassVar = {"GET": CREDENTIALS_READ, "POST": CREDENTIALS_WRITE}
    #: A stored answer would hold the password.
    is_idempotent = False

    def get(self, request: Request) -> Response:
        """All of them, without passwords."""
        found = SmtpCredential.objects.filter(workspace=self.actor.workspace).select_related("stream")
        return Response(page_by_id(request, found, lambda rows: map(credential_body, rows)))

    def post(self, request: Request) -> Response:
        """Make one; the password is in this answer and nowhere else."""
        data = parsed(CredentialSerializer, request)
        stream = None
        if data["stream"]:
            stream = Stream.objects.filter(workspace=self.actor.workspace, slug=data["stream"]).first()
            if stream is None:
                raise InputError(f"There is no stream “{data['stream']}”.", field="stream")
        made = credentials.create_credential(
            self.actor, name=data["name"], stream=stream, domains=tuple(data["domains"]),
            networks=tuple(data["networks"]), expires_at=data["expires_at"],
        )
        return Response({**credential_body(made.credential), "password": made.password}, status=201)


class _OneCredential(ApiView):
    is_idempotent = False

    def _credential(self, credential_id: str) -> SmtpCredential:
        rows = SmtpCredential.objects.filter(workspace=self.actor.workspace).select_related("stream")
        return get_or_absent(rows, Prefix.CREDENTIAL, credential_id)


class CredentialRotateView(_OneCredential):
    """POST makes a successor; the old password works on for a while."""

    permissions: ClassVar = {"POST": CREDENTIALS_WRITE}

    def post(self, request: Request, credential_id: str) -> Response:
        """The new credential, with its password."""
        data = parsed(CredentialRotateSerializer, request)
        made = credentials.rotate_credential(
            self.actor, self._credential(credential_id), overlap=timedelta(seconds=data["overlap_seconds"])
        )
        return Response({**credential_body(made.credential), "password": made.password}, status=201)


class CredentialView(_OneCredential):
    """One SMTP credential."""

    permissions: ClassVar = {"GET": CREDENTIALS_READ, "DELETE": CREDENTIALS_WRITE}

    def get(self, request: Request, credential_id: str) -> Response:
        """The credential, without its password."""
        return Response(credential_body(self._credential(credential_id)))

    def delete(self, request: Request, credential_id: str) -> Response:
        """Revoke it."""
        credentials.revoke_credential(self.actor, self._credential(credential_id))
        return Response(status=204)


class EventsView(ApiView):
    """What happened in the workspace, newest first: `?type=delivered&type=bounced`."""

    permissions: ClassVar = {"GET": Scope.EVENTS_READ}

    def get(self, request: Request) -> Response:
        """Events."""
        kinds = [kind.removeprefix("message.") for kind in request.query_params.getlist("type")]
        unknown = sorted(set(kinds) - set(EventType.values))
        if unknown:
            raise InputError(f"“{unknown[0]}” is not a kind of event.", field="type")
        return Response(page_by_id(request, queries.events(self.actor.workspace, kinds=kinds), _event_bodies))


def _event_bodies(rows: list[Event]) -> list[dict[str, Any]]:
    addresses = queries.addresses_of(row.recipient_id for row in rows)
    return [
        {
            "id": row.public_id, "type": row.type, "at": moment(row.at),
            "message": encode_id(Prefix.MESSAGE, row.message_id),
            "recipient": encode_id(Prefix.RECIPIENT, row.recipient_id),
            "address": addresses.get(row.recipient_id, ""), "reply": row.reply, "detail": row.detail,
        }
        for row in rows
    ]


class StatsView(ApiView):
    """Counts of events by hour or day: `?days=7&bucket=day&stream=transactional`."""

    permissions: ClassVar = {"GET": Scope.STATS_READ}

    def get(self, request: Request) -> Response:
        """Totals and a series."""
        given = request.query_params
        days = given.get("days", "1")
        if not days.isdecimal() or len(days) > 3 or not 1 <= int(days) <= MAX_STATS_DAYS:
            raise InputError(f"Write days from 1 to {MAX_STATS_DAYS}.", field="days")
        bucket = given.get("bucket", "hour")
        if bucket not in ("hour", "day"):
            raise InputError("A bucket is hour or day.", field="bucket")
        stream_id = None
        if given.get("stream"):
            stream = Stream.objects.filter(workspace=self.actor.workspace, slug=given["stream"]).first()
            if stream is None:
                raise InputError(f"There is no stream “{given['stream']}”.", field="stream")
            stream_id = stream.pk
        since = now() - timedelta(days=int(days))
        width = timedelta(hours=1) if bucket == "hour" else timedelta(days=1)
        series: dict[str, dict[str, int]] = {}
        totals: dict[str, int] = {}
        for start, metric, count in queries.stats(
            self.actor.workspace, since=since, bucket=width, stream_id=stream_id
        ):
            series.setdefault(str(moment(start)), {})[metric] = count
            totals[metric] = totals.get(metric, 0) + count
        return Response(
            {"since": moment(since), "bucket": bucket, "totals": totals,
             "data": [{"at": at, "counts": counts} for at, counts in series.items()]}
        )
