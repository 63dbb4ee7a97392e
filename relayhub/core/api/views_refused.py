"""`/refused-requests`, and the answer to every address that is no resource."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from relayhub.core import refusals
from relayhub.core.access import get_or_absent
from relayhub.core.api.auth import KeyAuthentication
from relayhub.core.api.base import ApiView, CountedView
from relayhub.core.api.pagination import page_by_id
from relayhub.core.api.views import moment
from relayhub.core.ids import Prefix
from relayhub.core.models import RefusedRequest, Scope


def refused_bodies(rows: Sequence[RefusedRequest]) -> list[dict[str, Any]]:
    """Refused requests, with how many more there were beside them."""
    more = refusals.more_beside(rows)
    return [
        {
            "id": row.public_id, "at": moment(row.at), "door": row.door,
            "caller": {"id": row.caller_id, "name": row.caller_name}, "method": row.method, "path": row.path,
            "query": row.query, "status": row.status, "code": row.code, "detail": row.detail, "errors": row.errors,
            "reason": row.reason or None, "request_id": row.request_id or None, "ip": row.ip,
            "user_agent": row.user_agent or None, "more_in_minute": more.get(row.pk, 0),
        }
        for row in rows
    ]


class RefusedRequestsView(ApiView):
    """Requests of keys, and mail of SMTP credentials, that were refused in the last seven days."""

    permissions: ClassVar = {"GET": Scope.KEYS_READ}

    def get(self, request: Request) -> Response:
        """What was refused, newest first; never with a body or a key."""
        given = request.query_params
        found: QuerySet[RefusedRequest] = refusals.refused_of(
            self.actor.workspace, caller=given.get("caller", ""), status=given.get("status", ""),
            text=given.get("q", ""),
        )
        return Response(page_by_id(request, found, refused_bodies))


class RefusedRequestView(ApiView):
    """One refused request."""

    permissions: ClassVar = {"GET": Scope.KEYS_READ}

    def get(self, request: Request, refusal_id: str) -> Response:
        """What was asked for, and what was wrong with it."""
        row = get_or_absent(refusals.refused_of(self.actor.workspace), Prefix.REFUSAL, refusal_id)
        return Response(refused_bodies([row])[0])


class AbsentView(CountedView):
    """No resource: 404 whatever is asked, and a line in the log of the program that asked with its key."""

    #: A session is not asked for: nothing is done here that a page of another site could be after.
    authentication_classes = (KeyAuthentication,)
    schema = None

    def check_permissions(self, request: Request) -> None:
        """NotFound, for everybody."""
        raise NotFound("There is no such resource.")
