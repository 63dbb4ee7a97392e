"""`/lanes`: what waits where, worst first, and pausing, resuming or slowing what goes to one site."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from relayhub.core.api.base import ApiView, StrictSerializer, parsed
from relayhub.core.errors import AccessError
from relayhub.core.models import Scope
from relayhub.relay import lane_controls, lane_view, minutes, worker_report
from relayhub.relay.api.serializers import OneLine, moment
from relayhub.relay.lane_view import LaneGroup
from relayhub.relay.models import Lane, Recipient


class LaneChangeSerializer(StrictSerializer):
    """What of a lane may change; it holds for all lanes of its stream to its site."""

    paused = serializers.BooleanField(required=False)
    reason = OneLine(max_length=300, required=False, default="", allow_blank=True)
    max_per_minute = serializers.IntegerField(required=False, allow_null=True)


def lane_body(group: LaneGroup) -> dict[str, Any]:
    """The lanes of one stream to one site."""
    return {
        "id": str(group.lane_id), "stream": group.stream_slug, "site": group.site, "name": group.title,
        "lanes": group.lanes, "state": group.state, "waiting": group.waiting, "deferred": group.deferred,
        "has_more_deferred": group.has_more_deferred,
        "out_per_minute": group.per_minute, "in_flight": group.in_flight, "connections": group.connections,
        "max_per_minute": group.limit, "paused_at": moment(group.paused_at),
        "paused_reason": group.paused_reason or None, "backoff_until": moment(group.backoff_until),
        "backoff_reason": group.backoff_reason or None, "oldest_seconds": group.oldest_seconds,
        "replies": [
            {"code": reply.code or None, "enhanced": reply.enhanced or None, "text": reply.text, "count": reply.count,
             "next_try_at": moment(reply.next_try_at)}
            for reply in group.replies
        ],
    }


class LanesView(ApiView):
    """Lanes with mail, traffic, a pause or a limit."""

    permissions: ClassVar = {"GET": Scope.STREAMS_READ}

    def get(self, request: Request) -> Response:
        """All of them."""
        sending = worker_report.connections_by_lane(worker_report.workers())
        groups = lane_view.lane_groups(self.actor.workspace, sending=sending)
        return Response({"data": [lane_body(group) for group in groups], "next": None})


class LaneView(ApiView):
    """What goes to one site."""

    permissions: ClassVar = {"GET": Scope.STREAMS_READ, "PATCH": Scope.STREAMS_WRITE}

    def _lane(self, lane_id: str) -> Lane:
        if not lane_id.isdecimal() or len(lane_id) > 18:
            raise AccessError
        return lane_controls.lane_of(self.actor.workspace, int(lane_id))

    def get(self, request: Request, lane_id: str) -> Response:
        """Its figures."""
        return Response(self._body(self._lane(lane_id)))

    def patch(self, request: Request, lane_id: str) -> Response:
        """Pause, resume, limit."""
        lane = self._lane(lane_id)
        data = parsed(LaneChangeSerializer, request, partial=True)
        if "max_per_minute" in data:
            lane_controls.pace_site(self.actor, lane, data["max_per_minute"])
        if data.get("paused") is True:
            lane_controls.pause_site(self.actor, lane, reason=data.get("reason", ""))
        elif data.get("paused") is False:
            lane_controls.resume_site(self.actor, lane)
        return Response(self._body(self._lane(lane_id)))

    def _body(self, lane: Lane) -> dict[str, Any]:
        groups = lane_view.lane_groups(self.actor.workspace)
        found = next((one for one in groups if (one.stream_id, one.site) == (lane.stream_id, lane.site)), None)
        return lane_body(found or lane_view.idle_group(lane))


class LiveView(ApiView):
    """What the relay does now, as the page Live shows it beside the lanes."""

    permissions: ClassVar = {"GET": Scope.STREAMS_READ}

    def get(self, request: Request) -> Response:
        """The last minute, what waits, workers, and the last five minutes by five seconds."""
        workspace = self.actor.workspace
        minute, workers = minutes.last_sixty_seconds(workspace), worker_report.workers()
        groups = lane_view.lane_groups(workspace, sending=worker_report.connections_by_lane(workers))
        return Response(
            {
                "last_minute": {"in": minute.taken, "out": minute.out, "deferred": minute.deferred},
                "waiting": sum(group.waiting for group in groups),
                "deferred": sum(group.deferred for group in groups),
                "has_more_deferred": any(group.has_more_deferred for group in groups),
                "held": Recipient.objects.filter(workspace=workspace, status="held").count(),
                "workers": None if workers is None else [
                    {"name": worker.name, "healthy": worker.is_well, "in_hand": worker.in_hand,
                     "connections": worker.sending, "seconds_since_look": worker.look_seconds}
                    for worker in workers
                ],
                "bucket_seconds": minutes.MOMENT_SECONDS,
                "data": [
                    {"at": moment(row.at), "in": row.taken, "out": row.out, "deferred": row.deferred}
                    for row in minutes.last_moments(workspace)
                ],
            }
        )
